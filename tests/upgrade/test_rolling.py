"""A rolling upgrade under load loses nothing and doubles nothing. How fast it is, `python -m tests.upgrade` judges."""

import json
from collections.abc import Callable

import pytest

from tests.upgrade.rolling import play


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_while_every_process_is_replaced(
    record_property: Callable[[str, object], None],
) -> None:
    found = play()
    record_property("figures", json.dumps(found.figures))
    print(json.dumps(found.figures))
    assert found.wrong == []
    assert len(found.figures["hand_over_s"]) == 3, "the leader was replaced each time"
