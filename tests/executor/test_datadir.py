"""What outlives a process: the id and the epoch; and the fence that rests on them."""

from pathlib import Path

import pytest

from executor.datadir import DataDir, Leader, NoDataDir, new_executor_id
from executor.errors import BadDataDir, BadMessage, StaleEpoch
from executor.fence import Fence


def test_an_id_is_made_once(tmp_path: Path) -> None:
    first = DataDir(tmp_path / "deep" / "down", "")
    first.close()
    second = DataDir(tmp_path / "deep" / "down", "")
    assert second.executor_id() == first.executor_id()
    second.close()


def test_an_id_that_is_given_stays(tmp_path: Path) -> None:
    DataDir(tmp_path, "one").close()
    DataDir(tmp_path, "one").close()
    with pytest.raises(BadDataDir, match="belongs to executor 'one', not to 'two'"):
        DataDir(tmp_path, "two")
    DataDir(tmp_path, "").close()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first = DataDir(tmp_path, "")
    with pytest.raises(BadDataDir, match="is in use by another executor"):
        DataDir(tmp_path, "")
    first.close()
    first.close()
    DataDir(tmp_path, "").close()


def test_the_epoch_is_kept(tmp_path: Path) -> None:
    first = DataDir(tmp_path, "")
    assert first.leader() == Leader()
    first.record(Leader(epoch=7, node_id="a"))
    first.close()
    second = DataDir(tmp_path, "")
    assert second.leader() == Leader(epoch=7, node_id="a")
    second.close()


@pytest.mark.parametrize(
    "content", ["", "garbage", "[]", '{"epoch": "7", "node": "a"}', '{"epoch": -1, "node": "a"}', '{"epoch": 1}']
)
def test_an_epoch_that_cannot_be_read_is_not_guessed(tmp_path: Path, content: str) -> None:
    (tmp_path / "epoch").write_text(content)
    with pytest.raises(BadDataDir, match="epoch is not what an executor wrote"):
        DataDir(tmp_path, "")
    (tmp_path / "epoch").unlink()
    DataDir(tmp_path, "").close()


def test_an_id_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "executor-id").write_text("../x\n")
    with pytest.raises(BadDataDir, match=r"executor id: '\.\./x' is not"):
        DataDir(tmp_path, "")


def test_a_data_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadDataDir, match=r"data directory .*file: (file exists|not a directory)"):
        DataDir(tmp_path / "file", "")


def test_without_a_directory_all_is_new() -> None:
    assert NoDataDir("").executor_id() != NoDataDir("").executor_id()
    assert NoDataDir("mine").executor_id() == "mine"
    assert new_executor_id().rpartition("-")[0]


async def test_the_fence_lets_in_the_highest_only() -> None:
    fence = Fence(NoDataDir(""))
    await fence.record(Leader(epoch=2, node_id="a"))
    fence.enter(Leader(epoch=2, node_id="a"))
    for stale in (Leader(epoch=1, node_id="a"), Leader(epoch=2, node_id="b")):
        with pytest.raises(StaleEpoch):
            await fence.record(stale)
    with pytest.raises(BadMessage):
        fence.check(Leader(epoch=0, node_id="a"))
    fence.enter(Leader(epoch=2, node_id="a"))


async def test_a_leader_that_is_overtaken_while_its_epoch_is_recorded_does_not_enter() -> None:
    fence = Fence(NoDataDir(""))
    slow, fast = Leader(epoch=1, node_id="a"), Leader(epoch=2, node_id="b")
    await fence.record(slow)
    await fence.record(fast)
    fence.enter(fast)
    with pytest.raises(StaleEpoch):
        fence.enter(slow)
    assert fence.highest == fast
