"""A shell task of the load: `python -S tasks_shell.py SECONDS FAILS`.

It has a grandchild in a session of its own, which is no member of the process group that an executor kills: it goes on
writing until the task ends it, or, when the task was killed, until somebody does.
"""

import os
import signal
import sys
import threading

sys.path.insert(0, __file__.removesuffix("/tests/gate/tasks_shell.py"))  # it is run by its path

from tests.gate import world

BEAT_SECONDS, MOST_BEATS = 0.25, 360


def _beat(who: dict[str, object]) -> int:
    """Start the grandchild; returns its process id."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        grandchild = os.fork()
        if grandchild:
            os.write(writing, str(grandchild).encode())
            os._exit(0)
        for number in (0, 1, 2, reading, writing):
            os.close(number)  # no pipe of the executor's is held open
        for _ in range(MOST_BEATS):
            world.write(world.BEAT, who)
            threading.Event().wait(BEAT_SECONDS)
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return int(told.read())


def main(seconds: float, fails: int) -> int:
    who = world.from_environment()
    world.write(world.BEGIN, who)
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    grandchild = _beat(who)
    stopped = told.wait(seconds)
    os.kill(grandchild, signal.SIGKILL)
    failed = not stopped and int(os.environ["SCHED_ATTEMPT"]) <= fails
    world.write(world.END, who, how="stopped" if stopped else "failed" if failed else "ok")
    return 1 if stopped or failed else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
