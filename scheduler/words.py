"""Words that must be one of a known set: policies, strategies, states."""

from collections.abc import Iterable, Iterator

from cronquorum.names import shown, suggestion
from scheduler.errors import Violation


def check_word(word: str, known: Iterable[str], field: str) -> Iterator[Violation]:
    """Nothing when the word is known; else what the known ones are, and which is nearest."""
    words = list(known)
    if word not in words:
        yield Violation(field, f"{shown(word)} is not one of {', '.join(words)}{suggestion(word, words)}")
