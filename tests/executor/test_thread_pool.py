"""Threads that do what they are given: what is short in few of them, and behind what waits nothing waits."""

import threading
from queue import SimpleQueue
from random import Random

import pytest

from executor.kinds.thread_pool import ThreadPool
from tests.executor.leader import PATIENCE


def names_of(threads: SimpleQueue[str], count: int) -> list[str]:
    return [threads.get(timeout=PATIENCE) for _ in range(count)]


def test_as_many_at_once_as_there_are_threads() -> None:
    pool, size = ThreadPool(20), 20
    together = threading.Barrier(size + 1)
    for _ in range(3):
        for _ in range(size):
            pool.submit(lambda: together.wait(PATIENCE))
        together.wait(PATIENCE)
    pool.close()


def test_work_behind_work_that_waits_is_done_by_others() -> None:
    pool, go, done = ThreadPool(3), threading.Event(), SimpleQueue[str]()

    def wait() -> None:
        go.wait(PATIENCE)
        done.put("waited")

    for _ in range(2):
        pool.submit(wait)
    for _ in range(500):
        pool.submit(lambda: done.put(threading.current_thread().name))
    assert len(set(names_of(done, 500))) == 1
    go.set()
    assert names_of(done, 2) == ["waited", "waited"]
    pool.close()


def test_what_finds_no_thread_is_done_when_there_is_one() -> None:
    pool, go, done = ThreadPool(2), threading.Event(), SimpleQueue[str]()
    for _ in range(2):
        pool.submit(lambda: go.wait(PATIENCE))
    for _ in range(10):
        pool.submit(lambda: done.put(threading.current_thread().name))
    assert done.empty()
    go.set()
    assert set(names_of(done, 10)) <= {"task-0", "task-1"}
    pool.close()


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_left_lying_whatever_waits_for_what(seed: int) -> None:
    """Each piece waits for one that is given later: a single one that lay in the queue would hold up all."""
    dice, size = Random(seed), 16
    pool, done = ThreadPool(size), SimpleQueue[int]()
    for _ in range(60):
        events = [threading.Event() for _ in range(dice.randint(1, size))]

        def work(number: int, events: list[threading.Event] = events) -> None:
            if number + 1 < len(events):
                events[number + 1].wait(PATIENCE)
            events[number].set()
            done.put(number)

        for number in range(len(events)):
            pool.submit(lambda number=number: work(number))  # type: ignore[misc]  # bound while it is this one
        assert sorted(done.get(timeout=PATIENCE) for _ in events) == list(range(len(events)))
    pool.close()


def test_idle_threads_end_at_the_close_and_others_after_their_work() -> None:
    pool, go, done = ThreadPool(4), threading.Event(), SimpleQueue[str]()
    threads: set[threading.Thread] = set()
    together = threading.Barrier(3)

    def meet() -> None:
        threads.add(threading.current_thread())
        together.wait(PATIENCE)

    for _ in range(2):
        pool.submit(meet)
    together.wait(PATIENCE)

    def stay() -> None:
        threads.add(threading.current_thread())
        done.put("begun")
        go.wait(PATIENCE)

    pool.submit(stay)
    assert done.get(timeout=PATIENCE) == "begun"
    pool.submit(lambda: done.put("last"))
    pool.close()
    assert done.get(timeout=PATIENCE) == "last"
    go.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
