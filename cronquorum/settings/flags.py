"""The flags of a schema, and their `--help`."""

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cronquorum import __version__
from cronquorum.names import shown, suggestion
from cronquorum.settings.errors import SettingsError
from cronquorum.settings.schema import (
    ENV_PREFIX,
    default_text,
    field_at,
    is_bool,
    is_dict,
    is_list,
    metavar,
    spelled,
)

_EPILOG = (
    "Each flag is also an environment variable and a key of the config file: --some-flag, "
    f"{ENV_PREFIX}SOME_FLAG, some_flag. A flag wins over the variable, and the variable over the file."
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError([re.sub(r"^argument (\S+?)(/\S+|, \S+)?: ", r"\1: ", message)])


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def parse_flags(schema: type[BaseModel], argv: Sequence[str], prog: str, description: str) -> dict[str, Any]:
    """The settings that were given as flags, by name, and `config`. Raises `SettingsError`.

    `--help` and `--version` print, and end the process.
    """
    parser = _Parser(
        prog=prog,
        description=description,
        epilog=_EPILOG,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--config", metavar="FILE", help="the config file (TOML)")
    parser.add_argument("--version", action="version", version=f"{prog} {__version__}")
    known = ["--help", "--config", "--version"]
    for name, keys in spelled(schema).items():
        field = field_at(schema, keys)
        assert field is not None
        known += parser.add_argument(flag_of(name), dest=name, **_options(field)).option_strings
    parsed, rest = parser.parse_known_args(list(argv))
    if rest:
        flag = rest[0].partition("=")[0]
        what = "unknown flag" if flag.startswith("-") else "unexpected argument"
        raise SettingsError([f"{what} {shown(flag)}{suggestion(flag, known)}"])
    return vars(parsed)


def _options(field: FieldInfo) -> dict[str, Any]:
    several = is_list(field) or is_dict(field)
    default = default_text(field)
    text = field.description or ""
    text += "; may be given several times" if several else ""
    text += f" (default: {default})" if default else " (required)" if field.is_required() else ""
    options: dict[str, Any] = {"help": text.replace("%", "%%").lstrip("; ")}
    if is_bool(field):
        return options | {"action": argparse.BooleanOptionalAction}
    return options | {"metavar": metavar(field), "action": "append" if several else "store"}
