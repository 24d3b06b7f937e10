"""The whole of what two sets of values become: a change of a template shows what it does.

After one that is meant: pytest tests/chart --snapshot-update
"""

import re

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.chart.rendering import VALUES, template

RANDOM = re.compile(r"^(\s+(?:tls\.crt|tls\.key|ca\.crt|password): ).+$|(//cronquorum:)\w{32}@", re.MULTILINE)


class Manifests(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "yaml"


@pytest.mark.parametrize("name", ["dev", "everything"])
def test_manifests(name: str, snapshot: SnapshotAssertion) -> None:
    files = ("--set", "metrics.dashboard.enabled=false", "--set", "metrics.prometheusRule.enabled=false")
    done = template("--values", VALUES[name], "--kube-version", "1.32", *files)
    assert done.returncode == 0
    text = RANDOM.sub(lambda found: f"{found[1]}RANDOM" if found[1] else f"{found[2]}RANDOM@", done.stdout)
    assert text == snapshot(extension_class=Manifests)
