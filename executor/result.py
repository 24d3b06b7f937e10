"""What a Python task returns, as JSON that every reader understands."""

import json
import math
from typing import Any

MAX_RESULT = 64 * 1024
"""Bytes of JSON in UTF-8."""
MAX_WIRE = 2 * MAX_RESULT
"""Bytes as a protobuf value, where each number and each element costs more."""
MAX_DEPTH = 30
"""Lists and tables inside of each other; protobuf reads no more than a hundred messages deep, three for a table."""
MAX_INTEGER = 2**53
"""JSON's numbers are doubles on the other side."""


class BadResult(ValueError):
    """A value that cannot be a result; the message says why."""


def encode_result(value: Any) -> str | None:
    """JSON text; None for None, which is no result. Raises `BadResult`."""
    if value is None:
        return None
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
        plain = json.loads(text) if size <= MAX_RESULT else None
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError) as error:
        raise BadResult(f"the result is not JSON: {error}") from None
    if size > MAX_RESULT:
        raise BadResult(f"the result has {size} bytes of JSON; at most {MAX_RESULT} are kept")
    if _cost(plain, 1) > MAX_WIRE:
        raise BadResult(f"the result takes more than {MAX_WIRE} bytes on the wire")
    return text


def _cost(value: Any, depth: int) -> int:
    """About how many bytes a value takes as protobuf."""
    if isinstance(value, str):
        return 8 + len(value.encode())
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise BadResult(f"the result has the integer {value}: beyond 2^53 JSON's numbers are not exact")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadResult("the result has a number that is too large for JSON")
    if not isinstance(value, list | dict):
        return 11
    if depth > MAX_DEPTH:
        raise BadResult(f"the result is nested more than {MAX_DEPTH} deep")
    if isinstance(value, list):
        return 8 + sum(_cost(each, depth + 1) for each in value)
    return 8 + sum(14 + len(key.encode()) + _cost(each, depth + 1) for key, each in value.items())
