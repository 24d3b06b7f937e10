"""The report and its pictures, from a verdict."""

from pathlib import Path
from xml.etree import ElementTree

from jobstore.changes import MoveExecution
from jobstore.model import Term
from jobstore.sql.store import SqlStore
from tests.gate.checker import check
from tests.gate.ledger import parse_ledger, read_ledger
from tests.gate.report import page, write_report
from tests.gate.test_checker import book
from tests.gate.verdict import Failover, Failure, Kind, Verdict
from tests.jobstore.stores import START, ended, fire, job, put, stores, terms, urls

url = urls("sqlite-file", "postgresql")
store = stores()
term = terms()


def verdict() -> Verdict:
    fault = Failover(fault=1, kind="leader-kill", seconds=4.2, most=8.0, starved=False)
    return Verdict(
        failures=(Failure(kind=Kind.LOST, what="nothing for 12:00", witness={"due": "12:00"}),),
        counts={"due": 1000, "records": 999},
        lateness=tuple(number / 1000 for number in range(3000)),
        failovers=(fault, Failover(fault=2, kind="leader-kill", seconds=9.0, most=8.0, starved=True)),
        faults={"leader-kill": 2},
        not_made=(("disk-wal", "only root can"),),
        run={"seed": 7, "command": "python -m tests.gate --seed 7"},
    )


def test_the_verdict_stands_first_and_how_to_repeat_it_last() -> None:
    lines = page(verdict())
    assert lines[0] == "# The gate: NOT CLEAN"
    assert "| lost | 1 |" in lines
    assert "* disk-wal: only root can" in lines
    assert lines[-1] == "Seed 7: `python -m tests.gate --seed 7`"
    assert page(check(book().logs()))[0] == "# The gate: clean"


def test_everything_is_written_and_the_pictures_are_pictures(tmp_path: Path) -> None:
    write_report(tmp_path, verdict())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "failover.svg",
        "lateness.svg",
        "report.md",
        "verdict.json",
    ]
    for picture in tmp_path.glob("*.svg"):
        ElementTree.parse(picture)
    write_report(tmp_path, Verdict(failures=(), counts={}))


def test_a_store_is_read_as_it_is(url: str, store: SqlStore, term: Term) -> None:
    report = job()
    put(store, term, report, fire(report))
    store.commit(term, [MoveExecution(row := ended(fire(report)))])
    ledger = parse_ledger(read_ledger(url))
    found = ledger.records[str(row.id)]
    assert (found.job, found.trigger, found.scheduled, found.state) == (
        "report",
        "main",
        1000 * START.timestamp(),
        "succeeded",
    )
    assert (found.current.executor, found.current.epoch, found.final) == ("executor-1", 1, True)
    assert ledger.trigger_spec(found)["cron"] == "0 * * * * ?"
    assert [trigger.name for trigger in ledger.triggers] == ["main"]
