"""`schedctl dev` and `Embedded`, as a user starts them."""

import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from executor import Context
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.execution_service_pb2 import ListExecutionsRequest, ListExecutionsResponse
from schedctl.dev import Embedded
from tests.conftest import Spawn
from tests.rig.waiting import eventually

ROOT = Path(__file__).parents[2]
DEV = [sys.executable, "-m", "schedctl", "dev", "--listen", "127.0.0.1:0"]
EXAMPLES = ["--tasks", "examples.tasks", "--apply", "examples", "--watch"]


def test_the_examples_succeed_and_are_summed_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEV, "--data", str(tmp_path / "data"), *EXAMPLES, "--for", "11s"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    summary = re.fullmatch(r"(\d+) succeeded, 0 failed", done.stdout.splitlines()[-1])
    assert summary is not None
    assert int(summary[1]) >= 5
    for job in ("disk-report", "log-rotation", "database-backup", "certificate-check", "execution-summary"):
        assert re.search(rf"Z {job} succeeded", done.stdout), job


def test_a_terminal_gets_a_live_table(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*DEV, "--data", str(tmp_path / "data"), *EXAMPLES, "--for", "6s"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert process.returncode == 0
    for word in (b"NEXT FIRE", b"demo/log-rotation", b"RESULT", b"succeeded, 0 failed"):
        assert word in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's answer when the other end is closed
        return b""


def test_sigterm_drains_and_exits_0(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn("dev", [*DEV, "--data", tmp_path / "data"])
    process.wait_for_line("serving on 127.0.0.1")
    assert process.terminate() == 0


def test_a_port_in_use_is_one_line(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn("dev", [*DEV, "--data", tmp_path / "data"])
    address = process.wait_for_line(r"serving on (127\.0\.0\.1:\d+)")[1]
    done = subprocess.run([*DEV[:-1], address], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"schedctl: cannot listen on {address}: address already in use")
    assert "Traceback" not in done.stderr


def greet(context: Context, name: str) -> str:
    return f"hello {name}, attempt {context.attempt}"


GREETING = """
apiVersion: sched/v1
kind: Job
metadata: {name: greeting}
spec:
  triggers: [{name: yearly, cron: "0 0 0 1 1 ?"}]
  task: {python: {callable: greet, params: {name: world}}}
"""


def test_a_program_runs_its_own_functions_and_finds_its_record_again(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    with Embedded(store=store, tasks=[greet]) as cluster:
        assert [job.outcome for job in cluster.apply(GREETING)] == ["created"]
        first = cluster.run("greeting", wait=True)
        assert (first.state, first.result.string_value, first.epoch) == ("succeeded", "hello world, attempt 1", 1)
    with Embedded(store=store, tasks=[greet]) as cluster:
        assert [job.outcome for job in cluster.apply(GREETING)] == ["unchanged"]
        second = cluster.run("greeting", params={"name": "you"}, wait=True)
        assert (second.result.string_value, second.epoch) == ("hello you, attempt 1", 2)
        found = cluster.client.unary("ExecutionService/List", ListExecutionsRequest(), ListExecutionsResponse)
        assert [execution.id for execution in found.executions] == [second.id, first.id]


def test_a_program_applies_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "greeting.yaml").write_text(GREETING)
    with Embedded(tasks=[greet]) as cluster:
        assert [(job.name, job.outcome) for job in cluster.apply_files([tmp_path])] == [("greeting", "created")]
        assert [job.outcome for job in cluster.apply_files([tmp_path / "greeting.yaml"])] == ["unchanged"]


def test_what_was_missed_while_nothing_ran_is_one_execution(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with Embedded(store=f"sqlite:///{path}", tasks=[greet]) as cluster:
        cluster.apply(GREETING)
    # as if it had been due on each of the last three New Year's days
    with closing(sqlite3.connect(path)) as connection, connection:
        (text,) = connection.execute("SELECT next_fire FROM triggers").fetchone()
        year = int(text[:4])
        connection.execute("UPDATE triggers SET next_fire = ?", (f"{year - 3}{text[4:]}",))
    with Embedded(store=f"sqlite:///{path}", tasks=[greet]) as cluster:

        def listed() -> Sequence[Execution]:
            request = ListExecutionsRequest()
            return cluster.client.unary("ExecutionService/List", request, ListExecutionsResponse).executions

        executions = eventually(listed)
        assert len(executions) == 1
        assert executions[0].missed.count == 3
        assert executions[0].missed.first.ToDatetime().year == year - 3
        assert executions[0].scheduled_time.ToDatetime().year == year - 1


def test_it_does_not_start_twice_on_one_folder(tmp_path: Path) -> None:
    with (
        Embedded(data=tmp_path / "executor", tasks=[greet]),
        pytest.raises(Exception, match="another executor"),
        Embedded(data=tmp_path / "executor", tasks=[greet]),
    ):
        pass
