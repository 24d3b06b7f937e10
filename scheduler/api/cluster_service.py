"""ClusterService: who is there, who leads, and what is due."""

import asyncio
from datetime import UTC, datetime

from cronquorum.clock import Clock
from cronquorum.coordination import Member
from jobstore.protocols import JobQuery, JobStore, Records
from schedapi.errors import Unavailable
from schedapi.v1 import cluster_service_pb2 as pb
from schedapi.v1.cluster_service_pb2_grpc import ClusterServiceServicer
from scheduler import wire
from scheduler.api.checks import write_request
from scheduler.api.door import Context, Door, answered
from scheduler.errors import NotLeading
from scheduler.leader.leader import Leader
from scheduler.leader.link import Link

MOST_DUE = 20
_FAR = datetime.max.replace(tzinfo=UTC)


class ClusterService(ClusterServiceServicer):
    """The leader knows most; any node answers what it can while there is none."""

    def __init__(self, door: Door, store: JobStore, records: Records, clock: Clock) -> None:
        self._door = door
        self._store = store
        self._records = records
        self._clock = clock

    @answered
    async def Status(self, request: pb.StatusRequest, context: Context) -> pb.ClusterStatus:
        try:
            leader = self._door.leader(context)
            if leader is None:
                return await self._door.forward(context, "ClusterService/Status", request, pb.ClusterStatus)
        except (NotLeading, Unavailable):
            leader = None
        status = pb.ClusterStatus(
            nodes=[_node(member) for member in self._door.house.nodes()],
            due=await asyncio.to_thread(self._due),
            time=wire.stamp(self._clock.now()),
        )
        if leader is not None:
            status.leader.CopyFrom(_node(self._door.house.member))
            status.epoch = leader.term.epoch
            status.executors.extend(_executors(leader))
            for state, count in leader.ledger.counts().items():
                status.open[state.value] = count
            if leader.term.held:
                overdue = await leader.hold.overdue()
                held = pb.Held(reason=leader.term.held, overdue_triggers=overdue.triggers, overdue_times=overdue.times)
                status.held.CopyFrom(held)
        return status

    def _due(self) -> list[pb.DueFire]:
        due = self._store.due(_FAR, None, MOST_DUE)
        query = JobQuery(uids=tuple({trigger.job_uid for trigger in due}), limit=MOST_DUE)
        jobs = {job.uid: job for job in self._records.jobs(query)} if due else {}
        found = []
        for trigger in due:
            job = jobs.get(trigger.job_uid)
            record = job.trigger(trigger.uid) if job else None
            if job is not None and record is not None:
                fire = pb.DueFire(namespace=job.namespace, job=job.name, trigger=record.name)
                fire.scheduled_time.FromDatetime(trigger.next_fire)
                found.append(fire)
        return found

    @answered
    async def Executors(self, request: pb.ExecutorsRequest, context: Context) -> pb.ExecutorsResponse:
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "ClusterService/Executors", request, pb.ExecutorsResponse)
        return pb.ExecutorsResponse(executors=_executors(leader))

    @answered
    async def Release(self, request: pb.ReleaseRequest, context: Context) -> pb.ReleaseResponse:
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "ClusterService/Release", request, pb.ReleaseResponse)
        await leader.hold.release(write_request("cluster", request))
        return pb.ReleaseResponse()


def _node(member: Member) -> pb.Node:
    return pb.Node(node_id=member.id, address=member.address, version=member.facts.get("version", ""))


def _executors(leader: Leader) -> list[pb.Executor]:
    if leader.term.held:
        return [_waiting(member) for member in leader.registered()]
    links = sorted(leader.roster.links(), key=lambda link: link.holder)
    return [_executor(leader, link) for link in links]


def _waiting(member: Member) -> pb.Executor:
    return pb.Executor(
        executor_id=member.id,
        incarnation=member.incarnation,
        address=member.address,
        state="waiting",
        version=member.facts.get("version", ""),
    )


def _executor(leader: Leader, link: Link) -> pb.Executor:
    used = leader.ahead.sent(link.holder)
    return pb.Executor(
        executor_id=link.member.id,
        incarnation=link.member.incarnation,
        address=link.member.address,
        state=link.state,
        slots=link.slots,
        free_slots=max(0, link.slots - used) if link.attached else 0,
        kinds=sorted(link.kinds),
        labels=link.labels,
        version=link.version,
    )
