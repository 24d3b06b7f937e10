"""Words that must be one of a known set: policies, strategies, states."""

from collections.abc import Collection, Iterator

from cronquorum.names import shown, suggestion
from scheduler.errors import Violation


def check_word(word: str, known: Collection[str], field: str) -> Iterator[Violation]:
    """Nothing when the word is known; else what the known ones are, and which is nearest."""
    if word not in known:
        words = list(known)
        yield Violation(field, f"{shown(word)} is not one of {', '.join(words)}{suggestion(word, words)}")
