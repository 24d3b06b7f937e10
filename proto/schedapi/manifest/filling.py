"""From plain values to the messages of the wire, by their descriptors."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cronquorum.names import shown, suggestion

FEW = 4
"""So many fields are all named when an unknown one is near to none of them."""

_DURATION = "a duration such as 90s, 10m, 1h30m or 2d"
_INSTANT = "an instant such as 2030-03-01T02:30:00+01:00"
_TIME = "a time of day such as 09:00"
_SUCH = {
    **dict.fromkeys(("Interval.every", "Interval.offset", "Daily.every", "Trigger.after", "Trigger.jitter"), _DURATION),
    **dict.fromkeys(("Misfire.threshold", "JobSpec.timeout", "JobSpec.startDeadline"), _DURATION),
    "KubernetesTask.startTimeout": _DURATION,
    **dict.fromkeys(("Retry.delay", "Retry.maxDelay", "Retention.succeeded", "Retention.failed"), _DURATION),
    **dict.fromkeys(("Trigger.at", "Trigger.start", "Trigger.end"), _INSTANT),
    **dict.fromkeys(("Daily.from", "Daily.to", "DailyWindow.from", "DailyWindow.to"), _TIME),
    "CalendarInterval.from": "a local time such as 2026-01-31T02:30",
    "Daily.days": "days of the week such as MON-FRI or MON,TUE",
    "CalendarRule.weekly": "a day of the week: SUN, MON, TUE, WED, THU, FRI, SAT, or MON-FRI",
    "CalendarRule.dates": "a day such as 2026-12-24, or 2026-12-24..2027-01-01",
    "CalendarRule.annual": "a month and day such as 12-24, or 12-24..01-01",
}
"""What a text has to be where quotes alone would not make one of a number; by message and field."""

_WHOLE = {FieldDescriptor.CPPTYPE_INT32: 31, FieldDescriptor.CPPTYPE_INT64: 53}


class Filler:
    """Fills messages, and collects what does not fit: pairs of a field's path and a message."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []

    def wrong(self, path: str, message: str) -> None:
        """Note a problem."""
        self.problems.append((path, message))

    def fill(self, message: Message, value: Any, path: str = "") -> None:
        """Set a message's fields to a mapping's values; `path` is where the mapping stands."""
        fields: dict[str, Any] = {field.json_name: field for field in message.DESCRIPTOR.fields}
        if not isinstance(value, dict):
            self.wrong(path, f"{shown_value(value)} is not a mapping with fields such as {', '.join(list(fields)[:3])}")
            return
        message.SetInParent()
        for key, part in value.items():
            if key not in fields:
                few = f"; known are {', '.join(fields)}" if len(fields) <= FEW else ""
                self.wrong(_inside(path, key), f"unknown field{suggestion(key, fields) or few}")
            elif part is not None:
                self._one_of(message, fields[key], path)
                self._field(message, fields[key], part, _inside(path, key))

    def _one_of(self, message: Message, field: FieldDescriptor, path: str) -> None:
        other = message.WhichOneof(field.containing_oneof.name) if field.containing_oneof else None
        if other is not None and other != field.name:
            also = message.DESCRIPTOR.fields_by_name[other].json_name
            self.wrong(path, f"{also!r} and {field.json_name!r} are given; choose one")

    def _field(self, message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            for key, part in self._entries(value, path):
                self._put(getattr(message, field.name), key, part, kind.fields_by_name["value"], _inside(path, key))
        elif field.is_repeated:
            self._repeated(message, field, value, path)
        elif kind is None:
            self._put(message, field.name, value, field, path)
        elif kind.full_name == "google.protobuf.Struct":
            for key, part in self._entries(value, path):
                self._parameter(getattr(message, field.name), key, part, _inside(path, key))
            if isinstance(value, dict):
                getattr(message, field.name).SetInParent()
        else:
            self.fill(getattr(message, field.name), value, path)

    def _repeated(self, message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
        if not isinstance(value, list):
            self.wrong(path, f"{shown_value(value)} is not a list")
            return
        items = getattr(message, field.name)
        for index, part in enumerate(value):
            if field.message_type is not None:
                self.fill(items.add(), part, f"{path}[{index}]")
            else:
                self._put(items, None, part, field, f"{path}[{index}]")

    def _entries(self, value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            yield from value.items()
        else:
            self.wrong(path, f"{shown_value(value)} is not a mapping")

    def _parameter(self, struct: Any, key: str, value: Any, path: str) -> None:
        try:
            struct.update({key: value})
        except ValueError:
            self.wrong(path, f"{shown_value(value)} is not valid Unicode")

    def _put(self, target: Any, key: str | None, value: Any, field: FieldDescriptor, path: str) -> None:
        """Set a scalar: of a message (by attribute), of a map (by key), or the next one of a list."""
        wrong = _scalar_problem(field, value)
        if wrong:
            self.wrong(path, wrong)
            return
        try:
            if key is None:
                target.append(value)
            elif isinstance(target, Message):
                setattr(target, key, value)
            else:
                target[key] = value
        except ValueError:
            self.wrong(path, f"{shown_value(value)} is not valid here")


def shown_value(value: Any) -> str:
    """A manifest's value for a message, as JSON has it where Python differs."""
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or value is True or value is False
        else shown(value)
    )


def _scalar_problem(field: FieldDescriptor, value: Any) -> str:
    kind = field.cpp_type
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == FieldDescriptor.CPPTYPE_STRING and not isinstance(value, str):
        return _no_text(field, value)
    if kind == FieldDescriptor.CPPTYPE_BOOL and not isinstance(value, bool):
        return f"{shown_value(value)} is not true or false"
    if kind == FieldDescriptor.CPPTYPE_DOUBLE and not (whole or isinstance(value, float)):
        return f"{shown_value(value)} is not a number"
    if kind in _WHOLE:
        if not whole:
            return f"{shown_value(value)} is not a whole number"
        if abs(value) >= 2 ** _WHOLE[kind]:
            return f"{shown_value(value)} is out of range: {2 ** _WHOLE[kind] - 1} is the largest number here"
    return ""


def _no_text(field: FieldDescriptor, value: Any) -> str:
    message = field.containing_type
    such = _SUCH.get(f"{message.name}.{field.json_name}") if message is not None else None
    if such is None:
        quotes = "; put it in quotes" if value is not None and not isinstance(value, dict | list) else ""
        return f"{shown_value(value)} is not a text{quotes}"
    words = isinstance(value, list) and value and all(isinstance(part, str) and part.isalnum() for part in value)
    write = f"; write {','.join(value)[:60]}" if words and field.name == "days" else ""
    return f"{shown_value(value)} is not {such}{write}"


def _inside(path: str, key: str) -> str:
    simple = key.replace("-", "").replace("_", "").replace("/", "").isalnum() and key.isascii() and len(key) <= 60
    if not simple:
        return f"{path}[{shown(key)}]"
    return f"{path}.{key}" if path else key
