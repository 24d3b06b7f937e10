"""What is imported is ours, and what is committed holds on every machine."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
GENERIC_FOLDERS = {
    "/",
    "/app",
    "/build",
    "/home",
    "/mnt",
    "/opt",
    "/root",
    "/src",
    "/srv",
    "/tmp",
    "/usr/src",
}


def committed_files() -> list[Path]:
    """The files that git tracks, or would track."""
    command = ["git", "-c", f"safe.directory={REPOSITORY}", "ls-files", "-z"]
    options = ["--cached", "--others", "--exclude-standard"]
    listing = subprocess.run([*command, *options], cwd=REPOSITORY, capture_output=True, check=True).stdout
    files = [REPOSITORY / name for name in listing.decode().split("\0") if name]
    assert REPOSITORY / "pyproject.toml" in files
    return [file for file in files if file.is_file()]


def lines_with(pattern: str, files: list[Path]) -> list[str]:
    """The places, as file:line, where a regular expression matches."""
    regex = re.compile(pattern)
    return [
        f"{file.relative_to(REPOSITORY)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1)
        if regex.search(line)
    ]


# 'scheduler' and 'executor' are names that other distributions use too
@pytest.mark.parametrize("name", ["cronquorum", "jobstore", "scheduler", "executor", "schedctl", "schedapi"])
def test_a_package_of_that_name_is_ours(name: str) -> None:
    file = importlib.import_module(name).__file__
    assert file is not None, f"{name} has no __init__.py"
    assert Path(file).resolve().is_relative_to(REPOSITORY)


def test_no_committed_file_names_a_folder_of_this_machine() -> None:
    folders = {str(REPOSITORY), str(REPOSITORY.parent)} - GENERIC_FOLDERS
    any_of_them = "|".join(map(re.escape, sorted(folders)))
    assert not folders or lines_with(rf"(?<![\w.~-])({any_of_them})(/|\b)", committed_files()) == []


def test_nobody_imports_proto() -> None:
    # the folder is no package; the library proto-plus owns the name
    python = [file for file in committed_files() if file.suffix in (".py", ".pyi")]
    assert lines_with(r"^\s*(import|from) proto\b", python) == []


def test_scripts_and_locked_versions_name_no_host() -> None:
    ours = [REPOSITORY / "requirements.lock", *REPOSITORY.glob("script/*"), *REPOSITORY.glob(".ci/*")]
    assert lines_with(r"\w://|--(extra-)?index-url", ours) == []
