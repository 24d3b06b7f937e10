"""Failpoints: off, they do nothing; armed, they do what they say, once, and where the code says that they are."""

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cronquorum import failpoints

ROOT = Path(__file__).parents[1]
PROGRAM = "from cronquorum import failpoints\nfor _ in range(2):\n    failpoints.hit('leader.record')\nprint('passed')"

THREADED = """
import os, threading
from cronquorum import failpoints

def work():
    failpoints.hit("store.transaction")
    os.write(1, b"passed")

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def run(folder: Path | None) -> subprocess.CompletedProcess[str]:
    env = {} if folder is None else {failpoints.VARIABLE: str(folder)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_off_they_do_nothing() -> None:
    assert run(None).stdout == "passed\n"


@pytest.mark.parametrize(("action", "code"), [("kill", -9), ("fail", 1)])
def test_armed_it_strikes_once(tmp_path: Path, action: str, code: int) -> None:
    (tmp_path / "leader.record").write_text(f"{action}\n")
    assert run(tmp_path).returncode == code
    assert [each.name for each in tmp_path.iterdir()] == ["leader.record.hit"]
    assert run(tmp_path).stdout == "passed\n"


def test_another_one_is_none_of_its_business(tmp_path: Path) -> None:
    (tmp_path / "leader.send").write_text("kill")
    assert run(tmp_path).stdout == "passed\n"


def test_whether_it_is_armed_can_be_asked_and_changes_nothing(tmp_path: Path) -> None:
    asked = "from cronquorum import failpoints\nprint(failpoints.armed('leader.record'))"

    def armed(env: dict[str, str]) -> str:
        return subprocess.run(
            [sys.executable, "-c", asked], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
        ).stdout

    assert armed({}) == "False\n"
    assert armed({failpoints.VARIABLE: str(tmp_path)}) == "False\n"
    (tmp_path / "leader.record").write_text("kill")
    assert [armed({failpoints.VARIABLE: str(tmp_path)}) for _ in range(2)] == ["True\n"] * 2


def test_who_is_stopped_does_not_go_on_before_it_is(tmp_path: Path) -> None:
    # a signal to the whole process goes to its first thread: until that one has woken up, the others go on
    for _ in range(10):
        (tmp_path / "store.transaction").write_text("stop")
        with subprocess.Popen(
            [sys.executable, "-c", THREADED],
            env={failpoints.VARIABLE: str(tmp_path)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            said, _, _ = select.select([process.stdout], [], [], 0)
            process.send_signal(signal.SIGCONT)
            assert process.communicate(timeout=60)[0] == b"passed"
        assert os.WIFSTOPPED(status)
        assert said == [], "it went on before it was stopped"


def test_those_that_are_named_are_those_that_there_are() -> None:
    found = {
        name
        for package in ("cronquorum", "jobstore", "scheduler", "executor")
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r'failpoints\.hit\("([\w.]+)"\)', path.read_text())
    }
    assert found == set(failpoints.NAMES)
