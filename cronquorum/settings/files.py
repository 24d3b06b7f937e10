"""The config file."""

import re
import tomllib
from pathlib import Path
from typing import Any

from cronquorum.settings.errors import SettingsError

LONGEST_FILE = 1024 * 1024
"""Bytes of a config file: a thousand times what one needs, and nothing that fills the memory."""


def read_toml(path: str) -> dict[str, Any]:
    """Read a TOML file of at most `LONGEST_FILE` bytes. Raises `SettingsError`, naming file and line."""
    content = b""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
        if len(content) > LONGEST_FILE:
            raise SettingsError([f"{path}: longer than {LONGEST_FILE // 1024} KiB, so no config file"])
        return tomllib.loads(content.decode().removeprefix("\ufeff"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError([f"{path}{_reason(error, content)}"]) from None


def _reason(error: Exception, content: bytes) -> str:
    match error:
        case OSError():
            return f": {(error.strerror or str(error)).lower()}"
        case UnicodeDecodeError():
            return f": not UTF-8 text (byte {error.start})"
        case tomllib.TOMLDecodeError():
            text = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error))
            line = text[2] if text and text[2] else content.count(b"\n") + 1
            return f" line {line}: not TOML: {text[1] if text else error}"
        case RecursionError():
            return ": not TOML: nested too deeply"
    return f": {error}"
