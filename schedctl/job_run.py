"""`schedctl job run`: an execution that no trigger made."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from schedctl.command import Session
from schedctl.exits import CommandError, ExitCode
from schedctl.options import JobName, duration_option
from schedctl.printing import Output, emit


def run(
    session: Session,
    name: JobName,
    trigger: Annotated[
        str, typer.Option("--trigger", metavar="NAME", help="With the parameters of this trigger.")
    ] = "",
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="KEY=VALUE",
            help="Override a parameter. The value is read as JSON if it is a number, true, false, null or "
            "starts with [ { or a quote; else it is a text. May be given several times.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end: exit code 8 when it did not succeed.")
    ] = False,
    timeout: Annotated[timedelta | None, duration_option("--timeout", "Wait no longer: exit code 7.")] = None,
) -> int:
    """Run a job once, now, whatever its triggers say."""
    from schedapi.manifest import plain
    from schedapi.v1.job_service_pb2 import RunJobRequest
    from schedctl.running import run_job

    if timeout is not None and not wait:
        raise CommandError("--timeout is for --wait", code=ExitCode.USAGE)
    namespace, name = session.qualified(name)
    request = RunJobRequest(namespace=namespace, name=name, trigger=trigger, wait=wait)
    request.params.update(parameters(param or []))
    execution, code = run_job(session.client, request, timeout)
    if session.output is not Output.TABLE:
        emit(plain(execution), session.output)
    else:
        print(f"execution {execution.id} {execution.state}")
        if code is ExitCode.EXECUTION_FAILED:
            reason = execution.error.message or execution.reason
            raise CommandError(f"execution {execution.id} {execution.state}{': ' * bool(reason)}{reason}", code=code)
        if code is ExitCode.TIMED_OUT:
            why = f": {execution.reason}" if execution.reason else ""
            raise CommandError(f"execution {execution.id} is still {execution.state}{why}", code=code)
    return code


def parameters(pairs: list[str]) -> dict[str, Any]:
    """The values of `--param KEY=VALUE`. Raises `CommandError`."""
    from cronquorum.names import shown

    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise CommandError(f"--param: {shown(pair)} is not KEY=VALUE", code=ExitCode.USAGE)
        if key in found:
            raise CommandError(f"--param: {shown(key)} is given twice", code=ExitCode.USAGE)
        try:
            found[key] = _value(text)
        except ValueError as error:
            raise CommandError(f"--param: {key}: {error}", code=ExitCode.USAGE) from None
    return found


def _value(text: str) -> Any:
    """A parameter's value; ManifestError and ScalarError, which say what is wrong, are ValueErrors."""
    from cronquorum.names import shown
    from schedapi.manifest.text import parse, resolve

    if text[:1] not in ("[", "{", '"'):
        return resolve(text) if text else ""
    documents = parse(text, shown(text))
    problems = [message for document in documents for _, message in document.problems]
    if problems or len(documents) != 1:
        raise ValueError(problems[0] if problems else f"{shown(text)} is more than one value")
    return documents[0].value
