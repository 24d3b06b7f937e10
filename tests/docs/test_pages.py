"""Command lines, flags, links, files and words of the docs exist."""

import os
import re
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from cronquorum.durations import LONGEST
from cronquorum.settings.flags import flag_of
from cronquorum.settings.schema import spelled
from executor.settings import ExecutorSettings
from jobstore.calendar_spec import MAX_DATES, MAX_ICS, MAX_RULES
from jobstore.spec import MAX_PARAMS, MAX_TRIGGERS
from jobstore.states import State
from jobstore.trigger_spec import MAX_CALENDARS
from schedapi.manifest import files, text
from schedctl.exits import ExitCode
from scheduler import failover, routing
from scheduler.config import NodeSettings
from scheduler.definitions import MOST_LABELS
from tests.docs.pages import PAGES, PROGRAMS, ROOT, CommandLine, anchors, command_lines, prose, spans
from tests.docs.parsing import all_commands, parse, parse_schedctl

LINES = command_lines()
SCHEDCTL = ROOT / "docs" / "schedctl.md"
MANIFEST = ROOT / "docs" / "manifest.md"


def test_there_are_command_lines_to_look_at() -> None:
    shown = {page: sum(line.page == page for line in LINES) for page in PAGES}
    assert shown[ROOT / "README.md"] >= 4
    assert shown[ROOT / "docs" / "cluster.md"] >= 6
    assert shown[SCHEDCTL] >= 19


def test_the_benchmarks_of_the_docs_are_all_there_are() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    shown = re.findall(r"^\| `([a-z]+)", page, re.MULTILINE)
    assert sorted([*shown, "all"]) == sorted(benchmarks.NAMES)
    for line in re.findall(r"^ {4}.*python -m benchmarks (.+)$", page, re.MULTILINE):
        name, *words = line.split()
        benchmarks.parser_of(name).parse_args(words)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_command_line_is_one(line: CommandLine) -> None:
    parse(line.words)


def test_commands_within_sentences_are_there() -> None:
    """`schedctl dev`, `python -m scheduler --help`: the command exists; what follows is an abbreviation."""
    seen = 0
    for page in PAGES:
        for span in spans(page):
            words = span.split()
            if not span.startswith(PROGRAMS):
                continue
            seen += 1
            if words[0] == "python":
                assert (ROOT / words[2] / "__main__.py").is_file(), f"{page.name}: {span}"
            elif len(words) > 1 and not words[1].startswith("-"):
                assert any(path[0] == words[1] for path in all_commands()), f"{page.name}: {span}"
    assert seen >= 4


def test_flags_within_sentences_are_there() -> None:
    known = {flag_of(name) for kind in (NodeSettings, ExecutorSettings) for name in spelled(kind)}
    known |= {"--config", "--help"}
    known |= {flag for path in all_commands() for flag in _flags_of(path)}
    known |= {flag for name in benchmarks.NAMES for flag in benchmarks.parser_of(name)._option_string_actions}
    for page in PAGES:
        for span in spans(page):
            for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span):
                assert flag in known, f"{page.name}: {span}"


def _flags_of(path: tuple[str, ...]) -> list[str]:
    import typer.main

    from schedctl.app import build

    command = typer.main.get_command(build())
    flags = [flag for parameter in command.params for flag in parameter.opts]
    for name in path:
        assert isinstance(command, typer.core.TyperGroup)
        command = command.commands[name]
        flags += [flag for parameter in command.params for flag in parameter.opts]
    return flags


def test_scripts_are_there() -> None:
    for page in PAGES:
        for name in re.findall(r"\bscript/[a-z]+", page.read_text()):
            assert os.access(ROOT / name, os.X_OK), f"{page.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path) if path else page
        assert there.exists(), f"{page.name}: {target}"
        if fragment:
            assert fragment in anchors(there), f"{page.name}: {target}"


def test_files_and_modules_of_the_architecture_are_there() -> None:
    page = ROOT / "docs" / "architecture.md"
    roots = (ROOT, ROOT / "scheduler", ROOT / "proto", ROOT / "proto" / "schedapi", ROOT / "docs")
    for span in spans(page):
        if re.fullmatch(r"[\w./]+\.(py|toml|md|proto)|[\w./]+/", span):
            assert any((root / span).exists() for root in roots), span
        elif re.fullmatch(r"(cronquorum|jobstore|scheduler|executor|schedctl)(\.\w+)+", span):
            parts = span.split(".")
            # a module or a package, or a name within one
            assert any((ROOT / "/".join(parts[: len(parts) - cut])).with_suffix(suffix).exists()
                       for cut in (0, 1) for suffix in (".py", "")), span  # fmt: skip


# ----------------------------------------------------------------------------------------------- schedctl.md


def test_every_command_has_an_example() -> None:
    shown = {parse_schedctl(line.words[1:]) for line in LINES if line.page == SCHEDCTL and line.words[0] == "schedctl"}
    assert shown == set(all_commands())


def test_the_exit_codes_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| (\d+) \|", SCHEDCTL.read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == [int(code) for code in ExitCode]


def test_the_variables_of_schedctl_are_there() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "schedctl").glob("*.py"))
    for variable in re.findall(r"CRONQUORUM_[A-Z]+", SCHEDCTL.read_text()):
        assert variable in sources, variable


# ----------------------------------------------------------------------------------------------- manifest.md


def test_the_states_of_the_docs_are_all_there_are() -> None:
    table = prose(MANIFEST).split("## States of an execution")[1]
    shown = {word for line in table.splitlines() if line.startswith("| `") for word in _words(line.split("|")[1])}
    # `held` waits for the failover strategy of that name, which is not built yet
    assert shown == {state.value for state in State} - {"held"}


def _words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_variables_of_a_task_are_those_that_it_gets() -> None:
    sources = (ROOT / "executor" / "kinds" / "environment.py").read_text()
    told = set(re.findall(r'"(SCHED_[A-Z_]+)"', sources))
    shown = {name.replace("<NAME>", "") for name in re.findall(r"SCHED_[A-Z_]+(?:<NAME>)?", prose(MANIFEST))}
    assert shown == told


def test_the_bounds_of_the_docs_are_those_of_the_program() -> None:
    bounds = {
        "{} MiB": text.LONGEST_TEXT // 2**20,
        "nested more than {} deep": text.DEEPEST,
        "{:,} keys": text.MOST_KEYS,
        "{:,} values": text.MOST_VALUES,
        "{} KiB of parameters": MAX_PARAMS // 2**10,
        "{} triggers": MAX_TRIGGERS,
        "{} labels": MOST_LABELS,
        "{} days": LONGEST.days,
        "{} calendars of a trigger": MAX_CALENDARS,
        "{} rules": MAX_RULES,
        "{:,} dates": MAX_DATES,
        "iCalendar file of more than {} KiB": files.LARGEST_FILE // 2**10,
    }
    assert files.LARGEST_FILE == MAX_ICS
    shown = " ".join(prose(MANIFEST).split())
    for words, bound in bounds.items():
        assert words.format(bound) in shown


def test_the_strategies_of_the_docs_are_all_there_are() -> None:
    for name in (*routing.STRATEGIES, *failover.STRATEGIES):
        assert name in MANIFEST.read_text(), name
    architecture = (ROOT / "docs" / "architecture.md").read_text()
    for name in routing.STRATEGIES:
        assert f"`{name}`" in architecture, name
