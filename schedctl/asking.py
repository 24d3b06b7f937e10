"""What is asked before something is done that cannot be taken back."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from schedctl.exits import CommandError, ExitCode

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def ask_to_delete(what: str, yes: bool) -> None:
    """Return when the user agrees, or has agreed before. Raises CommandError."""
    ask(f"Delete {what}?", yes, command="delete", refused="not deleted")


def ask(question: str, yes: bool, *, command: str, refused: str) -> None:
    """Return when the user says yes to the question, or has said so by `--yes`. Raises CommandError."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"nobody is there to ask: {command} needs --yes", code=ExitCode.USAGE)
    if not typer.confirm(question, err=True):
        raise CommandError(refused)
