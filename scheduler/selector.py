"""Selectors over labels: `zone=a,gpu in (h100,h200)`, in the language of Kubernetes label selectors.

Terms, joined by commas, must all hold: `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k`, `!k`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cronquorum.names import shown

MAX_LENGTH = 1024
_KEY = r"[A-Za-z0-9]([-A-Za-z0-9_./]{0,251}[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9_.\-]{0,63}"
_TERM = re.compile(
    rf"\s*(?:(?P<key>{_KEY})(?:\s*(?P<op>==|=|!=)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?|!\s*(?P<absent>{_KEY}))\s*",
    re.ASCII,
)


class SelectorError(ValueError):
    """A text that is not a selector; the message says where it ends to be one."""


@dataclass(frozen=True, slots=True)
class _Term:
    key: str
    values: frozenset[str] | None
    """None: any value will do."""
    wanted: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        present = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return present == self.wanted


@dataclass(frozen=True, slots=True)
class Selector:
    """A conjunction of terms; without terms it matches everything."""

    terms: tuple[_Term, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether all terms hold."""
        return all(term.holds(labels) for term in self.terms)


def _term(match: re.Match[str], text: str) -> _Term:
    if match["absent"]:
        return _Term(match["absent"], None, wanted=False)
    if match["set"]:
        values = [value.strip() for value in match["values"].split(",")]
        if not all(re.fullmatch(_VALUE, value, re.ASCII) and value for value in values):
            raise SelectorError(f"the values of {match['key']!r} are not a list such as (a,b) in {shown(text)}")
        return _Term(match["key"], frozenset(values), wanted=match["set"] == "in")
    if match["op"]:
        return _Term(match["key"], frozenset((match["value"],)), wanted=match["op"] != "!=")
    return _Term(match["key"], None, wanted=True)


def parse_selector(text: str) -> Selector:
    """Read a selector; an empty text matches everything. Raises `SelectorError`."""
    if len(text) > MAX_LENGTH:
        raise SelectorError(f"longer than {MAX_LENGTH} characters")
    if not text.strip():
        return Selector()
    terms, position = [], 0
    while True:
        match = _TERM.match(text, position)
        if match is None:
            raise SelectorError(
                f"column {position + 1} of {shown(text)} does not begin a term such as zone=a, zone!=a, "
                "gpu in (a,b), gpu or !gpu"
            )
        terms.append(_term(match, text))
        position = match.end()
        if position == len(text):
            return Selector(tuple(terms))
        if text[position] != ",":
            raise SelectorError(f"column {position + 1} of {shown(text)}: a comma is missing")
        position += 1
