"""What executors and clients say, taken in; whatever they say, it is a value or a ValueError."""

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf import duration_pb2, struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from cronquorum.durations import LONGEST
from jobstore.model import Execution, TaskError
from jobstore.states import OUTCOMES, State
from schedapi.v1 import executor_service_pb2 as pb
from schedapi.v1 import job_pb2
from scheduler import definition_wire, wire
from scheduler.definitions import Definition
from scheduler.errors import InvalidJob, InvalidRequest
from tests.scheduler.building import NOW, cron, definition, execution

INT64 = st.integers(-(2**63), 2**63 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)


@settings(deadline=None)
@given(INT64, INT32)
def test_any_duration_is_within_what_a_date_can_bear(seconds: int, nanos: int) -> None:
    found = wire.seconds(duration_pb2.Duration(seconds=seconds, nanos=nanos))
    assert timedelta(0) <= found <= LONGEST + timedelta(seconds=3)
    assert NOW - found - found


@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=1.5), timedelta(days=3, microseconds=7)])
def test_a_duration_is_what_it_was(value: timedelta) -> None:
    message = duration_pb2.Duration()
    message.FromTimedelta(value)
    assert wire.seconds(message) == value


def outcome(state: str = "succeeded", **fields: Any) -> pb.Outcome:
    return pb.Outcome(state=state, **fields)


@pytest.mark.parametrize("state", sorted(OUTCOMES))
def test_an_outcome_is_dated_by_our_clock(state: str) -> None:
    message = outcome(state, exit_code=3, reason="exit")
    message.ended_age.FromTimedelta(timedelta(seconds=2))
    message.ran.FromTimedelta(timedelta(seconds=5))
    found = wire.outcome(message, NOW)
    assert (found.state, found.exit_code, found.reason) == (State(state), 3, "exit")
    assert found.ended == NOW - timedelta(seconds=2)
    assert found.started == NOW - timedelta(seconds=7)


def test_what_is_not_said_is_not_there() -> None:
    found = wire.outcome(outcome(), NOW)
    assert (found.started, found.ended, found.result, found.exit_code, found.error) == (None, NOW, None, None, None)


@pytest.mark.parametrize("state", ["", "running", "skipped", "pending", "exploded", "SUCCEEDED"])
def test_a_state_that_is_no_outcome_is_refused(state: str) -> None:
    with pytest.raises(ValueError, match=r"is no outcome|is not a valid State"):
        wire.outcome(outcome(state), NOW)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_result_that_json_cannot_say_is_refused(number: float) -> None:
    nested = struct_pb2.Value(list_value=struct_pb2.ListValue(values=[struct_pb2.Value(number_value=number)]))
    for value in (struct_pb2.Value(number_value=number), nested):
        with pytest.raises(ValueError, match=r"(?i)nan|infinity"):
            wire.outcome(outcome(result=value), NOW)


def test_a_result_that_is_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="its result has more than 65536 bytes"):
        wire.outcome(outcome(result=struct_pb2.Value(string_value="x" * (3 * wire.MAX_RESULT))), NOW)


def test_texts_of_an_executor_are_cut_and_are_without_nul() -> None:
    message = outcome("failed", reason="a\x00b" + "x" * 9000)
    message.error.type = "\x00" + "t" * 9000
    message.error.message = "m\x00" + "m" * 9000
    message.error.tail = "t" * 9000 + "\x00end"
    found = wire.outcome(message, NOW)
    assert isinstance(found.error, TaskError)
    texts = [found.reason, found.error.type, found.error.message, found.error.tail]
    assert [len(text) for text in texts] == [500, 200, wire.MAX_MESSAGE, wire.MAX_MESSAGE]
    assert not any("\x00" in text for text in texts)
    assert found.reason.startswith("a\ufffdb")
    assert found.error.tail.endswith("\ufffdend")


_leaves = st.none() | st.booleans() | st.floats() | st.text(max_size=5)
_inner = _leaves | st.lists(_leaves, max_size=3)
_values = _inner | st.lists(_inner, max_size=3) | st.dictionaries(st.text(max_size=3), _inner, max_size=3)


@settings(deadline=None)
@given(st.text(max_size=12) | st.sampled_from(sorted(OUTCOMES)), INT64, INT64, INT32, _values)
def test_no_outcome_raises_anything_but_a_value_error(
    state: str, age: int, ran: int, exit_code: int, result: Any
) -> None:
    message = outcome(state, exit_code=exit_code)
    message.ended_age.seconds = age
    message.ran.seconds = ran
    holder = struct_pb2.Struct()
    holder.update({"value": result})
    message.result.CopyFrom(holder.fields["value"])
    try:
        found = wire.outcome(message, NOW)
    except ValueError:
        return
    assert found.state in OUTCOMES
    assert found.started is None or found.started <= found.ended <= NOW


def test_parameters_that_json_cannot_say_are_refused() -> None:
    params = struct_pb2.Struct()
    params["a"] = float("nan")
    with pytest.raises(InvalidRequest, match="params: a parameter is NaN or infinite, which is not a JSON number"):
        wire.unstruct(params)
    with pytest.raises(InvalidJob, match="spec: a parameter is NaN or infinite, which is not a JSON number"):
        definition_wire.read_job(job_pb2.Job(spec=job_pb2.JobSpec(params=params)))
    assert definition_wire.read_job(job_pb2.Job()) == {}


@settings(deadline=None)
@given(st.text(max_size=40))
def test_a_text_is_an_id_or_it_is_none(text: str) -> None:
    found = wire.read_id(text)
    assert found is None or wire.read_id(str(found)) == found


def test_a_key_names_one_placement_in_all_its_parts() -> None:
    row = execution(state=State.DISPATCHED, executor_id="a", incarnation="i-1", attempt=2, placement=3)
    assert wire.key_matches(wire.key_of(row), row)
    for name, other in (("part", 1), ("attempt", 1), ("placement", 2), ("incarnation", "i-2")):
        key = wire.key_of(row)
        setattr(key, name, other)
        assert not wire.key_matches(key, row)


def order(row: Execution, plan: Definition) -> pb.Dispatch:
    return wire.order(row, wire.pattern(row, plan))


def test_a_dispatch_says_all_that_an_executor_needs() -> None:
    plan = definition(
        task={"python": {"callable": "a:b", "params": {"x": 1}}},
        params={"y": [True, None, {"z": "text"}]},
        triggers=[cron("t", params={"x": 2})],
        timeout="90s",
        idempotent=True,
    )
    row = execution(trigger="t", params={"w": 0.5}, executor_id="a", incarnation="i-1", placement=1)
    found = order(row, plan)
    assert found.key == wire.key_of(row)
    assert (found.namespace, found.job, found.trigger, found.origin) == ("default", "report", "t", "schedule")
    assert found.scheduled_time_ms == NOW.timestamp() * 1000
    assert found.task.python.callable == "a:b"
    assert wire.unstruct(found.params) == {"x": 2, "y": [True, None, {"z": "text"}], "w": 0.5}
    assert found.timeout.ToTimedelta() == timedelta(seconds=90)
    assert found.may_rerun
    assert not order(row, definition()).HasField("timeout")
