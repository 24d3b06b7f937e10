"""Whether a command line is one, without carrying it out."""

import typer.main

from executor.settings import ExecutorSettings
from jobstore.__main__ import COMMANDS, StoreSettings
from schedctl.app import build
from scheduler.config import NodeSettings


def parse(words: tuple[str, ...]) -> None:
    """Read a command line as its program would. Raises whatever that program would complain of."""
    if words[0] == "schedctl":
        parse_schedctl(words[1:])
        return
    assert words[:2] == ("python", "-m")
    program, arguments = words[2], words[3:]
    if program == "scheduler":
        NodeSettings.load(arguments, prog=program, description="", environ={})
    elif program == "executor":
        ExecutorSettings.load(arguments, prog=program, description="", environ={}).config()
    else:
        assert program == "jobstore"
        assert arguments[0] in COMMANDS
        StoreSettings.load(arguments[1:], prog=program, description="", environ={})


def parse_schedctl(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The path of the command that is meant, such as `("job", "run")`."""
    command = typer.main.get_command(build())
    context = command.make_context("schedctl", list(arguments))
    path: list[str] = []
    while isinstance(command, typer.core.TyperGroup):
        rest = [*context._protected_args, *context.args]
        name, found, rest = command.resolve_command(context, rest)
        assert name is not None and found is not None
        path.append(name)
        command, context = found, found.make_context(name, rest, parent=context)
    return tuple(path)


def all_commands() -> list[tuple[str, ...]]:
    """The paths of all commands of `schedctl`."""
    top = typer.main.get_command(build())
    assert isinstance(top, typer.core.TyperGroup)
    found: list[tuple[str, ...]] = []
    for name, command in top.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            found += [(name, each) for each in command.commands]
        else:
            found.append((name,))
    return found
