"""Reading a calendar's manifest."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from jobstore.calendar_spec import CalendarSpec
from scheduler.errors import InvalidJob
from scheduler.violations import read_violations


def read_calendar(value: Mapping[str, Any]) -> CalendarSpec:
    """Read a manifest's `spec`. Raises `InvalidJob` with every violation.

    What the texts in it mean is checked by `compile_calendar`.
    """
    try:
        return CalendarSpec.from_json(value)
    except ValidationError as error:
        raise InvalidJob(*read_violations(error, CalendarSpec)) from None
