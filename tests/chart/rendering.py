"""What the chart becomes, by Helm itself."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "cronquorum"
VALUES = {path.stem: path for path in sorted((Path(__file__).parent / "values").glob("*.yaml"))}
"""The values that are rendered and looked at, by name."""
VERSIONS = ("1.28", "1.32", "1.37")
"""Versions of Kubernetes: the oldest that the chart allows, one between, and the newest whose schemas are known."""
NAMESPACE = "cron"
RELEASE = "prod"

Object = dict[str, Any]


def tool(name: str) -> str:
    """A program that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def helm(*words: str | Path, environ: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [tool("helm"), *words], capture_output=True, text=True, timeout=60, env={**os.environ, **(environ or {})}
    )


def template(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    """`helm template` of the chart, however it ends."""
    return helm("template", RELEASE, CHART, "--namespace", NAMESPACE, *words)


@functools.cache
def render(name: str, *words: str, version: str = VERSIONS[-1]) -> tuple[Object, ...]:
    """The objects that the values of a name, and further words for Helm, become."""
    done = template("--values", VALUES[name], "--kube-version", version, *words)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def objects(text: str) -> tuple[Object, ...]:
    return tuple(each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each)


def of_kind(rendered: Sequence[Object], kind: str) -> list[Object]:
    return [each for each in rendered if each["kind"] == kind]


def one(rendered: Sequence[Object], kind: str, name: str) -> Object:
    """The object of that kind and name."""
    found = [each for each in of_kind(rendered, kind) if each["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name}: {[each['metadata']['name'] for each in of_kind(rendered, kind)]}"
    return found[0]


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod, or what makes pods: `metadata` and `spec` are those of the pods."""

    owner: Object
    metadata: Object
    spec: Object

    @property
    def name(self) -> str:
        return f"{self.owner['kind']} {self.owner['metadata']['name']}"

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.metadata["labels"]
        return labels

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def pods(rendered: Sequence[Object]) -> Iterator[Pod]:
    for each in rendered:
        if each["kind"] == "Pod":
            yield Pod(owner=each, metadata=each["metadata"], spec=each["spec"])
        elif each["kind"] in ("Deployment", "StatefulSet", "Job"):
            made = each["spec"]["template"]
            yield Pod(owner=each, metadata=made["metadata"], spec=made["spec"])


def environment(container: Object, address: str, name: str, secret: Callable[[Object], str]) -> dict[str, str]:
    """A container's variables, in a pod of that address and name. `secret` is given what a `secretKeyRef` names."""
    found: dict[str, str] = {}
    for variable in container.get("env", []):
        source = variable.get("valueFrom", {})
        if "fieldRef" in source:
            value = {"status.podIP": address, "metadata.name": name}[source["fieldRef"]["fieldPath"]]
        elif "secretKeyRef" in source:
            value = secret(source["secretKeyRef"])
        else:
            value = variable["value"].replace("$(POD_IP)", found.get("POD_IP", ""))
        found[variable["name"]] = value
    return found


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())
