"""systemd's own checks of units, which need no systemd that runs."""

import shutil

from tests.rig.errors import MissingPart


def find_systemd_analyze() -> str:
    """The program. Raises `MissingPart`."""
    found = shutil.which("systemd-analyze")
    if found is None:
        raise MissingPart("systemd-analyze", "systemd")
    return found
