"""A look at a run that is still going on: what it may know, and what ends the run."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from jobstore.model import Term
from jobstore.sql.store import SqlStore
from tests.gate import __main__ as gate
from tests.gate.checker_made import START
from tests.gate.run_looks import Looks, first, look
from tests.gate.test_checker import book
from tests.gate.verdict import Kind
from tests.jobstore.stores import fire, job, put, stores, terms, urls

url = urls("sqlite-file", "postgresql")
store = stores()
term = terms()


def test_only_what_is_waited_for_is_found() -> None:
    logs = book(without=(20,)).logs()
    lost = first(logs, ns(60_000), ns(60_100), {Kind.LOST, Kind.DOUBLED})
    assert lost is not None
    assert lost.kind is Kind.LOST
    assert first(logs, ns(60_000), ns(60_100), {Kind.DOUBLED}) is None


def test_a_call_that_was_answered_after_the_ledger_was_read_need_not_be_in_it() -> None:
    made = book()
    made.call("run", "tick", 59_000, 60_050, answer={"execution": "later"})
    logs = made.logs()
    assert first(logs, ns(60_100), ns(60_200), {Kind.LOST}) is not None
    assert first(logs, ns(60_000), ns(60_200), {Kind.LOST}) is None


def test_what_was_asked_for_while_the_ledger_was_read_is_not_unknown() -> None:
    made = book()
    line = made.call("run", "tick", 60_050, None)
    run = {"origin": "run", "trigger": "", "request_id": line["request_id"]}
    made.fire("tick", 60_060, ran=False, state="dispatched", **run)
    logs = made.logs()
    assert first(logs, ns(60_000), ns(60_100), {Kind.UNKNOWN}) is None
    without = replace(logs, history=[each for each in logs.history if each is not line])
    assert first(without, ns(60_000), ns(60_100), {Kind.UNKNOWN}) is not None


def test_a_look_reads_the_store_and_the_files_as_they_are(
    store: SqlStore, term: Term, url: str, tmp_path: Path
) -> None:
    made = job()
    put(store, term, made, fire(made))
    (tmp_path / "history.jsonl").write_text("")
    unknown = look(url, tmp_path, {Kind.UNKNOWN})
    assert unknown is not None
    assert unknown.what.startswith("nobody applied trigger")
    words = [sys.executable, "-m", "tests.gate.run_looks", url, str(tmp_path), f"{Kind.UNKNOWN},{Kind.LOST}"]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(told.stdout) == {"kind": "unknown", "what": unknown.what}


def test_the_first_failure_that_is_seen_ends_the_faults_and_no_other_does(
    store: SqlStore, term: Term, url: str, tmp_path: Path
) -> None:
    made = job()
    put(store, term, made, fire(made))
    (tmp_path / "history.jsonl").write_text("")
    found = threading.Event()
    looks = Looks(url, tmp_path, [Kind.UNKNOWN], found.set, between=0.01)
    looks.start()
    assert found.wait(60)
    looks.close()
    assert looks.seen is not None
    assert looks.seen["kind"] == "unknown"
    never = Looks("postgresql://nobody@127.0.0.1:1/gone", tmp_path, [Kind.UNKNOWN], found.set, between=0.01)
    never.start()
    never.close()
    assert never.seen is None


def test_a_failure_that_there_is_no_kind_of_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--short", "--only", "leader-kill", "--until", "lost,forgotten"]
    with pytest.raises(SystemExit):
        gate.main(words)
    assert "no such kind of failure: forgotten" in capsys.readouterr().err


def ns(at: int) -> int:
    return (START + at) * 1_000_000
