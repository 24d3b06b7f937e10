"""Expressions as values, and the examples that explain the rules."""

import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest

from scheduler.cron import CronExpression, Gap, Overlap, parse, zone


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0 0 12 * * ?", "0 0 12 * * ?"),
        ("  00 0\t12  1-31 JAN-DEC  ? * ", "0 0 12 * * ?"),
        ("0 0 12 ? * 1-7", "0 0 12 * * ?"),
        ("0 0 12 ? * *", "0 0 12 * * ?"),
        ("0 0 12 * * ? 1970-2199", "0 0 12 * * ?"),
        ("0/15 */1 /6 */5 */3 ?", "*/15 * */6 */5 */3 ?"),
        ("0 0,15,30,45 * * * ?", "0 */15 * * * ?"),
        ("0 0,30 * * * ?", "0 0,30 * * * ?"),
        ("0 5/20 8-18/2 * * ?", "0 5/20 8-18/2 * * ?"),
        ("0 0 22-2 * * ?", "0 0 22-2 * * ?"),
        ("0 0 23-0 * * ?", "0 0 0,23 * * ?"),
        ("0 0 22-3/2 * * ?", "0 0 0,2,22 * * ?"),
        ("0 0 0 30-2 NOV-feb ?", "0 0 0 30-2 11-2 ?"),
        ("0 0 0 ? 7/6 mon-Fri", "0 0 0 ? 7 MON-FRI"),
        ("0 0 0 ? * FRI-MON", "0 0 0 ? * FRI-MON"),
        ("0 0 0 ? * 7,1", "0 0 0 ? * SUN,SAT"),
        ("0 0 0 ? * MON/2", "0 0 0 ? * MON,WED,FRI"),
        ("0 0 0 1 1 ? 2170/10,2199", "0 0 0 1 1 ? 2170,2180,2190,2199"),
        ("3,1,2,2 0 0 1-3,2-5 * ?", "1-3 0 0 1-5 * ?"),
        ("0 0 0 l * ?", "0 0 0 L * ?"),
        ("0 0 0 L-0 * ?", "0 0 0 L * ?"),
        ("0 0 0 L-03 * ?", "0 0 0 L-3 * ?"),
        ("0 0 0 lw * ?", "0 0 0 LW * ?"),
        ("0 0 0 L-0W * ?", "0 0 0 LW * ?"),
        ("0 0 0 L-3w * ?", "0 0 0 L-3W * ?"),
        ("0 0 0 015W * ?", "0 0 0 15W * ?"),
        ("0 0 0 L,LW,15W,1,2,3,L-3,L-3W,1W * ?", "0 0 0 1-3,1W,15W,L,L-3,LW,L-3W * ?"),
        ("0 0 0 *,15W,L * ?", "0 0 0 * * ?"),
        ("0 0 0 ? * L", "0 0 0 ? * SAT"),
        ("0 0 0 ? * l,MON", "0 0 0 ? * MON,SAT"),
        ("0 0 0 ? * 6L", "0 0 0 ? * FRIL"),
        ("0 0 0 ? * fril,1l", "0 0 0 ? * SUNL,FRIL"),
        ("0 0 0 ? * 6#3", "0 0 0 ? * FRI#3"),
        ("0 0 0 ? * fri#05,MON#1,SUN#1", "0 0 0 ? * SUN#1,MON#1,FRI#5"),
        ("0 0 0 ? * MON#1,MONL,MON,TUE#1", "0 0 0 ? * MON,TUE#1"),
        ("0 0 0 ? * *,MON#1", "0 0 0 * * ?"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(text) == parse(canonical)


def test_a_set_too_long_to_list_keeps_its_words() -> None:
    expression = parse("0 0 0 1 1 ?  */2,*/3,*/5")
    assert str(expression) == "0 0 0 1 1 ? */2,*/3,*/5"
    assert parse(str(expression)) == expression
    hashed = parse("0 H H/2 1 1 */7 */2,*/3,*/5", key="default/report", days="and")
    assert str(hashed) == "DAYS=and 0 28 1-23/2 1 1 */7 */2,*/3,*/5"
    assert parse(str(hashed)) == hashed


def test_an_expression_is_a_value() -> None:
    expression = parse("0 0 12 ? * MON-FRI")
    assert expression == parse("0 0 12 ? * 2-6")
    assert expression != parse("0 0 12 ? * 1-5")
    assert len({expression, parse("0 0 12 ? * 2-6")}) == 1
    assert repr(expression) == "parse('0 0 12 ? * MON-FRI')"
    assert pickle.loads(pickle.dumps(expression)) == expression
    with pytest.raises(AttributeError):
        expression.text = "other"  # type: ignore[misc]  # frozen: that is what is tested


# zone | expression | after | gap | overlap | fires
_EXAMPLES = """
Europe/Berlin | 0 30 2 * * ? | 2026-03-28T12:00 | after | first | 2026-03-29T01:00 2026-03-30T00:30
Europe/Berlin | 0 30 2 * * ? | 2026-03-28T12:00 | skip | first | 2026-03-30T00:30
Europe/Berlin | 0 0/10 2 * * ? | 2026-03-28T12:00 | after | first | 2026-03-29T01:00 2026-03-30T00:00
Europe/Berlin | 0 30 2 * * ? | 2026-10-24T12:00 | after | first | 2026-10-25T00:30 2026-10-26T01:30
Europe/Berlin | 0 30 2 * * ? | 2026-10-24T12:00 | after | second | 2026-10-25T01:30 2026-10-26T01:30
Europe/Berlin | 0 30 2 * * ? | 2026-10-24T12:00 | after | both | 2026-10-25T00:30 2026-10-25T01:30
Europe/Berlin | 0 */30 * * * ? | 2026-10-25T00:00 | skip | second | 2026-10-25T00:30 2026-10-25T01:00
Europe/Berlin | 0 30 0-23 * * ? | 2026-03-29T00:00 | after | first | 2026-03-29T00:30 2026-03-29T01:30
Australia/Lord_Howe | 0 15 2 * * ? | 2026-10-03T00:00 | after | first | 2026-10-03T15:30
America/Havana | 0 0 0 * * ? | 2026-03-07T12:00 | after | first | 2026-03-08T05:00
America/Santiago | 0 30 23 * * ? | 2026-04-04T12:00 | after | first | 2026-04-05T02:30 2026-04-06T03:30
America/St_Johns | 0 30 0 * * ? | 2011-03-12T12:00 | after | first | 2011-03-13T03:31
Pacific/Apia | 0 0 12 30 12 ? | 2011-01-01T00:00 | after | first | 2012-12-29T22:00
Antarctica/Casey | 0 0 3 * * ? | 2009-10-17T12:00 | after | first | 2009-10-18T16:00
Antarctica/Casey | 0 30 23 * * ? | 2010-03-04T00:00 | after | first | 2010-03-04T12:30 2010-03-05T15:30
Antarctica/Casey | 0 30 23 * * ? | 2010-03-04T00:00 | after | second | 2010-03-04T15:30 2010-03-05T15:30
UTC | 0 0 0 29 2 ? | 2096-03-01T00:00 | after | first | 2104-02-29T00:00
Europe/Berlin | 59 59 23 31 12 ? 2199 | 1970-01-01T00:00 | after | first | 2199-12-31T22:59:59
UTC | 0 0 0 L 2 ? | 2026-03-01T00:00 | after | first | 2027-02-28T00:00 2028-02-29T00:00
UTC | 0 0 0 L-30 * ? | 2026-03-02T00:00 | after | first | 2026-05-01T00:00 2026-07-01T00:00
UTC | 0 0 0 LW * ? | 2026-05-01T00:00 | after | first | 2026-05-29T00:00 2026-06-30T00:00
UTC | 0 0 0 1W * ? | 2026-07-02T00:00 | after | first | 2026-08-03T00:00 2026-09-01T00:00
UTC | 0 0 0 31W * ? | 2026-05-01T00:00 | after | first | 2026-05-29T00:00 2026-07-31T00:00
UTC | 0 0 0 L-1W * ? | 2026-05-01T00:00 | after | first | 2026-05-29T00:00 2026-06-29T00:00
UTC | 0 0 0 ? * MON#5 | 2026-01-01T00:00 | after | first | 2026-03-30T00:00 2026-06-29T00:00
UTC | 0 0 0 ? * THUL | 2026-01-01T00:00 | after | first | 2026-01-29T00:00 2026-02-26T00:00
UTC | 0 0 0 ? 2 6#5 | 2026-01-01T00:00 | after | first | 2036-02-29T00:00 2064-02-29T00:00
UTC | 0 0 0 ? 2 6#5 | 2064-03-01T00:00 | after | first | 2092-02-29T00:00 2104-02-29T00:00
UTC | DAYS=and 0 0 0 13 * FRI | 2026-01-01T00:00 | after | first | 2026-02-13T00:00 2026-03-13T00:00
UTC | DAYS=or 0 0 0 13 * FRI | 2026-01-10T00:00 | after | first | 2026-01-13T00:00 2026-01-16T00:00
UTC | DAYS=and 0 0 0 29 2 MON | 2026-01-01T00:00 | after | first | 2044-02-29T00:00 2072-02-29T00:00
Pacific/Kiritimati | 0 0 0 1 1 ? 2199 | 1900-01-01T00:00 | after | first | 2198-12-31T10:00
"""


@pytest.mark.parametrize("example", _EXAMPLES.strip().splitlines())
def test_examples(example: str) -> None:
    name, text, after, gap, overlap, fires = example.split(" | ")
    found = []
    at: datetime | None = _utc(after)
    for _ in fires.split():
        assert at is not None
        at = parse(text).next_after(at, zone(name), cast(Gap, gap), cast(Overlap, overlap))
        found.append(at)
    assert found == [_utc(fire) for fire in fires.split()]


def test_the_fire_before() -> None:
    expression = parse("0 30 2 * * ?")
    berlin = zone("Europe/Berlin")

    def before(text: str, gap: Gap = "after", overlap: Overlap = "first") -> datetime | None:
        return expression.previous_before(_utc(text), berlin, gap, overlap)

    assert before("2026-03-29T01:00:01") == _utc("2026-03-29T01:00")
    assert before("2026-03-29T01:00:00.000001") == _utc("2026-03-29T01:00")
    assert before("2026-03-29T01:00:00") == _utc("2026-03-28T01:30")
    assert before("2026-03-29T12:00", gap="skip") == _utc("2026-03-28T01:30")
    assert before("2026-10-25T12:00") == _utc("2026-10-25T00:30")
    assert before("2026-10-25T12:00", overlap="second") == _utc("2026-10-25T01:30")
    assert before("2026-10-25T01:30", overlap="both") == _utc("2026-10-25T00:30")
    assert before("1970-01-01T01:30") is None
    assert before("1970-01-01T01:30:01") == _utc("1970-01-01T01:30")


def test_an_instant_of_any_zone_is_taken_and_utc_is_given() -> None:
    expression = parse("0 0 12 * * ?")
    berlin = zone("Europe/Berlin")
    answers = {
        expression.next_after(instant, berlin)
        for instant in (
            datetime(2026, 7, 1, 9, 59, 59, tzinfo=UTC),
            datetime(2026, 7, 1, 11, 59, 59, tzinfo=berlin),
            datetime(2026, 7, 1, 4, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-5))),
        )
    }
    assert answers == {_utc("2026-07-01T10:00")}
    assert all(answer is not None and answer.tzinfo is UTC for answer in answers)


def test_the_ends_of_time() -> None:
    every_second = parse("* * * * * ?")
    west, east = zone("Pacific/Pago_Pago"), zone("Pacific/Kiritimati")
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert every_second.next_after(first, zone("UTC")) == _utc("1970-01-01T00:00")
    assert every_second.next_after(last, zone("UTC")) is None
    assert every_second.next_after(_utc("2199-12-31T23:59:58"), zone("UTC")) == _utc("2199-12-31T23:59:59")
    assert every_second.next_after(_utc("2199-12-31T23:59:59"), zone("UTC")) is None
    assert every_second.next_after(_utc("2200-01-01T10:59:58"), west) == _utc("2200-01-01T10:59:59")
    assert every_second.next_after(_utc("2199-12-31T09:59:59"), east) is None
    assert parse("0 0 0 1 1 ? 2020").next_after(_utc("2020-01-01T00:00"), zone("UTC")) is None
    assert every_second.previous_before(first, zone("UTC")) is None
    assert every_second.previous_before(_utc("1970-01-01T00:00:01"), zone("UTC")) == _utc("1970-01-01T00:00")
    assert every_second.previous_before(_utc("1970-01-01T00:00"), zone("UTC")) is None
    assert every_second.previous_before(last, zone("UTC")) == _utc("2199-12-31T23:59:59")
    assert every_second.previous_before(last, west) == _utc("2200-01-01T10:59:59")
    assert parse("0 0 0 1 1 ? 2020").previous_before(_utc("2020-01-01T00:00"), zone("UTC")) is None
    assert not every_second.matches(_utc("1969-12-31T23:59:59"), zone("UTC"))


def test_fires_are_between_its_bounds() -> None:
    expression = parse("0 0/20 9 * * ?")
    utc = zone("UTC")
    day = [_utc("2026-01-01T09:00"), _utc("2026-01-01T09:20"), _utc("2026-01-01T09:40")]
    micro = timedelta(microseconds=1)
    assert list(expression.fires(day[0], day[2], utc)) == [day[1]]
    assert list(expression.fires(day[0] - micro, day[2] + micro, utc)) == day
    assert list(expression.fires(day[2], day[0], utc)) == []


def _calls(expression: CronExpression, instant: datetime, **policies: Any) -> list[Any]:
    utc = zone("UTC")
    return [
        lambda: expression.next_after(instant, utc, **policies),
        lambda: expression.previous_before(instant, utc, **policies),
        lambda: expression.matches(instant, utc, **policies),
        lambda: expression.fires(instant, instant, utc, **policies),
    ]


def test_a_naive_instant_or_an_unknown_policy_is_refused() -> None:
    expression = parse("0 0 12 * * ?")
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - naive on purpose
    for call in _calls(expression, naive):
        with pytest.raises(ValueError, match="needs an offset or a zone: 2026-01-01T00:00:00 has none"):
            call()
    for call in _calls(expression, _utc("2026-01-01T00:00"), gap="later"):
        with pytest.raises(ValueError, match="gap: 'later' is not one of after, skip"):
            call()
    for call in _calls(expression, _utc("2026-01-01T00:00"), overlap="third"):
        with pytest.raises(ValueError, match="overlap: 'third' is not one of first, second, both"):
            call()
