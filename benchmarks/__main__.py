"""`python -m benchmarks NAME`: one line of JSON, and exit status 1 when what was measured was not right."""

import argparse
import json
import sys
from importlib import import_module
from types import ModuleType

from benchmarks import figures

# Each has `run(options)`, and `add_options(parser)` if it takes any. Loaded only when asked for.
NAMES = ("all", "cron", "drain", "herd", "history", "idle", "lateness", "peers", "runs", "shell", "triggers")
_MODULES = {"peers": "benchmarks.peers.session"}


def main() -> int:
    """Measure what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    name = parser.parse_args(sys.argv[1:2]).name
    options = parser_of(name).parse_args(sys.argv[2:])
    about = {"versions": figures.versions(), "machine": figures.machine()}  # the load is what it was before
    found = _module(name).run(options)
    tls = {"tls": options.tls} if hasattr(options, "tls") else {}
    print(json.dumps({"benchmark": name, **found, **tls, **about}))
    return 1 if found.get("wrong") else 0


def parser_of(name: str) -> argparse.ArgumentParser:
    """Of the options of one benchmark."""
    module = _module(name)
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=module.__doc__)
    if hasattr(module, "add_options"):
        module.add_options(parser)
    return parser


def _module(name: str) -> ModuleType:
    return import_module(_MODULES.get(name, f"benchmarks.{name}"))


if __name__ == "__main__":
    sys.exit(main())
