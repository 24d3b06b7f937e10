"""`python -m tests.gate --mutants`: is every mutant caught? Writes mutants.md; exit code 0 if and only if all are.

Each mutant has a test that is to notice, and some a run of the gate, too. Each of these is first run on an unmutated
copy, once for all of its mutants: it has to find nothing there.
"""

import argparse
import fcntl
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.gate.mutants_list import MUTANTS, Catcher, Gate, Mutant
from tests.gate.mutants_run import Result, apply_patch, copy_tree, try_out

Try = tuple[Mutant, Catcher]
Row = tuple[Mutant, Catcher, Result]


def main(argv: Sequence[str]) -> int:
    """Make and catch them all, or those that `--mutant` names a part of."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate --mutants", description=__doc__)
    parser.add_argument(
        "--mutant", action="append", default=[], metavar="WORDS", help="only those whose name has these"
    )
    parser.add_argument("--list", action="store_true", help="say which there are, and whether they have rotted")
    parser.add_argument("--tests-only", action="store_true", help="leave out those that take a run of the gate")
    parser.add_argument("--lock", type=Path, metavar="FILE", help="held while catchers run, as flock(1) does")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for the report and the runs; must not exist")
    told = parser.parse_args(argv)
    chosen = [mutant for mutant in MUTANTS if not told.mutant or any(words in mutant.name for words in told.mutant)]
    folder = (told.keep or Path(tempfile.mkdtemp(prefix="cronquorum-gate-mutants-")) / "run").resolve()
    folder.mkdir(parents=True)
    folder.parent.chmod(folder.parent.stat().st_mode | 0o055)  # PostgreSQL, a user of its own, works below it
    if told.list:
        return _list(chosen, folder)
    lock = told.lock or folder / "lock"
    begin = time.monotonic()
    rows: list[Row] = []
    clean: dict[str, Result] = {}
    for turn in turns(chosen, gates=not told.tests_only):
        with lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            for mutant, catcher in turn:
                name = catcher.name
                if name not in clean:
                    all_of_it = together([each for _, each in turn if each.name == name])
                    clean[name] = _once(None, all_of_it, folder / f"clean-{len(clean) + 1}")
                    _say("unmutated", all_of_it, clean[name])
                result = _catch(mutant, catcher, clean[name], folder / f"mutant-{len(rows) + 1}")
                rows.append((mutant, catcher, result))
                _say(mutant.name, catcher, result)
                (folder / "mutants.md").write_text(page(rows, clean))
    print(f"{_counted(rows)}, {time.monotonic() - begin:.0f} s: {folder / 'mutants.md'}")
    return 0 if rows and all(result.by for _, _, result in rows) else 1


def turns(mutants: Sequence[Mutant], *, gates: bool = True) -> list[list[Try]]:
    """All tests, then each gate: each is worked off in one go, under one hold of the lock."""
    found: dict[str, list[Try]] = {"": []}
    for mutant in mutants:
        for catcher in mutant.catchers:
            if gates or not isinstance(catcher, Gate):
                found.setdefault(catcher.name if isinstance(catcher, Gate) else "", []).append((mutant, catcher))
    return [tries for tries in found.values() if tries]


def together(catchers: Sequence[Catcher]) -> Catcher:
    """One that finds what any of these would, which are of one name."""
    gates = [catcher for catcher in catchers if isinstance(catcher, Gate)]
    if not gates:
        return catchers[0]
    minutes = max(gate.minutes for gate in gates)
    return replace(gates[0], minutes=minutes, expect=frozenset().union(*(gate.expect for gate in gates)))


def _catch(mutant: Mutant, catcher: Catcher, clean: Result, folder: Path) -> Result:
    if clean.by or clean.error:
        return Result(seconds=0.0, error=f"without the mutant, too: {clean.by or clean.error}")
    return _once(mutant, catcher, folder)


def _once(mutant: Mutant | None, catcher: Catcher, folder: Path) -> Result:
    """In a fresh copy of the tree, which is removed afterwards; its logs stay."""
    folder.mkdir()
    tree = copy_tree(folder)
    try:
        rotten = apply_patch(tree, mutant) if mutant is not None else ""
        if rotten:
            return Result(seconds=0.0, error=f"rotten: {rotten}")
        return try_out(tree, catcher, folder)
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _list(mutants: Sequence[Mutant], folder: Path) -> int:
    tree = copy_tree(folder)
    rotten = 0
    for mutant in mutants:
        wrong = apply_patch(tree, mutant)
        rotten += bool(wrong)
        names = "; ".join(catcher.name for catcher in mutant.catchers)
        print(f"{mutant.name}: {names}{f' - ROTTEN: {wrong}' if wrong else ''}")
    shutil.rmtree(folder)
    return 1 if rotten else 0


def _say(name: str, catcher: Catcher, result: Result) -> None:
    told = result.error or result.by or "nothing"
    print(f"[{result.seconds:6.1f} s] {name} / {catcher.name}: {told}", flush=True)


def _counted(rows: Sequence[Row]) -> str:
    """A mutant is caught when each of its catchers noticed."""
    names = {mutant.name for mutant, _, _ in rows}
    missed = {mutant.name for mutant, _, result in rows if not result.by}
    return f"{len(names - missed)} of {len(names)} caught"


def page(rows: Sequence[Row], clean: Mapping[str, Result]) -> str:
    """mutants.md."""
    order = [mutant.name for mutant in MUTANTS]
    lines = [f"# Mutants: {_counted(rows)}", ""]
    lines += ["| mutant | caught by | after | what it said |", "|---|---|---|---|"]
    for mutant, catcher, result in sorted(rows, key=lambda row: order.index(row[0].name)):
        by = catcher.name if result.by else f"**NOT CAUGHT** by {catcher.name}"
        said = (result.error or result.by).replace("|", "/").replace("\n", " ")[:300]
        seen = "" if result.seen is None else f", seen after {result.seen:.0f} s of load"
        lines.append(f"| {mutant.name} | {by} | {result.seconds:.0f} s{seen} | {said} |")
    lines += ["", "Before, on the unmutated tree:", "", "| check | took | found |", "|---|---|---|"]
    for name, result in clean.items():
        lines.append(f"| {name} | {result.seconds:.0f} s | {result.error or result.by or 'nothing'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
