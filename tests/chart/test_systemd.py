"""The units of examples/systemd."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from executor.config import ExecutorConfig
from scheduler.config import NodeSettings
from tests.chart.processes import read_command
from tests.chart.rendering import ROOT
from tests.rig.systemd import find_systemd_analyze

FOLDER = ROOT / "examples" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"), key=lambda path: path.name)
INSTALLED = "/opt/cronquorum/bin/python"
EXPOSURE = 2.0
"""Of 10, as `systemd-analyze security` counts: what it calls safe ends at 2."""


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_it(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace(INSTALLED, sys.executable))
    done = subprocess.run([find_systemd_analyze(), "verify", copy], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_it_is_hardened(unit: Path) -> None:
    command = [find_systemd_analyze(), "security", "--offline=true", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"exposure level for \S+: ([0-9.]+)", told)
    assert found is not None and float(found[1]) <= EXPOSURE, told


@pytest.mark.parametrize("name", ["scheduler", "executor"])
def test_its_settings_are_read(name: str) -> None:
    lines = (FOLDER / f"cronquorum-{name}.service").read_text().splitlines()
    (start,) = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    assert start.startswith(INSTALLED)
    words = start.replace(INSTALLED, "python").replace("/etc/cronquorum", str(FOLDER)).split()
    environ = dict(
        line.split("=", 1) for line in (FOLDER / f"{name}.env").read_text().splitlines() if not line.startswith("#")
    )
    for line in lines:
        if line.startswith("Environment="):
            environ |= dict(each.split("=", 1) for each in line.removeprefix("Environment=").split())
    read = read_command(words, environ)
    assert isinstance(read, NodeSettings | ExecutorConfig)
    stop = next(int(line.split("=")[1].removesuffix("s")) for line in lines if line.startswith("TimeoutStopSec="))
    assert stop >= (90 if name == "executor" else 30)


def test_users_are_those_of_the_units() -> None:
    made = set(re.findall(r"^u (\S+)", (FOLDER / "cronquorum.sysusers.conf").read_text(), re.MULTILINE))
    named = {user for unit in UNITS for user in re.findall(r"^User=(\S+)", unit.read_text(), re.MULTILINE)}
    assert made == named
