"""An API server that is slow, away and forgetful, and that other people use."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from executor.kinds.kubernetes import kind, run
from executor.kinds.kubernetes.job import body_of, name_of
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.kubernetes.orders import FOREVER, assignment, begin, up
from tests.executor.leader import Stream
from tests.rig.kubernetes_api import KubernetesApi
from tests.rig.proxy import TcpProxy
from tests.rig.waiting import eventually_async


async def test_away_when_the_job_is_to_be_made(stream: Stream, api: KubernetesApi, proxy: TcpProxy) -> None:
    proxy.cut()
    key = await begin(stream, "echo made")
    refused = await stream.refused(await begin(stream, "true", namespace="elsewhere"))
    assert refused.reason == "badTask"  # it has taken the one before
    proxy.heal()
    assert (await stream.outcome(key)).state == "succeeded"
    api.fail("create", "jobs", 500, times=2)
    assert (await stream.outcome(await begin(stream, "true"))).state == "succeeded"
    assert len(api.jobs()) == 2


async def test_away_for_good_when_the_job_is_to_be_made(stream: Stream, api: KubernetesApi, proxy: TcpProxy) -> None:
    api.fail("create", "jobs", 503, times=1000, message="no leader")
    outcome = await stream.outcome(await begin(stream, "true", startTimeout="1s"))
    assert (outcome.state, outcome.error.type) == ("failed", "notStarted")
    assert "Kubernetes cannot make its Job: no leader (HTTP 503)" in outcome.error.message
    api.heal()


async def test_an_answer_that_was_lost_makes_no_second_job(stream: Stream, api: KubernetesApi, proxy: TcpProxy) -> None:
    proxy.blackhole(requests=False)
    key = await begin(stream, "echo once")
    await eventually_async(lambda: api.jobs())
    proxy.cut()
    proxy.heal()
    assert (await stream.outcome(key)).state == "succeeded"
    assert stream.output(key) == b"once\n" and len(api.created) == 1


async def test_a_job_that_comes_to_be_when_its_making_was_given_up_is_ended(stream: Stream, api: KubernetesApi) -> None:
    late = assignment(stream.key())
    assert (await stream.outcome(await begin(stream, "true"))).state == "succeeded"
    api.add_job(body_of(late, "jobs.pods-1"))
    name = name_of(late)
    await eventually_async(lambda: name not in [job["metadata"]["name"] for job in api.jobs()])
    assert len(api.jobs()) == 1


async def test_a_cancel_while_the_answer_is_lost(stream: Stream, api: KubernetesApi, proxy: TcpProxy) -> None:
    proxy.blackhole(requests=False)
    key = await begin(stream, FOREVER)
    await eventually_async(lambda: api.processes())
    await stream.send(cancels=[key])
    proxy.cut()
    proxy.heal()
    assert (await stream.outcome(key)).state == "cancelled"
    assert not api.jobs() and not api.processes()


async def test_away_while_the_job_runs(stream: Stream, api: KubernetesApi, proxy: TcpProxy, tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = f"seq 100; until [ -e {go} ]; do sleep 0.02; done; echo good"
    key = await begin(stream, command)
    await stream.wait_output(key, b"\n100\n")
    proxy.cut()
    go.touch()
    await eventually_async(lambda: not api.processes())
    proxy.heal()
    assert (await stream.outcome(key)).state == "succeeded"
    assert stream.output(key) == b"".join(b"%d\n" % number for number in range(1, 101)) + b"good\n"


async def test_away_when_the_job_is_to_be_deleted(stream: Stream, api: KubernetesApi, proxy: TcpProxy) -> None:
    key = await up(stream)
    api.fail("delete", "jobs", 500, times=2)
    await stream.send(cancels=[key])
    assert (await stream.outcome(key)).state == "cancelled"
    key = await up(stream)
    proxy.cut()
    await stream.send(cancels=[key])
    second = await stream.refused(await begin(stream, "true", namespace="elsewhere"))
    assert second.reason == "badTask"  # it has heard the cancel, and nothing has ended
    assert not stream.find(key, "outcome") and api.processes() == 1
    proxy.heal()
    assert (await stream.outcome(key)).state == "cancelled"
    assert not api.processes()


async def test_changes_that_are_forgotten_are_listed_anew(
    stream: Stream, api: KubernetesApi, proxy: TcpProxy, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    key = await begin(stream, f"echo up; until [ -e {go} ]; do sleep 0.02; done")
    await stream.wait_output(key, b"up\n")
    lists = api.calls.count(("list", "jobs"))
    api.expire()
    go.touch()
    assert (await stream.outcome(key)).state == "succeeded"
    await eventually_async(lambda: api.calls.count(("list", "jobs")) > lists)


async def test_watches_end_and_go_on(stream: Stream, api: KubernetesApi) -> None:
    for _ in range(3):
        watches = api.calls.count(("watch", "jobs"))
        api.end_watches()
        await eventually_async(lambda before=watches: api.calls.count(("watch", "jobs")) > before)  # type: ignore[misc]
        assert (await stream.outcome(await begin(stream, "true"))).state == "succeeded"
    assert api.calls.count(("list", "jobs")) == 1


async def test_a_pod_that_somebody_deleted_is_a_failure(stream: Stream, api: KubernetesApi) -> None:
    key = await up(stream)
    api.delete_pod(api.pods()[0]["metadata"]["name"])
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.error.type) == ("failed", "podGone")
    assert outcome.error.message == "its pod is gone: BackoffLimitExceeded: Job failed: BackoffLimitExceeded"
    assert outcome.error.tail.endswith("told to end")


async def test_a_job_that_somebody_deleted_is_a_failure_once_its_pod_is_gone(
    stream: Stream, api: KubernetesApi
) -> None:
    key = await up(stream)
    api.delete_job(api.jobs()[0]["metadata"]["name"])
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.error.type) == ("failed", "jobDeleted")
    assert not api.processes()


async def test_a_wrong_token_is_no_end(
    start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi, tmp_path: Path
) -> None:
    wrong = api.kubeconfig(tmp_path / "wrong", token="another")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "FIND_SECONDS", 0.1)
        executor = await start_executor(**(told | {"kubernetes_config": wrong}))
    stream = await (await lead(executor)).attach()
    outcome = await stream.outcome(await begin(stream, "true", startTimeout="1s"))
    assert "Unauthorized (HTTP 401)" in outcome.error.message


async def test_a_job_without_a_timeout_is_prolonged_as_long_as_somebody_is_there(
    stream: Stream, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PROLONG", timedelta(seconds=1))
    monkeypatch.setattr(run, "LOOK_SECONDS", 0.1)
    key = await up(stream)
    assert api.created[0]["spec"]["activeDeadlineSeconds"] == 3600
    await eventually_async(lambda: api.jobs()[0]["spec"]["activeDeadlineSeconds"] > 3600)
    await stream.send(cancels=[key])
    assert (await stream.outcome(key)).state == "cancelled"


async def test_a_deadline_that_kubernetes_keeps_is_a_failure(stream: Stream, api: KubernetesApi) -> None:
    key = await up(stream)
    api.hurry(1)
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.error.type) == ("failed", "podGone")
    assert "DeadlineExceeded" in outcome.error.message
