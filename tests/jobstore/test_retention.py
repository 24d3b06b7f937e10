"""How long an execution stays: the nearest word counts, for each of the two kinds of ends by itself."""

from datetime import timedelta

import pytest

from jobstore.retention import Retention, Said
from jobstore.states import FINAL, State

DAY = timedelta(days=1)
RULE = Retention(
    succeeded=30 * DAY,
    failed=90 * DAY,
    namespaces={"brief": Said(succeeded=DAY), "both": Said(succeeded=2 * DAY, failed=3 * DAY)},
)


@pytest.mark.parametrize(
    ("namespace", "job", "succeeded", "failed"),
    [
        ("default", Said(), 30, 90),
        ("default", Said(succeeded=7 * DAY), 7, 90),
        ("default", Said(failed=7 * DAY), 30, 7),
        ("brief", Said(), 1, 90),
        ("both", Said(), 2, 3),
        ("both", Said(failed=400 * DAY), 2, 400),
    ],
)
def test_the_nearest_word_counts(namespace: str, job: Said, succeeded: int, failed: int) -> None:
    for state in FINAL:
        days = failed if state in (State.FAILED, State.TIMED_OUT, State.LOST) else succeeded
        assert RULE.kept(state, namespace, job) == days * DAY
    assert RULE.shortest(namespace, job) == min(succeeded, failed) * DAY
    assert RULE.longest(namespace, job) == max(succeeded, failed) * DAY
