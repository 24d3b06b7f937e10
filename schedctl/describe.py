"""Pages about one job, and about one execution."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from schedapi.manifest import dump_yaml, plain, to_document
from schedapi.v1.execution_pb2 import Execution, TaskError
from schedapi.v1.job_pb2 import Job, TriggerStatus
from schedctl import triggers
from schedctl.execution import HEADER, row
from schedctl.printing import block, columns, facts, moment, printable, span, took


def describe_job(job: Job, executions: Sequence[Execution]) -> None:
    """Print a job: what it is, when it fires, what it does and how, and its latest executions."""
    status = job.status
    labels = ", ".join(f"{key}={job.metadata.labels[key]}" for key in sorted(job.metadata.labels))
    facts(
        [
            ("Job", f"{job.metadata.namespace}/{job.metadata.name}"),
            ("Description", job.spec.description),
            ("Labels", labels),
            ("State", status.state),
            ("Revision", f"{status.revision} ({status.uid})"),
            ("Created", moment(status.created)),
            ("Updated", moment(status.updated)),
            ("Next fire", moment(status.next_fire)),
        ]
    )
    spec = to_document(job).get("spec", {})
    known = defaultdict(TriggerStatus, {each.name: each for each in status.triggers})
    print("\nTriggers:")
    rows = [
        (
            trigger.name,
            triggers.schedule(trigger),
            moment(known[trigger.name].next_fire),
            moment(known[trigger.name].previous_fire),
            triggers.details(trigger, known[trigger.name].fires),
        )
        for trigger in job.spec.triggers
    ]
    columns(("NAME", "SCHEDULE", "NEXT FIRE", "PREVIOUS FIRE", "DETAILS"), rows, indent="  ")
    for each in status.triggers:
        if each.error:
            print(f"  {printable(each.name)} is set aside: {printable(each.error)}")
    rest = {key: value for key, value in spec.items() if key not in ("triggers", "description")}
    if rest:
        print("\nDefinition:")
        block(dump_yaml(rest), indent="  ")
    if executions:
        print("\nLatest executions:")
        columns(HEADER, [row(each) for each in executions], indent="  ")


def describe_execution(execution: Execution) -> None:
    """Print an execution: what became of it, where it ran, with what result, and its earlier attempts."""
    progress = execution.progress
    trigger = f" by {execution.trigger}" if execution.trigger else ""
    facts(
        [
            ("Execution", execution.id),
            ("Job", f"{execution.namespace}/{execution.job} (revision {execution.job_revision})"),
            ("Origin", execution.origin + trigger),
            ("State", execution.state + (" (cancelling)" if execution.cancelling else "")),
            ("Reason", execution.reason),
            ("Scheduled", moment(execution.scheduled_time)),
            ("Recorded", moment(execution.recorded)),
            ("Dispatched", moment(execution.dispatched)),
            ("Started", moment(execution.started)),
            ("Ended", moment(execution.ended)),
            ("Took", took(execution)),
            ("Started late", _late(execution)),
            ("Executor", execution.executor_id),
            (
                "Attempt",
                f"{execution.attempt} ({execution.retry_count} retries)" if execution.attempt else "",
            ),
            ("Next attempt", moment(execution.next_attempt)),
            ("Epoch", str(execution.epoch) if execution.epoch else ""),
            (
                "Progress",
                f"{progress.fraction:.0%} {progress.note}".strip() if execution.HasField("progress") else "",
            ),
            ("Stands for", _missed(execution)),
            ("Exit code", str(execution.exit_code) if execution.HasField("exit_code") else ""),
            (
                "Parameters",
                json.dumps(plain(execution.params), ensure_ascii=False) if execution.params else "",
            ),
            (
                "Result",
                json.dumps(plain(execution.result), ensure_ascii=False) if execution.HasField("result") else "",
            ),
        ]
    )
    if execution.HasField("error"):
        _print_error(execution.error)
    if execution.attempts:
        print("\nEarlier attempts:")
        rows = [
            (
                str(each.attempt),
                each.outcome,
                each.executor_id,
                moment(each.started),
                moment(each.ended),
                _why(each.error, each.reason),
            )
            for each in execution.attempts
        ]
        columns(("ATTEMPT", "STATE", "EXECUTOR", "STARTED", "ENDED", "WHY"), rows, indent="  ")


def _why(error: TaskError, reason: str) -> str:
    text = f"{error.type}: {error.message}" if error.type and error.message else error.message or error.type or reason
    return text if len(text) <= 80 else text[:77] + "..."


def _late(execution: Execution) -> str:
    if not execution.HasField("started") or not execution.HasField("scheduled_time") or execution.attempt != 1:
        return ""
    late = execution.started.ToDatetime() - execution.scheduled_time.ToDatetime()
    return f"by {span(late)}" if late.total_seconds() > 0 else ""


def _missed(execution: Execution) -> str:
    missed = execution.missed
    if not execution.HasField("missed"):
        return ""
    return f"{missed.count} due times from {moment(missed.first)} to {moment(missed.last)}"


def _print_error(error: TaskError) -> None:
    print("\nError:")
    facts([("Type", error.type), ("Message", error.message)], indent="  ")
    if error.tail:
        block(error.tail, indent="    ")
