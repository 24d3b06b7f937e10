"""Logs of real processes: what each line bears, and the level that changes without a restart."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Spawn
from tests.metrics.conftest import Watched
from tests.rig.process import ManagedProcess
from tests.rig.waiting import eventually

CHANGED = "the log level was changed"


def lines(process: ManagedProcess) -> list[dict[str, Any]]:
    """All lines but the one that is being written: each is JSON."""
    *whole, _ = process.output().split("\n")
    return [json.loads(line) for line in whole]


def test_each_line_of_a_node_bears_its_id(watched: Watched) -> None:
    for id_, part in watched.cluster.nodes.items():
        assert {line.get("node") for line in lines(part.process)} == {id_}


def test_each_line_of_a_term_bears_its_epoch(watched: Watched) -> None:
    told = lines(watched.cluster.nodes[watched.leader].process)
    of_the_term = [line for line in told if line["logger"].startswith("scheduler.leader.")]
    assert {"took over", "executor registered", "executor changed"} <= {line["event"] for line in of_the_term}
    assert {line.get("epoch") for line in of_the_term} == {1}


def test_each_line_of_an_executor_bears_its_id(watched: Watched) -> None:
    assert {line.get("executor") for line in lines(watched.cluster.executors["executor-1"].process)} == {"executor-1"}


@pytest.mark.parametrize(
    ("fact", "options"),
    [("node", "scheduler --node-id us --store {}/nothing.db"), ("executor", "executor --executor-id us --tasks none")],
)
def test_what_is_warned_of_at_the_start_bears_it_too(spawn: Spawn, tmp_path: Path, fact: str, options: str) -> None:
    given = options.format(f"sqlite:///{tmp_path}").split()
    anywhere = ("--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--zookeeper", "127.0.0.1:1")
    process = spawn("us", [sys.executable, "-m", *given, "--insecure", *anywhere])
    assert process.wait(60) == 1
    *told, _ = process.output().splitlines()  # the last one, for whoever started it, is why it ends
    (warned,) = [json.loads(line) for line in told]
    assert (warned["level"], warned[fact]) == ("warning", "us")
    assert warned["event"].startswith("insecure: whoever reaches this process may do anything")


@pytest.mark.parametrize("part", ["leader", "executor"])
def test_the_level_changes_without_a_restart(watched: Watched, part: str) -> None:
    cluster = watched.cluster
    process = (cluster.nodes[watched.leader] if part == "leader" else cluster.executors["executor-1"]).process
    assert not [line for line in lines(process) if line["level"] == "debug"]
    process.send_signal(signal.SIGUSR1)  # of an executor, to its guardian

    def told(event: str, job: str) -> dict[str, Any] | None:
        found = [line for line in lines(process) if (line["event"], line.get("job")) == (event, job)]
        return found[-1] if found else None

    line = eventually(lambda: told("execution" if part == "leader" else "attempt ended", "well"))
    assert line["level"] == "debug"
    assert {"namespace", "job", "execution", "epoch", "node" if part == "leader" else "executor"} <= set(line)
    assert cluster.ask("exec", "get", line["execution"])["job"] == "well"

    process.send_signal(signal.SIGUSR2)

    def changes() -> list[int]:
        return [index for index, line in enumerate(lines(process)) if line["event"] == CHANGED]

    eventually(lambda: len(changes()) == 2)
    quiet = changes()[-1]
    ended = 'cronquorum_executions_total{state="succeeded"}'
    before = watched.values(watched.leader)[ended]
    eventually(lambda: watched.values(watched.leader)[ended] >= before + 2)
    assert [line["level"] for line in lines(process)[quiet + 1 :] if line["level"] == "debug"] == []
    assert [line["to"] for line in lines(process) if line["event"] == CHANGED] == ["debug", "info"]


def test_nodes_on_one_level_leave_the_others_alone(watched: Watched) -> None:
    other = watched.cluster.nodes[watched.follower].process
    assert CHANGED not in {line["event"] for line in lines(other)}
