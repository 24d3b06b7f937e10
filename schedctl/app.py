"""The commands, put together."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from schedctl import apply, calendar, cluster, execution, job, local, pki
from schedctl.command import (
    ENDPOINT,
    EndpointOption,
    Globals,
    NamespaceOption,
    OutputOption,
    TlsCaOption,
    TlsCertOption,
    TlsKeyOption,
)
from schedctl.cron import commands as cron
from schedctl.exits import ExitCode, complain
from schedctl.printing import Output

LISTS_OF_DEV = ("tasks", "apply")
"""Lists are comma-separated in variables; typer by itself would split them at spaces."""


def _config(ctx: typer.Context, path: str | None) -> None:
    """Take the options' defaults from the config file, and over it the lists from the environment."""
    if ctx.resilient_parsing:
        return
    defaults: dict[str, Any] = {}
    if path is not None:
        from cronquorum.settings import SettingsError
        from schedctl.config import read_defaults

        try:
            defaults = read_defaults(path)
        except SettingsError as error:
            complain(error.problems)
            raise typer.Exit(ExitCode.USAGE) from None
    for name in LISTS_OF_DEV:
        text = os.environ.get(f"CRONQUORUM_{name.upper()}", "")
        if text:
            defaults.setdefault("dev", {})[name] = [part.strip() for part in text.split(",")]
    ctx.default_map = defaults


def _with_variable(option: Any, variable: str) -> Any:
    """The same option, as it stands before the command: there it also has an environment variable."""
    option = copy.copy(option)
    option.envvar = variable
    return option


def build() -> typer.Typer:
    """The application, with all its commands."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def schedctl(
        ctx: typer.Context,
        endpoint: Annotated[str, _with_variable(EndpointOption, "CRONQUORUM_ENDPOINT")] = ENDPOINT,
        namespace: Annotated[str | None, _with_variable(NamespaceOption, "CRONQUORUM_NAMESPACE")] = None,
        output: Annotated[Output, _with_variable(OutputOption, "CRONQUORUM_OUTPUT")] = Output.TABLE,
        tls_cert: Annotated[Path | None, _with_variable(TlsCertOption, "CRONQUORUM_TLS_CERT")] = None,
        tls_key: Annotated[Path | None, _with_variable(TlsKeyOption, "CRONQUORUM_TLS_KEY")] = None,
        tls_ca: Annotated[Path | None, _with_variable(TlsCaOption, "CRONQUORUM_TLS_CA")] = None,
        config: Annotated[
            str | None,
            typer.Option(
                "--config",
                metavar="FILE",
                is_eager=True,
                callback=_config,
                help="Defaults of these options, and of those of `dev`, in TOML.",
            ),
        ] = None,
    ) -> None:
        """Administer a Cronquorum cluster: jobs, calendars, executions, and who runs them.

        The options stand before the command or after it.
        """
        ctx.obj = Globals(
            endpoint=endpoint, namespace=namespace, output=output, tls_cert=tls_cert, tls_key=tls_key, tls_ca=tls_ca
        )

    for part in (apply, job, calendar, execution, cluster, cron, pki, local):
        part.register(app)
    return app
