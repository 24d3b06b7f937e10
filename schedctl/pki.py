"""`schedctl pki`: a private authority and its certificates, for those who have none. No cluster is needed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schedctl.command import Session, command
from schedctl.exits import CommandError
from schedctl.printing import Output, emit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class RoleWord(StrEnum):
    """The roles, as they are given."""

    SCHEDULER = "scheduler"
    EXECUTOR = "executor"
    CLIENT = "client"
    VIEWER = "viewer"


Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder for the files; made if it is not there.")]
Days = Annotated[int | None, typer.Option("--days", metavar="N", help="How long it is valid.")]


def register(app: typer.Typer) -> None:
    pki = typer.Typer(no_args_is_help=True, help="Certificates for mutual TLS.", rich_markup_mode=None)
    command(pki, "init")(init)
    command(pki, "issue")(issue)
    app.add_typer(pki, name="pki")


def init(
    session: Session,
    out: Out,
    days: Days = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the authority is called.")] = "",
) -> None:
    """Make an authority: ca.crt, which everybody gets, and ca.key, which nobody else may see."""
    from cronquorum.clock import host_time
    from schedctl.authority import AUTHORITY_DAYS, CA_CERT, CA_KEY, Authority, AuthorityError

    try:
        made = Authority.create(out, host_time(), AUTHORITY_DAYS if days is None else days, name)
    except AuthorityError as error:
        raise CommandError(str(error)) from None
    _tell(session, {"cert": out / CA_CERT, "key": out / CA_KEY}, made.ends)


def issue(
    session: Session,
    role: Annotated[RoleWord, typer.Option("--role", help="What its bearer is.")],
    out: Out,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="DIR", help="The folder of the authority; that of --out unless told.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Of the files and in the certificate; the role unless told.")
    ] = "",
    days: Days = None,
    dns: Annotated[
        list[str] | None,
        typer.Option("--dns", metavar="NAME", help="A DNS name beside the role's; may be given several times."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the files of an earlier one.")] = False,
) -> None:
    """Sign a certificate of a role: NAME.crt and NAME.key, with ca.crt beside them."""
    from cronquorum.clock import host_time
    from cronquorum.roles import Role
    from schedctl.authority import LEAF_DAYS, Authority, AuthorityError

    now = host_time()
    try:
        issued = Authority.open(out if ca is None else ca, now).issue(
            Role[role.name],
            out,
            now,
            name=name,
            days=LEAF_DAYS if days is None else days,
            dns=dns or (),
            replace=replace,
        )
    except AuthorityError as error:
        raise CommandError(str(error)) from None
    _tell(session, {"cert": issued.files.cert, "key": issued.files.key, "ca": issued.files.ca}, issued.ends)


def _tell(session: Session, files: Mapping[str, Path], ends: datetime) -> None:
    if session.output is Output.TABLE:
        print(*(str(path) for path in files.values()), f"valid until {ends:%Y-%m-%d}", sep="\n")
    else:
        told = {what: str(path) for what, path in files.items()}
        emit(told | {"ends": ends.isoformat().replace("+00:00", "Z")}, session.output)
