"""What it takes to make network namespaces: root, and three tools."""

import os
import shutil

from tests.rig.errors import MissingPart

PACKAGES = {"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux"}


def find_tools() -> None:
    """Raises MissingPart when we are root, and yet can't make network namespaces for the lack of a tool."""
    missing = [tool for tool in PACKAGES if shutil.which(tool) is None]
    if os.geteuid() == 0 and missing:
        raise MissingPart(", ".join(missing), *(PACKAGES[tool] for tool in missing))
