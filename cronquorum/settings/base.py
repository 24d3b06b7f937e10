"""The base of every settings schema, and its loading."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cronquorum.settings.errors import SettingsError
from cronquorum.settings.files import read_toml
from cronquorum.settings.flags import parse_flags
from cronquorum.settings.found import Found
from cronquorum.settings.schema import ENV_PREFIX

SHARED_VARIABLES = frozenset({"cache", "config", "endpoint", "failpoints", "namespace", "output"})
"""`CRONQUORUM_*` that every process finds in its environment without their being its own: the tests' cache
and failpoints, the config file, and what `schedctl` reads."""


class Section(BaseModel):
    """A part of the settings with a table of its own in the config file.

    `in_short`: the settings of the section that a plain value in the table's place is for. With any, the section has a
    flag and a variable of its own too.
    `own_flags`: each of its settings has a flag, and a variable that is spelled like it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    in_short: ClassVar[tuple[str, ...]] = ()
    own_flags: ClassVar[bool] = False


class Settings(BaseSettings):
    """The base of a process's settings. The constructor reads nothing but its arguments; `load` does."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, env_prefix=ENV_PREFIX)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @classmethod
    def load(
        cls,
        argv: Sequence[str],
        *,
        prog: str,
        description: str,
        also_known: frozenset[str] = frozenset(),
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Read flags (`argv`, without the program), environment and config file.

        `also_known` are names of settings that other processes read from a shared environment. Whatever
        is wrong is said on stderr, a line each, and ends the process with code 2.
        """
        environ = os.environ if environ is None else environ
        try:
            flags = parse_flags(cls, argv, prog, description)
            found = Found(cls)
            path = flags.pop("config", None) or environ.get(ENV_PREFIX + "CONFIG")
            if path:
                found.take_file(path, read_toml(path))
            found.take_environment(environ, SHARED_VARIABLES | also_known)
            found.take_flags(flags)
            for warning in found.warnings:
                print(f"{prog}: {warning}", file=sys.stderr)
            return cls._validated(found)
        except SettingsError as error:
            for problem in error.problems:
                print(f"{prog}: {problem}", file=sys.stderr)
            raise SystemExit(2) from None

    @classmethod
    def _validated(cls, found: Found) -> Self:
        if found.problems:
            raise SettingsError(found.problems)
        try:
            return cls(**found.values)
        except ValidationError as error:
            # a plain value that is for several settings is wrong for each of them
            raise SettingsError(list(dict.fromkeys(map(found.explain, error.errors())))) from None
