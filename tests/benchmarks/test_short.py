"""Each benchmark in a short form: it runs to its end, and finds its run right. How fast it was is no matter here."""

import argparse
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from benchmarks.__main__ import parser_of
from benchmarks.jobs import NAMESPACE
from benchmarks.options import shape
from benchmarks.rig import Rig, Shape
from schedapi.v1.job_service_pb2 import DeleteJobRequest, DeleteJobResponse, ListJobsRequest, ListJobsResponse

SLOTS = 32
ALLOW = ("--concurrency", "allow")
"""On a busy machine, jobs that fire each second overlap."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Rig]:
    """One cluster for all that need not have it to themselves."""
    with Rig(Shape(slots=SLOTS)) as rig:
        yield rig


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    """The same; afterwards it is without jobs again."""
    yield shared
    found = shared.client.unary(
        "JobService/List", ListJobsRequest(namespace=NAMESPACE, page_size=1000), ListJobsResponse
    )
    for job in found.jobs:
        request = DeleteJobRequest(namespace=NAMESPACE, name=job.metadata.name)
        shared.client.unary("JobService/Delete", request, DeleteJobResponse)


def measure(rig: Rig, name: str, *arguments: str) -> dict[str, Any]:
    """What a benchmark finds on that cluster."""
    module = import_module(f"benchmarks.{name}")
    found: dict[str, Any] = module.measure(rig, options(name, *arguments))
    assert found["wrong"] == []
    return found


def options(name: str, *arguments: str) -> argparse.Namespace:
    """Those of a benchmark's command line."""
    return parser_of(name).parse_args([*arguments, "--settle", "0.8", "--slots", str(SLOTS)])


def test_drain(rig: Rig) -> None:
    found = measure(rig, "drain", "--fires", "200")
    assert found["rate"] > 0
    assert found["lateness_ms"]["max"] >= found["lateness_ms"]["p50"]
    assert {"node", "executor", "postgres", "zookeeper"} <= found["cpu_s"].keys()


def test_drain_of_the_embedded_mode_on_sqlite() -> None:
    chosen = options("drain", "--fires", "100", "--store", "sqlite")
    with Rig(shape(chosen)) as rig:
        assert import_module("benchmarks.drain").measure(rig, chosen)["wrong"] == []


def test_drain_and_runs_over_tls() -> None:
    chosen = options("drain", "--fires", "100", "--tls")
    with Rig(shape(chosen)) as rig:
        assert import_module("benchmarks.drain").measure(rig, chosen)["wrong"] == []
        measure(rig, "runs", "--calls", "2", "--seconds", "0.5", "--tls")
    with pytest.raises(SystemExit, match="--tls: with --store sqlite everything is one process"):
        shape(options("drain", "--tls", "--store", "sqlite"))


@pytest.mark.parametrize("spread", [(), ("--spread",)])
def test_lateness(rig: Rig, spread: tuple[str, ...]) -> None:
    found = measure(rig, "lateness", "--jobs", "20", "--seconds", "2", *ALLOW, *spread)
    assert found["rate"] == 20
    assert len(found["open"]) == 2
    assert found["lateness_told_by_tasks_ms"].keys() == found["lateness_ms"].keys()


def test_herd(rig: Rig) -> None:
    found = measure(rig, "herd", "--jobs", "50", "--rounds", "2", "--period", "1", *ALLOW)
    assert len(found["rounds"]) == 2


def test_idle(rig: Rig) -> None:
    found = measure(rig, "idle", "--jobs", "20", "--seconds", "1")
    assert {"node-1", "executor-1", "executor-2"} <= found["cpu_percent"].keys()


@pytest.mark.parametrize("calls", [1, 8])
def test_runs(rig: Rig, calls: int) -> None:
    found = measure(rig, "runs", "--calls", str(calls), "--seconds", "0.5")
    assert found["took_ms"]["p50"] > 0
    assert found["bare"] > 0


def test_shell_tasks_beside_a_bare_loop(rig: Rig) -> None:
    found = measure(rig, "shell", "--fires", "30", "--rounds", "1")
    assert found["ratio"] > 0


def test_triggers(rig: Rig) -> None:
    found = measure(rig, "triggers", "--triggers", "100", "--seconds", "1")
    assert found["epoch_to_dispatch_s"] >= 0


def test_history(rig: Rig) -> None:
    sizes = ("--rows", "500", "--fires", "50", "--jobs", "10", "--seconds", "1", "--retention-seconds", "1")
    found = measure(rig, "history", "--rounds", "1", *sizes, *ALLOW)
    assert found["rate"]["full"] > 0
