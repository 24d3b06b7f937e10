"""Steps: what nodes, the store, streams and executors do, and fail to do."""

from schedapi.v1 import executor_service_pb2 as pb
from tests.model.kinds import one, step
from tests.model.nodes import Node
from tests.model.wires import Stream
from tests.model.world import World

# ------------------------------------------------------------------------------------------------------ nodes


@step(8)
def elect(world: World, a: int, b: int) -> None:
    world.elect()


@step(3)
def crash(world: World, a: int, b: int) -> None:
    """A node is gone; what it asked of the store is done, or not."""
    node = one([node for node in world.nodes if not node.over], a)
    if node is not None:
        if node.calls and b % 2:
            node.calls[0].execute()
        node.crash()
    if b % 4 < 2:
        world.elect()


@step(2)
def cut(world: World, a: int, b: int) -> None:
    """The leader loses the coordinator."""
    if world.nodes:
        world.nodes[-1].cut()


@step(3)
def stop(world: World, a: int, b: int) -> None:
    """The leader is stopped, as by SIGSTOP: what it says stays with it, and so does what it is told."""
    if world.nodes and not world.nodes[-1].over:
        node = world.nodes[-1]
        node.cut()
        node.hold_writer = node.hold_side = True
        for stream in world.streams_of(node):
            stream.held_in = stream.held_out = True


@step(3)
def wake(world: World, a: int, b: int) -> None:
    """One that was stopped goes on, and does not know how long it was away."""
    node = one([node for node in world.nodes if not node.over and node.cut_at is not None], a)
    if node is not None:
        node.let_go()
        for stream in world.streams_of(node):
            stream.held_in = stream.held_out = False
            stream.flow()


def _busy(world: World, a: int) -> Node | None:
    return one([node for node in world.nodes if not node.over], a)


@step(5)
def hold_store(world: World, a: int, b: int) -> None:
    """What a node asks of the store takes long from now on: its writes, its other reads, or both."""
    node = _busy(world, a)
    if node is not None:
        node.hold_writer, node.hold_side = b % 3 != 1, b % 3 != 0


@step(4)
def store_does(world: World, a: int, b: int) -> None:
    """What is held back is done; the answers are still on their way."""
    node = _busy(world, a)
    if node is not None and node.calls:
        node.calls[b % len(node.calls)].execute()


@step(6)
def store_answers(world: World, a: int, b: int) -> None:
    """One answer arrives, or all, and nothing is held back any more."""
    node = _busy(world, a)
    if node is not None and b % 3:
        node.let_go()
    elif node is not None and node.calls:
        node.calls.popleft().tell()


@step(1)
def store_fails(world: World, a: int, b: int) -> None:
    """The connection breaks, before or after what was asked was done."""
    node = _busy(world, a)
    if node is not None and node.calls:
        node.calls.popleft().fail()


# -------------------------------------------------------------------------------------------------- streams


def _stream(world: World, a: int) -> Stream | None:
    return one([stream for stream in world.streams if not stream.over], a)


@step(4)
def hold_stream(world: World, a: int, b: int) -> None:
    """A stream is slow: towards the executor, towards the leader, or both."""
    stream = _stream(world, a)
    if stream is not None:
        stream.held_in, stream.held_out = b % 3 != 1, b % 3 != 0


@step(4)
def deliver(world: World, a: int, b: int) -> None:
    """One message of a slow stream arrives."""
    slow = [stream for stream in world.streams if not stream.over and (stream.to_executor or stream.to_leader)]
    stream = one(slow, a)
    if stream is not None:
        stream.deliver_one(bool(stream.to_executor) and (b % 2 == 0 or not stream.to_leader))


@step(4)
def let_flow(world: World, a: int, b: int) -> None:
    """A stream is slow no longer."""
    stream = one([each for each in world.streams if not each.over and (each.held_in or each.held_out)], a)
    if stream is not None:
        stream.held_in = stream.held_out = False
        stream.flow()


@step(3)
def break_stream(world: World, a: int, b: int) -> None:
    """A stream breaks, and what is under way is lost."""
    stream = _stream(world, a)
    if stream is not None:
        stream.broken(None)


# ------------------------------------------------------------------------------------------------ executors


@step(6)
def finish(world: World, a: int, b: int) -> None:
    """An attempt ends."""
    found = [(each, key) for each in world.executors for key in each.running]
    chosen = one(found, a)
    if chosen is not None:
        chosen[0].end(chosen[1], ("succeeded", "failed", "failed", "timedOut")[b % 4])


@step(4)
def last(world: World, a: int, b: int) -> None:
    """How long attempts last from now on; some until they are told."""
    world.executors[a % len(world.executors)].duration = (0.0, 0.5, 2.0, 6.0, 20.0, None)[b % 6]


@step(3)
def die(world: World, a: int, b: int) -> None:
    """An executor's process dies; its outcomes stay, if it has a journal."""
    executor = world.executors[a % len(world.executors)]
    if executor.alive:
        executor.die(journal=b % 4 != 0)
        if b % 2:
            executor.restart(vouch=b % 8 != 7)


@step(3)
def restart(world: World, a: int, b: int) -> None:
    executor = one([each for each in world.executors if not each.alive], a)
    if executor is not None:
        executor.restart(vouch=b % 4 != 0)


@step(2)
def unreachable(world: World, a: int, b: int) -> None:
    world.executors[a % len(world.executors)].reach(False)


@step(3)
def reachable(world: World, a: int, b: int) -> None:
    world.executors[a % len(world.executors)].reach(True)


@step(2)
def lose_coordinator(world: World, a: int, b: int) -> None:
    world.executors[a % len(world.executors)].coordinate(False)


@step(3)
def find_coordinator(world: World, a: int, b: int) -> None:
    world.executors[a % len(world.executors)].coordinate(True)


@step(3)
def isolate(world: World, a: int, b: int) -> None:
    """An executor is cut off from everybody; its lease will run out."""
    executor = world.executors[a % len(world.executors)]
    executor.coordinate(False)
    if b % 4:
        executor.reach(False)
    elif executor.stream is not None:  # slow, and not broken
        executor.stream.held_in = executor.stream.held_out = True


@step(3)
def rejoin(world: World, a: int, b: int) -> None:
    executor = world.executors[a % len(world.executors)]
    executor.coordinate(True)
    executor.reach(True)


@step(4)
def blackout(world: World, a: int, b: int) -> None:
    """No executor can be reached; or all again."""
    for executor in world.executors:
        executor.reach(a % 3 == 0)


@step(2)
def offer_again(world: World, a: int, b: int) -> None:
    """Last words are said twice."""
    world.executors[a % len(world.executors)].offer_again()


@step(1)
def lie(world: World, a: int, b: int) -> None:
    """An executor reports on what is another's, or was never."""
    row = one(sorted(world.store.rows.values(), key=lambda each: each.id), a)
    executor = world.executors[b % len(world.executors)]
    if row is not None and row.executor_id != executor.id:
        key = pb.AttemptKey(
            execution_id=str(row.id), attempt=row.attempt, placement=row.placement, incarnation=row.incarnation
        )
        executor.say(pb.Report(key=key, outcome=pb.Outcome(state="succeeded")))


@step(3)
def slots(world: World, a: int, b: int) -> None:
    """An executor takes more, or fewer, and says so."""
    executor = world.executors[a % len(world.executors)]
    executor.slots = (0, 1, 1, 2, 3)[b % 5]
    if executor.stream is not None:
        executor.stream.answer(pb.ExecutorMessage(capacity=pb.CapacityChange(slots=executor.slots)))
