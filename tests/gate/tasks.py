"""The tasks of the gate's load."""

from executor.context import Context
from executor.tasks import task
from tests.gate import world


class OnPurpose(Exception):
    """A task that was asked to fail did."""


class Stopped(Exception):
    """A task that was told to end did, before it was done."""


@task("gate-work")
def work(context: Context, seconds: float = 0.0, fails: int = 0, **others: object) -> str:
    """Begin, wait, end; the first `fails` attempts fail. Stops early when it is told to."""
    who: dict[str, object] = {
        "execution": context.execution_id,
        "part": getattr(context, "part", 0),
        "attempt": context.attempt,
        "placement": getattr(context, "placement", None),
        "job": context.job,
        "trigger": context.trigger,
        "scheduled": f"{context.scheduled_time:%Y-%m-%dT%H:%M:%S}.{context.scheduled_time.microsecond // 1000:03}Z",
        "epoch": context.epoch,
        "incarnation": getattr(context, "incarnation", None),
    }
    world.write(world.BEGIN, who)
    how = "stopped"
    try:
        told = context.cancelled.wait(seconds)
        how = "stopped" if told else "failed" if context.attempt <= fails else "ok"
    finally:  # a worker process is told to end by an exception
        world.write(world.END, who, how=how)
    if how == "stopped":
        raise Stopped
    if how == "failed":
        raise OnPurpose(f"attempt {context.attempt} of {fails} that fail")
    return how
