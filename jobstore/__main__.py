"""`python -m jobstore upgrade|check|hold --store URL`: the store's own command."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from cronquorum import logs
from cronquorum.names import shown, suggestion
from cronquorum.settings import Metavar, Settings
from jobstore.errors import StoreError
from jobstore.opening import open_store
from jobstore.schema import check_schema, upgrade

PROG = "python -m jobstore"
USAGE = f"usage: {PROG} upgrade|check|hold --store URL"
COMMANDS = {
    "upgrade": "Bring the store's schema up to date. Safe to repeat, and to run from several places at once.",
    "check": "Say which schema the store has; exit with 1 when it is not the one that is needed.",
    "hold": "Let nothing run or be written until `schedctl cluster release`: after a restore from a backup.",
}
HELD = "an operator held it (python -m jobstore hold)"


class StoreSettings(Settings):
    """Where the store is."""

    store: Annotated[str, Metavar("URL")] = Field(
        description="the store: postgresql://USER@HOST:PORT/DATABASE or sqlite:///PATH"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 not, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else ""
    if name in ("-h", "--help"):
        print(USAGE, *(f"  {command:8} {text}" for command, text in COMMANDS.items()), sep="\n")
        return 0
    if name not in COMMANDS:
        wrong = f"unknown command {shown(name)}{suggestion(name, COMMANDS)}; " if name else ""
        print(f"{PROG}: {wrong}{USAGE}", file=sys.stderr)
        return 2
    # the environment belongs to all processes of a host; of their settings, only the store matters here
    others = frozenset(variable.removeprefix("CRONQUORUM_").split("__")[0].lower() for variable in os.environ)
    settings = StoreSettings.load(words[1:], prog=f"{PROG} {name}", description=COMMANDS[name], also_known=others)
    logs.configure()
    return _run(name, settings.store)


def _run(name: str, url: str) -> int:
    try:
        store = open_store(url)
        try:
            revision = upgrade(store) if name == "upgrade" else check_schema(store)
            if name == "hold":
                store.hold(HELD)
        finally:
            store.close()
    except StoreError as error:
        print(f"{PROG} {name}: {error}", file=sys.stderr)
        return 1
    print(f"{store.database.name}: {'held' if name == 'hold' else f'schema {revision}'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
