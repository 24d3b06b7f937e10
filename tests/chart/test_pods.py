"""What holds for every pod, whatever the values."""

import json
import re
from itertools import combinations

import pytest

from tests.chart.rendering import ROOT, VALUES, Object, Pod, matches, of_kind, one, pods, render

ALL = [pytest.param(pod, id=f"{name}: {pod.name}") for name in VALUES for pod in pods(render(name))]
OFFICIAL = ("postgresql", "zookeeper")
"""Components that run images of others, as the users of those."""


def long_running(pod: Pod) -> bool:
    return pod.owner["kind"] in ("Deployment", "StatefulSet")


@pytest.mark.parametrize("pod", ALL)
def test_restricted(pod: Pod) -> None:
    """The pod security standard `restricted`, and a root file system that is only read."""
    context = pod.spec["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0 and context["runAsGroup"] > 0 and context["fsGroup"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod.containers:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.spec.keys()
    assert not [volume for volume in pod.spec.get("volumes", []) if "hostPath" in volume]


@pytest.mark.parametrize("pod", ALL)
def test_what_is_written_to_is_a_volume(pod: Pod) -> None:
    named = {volume["name"] for volume in pod.spec.get("volumes", [])}
    named |= {claim["metadata"]["name"] for claim in pod.owner["spec"].get("volumeClaimTemplates", [])}
    for container in pod.containers:
        mounted = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert "/tmp" in mounted
        assert {mount["name"] for mount in mounted.values()} <= named
        if container["name"] == "executor":
            assert not mounted["/var/lib/cronquorum"].get("readOnly")


@pytest.mark.parametrize("pod", ALL)
def test_resources(pod: Pod) -> None:
    for container in pod.containers:
        resources = container["resources"]
        assert {"cpu", "memory"} <= resources["requests"].keys()
        assert "memory" in resources["limits"]


@pytest.mark.parametrize("pod", ALL)
def test_nothing_of_kubernetes_that_is_not_needed(pod: Pod) -> None:
    wants_token = pod.component == "executor" and pod.labels["cronquorum/executors"] == "pods"
    assert pod.spec["automountServiceAccountToken"] is wants_token
    assert pod.spec["enableServiceLinks"] is False


@pytest.mark.parametrize("pod", [each for each in ALL if long_running(each.values[0])])  # type: ignore[arg-type]  # made above
def test_probes(pod: Pod) -> None:
    (container,) = pod.spec["containers"]
    ports = {port["name"] for port in container["ports"]}
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container[name]
        if pod.component in OFFICIAL:
            assert "tcpSocket" in probe or "exec" in probe
        else:
            path = "/readyz" if name == "readinessProbe" else "/livez"
            assert probe["httpGet"] == {"path": path, "port": "metrics"}
            assert "metrics" in ports


@pytest.mark.parametrize("pod", ALL)
def test_selectors_match(pod: Pod) -> None:
    if long_running(pod):
        assert matches(pod.owner["spec"]["selector"]["matchLabels"], pod.labels)
    for constraint in pod.spec.get("topologySpreadConstraints", []):
        assert matches(constraint["labelSelector"]["matchLabels"], pod.labels)


@pytest.mark.parametrize("name", VALUES)
def test_services_and_budgets_select_pods_of_one_kind(name: str) -> None:
    rendered = render(name)
    made = list(pods(rendered))
    for service in of_kind(rendered, "Service"):
        (pod,) = [each for each in made if matches(service["spec"]["selector"], each.labels)]
        ports = {port["name"]: port["containerPort"] for each in pod.containers for port in each.get("ports", [])}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    for budget in of_kind(rendered, "PodDisruptionBudget"):
        (pod,) = [each for each in made if matches(budget["spec"]["selector"]["matchLabels"], each.labels)]
        assert long_running(pod)
    # nobody's pods are another's
    for one_pod, other in combinations([each for each in made if long_running(each)], 2):
        assert not matches(one_pod.owner["spec"]["selector"]["matchLabels"], other.labels)


def workload(name: str, kind: str, resource: str) -> Pod:
    (found,) = pods([one(render(name), kind, resource)])
    return found


def test_three_nodes_are_replaced_one_by_one() -> None:
    node = workload("dev", "Deployment", "prod-cronquorum-scheduler")
    assert node.owner["spec"]["replicas"] == 3
    assert node.owner["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 1}
    budget = one(render("dev"), "PodDisruptionBudget", "prod-cronquorum-scheduler")
    assert budget["spec"]["maxUnavailable"] == 1
    keys = [each["topologyKey"] for each in node.spec["topologySpreadConstraints"]]
    assert keys == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]


def test_a_node_is_not_killed_while_it_waits_for_the_schema() -> None:
    for name, resource in (("dev", "prod-cronquorum-scheduler"), ("cnpg", "cron-scheduler")):
        probe = workload(name, "Deployment", resource).spec["containers"][0]["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] > 600


def test_a_pod_has_the_time_that_its_process_takes_to_end() -> None:
    assert workload("dev", "Deployment", "prod-cronquorum-scheduler").spec["terminationGracePeriodSeconds"] == 5 + 30
    assert workload("cnpg", "Deployment", "cron-scheduler").spec["terminationGracePeriodSeconds"] == 30
    assert "lifecycle" not in workload("cnpg", "Deployment", "cron-scheduler").spec["containers"][0]
    gpu = workload("everything", "StatefulSet", "prod-jobs-executor-gpu")
    assert gpu.spec["terminationGracePeriodSeconds"] == 600 + 30


def test_whatever_the_values_say_of_a_pod_is_there() -> None:
    node = workload("everything", "Deployment", "prod-jobs-scheduler")
    (container,) = node.spec["containers"]
    assert node.metadata["annotations"]["example.org/a"] == "b"
    assert node.labels["tier"] == "control"
    assert {"name": "TZ", "value": "UTC"} in container["env"]
    assert {"name": "ca", "mountPath": "/etc/pg", "readOnly": True} in container["volumeMounts"]
    assert {"name": "ca", "configMap": {"name": "pg-ca"}} in node.spec["volumes"]
    assert node.spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert node.spec["tolerations"] == [{"key": "control", "operator": "Exists"}]
    assert "nodeAffinity" in node.spec["affinity"]
    assert [each["topologyKey"] for each in node.spec["topologySpreadConstraints"]] == ["zone"]
    assert node.spec["priorityClassName"] == "high"
    assert node.spec["imagePullSecrets"] == [{"name": "registry"}]


def test_a_group_is_the_defaults_and_what_differs() -> None:
    rendered = render("everything")
    gpu = workload("everything", "StatefulSet", "prod-jobs-executor-gpu")
    (container,) = gpu.spec["containers"]
    assert container["image"] == "registry.example/gpu-tasks:7"
    assert container["imagePullPolicy"] == "Always"
    assert container["resources"]["limits"] == {"memory": "1Gi", "nvidia.com/gpu": 1}
    assert gpu.spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    (claim,) = gpu.owner["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"] == {"storage": "5Gi"}
    account = one(rendered, "ServiceAccount", "prod-jobs-executor-gpu")
    assert account["metadata"]["annotations"]["example.org/role"] == "reader"
    default = workload("everything", "Deployment", "prod-jobs-executor-default")
    assert default.spec["containers"][0]["image"].startswith("registry.example/cronquorum@sha256:")
    assert "emptyDir" in {volume["name"]: volume for volume in default.spec["volumes"]}["data"]


def test_what_a_group_switches_off_is_off() -> None:
    """Nothing, zero and an empty list count as well as any other value."""
    given = {
        "executorDefaults": {"autoscaling": {"enabled": True}, "extraEnv": [{"name": "A", "value": "b"}]},
        "executors": {
            "default": {
                "replicas": 0,
                "drainSeconds": 0,
                "extraEnv": [],
                "autoscaling": {"enabled": False},
                "podDisruptionBudget": {"enabled": False},
                "serviceAccount": {"create": False},
            }
        },
    }
    rendered = render("external", *(f"--set-json={key}={json.dumps(value)}" for key, value in given.items()))
    (group,) = pods([one(rendered, "Deployment", "prod-cronquorum-executor-default")])
    assert group.owner["spec"]["replicas"] == 0
    assert group.spec["terminationGracePeriodSeconds"] == 30
    assert "A" not in {variable["name"] for variable in group.spec["containers"][0]["env"]}
    assert group.spec["serviceAccountName"] == "default"
    assert not of_kind(rendered, "HorizontalPodAutoscaler")
    assert len(of_kind(rendered, "PodDisruptionBudget")) == 1  # the nodes'


def test_a_group_may_be_taken_away() -> None:
    rendered = render("external", "--set", "executors.default=null", "--set", "executors.small.replicas=1")
    names = [each["metadata"]["name"] for each in of_kind(rendered, "Deployment")]
    assert names == ["prod-cronquorum-executor-small", "prod-cronquorum-scheduler"]


def test_scaling() -> None:
    rendered = render("everything")
    (hpa,) = of_kind(rendered, "HorizontalPodAutoscaler")
    (scaled,) = of_kind(rendered, "ScaledObject")
    for each, least in ((hpa, "minReplicas"), (scaled, "minReplicaCount")):
        target = each["spec"]["scaleTargetRef"]
        owner = one(rendered, target["kind"], target["name"])
        assert "replicas" not in owner["spec"], "two would set it"
        assert each["spec"][least] == (1 if each is hpa else 2)
    (metric,) = hpa["spec"]["metrics"]
    assert metric["external"]["metric"]["selector"] == {"matchLabels": {"release": "prod"}}
    assert scaled["spec"]["triggers"][0]["metadata"]["threshold"] == "10"
    assert scaled["spec"]["maxReplicaCount"] == 20


def test_only_kind_kubernetes_has_a_token_and_rights() -> None:
    rendered = render("everything")
    for account in of_kind(rendered, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    # which is what is used, says a test of the executor
    page = (ROOT / "docs" / "cluster.md").read_text()
    rows = re.findall(r"^\| .* \| `([a-z/]+)` \| ([a-z, ]+) \|$", page, re.MULTILINE)
    documented = {(resource, verb) for resource, verbs in rows for verb in verbs.split(", ")}
    roles: list[Object] = of_kind(rendered, "Role")
    assert [role["metadata"]["namespace"] for role in roles] == ["batch", "reports"]
    for role in roles:
        rights = {
            (resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]
        }
        assert rights == documented
    for binding in of_kind(rendered, "RoleBinding"):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "runner", "namespace": "cron"}]
    assert not of_kind(render("dev"), "Role")


def test_executors_of_kind_kubernetes_keep_their_names() -> None:
    """By its name, one that is started again finds the Jobs that it began."""
    pod = workload("everything", "StatefulSet", "prod-jobs-executor-pods")
    assert "volumeClaimTemplates" not in pod.owner["spec"]
    assert "emptyDir" in {volume["name"]: volume for volume in pod.spec["volumes"]}["data"]
    names = [variable for variable in pod.spec["containers"][0]["env"] if variable["name"] == "CRONQUORUM_EXECUTOR_ID"]
    assert names[0]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_the_migration_is_a_job_a_part_of_a_pod_or_yours() -> None:
    (job,) = of_kind(render("everything"), "Job")
    assert job["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] == "-1"
    assert not [key for key in job["metadata"]["annotations"] if key.startswith("helm.sh/hook")]
    account = one(render("everything"), "ServiceAccount", job["spec"]["template"]["spec"]["serviceAccountName"])
    assert account["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] == "-2", "before the Job that needs it"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python", "-m", "jobstore", "upgrade"]
    assert not of_kind(render("cnpg"), "Job")
    (container,) = workload("cnpg", "Deployment", "cron-scheduler").spec["initContainers"]
    assert container["command"] == ["python", "-m", "jobstore", "upgrade"]
    external = render("external", "--set", "migrations.mode=external")
    assert not of_kind(external, "Job")
    assert not [pod for pod in pods(external) if "initContainers" in pod.spec]


def test_a_million_is_written_in_digits() -> None:
    """Helm takes numbers of a file for floats."""
    given = '{"activeDeadlineSeconds": 1000000, "backoffLimit": 1000000}'
    (job,) = of_kind(render("external", "--set-json", f"migrations={given}"), "Job")
    assert (job["spec"]["activeDeadlineSeconds"], job["spec"]["backoffLimit"]) == (1_000_000, 1_000_000)


def test_another_image_is_another_job() -> None:
    """A Job's pod cannot be changed, so an upgrade makes one of another name, and none where nothing changed."""
    names = [
        of_kind(render("external", "--set", f"image.tag={tag}", version=version), "Job")[0]["metadata"]["name"]
        for tag, version in (("1.0", "1.28"), ("1.0", "1.37"), ("1.1", "1.37"))
    ]
    assert names[0] == names[1] != names[2]


def test_services_of_metrics_are_what_the_service_monitor_selects() -> None:
    rendered = render("everything")
    (monitor,) = of_kind(rendered, "ServiceMonitor")
    selected = [
        each["metadata"]["name"]
        for each in of_kind(rendered, "Service")
        if matches(monitor["spec"]["selector"]["matchLabels"], each["metadata"]["labels"])
    ]
    assert selected == [
        f"prod-jobs-{each}" for each in ("executor-default", "executor-gpu", "executor-pods", "scheduler")
    ]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] == "metrics"
