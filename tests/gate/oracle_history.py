"""What the jobs may have been like at each time, from the calls that were made.

A call took effect at some time between its begin and its end. One whose answer never came may have taken effect at
any time after its begin, or never. So between two moments a job was in one of several states: a `Spell`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Line = Mapping[str, Any]

EDITS = ("apply", "pause", "resume", "delete")
SLACK = 100
"""Milliseconds that the clock of the load and that of a leader may be apart, and a little."""
MOST_OPEN = 6
"""Unknown calls of one job beyond which anything may be (they multiply)."""
FOREVER = 2**62


@dataclass(frozen=True, kw_only=True)
class Call:
    """One write of a client, all its tries together. Times are milliseconds; an unknown one has no end."""

    number: int
    what: str
    job: str
    request_id: str
    begin: int
    end: int | None
    outcome: str
    manifest: Mapping[str, Any]
    answer: Mapping[str, Any]
    catch_up: bool = False

    @property
    def until(self) -> int:
        """The last moment at which it can have taken effect."""
        return FOREVER if self.end is None else self.end


@dataclass(frozen=True)
class Condition:
    """What a job is like: which apply it is as, None when it is not there; and whether it is paused."""

    manifest: int | None = None
    paused: bool = False


@dataclass(frozen=True)
class Spell:
    """From `low` to before `high` (milliseconds), a job was in one of these conditions; None: in any whatever."""

    low: int
    high: int
    conditions: frozenset[Condition] | None


def job_name(name: str) -> str:
    """Without its namespace: a load uses one alone."""
    return name.rpartition("/")[2]


def read_calls(lines: Iterable[Line]) -> list[Call]:
    """The writes, in the order of their begins: tries of one request are one write."""
    last: dict[int, Line] = {}
    for line in lines:
        last[line["call"]] = {**last.get(line["call"], {}), **line}
    tries: dict[tuple[str, str, str], list[Line]] = {}
    for number, line in last.items():
        request = line.get("request_id") or f"call {number}"
        tries.setdefault((job_name(line.get("job") or "?"), line["what"], request), []).append(line)
    calls = [_merged(*key, same) for key, same in tries.items()]
    return sorted(calls, key=lambda call: (call.begin, call.number))


def _merged(job: str, what: str, request_id: str, tries: Sequence[Line]) -> Call:
    answered = [line for line in tries if line.get("outcome") == "ok" and line.get("end") is not None]
    refused = all(line.get("outcome") == "refused" for line in tries)
    first = min(tries, key=lambda line: line["begin"])
    told = min(answered, key=lambda line: line["end"], default=first)
    outcome = "ok" if answered else "refused" if refused else "unknown"
    return Call(
        number=first["call"],
        what=what,
        job=job,
        request_id=request_id,
        begin=first["begin"] // 1_000_000,
        end=-(-told["end"] // 1_000_000) if outcome != "unknown" else None,
        outcome=outcome,
        manifest=told.get("manifest") or {},
        answer=told.get("answer") or {},
        catch_up=bool(told.get("catch_up")),
    )


def spells(calls: Iterable[Call]) -> list[Spell]:
    """The spells of one job, from its first call on."""
    edits = [call for call in calls if call.what in EDITS and call.outcome != "refused"]
    moments: list[tuple[int, int, Call]] = []
    for call in edits:
        moments.append((call.begin - SLACK, 0, call))
        if call.end is not None:
            moments.append((call.end + SLACK, 1, call))
    moments.sort(key=lambda moment: (moment[0], moment[1], moment[2].number))
    # each possibility: the condition, and which of the open calls have brought it about
    possible: set[tuple[Condition, frozenset[int]]] = {(Condition(), frozenset())}
    open_calls: dict[int, Call] = {}
    found: list[Spell] = []
    lost_count = False
    for place, (at, ends, call) in enumerate(moments):
        if ends:
            possible = {(state, done - {call.number}) for state, done in possible if call.number in done}
            del open_calls[call.number]
        else:
            open_calls[call.number] = call
            lost_count = lost_count or len(open_calls) > MOST_OPEN
            possible = possible if lost_count else _closure(possible, open_calls)
        high = moments[place + 1][0] if place + 1 < len(moments) else FOREVER
        if high > at:
            found.append(Spell(at, high, None if lost_count else frozenset(state for state, _ in possible)))
    return found


def _closure(
    possible: set[tuple[Condition, frozenset[int]]], open_calls: Mapping[int, Call]
) -> set[tuple[Condition, frozenset[int]]]:
    """All that open calls can make of it, in any order, any of them not yet."""
    found, fresh = set(possible), list(possible)
    while fresh:
        state, done = fresh.pop()
        for number, call in open_calls.items():
            if number not in done:
                reached = (_after(state, call), done | {number})
                if reached not in found:
                    found.add(reached)
                    fresh.append(reached)
    return found


def _after(state: Condition, call: Call) -> Condition:
    if call.what == "apply":
        paused = spec_of(call.manifest).get("paused")
        kept = state.paused and state.manifest is not None
        return Condition(call.number, kept if paused is None else bool(paused))
    if call.what == "delete" or state.manifest is None:
        return Condition()
    return replace(state, paused=call.what == "pause")


def spec_of(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """A manifest's `spec`; what has none is taken for one."""
    spec: Mapping[str, Any] = manifest.get("spec", manifest)
    return spec
