"""What a schema's fields are like: read from their annotations, for flags, variables and the file alike."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cronquorum.durations import format_duration
from cronquorum.settings.kinds import Metavar

ENV_PREFIX = "CRONQUORUM_"

Keys = tuple[str, ...]
"""The names that lead to a setting: one, or more inside of sections."""


def plain(annotation: Any) -> Any:
    """A type without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        rest = [part for part in get_args(annotation) if part is not NoneType]
        return plain(rest[0]) if len(rest) == 1 else annotation
    return annotation


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a section."""
    kind = plain(field.annotation)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def in_short(field: FieldInfo) -> tuple[str, ...]:
    """The settings of a section that a plain value in its place is for."""
    short: tuple[str, ...] = getattr(section_of(field), "in_short", ())
    return short


def spelled(schema: type[BaseModel]) -> dict[str, Keys]:
    """The settings that have a flag, by its name (`tls_cert`), and the keys that lead to each."""
    found: dict[str, Keys] = {}
    for name, field in schema.model_fields.items():
        section = section_of(field)
        if section is None or in_short(field):
            found[name] = (name,)
        elif getattr(section, "own_flags", False):
            found |= {f"{name}_{inner}": (name, inner) for inner in section.model_fields}
    return found


def is_list(field: FieldInfo) -> bool:
    return get_origin(plain(field.annotation)) in (list, tuple, set, frozenset)


def is_dict(field: FieldInfo) -> bool:
    return get_origin(plain(field.annotation)) is dict


def is_bool(field: FieldInfo) -> bool:
    return plain(field.annotation) is bool


def metavar(field: FieldInfo) -> str:
    """What stands for the field's value in `--help`."""
    seen: list[Any] = [*field.metadata, field.annotation]
    for item in seen:
        if isinstance(item, Metavar):
            return item.text
        seen.extend(get_args(item))
    kind = plain(field.annotation)
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    return "KEY=VALUE" if is_dict(field) else {int: "N", float: "N", Path: "PATH"}.get(kind, "TEXT")


def default_text(field: FieldInfo) -> str:
    """The default as a user would write it; empty when there is none, or nothing in it."""
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True, validated_data={})
    if in_short(field):
        value = getattr(value, in_short(field)[0])
    match value:
        case timedelta():
            return format_duration(value)
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(map(str, value))
        case set() | frozenset():
            return ", ".join(sorted(map(str, value)))
        case dict():
            return ", ".join(f"{key}={part}" for key, part in value.items())
    return "" if value is None else str(value)


def known_keys(schema: type[BaseModel], above: Keys = ()) -> Iterator[Keys]:
    """The keys of all settings, sections opened."""
    for name, field in schema.model_fields.items():
        section = section_of(field)
        if section is None or in_short(field):
            yield (*above, name)
        if section is not None:
            yield from known_keys(section, (*above, name))


def field_at(schema: type[BaseModel], keys: Keys) -> FieldInfo | None:
    """The field that the keys lead to, if there is one."""
    field = schema.model_fields.get(keys[0])
    if field is None or len(keys) == 1:
        return field
    section = section_of(field)
    return None if section is None else field_at(section, keys[1:])


def leaves(table: Mapping[str, Any], schema: type[BaseModel], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """The settings in a table of the file: sections are opened, other tables are values."""
    for key, value in table.items():
        field = schema.model_fields.get(key)
        section = None if field is None else section_of(field)
        if section is not None and isinstance(value, dict):
            yield from leaves(value, section, (*above, key))
        else:
            yield (*above, key), value
