"""What a container or a unit starts, read by the program that it starts."""

from collections.abc import Mapping, Sequence

from executor.config import ExecutorConfig
from executor.settings import ExecutorSettings
from jobstore.__main__ import COMMANDS, StoreSettings
from scheduler.config import NodeSettings
from tests.docs.parsing import parse_schedctl

Read = NodeSettings | ExecutorConfig | StoreSettings | tuple[str, ...]


def read_command(words: Sequence[str], environ: Mapping[str, str]) -> Read:
    """What a program makes of its words and its environment. Raises, or ends, as that program would."""
    if words[0] == "schedctl":
        return parse_schedctl(tuple(words[1:]))
    assert list(words[:2]) == ["python", "-m"], words
    program, arguments = words[2], list(words[3:])
    if program == "scheduler":
        return NodeSettings.load(arguments, prog=program, description="", environ=environ)
    if program == "executor":
        return ExecutorSettings.load(arguments, prog=program, description="", environ=environ).config()
    assert program == "jobstore" and arguments[0] in COMMANDS
    # as its own `main` does: of a shared environment, only the store matters to it
    others = frozenset(name.removeprefix("CRONQUORUM_").split("__")[0].lower() for name in environ)
    return StoreSettings.load(arguments[1:], prog=program, description="", environ=environ, also_known=others)
