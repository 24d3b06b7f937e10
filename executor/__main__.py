"""`python -m executor`: one executor of a cluster, below its guardian."""

import sys
from collections.abc import Sequence

from executor.guardian.loop import Guardian


def main(argv: Sequence[str] | None = None) -> int:
    """Run an executor in this very process, with no guardian. Returns the exit code."""
    # imported only here: a guardian stays small
    from executor.program import run

    return run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(Guardian(sys.argv[1:]).run())
