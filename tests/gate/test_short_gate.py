"""The gate in its short form: a cluster of processes under load, one fault of each cheap kind, and a clean verdict."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(480)
def test_the_short_gate_is_clean(tmp_path: Path) -> None:
    """`python -m tests.gate --short`; docs/reliability.md says what it does."""
    command = [sys.executable, "-m", "tests.gate", "--short", "--seed", "7", "--keep", str(tmp_path / "gate")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=420, check=False)
    report = tmp_path / "gate" / "report.md"
    told = report.read_text() if report.exists() else ended.stdout[-5000:] + ended.stderr[-5000:]
    assert ended.returncode == 0, told
