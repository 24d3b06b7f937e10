"""Every row of the table, each in a process of its own, and the report of what was found.

What was found is kept beside the report (`.json`), so that with `--only` some rows can be measured again, and with
`--only nothing` the report is only written anew.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.chart import chart
from benchmarks.commands import ROOT
from benchmarks.report import report
from benchmarks.table import PEERS, ROWS, Row


def add_options(parser: argparse.ArgumentParser) -> None:
    keys = [row.key for row in (*ROWS, PEERS)]
    parser.add_argument("--report", type=Path, default=Path("docs/performance.md"), metavar="FILE")
    parser.add_argument("--only", action="append", choices=[*keys, "nothing"], metavar="ROW", help=", ".join(keys))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and write the report; returns what went wrong, row by row."""
    raw = options.report.with_suffix(".json")
    found: dict[str, dict[str, Any]] = json.loads(raw.read_text()) if raw.exists() else {}
    wrong: list[str] = []
    for row in (*ROWS, PEERS):
        if options.only is None or row.key in options.only:
            one = _measure(row)
            wrong += [f"{row.key}: {each}" for each in one.get("wrong", ())]
            if "what" in one:
                found[row.key] = one
                raw.write_text(json.dumps(found, indent=1) + "\n")
    picture = options.report.with_suffix(".svg")
    picture.write_text(chart(found))
    options.report.write_text(report(found, picture.name, raw.name))
    return {"report": str(options.report), "rows": sorted(found), "wrong": wrong}


def _measure(row: Row) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks", *row.arguments]
    print(" ".join(command[1:]), file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    lines = done.stdout.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {"wrong": [f"exit status {done.returncode}"]}
    one: dict[str, Any] = json.loads(lines[-1])
    print(lines[-1], file=sys.stderr, flush=True)
    return one
