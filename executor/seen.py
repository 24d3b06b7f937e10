"""Executions that were seen here, and how far each has come: so that a late duplicate is not run again."""

from collections.abc import Container

from executor.assignment import AttemptKey

REMEMBERED = 10_000
"""So many last seen, at least; at most twice as many."""
BEFORE_ALL = (0, -1)

Execution = tuple[str, int]
Order = tuple[int, int]


class Seen:
    """Two generations: once the younger one is full, the older one is forgotten as a whole."""

    def __init__(self) -> None:
        self._young: dict[Execution, Order] = {}
        self._old: dict[Execution, Order] = {}

    def latest(self, execution: Execution) -> Order:
        """The latest placement seen of it (`AttemptKey.order`); `BEFORE_ALL` when there is none."""
        return self._young.get(execution) or self._old.get(execution, BEFORE_ALL)

    def remember(self, key: AttemptKey) -> None:
        """It was seen just now."""
        execution = key[:2]
        self._young[execution] = max(key[2:4], self.latest(execution))
        if len(self._young) >= REMEMBERED:
            self._young, self._old = {}, self._young

    def forget_all_but(self, active: Container[Execution]) -> None:
        """Know none but these from now on."""
        for generation in (self._young, self._old):
            for execution in [each for each in generation if each not in active]:
                del generation[execution]
