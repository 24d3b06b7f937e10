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
GATE_JOBS = "200"
SETTLING = 420.0
"""Seconds that a run of the gate may take beside its faults: servers, jobs, and the wait until all is final."""
TESTS_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one try. `by`: what noticed, and how; empty when nothing did. `error`: it proves nothing."""

    seconds: float
    by: str = ""
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


def try_out(tree: Path, catcher: Catcher, folder: Path, *, once: bool = False) -> Result:
    """Run a catcher in a tree until it notices something or its time is over; `once`: a single run."""
    begin = time.monotonic()
    wrong = _foreign(tree)
    if wrong:
        return Result(seconds=0.0, error=wrong)
    if not isinstance(catcher, Gate):
        return _run_tests(tree, catcher.file, catcher.only, folder)
    seed = 0
    while True:
        seed += 1
        left = catcher.minutes * 60 - (time.monotonic() - begin)
        minutes = catcher.minutes if once else max(1.0, left / 60)
        result = _run_gate(tree, catcher, folder / f"seed-{seed}", seed, minutes)
        taken = time.monotonic() - begin
        if result.by or result.error or once or taken > catcher.minutes * 60:
            return Result(seconds=taken, by=result.by, error=result.error)


def _environment(tree: Path) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'proto'}", "PYTHONDONTWRITEBYTECODE": "1"}


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
    failed = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return Result(seconds=taken, by=failed[1])
    return Result(seconds=taken, error=f"pytest exit {done.returncode}: {done.stdout[-400:]}")


def _run_gate(tree: Path, gate: Gate, folder: Path, seed: int, minutes: float) -> Result:
    begin = time.monotonic()
    words = ("-m", "tests.gate", "--only", gate.only, "--minutes", f"{minutes:.2f}", "--jobs", GATE_JOBS)
    limit = minutes * 60 + SETTLING
    log = folder.with_suffix(".log")
    done = _python(tree, *words, "--rate", "12", "--seed", str(seed), "--keep", str(folder), seconds=limit, log=log)
    taken = time.monotonic() - begin
    verdict = folder / "verdict.json"
    if not verdict.exists():
        return Result(seconds=taken, error=f"no verdict, exit {done.returncode}: {(done.stdout + done.stderr)[-400:]}")
    failures = json.loads(verdict.read_text())["failures"]
    found = [failure for failure in failures if failure["kind"] in gate.expect]
    if not found:
        return Result(seconds=taken)
    first = found[0]
    return Result(seconds=taken, by=f"{first['kind']} ({len(found)} in all): {first['what']}")
