"""Bad expressions: the error names the field, the value, the place, and what would be right."""

from typing import NamedTuple

import pytest

from scheduler.cron import CronError, parse


class Bad(NamedTuple):
    text: str
    field: str | None
    value: str | None
    column: int | None
    message: str  # a part of it


_BAD = [
    # the whole
    Bad("", None, None, None, "it is empty"),
    Bad("   ", None, None, None, "it is empty"),
    Bad("\t", None, None, None, "it is empty"),
    Bad("* * * *", None, None, None, "got 4 of the six or seven fields; month is missing"),
    Bad("*", None, None, None, "got 1 of the six or seven fields; minutes is missing"),
    Bad("* * * * * * * *", None, "*", 15, "got 8 fields, six or seven are allowed"),
    Bad("0 0 0 * * ?" + " " * 246, None, None, None, "257 characters are more than 256"),
    Bad("0" * 10_001, None, None, None, "10001 characters are more than 256"),
    Bad("0 0 0 " + ",".join(["1"] * 10_000) + " * ?", None, None, None, "are more than 256"),
    # numbers out of range
    Bad("60 * * * * ?", "seconds", "60", 1, "60 is not in 0-59"),
    Bad("0 75 * * * ?", "minutes", "75", 3, "75 is not in 0-59"),
    Bad("0 0 25 * * ?", "hours", "25", 5, "25 is not in 0-23"),
    Bad("0 0 24 * * ?", "hours", "24", 5, "24 is not in 0-23"),
    Bad("0 0 0 0 * ?", "day-of-month", "0", 7, "0 is not in 1-31"),
    Bad("0 0 0 32 * ?", "day-of-month", "32", 7, "32 is not in 1-31"),
    Bad("0 0 0 1 13 ?", "month", "13", 9, "13 is not in 1-12"),
    Bad("0 0 0 ? * 0", "day-of-week", "0", 11, "0 is not in 1-7 (1 is SUN, 7 is SAT)"),
    Bad("0 0 0 ? * 8", "day-of-week", "8", 11, "8 is not in 1-7 (1 is SUN, 7 is SAT)"),
    Bad("0 0 0 * * ? 1969", "year", "1969", 13, "1969 is not in 1970-2199"),
    Bad("0 0 0 * * ? 2200", "year", "2200", 13, "2200 is not in 1970-2199"),
    Bad("0 0 0 * * ? 99", "year", "99", 13, "99 is not in 1970-2199"),
    Bad("0 0 0 * * ? 20x6", "year", "20x6", 13, "1970-2199 is allowed"),
    Bad("0 0 8-24 * * ?", "hours", "24", 7, "24 is not in 0-23"),
    Bad("0 0 24-8 * * ?", "hours", "24", 5, "24 is not in 0-23"),
    Bad("0 0 5,6,99 * * ?", "hours", "99", 9, "99 is not in 0-23"),
    Bad("0  0\t25 * * ?", "hours", "25", 6, "25 is not in 0-23"),
    Bad("9" * 200 + " * * * * ?", "seconds", "9" * 40 + "...", 1, "is not in 0-59"),
    # steps
    Bad("*/0 * * * * ?", "seconds", "0", 3, "0 is not a step; 1-59 is allowed"),
    Bad("*/00 * * * * ?", "seconds", "00", 3, "1-59 is allowed"),
    Bad("0/0 * * * * ?", "seconds", "0", 3, "1-59 is allowed"),
    Bad("0-9/0 * * * * ?", "seconds", "0", 5, "1-59 is allowed"),
    Bad("*/60 * * * * ?", "seconds", "60", 3, "1-59 is allowed"),
    Bad("0 0 */24 * * ?", "hours", "24", 7, "1-23 is allowed"),
    Bad("0 0 0 */32 * ?", "day-of-month", "32", 9, "1-31 is allowed"),
    Bad("0 0 0 1 */13 ?", "month", "13", 11, "1-12 is allowed"),
    Bad("0 0 0 ? * */8", "day-of-week", "8", 13, "1-7 is allowed"),
    Bad("*/99999999999999999999 * * * * ?", "seconds", "99999999999999999999", 3, "1-59 is allowed"),
    Bad("1-2/99999999999999999999 * * * * ?", "seconds", "99999999999999999999", 5, "1-59 is allowed"),
    Bad("*/ * * * * ?", "seconds", "*/", 1, "0-59 is allowed"),
    Bad("/ * * * * ?", "seconds", "/", 1, "0-59 is allowed"),
    Bad("*/5/5 * * * * ?", "seconds", "*/5/5", 1, "0-59 is allowed"),
    Bad("*/-5 * * * * ?", "seconds", "*/-5", 1, "0-59 is allowed"),
    Bad("*/1.5 * * * * ?", "seconds", "*/1.5", 1, "0-59 is allowed"),
    # lists and ranges
    Bad("0 0 0 1,,2 * ?", "day-of-month", "", 9, "an empty item is not allowed; 1-31 is, between commas"),
    Bad("0 0 0 ,1 * ?", "day-of-month", "", 7, "an empty item"),
    Bad("0 0 0 1, * ?", "day-of-month", "", 9, "an empty item"),
    Bad("0 0 0 , * ?", "day-of-month", "", 7, "an empty item"),
    Bad("0 -1 0 * * ?", "minutes", "-1", 3, "0-59 is allowed"),
    Bad("0 1- 0 * * ?", "minutes", "1-", 3, "0-59 is allowed"),
    Bad("0 - 0 * * ?", "minutes", "-", 3, "0-59 is allowed"),
    Bad("0 1-2-3 0 * * ?", "minutes", "1-2-3", 3, "0-59 is allowed"),
    Bad("0 *-5 0 * * ?", "minutes", "*-5", 3, "0-59 is allowed"),
    Bad("0 5-* 0 * * ?", "minutes", "5-*", 3, "0-59 is allowed"),
    Bad("0 ** 0 * * ?", "minutes", "**", 3, "0-59 is allowed"),
    Bad("0 *5 0 * * ?", "minutes", "*5", 3, "0-59 is allowed"),
    Bad("0 0 0 * * ? 2030-2020", "year", "2030-2020", 13, "runs backwards"),
    # names
    Bad("FOO 0 0 * * ?", "seconds", "FOO", 1, "is not a name here; 0-59 is allowed"),
    Bad("0 0 0 ? * MONDAYS", "day-of-week", "MONDAYS", 11, "1-7 or SUN-SAT is allowed"),
    Bad("0 0 0 1 JANU ?", "month", "JANU", 9, "1-12 or JAN-DEC is allowed"),
    Bad("0 0 0 1 MON ?", "month", "MON", 9, "1-12 or JAN-DEC is allowed"),
    Bad("0 0 0 ? * MON-FRY", "day-of-week", "FRY", 15, "1-7 or SUN-SAT is allowed"),
    Bad(
        "0 0 0 1 \u042f\u041d\u0412 ?",
        "month",
        "\\u042f",
        9,
        "(U+042F) is not ASCII; 1-12 or JAN-DEC is allowed",
    ),
    # characters
    Bad("0 0 0 * * ?\0", "day-of-week", "\\x00", 12, "(U+0000) is a control or format character"),
    Bad("0 0 0 * * ?\u202e", "day-of-week", "\\u202e", 12, "(U+202E) is a control or format character"),
    Bad("\ufeff0 0 0 * * ?", "seconds", "\\ufeff", 1, "(U+FEFF) is a control or format character"),
    Bad("0 0 \u200b0 * * ?", "hours", "\\u200b", 5, "(U+200B) is a control or format character"),
    Bad("0 0 0 * * ?\n", "day-of-week", "\\n", 12, "(U+000A) is a control or format character"),
    Bad("0 0 0\u00a0* * ? *", "hours", "\\xa0", 6, "(U+00A0) is a control or format character"),
    Bad("0 0 \u0661 * * ?", "hours", "\\u0661", 5, "(U+0661) is not ASCII; 0-23 is allowed"),
    Bad("0 0 \uff11 * * ?", "hours", "\\uff11", 5, "(U+FF11) is not ASCII"),
    Bad("0 0 \u00b2 * * ?", "hours", "\\xb2", 5, "(U+00B2) is not ASCII"),
    Bad("0 0 \ud800 * * ?", "hours", "\\ud800", 5, "(U+D800) is a control or format character"),
    Bad("0 0 0 * * ? 2026;", "year", "2026;", 13, "1970-2199 is allowed"),
    Bad("0 0 0 * * '?'", "day-of-week", "'?'", 11, "1-7 or SUN-SAT is allowed"),
    # the question mark
    Bad("0 0 0 ? * ?", "day-of-week", "?", 11, "cannot stand in both"),
    Bad("0 0 0 1 * 2", "day-of-week", "2", 11, "one of the two must be ?"),
    Bad("0 0 0 * * *", "day-of-week", "*", 11, "one of the two must be ?"),
    Bad("0 0 0 15 * *", "day-of-week", "*", 12, "one of the two must be ?"),
    Bad("? 0 0 * * ?", "seconds", "?", 1, "? is for day-of-month and day-of-week only; 0-59 is allowed"),
    Bad("0 0 0 1 ? ?", "month", "?", 9, "for day-of-month and day-of-week only"),
    Bad("0 0 0 ?,1 * ?", "day-of-month", "?", 7, "cannot be an item of a list"),
    Bad("0 0 0 ?/2 * ?", "day-of-month", "?/2", 7, "1-31 is allowed"),
    # never
    Bad("0 0 0 31 2 ?", "day-of-month", "31", 7, "31 never occurs in the months and years given"),
    Bad("0 0 0 31 2,4,6,9,11 ?", "day-of-month", "31", 7, "never occurs"),
    Bad("0 0 0 29 2 ? 2023", "day-of-month", "29", 7, "never occurs"),
    Bad("0 0 0 29 2 ? 2100", "day-of-month", "29", 7, "never occurs"),
    # not yet
    Bad("0 0 0 L * ?", "day-of-month", "L", 7, "uses L, which is not supported yet"),
    Bad("0 0 0 L-3 * ?", "day-of-month", "L-3", 7, "uses L, which is not supported yet"),
    Bad("0 0 0 1,lw * ?", "day-of-month", "lw", 9, "uses W, which is not supported yet"),
    Bad("0 0 0 15W * ?", "day-of-month", "15W", 7, "uses W, which is not supported yet"),
    Bad("0 0 0 ? * L", "day-of-week", "L", 11, "uses L, which is not supported yet"),
    Bad("0 0 0 ? * FRIL", "day-of-week", "FRIL", 11, "uses L, which is not supported yet"),
    Bad("0 0 0 ? * 6#3", "day-of-week", "6#3", 11, "uses #, which is not supported yet"),
    Bad("0 0 H * * ?", "hours", "H", 5, "uses H, which is not supported yet"),
    Bad("0 0 0 H(5-2) * ?", "day-of-month", "H(5-2)", 7, "uses H, which is not supported yet"),
    Bad("0 H/15 * * * ?", "minutes", "H/15", 3, "uses H, which is not supported yet"),
    Bad("0 0 * * *", None, None, None, "unix expressions are not supported yet"),
    Bad("@daily", None, "@daily", 1, "not supported yet"),
    Bad("CRON_TZ=Mars/Phobos 0 0 0 * * ?", None, "CRON_TZ=Mars/Phobos", 1, "not supported yet"),
]


@pytest.mark.parametrize("bad", _BAD, ids=[ascii(bad.text[:40]) for bad in _BAD])
def test_bad_input(bad: Bad) -> None:
    with pytest.raises(CronError) as caught:
        parse(bad.text)
    error = caught.value
    assert (error.field, error.value, error.column) == (bad.field, bad.value, bad.column)
    message = str(error)
    assert bad.message in message
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 600


def test_the_message_in_full() -> None:
    with pytest.raises(CronError) as caught:
        parse("0 0 25 * * ?")
    assert str(caught.value) == 'hours: 25 is not in 0-23 (column 5 of "0 0 25 * * ?")'
    assert caught.value.text == "0 0 25 * * ?"
