"""What pydantic finds wrong with a definition, with the places and the words of a manifest."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from cronquorum.names import shown, suggestion
from scheduler.errors import Violation

_KINDS = {
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "float_type": "a number",
}
"""What a value had to be, by pydantic's name for the error."""


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
            known = list(_at(model, detail["loc"][:-1]).get("properties", {}))
            message = f"unknown field{suggestion(str(detail['loc'][-1]), known)}"
        case "value_error":
            message = str(detail["ctx"]["error"])
            if message.startswith("must "):
                message = f"{_shown(detail['input'])} {message}"
        case "too_long" | "string_too_long":
            unit = "characters" if isinstance(detail["input"], str) else "items"
            message = f"{len(detail['input'])} {unit} of at most {detail['ctx']['max_length']}"
        case "too_short" | "string_too_short" if not detail["input"]:
            message = "is empty"
        case "greater_than_equal" | "less_than_equal":
            least, most = _bounds(_at(model, detail["loc"]))
            message = f"{shown(detail['input'])} is not in {least}-{most}"
        case "int_type" | "int_from_float":
            bounds = _bounds(_at(model, detail["loc"]))
            within = "" if None in bounds else " in {}-{}".format(*bounds)
            message = f"{_shown(detail['input'])} is not a whole number{within}"
        case kind if kind in _KINDS:
            message = f"{_shown(detail['input'])} is not {_KINDS[kind]}"
        case _:
            told = detail["msg"]
            message = f"{_shown(detail['input'])}: {told[:1].lower()}{told[1:]}"
    return Violation(path, message)


def _shown(value: object) -> str:
    """A value as JSON has it where Python differs."""
    return json.dumps(value) if value is None or isinstance(value, bool) else shown(value)


def _at(model: type[BaseModel], location: tuple[Any, ...]) -> Mapping[str, Any]:
    """What the JSON schema of a model says of a place; nothing where it says nothing."""
    schema = model.model_json_schema(by_alias=True)
    at: Any = schema
    for part in location:
        at = at.get("properties", {}).get(part, {}) if isinstance(part, str) else _items(at)
        at = _resolved(schema, at)
    return dict(at)


def _bounds(at: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The least and the largest number that are allowed at a place."""
    choice: Mapping[str, Any] = next(
        (each for each in (at, *at.get("anyOf", ())) if "minimum" in each or "maximum" in each), {}
    )
    return choice.get("minimum"), choice.get("maximum")


def _items(at: Mapping[str, Any]) -> Any:
    lists = (choice["items"] for choice in (at, *at.get("anyOf", ())) if "items" in choice)
    return next(lists, {})


def _resolved(schema: Mapping[str, Any], at: Any) -> Any:
    """What a reference stands for; of an optional value, the value."""
    for choice in (at, *at.get("anyOf", ())):
        if "$ref" in choice:
            return schema["$defs"][choice["$ref"].rsplit("/", 1)[1]]
    return at
