"""The load while it runs: threads, each with its own part of the jobs, that edit, pause, delete, run and cancel."""

import itertools
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from tests.gate.load import Job, Size, edited, make_jobs
from tests.gate.load_calls import Caller, Done
from tests.gate.load_history import OK, UNKNOWN, History

THREADS = 4
TOGETHER = 100
"""Jobs of one apply at the start."""
TRIES = 4
ACTIVE, PAUSED, DELETED = "active", "paused", "deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """What to do next, after `pause` seconds. `job` as it is to be; `retry`: an unknown outcome is tried again."""

    pause: float
    what: str
    job: Job
    retry: bool
    catch_up: bool = False
    seconds: float = 0.0


def operations(dice: Random, jobs: Sequence[Job], size: Size, rate: float) -> Iterator[Operation]:
    """Endless, and the same for the same dice; every job is followed through its states."""
    states = {job.name: ACTIVE for job in jobs}
    now = {job.name: job for job in jobs}
    # the jobs that fire are the interesting ones
    weights = [4 if job.pace != "seldom" else 1 for job in jobs]
    while True:
        job = now[dice.choices(jobs, weights)[0].name]
        what = _next(dice, states[job.name])
        if what == "apply":
            job = now[job.name] = edited(job, dice, size)
        states[job.name] = {"apply": states[job.name], "pause": PAUSED, "resume": ACTIVE, "delete": DELETED}.get(
            what, states[job.name]
        )
        if what == "create":
            what, states[job.name] = "apply", ACTIVE
        yield Operation(
            pause=dice.expovariate(rate),
            what=what,
            job=job,
            retry=dice.random() < 0.9,
            catch_up=dice.random() < 0.3,
            seconds=dice.choice((0.0, 0.5, 5.0, 15.0)),
        )


def _next(dice: Random, state: str) -> str:
    if state == DELETED:
        return "create"
    if state == PAUSED and dice.random() < 0.7:
        return "resume"
    words = ("apply", "pause", "delete", "run", "run-cancel", "cancel-any")
    return dice.choices(words, (30, 15, 8, 25, 10, 5))[0]


class Load:
    """`begin` applies all jobs, `start` has the threads edit them, `finish` ends that and pauses every job."""

    def __init__(self, endpoints: Sequence[str], history: History, seed: int, size: Size, rate: float) -> None:
        self._endpoints = list(endpoints)
        self._history = history
        self._seed = seed
        self._size = size
        self._rate = rate
        self.jobs = make_jobs(seed, size)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._deleted: set[str] = set()
        self.broken: list[str] = []

    def begin(self) -> None:
        caller = self._caller(0)
        for first in range(0, len(self.jobs), TOGETHER):
            some = self.jobs[first : first + TOGETHER]
            done = caller.apply(some, timeout=timedelta(seconds=30))
            done = self._insist(
                done,
                lambda last, some=some: caller.apply(  # type: ignore[misc]
                    some, request_id=last.request_id, again=last.number, timeout=timedelta(seconds=30)
                ),
            )
            if done.outcome != OK:
                raise RuntimeError(f"the load could not be applied: see history.jsonl, call {done.number}")
        caller.close()

    def start(self) -> None:
        for number in range(THREADS):
            thread = threading.Thread(target=self._work, args=(number,), name=f"load-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """No further edits; returns when those under way are answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def finish(self) -> bool:
        """Pause every job, so that nothing more is due; returns whether each pause is known to have happened."""
        self.stop()
        threads, left = [], itertools.count()
        answers: list[bool] = []

        def work(caller: Caller) -> None:
            while (index := next(left)) < len(self.jobs):
                # a job that is deleted is refused, and fires no more either
                answers.append(self._pause(caller, self.jobs[index].name).outcome != UNKNOWN)
            caller.close()

        for number in range(THREADS):
            threads.append(threading.Thread(target=work, args=(self._caller(number),), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return len(answers) == len(self.jobs) and all(answers)

    def _pause(self, caller: Caller, job: str) -> Done:
        def again(last: Done) -> Done:
            return caller.pause(job, request_id=last.request_id, again=last.number)

        return self._insist(caller.pause(job), again)

    def _caller(self, number: int) -> Caller:
        turn = number % len(self._endpoints)
        return Caller([*self._endpoints[turn:], *self._endpoints[:turn]], self._history)

    def _work(self, number: int) -> None:
        caller = self._caller(number)
        mine = self.jobs[number::THREADS]
        try:
            dice = Random(f"operations {self._seed} {number}")
            for operation in operations(dice, mine, self._size, self._rate / THREADS):
                if self._stop.wait(operation.pause):
                    break
                self._carry_out(caller, operation)
        except Exception:  # a thread that ends silently would make an easy run
            self.broken.append(traceback.format_exc())
            print(f"a thread of the load broke:\n{self.broken[-1]}", file=sys.stderr)
        finally:
            caller.close()

    def _carry_out(self, caller: Caller, operation: Operation) -> None:
        job, name = operation.job, operation.job.name
        match operation.what:
            case "apply":
                self._try(operation, lambda id_, again: caller.apply([job], request_id=id_, again=again))
            case "pause":
                self._try(operation, lambda id_, again: caller.pause(name, request_id=id_, again=again))
            case "resume":
                self._try(
                    operation, lambda id_, again: caller.resume(name, operation.catch_up, request_id=id_, again=again)
                )
            case "delete":
                self._try(operation, lambda id_, again: caller.delete(name, request_id=id_, again=again))
            case "run":
                self._run(caller, operation)
            case "run-cancel":
                ran = self._run(caller, operation)
                self._stop.wait(operation.seconds / 10)
                if ran.outcome == OK:
                    self._cancel(caller, operation, name, ran.answer["execution"])
            case "cancel-any":
                for some, execution in caller.some_running()[:1]:
                    self._cancel(caller, operation, some, execution)

    def _run(self, caller: Caller, operation: Operation) -> Done:
        params = {"seconds": operation.seconds, "fails": 0}
        name = operation.job.name
        return self._try(operation, lambda id_, again: caller.run(name, params, request_id=id_, again=again))

    def _cancel(self, caller: Caller, operation: Operation, job: str, execution: str) -> None:
        self._try(operation, lambda id_, again: caller.cancel(job, execution, request_id=id_, again=again))

    def _try(self, operation: Operation, call: Callable[[str, int], Done]) -> Done:
        done = call("", 0)
        if operation.retry:
            done = self._insist(done, lambda last: call(last.request_id, last.number), tries=TRIES)
        return done

    def _insist(self, done: Done, again: Callable[[Done], Done], tries: int = 20) -> Done:
        """The same request again while its outcome is unknown."""
        for _ in range(tries):
            if done.outcome != UNKNOWN:
                break
            threading.Event().wait(0.5)
            done = again(done)
        return done
