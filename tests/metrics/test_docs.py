"""docs/metrics.md tells of every metric that there is, and of no other."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.docs.pages import ROOT
from tests.metrics.conftest import Watched
from tests.metrics.queries import ONLY_WITH_TLS

PAGE = (ROOT / "docs" / "metrics.md").read_text()


def rows(text: str) -> list[str]:
    """The table of a scrape, as it stands in the docs: name, type, labels, meaning."""
    made = []
    for family in text_string_to_metric_families(text):
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        name = f"{family.name}_total" if family.type == "counter" else family.name
        told = ", ".join(f"`{label}`" for label in labels)
        if name.startswith("cronquorum_"):
            made.append(f"| `{name}` | {family.type} | {told} | {family.documentation} |")
    return sorted(made)


def shown(heading: str) -> list[str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return sorted(re.findall(r"^\| `cronquorum_.*$", section, re.MULTILINE))


@pytest.mark.parametrize("heading", ["Metrics of a node", "Metrics of an executor"])
def test_the_tables_are_what_is_told(watched: Watched, heading: str) -> None:
    id_ = watched.leader if heading.endswith("node") else "executor-1"
    beyond = [row for row in shown(heading) if row.split("`")[1] in ONLY_WITH_TLS]
    assert sorted({*beyond, *rows(watched.get(id_)[1])}) == shown(heading)
