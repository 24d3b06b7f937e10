"""Whether a run was right: each fire that was due has exactly one record, and it succeeded."""

from collections import Counter
from collections.abc import Iterable

from benchmarks.record import Row

Fire = tuple[str, int]
"""A job, and a scheduled time in milliseconds since 1970."""


def fire(job: str, seconds: float) -> Fire:
    """One that is due at a time in seconds since 1970."""
    return job, round(seconds * 1000)


def wrong(rows: Iterable[Row], due: Iterable[Fire]) -> list[str]:
    """What is lost, doubled, not due, or did not succeed, in words; nothing when the run was right."""
    rows, due = list(rows), set(due)
    seen = Counter(fire(row.job, row.scheduled) for row in rows)
    states = Counter(row.state for row in rows if row.state != "succeeded")
    strange = sum(count for each, count in seen.items() if each not in due)
    doubled = sum(count - 1 for count in seen.values() if count > 1)
    findings = {
        "lost": len(due - seen.keys()),
        "doubled": doubled,
        "not due": strange,
        **{f"not succeeded but {state}": count for state, count in states.items()},
        "without a start or an end": sum(row.started is None or row.ended is None for row in rows),
    }
    return [f"{count} {what}" for what, count in findings.items() if count]
