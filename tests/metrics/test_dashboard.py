"""The dashboard, and the rules once more: a real Prometheus scrapes a real cluster, and answers each query."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.metrics.conftest import Watched, get
from tests.metrics.queries import ONLY_WITH_TLS, metric_names, names_in
from tests.metrics.test_alerts import ALERTS, RULES
from tests.rig.jars import find_prometheus
from tests.rig.ports import free_port
from tests.rig.process import ManagedProcess
from tests.rig.waiting import eventually

DASHBOARD = json.loads((ROOT / "helm" / "cronquorum" / "dashboards" / "cronquorum.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {"$__rate_interval": "30s", "$namespace": ".*"}


def queries() -> list[str]:
    """What the panels ask, with Grafana's variables filled in."""
    found = []
    for panel in PANELS:
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            found.append(expression)
    return found


@dataclass(frozen=True)
class Prometheus:
    """A server that scrapes a cluster, and evaluates the rules."""

    address: str

    def ask(self, path: str, **words: str) -> Any:
        status, text = get(self.address, f"/api/v1/{path}?{urlencode(words)}")
        told = json.loads(text)
        assert (status, told["status"]) == (200, "success"), text
        return told["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found


@pytest.fixture(scope="module")
def prometheus(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    jobs = {"cronquorum": ["node-1", "node-2"], "cronquorum-executors": ["executor-1"]}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [watched.addresses[id_] for id_ in ids]}]}
            for job, ids in jobs.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(find_prometheus()),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with ManagedProcess("prometheus", command, log=folder / "prometheus.log") as process:
        process.wait_for_line("Server is ready to receive web requests")
        server = Prometheus(address)
        # rates take two scrapes of everybody
        eventually(lambda: server.query("sum(count_over_time(up[1m]) >= 3) and sum(up) == 3"), 60)
        eventually(lambda: len(server.query("count_over_time(up[1m]) >= 3")) == 3, 60)
        yield server


@pytest.mark.parametrize("expression", queries())
def test_a_panel_shows_something(expression: str, watched: Watched, prometheus: Prometheus) -> None:
    names = names_in(expression)
    assert names <= metric_names(watched) | ONLY_WITH_TLS
    found = prometheus.query(expression)
    if not names & ONLY_WITH_TLS:
        assert found, "nothing is found"


def test_every_metric_is_on_a_panel(watched: Watched) -> None:
    """Whatever we tell of can be seen; the counts and sums of histograms stand behind their buckets."""
    shown = {name for expression in queries() for name in names_in(expression)}
    ours = {name for name in metric_names(watched) if name.startswith("cronquorum_")}
    assert {name for name in ours if not name.endswith(("_count", "_sum"))} <= shown


def test_panels_can_be_told_apart_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert all(panel["title"] and panel["targets"] for panel in PANELS)


def test_its_source_is_chosen_by_whoever_imports_it() -> None:
    used = {json.dumps(target["datasource"]) for panel in PANELS for target in panel["targets"]}
    assert used == {'{"type": "prometheus", "uid": "${datasource}"}'}
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    asked = {name for panel in PANELS for target in panel["targets"] for name in re.findall(r"\$(\w+)", target["expr"])}
    assert asked - {"__rate_interval"} <= names


def test_prometheus_evaluates_every_rule(prometheus: Prometheus) -> None:
    def evaluated() -> list[dict[str, Any]] | None:
        rules = prometheus.ask("rules")["groups"][0]["rules"]
        return rules if all(rule["health"] != "unknown" for rule in rules) else None

    rules = eventually(evaluated)
    assert {rule["name"]: rule["health"] for rule in rules} == dict.fromkeys(ALERTS, "ok")
    # the one job that fails all the time
    pending = {rule["name"] for rule in rules if rule["state"] != "inactive"}
    assert pending == {"CronquorumFailingJob"}
