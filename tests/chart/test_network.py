"""NetworkPolicies allow the edges of the architecture, and nothing else."""

from collections.abc import Sequence
from typing import Any

from tests.chart.rendering import VALUES, Object, Pod, matches, objects, of_kind, pods, render, template

Edge = tuple[str, str, int]
"""From, to, port. Components by name; `dns`, and what is in the values as it stands there; `*` is any address."""

NODES = {
    ("scheduler", "scheduler", 7400),
    ("scheduler", "executor", 7500),
    ("test", "scheduler", 7400),
}
CALLERS = {("clients", "scheduler", 7400), ("monitoring", "scheduler", 7401), ("monitoring", "executor", 7501)}
DNS = {(each, "dns", 53) for each in ("scheduler", "executor", "migration", "test")}


def test_a_try_out() -> None:
    inside = NODES | {
        ("scheduler", "postgresql", 5432),
        ("migration", "postgresql", 5432),
        ("scheduler", "zookeeper", 2181),
        ("executor", "zookeeper", 2181),
    }
    assert egress(render("dev")) == inside | DNS
    assert ingress(render("dev")) == inside | CALLERS


def test_servers_of_yours() -> None:
    outside = {
        ("scheduler", "*", 5432),
        ("migration", "*", 5432),
        ("scheduler", "*", 2181),
        ("executor", "*", 2181),
    }
    # without a client's certificate there is no test
    nodes = NODES - {("test", "scheduler", 7400)}
    assert egress(render("external")) == nodes | outside | DNS - {("test", "dns", 53)}
    # that nobody is in the component `test` does no harm
    assert ingress(render("external")) - {("test", "scheduler", 7400)} == nodes | CALLERS


def test_servers_whose_place_is_known() -> None:
    outside = {
        ("scheduler", "10.1.2.0/24", 6432),
        ("migration", "10.1.2.0/24", 6432),
        ("scheduler", "app=zk", 2281),
        ("executor", "app=zk", 2281),
        ("scheduler", "app=collector", 4318),
        ("executor gpu", "*", 443),
        ("executor pods", "10.0.0.1/32", 6443),
    }
    assert egress(render("everything")) == NODES | outside | DNS
    assert ingress(render("everything")) == NODES | CALLERS | {("team=apps", "scheduler", 7400)}


def test_a_cluster_of_cloud_native_pg() -> None:
    rendered = render("cnpg", "--set", "networkPolicy.enabled=true")
    assert ("scheduler", "cnpg.io/cluster=jobs", 5432) in egress(rendered)


def test_no_ports_of_kubernetes_are_none_and_not_all() -> None:
    for words in (
        ("--set", "networkPolicy.kubernetes.ports=null"),
        ("--set-json", "networkPolicy.kubernetes.ports=[]"),
    ):
        done = template("--values", VALUES["external"], "--set", "executors.pods.kinds={kubernetes}", *words)
        if done.returncode == 0:  # else the schema has refused it
            assert not {edge for edge in egress(objects(done.stdout)) if edge[0] == "executor pods"}


def test_every_pod_is_under_a_policy_of_its_own_for_both_ways() -> None:
    for name in ("dev", "external", "everything"):
        rendered = render(name)
        for pod in pods(rendered):
            ways = [
                way
                for policy in of_kind(rendered, "NetworkPolicy")
                if matches(policy["spec"]["podSelector"]["matchLabels"], pod.labels)
                for way in policy["spec"]["policyTypes"]
            ]
            assert {"Ingress", "Egress"} <= set(ways), pod.name


def test_without_policies() -> None:
    assert not of_kind(render("cnpg"), "NetworkPolicy")


def ingress(rendered: Sequence[Object]) -> set[Edge]:
    return _edges(rendered, "ingress", "from")


def egress(rendered: Sequence[Object]) -> set[Edge]:
    return _edges(rendered, "egress", "to")


def _edges(rendered: Sequence[Object], way: str, ends: str) -> set[Edge]:
    made = list(pods(rendered))
    found: set[Edge] = set()
    for policy in of_kind(rendered, "NetworkPolicy"):
        selector = policy["spec"]["podSelector"]["matchLabels"]
        own = selector["app.kubernetes.io/component"] + (
            f" {selector['cronquorum/executors']}" if "cronquorum/executors" in selector else ""
        )
        for rule in policy["spec"].get(way, []):
            others = [_peer(peer, made) for peer in rule[ends]] if ends in rule else ["*"]
            assert others and rule["ports"], "a rule without ends, or without ports, is open to all"
            for other in others:
                for port in rule["ports"]:
                    found.add((other, own, port["port"]) if way == "ingress" else (own, other, port["port"]))
    return found


def _peer(peer: dict[str, Any], made: Sequence[Pod]) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    space = peer.get("namespaceSelector", {}).get("matchLabels", {})
    if space:
        name = space.get("kubernetes.io/metadata.name")
        return {"kube-system": "dns"}.get(name, name) or _text(space)
    labels = peer["podSelector"]["matchLabels"]
    if labels == {"cronquorum/client": "true"}:
        return "clients"
    found = {pod.component for pod in made if matches(labels, pod.labels)}
    assert len(found) <= 1
    return found.pop() if found else labels.get("app.kubernetes.io/component") or _text(labels)


def _text(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())
