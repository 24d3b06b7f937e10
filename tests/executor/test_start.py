"""What an executor finds out about itself before it asks anybody else: here no ZooKeeper ever answers."""

import sys
from pathlib import Path

import pytest

from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from executor.config import ExecutorConfig
from executor.service import Executor
from tests.conftest import Spawn
from tests.metrics.conftest import get_beside

COMMAND = [
    *(sys.executable, "-m", "executor", "--zookeeper", "127.0.0.1:1"),
    *("--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"),
]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--kind kubernetes --kubernetes-config {}/none", "kubernetes config {}/none: no such file or directory"),
        ("--kind kubernetes --kubernetes-config {}/bad", "kubernetes config {}/bad: "),
        ("--tasks no.such", "cannot import task module 'no.such': ModuleNotFoundError"),
        ("--data {}/bad/data", "data directory {}/bad/data: not a directory"),
    ],
)
def test_what_is_wrong_with_its_settings_is_told_at_once(spawn: Spawn, tmp_path: Path, options: str, told: str) -> None:
    (tmp_path / "bad").write_text("kind: Config\n")
    process = spawn("executor", [*COMMAND, *options.format(tmp_path, tmp_path).split()])
    assert process.wait(60) == 1
    (line,) = process.output().splitlines()  # and not that ZooKeeper does not answer
    assert line.startswith(f"executor: {told.format(tmp_path, tmp_path)}")


async def test_it_is_alive_and_not_ready_before_it_has_found_zookeeper() -> None:
    config = ExecutorConfig(listen="127.0.0.1:0", metrics_listen="127.0.0.1:0", executor_id="a")
    executor = Executor(config, SystemClock(), InProcessCoordinator())
    await executor.prepare()
    assert executor.id == "a"
    assert await get_beside(executor.metrics_address, "/livez") == (200, "ok\n")
    told = (503, "this executor is not registered in ZooKeeper\n")
    assert await get_beside(executor.metrics_address, "/readyz") == told
    await executor.stop(0)
