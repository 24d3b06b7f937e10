"""How late things ran, and how long the cluster was away after each fault, against the figure that it has."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from tests.gate.checker_world import Fault, Line, World
from tests.gate.ledger import Ledger
from tests.gate.verdict import Failover, Findings, Kind

STARVED = 0.5
"""Seconds by which the machine let a sleep of 0.1 s oversleep: then a figure says nothing of the cluster."""


def lateness(world: World, ledger: Ledger) -> tuple[float, ...]:
    """Seconds from the scheduled time of each fire to its first begin; without ranges, which are late by nature."""
    first: dict[str, float] = {}
    for run in world.runs:
        first.setdefault(run.execution, run.begin)
    found = [
        (begin - record.scheduled) / 1000
        for id_, begin in first.items()
        if (record := ledger.records.get(id_)) is not None and record.origin == "schedule" and record.missed is None
    ]
    return tuple(sorted(found))


def check_figures(
    faults: Sequence[Fault], ledger: Ledger, machine: Iterable[Line], findings: Findings
) -> tuple[Failover, ...]:
    """Each fault with a figure, what it cost, and whether that was too much."""
    dispatched = sorted(
        (attempt.dispatched, attempt.epoch)
        for record in ledger.records.values()
        for attempt in record.attempts
        if attempt.dispatched is not None
    )
    stalls = [(line["wall"] / 1e6, line["late"]) for line in machine]
    found: list[Failover] = []
    for fault in faults:
        if fault.made:
            found += _failover(fault, dispatched, stalls, findings)
    _check_bite(faults, findings)
    return tuple(found)


def _failover(
    fault: Fault, dispatched: Sequence[tuple[float, int]], stalls: Sequence[tuple[float, float]], findings: Findings
) -> list[Failover]:
    figure = fault.facts.get("figure")
    healed = fault.facts.get("from") == "healed"
    since = fault.healed if healed and fault.healed is not None else fault.begin
    seconds = fault.facts["recovery"] if "recovery" in fault.facts else _next_dispatch(fault, since, dispatched)
    starved = any(since <= at <= since + 60_000 and late > STARVED for at, late in stalls)
    facts: dict[str, Any] = {"fault": fault.number, "kind": fault.kind, "target": fault.target, "seconds": seconds}
    if figure is not None and (seconds is None or seconds > figure) and not starved:
        took = "was never over" if seconds is None else f"took {seconds:.1f} s"
        findings.add(
            Kind.TOO_SLOW, f"fault {fault.number} ({fault.kind}) {took}, and {figure:g} s is the most", **facts
        )
    if "service" in fault.facts and fault.facts["service"] is None and not starved:
        told = f"no full service within 30 s after fault {fault.number} ({fault.kind}) was healed"
        findings.add(Kind.TOO_SLOW, told, **facts)
    if figure is None and seconds is None:
        return []
    return [Failover(fault=fault.number, kind=fault.kind, seconds=seconds, most=figure, starved=starved)]


def _next_dispatch(fault: Fault, since: float, dispatched: Sequence[tuple[float, int]]) -> float | None:
    """After a fault of a leader, the next one is that of a later epoch: of the old one, some may be under way."""
    before = dispatched[: bisect_right(dispatched, (since, 0))]
    epoch = max((epoch for _, epoch in before), default=0) if fault.kind.startswith("leader") else -1
    later = dispatched[bisect_left(dispatched, (since, 0)) :]
    at = next((at for at, its in later if its > epoch), None)
    return None if at is None else (at - since) / 1000


def _check_bite(faults: Sequence[Fault], findings: Findings) -> None:
    told = [fault for fault in faults if fault.made and "staleRefused" in fault.facts]
    if told and not any(fault.facts["staleRefused"] for fault in told):
        findings.add(Kind.NO_BITE, "no stopped leader tried a stale write: the fence was not tested", faults=len(told))
