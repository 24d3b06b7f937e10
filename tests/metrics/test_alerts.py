"""The alert rules: what they name exists, and each fires when it should, and not before."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT, anchors
from tests.metrics.conftest import Watched
from tests.metrics.lint import promtool
from tests.metrics.queries import ONLY_WITH_TLS, metric_names, names_in

RULES = ROOT / "helm" / "cronquorum" / "rules" / "alerts.yaml"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}
NODE, OTHER = 'job="node",instance="a"', 'job="node",instance="b"'
EXECUTOR = 'job="executor",instance="x"'

WELL: Mapping[str, str] = {
    f"cronquorum_leader{{{NODE}}}": "1x120",
    f"cronquorum_leader{{{OTHER}}}": "0x120",
    f"cronquorum_epoch{{{NODE}}}": "2x120",
    f"cronquorum_epoch{{{OTHER}}}": "1x120",
    f"cronquorum_held{{{NODE}}}": "0x120",
    f"cronquorum_store_up{{{NODE}}}": "1x120",
    f"cronquorum_store_up{{{OTHER}}}": "1x120",
    f"cronquorum_terms_total{{{NODE}}}": "0 1x119",
    f'cronquorum_lateness_seconds_bucket{{{NODE},le="0.01"}}': "0+100x120",
    f'cronquorum_lateness_seconds_bucket{{{NODE},le="10.0"}}': "0+100x120",
    f'cronquorum_lateness_seconds_bucket{{{NODE},le="+Inf"}}': "0+100x120",
    f'cronquorum_misfires_total{{{NODE},outcome="folded"}}': "7x120",
    f"cronquorum_queue_depth{{{NODE}}}": "5 0 5 0 5 0 5 0 5 0 5 0 5 0 5 0 5 0 5 0 5 0 0x98",
    f'cronquorum_failing_jobs{{{NODE},job_namespace="shop"}}': "0x120",
    f"cronquorum_triggers_set_aside_total{{{NODE}}}": "3x120",
    f"cronquorum_overdue_executions{{{NODE}}}": "0x120",
    f'cronquorum_executors{{{NODE},state="attached"}}': "4x120",
    f'cronquorum_executors{{{NODE},state="attaching"}}': "0x120",
    f"cronquorum_executor_leases_lost_total{{{EXECUTOR}}}": "2x120",
    f"cronquorum_executor_oldest_outcome_age_seconds{{{EXECUTOR}}}": "0.2x120",
    f"cronquorum_executor_unwritten_outcomes{{{EXECUTOR}}}": "0x120",
    f"cronquorum_clock_offset_seconds{{{NODE}}}": "-0.01x120",
    f'cronquorum_event_loop_lag_seconds_bucket{{{EXECUTOR},le="0.001"}}': "0+240x120",
    f'cronquorum_event_loop_lag_seconds_bucket{{{EXECUTOR},le="1.0"}}': "0+240x120",
    f'cronquorum_event_loop_lag_seconds_bucket{{{EXECUTOR},le="+Inf"}}': "0+240x120",
    f"cronquorum_certificate_expiry_timestamp_seconds{{{NODE}}}": f"{30 * 86400}x120",
}
"""A cluster that is well, a value a minute for two hours. Time begins at 0."""

WRONG: Mapping[str, Mapping[str, str]] = {
    "CronquorumNoLeader": {f"cronquorum_leader{{{NODE}}}": "1x58 0x60"},
    "CronquorumTwoLeaders": {f"cronquorum_leader{{{OTHER}}}": "0x58 1x60"},
    "CronquorumEpochTwice": {
        f"cronquorum_leader{{{OTHER}}}": "0x58 1x60",
        f"cronquorum_epoch{{{OTHER}}}": "1x58 2x60",
    },
    "CronquorumHeld": {f"cronquorum_held{{{NODE}}}": "0x58 1x60"},
    "CronquorumStoreDown": {f"cronquorum_store_up{{{OTHER}}}": "1x58 0x60"},
    "CronquorumLeaderUnsteady": {f"cronquorum_terms_total{{{NODE}}}": "1x58 1+1x60"},
    "CronquorumLate": {f'cronquorum_lateness_seconds_bucket{{{NODE},le="0.01"}}': "0+100x58 5800+50x60"},
    "CronquorumMisfires": {f'cronquorum_misfires_total{{{NODE},outcome="folded"}}': "7x58 8x60"},
    "CronquorumQueue": {f"cronquorum_queue_depth{{{NODE}}}": "0x58 1x60"},
    "CronquorumFailingJob": {f'cronquorum_failing_jobs{{{NODE},job_namespace="shop"}}': "0x58 2x60"},
    "CronquorumTriggerSetAside": {f"cronquorum_triggers_set_aside_total{{{NODE}}}": "3x58 4x60"},
    "CronquorumOverdue": {f"cronquorum_overdue_executions{{{NODE}}}": "0x58 1x60"},
    "CronquorumNoExecutors": {f'cronquorum_executors{{{NODE},state="attached"}}': "4x58 0x60"},
    "CronquorumExecutorsGone": {f'cronquorum_executors{{{NODE},state="attached"}}': "4x58 1x60"},
    "CronquorumExecutorUnreachable": {f'cronquorum_executors{{{NODE},state="attaching"}}': "0x58 1x60"},
    "CronquorumLeaseLost": {f"cronquorum_executor_leases_lost_total{{{EXECUTOR}}}": "2x58 3x60"},
    "CronquorumOutcomeBacklog": {f"cronquorum_executor_oldest_outcome_age_seconds{{{EXECUTOR}}}": "0x58 0+60x60"},
    "CronquorumOutcomesUnwritten": {f"cronquorum_executor_unwritten_outcomes{{{EXECUTOR}}}": "0x58 1x60"},
    "CronquorumClockSkew": {f"cronquorum_clock_offset_seconds{{{NODE}}}": "-0.01x58 -0.7x60"},
    "CronquorumEventLoopLag": {
        f'cronquorum_event_loop_lag_seconds_bucket{{{EXECUTOR},le="0.001"}}': "0+240x58 13920+100x60"
    },
    "CronquorumCertificateEnds": {f"cronquorum_certificate_expiry_timestamp_seconds{{{NODE}}}": f"{14 * 86400}x120"},
}
"""What is another way when it is to fire: from the hour on."""
BESIDE = {
    "CronquorumEpochTwice": {"CronquorumTwoLeaders"},
    "CronquorumNoExecutors": {"CronquorumExecutorsGone"},
}
"""What fires for the same reason."""


FIRED = 'group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[28m]))'


def fired(folder: Path, series: Mapping[str, str], expected: set[str]) -> None:
    """Have promtool check that none of the alerts fires before the hour, and exactly these within 25 minutes of it."""
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [looked("57m", set()), looked("85m", expected)],
    }
    tests = {"rule_files": [str(RULES)], "evaluation_interval": "30s", "tests": [test]}
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(tests))
    promtool("test", "rules", str(path))


def looked(when: str, expected: set[str]) -> dict[str, Any]:
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(expected)]
    return {"expr": FIRED, "eval_time": when, "exp_samples": samples}


def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", str(RULES))


def test_a_cluster_that_is_well_is_quiet(tmp_path: Path) -> None:
    fired(tmp_path, WELL, set())


@pytest.mark.parametrize("alert", ALERTS)
def test_it_fires_and_no_other_does(alert: str, tmp_path: Path) -> None:
    fired(tmp_path, {**WELL, **WRONG[alert]}, {alert} | BESIDE.get(alert, set()))


def test_that_nobody_tells_anything_is_no_leader(tmp_path: Path) -> None:
    gone = {name: f"{values[0]}x58 stale" for name, values in WELL.items() if name.startswith("cronquorum_leader")}
    fired(tmp_path, {**WELL, **gone}, {"CronquorumNoLeader"})


@pytest.mark.parametrize("alert", ALERTS)
def test_what_it_names_exists(alert: str, watched: Watched) -> None:
    found = names_in(ALERTS[alert]["expr"])
    assert found
    assert found <= metric_names(watched) | ONLY_WITH_TLS


def test_what_the_checks_are_fed_exists(watched: Watched) -> None:
    """The series above are those of a real cluster, labels and all."""
    real = {id_: watched.values(id_) for id_ in (watched.leader, "executor-1")}
    told = {re.sub(r'"[^"]*"', '""', name) for values in real.values() for name in values}
    for series in (*WELL, *(name for wrong in WRONG.values() for name in wrong)):
        bare = re.sub(r'job="\w+",instance="\w+",?', "", series).replace("{}", "")
        if bare not in ONLY_WITH_TLS:
            assert re.sub(r'"[^"]*"', '""', bare) in told, series


@pytest.mark.parametrize("alert", ALERTS)
def test_it_says_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert (page, anchor) == ("docs/operations.md", alert.lower())
    assert anchor in anchors(ROOT / page)
    assert anchor in anchors(ROOT / "docs" / "metrics.md")


def test_the_chart_can_take_it_as_it_is() -> None:
    """Nothing in it is Helm's: `{{ $labels... }}` and `{{ $value... }}` are Prometheus' own."""
    assert all(re.match(r"\{\{ \$(labels|value)", each) for each in re.findall(r"\{\{.{0,9}", RULES.read_text()))
