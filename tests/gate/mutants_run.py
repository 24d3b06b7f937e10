"""Makes a mutant in a copy of the tree, and lets its catcher loose on it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.gate.mutants_list import Catcher, Gate, Mutant

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", ".*_cache", "node_modules", "*.log")
SEED = "1"
SIZE = ("--jobs", "200", "--rate", "12", "--edits", "1")
"""As the short gate's, but for its short tasks: some are to outlive a lease."""
SETTLING = 420.0
"""Seconds that a run of the gate may take beside its faults: servers, jobs, and the wait until all is final."""
TESTS_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one try. `by`: what noticed, and how; empty when nothing did. `error`: it proves nothing.

    `seen`: seconds of load and faults until the gate saw it, and ended them.
    """

    seconds: float
    by: str = ""
    seen: float | None = None
    error: str = ""


def copy_tree(folder: Path) -> Path:
    """A copy of the tree that its own code runs in."""
    copy = folder / "tree"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    return copy


def apply_patch(tree: Path, mutant: Mutant) -> str:
    """Make the mutant; returns what is wrong when it cannot be made: then it has rotted."""
    file = tree / mutant.file
    if not file.exists():
        return f"there is no {mutant.file} any more"
    text = file.read_text()
    if text.count(mutant.old) != 1:
        return f"the old text stands {text.count(mutant.old)} times in {mutant.file}, not once"
    file.write_text(text.replace(mutant.old, mutant.new))
    return ""


def try_out(tree: Path, catcher: Catcher, folder: Path) -> Result:
    """Run a catcher in a tree until it notices something or its time is over."""
    wrong = _foreign(tree)
    if wrong:
        return Result(seconds=0.0, error=wrong)
    if isinstance(catcher, Gate):
        return _run_gate(tree, catcher, folder / "run")
    return _run_tests(tree, catcher.file, catcher.only, folder)


def _environment(tree: Path) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'proto'}", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}


def _foreign(tree: Path) -> str:
    """Whether the copy would run the code of the original: then nothing is proved."""
    told = _python(tree, "-c", "import jobstore, executor, scheduler; print(jobstore.__file__, executor.__file__)")
    files = told.stdout.split()
    return "" if files and all(Path(file).is_relative_to(tree) for file in files) else f"runs {files}: {told.stderr}"


def _python(
    tree: Path, *words: str, seconds: float = 60.0, log: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=dict(_environment(tree)),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        out = error.stdout or b""
        done = subprocess.CompletedProcess(command, 124, out.decode() if isinstance(out, bytes) else out, "too long")
    if log is not None:
        log.write_text(done.stdout + done.stderr)
    return done


def _run_tests(tree: Path, file: str, only: str, folder: Path) -> Result:
    begin = time.monotonic()
    words = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", file, "-k", only)
    done = _python(tree, *words, seconds=TESTS_SECONDS, log=folder / "pytest.log")
    taken = time.monotonic() - begin
    if done.returncode == 0:
        return Result(seconds=taken)
    failed = re.search(r"^FAILED (.+)$", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return Result(seconds=taken, by=failed[1])
    return Result(seconds=taken, error=f"pytest exit {done.returncode}: {done.stdout[-400:]}")


def _run_gate(tree: Path, gate: Gate, folder: Path) -> Result:
    begin = time.monotonic()
    words = [
        "-m",
        "tests.gate",
        *SIZE,
        "--only",
        gate.only,
        "--minutes",
        f"{gate.minutes:g}",
        "--long",
        f"{gate.long:g}",
    ]
    words += ["--seed", SEED, "--until", ",".join(sorted(gate.expect)), "--keep", str(folder)]
    done = _python(tree, *words, seconds=gate.minutes * 60 + SETTLING, log=folder.with_suffix(".log"))
    taken = time.monotonic() - begin
    verdict = folder / "verdict.json"
    if not verdict.exists():
        return Result(seconds=taken, error=f"no verdict, exit {done.returncode}: {(done.stdout + done.stderr)[-400:]}")
    told = json.loads(verdict.read_text())
    seen = told["run"].get("seen")
    found = [failure for failure in told["failures"] if failure["kind"] in gate.expect]
    if found:
        by = f"{found[0]['kind']} ({len(found)} in all): {found[0]['what']}"
        return Result(seconds=taken, by=by, seen=seen and seen["after"])
    if seen:
        return Result(seconds=taken, error=f"a look saw what the verdict does not: {seen['kind']}: {seen['what']}")
    return Result(seconds=taken)
