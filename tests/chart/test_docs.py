"""What docs/kubernetes.md and the chart's README show can be done as it stands there."""

import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.chart.rendering import CHART, NAMESPACE, ROOT, VERSIONS, helm, objects
from tests.docs.pages import spans

PAGE = ROOT / "docs" / "kubernetes.md"
INSTALLS = [
    " ".join(found.split("#")[0].replace("\\\n", " ").split())
    for page in (PAGE, CHART / "README.md")
    for found in re.findall(r"^    (helm install (?:[^\\\n]|\\\n)*)", page.read_text(), re.MULTILINE)
]


def prod() -> str:
    """The file `prod.yaml` of the page."""
    found = re.search(r"with a `prod\.yaml` such as\n\n((?:    .*\n|\n)+)", PAGE.read_text())
    assert found is not None
    return textwrap.dedent(found[1])


@pytest.mark.parametrize("line", INSTALLS)
def test_an_installation_that_is_shown_renders(line: str, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(prod())
    words = [word for word in shlex.split(line)[2:] if word != "--create-namespace"]
    there = {"helm/cronquorum": str(CHART), "prod.yaml": str(tmp_path / "prod.yaml")}
    done = helm("template", *(there.get(word, word) for word in words))
    assert done.returncode == 0, done.stderr
    for each in objects(done.stdout):
        if "cert-manager" not in each["apiVersion"]:
            kubernetes_validate.validate(each, VERSIONS[-1], strict=True)


def test_installations_are_found() -> None:
    assert len(INSTALLS) == 4


def test_the_secrets_that_are_named_are_those_that_are_made() -> None:
    made = re.findall(r"kubectl create secret generic (\S+) --namespace (\S+)", PAGE.read_text())
    assert {namespace for _, namespace in made} == {NAMESPACE}
    named = set(re.findall(r"existingSecret: ([-a-z]+)", prod()))
    assert named == {name for name, _ in made} - {"scheduler-tls"}  # that is of another `tls.mode`


def test_values_that_are_named_are_there() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    roots = (values, values["executorDefaults"])
    named = {span for span in spans(PAGE) if re.fullmatch(r"[a-z][a-zA-Z]*(\.[a-zA-Z]+)+", span)}
    named = {span for span in named if any(span.partition(".")[0] in root for root in roots)}
    named -= {"tls.crt", "tls.key", "scheduler.cronquorum"}  # a Secret's keys, and a name in a certificate
    assert len(named) >= 15
    assert {span for span in named if not any(_is_there(root, span.split(".")) for root in roots)} == set()


def _is_there(value: Any, path: list[str]) -> bool:
    if not path:
        return True
    return isinstance(value, dict) and path[0] in value and _is_there(value[path[0]], path[1:])


def test_versions_of_kubernetes_are_those_that_are_tested() -> None:
    oldest, between, newest = VERSIONS
    operations = (ROOT / "docs" / "operations.md").read_text()
    row = f"| Kubernetes | {oldest} and newer | manifests checked for {oldest}, {between} and {newest} |"
    assert row in operations
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"] == f">={oldest}.0-0"
    assert f"Kubernetes {oldest} or newer" in PAGE.read_text()
