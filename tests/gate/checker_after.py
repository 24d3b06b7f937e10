"""Triggers of kind `after`: each due time is the end of the one before plus the delay, or a new beginning."""

from collections.abc import Iterable

from tests.gate.ledger import Ledger, Record, rfc3339
from tests.gate.oracle import Delay, Expected, Name
from tests.gate.verdict import Findings, Kind

ROUNDING = 2
"""Milliseconds."""


def check_after(expected: Expected, ledger: Ledger, sure_until: int, findings: Findings) -> None:
    """Lost, doubled and unknown, of these triggers."""
    records: dict[Name, list[Record]] = {name: [] for name in expected.delays}
    for record in ledger.records.values():
        if record.origin == "schedule" and "after" in ledger.trigger_spec(record):
            records.setdefault((record.job, record.trigger), []).append(record)
    for name, found in records.items():
        delay = expected.delays.get(name)
        chain = sorted(found, key=lambda record: (record.scheduled, record.recorded))
        if delay is None:
            findings.add(Kind.UNKNOWN, f"nobody applied trigger {name[1]} of {name[0]}", record=chain[0].shown())
            continue
        _check_chain(f"{name[0]} trigger {name[1]}", delay, chain, sure_until, findings)


def _check_chain(where: str, delay: Delay, chain: list[Record], sure_until: int, findings: Findings) -> None:
    before: Record | None = None
    for record in chain:
        if before is not None and before.scheduled == record.scheduled:
            both = [before.shown(), record.shown()]
            findings.add(Kind.DOUBLED, f"{where}: two records for {rfc3339(record.scheduled)}", records=both)
        elif not _follows(record, before, delay):
            shown = [each.shown() for each in (before, record) if each is not None]
            ended = before.current.ended if before is not None else None
            missing = _sure_next(before, delay)
            if missing is not None and missing < record.scheduled:
                told = f"{where}: nothing for {rfc3339(missing)}, the next is {rfc3339(record.scheduled)}"
                findings.add(Kind.LOST, told, records=shown)
            else:
                told = f"{where}: {rfc3339(record.scheduled)} follows no end and no beginning"
                findings.add(Kind.UNKNOWN, told, records=shown, ended=ended and rfc3339(ended))
        before = record
    if delay.bounded:
        return
    if before is None:
        longest = max((high - low for low, high in delay.sure), default=0)
        if longest > (0 if delay.at_once else max(delay.delays) + ROUNDING):
            findings.add(Kind.LOST, f"{where}: it never began", since=rfc3339(min(low for low, _ in delay.sure)))
        return
    missing = _sure_next(before, delay)
    if missing is not None and missing <= sure_until:
        findings.add(Kind.LOST, f"{where}: nothing for {rfc3339(missing)}", record=before.shown())


def _follows(record: Record, before: Record | None, delay: Delay) -> bool:
    at = record.scheduled
    ends: Iterable[float] = () if before is None or before.current.ended is None else (before.current.ended,)
    if any(abs(end + each - at) <= ROUNDING for end in ends for each in delay.delays):
        return True
    waits = (0, *delay.delays)
    return any(low + wait <= at <= high + wait + ROUNDING for low, high in delay.restarts for wait in waits)


def _sure_next(before: Record | None, delay: Delay) -> int | None:
    """When it was due next, if nothing was done to its job meanwhile."""
    if before is None or before.current.ended is None or len(delay.delays) != 1:
        return None
    ended = before.current.ended
    due = round(ended + next(iter(delay.delays)))
    undisturbed = any(low <= ended and due <= high for low, high in delay.sure)
    touched = any(low <= due and ended <= high for low, high in delay.restarts)
    return due if undisturbed and not touched else None
