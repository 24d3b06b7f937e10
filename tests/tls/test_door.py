"""What one node passes on to another goes over the certificate that it has at that time."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from cronquorum.certificates import Certificates
from cronquorum.coordination import Member
from cronquorum.roles import Role
from cronquorum.transport import Transport
from schedapi.errors import ApiError
from schedapi.manifest import read_documents
from schedapi.v1.cluster_service_pb2 import ClusterStatus, StatusRequest
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.execution_service_pb2 import WatchExecutionsRequest
from schedapi.v1.job_service_pb2 import ApplyRequest, ApplyResponse, RunJobRequest, RunJobResponse
from scheduler.api.door import Door
from scheduler.errors import NotLeading
from scheduler.leader.leader import Leader
from tests.tls.making import Pki, believing, put
from tests.tls.serving import running_node

CONTEXT: Any = SimpleNamespace(time_remaining=lambda: 20.0)
JOB = """
apiVersion: sched/v1
kind: Job
metadata: {name: hello}
spec: {task: {shell: {command: "true"}}}
"""


class Follower:
    """A node that does not lead."""

    def __init__(self, leader: str) -> None:
        self._leader = Member(id="n", incarnation="1", address=leader, facts={})
        self.member = Member(id="m", incarnation="1", address="127.0.0.1:1", facts={})

    def leading(self) -> Leader | None:
        return None

    def leader_member(self) -> Member | None:
        return self._leader

    def nodes(self) -> Sequence[Member]:
        return [self._leader, self.member]


async def test_new_certificates_while_a_watch_is_passed_on(pki: Pki, other: Pki) -> None:
    theirs, ours = pki.files(Role.SCHEDULER), pki.files(Role.SCHEDULER)
    async with running_node(theirs) as address:
        door = Door(Follower(address), Transport(Certificates.open(ours, Role.SCHEDULER)))
        watch: Any = door.forward_stream(CONTEXT, "ExecutionService/Watch", WatchExecutionsRequest(), Execution)
        change = asyncio.ensure_future(anext(watch))
        status = await door.forward(CONTEXT, "ClusterService/Status", StatusRequest(), ClusterStatus)
        assert status.leader.node_id == "n"
        # now the leader believes the other authority only: the old connection lives, a new one needs the new files
        put(believing(other.files(Role.SCHEDULER), other.ca), theirs)
        put(believing(other.files(Role.SCHEDULER), other.ca), ours)
        (document,) = read_documents(JOB, "test")
        applied = ApplyRequest(request_id="1", jobs=[document.job])
        await door.forward(CONTEXT, "JobService/Apply", applied, ApplyResponse)
        run = RunJobRequest(request_id="2", namespace="default", name="hello")
        await door.forward(CONTEXT, "JobService/Run", run, RunJobResponse)
        assert (await change).job == "hello"
        await watch.aclose()
        await door.close()


async def test_plain_text_to_another_host_is_not_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(Follower("node.example:7400"), Transport())
    with pytest.raises((NotLeading, ApiError), match="may not reach the leader"):
        await door.forward(CONTEXT, "ClusterService/Status", StatusRequest(), ClusterStatus)
    assert "node.example:7400 is not dialled: node.example is not loopback" in caplog.text
    await door.close()
