"""Tasks that are Jobs, against an API server that speaks the real wire: what becomes of each."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from executor.kinds.kubernetes.job import body_of, name_of
from schedapi.v1 import executor_service_pb2 as pb
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.kubernetes.orders import FOREVER, JOB, all_gone, assignment, begin, task, up
from tests.executor.leader import Stream
from tests.rig.kubernetes_api import KubernetesApi
from tests.rig.waiting import eventually_async


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


def test_the_name_of_a_job_is_the_same_for_all_attempts_of_its_execution() -> None:
    key = pb.AttemptKey(execution_id="e", attempt=1, placement=1, incarnation="i")
    first, later = assignment(key), assignment(pb.AttemptKey(execution_id="e", attempt=2, incarnation="j"))
    assert name_of(first) == name_of(later)
    assert name_of(first) != name_of(assignment(pb.AttemptKey(execution_id="f", attempt=1)))
    long = name_of(assignment(key, job="x" * 39 + "-y" + "z" * 22))
    assert len(long) <= 63 and "--" not in long
    body = body_of(first, "owner")
    assert body["metadata"]["labels"]["cronquorum.dev/execution"] == "e"
