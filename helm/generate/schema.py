"""values.schema.json: of the values, and, where they become a process's settings, of those."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from cronquorum.settings.schema import in_short
from executor.settings import ExecutorSettings
from helm.generate.values import Value
from scheduler.config import NamespaceRetention, NodeSettings

OURS = frozenset(
    {"advertise", "insecure", "listen", "metrics_listen", "tls"}
    | {"zookeeper", "zookeeper_password_file", "zookeeper_tls", "zookeeper_user"}
)
"""Settings that the chart makes: nobody may give them in `config`."""
OURS_OF_NODES = OURS | {"node_id", "store", "wait_for_schema"}
OURS_OF_EXECUTORS = OURS | {"data", "drain", "executor_id", "kind", "kubernetes_namespace", "label", "slots", "tasks"}

_QUANTITIES = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
IN_SHORT = (NamespaceRetention,)
"""Sections that are no settings of their own, and take a plain text in their place."""
RESOURCES = {
    "type": "object",
    "properties": {"requests": _QUANTITIES, "limits": _QUANTITIES},
    "additionalProperties": False,
}
COUNT_OR_PERCENT = {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+%$"}
VARIABLE = {
    "type": "object",
    "properties": {"name": {"type": "string", "not": {"pattern": "^CRONQUORUM_"}}},
    "required": ["name"],
}
_TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


def make_schema(values: Iterable[Value]) -> dict[str, Any]:
    """The whole schema (JSON Schema, draft 7, as Helm 3 reads it)."""
    executor = _settings(ExecutorSettings, frozenset())
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart cronquorum",
        **_map(values),
        "definitions": {
            **_config("NodeConfig", NodeSettings, OURS_OF_NODES),
            **_config("ExecutorConfig", ExecutorSettings, OURS_OF_EXECUTORS),
            "Kind": executor["properties"]["kind"]["items"],
            "Slots": executor["properties"]["slots"],
            "Resources": RESOURCES,
            "CountOrPercent": COUNT_OR_PERCENT,
            "Variable": VARIABLE,
        },
    }


def _map(values: Iterable[Value]) -> dict[str, Any]:
    properties = {value.path[-1]: _of(value) for value in values}
    if "global" not in properties and any(len(value.path) == 1 for value in values):
        properties["global"] = {"type": "object"}  # Helm gives it to the chart of a chart
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _of(value: Value) -> dict[str, Any]:
    if "$ref" in value.schema:
        return value.schema
    if value.children:
        return _map(value.children)
    return {"type": _TYPES[type(value.default)]} | value.schema


def _config(name: str, schema: type[BaseModel], ours: frozenset[str]) -> dict[str, Any]:
    """The definitions that a process's config file needs, itself as `name`."""
    made = _settings(schema, ours)
    definitions = made.pop("definitions")
    for section in IN_SHORT:
        if section.__name__ in definitions:
            definitions[section.__name__] = {"anyOf": [{"type": "string"}, definitions[section.__name__]]}
    return {**definitions, name: made}


def _settings(schema: type[BaseModel], ours: frozenset[str]) -> dict[str, Any]:
    made = schema.model_json_schema(ref_template="#/definitions/{model}")
    definitions = made.pop("$defs", {})
    made["properties"] = {key: each for key, each in made["properties"].items() if key not in ours}
    for key, each in made["properties"].items():
        if in_short(schema.model_fields[key]):
            made["properties"][key] = {"anyOf": [{"type": "string"}, _bare(each)]}
    made.pop("required", None)  # what is, the chart gives
    used = {part: definitions[part] for part in definitions if f"#/definitions/{part}" in _refs(made, definitions)}
    plain = {key: made[key] for key in ("type", "properties", "additionalProperties")}
    return {**_bare(plain), "definitions": _bare(used)}


def _refs(schema: Any, definitions: dict[str, Any]) -> set[str]:
    """All that a schema refers to, directly or not."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            ref = each.get("$ref")
            if ref is not None and ref not in found:
                found.add(ref)
                waiting.append(definitions[ref.rpartition("/")[2]])
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return found


def _bare(schema: Any) -> Any:
    """Without titles and defaults, which say nothing here."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _bare(each) for name, each in part.items()} if key == "properties" else _bare(part)
        for key, part in schema.items()
        if key not in ("title", "default", "format", "examples")
    }
