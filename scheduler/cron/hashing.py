"""H: a value that the expression leaves open and the key of its job decides.

    item = "H" ["(" value "-" value ")"] ["/" step]

The meaning is that of Jenkins (`hudson.scheduler.BaseParser.doHash`): `H` is one value, in a day-of-month one of
1-28; `H/15` is every fifteenth value from one of the first fifteen; a range in brackets says where to pick. One
difference: Jenkins takes `H/1` for `H`, which nobody expects; here it is an error.

The same key gives the same value in the same field, on every machine and in every release: the hash is SHA-256 of
the key and the field's name. Keep it so: a change would move the jobs of everybody.
"""

import hashlib
import re

from .fields import Field
from .items import read_value
from .words import Word

_HASH = re.compile(r"H(?:\((?P<first>[0-9]+|[A-Z]+)-(?P<last>[0-9]+|[A-Z]+)\))?(?:/(?P<step>[0-9]+))?", re.IGNORECASE)
_LOOKS_LIKE_HASH = re.compile(r"H([(/].*)?", re.IGNORECASE)


def resolve(field: Field, item: Word, key: str | None) -> Word:
    """The item with values in place of H: `37` for `H`, `7-29/10` for `H(0-29)/10`. Other items are unchanged."""
    if not _LOOKS_LIKE_HASH.fullmatch(item.text):
        return item
    match = _HASH.fullmatch(item.text)
    if match is None:
        raise item.error(field, "is not H, H(first-last), H/step or H(first-last)/step")
    if field.hashed is None:
        raise item.error(field, f"cannot be hashed; {field.allowed} is allowed")
    first, last = _range(field, item, match)
    count = last - first + 1
    step = item.group(match, "step")
    if step is not None and not 2 <= int(step.text) <= count:
        allowed = f"2-{count} is allowed" if count > 1 else "there is one value only"
        raise step.error(field, f"is not a step of H; {allowed}")
    if not key:
        raise item.error(field, "needs a key from which the value is hashed, and none was given")
    chosen = first + _hash(f"{key}\n{field.name}") % (count if step is None else int(step.text))
    text = str(chosen) if step is None else f"{chosen}-{last}/{int(step.text)}"
    return Word(text, item.start, item.source)


def _range(field: Field, item: Word, match: re.Match[str]) -> tuple[int, int]:
    first, last = item.group(match, "first"), item.group(match, "last")
    if first is None or last is None:
        assert field.hashed is not None
        return field.hashed
    low, high = read_value(field, first), read_value(field, last)
    if low > high:
        raise item.error(field, "is a bad hash range: it runs backwards")
    return low, high


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
