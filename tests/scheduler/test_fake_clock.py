"""The clock that the other tests stand on."""

import asyncio
from datetime import datetime, timedelta

from cronquorum.clock import Clock, beat, every, wait_for_event
from tests.scheduler.fake_clock import START, FakeClock, turns, until


async def test_sleepers_wake_in_order_each_at_his_own_time() -> None:
    clock = FakeClock()
    woken: list[tuple[str, datetime]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))

    tasks = [asyncio.create_task(sleeper(f"{s:g}", s)) for s in (3, 1, 2, 10)]
    await clock.advance(5)
    assert woken == [(f"{s}", START + timedelta(seconds=s)) for s in (1, 2, 3)]
    assert clock.now() == START + timedelta(seconds=5)
    assert clock.alarms == [START + timedelta(seconds=10)]
    await clock.advance(5)
    assert woken[-1] == ("10", START + timedelta(seconds=10))
    await asyncio.gather(*tasks)


async def test_whoever_sleeps_again_while_time_passes_wakes_again_in_the_same_pass() -> None:
    clock: Clock = FakeClock()
    assert isinstance(clock, FakeClock)
    seen: list[datetime] = []
    beat = asyncio.create_task(every(clock, 1.0, lambda: seen.append(clock.now())))
    await clock.advance(3)
    assert seen == [START + timedelta(seconds=s) for s in range(4)]
    beat.cancel()
    await asyncio.gather(beat, return_exceptions=True)
    assert clock.alarms == []


async def test_loops_of_one_beat_wake_together_whenever_they_began() -> None:
    clock = FakeClock()
    woken: list[tuple[str, float]] = []

    async def look(name: str, seconds: float) -> None:
        while True:
            due = await beat(clock, seconds)
            assert due == clock.monotonic()
            woken.append((name, due))

    begun = []
    for name, seconds, pause in (("slow", 0.5, 0.1), ("fast", 0.25, 0.07), ("late", 0.5, 0.2)):
        await clock.advance(pause)
        begun.append(asyncio.create_task(look(name, seconds)))
    await clock.advance(0.7)
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
    assert {(name, due - 5_000.0) for name, due in woken} == {
        *[("slow", each) for each in (0.5, 1.0)],
        *[("fast", each) for each in (0.25, 0.5, 0.75, 1.0)],
        *[("late", each) for each in (0.5, 1.0)],
    }


async def test_waiting_for_an_event_ends_with_the_event_or_the_time() -> None:
    clock, event = FakeClock(), asyncio.Event()
    first = asyncio.create_task(wait_for_event(event, clock, 2.0))
    await clock.advance(2)
    assert await first is False
    second = asyncio.create_task(wait_for_event(event, clock, 2.0))
    await clock.advance(1)
    event.set()
    assert await second is True
    assert clock.monotonic() == 5_003.0
    assert clock.boottime() == 90_003.0


async def test_a_wait_is_no_longer_for_those_who_have_their_turn_before_it_begins() -> None:
    clock = FakeClock()
    waiting = asyncio.ensure_future(wait_for_event(asyncio.Event(), clock, 10))

    def busy() -> None:
        clock._passed += timedelta(seconds=4)  # it computes, and nobody else has a turn

    asyncio.get_running_loop().call_soon(busy)
    await turns()
    await clock.advance(6)
    await until(waiting.done)
    assert await waiting is False
