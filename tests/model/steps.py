"""Scripts: steps at random, and such as belong together."""

import random

from tests.model import asking, faults
from tests.model.kinds import KINDS, Step

assert asking and faults  # they fill KINDS

PHRASES: tuple[tuple[tuple[str, int, int], ...], ...] = (
    (("stop", 0, 0), ("wait", 7, 0), ("elect", 0, 0), ("wake", 0, 0)),
    (("hold_store", 0, 0), ("wait", 8, 0), ("store_does", 0, 0), ("crash", 0, 0)),
    (("last", 1, 5), ("run", 0, 0), ("isolate", 1, 1), ("wait", 14, 0), ("rejoin", 1, 0)),
    (("last", 2, 5), ("wait", 11, 0), ("isolate", 2, 0), ("wait", 15, 0), ("wait", 1, 0)),
    (("blackout", 1, 0), ("wait", 12, 0), ("crash", 0, 2), ("gap", 3, 0), ("elect", 0, 0), ("blackout", 0, 0)),
    (("crash", 0, 2), ("wait", 14, 0), ("elect", 0, 0)),
    (("die", 1, 2), ("wait", 12, 0), ("wait", 13, 0), ("restart", 0, 1)),
    (("pause", 0, 0), ("wait", 13, 0), ("resume", 0, 1), ("crash", 0, 0)),
    (("hold_stream", 0, 1), ("last", 0, 0), ("run", 0, 0), ("wait", 3, 0), ("break_stream", 0, 0)),
    (("hold_store", 0, 0), ("wait", 11, 0), ("apply", 0, 3), ("wait", 8, 0), ("store_answers", 0, 1)),
    (("hold_store", 0, 0), ("wait", 11, 0), ("pause", 0, 0), ("wait", 5, 0), ("store_answers", 0, 1)),
    (("hold_store", 0, 2), ("wait", 8, 0), ("delete", 0, 0), ("store_does", 0, 0), ("wait", 5, 0), ("crash", 0, 0)),
    (("cut", 0, 0), ("hold_stream", 0, 0), ("run", 0, 0), ("wait", 8, 0), ("elect", 0, 0), ("let_flow", 0, 0)),
)
"""Steps that belong together: what comes rarely by chance. Their first numbers are moved on at random."""


def phrase(which: int, a: int) -> list[Step]:
    """One of them."""
    return [Step(kind, first + a, second) for kind, first, second in PHRASES[which % len(PHRASES)]]


def random_script(draw: random.Random, length: int) -> list[Step]:
    """A script: a node, a few jobs, and then anything."""
    kinds, weights = list(KINDS), [weight for weight, _ in KINDS.values()]
    script = [Step("elect"), Step("apply", 0, draw.randrange(16)), Step("apply", 1, draw.randrange(16))]
    while len(script) < length:
        if draw.random() < 0.06:
            script += phrase(draw.randrange(len(PHRASES)), 3 * draw.randrange(2))
        else:
            (kind,) = draw.choices(kinds, weights)
            script.append(Step(kind, draw.randrange(16), draw.randrange(16)))
    return script[:length]
