"""`python -m tests.upgrade`: a rolling upgrade under load, and its figures.

Exit code 0 if and only if nothing was lost, doubled or run twice, and every figure is within its target.
"""

import argparse
import json
import os
import sys
from pathlib import Path

# before gRPC is imported: its fork handlers crash a child that starts while channels are open
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from tests.upgrade.rolling import play


def main() -> int:
    """Upgrade once, and judge it."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    parser.add_argument("--report", type=Path, metavar="FILE", help="where to write the figures as JSON")
    options = parser.parse_args()
    found = play(lambda text: print(text, file=sys.stderr))
    told = {**found.figures, "wrong": found.wrong, "missed": found.missed}
    text = json.dumps(told, indent=2)
    print(text)
    if options.report is not None:
        options.report.write_text(text + "\n")
    return 1 if found.wrong or found.missed else 0


if __name__ == "__main__":
    sys.exit(main())
