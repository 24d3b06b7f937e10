"""`--wait-for-schema`: a node that was started before the upgrade of its store."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from jobstore.errors import SchemaNewer, SchemaOutdated, StoreError, StoreUnavailable
from jobstore.schema import newest
from scheduler.schema_wait import schema_is_there
from tests.conftest import Spawn
from tests.rig.ports import free_port
from tests.rig.process import ManagedProcess
from tests.rig.waiting import eventually
from tests.scheduler.fake_clock import FakeClock
from tests.upgrade.next_release import NextRelease

PATIENCE = timedelta(seconds=10)


def looks(*found: StoreError | str) -> Callable[[], str]:
    """What one look after the other finds; the last one stays."""
    left = list(found)

    def look() -> str:
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, StoreError):
            raise now
        return now

    return look


async def wait(check: Callable[[], str], patience: timedelta | None, stop: asyncio.Event | None = None) -> bool:
    clock = FakeClock()
    waiting = asyncio.create_task(schema_is_there(check, patience, stop or asyncio.Event(), clock))
    while not waiting.done():
        await asyncio.wait((waiting,), timeout=0.01)
        await clock.advance(1)
    return waiting.result()


OLD, AWAY = SchemaOutdated("has no schema yet; run: python -m jobstore upgrade"), StoreUnavailable("no answer")


async def test_what_comes_within_the_time_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    assert await wait(looks(AWAY, OLD, OLD, "0003"), PATIENCE)
    told = [record for record in caplog.records if "waiting for the schema" in record.getMessage()]
    assert len(told) == 2, "the same thing is not said again at once"
    assert "run: python -m jobstore upgrade" in told[-1].getMessage()


@pytest.mark.parametrize("patience", [None, PATIENCE])
async def test_after_it_the_last_finding_is_raised(patience: timedelta | None) -> None:
    with pytest.raises(SchemaOutdated, match="run: python -m jobstore upgrade"):
        await wait(looks(OLD), patience)
    with pytest.raises(StoreUnavailable):
        await wait(looks(AWAY), patience)


async def test_a_schema_that_has_gone_on_is_not_waited_for() -> None:
    with pytest.raises(SchemaNewer):
        await wait(looks(OLD, SchemaNewer("newer"), "0003"), PATIENCE)


async def test_who_is_told_to_stop_waits_no_longer() -> None:
    stop = asyncio.Event()

    def look() -> str:
        loop.call_soon_threadsafe(stop.set)
        raise OLD

    loop = asyncio.get_running_loop()
    assert await wait(look, timedelta(days=1), stop) is False


# ------------------------------------------------------------------------------------------- as processes


def start(
    spawn: Spawn, store: str, zookeeper: str, *flags: str, name: str = "node", metrics: int = 0
) -> ManagedProcess:
    command = [
        *(sys.executable, "-m", "scheduler", "--store", store, "--zookeeper", zookeeper, "--node-id", name),
        *("--listen", "127.0.0.1:0", "--metrics-listen", f"127.0.0.1:{metrics}", *flags),
    ]
    return spawn(name, command)


def status(port: int, path: str) -> int:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def test_a_node_waits_and_starts_when_the_upgrade_has_run(
    spawn: Spawn, pg_url: str, zk_chroot: str, tmp_path: Path
) -> None:
    port = free_port()
    node = start(spawn, pg_url, zk_chroot, "--wait-for-schema", "5m", metrics=port)
    told = json.loads(node.wait_for_line("^.*waiting for the schema.*$")[0])
    assert "has no schema yet; run: python -m jobstore upgrade --store " in told["found"]
    assert told["gives_up_in"] in ("5m", "4m59s")
    assert (status(port, "/livez"), status(port, "/readyz")) == (200, 503)
    upgrade = [sys.executable, "-m", "jobstore", "upgrade", "--store", pg_url]
    racing = [subprocess.Popen(upgrade, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(60) for process in racing] == [0, 0, 0]
    node.wait_for_line("node started")
    eventually(lambda: status(port, "/readyz") == 200)
    assert node.terminate() == 0


def test_without_it_a_node_gives_up_at_once_and_with_it_later(spawn: Spawn, pg_url: str, zk_chroot: str) -> None:
    for name, flags in (("at-once", ()), ("later", ("--wait-for-schema", "1s"))):
        node = start(spawn, pg_url, zk_chroot, *flags, name=name)
        assert node.wait() == 1
        *waited, last = node.output().splitlines()
        assert "has no schema yet; run: python -m jobstore upgrade --store " in last
        assert last.startswith("scheduler: ")
        assert [line for line in waited if "waiting" in line] == waited
        assert bool(waited) is bool(flags)


def test_a_node_that_waits_is_stopped_by_a_signal(spawn: Spawn, pg_url: str, zk_chroot: str) -> None:
    node = start(spawn, pg_url, zk_chroot, "--wait-for-schema", "1h")
    node.wait_for_line("waiting for the schema")
    assert node.terminate() == 0


def test_a_running_node_goes_on_through_an_expansion_and_a_restart_works_on_it(
    spawn: Spawn, pg_url: str, zk_chroot: str, tmp_path: Path
) -> None:
    later = NextRelease(tmp_path / "next")
    revision = later.expand()
    upgrade = [sys.executable, "-m", "jobstore", "upgrade", "--store", pg_url]
    subprocess.run(upgrade, check=True, timeout=60)
    node = start(spawn, pg_url, zk_chroot)
    node.wait_for_line("took over")
    later.upgrade(pg_url)
    again = start(spawn, pg_url, zk_chroot, name="again")
    again.wait_for_line(f'"schema": "{revision}".*the schema is newer, and serves this program')
    again.wait_for_line("node started")
    assert node.terminate() == 0
    again.wait_for_line("took over")
    assert again.terminate() == 0
    assert '"error"' not in node.output() + again.output()
    later.contract()
    later.upgrade(pg_url)
    refused = start(spawn, pg_url, zk_chroot, "--wait-for-schema", "1h", name="refused")
    assert refused.wait() == 1
    last = refused.output().splitlines()[-1]
    assert last.endswith(f"which is newer than this program's {newest()}; run a newer cronquorum")
