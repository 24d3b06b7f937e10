"""The config file of `schedctl`: defaults of its options, under the names that all processes use."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from cronquorum.settings import Settings, SettingsError, read_toml
from cronquorum.settings.found import Found
from cronquorum.transport import TlsSection

DEV = ("data", "listen", "tasks", "apply")


class FileSettings(Settings):
    """What the file may set."""

    endpoint: str | None = None
    namespace: str | None = None
    output: Literal["table", "json", "yaml"] | None = None
    tls: TlsSection | None = None
    data: Path | None = None
    listen: str | None = None
    tasks: list[str] | None = None
    apply: list[Path] | None = None


def read_defaults(path: str) -> dict[str, Any]:
    """A file's settings as typer's map of defaults. Raises `SettingsError`."""
    found = Found(FileSettings)
    found.take_file(path, read_toml(path))
    if found.problems:
        raise SettingsError(found.problems)
    try:
        read = FileSettings(**found.values)
    except ValidationError as error:
        raise SettingsError([found.explain(each) for each in error.errors()]) from None
    given = read.model_dump(exclude_none=True, mode="json")
    given |= {f"tls_{name}": path for name, path in given.pop("tls", {}).items()}
    return {key: given[key] for key in given if key not in DEV} | {
        "dev": {key: given[key] for key in given if key in DEV}
    }
