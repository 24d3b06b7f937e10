"""What tasks write down of themselves: one line of JSON at a time, on the disk before the task goes on.

Standard library only, and nothing of ours: shell tasks run it as a bare program, often.
"""

import json
import os
import time

WORLD, EXECUTOR, LIFE = "GATE_WORLD", "GATE_EXECUTOR", "GATE_LIFE"
"""Environment of an executor, which its tasks inherit: the folder, its name, and which life of it this is."""

BEGIN, END, BEAT = "begin", "end", "beat"


def from_environment() -> dict[str, object]:
    """Who one is, from the SCHED_* that a process is told."""
    told = os.environ.get
    return {
        "execution": told("SCHED_EXECUTION_ID", ""),
        "part": int(told("SCHED_PART", "0")),
        "attempt": int(told("SCHED_ATTEMPT", "0")),
        "placement": int(told("SCHED_PLACEMENT", "-1")) if told("SCHED_PLACEMENT") else None,
        "job": told("SCHED_JOB", ""),
        "trigger": told("SCHED_TRIGGER", ""),
        "scheduled": told("SCHED_SCHEDULED_TIME", ""),
        "epoch": int(told("SCHED_EPOCH", "0")),
        "incarnation": told("SCHED_INCARNATION"),
    }


def write(event: str, who: dict[str, object], **facts: object) -> None:
    """Append a line, and return when it is on the disk."""
    executor = os.environ[EXECUTOR]
    line = {
        "event": event,
        **who,
        "executor": executor,
        "life": os.environ[LIFE],
        "pid": os.getpid(),
        **facts,
        "wall": time.time_ns(),
        "boot": time.clock_gettime_ns(time.CLOCK_BOOTTIME),
    }
    file = os.open(f"{os.environ[WORLD]}/{executor}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
        os.fdatasync(file)
    finally:
        os.close(file)
