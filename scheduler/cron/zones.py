"""Time zones by name."""

import re
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from .errors import ZoneError

__all__ = ["ZoneError", "zone"]

LONGEST_NAME = 64  # the longest in the database has 32
_SUGGESTIONS = 3
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
# What they mean depends on the host (`localtime`, `posixrules`), or they stand for no place at all
# (`Factory`), or they count leap seconds (`right/`) or double another name (`posix/`).
_NOT_ALLOWED = ("localtime", "posixrules", "Factory")
_NOT_ALLOWED_UNDER = ("right", "posix")


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of this name in the IANA database. Raises ZoneError, with suggestions, for any other name."""
    if not name.strip():
        raise ZoneError("is empty; a name such as Europe/Berlin or UTC is needed", name)
    if len(name) > LONGEST_NAME:
        raise ZoneError(f"is longer than {LONGEST_NAME} characters", name)
    directory, _, rest = name.partition("/")
    if name in _NOT_ALLOWED or directory in _NOT_ALLOWED_UNDER:
        raise ZoneError("is not allowed", name, suggestions=(rest,) if rest in _names() else ())
    if not _NAME.fullmatch(name):
        raise ZoneError(
            "is not a zone's name; a name such as Europe/Berlin or UTC is needed",
            name,
            suggestions=_near(name),
        )
    if name not in _names():
        same = tuple(known for known in _names() if known.lower() == name.lower())
        if same:
            raise ZoneError("has the wrong case", name, suggestions=same)
        raise ZoneError("is unknown", name, suggestions=_near(name))
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # listed, and yet broken or gone
        raise ZoneError("cannot be read from the zone database", name) from error


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """The names in the database that are allowed."""
    return frozenset(available_timezones()) - {*_NOT_ALLOWED}


def _near(name: str) -> tuple[str, ...]:
    known = {full.lower(): full for full in sorted(_names())}
    near = get_close_matches(name.lower(), known, n=_SUGGESTIONS)
    return tuple(known[match] for match in near)
