"""What the load did, as it did it: a line when a call begins, and one when it is answered."""

import itertools
import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gate.load import NAMESPACE

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"


def wall() -> int:
    """Nanoseconds since 1970, by this machine's clock."""
    return time.time_ns()


def boot() -> int:
    """Nanoseconds of CLOCK_BOOTTIME."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call on one job. `facts` go into both lines."""

    number: int
    what: str
    job: str
    request_id: str
    begin: int
    boot_begin: int
    facts: dict[str, Any]


class Journal:
    """Lines of JSON in a file, from several threads; each is with the operating system when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, **line: Any) -> None:
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()


class History:
    """The file `history.jsonl`."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.counts: dict[tuple[str, str], int] = {}

    def begin(self, what: str, job: str, request_id: str, **facts: Any) -> Call:
        call = Call(
            number=next(self._numbers),
            what=what,
            job=job,
            request_id=request_id,
            begin=wall(),
            boot_begin=boot(),
            facts=facts,
        )
        self._write(call, end=None, outcome=None, answer=None)
        return call

    def end(self, call: Call, outcome: str, answer: dict[str, Any]) -> None:
        self._write(call, end=wall(), outcome=outcome, answer=answer)
        with self._lock:
            self.counts[call.what, outcome] = self.counts.get((call.what, outcome), 0) + 1

    def close(self) -> None:
        self._journal.close()

    def _write(self, call: Call, **result: Any) -> None:
        self._journal.write(
            call=call.number,
            what=call.what,
            job=f"{NAMESPACE}/{call.job}",
            request_id=call.request_id,
            begin=call.begin,
            boot_begin=call.boot_begin,
            **call.facts,
            **result,
            boot=boot(),
        )
