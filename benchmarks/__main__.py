"""`python -m benchmarks NAME`: one line of JSON, and exit status 1 when what was measured was not right."""

import argparse
import json
import sys
from importlib import import_module

from benchmarks import figures

# Each has `run(options)`, and `add_options(parser)` if it takes any. Loaded only when asked for.
_NAMES = ("all", "cron", "drain", "herd", "history", "idle", "lateness", "peers", "runs", "shell", "triggers")
_MODULES = {"peers": "benchmarks.peers.session"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=_NAMES)
    name = parser.parse_args(sys.argv[1:2]).name
    module = import_module(_MODULES.get(name, f"benchmarks.{name}"))
    own = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=module.__doc__)
    if hasattr(module, "add_options"):
        module.add_options(own)
    options = own.parse_args(sys.argv[2:])
    about = {"versions": figures.versions(), "machine": figures.machine()}  # the load is what it was before
    found = module.run(options)
    print(json.dumps({"benchmark": name, **found, **about}))
    return 1 if found.get("wrong") else 0


if __name__ == "__main__":
    sys.exit(main())
