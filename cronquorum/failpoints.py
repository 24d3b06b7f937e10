"""Named places at which a test can have a process die, stop or fail, exactly there.

Off unless the environment variable `CRONQUORUM_FAILPOINTS` names a folder when the process starts: `hit` is then a
function that does nothing. In that folder, a file of a failpoint's name arms it, once: whoever takes the
file away does what it says.

    kill     SIGKILL to this process
    stop     SIGSTOP to this process; somebody continues it
    fail     raise OSError, as a broken disk or connection would
"""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

VARIABLE = "CRONQUORUM_FAILPOINTS"

NAMES = (
    "leader.takeOver",  # open executions are being read
    "leader.edit",  # an edit is decided, and not written
    "leader.record",  # decisions are about to be committed
    "store.transaction",  # inside a transaction of the leader, its epoch's row held
    "leader.recorded",  # decisions are committed, and nothing is sent
    "leader.send",  # dispatches are about to leave
    "leader.acknowledge",  # outcomes are committed, and not acknowledged
    "executor.accept",  # a dispatch has come, and is not begun
    "executor.start",  # an attempt is about to start
    "executor.outcome",  # an attempt has ended, and nobody knows
    "executor.journaled",  # its outcome is in the journal, and not sent
)
"""All that there are, in the order in which a fire passes them."""


def _off(name: str) -> None:
    """Nothing is armed in this process."""


def _in(folder: Path) -> Callable[[str], None]:
    def look(name: str) -> None:
        armed = folder / name
        try:
            action = armed.read_text().strip()
            armed.unlink()
        except FileNotFoundError:
            return
        (folder / f"{name}.hit").write_text(action)
        _ACTIONS[action]()

    return look


def _fail() -> None:
    raise OSError("failed on purpose")


_ACTIONS: dict[str, Callable[[], None]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    # to this very thread: one to the process goes to its first, and until that wakes up, this one would go on
    "stop": lambda: signal.pthread_kill(threading.get_ident(), signal.SIGSTOP),
    "fail": _fail,
}

_folder = Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None

hit: Callable[[str], None] = _off if _folder is None else _in(_folder)
"""A place of this name is passed. To be called as `failpoints.hit`."""


def armed(name: str) -> bool:
    """Whether the next `hit` of this name would do something: for whoever passes that place only then."""
    return _folder is not None and (_folder / name).exists()
