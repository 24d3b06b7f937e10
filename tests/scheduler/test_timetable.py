"""The triggers due in the next seconds: nothing lost, nothing twice."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jobstore.model import DueTrigger
from scheduler.leader.timetable import FIRST_UID, OFTEN_AHEAD, Place, Timetable
from tests.scheduler.building import NOW

SECOND = timedelta(seconds=1)
JOBS = [UUID(int=900 + number) for number in range(3)]


def uid(number: int) -> UUID:
    return UUID(int=number + 1)


def due(number: int, at: float, job: UUID = JOBS[0]) -> DueTrigger:
    return DueTrigger(uid=uid(number), job_uid=job, next_fire=NOW + at * SECOND)


def known(until: float, *rows: DueTrigger) -> Timetable:
    """A timetable that has read so far."""
    timetable = Timetable()
    place = (NOW + until * SECOND, FIRST_UID)
    timetable.begin_reading(place)
    timetable.end_reading(list(rows), place)
    return timetable


def take(timetable: Timetable, at: float, limit: int = 100) -> list[int]:
    taken, missing = timetable.take(NOW + at * SECOND, limit, lambda job: True)
    assert not missing
    return [trigger.uid.int - 1 for trigger in taken]


def test_what_is_due_is_taken_in_order_and_once() -> None:
    timetable = known(10, due(1, 3), due(2, 1), due(3, 1), due(4, 7))
    assert timetable.next_due() == NOW + SECOND
    assert take(timetable, 5) == [2, 3, 1]
    assert take(timetable, 5) == []
    assert timetable.upcoming(5) == [due(4, 7)]
    assert len(timetable) == 1


def test_at_most_so_many_are_taken_and_the_rest_stays() -> None:
    timetable = known(10, *(due(number, 1) for number in range(5)))
    assert take(timetable, 1, limit=2) == [0, 1]
    assert take(timetable, 1, limit=2) == [2, 3]
    assert take(timetable, 1, limit=2) == [4]


def test_what_fires_often_is_looked_at_less_long_before_its_time() -> None:
    timetable = known(
        10, due(1, 5), replace(due(2, 5), previous_fire=NOW + 4 * SECOND), replace(due(3, 5), previous_fire=NOW)
    )
    ahead = timedelta(milliseconds=950)
    assert timetable.next_due(ahead) == NOW + 4.05 * SECOND

    def looked_at(at: float) -> list[int]:
        taken, _ = timetable.take(NOW + at * SECOND, 100, lambda job: True, ahead)
        return [trigger.uid.int - 1 for trigger in taken]

    assert [looked_at(at) for at in (4.04, 4.05, 4.49)] == [[], [1, 3], []]
    assert timetable.next_due(ahead) == NOW + 5 * SECOND - OFTEN_AHEAD
    timetable.put(uid(4), JOBS[0], NOW + 4.6 * SECOND, 1)
    timetable.put(uid(5), JOBS[0], NOW + 5.6 * SECOND, 1, None, NOW + 4.6 * SECOND)
    assert [looked_at(at) for at in (4.5, 5.1)] == [[4, 2], [5]]


def test_what_lies_behind_the_horizon_is_left_to_the_store() -> None:
    timetable = known(10)
    timetable.put(uid(1), JOBS[0], NOW + 9 * SECOND, 0)
    timetable.put(uid(2), JOBS[0], NOW + 10 * SECOND, 0)
    timetable.put(uid(3), JOBS[0], NOW + 11 * SECOND, 0)
    timetable.put(uid(4), JOBS[0], None, 0)
    assert take(timetable, 100) == [1]


def test_what_is_decided_while_the_store_is_asked_is_newer_than_its_answer() -> None:
    timetable = known(10, due(1, 5))
    timetable.begin_reading((NOW + 20 * SECOND, FIRST_UID))
    timetable.put(uid(2), JOBS[0], NOW + 12 * SECOND, 0)  # the store will still say 15
    timetable.put(uid(3), JOBS[0], NOW + 30 * SECOND, 0)  # and 16
    timetable.drop(uid(4))
    timetable.end_reading([due(2, 15), due(3, 16), due(4, 17), due(5, 18)], (NOW + 20 * SECOND, FIRST_UID))
    assert take(timetable, 100) == [1, 2, 5]


def test_a_read_that_was_cut_short_moves_the_horizon_only_so_far() -> None:
    timetable = Timetable()
    timetable.begin_reading((NOW + 20 * SECOND, FIRST_UID))
    timetable.put(uid(9), JOBS[0], NOW + 12 * SECOND, 0)
    timetable.end_reading([due(1, 5), due(2, 6)], (NOW + 6 * SECOND, uid(2)))
    assert timetable.horizon == (NOW + 6 * SECOND, uid(2))
    timetable.begin_reading((NOW + 20 * SECOND, FIRST_UID))
    timetable.end_reading([due(9, 12)], (NOW + 20 * SECOND, FIRST_UID))  # once more
    assert take(timetable, 100) == [1, 2, 9]


def test_a_frozen_job_fires_nothing_and_keeps_its_triggers() -> None:
    timetable = known(10, due(1, 1), due(2, 2, JOBS[1]))
    timetable.freeze(JOBS[0])
    assert timetable.next_due() == NOW + 2 * SECOND
    assert take(timetable, 5) == [2]
    assert timetable.next_due() is None
    assert timetable.of_job(JOBS[0]) == [due(1, 1)]
    timetable.thaw(JOBS[0])
    assert take(timetable, 5) == [1]


def test_triggers_whose_job_is_not_at_hand_stay_and_the_job_is_named() -> None:
    timetable = known(10, due(1, 1), due(2, 1, JOBS[1]), due(3, 1, JOBS[1]))
    taken, missing = timetable.take(NOW + SECOND, 10, lambda job: job == JOBS[0])
    assert ([trigger.uid for trigger in taken], missing) == ([uid(1)], {JOBS[1]})
    assert take(timetable, 1) == [2, 3]


@dataclass(frozen=True)
class Row:
    """A trigger as the store has it."""

    job: UUID
    next_fire: datetime | None


class Racing(RuleBasedStateMachine):
    """A timetable over a store whose answers come late, beside the plain truth.

    The leader decides in memory, and the store follows: so a write counts for every read that is asked
    after it, and for none that was asked before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.timetable = Timetable()
        self.now = NOW
        self.truth: dict[UUID, Row] = {}
        """Also what the store holds: each write is behind the decision, and each read behind the writes."""
        self.asked: tuple[list[DueTrigger], Place] | None = None
        self.frozen: set[UUID] = set()

    triggers = st.integers(0, 9)
    instants = st.none() | st.integers(0, 40)

    def instant(self, seconds: int | None) -> datetime | None:
        return None if seconds is None else self.now + seconds * SECOND

    @rule(seconds=st.integers(0, 8))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(number=triggers, seconds=instants, before=st.none() | st.integers(0, 4))
    def put(self, number: int, seconds: int | None, before: int | None) -> None:
        job, next_fire = JOBS[number % 3], self.instant(seconds)
        previous = None if next_fire is None or before is None else next_fire - before * SECOND
        self.truth[uid(number)] = Row(job, next_fire)
        self.timetable.put(uid(number), job, next_fire, 0, None, previous)

    @rule(number=triggers)
    def drop(self, number: int) -> None:
        self.truth.pop(uid(number), None)
        self.timetable.drop(uid(number))

    @precondition(lambda self: self.asked is None)
    @rule(ahead=st.integers(1, 20), limit=st.sampled_from([1, 3, 100]))
    def ask(self, ahead: int, limit: int) -> None:
        until = (self.now + ahead * SECOND, FIRST_UID)
        after = self.timetable.horizon
        self.timetable.begin_reading(until)
        # what `JobStore.due` promises
        rows = sorted(
            (row.next_fire, each, row.job)
            for each, row in self.truth.items()
            if row.next_fire is not None and row.next_fire < until[0] and (row.next_fire, each) > after
        )[:limit]
        answer = [DueTrigger(uid=each, job_uid=job, next_fire=at) for at, each, job in rows]
        full = len(answer) == limit
        self.asked = (answer, (answer[-1].next_fire, answer[-1].uid) if full else until)

    @precondition(lambda self: self.asked is not None)
    @rule()
    def be_answered(self) -> None:
        assert self.asked is not None
        self.timetable.end_reading(*self.asked)
        self.asked = None

    @rule(number=st.integers(0, 2))
    def freeze_or_thaw(self, number: int) -> None:
        job = JOBS[number]
        if job in self.frozen:
            self.frozen.discard(job)
            self.timetable.thaw(job)
        else:
            self.frozen.add(job)
            self.timetable.freeze(job)

    @rule(limit=st.sampled_from([1, 2, 100]), again=st.integers(1, 30) | st.none(), ready=st.booleans())
    def fire(self, limit: int, again: int | None, ready: bool) -> None:
        taken, missing = self.timetable.take(self.now, limit, lambda job: ready or job != JOBS[0])
        places = [(trigger.next_fire, trigger.uid) for trigger in taken]
        assert places == sorted(places)
        assert len(set(places)) == len(places) <= limit
        for trigger in taken:
            row = self.truth[trigger.uid]
            assert row == Row(trigger.job_uid, trigger.next_fire)  # nothing twice, nothing of yesterday
            assert trigger.next_fire <= self.now
            assert trigger.job_uid not in self.frozen
            self.truth[trigger.uid] = Row(row.job, self.instant(again))
            self.timetable.put(trigger.uid, row.job, self.instant(again), 0)
        assert missing <= {JOBS[0]} - self.frozen
        if ready:
            assert not missing

    @invariant()
    def nothing_is_lost(self) -> None:
        present = {trigger.uid: trigger for trigger in self.timetable.upcoming(1000)}
        for each, row in self.truth.items():
            if row.next_fire is not None and (row.next_fire, each) <= self.timetable.horizon:
                assert present[each].next_fire == row.next_fire
        for each, trigger in present.items():
            assert self.truth[each] == Row(trigger.job_uid, trigger.next_fire)
        places = [(t.next_fire, t.uid) for t in present.values()]
        assert places == sorted(places)

    @invariant()
    def the_next_due_is_known(self) -> None:
        open_ones = [t.next_fire for t in self.timetable.upcoming(1000) if t.job_uid not in self.frozen]
        assert self.timetable.next_due() == min(open_ones, default=None)
        assert len(self.timetable) == len(self.timetable.upcoming(1000))

    def teardown(self) -> None:
        """In the end the horizon passes everything, and everything that is due is taken: once."""
        for job in list(self.frozen):
            self.timetable.thaw(job)
        if self.asked is not None:
            self.timetable.end_reading(*self.asked)
        self.asked = None
        self.ask(1000, 10_000)
        self.be_answered()
        taken, _ = self.timetable.take(self.now + 1000 * SECOND, 10_000, lambda job: True)
        fired = sorted(trigger.uid.int for trigger in taken)
        assert fired == sorted(each.int for each, row in self.truth.items() if row.next_fire is not None)


TestRacing = Racing.TestCase
TestRacing.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
