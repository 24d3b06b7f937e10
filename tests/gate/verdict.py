"""What the checker found."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """The ways in which a run can fail."""

    LOST = "lost"  # a due time that no record accounts for
    DOUBLED = "doubled"  # a due time, or a request, that two records account for
    UNKNOWN = "unknown"  # a record of what was never due, or of an attempt that nobody recorded
    MISCOUNTED = "miscounted"  # a range that says another number than was due in it
    EARLY = "early"  # sent or begun before its scheduled time
    OVERLAPPING = "overlapping"  # two attempts of one execution ran at a time
    RAN_TWICE = "ranTwice"  # one placement began twice
    RAN_THOUGH_NOT = "ranThoughNot"  # begun, though its record says that it never was
    LIVED_ON = "livedOn"  # something of it still ran after its executor had reported its end
    NO_END = "succeededWithoutEnd"  # recorded as succeeded, and did not come to its end
    WRONGLY_LOST = "wronglyLost"  # it ended, and is recorded as lost without a fault that explains it
    RERUN = "rerunOfUnsafe"  # begun again after it had begun, though it is not idempotent
    CONCURRENT = "concurrent"  # two executions of a job at a time, though its policy is `skip`
    FINAL_CHANGED = "finalChanged"  # a final record is another one later, or gone
    EPOCH_BACK = "epochWentBack"  # a commit of an epoch after one of a later epoch
    PAST_CHECK = "pastCheck"  # nobody looked at a record by the time that it says
    NOT_FINAL = "notFinal"  # still open at the end
    FIRE_IN_PAST = "fireInPast"  # a trigger whose next fire is over, at the end
    TOO_SLOW = "tooSlow"  # longer than the table in reliability.md allows, and the machine was not starved
    NO_BITE = "noBite"  # the run did not test what it was to test


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failure. `witness`: the smallest set of facts that shows it, as the logs have them."""

    kind: Kind
    what: str
    witness: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Failover:
    """What a fault of the leader cost: seconds to the next dispatch. `most`: the figure to reach, if there is one."""

    fault: int
    kind: str
    seconds: float | None
    most: float | None
    starved: bool


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The whole judgement. `counts` are what the report shows; `lateness` is of each first begin, in seconds."""

    failures: tuple[Failure, ...]
    counts: dict[str, int]
    lateness: tuple[float, ...] = ()
    failovers: tuple[Failover, ...] = ()
    faults: dict[str, int] = field(default_factory=dict)
    not_made: tuple[tuple[str, str], ...] = ()
    run: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.failures

    @property
    def failed(self) -> Counter[Kind]:
        """How many failures of each kind."""
        return Counter(failure.kind for failure in self.failures)

    def to_json(self) -> dict[str, Any]:
        """As `verdict.json` has it."""
        return {"clean": self.clean, "failed": {k.value: n for k, n in self.failed.items()}, **asdict(self)}

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.to_json(), indent=1, default=str) + "\n")


@dataclass
class Findings:
    """Failures as they are found."""

    failures: list[Failure] = field(default_factory=list)

    def add(self, kind: Kind, what: str, /, **witness: Any) -> None:
        self.failures.append(Failure(kind=kind, what=what, witness=witness))
