"""Calendars: which times triggers leave out."""

from scheduler.calendars.compiling import compile_calendar
from scheduler.calendars.protocol import CalendarTimes, Span
from scheduler.calendars.reading import read_calendar

__all__ = ["CalendarTimes", "Span", "compile_calendar", "read_calendar"]
