"""Steps: time passes, and clients ask for something."""

from scheduler.leader.applying import Request
from scheduler.leader.proposing import Proposal
from scheduler.leader.requests import WriteRequest
from scheduler.schedules import Schedule
from tests.model.kinds import one, step
from tests.model.nodes import Node
from tests.model.variants import NAMES, VARIANTS
from tests.model.world import World

# ------------------------------------------------------------------------------------------------------ time


@step(30)
def wait(world: World, a: int, b: int) -> None:
    """Time passes: mostly seconds."""
    world.loop.advance((0.2, 0.5, 1, 1, 2, 2, 3, 4, 5, 6, 8, 10, 12, 18, 25, 40)[a % 16] + b / 100)


@step(2)
def gap(world: World, a: int, b: int) -> None:
    """Minutes pass, as when nobody leads."""
    world.loop.advance(60 + 5 * a)


# --------------------------------------------------------------------------------------------------- clients


@step(6)
def apply(world: World, a: int, b: int) -> None:
    name = NAMES[a % len(NAMES)]
    variant = VARIANTS[name][b % len(VARIANTS[name])]
    schedules: dict[str, Schedule] = variant.schedules
    proposal = Proposal(namespace="default", name=name, labels={}, definition=variant.definition, schedules=schedules)
    world.ask("apply", lambda node, request: node.leader.edits.apply(request, Request(jobs=[proposal])))


@step(3)
def pause(world: World, a: int, b: int) -> None:
    name = ("default", NAMES[a % len(NAMES)])
    world.ask("/".join(name), lambda node, request: node.leader.edits.set_paused(request, name, True), which=b // 12)


@step(4)
def resume(world: World, a: int, b: int) -> None:
    name = ("default", NAMES[a % len(NAMES)])
    catch_up = b % 2 == 1

    def ask(node: Node, request: WriteRequest) -> object:
        if catch_up:
            world.accounts.catching_up.add(request.request_id)
        return node.leader.edits.set_paused(request, name, False, catch_up)

    world.ask("/".join(name), ask)  # type: ignore[arg-type]  # a coroutine, which says so only by its wrapper


@step(2)
def delete(world: World, a: int, b: int) -> None:
    name = ("default", NAMES[a % len(NAMES)])
    world.ask("/".join(name), lambda node, request: node.leader.edits.delete(request, name, 0))


@step(6)
def run(world: World, a: int, b: int) -> None:
    name = NAMES[a % len(NAMES)]
    world.ask(
        f"default/{name}", lambda node, request: node.leader.runs.run(request, "default", name, {}), which=b // 12
    )


@step(4)
def cancel(world: World, a: int, b: int) -> None:
    row = one(sorted(world.store.open.values(), key=lambda each: each.id), a)
    if row is not None:
        scope = f"default/{row.job}"
        world.ask(scope, lambda node, request: node.leader.runs.cancel(request, row.id, "enough"))


@step(4)
def ask_again(world: World, a: int, b: int) -> None:
    """A client that got no answer repeats its request."""
    if world.unknown:
        scope, request_id, ask = world.unknown.pop(a % len(world.unknown))
        world.ask(scope, ask, request_id)
