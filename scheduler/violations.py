"""What pydantic finds wrong with a definition, with the places and the words of a manifest."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from cronquorum.names import shown, suggestion
from scheduler.errors import Violation


def read_violations(error: ValidationError, model: type[BaseModel], root: str = "spec") -> list[Violation]:
    """Every finding about a value that was read as `model`; `root` is where the value stands in the manifest."""
    return [_violation(dict(detail), model, root) for detail in error.errors()]


def _violation(detail: dict[str, Any], model: type[BaseModel], root: str) -> Violation:
    path = root
    for part in detail["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    match detail["type"]:
        case "missing":
            message = "is missing"
        case "extra_forbidden":
            known = _fields_at(model.model_json_schema(by_alias=True), detail["loc"][:-1])
            message = f"unknown field{suggestion(str(detail['loc'][-1]), known)}"
        case "value_error":
            message = str(detail["ctx"]["error"])
        case "too_long" | "string_too_long":
            unit = "characters" if isinstance(detail["input"], str) else "items"
            message = f"{len(detail['input'])} {unit} of at most {detail['ctx']['max_length']}"
        case _:
            told = detail["msg"]
            message = f"{shown(detail['input'])}: {told[:1].lower()}{told[1:]}"
    return Violation(path, message)


def _fields_at(schema: Mapping[str, Any], location: tuple[Any, ...]) -> list[str]:
    """The fields that a model of this JSON schema has at a place."""
    at: Any = schema
    for part in location:
        at = at.get("properties", {}).get(part, {}) if isinstance(part, str) else _items(at)
        at = _resolved(schema, at)
    return list(at.get("properties", {}))


def _items(at: Mapping[str, Any]) -> Any:
    lists = (choice["items"] for choice in (at, *at.get("anyOf", ())) if "items" in choice)
    return next(lists, {})


def _resolved(schema: Mapping[str, Any], at: Any) -> Any:
    """What a reference stands for; of an optional value, the value."""
    for choice in (at, *at.get("anyOf", ())):
        if "$ref" in choice:
            return schema["$defs"][choice["$ref"].rsplit("/", 1)[1]]
    return at
