"""What can be told from the ledger alone, read more than once."""

from collections.abc import Sequence
from itertools import pairwise

from tests.gate.ledger import Attempt, Ledger, Record, rfc3339
from tests.gate.verdict import Findings, Kind

GRACE = 5000.0
"""Milliseconds by which the leader may be behind at the end."""
SKEW = 500.0
"""Milliseconds by which the clocks of two leaders may be apart: beyond it a node warns."""


def check_ledger(ledgers: Sequence[Ledger], sure_until: float, findings: Findings) -> None:
    """`ledgers` in the order in which they were read; the last one is the end."""
    for before, after in pairwise(ledgers):
        _check_final(before, after, findings)
    last = ledgers[-1]
    _check_epochs(last, findings)
    _check_open(last, sure_until, findings)


def _check_final(before: Ledger, after: Ledger, findings: Findings) -> None:
    for record in before.records.values():
        later = after.records.get(record.id)
        if not record.final:
            continue
        if later is None:
            findings.add(Kind.FINAL_CHANGED, f"{record.job}: {record.id} was final and is gone", record=record.shown())
        elif _end(later) != _end(record):
            told = f"{record.job}: {record.id} was {record.state} and is {later.state}"
            findings.add(Kind.FINAL_CHANGED, told, before=record.shown(), after=later.shown())


def _end(record: Record) -> tuple[object, ...]:
    return record.state, record.reason, record.attempts


def _check_epochs(ledger: Ledger, findings: Findings) -> None:
    """A placement says its epoch and when it was decided. (What was recorded ahead is dated to its scheduled time.)"""
    found: list[tuple[float, int, Record, Attempt]] = []
    for record in ledger.records.values():
        for attempt in record.attempts:
            if attempt.dispatched is not None and attempt.epoch:
                first = attempt.attempt == 1 and attempt.placement == 1 and attempt.dispatched == record.scheduled
                decided = min(record.recorded, attempt.dispatched) if first else attempt.dispatched
                found.append((decided, attempt.epoch, record, attempt))
    found.sort(key=lambda each: (each[0], each[1]))
    highest: tuple[float, int, Record, Attempt] | None = None
    for each in found:
        if highest is not None and each[1] < highest[1] and each[0] > highest[0] + SKEW:
            at = [f"epoch {other[1]} at {rfc3339(other[0])}: {other[2].id}" for other in (highest, each)]
            findings.add(Kind.EPOCH_BACK, f"epoch {each[1]} decided after epoch {highest[1]}", decided=at)
            return
        if highest is None or each[1] > highest[1]:
            highest = each


def _check_open(ledger: Ledger, sure_until: float, findings: Findings) -> None:
    waiting = set()
    for record in ledger.records.values():
        if record.final:
            continue
        waiting.add((record.job, record.trigger))
        shown = record.shown()
        if record.check_at is None or record.check_at < ledger.read - GRACE:
            looked = "no time" if record.check_at is None else rfc3339(record.check_at)
            findings.add(Kind.PAST_CHECK, f"{record.job}: {record.id} has {looked} to be looked at", record=shown)
        elif record.scheduled <= sure_until:
            findings.add(Kind.NOT_FINAL, f"{record.job}: {record.id} is {record.state} at the end", record=shown)
    for trigger in ledger.triggers:
        # one that waits for the end of its own execution has a time that is moved on then
        behind = trigger.next_fire is not None and trigger.next_fire < ledger.read - GRACE
        if behind and (trigger.job, trigger.name) not in waiting and trigger.next_fire is not None:
            told = f"{trigger.job} trigger {trigger.name}: its next fire {rfc3339(trigger.next_fire)} is over"
            findings.add(Kind.FIRE_IN_PAST, told, error=trigger.error)
        elif trigger.error:
            told = f"{trigger.job} trigger {trigger.name} is set aside: {trigger.error}"
            findings.add(Kind.FIRE_IN_PAST, told, error=trigger.error)
