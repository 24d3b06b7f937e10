"""`python -m benchmarks NAME`: a table for people, then one line of JSON for programs."""

import argparse
import json
from importlib import import_module

# Each has `run() -> tuple[str, dict[str, object]]`: the table, and the figures. Loaded only when asked for.
_NAMES = ("cron",)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=_NAMES)
    name = parser.parse_args().name
    table, figures = import_module(f"benchmarks.{name}").run()
    print(table)
    print(json.dumps({"benchmark": name, **figures}))


if __name__ == "__main__":
    main()
