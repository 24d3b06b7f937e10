"""The short gate: a cluster, three minutes of load, one fault of each cheap kind, and nothing is lost or wrong."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.gate.faults import kinds

ROOT = Path(__file__).parents[2]
SEED = 7
SECONDS = 450.0
"""For the whole: servers, 200 jobs, a dozen faults, the wait until all is final, and the judgement."""
TOLD = 6000
"""Characters of a verdict that a failed test shows."""


@pytest.mark.timeout(480)
def test_a_short_run_of_the_gate_is_clean_and_has_made_every_cheap_fault() -> None:
    parent = Path(tempfile.mkdtemp(prefix="cronquorum-short-gate-"))
    parent.chmod(0o755)  # PostgreSQL, a user of its own, works below it: into pytest's folder it could not go
    folder = parent / "run"
    words = ["-m", "tests.gate", "--short", "--seed", str(SEED), "--keep", str(folder)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    report = folder / "report.md"
    told = report.read_text() if report.exists() else "(no report)"
    assert done.returncode == 0, f"{told[:TOLD]}\n{done.stdout[-TOLD:]}{done.stderr[-TOLD:]}\nall of it: {folder}"
    # one that this machine cannot make is named, too, and why
    cheap = [kind.name for kind in kinds().values() if kind.cheap]
    missing = [name for name in cheap if f"| {name} |" not in told and f"* {name}:" not in told]
    assert cheap
    assert not missing, f"{missing} not in {told[:TOLD]}"
    shutil.rmtree(parent)  # what failed stays to be looked at
