"""What is said of the fires of a daily window and of a calendar interval around clock changes."""

from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from scheduler.cron import remarked
from scheduler.schedules import wall_clock_of
from scheduler.schedules.wall_clock import WallClock

from .oracle import instant, schedule

_FORWARD = "clocks go forward 02:00 -> 03:00"
_BACK = "clocks go back 02:00 -> 01:00"
_SPRING, _AUTUMN = "2026-03-08T05:30:00Z", "2026-11-01T04:30:00Z"
_NIGHTLY: dict[str, Any] = {"calendarInterval": {"unit": "days", "from": "2026-01-01T02:30"}}


def clock(**trigger: Any) -> WallClock:
    found = wall_clock_of(schedule(**{"timeZone": "America/New_York", **trigger}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("trigger", "start", "expected"),
    [
        ({"daily": {"every": "90m"}}, _SPRING,
         ["01:30 None", "03:00 None", "04:30 None"]),
        ({"daily": {"every": "45m", "to": "05:00"}}, _SPRING,
         ["00:45 None", "01:30 None", f"03:00 02:15 does not exist that day ({_FORWARD}): fires at 03:00"]),
        ({"daily": {"every": "45m", "to": "05:00"}, "gap": "skip"}, _SPRING,
         ["00:45 None", "01:30 None", f"03:00 02:15 does not exist on 2026-03-08 ({_FORWARD}): no fire"]),
        ({"daily": {"every": "4h", "from": "22:00", "to": "06:00"}, "gap": "skip"}, _SPRING,
         [f"06:00 02:00 does not exist on 2026-03-08 ({_FORWARD}): no fire", "22:00 None"]),
        (_NIGHTLY, _SPRING,
         [f"03:00 02:30 does not exist that day ({_FORWARD}): fires at 03:00", "02:30 None"]),
        (_NIGHTLY | {"gap": "skip"}, _SPRING,
         [f"02:30 02:30 does not exist on 2026-03-08 ({_FORWARD}): no fire", "02:30 None"]),
        ({"calendarInterval": {"unit": "months", "from": "2026-01-08T02:30"}, "gap": "skip"}, _SPRING,
         [f"02:30 02:30 does not exist on 2026-03-08 ({_FORWARD}): no fire", "02:30 None"]),
        ({"daily": {"every": "3h", "from": "01:30"}, "overlap": "second"}, _AUTUMN,
         [f"01:30 01:30 occurs twice that day ({_BACK}): the second", "04:30 None"]),
        ({"daily": {"every": "1h"}}, _AUTUMN,
         ["01:00 None", f"01:00 repeated time ({_BACK})", "02:00 None"]),
    ],
)  # fmt: skip
def test_the_remarks_are_those_of_a_cron(trigger: dict[str, Any], start: str, expected: list[str]) -> None:
    wall = clock(**trigger)
    fires = islice(remarked(wall.walls, instant(start), wall.zone, wall.gap, wall.overlap), len(expected))
    assert [f"{fire.astimezone(wall.zone):%H:%M} {said}" for fire, said in fires] == expected


def test_why_a_schedule_has_no_fire_left() -> None:
    wall = clock(calendarInterval={"unit": "years", "every": 173, "from": "2027-03-14T02:30"}, gap="skip")
    now = datetime(2026, 8, 1, tzinfo=UTC)
    said = f"02:30 does not exist on 2027-03-14 ({_FORWARD}), and gap is skip"
    assert wall.next_after(now) is None
    assert wall.left_out(now) == said
    assert wall.left_out(instant("2028-01-01T00:00:00Z")) == ""
    again = clock(**_NIGHTLY, gap="skip")
    assert again.left_out(now) == ""
    assert again.left_out(instant("2027-03-13T12:00:00Z"), instant("2027-03-15T00:00:00Z")) == said
    assert again.left_out(instant("2027-03-13T12:00:00Z"), instant("2027-03-15T06:30:00Z")) == ""
