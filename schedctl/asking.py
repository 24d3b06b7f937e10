"""What is asked before something is gone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from schedctl.exits import CommandError, ExitCode

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def ask_to_delete(what: str, yes: bool) -> None:
    """Return when the user agrees, or has agreed before. Raises CommandError."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("nobody is there to ask: delete needs --yes", code=ExitCode.USAGE)
    if not typer.confirm(f"Delete {what}?", err=True):
        raise CommandError("not deleted")
