"""What a leader keeps in memory, against the store: nothing more, nothing less, nothing else."""

from uuid import UUID

from jobstore.model import Execution
from jobstore.states import State
from scheduler.leader.leader import Leader
from tests.model.accounting import Report, seconds
from tests.model.memory_store import MemoryStore


def is_idle(leader: Leader) -> bool:
    """Whether all that was decided is committed, and nothing is being read or edited."""
    writer, timetable = leader._writer, leader.timetable
    busy = writer._queue or writer._under_way or timetable._frozen or leader.edits._requests._turns
    return leader.took_over.is_set() and not busy and timetable._reading is None


def compare(leader: Leader, store: MemoryStore, wrong: Report) -> None:
    """For a leader that is idle."""
    known = {row.id: row for row in leader.ledger.all()}
    for uid, row in store.open.items():
        if uid not in known:
            wrong(f"open in the store, and not in the ledger: {_shown(row)}")
        elif known[uid] != row:
            wrong(f"the ledger has {_shown(known[uid])}, the store {_shown(row)}")
    for uid, row in known.items():
        if uid not in store.open:
            wrong(f"open in the ledger, and not in the store: {_shown(row)}")
    _compare_times(leader, store, wrong)
    _compare_rest(leader, store, wrong)


def _compare_times(leader: Leader, store: MemoryStore, wrong: Report) -> None:
    timetable, delays = leader.timetable, leader._delays
    stored = {record.uid: record for job in store.jobs_by_uid.values() for record in job.triggers}
    for *_, trigger in timetable._next.values():
        uid = trigger.uid
        record = stored.get(uid)
        if record is None or record.next_fire != trigger.next_fire or record.fires != trigger.fires:
            wrong(f"the timetable has {trigger}, the store {record}")
    for uid, record in stored.items():
        if record.next_fire is None or (record.next_fire, uid) > timetable.horizon or timetable.of(uid) is not None:
            continue
        if not delays.waits(uid):
            wrong(f"{record.name} is due at {seconds(record.next_fire):g}, and nobody knows")
    for uid in (*delays._waits, *delays._ended):
        if uid not in stored:
            wrong(f"a trigger that is gone waits for its execution: {uid}")
        elif not any(row.trigger_uid == uid for row in store.open.values()):
            wrong(f"a trigger waits for an execution that is not open: {stored[uid]}")
    for uid in leader._fires._decisions._paces:
        if uid not in stored:
            wrong(f"a trigger that is gone has a pace: {uid}")


def _compare_rest(leader: Leader, store: MemoryStore, wrong: Report) -> None:
    placement = leader._placement
    # those that have ended are taken out of line when it moves on, or grows long
    pending = {uid for uid, row in store.open.items() if row.state is State.PENDING and not _is_behind(row)}
    lines = {
        uid for line in placement._waiting.values() for number, uid in line if placement._queued.get(uid) == number
    }
    for uid in pending - lines:
        wrong(f"is pending, and stands in no line: {_shown(store.open[uid])}")
    for uid in leader._outbox._uncommitted:
        wrong(f"never committed, and not forgotten: {uid}")
    for number in leader.hub._waiting:
        if UUID(int=number) not in store.open:
            wrong(f"somebody waits for an execution that is not open: {UUID(int=number)}")


def _is_behind(row: Execution) -> bool:
    """Whether it waits for another execution, and not for an executor."""
    return row.reason.startswith("waits behind")


def _shown(row: Execution) -> str:
    at = seconds(row.scheduled_time)
    check_at = seconds(row.check_at) if row.check_at else None
    who = f"{row.incarnation} attempt {row.attempt}.{row.placement} check {check_at} cancelling {row.cancelling}"
    return f"{row.job}/{row.trigger}@{at:g} {row.id} {row.state} {row.reason!r} {who}"
