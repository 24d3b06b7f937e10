"""What script/test asks before it runs the tests.

``packages`` prints the Debian packages that this machine lacks; ``jars`` fetches the jars of ZooKeeper and its TLS.
"""

import sys

from tests.rig.errors import MissingPart
from tests.rig.jars import find_java, zookeeper_jars
from tests.rig.netns import find_tools
from tests.rig.postgres import find_binaries, system_user


def main(arguments: list[str]) -> str | None:
    """Returns a complaint, or None."""
    match arguments:
        case ["packages"]:
            for find in (find_binaries, system_user, find_java, find_tools):
                try:
                    find()
                except MissingPart as missing:
                    print(*missing.packages)
        case ["jars"]:
            try:
                print(zookeeper_jars(tls=True)[0].parent)
            except MissingPart as missing:
                return str(missing)
        case _:
            return "usage: python -m tests.rig packages | jars"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
