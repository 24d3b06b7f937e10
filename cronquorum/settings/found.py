"""What the sources say about each setting, and where each value came from."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cronquorum.names import shown, suggestion
from cronquorum.settings.errors import finding_text, shown_safely
from cronquorum.settings.flags import flag_of
from cronquorum.settings.schema import (
    ENV_PREFIX,
    Keys,
    field_at,
    in_short,
    is_bool,
    is_dict,
    is_list,
    known_keys,
    leaves,
    section_of,
    spelled,
)


class Found:
    """The values found so far, each source over the earlier ones, and the place of each for its errors."""

    def __init__(self, schema: type[BaseModel]) -> None:
        self.schema = schema
        self.values: dict[str, Any] = {}
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._places: dict[Keys, str] = {}
        self._spelled = spelled(schema)

    def take_file(self, path: str, content: Mapping[str, Any]) -> None:
        known = [".".join(keys) for keys in known_keys(self.schema)]
        for keys, value in leaves(content, self.schema):
            key = ".".join(keys)
            place = f"config key {shown(key)} in {path}"
            field = field_at(self.schema, keys)
            if field is None:
                self.problems.append(f"{place} is unknown{suggestion(key, known)}")
            elif isinstance(value, bool) and not is_bool(field):
                self.problems.append(f"{place}: {str(value).lower()} is not what it takes")
            else:
                self._put(keys, value, place)

    def take_environment(self, environ: Mapping[str, str], others: frozenset[str]) -> None:
        """`others` are names that are none of ours, and no mistake either."""
        known = [*map(str.upper, self._spelled), *("__".join(keys).upper() for keys in known_keys(self.schema))]
        for variable, text in sorted(environ.items()):
            name = variable.removeprefix(ENV_PREFIX).lower()
            keys = self._spelled.get(name) or tuple(name.split("__"))
            if not variable.startswith(ENV_PREFIX):
                continue
            place = f"environment variable {variable}"
            field = field_at(self.schema, keys)
            if field is None and keys[0] in others:
                continue
            if field is None or (section_of(field) is not None and not in_short(field)):
                near = suggestion(variable.removeprefix(ENV_PREFIX), known).replace(" '", f" '{ENV_PREFIX}")
                self.problems.append(f"{place} is unknown{near}")
            elif is_list(field) or is_dict(field):
                self._put_several(keys, field, [part.strip() for part in text.split(",") if part.strip()], place)
            else:
                self._put(keys, text, place)

    def take_flags(self, flags: Mapping[str, Any]) -> None:
        for name, value in flags.items():
            place = flag_of(name)
            keys = self._spelled[name]
            field = field_at(self.schema, keys)
            if isinstance(value, list) and field is not None:
                self._put_several(keys, field, value, place)
                continue
            self._put(keys, value, place)
            if _has_password(value):
                variable = ENV_PREFIX + name.upper()
                self.warnings.append(f"{place}: a password in a flag is seen by everybody on this host; use {variable}")

    def explain(self, finding: ErrorDetails) -> str:
        """One line for one of pydantic's findings: the place, the value, and what would be right."""
        keys = tuple(map(str, finding["loc"]))
        if finding["type"] == "missing":
            name = ".".join(keys)
            flag = f"{flag_of(name)}, " if len(keys) == 1 else ""
            variable = ENV_PREFIX + "__".join(keys).upper()
            return f"no {name} given: use {flag}{variable}, or the key {name!r} of the config file (--config)"
        above = [keys[:length] for length in range(len(keys), 0, -1)]
        place = next((self._places[part] for part in above if part in self._places), ".".join(keys))
        return f"{place}: {finding_text(finding)}" if place else finding_text(finding)

    def _put(self, keys: Keys, value: Any, place: str) -> None:
        field = field_at(self.schema, keys)
        if field is not None and in_short(field) and not isinstance(value, dict):
            for name in in_short(field):
                self._put((*keys, name), value, place)
            return
        values = self.values
        for key in keys[:-1]:
            values = values.setdefault(key, {})
        values[keys[-1]] = value
        self._places[keys] = place

    def _put_several(self, keys: Keys, field: FieldInfo, parts: list[str], place: str) -> None:
        if is_list(field):
            self._put(keys, parts, place)
            return
        pairs: dict[str, str] = {}
        for part in parts:
            key, equals, value = part.partition("=")
            if not equals or not key:
                self.problems.append(f"{place}: {shown_safely(part)} is not KEY=VALUE")
            elif key in pairs:
                self.problems.append(f"{place}: {shown(key)} is given twice")
            pairs[key] = value
        self._put(keys, pairs, place)


def _has_password(value: object) -> bool:
    try:
        return isinstance(value, str) and "://" in value and bool(urlsplit(value).password)
    except ValueError:
        return False
