"""A cron expression of a trigger."""

from typing import cast, get_args

from scheduler.cron import CronError, CronExpression, DayMode, parse
from scheduler.errors import InvalidJob, Violation
from scheduler.words import check_word


def read_cron(text: str, days: str | None, key: str) -> CronExpression:
    """What the texts say.

    days: how two restricted day fields count, `and` or `or`.
    key: what H is hashed from; empty: H is an error.

    Raises `InvalidJob` with all that is wrong.
    """
    wrong = [] if days is None else list(check_word(days, get_args(DayMode), "days"))
    try:
        expression = parse(text, key=key or None, days=None if wrong else cast(DayMode | None, days))
    except CronError as error:
        # How the day fields count decides whether they are right: with a wrong word that cannot be told.
        if not wrong or error.field != "day-of-week":
            wrong.append(Violation("cron", str(error)))
    if wrong:
        raise InvalidJob(*wrong)
    return expression
