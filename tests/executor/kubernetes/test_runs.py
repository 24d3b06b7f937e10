"""Tasks that are Jobs, against an API server that speaks the real wire."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from kubernetes.config import incluster_config

from cronquorum.coordination.inprocess import InProcessCoordinator
from executor.assignment import Assignment, AttemptKey, KubernetesTask
from executor.errors import StartError
from executor.kinds.kubernetes import cluster, kind, run
from executor.kinds.kubernetes.job import body_of, name_of
from executor.service import Executor
from schedapi.v1 import executor_service_pb2 as pb
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.leader import Stream
from tests.rig.certificates import Authority
from tests.rig.kubernetes_api import TOKEN, KubernetesApi
from tests.rig.proxy import TcpProxy
from tests.rig.waiting import eventually_async

JOB = "nightly"
FOREVER = "trap 'echo told to end; exit 7' TERM; echo up; while :; do sleep 0.05; done"


@pytest.fixture(autouse=True)
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi() as api:
        yield api
        assert api.overlaps == []


@pytest.fixture(autouse=True)
def proxy(api: KubernetesApi) -> Iterator[TcpProxy]:
    with TcpProxy(api.port) as proxy:
        yield proxy


@pytest.fixture
def kubeconfig(api: KubernetesApi, proxy: TcpProxy, tmp_path: Path) -> Path:
    return api.kubeconfig(tmp_path / "kubeconfig", port=proxy.port)


@pytest.fixture
def told(kubeconfig: Path) -> dict[str, Any]:
    return {"kinds": ("kubernetes",), "kubernetes_config": kubeconfig, "executor_id": "pods-1"}


@pytest.fixture
async def executor(start_executor: StartExecutor, told: dict[str, Any]) -> Executor:
    return await start_executor(**told)


def task(command: str, **more: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox", "command": ["/bin/sh", "-c", command], **more.pop("main", {})}
    spec = {
        "containers": [container, *more.pop("beside", [])],
        "terminationGracePeriodSeconds": 1,
        **more.pop("spec", {}),
    }
    return {"kubernetes": {"template": {"spec": spec}, **more}}


async def begin(stream: Stream, command: str, key: pb.AttemptKey | None = None, **more: Any) -> pb.AttemptKey:
    options = {name: more.pop(name) for name in ("timeout", "params") if name in more}
    return await stream.dispatch(task(command, **more), key, job=JOB, **options)


async def up(stream: Stream, **more: Any) -> pb.AttemptKey:
    """A Job that runs until it is ended."""
    key = await begin(stream, FOREVER, **more)
    await stream.wait_output(key, b"up\n")
    await stream.started(key)
    return key


async def all_gone(api: KubernetesApi) -> None:
    await eventually_async(lambda: not api.jobs() and not api.pods() and not api.processes())


async def test_a_job_succeeds_and_is_gone_when_that_is_on_the_record(stream: Stream, api: KubernetesApi) -> None:
    key = await begin(stream, "echo one; echo two")
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code) == ("succeeded", 0)
    assert outcome.HasField("ran") and not outcome.HasField("error")
    assert stream.output(key) == b"one\ntwo\n"
    assert len(api.jobs()) == 1
    await stream.acknowledge(key)
    await all_gone(api)


async def test_an_exit_code_is_a_failure_with_the_last_lines(stream: Stream) -> None:
    key = await begin(stream, "echo before; echo bad luck >&2; exit 3")
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code) == ("failed", 3)
    assert (outcome.error.type, outcome.error.message) == ("exitCode", "exit code 3")
    assert outcome.error.tail == "before\nbad luck"


async def test_output_comes_while_it_runs_and_long_output_is_kept_in_part(stream: Stream, tmp_path: Path) -> None:
    go = tmp_path / "go"
    key = await begin(stream, f"echo early; until [ -e {go} ]; do sleep 0.02; done; seq 100000; printf end")
    await stream.wait_output(key, b"early\n")
    assert (await stream.started(key)).HasField("age")
    go.touch()
    assert (await stream.outcome(key)).state == "succeeded"
    output = stream.output(key)
    assert output.startswith(b"early\n1\n2\n") and output.endswith(b"99999\n100000\nend")
    assert b"bytes not kept" in output and len(output) < 66 * 1024


async def test_what_a_task_learns_is_in_its_environment_and_no_part_of_any_text(stream: Stream) -> None:
    told = {"region": "eu $(SCHED_JOB) $$", "list": [1, 2]}
    main = {"env": [{"name": "OWN", "value": "$(SCHED_JOB)!"}, {"name": "SCHED_JOB", "value": "forged"}]}
    echo = 'echo "$SCHED_NAMESPACE/$SCHED_JOB $SCHED_ATTEMPT $SCHED_EXECUTION_ID"; echo "$SCHED_PARAM_REGION"; '
    key = await begin(stream, echo + 'echo "$SCHED_PARAM_LIST $OWN"', params=told, main=main)
    assert (await stream.outcome(key)).state == "succeeded"
    expected = f"default/{JOB} 1 {key.execution_id}\neu $(SCHED_JOB) $$\n[1,2] {JOB}!\n"
    assert stream.output(key).decode() == expected


@pytest.mark.parametrize("version", ["1.30.0", "1.33.0", "1.37.0"])
async def test_jobs_are_what_kubernetes_knows(stream: Stream, api: KubernetesApi, version: str) -> None:
    beside = [{"name": "beside", "image": "busybox", "command": ["true"]}]
    metadata = {"labels": {"team": "data"}, "annotations": {"note": "x"}}
    order = task("true", beside=beside)
    order["kubernetes"]["template"]["metadata"] = metadata
    key = await stream.dispatch(order, job="a" * 63, timeout=60)
    assert (await stream.outcome(key)).state == "succeeded"
    (job,) = api.created
    kubernetes_validate.validate(job, version, strict=True)
    spec, labels = job["spec"], job["spec"]["template"]["metadata"]["labels"]
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert spec["activeDeadlineSeconds"] == 600 + 60 + 300 and spec["ttlSecondsAfterFinished"] == 3600
    assert labels["cronquorum.dev/execution"] == key.execution_id and labels["team"] == "data"
    assert labels["cronquorum.dev/executor"] == "jobs.pods-1"
    assert len(job["metadata"]["name"]) <= 63


async def test_another_container_than_the_first_may_be_the_one_that_counts(stream: Stream) -> None:
    beside = [{"name": "beside", "image": "busybox", "command": ["/bin/sh", "-c", "echo it is me; exit 5"]}]
    key = await begin(stream, "echo not me", beside=beside, container="beside")
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code, stream.output(key)) == ("failed", 5, b"it is me\n")
    key = await begin(stream, "echo fine", beside=beside)
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code, stream.output(key)) == ("failed", 0, b"fine\n")
    assert outcome.error.message == "container beside: exit code 5"


async def test_out_of_memory_is_said(stream: Stream) -> None:
    key = await begin(stream, "echo full; kill -9 $$$$", main={"resources": {"limits": {"memory": "1Mi"}}})
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code, outcome.error.type) == ("failed", 137, "oomKilled")
    assert outcome.error.message == "container main: out of memory (exit code 137)"
    assert outcome.error.tail == "full"


async def test_an_evicted_pod_is_a_failure_with_the_machines_reason(stream: Stream, api: KubernetesApi) -> None:
    key = await up(stream)
    api.evict(api.pods()[0]["metadata"]["name"])
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.error.type) == ("failed", "evicted")
    assert "The node was low on resource" in outcome.error.message


async def test_a_timeout_deletes_the_job_and_its_pod_first(stream: Stream, api: KubernetesApi) -> None:
    key = await begin(stream, FOREVER, timeout=0.5)
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.error.message) == ("timedOut", "did not end within 500ms")
    await all_gone(api)
    assert b"up\n" in stream.output(key)


async def test_a_cancel_deletes_the_job_and_what_it_said_at_its_end_is_kept(stream: Stream, api: KubernetesApi) -> None:
    key = await up(stream)
    await stream.send(cancels=[key])
    outcome = await stream.outcome(key)
    assert outcome.state == "cancelled"
    assert not api.jobs() and not api.pods() and not api.processes()
    assert stream.output(key) == b"up\ntold to end\n"


async def test_a_cancel_of_what_has_not_started(stream: Stream, api: KubernetesApi) -> None:
    for more in ({"main": {"image": "missing"}}, {"spec": {"nodeSelector": {"no": "where"}}}):
        key = await begin(stream, "true", **more)
        await eventually_async(lambda: [pod for pod in api.pods() if len(pod["status"]) > 1])
        await stream.send(cancels=[key])
        assert (await stream.outcome(key)).state == "cancelled"
        assert not api.jobs() and not api.pods()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"main": {"image": "missing"}}, 'container main: ImagePullBackOff: Back-off pulling image "missing"'),
        ({"spec": {"nodeSelector": {"no": "where"}}}, "Unschedulable: 0/1 nodes are available"),
    ],
)
async def test_what_cannot_start_fails_with_the_reason(
    stream: Stream, api: KubernetesApi, more: dict[str, Any], why: str
) -> None:
    key = await begin(stream, "true", startTimeout="1s", **more)
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.error.type) == ("failed", "notStarted")
    assert outcome.error.message.startswith("did not start within 1s: ") and why in outcome.error.message
    assert not outcome.HasField("ran")
    await all_gone(api)


async def test_what_the_api_server_declines_fails_with_its_words(stream: Stream, api: KubernetesApi) -> None:
    key = await begin(stream, "true", spec={"dnsPolicy": 7})
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.error.type) == ("failed", "declined")
    assert "dnsPolicy" in outcome.error.message
    quota = "jobs.batch is forbidden: exceeded quota: small, requested: count/jobs.batch=1"
    for status, reason in ((403, "Forbidden"), (422, "Invalid")):
        api.fail("create", "jobs", status, message=quota, reason=reason)
        outcome = await stream.outcome(await begin(stream, "true"))
        assert (outcome.state, outcome.error.type) == ("failed", "declined")
        assert outcome.error.message == f"Kubernetes declined: {quota} (HTTP {status})"
    assert not api.jobs()


async def test_another_namespace_is_refused(stream: Stream, start_executor: StartExecutor) -> None:
    refused = await stream.refused(await begin(stream, "true", namespace="kube-system"))
    assert (refused.reason, refused.message) == (
        "badTask",
        "namespace 'kube-system': Jobs of this executor may be in jobs",
    )


async def test_several_namespaces(
    start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi
) -> None:
    stream = await (await lead(await start_executor(**told, kubernetes_namespaces=("one", "two")))).attach()
    keys = [await begin(stream, "true"), await begin(stream, "true", namespace="two")]
    for key in keys:
        assert (await stream.outcome(key)).state == "succeeded"
    assert sorted(job["metadata"]["namespace"] for job in api.jobs()) == ["one", "two"]


async def test_a_name_that_is_a_strangers_is_let_alone(stream: Stream, api: KubernetesApi) -> None:
    key = stream.key()
    api.add_job({"metadata": {"name": name_of(assignment(key))}, "spec": {}})
    outcome = await stream.outcome(await begin(stream, "true", key))
    assert outcome.error.type == "declined" and "that is none of ours" in outcome.error.message
    assert len(api.jobs()) == 1


def assignment(key: pb.AttemptKey, **more: Any) -> Assignment:
    told: dict[str, Any] = {
        "key": AttemptKey(key.execution_id, key.part, key.attempt, key.placement, key.incarnation),
        "namespace": "default",
        "job": JOB,
        "trigger": "trigger",
        "scheduled_ms": 0,
        "origin": "schedule",
        "epoch": 1,
        "task": KubernetesTask(template=task(FOREVER)["kubernetes"]["template"]),
        "params": {},
        "timeout": timedelta(hours=1),
        "may_rerun": True,
    }
    return Assignment(**(told | more))


class TestOneAttemptAtATime:
    """The name of a Job is that of its execution: whoever comes later waits until the earlier one's pods are gone."""

    async def test_the_job_of_a_lost_executor_ends_before_the_next_attempt_begins(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi
    ) -> None:
        first = await (await lead(await start_executor(**told))).attach()
        key = await up(first)
        uid = api.jobs()[0]["metadata"]["uid"]
        second = await (await lead(await start_executor(**(told | {"executor_id": "pods-2"})))).attach()
        again = second.key(execution_id=key.execution_id, attempt=2)
        await begin(second, "echo the second", again)
        outcome = await second.outcome(again)
        assert (outcome.state, second.output(again)) == ("succeeded", b"the second\n")
        assert [job["metadata"]["uid"] for job in api.jobs()] != [uid]
        # the first executor is alive after all: it knows how its own ended
        outcome = await first.outcome(key)
        assert (outcome.state, outcome.error.type) == ("failed", "jobDeleted")
        await first.acknowledge(key)
        await second.acknowledge(again)
        await all_gone(api)

    async def test_pods_that_a_deleted_job_left_behind_are_waited_for(self, stream: Stream, api: KubernetesApi) -> None:
        key = await begin(stream, "trap '' TERM; echo up; while :; do sleep 0.05; done")
        await stream.wait_output(key, b"up\n")
        api.delete_job(api.jobs()[0]["metadata"]["name"])
        assert (await stream.outcome(key)).error.type == "jobDeleted"
        assert not api.processes()
        await stream.acknowledge(key)
        again = stream.key(execution_id=key.execution_id, attempt=2)
        assert (await stream.outcome(await begin(stream, "true", again))).state == "succeeded"

    async def test_an_earlier_attempt_does_not_take_the_place_of_a_later_one(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi
    ) -> None:
        second = await (await lead(await start_executor(**told))).attach()
        later = await up(second, key=second.key(attempt=2))
        first = await (await lead(await start_executor(**(told | {"executor_id": "pods-2"})))).attach()
        key = first.key(execution_id=later.execution_id)
        outcome = await first.outcome(await begin(first, "true", key))
        assert outcome.error.message == "Kubernetes declined: a later attempt of this execution is there already"
        assert api.processes() == 1
        await second.send(cancels=[later])
        assert (await second.outcome(later)).state == "cancelled"


class TestTheApiServer:
    """It is slow, away, forgetful, and other people use it."""

    async def test_away_when_the_job_is_to_be_made(self, stream: Stream, api: KubernetesApi, proxy: TcpProxy) -> None:
        proxy.cut()
        key = await begin(stream, "echo made")
        refused = await stream.refused(await begin(stream, "true", namespace="elsewhere"))
        assert refused.reason == "badTask"  # it has taken the one before
        proxy.heal()
        assert (await stream.outcome(key)).state == "succeeded"
        api.fail("create", "jobs", 500, times=2)
        assert (await stream.outcome(await begin(stream, "true"))).state == "succeeded"
        assert len(api.jobs()) == 2

    async def test_away_for_good_when_the_job_is_to_be_made(
        self, stream: Stream, api: KubernetesApi, proxy: TcpProxy
    ) -> None:
        api.fail("create", "jobs", 503, times=1000, message="no leader")
        outcome = await stream.outcome(await begin(stream, "true", startTimeout="1s"))
        assert (outcome.state, outcome.error.type) == ("failed", "notStarted")
        assert "Kubernetes cannot make its Job: no leader (HTTP 503)" in outcome.error.message
        api.heal()

    async def test_an_answer_that_was_lost_makes_no_second_job(
        self, stream: Stream, api: KubernetesApi, proxy: TcpProxy
    ) -> None:
        proxy.blackhole(requests=False)
        key = await begin(stream, "echo once")
        await eventually_async(lambda: api.jobs())
        proxy.cut()
        proxy.heal()
        assert (await stream.outcome(key)).state == "succeeded"
        assert stream.output(key) == b"once\n" and len(api.created) == 1

    async def test_a_job_that_comes_to_be_when_its_making_was_given_up_is_ended(
        self, stream: Stream, api: KubernetesApi
    ) -> None:
        late = assignment(stream.key())
        assert (await stream.outcome(await begin(stream, "true"))).state == "succeeded"
        api.add_job(body_of(late, "jobs.pods-1"))
        name = name_of(late)
        await eventually_async(lambda: name not in [job["metadata"]["name"] for job in api.jobs()])
        assert len(api.jobs()) == 1

    async def test_a_cancel_while_the_answer_is_lost(self, stream: Stream, api: KubernetesApi, proxy: TcpProxy) -> None:
        proxy.blackhole(requests=False)
        key = await begin(stream, FOREVER)
        await eventually_async(lambda: api.processes())
        await stream.send(cancels=[key])
        proxy.cut()
        proxy.heal()
        assert (await stream.outcome(key)).state == "cancelled"
        assert not api.jobs() and not api.processes()

    async def test_away_while_the_job_runs(
        self, stream: Stream, api: KubernetesApi, proxy: TcpProxy, tmp_path: Path
    ) -> None:
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

    async def test_away_when_the_job_is_to_be_deleted(
        self, stream: Stream, api: KubernetesApi, proxy: TcpProxy
    ) -> None:
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
        self, stream: Stream, api: KubernetesApi, proxy: TcpProxy, tmp_path: Path
    ) -> None:
        go = tmp_path / "go"
        key = await begin(stream, f"echo up; until [ -e {go} ]; do sleep 0.02; done")
        await stream.wait_output(key, b"up\n")
        lists = api.calls.count(("list", "jobs"))
        api.expire()
        go.touch()
        assert (await stream.outcome(key)).state == "succeeded"
        await eventually_async(lambda: api.calls.count(("list", "jobs")) > lists)

    async def test_watches_end_and_go_on(self, stream: Stream, api: KubernetesApi) -> None:
        for _ in range(3):
            watches = api.calls.count(("watch", "jobs"))
            api.end_watches()
            await eventually_async(lambda before=watches: api.calls.count(("watch", "jobs")) > before)  # type: ignore[misc]
            assert (await stream.outcome(await begin(stream, "true"))).state == "succeeded"
        assert api.calls.count(("list", "jobs")) == 1

    async def test_a_pod_that_somebody_deleted_is_a_failure(self, stream: Stream, api: KubernetesApi) -> None:
        key = await up(stream)
        api.delete_pod(api.pods()[0]["metadata"]["name"])
        outcome = await stream.outcome(key)
        assert (outcome.state, outcome.error.type) == ("failed", "podGone")
        assert outcome.error.message == "its pod is gone: BackoffLimitExceeded: Job failed: BackoffLimitExceeded"
        assert outcome.error.tail.endswith("told to end")

    async def test_a_job_that_somebody_deleted_is_a_failure_once_its_pod_is_gone(
        self, stream: Stream, api: KubernetesApi
    ) -> None:
        key = await up(stream)
        api.delete_job(api.jobs()[0]["metadata"]["name"])
        outcome = await stream.outcome(key)
        assert (outcome.state, outcome.error.type) == ("failed", "jobDeleted")
        assert not api.processes()

    async def test_a_wrong_token_is_no_end(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi, tmp_path: Path
    ) -> None:
        wrong = api.kubeconfig(tmp_path / "wrong", token="another")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind, "FIND_SECONDS", 0.1)
            executor = await start_executor(**(told | {"kubernetes_config": wrong}))
        stream = await (await lead(executor)).attach()
        outcome = await stream.outcome(await begin(stream, "true", startTimeout="1s"))
        assert "Unauthorized (HTTP 401)" in outcome.error.message

    async def test_a_job_without_a_timeout_is_prolonged_as_long_as_somebody_is_there(
        self, stream: Stream, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "PROLONG", timedelta(seconds=1))
        monkeypatch.setattr(run, "LOOK_SECONDS", 0.1)
        key = await up(stream)
        assert api.created[0]["spec"]["activeDeadlineSeconds"] == 3600
        await eventually_async(lambda: api.jobs()[0]["spec"]["activeDeadlineSeconds"] > 3600)
        await stream.send(cancels=[key])
        assert (await stream.outcome(key)).state == "cancelled"

    async def test_a_deadline_that_kubernetes_keeps_is_a_failure(self, stream: Stream, api: KubernetesApi) -> None:
        key = await up(stream)

        async def hurry() -> None:
            (job,) = await api._all("jobs")
            api._put("jobs", {**job, "spec": {**job["spec"], "activeDeadlineSeconds": 1}})

        await asyncio.to_thread(lambda: api.on_loop(hurry()))
        outcome = await stream.outcome(key)
        assert (outcome.state, outcome.error.type) == ("failed", "podGone")
        assert "DeadlineExceeded" in outcome.error.message


class TestALaterIncarnation:
    """Of the same executor: a Job goes on, and nobody notices."""

    async def restart(self, start: StartExecutor, executor: Executor, told: dict[str, Any]) -> Executor:
        await executor.stop(5)
        return await start(**told)

    async def test_a_job_goes_on_under_it(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi, tmp_path: Path
    ) -> None:
        go = tmp_path / "go"
        told["returns"] = True
        executor = await start_executor(**told)
        stream = await (await lead(executor)).attach()
        key = await begin(stream, f"echo up; until [ -e {go} ]; do sleep 0.02; done; echo good", timeout=60)
        await stream.wait_output(key, b"up\n")
        executor = await self.restart(start_executor, executor, told)
        assert api.processes() == 1
        stream = await (await lead(executor)).attach()
        mine = pb.AttemptKey(
            execution_id=key.execution_id, attempt=1, placement=1, incarnation=stream.welcome.incarnation
        )
        assert stream.held == [mine] and mine != key
        assert (await stream.started(mine)).HasField("age")
        go.touch()
        assert (await stream.outcome(mine)).state == "succeeded"
        assert stream.output(mine) == b"up\ngood\n"  # all of it, in the same pieces
        await stream.acknowledge(mine)
        await all_gone(api)
        assert len(api.created) == 1

    async def test_it_is_held_as_long_as_there_is_somebody_to_ask(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi, tmp_path: Path
    ) -> None:
        """While other tasks end, Jobs are looked after; and a leader that comes then does not think them forgotten."""
        go, gone_on = tmp_path / "go", tmp_path / "gone-on"
        executor = await start_executor(**(told | {"returns": True, "kinds": ("shell", "kubernetes")}))
        leader = await lead(executor)
        stream = await leader.attach()
        short = await begin(stream, f"echo up; until [ -e {go} ]; do sleep 0.02; done")
        long = await up(stream)
        shell = await stream.shell(f"until [ -e {gone_on} ]; do sleep 0.02; done")
        await stream.started(shell)
        stopping = asyncio.create_task(executor.stop(60))
        await stream.wait_for(lambda: [each for each in stream.capacities if each.draining])
        go.touch()
        assert (await stream.outcome(short)).state == "succeeded"
        stream = await leader.attach(2)
        assert {key.execution_id for key in stream.held} == {each.execution_id for each in (short, long, shell)}
        gone_on.touch()
        await stream.outcome(shell)
        stream = await leader.attach(3)
        assert long in stream.held
        await stream.acknowledge(short, shell)
        executor.hurry()
        await stopping
        assert api.processes() == 1

    async def test_what_ended_meanwhile_is_told(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi, tmp_path: Path
    ) -> None:
        go = tmp_path / "go"
        told["returns"] = True
        executor = await start_executor(**told)
        stream = await (await lead(executor)).attach()
        key = await begin(stream, f"echo up; until [ -e {go} ]; do sleep 0.02; done; exit 4")
        await stream.wait_output(key, b"up\n")
        await executor.stop(5)
        go.touch()
        await eventually_async(lambda: api.jobs()[0]["status"].get("conditions"))
        stream = await (await lead(await start_executor(**told))).attach()
        (mine,) = stream.held
        outcome = await stream.outcome(mine)
        assert (outcome.state, outcome.exit_code) == ("failed", 4)

    async def test_a_timeout_counts_from_the_start(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi
    ) -> None:
        told["returns"] = True
        executor = await start_executor(**told)
        stream = await (await lead(executor)).attach()
        await up(stream, timeout=3)
        stream = await (await lead(await self.restart(start_executor, executor, told))).attach()
        (mine,) = stream.held
        outcome = await stream.outcome(mine)
        assert (outcome.state, api.processes()) == ("timedOut", 0)
        assert outcome.ran.seconds < 10

    async def test_what_the_journal_knows_to_have_ended_does_not_go_on(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi, tmp_path: Path
    ) -> None:
        told |= {"returns": True, "data": tmp_path / "data"}
        executor = await start_executor(**told)
        stream = await (await lead(executor)).attach()
        key = await begin(stream, "true")
        assert (await stream.outcome(key)).state == "succeeded"
        executor.hurry()
        stream = await (await lead(await self.restart(start_executor, executor, told))).attach()
        assert stream.held == [key]
        assert (await stream.outcome(key)).state == "succeeded"
        await stream.acknowledge(key)
        await all_gone(api)

    async def test_an_executor_that_does_not_return_ends_its_jobs(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi
    ) -> None:
        executor = await start_executor(**told)
        stream = await (await lead(executor)).attach()
        key = await up(stream)
        await executor.stop(0)
        assert not api.jobs() and not api.processes()
        assert [outcome.reason for outcome in stream.find(key, "outcome")] == ["drained"]

    async def test_jobs_that_are_heard_of_too_late_are_ended(
        self,
        start_executor: StartExecutor,
        told: dict[str, Any],
        lead: Lead,
        api: KubernetesApi,
        proxy: TcpProxy,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        told["returns"] = True
        executor = await start_executor(**told)
        stream = await (await lead(executor)).attach()
        await up(stream)
        await executor.stop(5)
        monkeypatch.setattr(kind, "FIND_SECONDS", 0.1)
        proxy.cut()
        stream = await (await lead(await start_executor(**told))).attach()
        assert stream.held == []
        proxy.heal()
        await all_gone(api)

    async def test_a_lease_that_runs_out_ends_jobs_and_releases_the_guardian_before(
        self, start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi
    ) -> None:
        coordinator = InProcessCoordinator()
        await coordinator.start()
        executor = await start_executor(coordinator, **told, lease=timedelta(seconds=1.5))
        leader = await lead(executor)
        stream = await leader.attach()
        await up(stream)
        stream.grants = False
        await coordinator.close()
        await stream.wait_ended()
        await eventually_async(lambda: not api.jobs() and not api.processes() and not executor.running)


class TestConfiguration:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "no such file"),
            ("{", "kubernetes config"),
            ("apiVersion: v1\nkind: Config\n", "kubernetes config"),
        ],
    )
    async def test_a_kubeconfig_that_is_none(
        self, start_executor: StartExecutor, tmp_path: Path, content: str | None, message: str
    ) -> None:
        path = tmp_path / "config"
        if content is not None:
            path.write_text(content)
        with pytest.raises(StartError) as caught:
            await start_executor(kinds=("kubernetes",), kubernetes_config=path)
        assert message in str(caught.value) and str(path) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1

    async def test_in_a_pod_its_service_account_is_used(
        self, start_executor: StartExecutor, lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificate = Authority(tmp_path).issue("api", "127.0.0.1")
        for name, text in (("token", TOKEN), ("namespace", "mine\n"), ("ca.crt", certificate.ca.read_text())):
            (tmp_path / name).write_text(text)
        monkeypatch.setattr(cluster, "ACCOUNT", tmp_path)
        monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
        monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        with KubernetesApi(certificate) as api:
            monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(api.port))
            executor = await start_executor(kinds=("kubernetes",))
            stream = await (await lead(executor)).attach()
            key = await begin(stream, "echo inside")
            assert (await stream.outcome(key)).state == "succeeded"
            assert stream.output(key) == b"inside\n"
            assert [job["metadata"]["namespace"] for job in api.jobs()] == ["mine"]
            await executor.stop(0)

    async def test_outside_of_a_pod_a_kubeconfig_is_needed(self, start_executor: StartExecutor) -> None:
        with pytest.raises(StartError, match="give a kubeconfig file"):
            await start_executor(kinds=("kubernetes",))

    async def test_an_api_server_that_is_away_does_not_keep_an_executor_from_its_other_kinds(
        self,
        start_executor: StartExecutor,
        told: dict[str, Any],
        lead: Lead,
        proxy: TcpProxy,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(kind, "FIND_SECONDS", 0.1)
        proxy.cut()
        stream = await (await lead(await start_executor(**(told | {"kinds": ("shell", "kubernetes")})))).attach()
        assert (await stream.outcome(await stream.shell("true"))).state == "succeeded"


async def test_no_more_rights_are_used_than_the_docs_say(
    start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
    rows = re.findall(r"^\| .* \| `([a-z/]+)` \| ([a-z, ]+) \|$", page, re.MULTILINE)
    documented = {(verb, resource) for resource, verbs in rows for verb in verbs.split(", ")}
    monkeypatch.setattr(run, "PROLONG", timedelta(seconds=0.5))
    monkeypatch.setattr(run, "LOOK_SECONDS", 0.1)
    told["returns"] = True
    executor = await start_executor(**told)
    stream = await (await lead(executor)).attach()
    key = await up(stream)
    await eventually_async(lambda: ("patch", "jobs") in api.calls)
    await executor.stop(5)
    stream = await (await lead(await start_executor(**told))).attach()
    (mine,) = stream.held
    await stream.send(cancels=[mine])
    assert (await stream.outcome(mine)).state == "cancelled"
    again = stream.key(execution_id=key.execution_id, attempt=2)
    assert (await stream.outcome(await begin(stream, "true", again))).state == "succeeded"
    assert set(api.calls) == documented


def test_the_name_of_a_job_is_the_same_for_all_attempts_of_its_execution() -> None:
    key = pb.AttemptKey(execution_id="e", attempt=1, placement=1, incarnation="i")
    first, later = assignment(key), assignment(pb.AttemptKey(execution_id="e", attempt=2, incarnation="j"))
    assert name_of(first) == name_of(later)
    assert name_of(first) != name_of(assignment(pb.AttemptKey(execution_id="f", attempt=1)))
    long = name_of(assignment(key, job="x" * 39 + "-y" + "z" * 22))
    assert len(long) <= 63 and "--" not in long
    body = body_of(first, "owner")
    assert body["metadata"]["labels"]["cronquorum.dev/execution"] == "e"
