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
    Bad("* * * *", None, None, None, "got 4 fields: five are unix's (minutes hours day-of-month month"),
    Bad("*", None, None, None, "got 1 field: five are unix's"),
    Bad("* * * * * * * *", None, "*", 15, "got 8 fields, six or seven are allowed, or the five of unix"),
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
    Bad(
        "0 0 0 ? * 0", "day-of-week", "0", 11, "0 is not in 1-7 (1 is SUN, 7 is SAT), unlike in the five fields of unix"
    ),
    Bad("0 0 0 ? * 8", "day-of-week", "8", 11, "8 is not in 1-7 (1 is SUN, 7 is SAT), "),
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
    Bad("0 0 0 30W 2 ?", "day-of-month", "30W", 7, "30W never occurs"),
    Bad("0 0 0 L-30 4 ?", "day-of-month", "L-30", 7, "L-30 never occurs"),
    Bad("0 0 0 ? 2 MON#5 2023", "day-of-week", "MON#5", 11, "MON#5 never occurs in the months"),
    Bad("DAYS=and 0 0 0 1-7 * MON#2", "day-of-week", "MON#2", 22, "never occurs on a day-of-month of 1-7"),
    Bad("DAYS=or 0 0 0 31 2 MON#5 2023", "day-of-week", "MON#5", 20, "never occurs in the months"),
    Bad("0 0 31 2 *", "day-of-month", "31", 5, "31 never occurs"),
    # L and W
    Bad("0 0 0 L-31 * ?", "day-of-month", "31", 9, "31 is not in 0-30, the days before the last"),
    Bad("0 0 0 L-40 * ?", "day-of-month", "40", 9, "40 is not in 0-30"),
    Bad("0 0 0 L-40W * ?", "day-of-month", "40", 9, "40 is not in 0-30"),
    Bad("0 0 0 L--1 * ?", "day-of-month", "L--1", 7, "is not L, LW, L-n or L-nW with n in 0-30"),
    Bad("0 0 0 L-0W1 * ?", "day-of-month", "L-0W1", 7, "with n in 0-30"),
    Bad("0 0 0 1,LL * ?", "day-of-month", "LL", 9, "with n in 0-30"),
    Bad("0 0 0 LW-3 * ?", "day-of-month", "LW-3", 7, "with n in 0-30"),
    Bad("0 0 0 L/2 * ?", "day-of-month", "L/2", 7, "with n in 0-30"),
    Bad("0 0 0 1L * ?", "day-of-month", "1L", 7, "is for day-of-week, as in FRIL; here L is the month's last day"),
    Bad("0 0 0 FRIL * ?", "day-of-month", "FRIL", 7, "is for day-of-week"),
    Bad("0 0 0 1-L * ?", "day-of-month", "1-L", 7, "cannot end in L; write 1-31: days that a month lacks are left"),
    Bad("0 0 0 1,25-l * ?", "day-of-month", "25-l", 9, "cannot end in L; write 25-31"),
    Bad("0 0 0 32-L * ?", "day-of-month", "32", 7, "32 is not in 1-31"),
    Bad("0 0 0 XL * ?", "day-of-month", "XL", 7, "XL is not a name here; 1-31 is allowed"),
    Bad("0 0 0 ? * L-3", "day-of-week", "L-3", 11, "is for day-of-month; a weekday is as in FRI, FRIL (the last one)"),
    Bad("0 0 0 ? * LW", "day-of-week", "LW", 11, "is for day-of-month"),
    Bad("0 0 0 ? * SUN,15W", "day-of-week", "15W", 15, "is for day-of-month; a weekday is as in FRI"),
    Bad("0 0 0 ? * 2-L", "day-of-week", "2-L", 11, "is not a range; L is for one weekday, as in FRIL, the last"),
    Bad("0 0 0 ? * MON-FRIL", "day-of-week", "MON-FRIL", 11, "L is for one weekday"),
    Bad("0 0 * * L-3", "day-of-week", "L-3", 9, "is for day-of-month"),
    Bad("0 0 0 W * ?", "day-of-month", "W", 7, "is not nW with n in 1-31"),
    Bad("0 0 0 1-5W * ?", "day-of-month", "1-5W", 7, "W is for one day, as in 15W or LW"),
    Bad("0 0 0 0W * ?", "day-of-month", "0", 7, "0 is not in 1-31"),
    Bad("0 0 0 1,32W * ?", "day-of-month", "32", 9, "32 is not in 1-31"),
    Bad("0 0 L * * ?", "hours", "L", 5, "L is not a name here; 0-23 is allowed"),
    Bad("0 0 15W * * ?", "hours", "15W", 5, "0-23 is allowed"),
    Bad("0 0 0 ? * 8L", "day-of-week", "8", 11, "8 is not in 1-7"),
    Bad("0 0 0 ? * FOOL", "day-of-week", "FOO", 11, "1-7 or SUN-SAT is allowed"),
    # the nth
    Bad("0 0 0 ? * MON#6", "day-of-week", "6", 15, "6 is not in 1-5, which of these weekdays in the month"),
    Bad("0 0 0 ? * MON#0", "day-of-week", "0", 15, "0 is not in 1-5"),
    Bad("0 0 0 ? * 8#1", "day-of-week", "8", 11, "8 is not in 1-7"),
    Bad("0 0 0 ? * 0#1", "day-of-week", "0", 11, "0 is not in 1-7"),
    Bad("0 0 0 ? * FOO#1", "day-of-week", "FOO", 11, "1-7 or SUN-SAT is allowed"),
    Bad("0 0 0 ? * MON#", "day-of-week", "MON#", 11, "is not weekday#n with n in 1-5, as in FRI#3"),
    Bad("0 0 0 ? * #1", "day-of-week", "#1", 11, "is not weekday#n"),
    Bad("0 0 0 ? * 2,MON-WED#1", "day-of-week", "MON-WED#1", 13, "is not weekday#n"),
    Bad("0 0 0 ? * FRI#3L", "day-of-week", "FRI#3L", 11, "is not weekday#n"),
    Bad("0 0 0 1#1 * ?", "day-of-month", "1#1", 7, "1-31 is allowed"),
    # H
    Bad("0 0 H * * ?", "hours", "H", 5, "needs a key from which the value is hashed, and none was given"),
    Bad("0 H/15 * * * ?", "minutes", "H/15", 3, "needs a key"),
    Bad("H H * * *", "minutes", "H", 1, "needs a key"),
    Bad("0 0 0 H(5-2) * ?", "day-of-month", "H(5-2)", 7, "is a bad hash range: it runs backwards"),
    Bad("0 H(0-60) * * * ?", "minutes", "60", 7, "60 is not in 0-59"),
    Bad("0 0 0 H(0-5) * ?", "day-of-month", "0", 9, "0 is not in 1-31"),
    Bad("0 H/0 * * * ?", "minutes", "0", 5, "0 is not a step of H; 2-60 is allowed"),
    Bad("0 H/1 * * * ?", "minutes", "1", 5, "1 is not a step of H; 2-60 is allowed"),
    Bad("0 H/61 * * * ?", "minutes", "61", 5, "2-60 is allowed"),
    Bad("0 0 0 H/29 * ?", "day-of-month", "29", 9, "2-28 is allowed"),
    Bad("0 H(10-19)/11 * * * ?", "minutes", "11", 12, "2-10 is allowed"),
    Bad("0 H(7-7)/2 * * * ?", "minutes", "2", 10, "there is one value only"),
    Bad("0 H/99999999999999999999 * * * ?", "minutes", "99999999999999999999", 5, "2-60 is allowed"),
    Bad("0 H() * * * ?", "minutes", "H()", 3, "is not H, H(first-last), H/step or H(first-last)/step"),
    Bad("0 H(1-2 * * * ?", "minutes", "H(1-2", 3, "is not H"),
    Bad("0 H/ * * * ?", "minutes", "H/", 3, "is not H"),
    Bad("0 H-5 * * * ?", "minutes", "H", 3, "H is not a name here"),
    Bad("0 0 0 1 1 ? H", "year", "H", 13, "H cannot be hashed; 1970-2199 is allowed"),
    Bad("0 H,60 * * * ?", "minutes", "H", 3, "needs a key"),
    # unix
    Bad("60 * * * *", "minutes", "60", 1, "60 is not in 0-59"),
    Bad("* 24 * * *", "hours", "24", 3, "24 is not in 0-23"),
    Bad("* * 0 * *", "day-of-month", "0", 5, "0 is not in 1-31"),
    Bad("* * * 13 *", "month", "13", 7, "13 is not in 1-12"),
    Bad("* * * * 8", "day-of-week", "8", 9, "8 is not in 0-7 (0 and 7 are SUN, 6 is SAT)"),
    Bad("* * ? * *", "day-of-month", "?", 5, "is for the six or seven fields of Quartz; write *"),
    Bad("* * * * ?", "day-of-week", "?", 9, "is for the six or seven fields of Quartz; write *"),
    Bad("? * * * *", "minutes", "?", 1, "for day-of-month and day-of-week only"),
    Bad("* * * * L", "day-of-week", "L", 9, "write SAT, or FRIL for the last Friday"),
    Bad("* * * * FOO", "day-of-week", "FOO", 9, "0-7 or SUN-SAT is allowed"),
    Bad("? ?", None, None, None, "got 2 fields: five are unix's"),
    # macros
    Bad("@reboot", None, "@reboot", 1, "is no time"),
    Bad("@every 5m", None, "@every", 1, "an interval trigger (every: 90s)"),
    Bad("@dayly", None, "@dayly", 1, "is not one of @yearly, @annually, @monthly, @weekly, @daily"),
    Bad("@", None, "@", 1, "is not one of"),
    Bad("@daily *", None, "*", 8, "is too much: @daily stands alone"),
    Bad("@d\u0430ily", None, "\\u0430", 3, "is not ASCII"),
    # prefixes
    Bad("DAYS=xor 0 0 0 1 * MON", None, "xor", 6, "DAYS=and or DAYS=or is allowed"),
    Bad("DAYS= 0 0 0 1 * MON", None, "", 6, "DAYS=and or DAYS=or is allowed"),
    Bad("DAYS=and", None, None, None, "it is empty"),
    Bad("DAYS=and DAYS=or 0 0 0 1 * MON", None, "DAYS=or", 10, "comes after another DAYS="),
    Bad("DAYS=\u0430nd 0 0 0 1 * MON", None, "\\u0430", 6, "is not ASCII"),
    Bad("DAYS=and 0 0 0 ? * ?", "day-of-week", "?", 20, "cannot stand in both"),
    Bad("CRON_TZ=Mars/Phobos 0 0 0 * * ?", "time zone", "Mars/Phobos", 9, "Mars/Phobos is unknown"),
    Bad("TZ=Europe/Berlln 0 0 0 * * ?", "time zone", "Europe/Berlln", 4, "did you mean Europe/Berlin"),
    Bad("tz= 0 0 * * *", "time zone", "", 4, "is empty"),
    Bad(
        "CRON_TZ=Europe/Berlin @daily",
        "time zone",
        "Europe/Berlin",
        9,
        "give the zone beside the expression, as timeZone, and once",
    ),
    Bad(
        "TZ=UTC CRON_TZ=UTC 0 0 * * *",
        "time zone",
        "UTC",
        4,
        "give the zone beside the expression, as timeZone, and once",
    ),
    Bad(
        "DAYS=or TZ=UTC 0 0 * * *", "time zone", "UTC", 12, "give the zone beside the expression, as timeZone, and once"
    ),
    Bad("TZ=../../etc/passwd 0 0 * * *", "time zone", "../../etc/passwd", 4, "is not a zone's name"),
    Bad("0 0 0 " + "," * 10_240, None, None, None, "are more than 256"),
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
    assert len(message) < 400


def test_the_message_in_full() -> None:
    with pytest.raises(CronError) as caught:
        parse("0 0 25 * * ?")
    assert str(caught.value) == 'hours: 25 is not in 0-23 (column 5 of "0 0 25 * * ?")'
    assert caught.value.text == "0 0 25 * * ?"
