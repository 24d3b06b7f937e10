"""What all commands have in common: the global options, the connection, and the way they end."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from schedctl.exits import CommandError, ExitCode, complain
from schedctl.printing import Output

if TYPE_CHECKING:
    from cronquorum.certificates import TlsFiles
    from schedapi.client import Client

ENDPOINT = "127.0.0.1:7400"
NAMESPACE = "default"

Function = TypeVar("Function", bound=Callable[..., Any])

EndpointOption = typer.Option("--endpoint", metavar="HOST:PORT[,..]", help="Nodes to talk to; any of them does.")
NamespaceOption = typer.Option("--namespace", "-n", metavar="NAMESPACE", help="The namespace of jobs and calendars.")
TlsCertOption = typer.Option("--tls-cert", metavar="PATH", help="PEM file of your certificate, for mutual TLS.")
TlsKeyOption = typer.Option("--tls-key", metavar="PATH", help="PEM file of its private key.")
TlsCaOption = typer.Option("--tls-ca", metavar="PATH", help="PEM file of the authorities that nodes are signed by.")
OutputOption = typer.Option("--output", "-o", help="The form of what is printed.")


@dataclass(frozen=True, kw_only=True)
class Globals:
    """The global options, as given before the command, in the environment, or in the config file."""

    endpoint: str
    namespace: str | None
    output: Output
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None


class Session:
    """One command's options, and its connection, which is made when it is first used."""

    def __init__(self, options: Globals) -> None:
        self.endpoint = options.endpoint
        self.namespace = options.namespace
        self.output = options.output
        self._tls = {"cert": options.tls_cert, "key": options.tls_key, "ca": options.tls_ca}
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        from schedapi.client import Client, parse_endpoints

        if self._client is None:
            try:
                self._client = Client(parse_endpoints(self.endpoint), self._tls_files())
            except ValueError as error:
                raise CommandError(f"--endpoint: {error}", code=ExitCode.USAGE) from None
        return self._client

    def _tls_files(self) -> TlsFiles | None:
        """None: plain text. Raises `CommandError`."""
        given = {name: path for name, path in self._tls.items() if path is not None}
        if not given:
            return None
        missing = [f"--tls-{name}" for name in self._tls if name not in given]
        if missing:
            told = f"no {' and no '.join(missing)} given: cert, key and ca go together, all three or none"
            raise CommandError(told, code=ExitCode.USAGE)
        from cronquorum.certificates import TlsFiles

        return TlsFiles(**given)

    def qualified(self, name: str) -> tuple[str, str]:
        """Namespace and name of a job or a calendar that is given as `NAME`, or as `NAMESPACE/NAME`."""
        namespace, slash, rest = name.rpartition("/")
        return (namespace, rest) if slash else (self.namespace or NAMESPACE, name)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


_SHARED: dict[str, Any] = {
    "endpoint": Annotated[str | None, EndpointOption],
    "namespace": Annotated[str | None, NamespaceOption],
    "output": Annotated[Output | None, OutputOption],
    "tls_cert": Annotated[Path | None, TlsCertOption],
    "tls_key": Annotated[Path | None, TlsKeyOption],
    "tls_ca": Annotated[Path | None, TlsCaOption],
}


def command(group: typer.Typer, name: str, **settings: Any) -> Callable[[Function], Function]:
    """Register a function of (session, its own options) as a command that also takes the global options.

    The function returns an exit code, or None for 0; what it raises becomes lines on stderr and a code.
    """

    def register(function: Function) -> Function:
        @functools.wraps(function)
        def run(ctx: typer.Context, **given: Any) -> None:
            outer: Globals = ctx.obj
            session = Session(Globals(**{key: given.pop(key) or getattr(outer, key) for key in _SHARED}))
            code = carry_out(session, function, given)
            if code:
                raise typer.Exit(code)

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        keyword = inspect.Parameter.KEYWORD_ONLY
        context = inspect.Parameter("ctx", keyword, annotation=typer.Context)
        shared = [
            inspect.Parameter(key, keyword, default=None, annotation=annotation) for key, annotation in _SHARED.items()
        ]
        parameters = [context, *(each.replace(kind=keyword) for each in own), *shared]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # for inspect, which reads it
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        group.command(name, **settings)(run)
        return function

    return register


def carry_out(session: Session, function: Callable[..., int | None], given: dict[str, Any]) -> int:
    """Run a command's function, and turn what it raises into lines on stderr and an exit code."""
    try:
        code = function(session, **given) or ExitCode.OK
        sys.stdout.flush()
    except CommandError as error:
        complain(error.lines)
        code = error.code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush would complain
        code = ExitCode.PIPE_CLOSED
    except Exception as error:
        failed = _known(error)
        if failed is None:
            raise
        complain(failed.lines)
        code = failed.code
    finally:
        session.close()
    return int(code)


def _known(error: Exception) -> CommandError | None:
    if "cronquorum.certificates" in sys.modules and isinstance(
        error, sys.modules["cronquorum.certificates"].CertificateError
    ):
        return CommandError(str(error))
    if "schedapi.errors" in sys.modules and isinstance(error, sys.modules["schedapi.errors"].ApiError):
        from schedctl.exits import from_api

        return from_api(error)
    if "schedapi.manifest" in sys.modules and isinstance(error, sys.modules["schedapi.manifest"].ManifestError):
        return CommandError(*map(str, error.problems))
    return None
