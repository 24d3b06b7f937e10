"""`schedctl`, and `python -m schedctl`."""

import os
import sys
from collections.abc import Sequence

import typer

from schedctl.app import build
from schedctl.exits import ExitCode, complain


def run(argv: Sequence[str]) -> int:
    """Carry out a command line; return the exit code."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core would write lines of its own to stderr
    try:
        code = build()(args=list(argv), prog_name="schedctl", standalone_mode=False)
    except typer.TyperException as error:
        return _usage(error)
    except typer.Abort:
        complain(["aborted"])
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return code if isinstance(code, int) else ExitCode.OK


def _usage(error: typer.TyperException) -> int:
    message = error.format_message().replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message, file=sys.stderr)
        return ExitCode.USAGE
    complain([message[:1].lower() + message[1:]])
    if context is not None:
        print(context.get_usage(), file=sys.stderr)
    return ExitCode.USAGE


def main() -> None:
    """The console script."""
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()
