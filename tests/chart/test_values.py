"""Values that cannot be are refused, by name, before anything is made of them."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from helm.generate.__main__ import made
from helm.generate.values import read_values
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, ROOT, VALUES, helm, objects, of_kind, template

BAD = {
    "scheduler.replicas=three": "scheduler.replicas: Invalid type. Expected: integer, given: string",
    "scheduler.replicas=0": "scheduler.replicas: Must be greater than or equal to 1",
    "scheduler.replica=3": "scheduler: Additional property replica is not allowed",
    "shceduler.replicas=3": "(root): Additional property shceduler is not allowed",
    "tls.mode=none": "tls.mode",
    "migrations.mode=hook": "migrations.mode",
    "scheduler.config.lookahed=10s": "scheduler.config: Additional property lookahed is not allowed",
    "scheduler.config.store=postgresql://db": "scheduler.config: Additional property store is not allowed",
    "scheduler.config.insecure=true": "scheduler.config: Additional property insecure is not allowed",
    "scheduler.config.defaults.max_attempts=0": "scheduler.config.defaults.max_attempts",
    "scheduler.config.limits.runing=1": "scheduler.config.limits: Additional property runing is not allowed",
    "executors.gpu.slots=0": "executors.gpu.slots",
    "executors.gpu.slot=2": "executors.gpu: Additional property slot is not allowed",
    "executors.gpu.kinds={fortran}": "executors.gpu.kinds.0",
    "executors.gpu.config.data=/x": "executors.gpu.config: Additional property data is not allowed",
    "executors.GPU.slots=2": "executors",
    "executorDefaults.autoscaling.type=vpa": "executorDefaults.autoscaling.type",
    "image.digest=latest": "image.digest",
    "zookeeper.hosts={a\\,b}": "zookeeper.hosts.0",
    "zookeeper.chroot=cronquorum": "zookeeper.chroot",
    "store.cloudNativePG=jobs": "store.cloudNativePG",
    "networkPolicy.postgresql.port=70000": "networkPolicy.postgresql.port",
    "scheduler.resources.limit.memory=1Gi": "scheduler.resources: Additional property limit is not allowed",
    "ipFamily=IPv5": "ipFamily",
    "scheduler.extraEnv[0].name=CRONQUORUM_INSECURE": "scheduler.extraEnv.0.name",
    "executors.gpu.extraEnv[0].name=CRONQUORUM_SLOTS": "executors.gpu.extraEnv.0.name",
    "scheduler.strategy.maxSurge=many": "scheduler.strategy.maxSurge: Does not match pattern",
    "networkPolicy.kubernetes.ports={https}": "networkPolicy.kubernetes.ports.0",
    "fullnameOverride=My_Cron": "fullnameOverride: Does not match pattern",
}

MISSING = {
    "store.existingSecret=": "no store: set store.existingSecret, store.cloudNativePG.cluster",
    "store.cloudNativePG.cluster=x": "more than one store: store.existingSecret, store.cloudNativePG.cluster",
    "zookeeper.hosts=null": "no ZooKeeper: set zookeeper.hosts",
    "dev.enabled=true": "more than one store: dev.postgresql.enabled, store.existingSecret",
    "tls.mode=": "tls.mode: set it to certManager, secret or generated",
    "tls.secret.executor=": "tls.mode secret: set tls.secret.scheduler and tls.secret.executor",
    "tls.mode=certManager": "set tls.certManager.issuerRef.name",
    "executors.k8s.kinds={kubernetes},executors.k8s.autoscaling.enabled=true": "executors.k8s: autoscaling is not for",
    "zookeeper.tls.enabled=true": "zookeeper.tls.enabled: set zookeeper.tls.existingSecret",
    "fullnameOverride=2nd": "2nd: names of Services begin with a letter and have no dots: set fullname",
    "executors.a.serviceAccount.name=x,executors.b.serviceAccount.name=x": "executors.b.serviceAccount.name: x would",
    "fullnameOverride=a-name-that-is-very-long-and-goes-on-and-on-until-it-is-too-long": "set fullnameOverride",
}


@pytest.mark.parametrize("given", BAD)
def test_a_bad_value_is_refused_by_its_name(given: str) -> None:
    done = template("--values", VALUES["external"], "--set", given)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert BAD[given] in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("given", MISSING)
def test_what_is_missing_is_named(given: str) -> None:
    done = template("--values", VALUES["external"], "--set", given)
    assert done.returncode != 0
    assert MISSING[given] in done.stderr


def test_what_is_made_is_fresh() -> None:
    for path, text in made().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)}: run script/chart"


def test_a_value_without_a_comment_is_found(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("# a\na: {}\nb:\n  # c\n  c: 1\n  d: 2\n")
    with pytest.raises(ValueError, match=r"values.yaml line 6: b.d has no comment"):
        read_values(values)


def test_the_chart_and_the_program_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == project["version"]


def test_the_schema_allows_what_helm_adds() -> None:
    assert json.loads((CHART / "values.schema.json").read_text())["properties"]["global"] == {"type": "object"}


def test_the_notes_say_the_next_command(tmp_path: Path) -> None:
    notes = _notes(tmp_path / "dev", "dev")
    assert "helm --namespace cron test prod" in notes
    assert "get secret prod-cronquorum-client-tls" in notes
    assert 'go-template={{ index .data \\"$file\\" | base64decode }}' in notes
    assert "PostgreSQL and ZooKeeper" in notes
    assert " &" not in notes  # who goes on before the tunnel is there is refused
    external = _notes(tmp_path / "external", "external", "--set", "migrations.mode=external")
    assert "python -m jobstore upgrade" in external
    assert "name its Secret in tls.secret.client" in external and "name its Secret" not in notes
    assert "helm --namespace" not in external  # there is no certificate for a client


def _notes(chart: Path, name: str, *words: str) -> str:
    """Helm shows notes only to those who have a cluster, so they become an object of a copy of the chart."""
    shutil.copytree(CHART, chart)
    templates = chart / "templates"
    text = (templates / "NOTES.txt").read_text()
    (templates / "NOTES.txt").unlink()
    (templates / "_notes.tpl").write_text('{{- define "notes" -}}' + text + "{{- end -}}")
    (templates / "notes.yaml").write_text('kind: Notes\ntext: {{ include "notes" . | toJson }}\n')
    done = helm("template", RELEASE, chart, "--namespace", NAMESPACE, "--values", VALUES[name], *words)
    assert done.returncode == 0, done.stderr
    (notes,) = of_kind(objects(done.stdout), "Notes")
    return str(notes["text"])
