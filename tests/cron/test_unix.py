"""Five fields mean what they mean to cron; six or seven what they mean to Quartz."""

import pytest

from scheduler.cron import CronError, DayMode, parse, to_quartz


@pytest.mark.parametrize(
    ("unix", "canonical"),
    [
        ("* * * * *", "0 * * * * ?"),
        ("*/5 9-17 * * 1-5", "0 */5 9-17 ? * MON-FRI"),
        ("0 0 * * 0", "0 0 0 ? * SUN"),
        ("0 0 * * 7", "0 0 0 ? * SUN"),
        ("0 0 * * 0,7", "0 0 0 ? * SUN"),
        ("0 0 * * 0-7", "0 0 0 * * ?"),
        ("0 0 * * 5-7", "0 0 0 ? * FRI-SUN"),
        ("0 0 * * 6-1", "0 0 0 ? * SAT-MON"),
        ("0 0 * * 7-2", "0 0 0 ? * SUN-TUE"),
        ("0 0 * * 6-2/2", "0 0 0 ? * MON,SAT"),
        ("0 0 * * */2", "0 0 0 ? * SUN,TUE,THU,SAT"),
        ("0 0 * * mon/2", "0 0 0 ? * MON,WED,FRI"),
        ("0 0 * * 7/2", "0 0 0 ? * SUN,TUE,THU,SAT"),
        ("0 0 * jan-Mar sun,SAT", "0 0 0 ? 1-3 SUN,SAT"),
        ("0 0 * * 5#3", "0 0 0 ? * FRI#3"),
        ("0 0 * * 7#1,0L", "0 0 0 ? * SUN#1,SUNL"),
        ("0 0 L * *", "0 0 0 L * ?"),
        ("0 0 1,15W,LW * *", "0 0 0 1,15W,LW * ?"),
        ("5/15 * * * *", "0 5/15 * * * ?"),
        # both day fields: either, unless one begins with a star
        ("0 0 13 * 5", "DAYS=or 0 0 0 13 * FRI"),
        ("0 0 1,15 * 5#1", "DAYS=or 0 0 0 1,15 * FRI#1"),
        ("0 0 */2 * 1", "DAYS=and 0 0 0 */2 * MON"),
        ("0 0 */2,4 * 1", "DAYS=and 0 0 0 1,3-5,7,9,11,13,15,17,19,21,23,25,27,29,31 * MON"),
        ("0 0 13 * */2", "DAYS=and 0 0 0 13 * SUN,TUE,THU,SAT"),
        ("0 0 */1 * 1", "0 0 0 ? * MON"),
        ("0 0 1-31 * 1", "0 0 0 * * ?"),
        ("0 0 13 * 0-6", "0 0 0 * * ?"),
        ("0 0 13 * *", "0 0 0 13 * ?"),
        # macros
        ("@yearly", "0 0 0 1 1 ?"),
        ("@annually", "0 0 0 1 1 ?"),
        ("@monthly", "0 0 0 1 * ?"),
        ("@weekly", "0 0 0 ? * SUN"),
        ("@daily", "0 0 0 * * ?"),
        (" @Midnight\t", "0 0 0 * * ?"),
        ("@hourly", "0 0 * * * ?"),
    ],
)
def test_unix(unix: str, canonical: str) -> None:
    assert str(parse(unix)) == canonical
    assert parse(canonical) == parse(unix)


@pytest.mark.parametrize(
    ("text", "days", "canonical"),
    [
        ("0 0 0 13 * FRI", "and", "DAYS=and 0 0 0 13 * FRI"),
        ("0 0 0 13 * FRI", "or", "DAYS=or 0 0 0 13 * FRI"),
        ("0 0 0 L-3,1W * 2#1,FRIL", "or", "DAYS=or 0 0 0 1W,L-3 * MON#1,FRIL"),
        ("0 0 0 13 * *", "or", "0 0 0 13 * ?"),
        ("0 0 0 13 * ?", "or", "0 0 0 13 * ?"),
        ("0 0 0 * * FRI", "or", "0 0 0 ? * FRI"),
        ("0 0 0 ? * FRI", "and", "0 0 0 ? * FRI"),
        ("0 0 0 * * *", "and", "0 0 0 * * ?"),
        ("0 0 0 * * *", "or", "0 0 0 * * ?"),
        ("0 0 0 1-31 * FRI", "and", "0 0 0 ? * FRI"),
        ("0 0 0 1-31 * FRI", "or", "0 0 0 * * ?"),
        ("0 0 0 13 * 1-7", "and", "0 0 0 13 * ?"),
        ("0 0 0 13 * 1-7", "or", "0 0 0 * * ?"),
        ("0 0 13 * 5", "and", "DAYS=and 0 0 0 13 * FRI"),
        ("0 0 */2 * 1", "or", "DAYS=or 0 0 0 */2 * MON"),
        ("DAYS=and 0 0 0 13 * FRI", "and", "DAYS=and 0 0 0 13 * FRI"),
        ("days=AND 0 0 13 * 5", None, "DAYS=and 0 0 0 13 * FRI"),
        ("DAYS=or @daily", None, "0 0 0 * * ?"),
    ],
)
def test_both_day_fields_when_told_how(text: str, days: DayMode | None, canonical: str) -> None:
    expression = parse(text, days=days)
    assert str(expression) == canonical
    assert parse(canonical) == expression
    assert parse(expression.text) == expression


def test_days_said_twice_and_differently() -> None:
    with pytest.raises(CronError, match="DAYS=and contradicts the 'or' that is given beside it"):
        parse("DAYS=and 0 0 0 13 * FRI", days="or")


def test_days_of_another_kind() -> None:
    with pytest.raises(ValueError, match="days: 'xor' is not one of and, or") as caught:
        parse("0 0 0 13 * FRI", days="xor")  # type: ignore[arg-type]  # that is what is tested
    assert not isinstance(caught.value, CronError)


def test_the_two_kinds_count_weekdays_differently() -> None:
    assert parse("0 0 * * 1") == parse("0 0 0 ? * 2") == parse("0 0 0 ? * MON")
    assert str(parse("0 0 0 ? * 1")) == "0 0 0 ? * SUN"


@pytest.mark.parametrize(
    ("text", "quartz"),
    [
        ("*/5 9-17 * * 1-5", "0 */5 9-17 ? * MON-FRI"),
        ("0 0 * * 7", "0 0 0 ? * SUN"),
        ("@hourly", "0 0 * * * ?"),
        ("0 0 L * *", "0 0 0 L * ?"),
        ("0 0 * * 5#3", "0 0 0 ? * FRI#3"),
        ("0 0 12 ? * 2-6 2030", "0 0 12 ? * MON-FRI 2030"),
    ],
)
def test_to_quartz(text: str, quartz: str) -> None:
    assert to_quartz(parse(text)) == quartz
    assert parse(quartz) == parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "0 0 13 * 5",
            "Quartz cannot ask a day to match day-of-month or day-of-week; it needs 2 triggers, "
            "which both fire on a day of both: '0 0 0 13 * ?' and '0 0 0 ? * FRI'",
        ),
        ("0 0 */2 * 1", "Quartz cannot ask a day to match day-of-month and day-of-week at once"),
        (
            "0 0 1,15W,L * *",
            "Quartz has no lists with L, W or #; it needs 3 triggers, which both fire on a day of both: "
            "'0 0 0 1 * ?' and '0 0 0 15W * ?' and '0 0 0 L * ?'",
        ),
        ("0 0 * * 1#1,1#3", "Quartz has no lists with L, W or #; it needs 2 triggers"),
        ("0 0 * * 1#1,5L", "'0 0 0 ? * MON#1' and '0 0 0 ? * FRIL'"),
        ("0 0 LW,L-3W * *", "'0 0 0 LW * ?' and '0 0 0 L-3W * ?'"),
    ],
)
def test_what_quartz_cannot_say(text: str, reason: str) -> None:
    with pytest.raises(CronError) as caught:
        to_quartz(parse(text))
    assert reason in str(caught.value)
    assert text in str(caught.value)
