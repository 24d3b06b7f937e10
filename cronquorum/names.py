"""Names that users give, and how a wrong one is answered."""

import difflib
import re
from collections.abc import Iterable

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)


def is_dns_label(name: str) -> bool:
    """Whether a name is a DNS label (RFC 1123): what jobs, namespaces and triggers are called."""
    return _LABEL.fullmatch(name) is not None


def shown(value: object, limit: int = 60) -> str:
    """A user's value for an error message: cut, and with everything unprintable escaped."""
    text = ascii(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known word, else nothing."""
    near = difflib.get_close_matches(word[:100], list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
