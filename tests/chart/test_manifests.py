"""Each set of values becomes what each version of Kubernetes takes."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils
import pytest
import yaml

from tests.chart.rendering import CHART, RELEASE, VALUES, VERSIONS, helm, objects, of_kind, one, render, template

NOT_OURS = {
    "cert-manager.io/v1": {"Certificate"},
    "monitoring.coreos.com/v1": {"ServiceMonitor", "PrometheusRule"},
    "keda.sh/v1alpha1": {"ScaledObject"},
}
"""Kinds whose definitions come with what runs them, and not with Kubernetes."""


@pytest.fixture(autouse=True, scope="module")
def schemas_are_read_once() -> Any:
    """The library reads megabytes of definitions for each object."""
    plain = kubernetes_validate.utils.schema_contents
    kubernetes_validate.utils.schema_contents = functools.cache(plain)
    yield
    kubernetes_validate.utils.schema_contents = plain


@pytest.mark.parametrize("name", VALUES)
def test_lint(name: str) -> None:
    done = helm("lint", "--strict", CHART, "--values", VALUES[name])
    assert done.returncode == 0, done.stdout + done.stderr


def test_lint_of_nothing_but_defaults() -> None:
    assert helm("lint", "--strict", CHART).returncode == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", VALUES)
def test_kubernetes_takes_it(name: str, version: str) -> None:
    rendered = render(name, version=version)
    assert len(rendered) > 10
    for each in rendered:
        if each["kind"] not in NOT_OURS.get(each["apiVersion"], ()):
            kubernetes_validate.validate(each, version, strict=True)


def test_an_older_kubernetes_is_refused() -> None:
    done = helm("template", RELEASE, CHART, "--values", VALUES["dev"], "--kube-version", "1.27.0")
    assert done.returncode != 0
    assert ">=1.28" in done.stderr


@pytest.mark.parametrize("name", VALUES)
def test_names_are_unique_and_labels_say_whose_it_is(name: str) -> None:
    rendered = render(name)
    names = [(each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) for each in rendered]
    assert len(set(names)) == len(names)
    for each in rendered:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert labels["app.kubernetes.io/name"] == ("jobs" if name == "everything" else "cronquorum")
        assert {"app.kubernetes.io/component", "app.kubernetes.io/version", "helm.sh/chart"} <= labels.keys()


def test_common_labels_and_annotations_are_everywhere() -> None:
    for each in render("everything"):
        assert each["metadata"]["labels"]["team"] == "platform", each["metadata"]["name"]
        assert each["metadata"]["annotations"]["example.org/owner"] == "platform", each["metadata"]["name"]


def test_labels_that_selectors_take_are_not_replaced(tmp_path: Path) -> None:
    given = {
        "commonLabels": {"app.kubernetes.io/name": "other", "app.kubernetes.io/part-of": "platform", "tier": "common"},
        "scheduler": {"podLabels": {"app.kubernetes.io/component": "other", "tier": "own"}},
    }
    (tmp_path / "values.yaml").write_text(json.dumps(given))
    done = template("--values", VALUES["external"], "--values", tmp_path / "values.yaml")
    node = one(objects(done.stdout), "Deployment", "prod-cronquorum-scheduler")["spec"]
    labels = node["template"]["metadata"]["labels"]
    assert node["selector"]["matchLabels"].items() <= labels.items()
    assert (labels["app.kubernetes.io/part-of"], labels["tier"]) == ("platform", "own")
    # no key is twice, which YAML's stricter readers refuse
    for block in re.findall(r"^ *labels:\n((?: +[a-z].*\n)+)", done.stdout, re.MULTILINE):
        keys = re.findall(r"^( *\S+):", block, re.MULTILINE)
        assert len(keys) == len(set(keys))


def test_names_that_yaml_takes_for_something_else() -> None:
    done = helm("template", "true", CHART, "--values", VALUES["external"], "--set", "executors.1.replicas=1")
    assert done.returncode == 0, done.stderr
    for each in objects(done.stdout):
        kubernetes_validate.validate(each, VERSIONS[-1], strict=True)
    group = one(objects(done.stdout), "Deployment", "true-cronquorum-executor-1")
    assert group["spec"]["selector"]["matchLabels"]["cronquorum/executors"] == "1"


def test_what_needs_definitions_of_others_is_off() -> None:
    for name in ("dev", "external", "cnpg"):
        assert not {each["apiVersion"] for each in render(name)} & NOT_OURS.keys()
    assert {each["apiVersion"] for each in render("everything")} >= NOT_OURS.keys()


def test_a_try_out_brings_all_that_it_needs() -> None:
    """Each Secret, ConfigMap, Service and account that a pod names is among the objects."""
    rendered = render("dev")
    made = {(each["kind"], each["metadata"]["name"]) for each in rendered}
    named: set[tuple[str, str]] = set()
    for kind in ("Deployment", "StatefulSet", "Job", "Pod"):
        for each in of_kind(rendered, kind):
            named |= set(_named(each))
    assert named
    assert named <= made
    assert one(rendered, "Secret", "prod-cronquorum-postgresql")["stringData"]["url"].startswith("postgresql://")


def _named(value: Any) -> Any:
    if isinstance(value, list):
        for each in value:
            yield from _named(each)
    if not isinstance(value, dict):
        return
    for key, each in value.items():
        if key == "secretKeyRef":
            yield "Secret", each["name"]
        elif key == "secretName":
            yield "Secret", each
        elif key == "configMap":
            yield "ConfigMap", each["name"]
        elif key == "serviceAccountName":
            yield "ServiceAccount", each
        elif key == "serviceName":
            yield "Service", each
        yield from _named(each)


def test_alerts_and_dashboard_are_those_that_are_tested_elsewhere() -> None:
    rendered = render("everything")
    (rule,) = of_kind(rendered, "PrometheusRule")
    rules = (CHART / "rules" / "alerts.yaml").read_text()
    found = {each["annotations"]["runbook_url"] for group in rule["spec"]["groups"] for each in group["rules"]}
    assert all(each.startswith("https://git.example/cron/docs/operations.md#cronquorum") for each in found)
    assert rule["spec"] == yaml.safe_load(
        rules.replace("docs/operations.md#", "https://git.example/cron/docs/operations.md#")
    )
    assert rule["spec"]["groups"]
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    dashboard = one(rendered, "ConfigMap", "prod-jobs-dashboard")
    assert json.loads(dashboard["data"]["cronquorum.json"]) == json.loads(
        (CHART / "dashboards" / "cronquorum.json").read_text()
    )
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_autoscaling_asks_for_a_metric_that_there_is() -> None:
    rendered = render("everything")
    (hpa,) = of_kind(rendered, "HorizontalPodAutoscaler")
    (scaled,) = of_kind(rendered, "ScaledObject")
    name = hpa["spec"]["metrics"][0]["external"]["metric"]["name"]
    # the nodes' Service of metrics is their job
    assert one(rendered, "Service", "prod-jobs-scheduler")["metadata"]["labels"]["cronquorum/metrics"] == "true"
    expected = f'max({name}{{namespace="cron",job="prod-jobs-scheduler"}})'
    assert scaled["spec"]["triggers"][0]["metadata"]["query"] == expected
    documented = (CHART.parents[1] / "docs" / "metrics.md").read_text()
    assert f"`{name}`" in documented
