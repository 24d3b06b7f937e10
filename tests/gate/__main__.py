"""`python -m tests.gate`: a cluster under load and faults, and a verdict. Exit code 0 if and only if it is clean."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

# before gRPC is imported: its fork handlers crash a child that starts while channels are open
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from tests.gate.faults import kinds
from tests.gate.load import LONG
from tests.gate.run import Run, Settings
from tests.gate.verdict import Kind

MINUTES, JOBS, RATE, EDITS = 15.0, 2000, 40.0, 1.5
FOLDER = "cronquorum-gate-"
"""Begin of the name of a run's own folder, which a clean run deletes; one that was given by --keep stays."""
REPORT = Path("gate-report")
"""Where the report goes, unless --keep says where the whole run does."""
SHORT_MINUTES, SHORT_JOBS, SHORT_RATE, SHORT_EDITS = 2.5, 200, 12.0, 1.0


def main(argv: Sequence[str]) -> int:
    """Run the gate, and judge what it wrote."""
    if "--mutants" in argv:
        from tests.gate import mutants

        return mutants.main([word for word in argv if word != "--mutants"])
    settings, folder, judged = _parse(argv)
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell starts what it puts into the background deaf to SIGINT
        signal.signal(number, _interrupt)
    Run(folder, settings).play()
    if not judged:
        return 0
    from tests.gate import checker, report

    verdict = checker.check_folder(folder)
    own = folder.parent.name.startswith(FOLDER)
    where = REPORT if own else folder
    where.mkdir(exist_ok=True)
    report.write_report(where, verdict)
    print(f"{'clean' if verdict.clean else 'NOT CLEAN'}: {where}/report.md")
    if own and verdict.clean:
        shutil.rmtree(folder.parent)
    elif own:
        print(f"what it is made of: {folder}")
    return 0 if verdict.clean else 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parse(argv: Sequence[str]) -> tuple[Settings, Path, bool]:
    parser = argparse.ArgumentParser(prog="python -m tests.gate", description=__doc__)
    parser.add_argument("--minutes", type=float, help=f"of load and faults ({MINUTES:g}; short: {SHORT_MINUTES:g})")
    parser.add_argument("--seed", type=int, default=1, help="of load and faults (1)")
    parser.add_argument("--only", help="only these kinds of faults, one after the other: KIND,...; 'none': no faults")
    parser.add_argument("--until", help="end at the first failure of these kinds that is seen: KIND,... (verdict.py)")
    parser.add_argument("--jobs", type=int, help=f"({JOBS}; short: {SHORT_JOBS})")
    parser.add_argument("--rate", type=float, help=f"fires a second ({RATE:g}; short: {SHORT_RATE:g})")
    parser.add_argument("--edits", type=float, help=f"calls a second ({EDITS:g}; short: {SHORT_EDITS:g})")
    parser.add_argument("--long", type=float, help=f"share of the tasks that take 10 s and more ({LONG:g})")
    parser.add_argument("--short", action="store_true", help="one fault of each cheap kind, in about 3 minutes")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="the run's folder, which must not exist")
    parser.add_argument("--proxies", action="store_true", help="don't make network namespaces, though we might")
    parser.add_argument("--no-verdict", action="store_true", help="only do and write down; don't judge")
    parser.add_argument("--mutants", action="store_true", help="prove that the checker bites")
    parser.add_argument("--kinds", action="store_true", help="list the kinds of faults")
    told = parser.parse_args(argv)
    if told.kinds:
        for kind in kinds().values():
            print(f"{kind.name:32} {'cheap' if kind.cheap else '':6}{kind.about}")
        raise SystemExit(0)
    only = None if told.only is None else () if told.only == "none" else tuple(told.only.split(","))
    unknown = sorted(set(only or ()) - set(kinds()))
    if unknown:
        parser.error(f"no such kind: {', '.join(unknown)}; see --kinds")
    until = tuple(told.until.split(",")) if told.until else ()
    if strange := sorted(set(until) - set(Kind)):
        parser.error(f"no such kind of failure: {', '.join(strange)}")
    short = told.short

    def either(value: float | None, long: float, brief: float) -> float:
        return value if value is not None else brief if short else long

    settings = Settings(
        seed=told.seed,
        minutes=either(told.minutes, MINUTES, SHORT_MINUTES),
        jobs=int(either(told.jobs, JOBS, SHORT_JOBS)),
        rate=either(told.rate, RATE, SHORT_RATE),
        edits=either(told.edits, EDITS, SHORT_EDITS),
        short=short,
        proxies=told.proxies,
        only=only,
        until=until,
        long=LONG if told.long is None else told.long,
    )
    folder: Path = told.keep or Path(tempfile.mkdtemp(prefix=FOLDER)) / "run"
    if folder.exists():
        parser.error(f"--keep: {folder} exists; give a folder that doesn't, so that no two runs mix")
    folder.mkdir(parents=True)
    for parent in (folder, folder.parent):
        if parent.stat().st_uid == os.geteuid() and parent.name.startswith(FOLDER):
            parent.chmod(0o755)  # PostgreSQL, a user of its own, has its write-ahead log below
    return settings, folder.resolve(), not told.no_verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
