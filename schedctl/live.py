"""The live view: when each job fires next, and what became of the latest fires."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schedapi.manifest import plain
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.job_pb2 import Job
from schedctl.printing import NOTHING, STATE_COLOURS, printable, span, stands_for, took
from schedctl.triggers import brief

LONGEST_RESULT = 60
LONGEST_SCHEDULE = 48
"""Characters: the columns beside it are what somebody looks for."""


def render(
    jobs: Sequence[Job],
    executions: Sequence[Execution],
    *,
    now: datetime,
    counts: Mapping[str, int] | None = None,
    limit: int = 15,
) -> RenderableType:
    """A page for a terminal: `jobs` by their next fire, and the first `limit` of `executions`.

    `now` is aware, and says how far off a fire is. `counts` (executions by state) makes a line of totals.
    """
    parts: list[RenderableType] = [_jobs(jobs, now), Text(), _executions(executions[:limit])]
    if counts is not None:
        parts += [Text(), _totals(counts)]
    return Group(*parts)


def result_text(execution: Execution) -> str:
    """What came out of an execution, in a few words: its result, its error, or the reason of its state."""
    if execution.HasField("error"):
        text = execution.error.message or execution.error.type
    elif execution.HasField("result"):
        text = json.dumps(plain(execution.result), ensure_ascii=False)
    elif execution.reason:
        text = execution.reason
    elif execution.HasField("progress") and not execution.HasField("ended"):
        text = f"{execution.progress.fraction:.0%} {execution.progress.note}"
    else:
        text = f"exit code {execution.exit_code}" if execution.HasField("exit_code") else ""
    text = printable(text.strip())
    text = text if len(text) <= LONGEST_RESULT else text[: LONGEST_RESULT - 3] + "..."
    return "; ".join(filter(None, (text, stands_for(execution) if execution.HasField("missed") else "")))


def _table(*header: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    return table


def _jobs(jobs: Sequence[Job], now: datetime) -> Table:
    table = _table("JOB", "SCHEDULE", "NEXT FIRE", "LAST")
    for job in sorted(jobs, key=_order):
        status = job.status
        table.add_row(
            Text(f"{job.metadata.namespace}/{job.metadata.name}"),
            Text(_schedules(job)),
            _state(status.state) if status.state == "paused" else Text(_until(status.next_fire, now)),
            _state(status.last_execution.state),
        )
    return table


def _schedules(job: Job) -> str:
    text = printable(", ".join(map(brief, job.spec.triggers)))
    return text if len(text) <= LONGEST_SCHEDULE else text[: LONGEST_SCHEDULE - 3] + "..."


def _order(job: Job) -> tuple[bool, int, int, str]:
    fire = job.status.next_fire
    return not job.status.HasField("next_fire"), fire.seconds, fire.nanos, job.metadata.name


def _until(time: Timestamp, now: datetime) -> str:
    if not time.seconds:
        return NOTHING
    fire = time.ToDatetime(tzinfo=UTC)
    left = timedelta(seconds=max(0, round((fire - now).total_seconds())))
    return f"{fire:%H:%M:%S}Z in {span(left)}" if left else f"{fire:%H:%M:%S}Z now"


def _executions(executions: Sequence[Execution]) -> Table:
    table = _table("FIRE", "JOB", "TRIGGER", "STATE", "ATTEMPT", "TOOK", "RESULT")
    for each in executions:
        fire = each.scheduled_time.ToDatetime(tzinfo=UTC)
        table.add_row(
            Text(f"{fire:%H:%M:%S}Z"),
            Text(f"{each.namespace}/{each.job}"),
            Text(each.trigger or each.origin),
            _state(each.state),
            Text(str(each.attempt) if each.attempt else NOTHING),
            Text(took(each)),
            Text(result_text(each)),
        )
    return table


def _totals(counts: Mapping[str, int]) -> Text:
    line = Text()
    for state, count in counts.items():
        if count:
            line.append(", " if line else "").append(f"{count} ").append(_state(state))
    return line


def _state(state: str) -> Text:
    return Text(printable(state) or NOTHING, style=STATE_COLOURS.get(state, ""))
