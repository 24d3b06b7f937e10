"""The mutants have not rotted: each can still be made, and each can be caught. Whether it is, `--mutants` says."""

from pathlib import Path

import pytest

from tests.gate.faults import kinds
from tests.gate.mutants import page
from tests.gate.mutants_list import MUTANTS, Gate, Mutant
from tests.gate.mutants_run import ROOT, Result, apply_patch


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_text_stands_there_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.old != mutant.new


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_catcher_is_there(mutant: Mutant) -> None:
    if isinstance(mutant.catcher, Gate):
        assert mutant.catcher.only == "none" or set(mutant.catcher.only.split(",")) <= set(kinds())
    else:
        assert (ROOT / mutant.catcher.file).exists()


def test_a_rotten_one_is_told(tmp_path: Path) -> None:
    mutant = Mutant(name="m", file="a.py", old="old", new="new", catcher=MUTANTS[0].catcher)
    assert apply_patch(tmp_path, mutant) == "there is no a.py any more"
    (tmp_path / "a.py").write_text("old old")
    assert apply_patch(tmp_path, mutant) == "the old text stands 2 times in a.py, not once"
    (tmp_path / "a.py").write_text("an old one")
    assert apply_patch(tmp_path, mutant) == ""
    assert (tmp_path / "a.py").read_text() == "an new one"


def test_the_report_says_what_was_not_caught() -> None:
    caught, missed = Result(seconds=3, by="lost (1 in all)"), Result(seconds=180)
    lines = page([(MUTANTS[0], caught), (MUTANTS[1], missed)]).splitlines()
    assert lines[0] == "# Mutants: 1 of 2 caught"
    assert "lost (1 in all)" in lines[4]
    assert "**NOT CAUGHT**" in lines[5]
