"""The conformance cases, read from the copies in data/; where they come from is in data/README.md.

quartz.tsv: expression, zone, start, then up to six fires; `none` ends a schedule that has no more.
dst.tsv: expression, zone, start, gap, overlap, then six fires.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from scheduler.cron import CronExpression, Gap, Overlap

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, kw_only=True)
class Case:
    text: str
    zone: ZoneInfo
    start: datetime
    gap: Gap
    overlap: Overlap
    fires: tuple[datetime | None, ...]

    def answer(self, expression: CronExpression) -> tuple[datetime | None, ...]:
        """What the search says: as many fires as the case has."""
        fires: list[datetime | None] = []
        at: datetime | None = self.start
        while at is not None and len(fires) < len(self.fires):
            at = expression.next_after(at, self.zone, self.gap, self.overlap)
            fires.append(at)
        return tuple(fires)


def _fire(word: str) -> datetime | None:
    return None if word == "none" else datetime.fromisoformat(word)


def quartz_cases() -> list[Case]:
    rows = [line.split("\t") for line in (_DATA / "quartz.tsv").read_text().splitlines()]
    return [
        Case(
            text=text,
            zone=ZoneInfo(zone),
            start=datetime.fromisoformat(start),
            gap="after",
            overlap="first",
            fires=tuple(map(_fire, fires)),
        )
        for text, zone, start, *fires in rows
    ]


def dst_cases() -> list[Case]:
    rows = [line.split("\t") for line in (_DATA / "dst.tsv").read_text().splitlines()]
    return [
        Case(
            text=text,
            zone=ZoneInfo(zone),
            start=datetime.fromisoformat(start),
            gap=cast(Gap, gap),
            overlap=cast(Overlap, overlap),
            fires=tuple(map(_fire, fires)),
        )
        for text, zone, start, gap, overlap, *fires in rows
    ]
