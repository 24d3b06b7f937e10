"""Every due time has exactly one record, and every record a due time: the ledger against the oracle."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping

from tests.gate.ledger import Ledger, Record, rfc3339
from tests.gate.oracle import Dues, Expected, Name
from tests.gate.verdict import Findings, Kind


def check_records(expected: Expected, ledger: Ledger, findings: Findings) -> None:
    """Lost, doubled, unknown, miscounted; of fires and of manual runs. `after` has a check of its own."""
    fires: dict[Name, list[Record]] = {}
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in ledger.records.values():
        if record.origin == "schedule" and "after" not in ledger.trigger_spec(record):
            fires.setdefault((record.job, record.trigger), []).append(record)
        elif record.origin != "schedule":
            runs.setdefault((record.job, record.request_id), []).append(record)
    for name, records in fires.items():
        if name not in expected.dues:
            findings.add(Kind.UNKNOWN, f"nobody applied trigger {name[1]} of {name[0]}", record=records[0].shown())
    for name, dues in expected.dues.items():
        check_trigger(name, dues, fires.get(name, []), findings)
    _check_runs(expected, runs, findings)


def check_trigger(name: Name, dues: Dues, records: Iterable[Record], findings: Findings) -> None:
    """The records of one trigger against its due times."""
    where = f"{name[0]} trigger {name[1]}"
    every = sorted({*dues.must, *dues.may})
    known = set(every)
    own: dict[int, Record] = {}
    ranges: list[Record] = []
    for record in sorted(records, key=lambda record: (record.scheduled, record.recorded)):
        if record.missed is not None:
            ranges.append(record)
        elif record.scheduled in own:
            both = [own[record.scheduled].shown(), record.shown()]
            findings.add(Kind.DOUBLED, f"{where}: two records for {rfc3339(record.scheduled)}", records=both)
        else:
            own[record.scheduled] = record
        if dues.exact and record.scheduled not in known:
            told = f"{where}: not due at {rfc3339(record.scheduled)}"
            findings.add(Kind.UNKNOWN, told, record=record.shown(), near=_near(every, record.scheduled))
    taken: dict[int, Record] = dict(own)
    # a fold may reach back behind an earlier range: the narrower one has the due times that both contain
    for record in sorted(ranges, key=_span):
        _take_range(where, dues, every, record, taken, findings)
    for due in dues.must:
        if due not in taken:
            findings.add(Kind.LOST, f"{where}: nothing for {rfc3339(due)}", due=rfc3339(due), near=_near(taken, due))


def _span(record: Record) -> int:
    assert record.missed is not None
    return record.missed[2] - record.missed[1]


def _take_range(
    where: str, dues: Dues, every: list[int], record: Record, taken: dict[int, Record], findings: Findings
) -> None:
    assert record.missed is not None
    count, first, last = record.missed
    told = f"{where}: the range {rfc3339(first)} .. {rfc3339(last)} says {count} due times"
    inside = every[bisect_left(every, first) : bisect_right(every, last)]
    free = [due for due in inside if due not in taken]
    must = sum(1 for due in free if _contains(dues.must, due))
    if last != record.scheduled:
        findings.add(Kind.MISCOUNTED, f"{told}, and is scheduled for another time than its last", record=record.shown())
    elif dues.exact and count > len(free):
        others = [taken[due] for due in inside if due in taken]
        kind = Kind.DOUBLED if others else Kind.MISCOUNTED
        shown = [record.shown(), *(other.shown() for other in others[:1])]
        findings.add(kind, f"{told}: {len(free)} had no record of their own", records=shown, count=count)
    elif dues.exact and count < must:
        findings.add(Kind.MISCOUNTED, f"{told}: {must} had no record of their own", records=[record.shown()])
    for due in free:
        taken[due] = record


def _contains(ordered: tuple[int, ...], due: int) -> bool:
    place = bisect_left(ordered, due)
    return place < len(ordered) and ordered[place] == due


def _near(times: Iterable[int], at: int) -> list[str]:
    """The times before and after, for the witness."""
    before = max((each for each in times if each < at), default=None)
    after = min((each for each in times if each > at), default=None)
    return [rfc3339(each) for each in (before, after) if each is not None]


def _check_runs(expected: Expected, runs: Mapping[tuple[str, str], list[Record]], findings: Findings) -> None:
    asked = {(call.job, call.request_id): call for call in expected.runs}
    for key, call in asked.items():
        found = runs.get(key, [])
        told = f"{call.job}: the manual run {call.request_id}"
        if len(found) > 1:
            findings.add(Kind.DOUBLED, f"{told} has {len(found)} records", records=[each.shown() for each in found])
        elif call.outcome == "ok" and not found:
            findings.add(Kind.LOST, f"{told} was acknowledged and has no record", answer=dict(call.answer))
        elif call.outcome == "refused" and found:
            findings.add(Kind.UNKNOWN, f"{told} was refused and has a record", record=found[0].shown())
        elif call.outcome == "ok" and call.answer.get("execution", found[0].id) != found[0].id:
            findings.add(Kind.UNKNOWN, f"{told} was answered with another id", record=found[0].shown())
    for key, found in runs.items():
        if key not in asked:
            findings.add(Kind.UNKNOWN, f"{key[0]}: nobody asked for the run {key[1]}", record=found[0].shown())


def account(expected: Expected, ledger: Ledger) -> dict[str, int]:
    """How many were due, and what became of the records."""
    counts: Counter[str] = Counter()
    counts["due"] = sum(len(dues.must) for dues in expected.dues.values())
    counts["may be due"] = sum(len(dues.may) for dues in expected.dues.values())
    for record in ledger.records.values():
        counts["records" if record.origin == "schedule" else "manual runs"] += 1
        counts[f"state {record.state}"] += 1
        if record.state == "skipped":
            counts[f"skipped: {record.reason.split(':')[0]}"] += 1
        if record.missed is not None:
            policy = ledger.trigger_spec(record).get("misfire", {}).get("policy", "fireOnce")
            counts[f"missed: {policy}"] += record.missed[0]
        counts["attempts again"] += record.attempt - 1
    return dict(counts)
