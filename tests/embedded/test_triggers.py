"""Triggers of all kinds, from the manifest to their next fires, as a client sees them."""

from functools import partial
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from jobstore.trigger_spec import QUARTZ_MISFIRE
from schedapi.client import new_request_id
from schedapi.errors import InvalidArgument, NotFound
from schedapi.manifest import plain
from schedapi.v1.cluster_service_pb2 import ClusterStatus, StatusRequest
from schedapi.v1.job_service_pb2 import NextFiresRequest, NextFiresResponse, RunJobRequest, RunJobResponse
from tests.embedded.requests import Caller, Manifest
from tests.rig.waiting import eventually

FAR = "2150-01-01T00:00:00Z"
"""A start at which the fires are the same whenever the tests run."""

KINDS: dict[str, dict[str, Any]] = {
    "cron": {
        "cron": "0 30 2 L-3,15W * ?",
        "timeZone": "Europe/Berlin",
        "gap": "skip",
        "overlap": "both",
        "misfire": {"policy": "fireAll", "threshold": "5m", "rate": 3, "limit": 50},
        "params": {"mode": "full", "deep": {"list": [1.0, None, "x"]}},
    },
    "cron-unix-days": {"cron": "30 2 13 * FRI", "days": "and"},
    "interval": {"interval": {"every": "1m30s", "offset": "10s"}, "jitter": "30s"},
    "interval-from": {"interval": {"every": "1h30m"}, "start": "2150-01-01T02:30:00+01:00", "maxFires": 5},
    "calendar-interval": {
        "calendarInterval": {"every": 3, "unit": "months", "from": "2026-01-31T02:30", "missingDay": "last"},
        "timeZone": "America/New_York",
        "end": "2199-01-01T00:00:00Z",
    },
    "daily": {
        "daily": {"every": "20m", "from": "22:00", "to": "02:00", "days": "MON-FRI"},
        "timeZone": "Asia/Kolkata",
    },
    "at": {"at": "2150-06-01T12:00:00+02:00"},
    "after": {"after": "1h"},
    "manual": {"manual": True, "params": {"why": "by hand"}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_trigger_is_read_back_as_it_was_applied(caller: Caller, kind: str) -> None:
    manifest = caller.job({"name": "t", **KINDS[kind]})
    (applied,) = caller.apply([manifest]).jobs
    assert (applied.outcome, applied.revision) == ("created", 1)
    assert caller.spec() == manifest["spec"]
    (status,) = caller.get().status.triggers
    assert (status.name, status.error, bool(status.uid)) == ("t", "", True)
    assert status.fires == 0 or kind == "after"  # which begins at once
    assert status.HasField("next_fire") == (kind != "manual")
    (applied,) = caller.apply([MessageToDict(caller.get())]).jobs  # with its status, which is ignored
    assert (applied.outcome, applied.revision) == ("unchanged", 1)


@pytest.mark.parametrize("prefix", ["", "MISFIRE_INSTRUCTION_"])
@pytest.mark.parametrize("word", QUARTZ_MISFIRE)
def test_quartz_misfire_instructions_are_policies(caller: Caller, prefix: str, word: str) -> None:
    caller.apply([caller.job({"name": "t", "cron": "0 0 3 * * ?", "misfire": {"policy": prefix + word}})])
    (trigger,) = caller.get().spec.triggers
    assert (trigger.misfire.policy or "fireOnce") == QUARTZ_MISFIRE[word]


def test_all_that_is_wrong_is_told_at_once(caller: Caller) -> None:
    broken: list[Manifest] = [
        {"name": "a", "cron": "0 0 25 * * ?", "timeZone": "Europe/Atlantis"},
        {"name": "b", "interval": {"every": "5s"}, "calendars": ["nowhere", "other/nowhere"]},
        {"name": "b", "daily": {"every": "1h"}, "gap": "sometimes", "misfire": {"policy": "never"}},
    ]
    calendars = [
        caller.calendar("holidays", timeZone="Mars/Base", exclude=[{"dates": ["2026-01-01", "2026-02-30"]}]),
        caller.calendar("Holidays", exclude=[{"weekly": ["SATURN"]}]),
        caller.calendar("empty", exclude=[{}]),
    ]
    unread = caller.job({"name": "t"}, name="unread")
    unnamed = caller.job({"name": "t", "cron": "x", "calendars": ["nowhere"]}, name="un_named")
    with pytest.raises(InvalidArgument) as caught:
        caller.apply([caller.job(*broken), unread, unnamed, {**caller.job(name="kind"), "kind": "Jub"}], calendars)
    told = {violation.field: violation.description for violation in caught.value.violations}
    assert sorted(told) == [
        "calendars[0].spec.exclude[0].dates[1]",
        "calendars[0].spec.timeZone",
        "calendars[1].metadata.name",
        "calendars[1].spec.exclude[0].weekly[0]",
        "calendars[2].spec.exclude[0]",
        "jobs[0].spec.triggers[0].cron",
        "jobs[0].spec.triggers[0].timeZone",
        "jobs[0].spec.triggers[1].calendars[0]",
        "jobs[0].spec.triggers[1].calendars[1]",
        "jobs[0].spec.triggers[2].gap",
        "jobs[0].spec.triggers[2].misfire.policy",
        "jobs[0].spec.triggers[2].name",
        "jobs[1].spec.triggers[0]",
        "jobs[2].metadata.name",
        "jobs[2].spec.triggers[0].cron",
        "jobs[3].kind",
    ]
    assert told["jobs[0].spec.triggers[1].calendars[1]"] == "there is no calendar other/nowhere"
    with pytest.raises(NotFound):
        caller.get()


def test_what_is_wrong_with_a_calendar_is_not_told_of_those_that_refer_to_it(caller: Caller) -> None:
    calendars = [
        caller.calendar("below", exclude=[{"dates": ["x"]}]),
        caller.calendar("above", base=["below", "nowhere"], exclude=[{"dates": ["y"]}]),
    ]
    job = caller.job({"name": "t", "cron": "0 0 3 * * ?", "calendars": ["above", "below", "nowhere"]})
    with pytest.raises(InvalidArgument) as caught:
        caller.apply([job], calendars)
    assert sorted(violation.field for violation in caught.value.violations) == [
        "calendars[0].spec.exclude[0].dates[0]",
        "calendars[1].spec.base[0]",
        "calendars[1].spec.base[1]",
        "calendars[1].spec.exclude[0].dates[0]",
        "jobs[0].spec.triggers[0].calendars[2]",
    ]


def seconds(time: str) -> Timestamp:
    stamp = Timestamp()
    stamp.FromJsonString(time)
    return stamp


def test_next_fires_of_all_triggers_are_merged_by_time_and_name(caller: Caller) -> None:
    caller.apply(
        [
            caller.job(
                {"name": "z", "cron": "0 0 0/12 * * ?", "start": FAR},
                {"name": "a", "interval": {"every": "8h"}, "start": FAR, "maxFires": 2},
                {"name": "once", "at": "2150-01-01T12:00:00+01:00"},
                {"name": "nobody", "manual": True},
            )
        ]
    )
    fires = caller.next_fires(count=6)
    assert [(fire.time.ToJsonString(), fire.trigger) for fire in fires] == [
        ("2150-01-01T00:00:00Z", "a"),
        ("2150-01-01T00:00:00Z", "z"),
        ("2150-01-01T08:00:00Z", "a"),
        ("2150-01-01T11:00:00Z", "once"),
        ("2150-01-01T12:00:00Z", "z"),
        ("2150-01-02T00:00:00Z", "z"),
    ]
    assert {(fire.time_zone, fire.remark) for fire in fires} == {("UTC", "")}


def test_next_fires_say_what_a_clock_change_does_to_them(caller: Caller) -> None:
    berlin = {"timeZone": "Europe/Berlin", "start": "2150-03-28T00:00:00Z"}
    caller.apply([caller.job({"name": "t", "cron": "0 30 2 * * ?", **berlin})])
    first, change, last = caller.next_fires(count=3)
    assert [fire.time.ToJsonString() for fire in (first, change, last)] == [
        "2150-03-28T01:30:00Z",
        "2150-03-29T01:00:00Z",
        "2150-03-30T00:30:00Z",
    ]
    assert (first.time_zone, first.remark, last.remark) == ("Europe/Berlin", "", "")
    assert change.remark == ("02:30 does not exist that day (clocks go forward 02:00 -> 03:00): fires at 03:00")
    caller.apply([caller.job({"name": "t", "cron": "0 30 2 * * ?", "gap": "skip", **berlin})])
    first, second = caller.next_fires(count=2)
    assert second.time.ToJsonString() == "2150-03-30T00:30:00Z"
    assert "02:30 does not exist on 2150-03-29" in second.remark and second.remark.endswith("no fire")
    daily = {"daily": {"every": "30m", "from": "02:30", "to": "03:00"}, **berlin}
    caller.apply([caller.job({"name": "t", **daily})])
    remarks = {fire.time.ToJsonString(): fire.remark for fire in caller.next_fires(count=4)}
    assert "clocks go forward" in remarks["2150-03-29T01:00:00Z"]


def test_next_fires_say_how_much_later_jitter_makes_them(caller: Caller) -> None:
    caller.apply([caller.job({"name": "t", "interval": {"every": "1h"}, "start": FAR, "jitter": "30m"})])
    fires = caller.next_fires(count=20)
    assert [fire.time.ToDatetime().minute for fire in fires] == [0] * 20
    remarks = [fire.remark for fire in fires]
    assert all(remark.startswith("jitter: ") and remark.endswith(" later") for remark in remarks)
    assert len(set(remarks)) > 10
    assert [fire.remark for fire in caller.next_fires(count=20)] == remarks


def test_next_fires_are_as_many_as_asked_for_and_none_later(caller: Caller) -> None:
    caller.apply([caller.job({"name": "t", "interval": {"every": "1s"}, "start": FAR})])
    assert len(caller.next_fires()) == 10
    assert len(caller.next_fires(count=10_000)) == 10_000
    assert caller.times(until=seconds(FAR)) == [FAR]
    assert caller.times(until=seconds("2149-12-31T23:59:59Z")) == []
    assert len(caller.next_fires(until=seconds("2150-01-01T00:01:00Z"))) == 61
    assert len(caller.next_fires(until=seconds("2150-01-01T00:01:00Z"), count=7)) == 7
    assert len(caller.next_fires(until=seconds("2151-01-01T00:00:00Z"))) == 10_000


def test_next_fires_of_a_paused_job_are_those_if_it_were_resumed_now(caller: Caller) -> None:
    manifest = caller.job(
        {"name": "cron", "cron": "0 0 3 1 1 ?", "start": FAR},
        {"name": "few", "interval": {"every": "1h"}, "start": FAR, "maxFires": 1},
        {"name": "delay", "after": "1h"},
        {"name": "nobody", "manual": True},
        paused=True,
    )
    caller.apply([manifest])
    request = NextFiresRequest(namespace=caller.namespace, name="it", count=3)
    answer = caller.cluster.client.unary("JobService/NextFires", request, NextFiresResponse)
    assert answer.state == "paused"
    assert [(fire.trigger, fire.time.ToJsonString()) for fire in answer.fires] == [
        ("few", FAR),
        ("cron", "2150-01-01T03:00:00Z"),
        ("cron", "2151-01-01T03:00:00Z"),
    ]
    caller.resume()
    (delay, *others) = caller.next_fires(count=4)
    assert delay.trigger == "delay"  # as it is known now: of those behind it nothing is
    assert others == list(answer.fires)


def test_h_stays_where_it_is(caller: Caller) -> None:
    trigger = {"name": "t", "cron": "H H H * * ?", "start": FAR}
    caller.apply([caller.job(trigger), caller.job(trigger, name="other")])
    times, others = caller.times(), caller.times("other")
    assert times != others
    assert len({time[-10:] for time in times}) == 1  # the same time of day
    caller.apply([caller.job(trigger, description="edited")])
    assert caller.times() == times
    caller.pause()
    assert caller.times() == times
    caller.resume()
    assert caller.times() == times


def test_a_run_takes_the_parameters_of_a_trigger(caller: Caller) -> None:
    trigger = {"name": "full", "manual": True, "params": {"mode": "full", "depth": 1}}
    caller.apply([caller.job(trigger, params={"mode": "quick", "region": "eu"})])
    request = RunJobRequest(
        request_id=new_request_id(), namespace=caller.namespace, name="it", trigger="full", wait=True
    )
    request.params.update({"depth": 2})
    ran = caller.cluster.client.unary("JobService/Run", request, RunJobResponse).execution
    assert (ran.state, ran.origin, ran.trigger) == ("succeeded", "manual", "full")
    assert plain(ran.params) == {"mode": "full", "depth": 2, "region": "eu"}
    (listed,) = caller.executions()
    assert listed.trigger == "full"
    unknown = RunJobRequest(namespace=caller.namespace, name="it", trigger="fool")
    with pytest.raises(NotFound, match="has no trigger 'fool'"):
        caller.cluster.client.unary("JobService/Run", unknown, RunJobResponse)


def test_what_fell_into_a_pause_is_run_when_it_is_to_be_caught_up(caller: Caller) -> None:
    jobs = {name: caller.job({"name": "t", "interval": {"every": "1s"}}, name=name) for name in ("left", "caught")}
    for job in jobs.values():
        job["spec"]["paused"] = True
    caller.apply(list(jobs.values()))
    paused = caller.get("left").status.updated.ToNanoseconds()

    def now() -> int:
        return caller.cluster.client.unary("ClusterService/Status", StatusRequest(), ClusterStatus).time.ToNanoseconds()

    eventually(lambda: now() > paused + 2_000_000_000, 20, "two fires fell into the pause")
    resumed = {
        "left": caller.resume("left").status.updated.ToNanoseconds(),
        "caught": caller.resume("caught", catch_up=True).status.updated.ToNanoseconds(),
    }
    first = {name: eventually(partial(caller.executions, name), 20, f"{name} has run")[-1] for name in jobs}
    assert first["left"].scheduled_time.ToNanoseconds() > resumed["left"]
    assert paused < first["caught"].scheduled_time.ToNanoseconds() <= resumed["caught"]
    assert first["caught"].missed.count >= 2
    for name in jobs:
        caller.pause(name)


def test_the_due_times_of_a_trigger_are_counted(caller: Caller) -> None:
    caller.apply([caller.job({"name": "t", "interval": {"every": "1s"}, "maxFires": 2})])
    eventually(lambda: caller.get().status.state == "completed", 20, "it is over")
    (status,) = caller.get().status.triggers
    assert (status.fires, status.HasField("next_fire")) == (2, False)
    assert caller.next_fires() == []
