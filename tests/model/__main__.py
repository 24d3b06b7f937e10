"""`python -m tests.model --runs 10000 --steps 50 --seed 1`: the long form of the model test."""

import argparse
import random
import sys
import time
from collections import Counter

from tests.model.kinds import KINDS
from tests.model.running import Failure, kind_of, run, shrink
from tests.model.steps import random_script
from tests.model.world import KNOWN


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next one has the next")
    parser.add_argument("--failures", type=int, default=1, help="of different kinds, until it stops")
    parser.add_argument("--known", action="append", default=[], help="a pattern of violations to pass over")
    given = parser.parse_args()
    KNOWN.extend(given.known)
    done: Counter[str] = Counter()
    events: Counter[str] = Counter()
    failures: dict[str, Failure] = {}
    begun = time.monotonic()
    runs = 0
    for seed in range(given.seed, given.seed + given.runs):
        runs += 1
        failure = run(random_script(random.Random(seed), given.steps), done, events)
        if failure is not None:
            small = shrink(failure)
            if failures.setdefault(kind_of(small), small) is small:
                print(f"seed {seed}, {small}", flush=True)
            if len(failures) >= given.failures:
                break
    took = time.monotonic() - begun
    missing = sorted(set(KINDS) - set(done))
    told = ", ".join(f"{kind} {count}" for kind, count in done.most_common())
    print(f"steps: {told}{f'; never: {missing}' if missing else ''}")
    print("events: " + ", ".join(f"{event} {count}" for event, count in sorted(events.items())))
    print(
        f"{runs} runs, {done.total()} steps, {len(failures)} failures, {took:.1f} s, {1000 * took / runs:.1f} ms a run"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
