"""The model bites: leaders that are broken on purpose are found out within a few scripts."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from jobstore.model import Execution
from jobstore.states import State
from scheduler import settle
from scheduler.leader.link import Link
from scheduler.leader.outbox import Outbox
from scheduler.leader.reports import Reports
from tests.model.running import run
from tests.model.steps import random_script

RUNS = 60
"""Scripts within which each is found; three are the most that were needed by most of them."""


def _sends_before_the_commit() -> Any:
    submit = Outbox._submit

    def broken(self: Outbox, execution: Execution, *more: Any) -> None:
        link = self._links((execution.executor_id, execution.incarnation))
        if execution.state is State.DISPATCHED and link is not None:
            self.send(link, execution)
        submit(self, execution, *more)

    return patch.object(Outbox, "_submit", broken)


def _acknowledges_before_the_commit() -> Any:
    settled = Reports._settled

    def broken(self: Reports, link: Link, key: Any, *more: Any) -> None:
        link.acknowledge(key)
        settled(self, link, key, *more)

    return patch.object(Reports, "_settled", broken)


def _runs_again_what_may_not() -> Any:
    decided = settle.settle

    def broken(execution: Any, outcome: Any, definition: Any, now: Any) -> Any:
        if definition is not None and outcome.state is State.LOST:
            definition = replace(definition, failover="rerun")
        return decided(execution, outcome, definition, now)

    return patch.object(settle, "settle", broken)


def _never_sends_again() -> Any:
    return patch.object(Outbox, "is_committed", lambda self, execution: False)


def _ignores_its_time() -> Any:
    async def broken(self: Link, call: Any = None) -> None:
        return None

    return patch.object(Link, "_until_may_act", broken)


BROKEN = (
    _sends_before_the_commit,
    _acknowledges_before_the_commit,
    _runs_again_what_may_not,
    _never_sends_again,
    _ignores_its_time,
)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__.strip("_"))
def test_a_broken_leader_is_found_out(broken: Callable[[], Any]) -> None:
    with broken():
        assert any(run(random_script(random.Random(seed), 50)) for seed in range(1, RUNS))
