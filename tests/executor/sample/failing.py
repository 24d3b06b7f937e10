"""Tasks that do not go well."""

import math
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from executor import Context, task


class OwnError(Exception):
    """Named in the outcome."""


@task("boom")
def boom(text: str = "no luck") -> None:
    raise OwnError(text)


@task("silent-boom")
def silent_boom() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text either")

    raise Broken


@task("returns")
def returns(what: str) -> Any:
    values: dict[str, Any] = {
        "set": {1},
        "nan": math.nan,
        "large": "x" * 70_000,
        "numbers": [0] * 30_000,
        "huge": 2**60,
        "surrogate": "\ud800",
        "deep": None,
        "none": None,
        "table": {"rows": 3, "ok": True, "ratio": 0.5, "nothing": None, "list": [1, "a"], "empty": {}},
    }
    for _ in range(40):
        values["deep"] = [values["deep"]]
    return values[what]


@task("exit")
def leave(code: int) -> None:
    sys.exit(code)


@task("die")
def die() -> None:
    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


@task("wait-cancelled")
def wait_cancelled(context: Context, then: str = "return") -> str:
    """In a thread: goes on until it is told."""
    context.log("waiting")
    context.cancelled.wait()
    if then == "raise":
        raise OwnError("gave up")
    return "finished"


@task("wait-async")
async def wait_async(context: Context) -> None:
    import asyncio

    context.log("waiting")
    await asyncio.Event().wait()


@task("wait-process")
def wait_process(marker: str) -> None:
    """In a process: cleans up when it is ended."""
    child = subprocess.Popen(["sleep", "600"])
    try:
        print(f"child {child.pid}", flush=True)
        threading.Event().wait()
    finally:
        with open(marker, "w") as file:  # noqa: PTH123 - short
            file.write("cleaned up")


@task("stubborn")
def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(f"pid {os.getpid()}", flush=True)
    threading.Event().wait()


@task("leaves-child")
def leaves_child() -> int:
    """Ends, but leaves a process behind."""
    return subprocess.Popen(["sleep", "600"]).pid


@task("untidy")
def untidy() -> int:
    """Leaves its process in disorder."""
    os.environ["UNTIDY"] = "yes"
    os.environ.pop("HOME", None)
    os.chdir("/")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return os.getpid()


@task("look")
def look() -> dict[str, Any]:
    tidy = "UNTIDY" not in os.environ and os.getcwd() != "/"  # noqa: PTH109 - short
    return {"pid": os.getpid(), "tidy": tidy and signal.getsignal(signal.SIGTERM) != signal.SIG_IGN}


@task("prints")
def prints(context: Context) -> None:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    context.log("by the context")
    for step in range(1000):
        context.progress(step / 1000)
    context.progress(1, "done")


@task("closes-stdout")
def closes_stdout() -> None:
    sys.stdout.close()


@task("bad-progress")
def bad_progress(context: Context) -> None:
    context.progress(1.5)


@task("deaf")
def deaf(context: Context) -> None:
    """In a thread: nothing ends it."""
    context.log("deaf")
    threading.Event().wait()
