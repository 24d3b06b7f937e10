"""What script/test asks before it runs the tests.

``packages`` prints the Debian packages that this machine lacks; ``jars`` fetches the jars of ZooKeeper and its TLS, and
promtool.
"""

import sys

from tests.rig.errors import MissingPart
from tests.rig.jars import find_java, find_promtool, zookeeper_jars
from tests.rig.netns import find_tools
from tests.rig.postgres import find_binaries, system_user
from tests.rig.systemd import find_systemd_analyze


def main(arguments: list[str]) -> str | None:
    """Returns a complaint, or None."""
    match arguments:
        case ["packages"]:
            for find in (find_binaries, system_user, find_java, find_tools, find_systemd_analyze):
                try:
                    find()
                except MissingPart as missing:
                    print(*missing.packages)
        case ["jars"]:
            try:
                print(zookeeper_jars(tls=True)[0].parent)
                print(find_promtool())
            except MissingPart as missing:
                return str(missing)
        case _:
            return "usage: python -m tests.rig packages | jars"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
