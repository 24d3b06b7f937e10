"""Tasks of these tests; in a module of their own, so that processes can import them."""

import asyncio
import os
import threading

from executor import Context, task


@task("add")
def add(left: int, right: int) -> int:
    return left + right


@task("add-async")
async def add_async(left: int, right: int) -> int:
    await asyncio.wait_for(asyncio.Event().wait(), 0.01) if left < 0 else None
    return left + right


@task("tell")
def tell(context: Context) -> dict[str, object]:
    context.progress(0.4, "note")
    return {
        "job": context.job,
        "trigger": context.trigger,
        "attempt": context.attempt,
        "epoch": context.epoch,
        "pid": os.getpid(),
        "thread": threading.current_thread().name,
    }


@task("fail-until")
def fail_until(context: Context, attempt: int) -> str:
    if context.attempt < attempt:
        raise LookupError(f"not before attempt {attempt}")
    return "at last"


@task("wait-for-ever")
def wait_for_ever() -> None:
    threading.Event().wait()


@task("wait-until-cancelled")
def wait_until_cancelled(context: Context) -> None:
    context.progress(0.1, "waiting")
    context.cancelled.wait(60)
    raise InterruptedError("cancelled")


def unregistered(word: str = "hello") -> str:
    return word
