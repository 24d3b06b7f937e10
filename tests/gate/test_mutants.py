"""The mutants have not rotted: each can still be made, and each can be caught. Whether it is, `--mutants` says."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.gate import mutants, mutants_list, mutants_run
from tests.gate.faults import kinds
from tests.gate.mutants import page, together, turns
from tests.gate.mutants_list import MUTANTS, Gate, Mutant
from tests.gate.mutants_run import ROOT, Result, apply_patch


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_text_stands_there_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.old != mutant.new


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_catcher_is_there(mutant: Mutant) -> None:
    first, *others = mutant.catchers
    assert isinstance(first, mutants_list.Tests)
    assert (ROOT / first.file).exists()
    for gate in others:
        assert isinstance(gate, Gate)
        assert gate.expect
        assert set(gate.only.split(",")) <= set(kinds())


def test_a_rotten_one_is_told(tmp_path: Path) -> None:
    mutant = Mutant(name="m", file="a.py", old="old", new="new", catchers=())
    assert apply_patch(tmp_path, mutant) == "there is no a.py any more"
    (tmp_path / "a.py").write_text("old old")
    assert apply_patch(tmp_path, mutant) == "the old text stands 2 times in a.py, not once"
    (tmp_path / "a.py").write_text("an old one")
    assert apply_patch(tmp_path, mutant) == ""
    assert (tmp_path / "a.py").read_text() == "an new one"


def test_the_report_says_what_was_not_caught() -> None:
    caught, missed = Result(seconds=60, by="lost (1 in all)", seen=14.2), Result(seconds=180)
    first, second = MUTANTS[:2]
    rows = [(first, first.catchers[0], caught), (second, second.catchers[0], caught)]
    assert page(rows, {}).startswith("# Mutants: 2 of 2 caught")
    rows = [(first, first.catchers[0], caught), (second, second.catchers[0], missed)]
    lines = page(rows, {"a test": Result(seconds=2)}).splitlines()
    assert lines[0] == "# Mutants: 1 of 2 caught"
    assert "60 s, seen after 14 s of load" in lines[4]
    assert "lost (1 in all)" in lines[4]
    assert f"**NOT CAUGHT** by {second.catchers[0].name}" in lines[5]
    assert lines[-1] == "| a test | 2 s | nothing |"


def test_gates_of_one_name_are_run_clean_once_for_all_that_they_expect() -> None:
    of_tests, *of_gates = turns(MUTANTS)
    assert [mutant for mutant, _ in of_tests] == list(MUTANTS)
    assert turns(MUTANTS, gates=False) == [of_tests]
    for same in of_gates:
        clean = together([gate for _, gate in same])
        for _, gate in same:
            assert isinstance(gate, Gate)
            assert isinstance(clean, Gate)
            assert gate.expect <= clean.expect
            assert replace(gate, expect=clean.expect) == clean


def test_a_catcher_that_finds_something_without_the_mutant_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.py").write_text("old\n")
    (tmp_path / "tree" / "test_a.py").write_text("def test_it():\n    assert False, 'always'\n")
    monkeypatch.setattr(mutants_run, "ROOT", tmp_path / "tree")
    monkeypatch.setattr(mutants_run, "_foreign", lambda tree: "")  # it has nothing to import
    always = mutants_list.Tests(file="test_a.py", only="it")
    monkeypatch.setattr(mutants, "MUTANTS", (Mutant(name="m", file="a.py", old="old", new="new", catchers=(always,)),))
    assert mutants.main(["--keep", str(tmp_path / "kept")]) == 1
    told = capsys.readouterr().out
    assert "m / test_a.py -k 'it': without the mutant, too: test_a.py::test_it - AssertionError: always" in told
    assert (tmp_path / "tree" / "a.py").read_text() == "old\n"


def test_a_mutant_is_caught_in_a_copy_and_told_when_it_has_rotted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.py").write_text("safe = True\n")
    (tmp_path / "tree" / "test_a.py").write_text("import a\n\n\ndef test_it():\n    assert a.safe\n")
    monkeypatch.setattr(mutants_run, "ROOT", tmp_path / "tree")
    monkeypatch.setattr(mutants_run, "_foreign", lambda tree: "")  # it has nothing of ours to import
    catcher = mutants_list.Tests(file="test_a.py", only="it")
    bites = Mutant(name="bites", file="a.py", old="True", new="False", catchers=(catcher,))
    idle = Mutant(name="idle", file="a.py", old="safe", new="safe = 1; safe", catchers=(catcher,))
    rotten = Mutant(name="rotten", file="a.py", old="gone", new="there", catchers=(catcher,))
    monkeypatch.setattr(mutants, "MUTANTS", (bites,))
    assert mutants.main(["--keep", str(tmp_path / "first")]) == 0
    monkeypatch.setattr(mutants, "MUTANTS", (bites, idle, rotten))
    assert mutants.main(["--keep", str(tmp_path / "second")]) == 1
    told = capsys.readouterr().out
    assert told.count("unmutated / test_a.py -k 'it': nothing") == 2
    assert "idle / test_a.py -k 'it': nothing" in told
    assert "rotten / test_a.py -k 'it': rotten: the old text stands 0 times in a.py, not once" in told
    assert (tmp_path / "tree" / "a.py").read_text() == "safe = True\n"
    assert not list(tmp_path.glob("*/*/tree")), "the copies are gone"
