"""Expressions in words: short, and exact. Each row was read by a person."""

import pytest

from scheduler.cron import parse

_TABLE = """
* * * * * ? | every second
0 * * * * ? | every minute
0 0 * * * ? | every hour
0 0 12 * * ? | at 12:00 every day
15 30 2 * * ? | at 02:30:15 every day
0 30 2 ? * MON-FRI | at 02:30 on Monday to Friday
0 0/20 2 ? * MON-FRI | at 02:00, 02:20 and 02:40 on Monday to Friday
*/15 * * * * ? | every 15 seconds
5/15 * * * * ? | at seconds 5, 20, 35 and 50 of every minute
30 * * * * ? | at second 30 of every minute
0/7 * * * * ? | every 7th second from 0 to 56 of every minute
0 */5 * * * ? | every 5 minutes
0 5 * * * ? | at minute 5 of every hour
0 5/20 * * * ? | at minutes 5, 25 and 45 of every hour
0 0/7 * * * ? | every 7th minute from 0 to 56 of every hour
0 1-5,30 * * * ? | at minutes 1 to 5 and 30 of every hour
0 */10 9-17 * * ? | every 10 minutes from 09:00 to 17:50 every day
0 0 9-17 ? * MON-FRI | every hour from 09:00 to 17:00 on Monday to Friday
0 0 */2 * * ? | every 2 hours
0 0 1/2 * * ? | every 2 hours from 01:00 to 23:00 every day
0 0 */5 * * ? | at 00:00, 05:00, 10:00, 15:00 and 20:00 every day
0 0 */2 ? * MON | every 2 hours on Monday
0 0 22-6 * * ? | at minute 0 of hours 22 to 6 every day
0 0/30 22-2 * * ? | at minutes 0 and 30 of hours 22 to 2 every day
0 0,44 9,17-20 * * ? | at minutes 0 and 44 of hours 9 and 17 to 20 every day
0 0-5 14 * * ? | at 14:00, 14:01, 14:02, 14:03, 14:04 and 14:05 every day
* 5 * * * ? | every second of minute 5 of every hour
* * 9 * * ? | every second from 09:00 to 09:59:59 every day
30 * 9 * * ? | every minute from 09:00:30 to 09:59:30 every day
10,20 3 * * * ? | at seconds 10 and 20 of minute 3 of every hour
1-59/2 * * * * ? | every 2nd second from 1 to 59 of every minute
*/20 */20 8-10 * * ? | at seconds 0, 20 and 40 of minutes 0, 20 and 40 of hours 8 to 10 every day
59 59 23 31 12 ? 2199 | at 23:59:59 on the 31st of December in 2199
0 0 12 1 * ? | at 12:00 on the 1st of the month
0 0 12 2,3,11,22 * ? | at 12:00 on the 2nd, the 3rd, the 11th and the 22nd of the month
0 0 12 1-7 * ? | at 12:00 on the 1st to the 7th of the month
0 0 12 */2 * ? | at 12:00 on every 2nd day from the 1st to the 31st of the month
0 0 12 1/10 * ? | at 12:00 on the 1st, the 11th, the 21st and the 31st of the month
0 0 12 L * ? | at 12:00 on the last day of the month
0 0 12 L-1 * ? | at 12:00 on the day before the last day of the month
0 0 12 L-3 * ? | at 12:00 on the 3rd day before the last day of the month
0 0 12 LW * ? | at 12:00 on the last weekday of the month
0 0 12 L-1W * ? | at 12:00 on the weekday nearest the day before the last day of the month
0 0 12 L-2W * ? | at 12:00 on the weekday nearest the 2nd day before the last day of the month
0 0 12 15W * ? | at 12:00 on the weekday nearest the 15th of the month
0 0 12 1,15W,L * ? | at 12:00 on the 1st, the weekday nearest the 15th and the last day of the month
0 0 12 15W 1,6 ? | at 12:00 on the weekday nearest the 15th of January and June
0 0 12 1 3-9 ? | at 12:00 on the 1st of every month from March to September
0 0 12 1 1,3-5 ? | at 12:00 on the 1st of every month in January and March to May
0 0 12 * 1 ? | at 12:00 every day in January
0 0 12 * 11-2 ? | at 12:00 every day from November to February
0 0 12 ? * SUN,SAT | at 12:00 on Sunday and Saturday
0 0 12 ? * FRI-MON | at 12:00 on Friday to Monday
0 0 12 ? * 6#3 | at 12:00 on the 3rd Friday of the month
0 0 12 ? * FRIL | at 12:00 on the last Friday of the month
0 0 12 ? 3-9 FRIL | at 12:00 on the last Friday of every month from March to September
0 0 12 ? * MON,FRIL,3#1 | at 12:00 on every Monday, the 1st Tuesday and the last Friday of the month
0 0 12 ? 1,2 MON | at 12:00 on Monday in January and February
0 0 12 ? 1-3 MON | at 12:00 on Monday from January to March
0 0 12 ? * MON 2027 | at 12:00 on Monday in 2027
0 0 12 ? 1 MON 2027-2030 | at 12:00 on Monday in January from 2027 to 2030
0 0 12 1 1 ? 2027,2029 | at 12:00 on the 1st of January in 2027 and 2029
0 0 12 29 2 ? 2000/4 | at 12:00 on the 29th of February in every 4th year from 2000 to 2196
0 * * * 1 ? | every minute in January
0 * * * * ? 2027 | every minute in 2027
0 0 13 * 5 | at 00:00 on the 13th of the month and also on Friday
0 0 13 1 5 | at 00:00 on the 13th of January and also on Friday in January
0 0 */2 * 1 | at 00:00 on every 2nd day from the 1st to the 31st of the month, when it is also Monday
0 0 1-7 * 1#1,5 | at 00:00 on the 1st to the 7th of the month and also on every Friday and the 1st Monday of the month
@yearly | at 00:00 on the 1st of January
@monthly | at 00:00 on the 1st of the month
@weekly | at 00:00 on Sunday
@daily | at 00:00 every day
@hourly | every hour
*/15 * * * * | every 15 minutes
0 9-17 * * 1-5 | every hour from 09:00 to 17:00 on Monday to Friday
30 4 1,15 * 5 | at 04:30 on the 1st and the 15th of the month and also on Friday
"""


@pytest.mark.parametrize("row", _TABLE.strip().splitlines())
def test_describe(row: str) -> None:
    text, words = row.split(" | ")
    assert parse(text).describe() == words


def test_what_is_hashed_or_joined_is_described_as_it_came_out() -> None:
    hashed = parse("0 H H ? * H", key="default/report")
    assert hashed.describe() == parse(str(hashed)).describe()
    joined = parse("0 0 12 13 * FRI", days="and")
    assert joined.describe() == "at 12:00 on the 13th of the month, when it is also Friday"
