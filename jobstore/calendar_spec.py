"""A calendar, as a manifest's `spec` says it: which times its triggers leave out.

What the texts mean (dates, weekdays, times of day, cron, countries) is checked in `scheduler.calendars`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from jobstore.spec_values import Text, Value
from jobstore.trigger_spec import MAX_CALENDARS, CalendarName

MAX_RULES = 100
MAX_DATES = 2_000
"""Dates in one rule."""
MAX_ICS = 256 * 1024
"""Characters of one iCalendar text."""


class DailyWindow(Value):
    """From a time of day up to another, that one not included; over midnight when it is the earlier one."""

    from_: Annotated[Text, Field(alias="from")]
    to: Text


class HolidaysSpec(Value):
    """The public holidays of a country, as the `holidays` library knows them."""

    country: Text
    subdivision: Text | None = None
    categories: Annotated[list[Text], Field(max_length=20)] = Field(default_factory=list)


class IcsSpec(Value):
    """The events of an iCalendar text (RFC 5545). `file` is read, and replaced by its text, by the client."""

    text: Annotated[Text, Field(max_length=MAX_ICS)] | None = None
    file: Text | None = None


class RuleSpec(Value):
    """Times that match all of the parts that are given."""

    dates: Annotated[list[Text], Field(max_length=MAX_DATES)] | None = None
    annual: Annotated[list[Text], Field(max_length=MAX_DATES)] | None = None
    weekly: Annotated[list[Text], Field(max_length=7)] | None = None
    daily: DailyWindow | None = None
    cron: Text | None = None
    holidays: HolidaysSpec | None = None
    ics: IcsSpec | None = None

    @model_validator(mode="after")
    def _some_part(self) -> Self:
        if not any(getattr(self, part) for part in type(self).model_fields):
            raise ValueError(f"is empty: give at least one of {', '.join(type(self).model_fields)}")
        return self


class CalendarSpec(Value):
    """A time is excluded when a base calendar excludes it, or a rule of `exclude` matches, or there are rules
    in `include` and none of them matches."""

    description: Annotated[Text, Field(max_length=1000)] = ""
    time_zone: Text = "UTC"
    base: Annotated[list[CalendarName], Field(max_length=MAX_CALENDARS)] = Field(default_factory=list)
    exclude: Annotated[list[RuleSpec], Field(max_length=MAX_RULES)] = Field(default_factory=list)
    include: Annotated[list[RuleSpec], Field(max_length=MAX_RULES)] = Field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The manifest's `spec`, without what is merely a default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "CalendarSpec":
        """Read what `to_json` wrote. Raises pydantic's ValidationError."""
        return cls.model_validate(value)
