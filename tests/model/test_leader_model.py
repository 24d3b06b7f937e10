"""A leader's decisions against a model: crashes at any step, messages in any order.

`python -m tests.model` runs more of it.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.found import FOUND, Found
from tests.model.kinds import KINDS, Step
from tests.model.running import run
from tests.model.steps import PHRASES, phrase

EXAMPLES = 200
"""Some twenty seconds."""

_numbers = st.integers(0, 15)
_kinds = st.sampled_from([kind for kind, (weight, _) in KINDS.items() for _ in range(weight)])
_steps = st.builds(lambda kind, a, b: [Step(kind, a, b)], _kinds, _numbers, _numbers)
_phrases = st.builds(phrase, st.integers(0, len(PHRASES) - 1), st.sampled_from((0, 3)))
_scripts = st.lists(st.one_of(*[_steps] * 8, _phrases), min_size=10, max_size=50)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(first=_numbers, second=_numbers, parts=_scripts)
def test_invariants_hold_whatever_happens(first: int, second: int, parts: list[list[Step]]) -> None:
    begun = [Step("elect"), Step("apply", 0, first), Step("apply", 1, second)]
    failure = run([*begun, *(step for part in parts for step in part)][:50])
    assert failure is None, str(failure)


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.name)
def test_what_was_found_stays_mended(found: Found) -> None:
    failure = run(found.steps)
    assert failure is None, str(failure)
