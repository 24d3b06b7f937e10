"""How a command ends: its exit code, and the lines that say why."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from schedctl.printing import printable

if TYPE_CHECKING:  # grpc takes its time to import, and `--help` has no use for it
    from schedapi.errors import ApiError
    from schedapi.manifest import Document

MOST_PROBLEMS = 50
"""Lines of one error: who has more mends these first."""


class ExitCode(IntEnum):
    """What the process ends with; part of the interface."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    CONFLICT = 5
    UNAVAILABLE = 6
    TIMED_OUT = 7
    EXECUTION_FAILED = 8
    INTERRUPTED = 130
    PIPE_CLOSED = 141


_BY_CODE = {
    "NOT_FOUND": ExitCode.NOT_FOUND,
    "PERMISSION_DENIED": ExitCode.NOT_ALLOWED,
    "UNAUTHENTICATED": ExitCode.NOT_ALLOWED,
    "ABORTED": ExitCode.CONFLICT,
    "ALREADY_EXISTS": ExitCode.CONFLICT,
    "FAILED_PRECONDITION": ExitCode.CONFLICT,
    "UNAVAILABLE": ExitCode.UNAVAILABLE,
    "DEADLINE_EXCEEDED": ExitCode.TIMED_OUT,
}


class CommandError(Exception):
    """A command that failed for a reason of its own; one line for each problem."""

    def __init__(self, *lines: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.code = code


def complain(lines: Sequence[str]) -> None:
    """Say on stderr what is wrong: a line each, cut after `MOST_PROBLEMS`."""
    for line in lines[:MOST_PROBLEMS]:
        print(f"schedctl: {printable(line)}", file=sys.stderr)
    if len(lines) > MOST_PROBLEMS:
        print(f"schedctl: and {len(lines) - MOST_PROBLEMS} more", file=sys.stderr)


def from_api(error: ApiError, documents: Sequence[Document] = ()) -> CommandError:
    """What a failed call is to the user; `documents` are those that the call sent, in its order."""
    code = _BY_CODE.get(error.code.name, ExitCode.FAILED)
    lines = [_violation(each.field, each.description, documents) for each in error.violations]
    if not lines:
        lines = [error.message + _hint(error)]
    return CommandError(*lines, code=code)


def _hint(error: ApiError) -> str:
    if error.reason == "UNREACHABLE":
        return " (is a scheduler running? set --endpoint)"
    if not error.answered and "Socket closed" in error.message:
        return " (if it has TLS: set --tls-cert, --tls-key and --tls-ca)"
    return ""


def _violation(field: str, description: str, documents: Sequence[Document]) -> str:
    match = re.fullmatch(r"(jobs|calendars)\[(\d{1,9})\]\.?(.*)", field)
    if match:
        kind = "Job" if match[1] == "jobs" else "Calendar"
        sent = [each for each in documents if each.kind == kind]
        if int(match[2]) < len(sent):
            return str(sent[int(match[2])].problem(match[3], description))
    return f"{field}: {description}" if field else description
