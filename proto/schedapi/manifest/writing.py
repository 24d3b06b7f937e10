"""From the messages of the wire to plain values, in the order in which the contract has their fields."""

from datetime import UTC
from typing import Any

import yaml
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from schedapi.manifest.documents import Manifest
from schedapi.manifest.text import ScalarError, resolve


def to_document(message: Manifest) -> dict[str, Any]:
    """The manifest of a job or a calendar, its status included: what is not set is left out."""
    found: dict[str, Any] = plain(message, whole=False)
    return found


def to_yaml(message: Manifest) -> str:
    """The manifest of a job or a calendar as YAML that `read_documents` reads as the same one."""
    return dump_yaml(to_document(message))


def time_text(time: Timestamp) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    moment = time.ToDatetime(tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(message: Message, *, whole: bool = True) -> Any:
    """A message as dicts, lists and scalars, its fields in lower camel case, its times in RFC 3339.

    `whole`: each field is there, whether set or not: empty lists, and None for what is absent. Integers of
    64 bits are numbers.
    """
    match message:
        case Timestamp():
            return time_text(message)
        case Struct():
            return {key: plain(message.fields[key]) for key in sorted(message.fields)}
        case ListValue():
            return [plain(value) for value in message.values]
        case Value():
            return _json(message)
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        present = message.HasField(field.name) if field.has_presence else bool(value)
        if present or (whole and not field.has_presence):
            found[field.json_name] = _many(field, value, whole) if field.is_repeated else _one(value, whole)
        elif whole:
            found[field.json_name] = None
    return found


def _many(field: Any, value: Any, whole: bool) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {key: _one(value[key], whole) for key in sorted(value)}
    return [_one(part, whole) for part in value]


def _one(value: Any, whole: bool) -> Any:
    if isinstance(value, Message):
        return plain(value, whole=whole)
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _json(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    found = getattr(value, kind)
    if isinstance(found, float) and found.is_integer() and abs(found) <= 2**53:
        return int(found)
    return plain(found) if isinstance(found, Message) else found


class _Dumper(yaml.SafeDumper):
    """Indents lists, and quotes the texts that `resolve` would read as something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        is_text = isinstance(resolve(text), str) and text != "<<"
    except ScalarError:
        is_text = False
    lines = text.split("\n")
    style = None if is_text else '"'
    if not all(line.isprintable() for line in lines):
        style = '"'
    elif len(lines) > 1:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_float(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    digits, exponent, power = repr(number).partition("e")  # YAML 1.1 wants a point before an exponent
    text = digits + (".0" if exponent and "." not in digits else "") + exponent + power
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_float)


def dump_yaml(value: Any) -> str:
    """YAML of plain values, keys in their order, that `read_documents` understands as the same values."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
