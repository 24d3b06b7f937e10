"""Settings that cannot be used: pydantic's findings in the words of this project."""

import re
from collections.abc import Sequence
from datetime import timedelta

from pydantic_core import ErrorDetails

from cronquorum.durations import format_duration
from cronquorum.names import shown

_NOT_A = {
    "whole number": ("int_parsing", "int_type", "int_from_float", "int_parsing_size"),
    "number": ("float_parsing", "float_type", "finite_number"),
    "text": ("string_type", "string_unicode"),
    "path": ("path_type",),
    "list": ("list_type", "tuple_type", "set_type", "frozen_set_type"),
    "table": ("dict_type", "model_type", "model_attributes_type"),
}


class SettingsError(Exception):
    """Settings that cannot be used; `problems` has one line for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def shown_safely(value: object) -> str:
    """A user's value for a message, without the password of an URL."""
    if isinstance(value, timedelta):
        return format_duration(value)
    return shown(re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", value) if isinstance(value, str) else value)


def finding_text(finding: ErrorDetails) -> str:
    """The value that was found, and what would be right."""
    value, kind, limits = shown_safely(finding["input"]), finding["type"], finding.get("ctx", {})
    for noun, kinds in _NOT_A.items():
        if kind in kinds:
            return f"{value} is not a {noun}"
    match kind:
        case "value_error":
            return str(limits["error"])
        case "bool_parsing" | "bool_type":
            return f"{value} is not true or false"
        case "literal_error" | "enum":
            return f"{value} is not {limits['expected']}"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            text = _bound_text(next(iter(limits.values())))
            words = {
                "greater_than_equal": "less than",
                "greater_than": "not more than",
                "less_than_equal": "more than",
                "less_than": "not less than",
            }
            return f"{value} is {words[kind]} {text}"
    return f"{value}: {finding['msg'][:1].lower()}{finding['msg'][1:]}"


def _bound_text(bound: object) -> str:
    """A limit as a user would write it. pydantic tells a length of time by its repr where it is checked last."""
    if isinstance(bound, timedelta):
        return format_duration(bound)
    parts = re.fullmatch(r"datetime\.timedelta\((.*)\)", str(bound))
    if parts is None:
        return str(bound)
    named = dict(part.split("=") for part in parts[1].split(", "))
    return format_duration(timedelta(**{unit: int(number) for unit, number in named.items()}))
