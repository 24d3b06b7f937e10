"""CalendarService: times that triggers leave out. They are written by `JobService.Apply`."""

import asyncio

from jobstore.model import Calendar
from jobstore.protocols import CalendarQuery, Records
from schedapi.v1 import calendar_pb2, calendar_service_pb2
from schedapi.v1.calendar_service_pb2_grpc import CalendarServiceServicer
from scheduler import definition_wire
from scheduler.api.checks import (
    decode_token,
    encode_token,
    expected_revision,
    job_name,
    name_filter,
    page_size,
    write_request,
)
from scheduler.api.door import Context, Door, answered
from scheduler.errors import NotFound

SCAN = 50
"""Calendars read at once: one may have megabytes of events."""
PAGE_BYTES = 4 * 1024 * 1024
"""A page ends with the calendar that makes it longer."""


class CalendarService(CalendarServiceServicer):
    """Reads from the store; passes deletes on to the leader."""

    def __init__(self, door: Door, records: Records) -> None:
        self._door = door
        self._records = records

    @answered
    async def Get(self, request: calendar_service_pb2.GetCalendarRequest, context: Context) -> calendar_pb2.Calendar:
        name = job_name(request)
        query = CalendarQuery(names=(name,), limit=1)
        found = await asyncio.to_thread(lambda: list(map(definition_wire.calendar, self._records.calendars(query))))
        if not found:
            raise NotFound(f"there is no calendar {'/'.join(name)}")
        return found[0]

    @answered
    async def List(
        self, request: calendar_service_pb2.ListCalendarsRequest, context: Context
    ) -> calendar_service_pb2.ListCalendarsResponse:
        size = page_size(request.page_size)
        place = decode_token(request.page_token, 2)
        namespace = name_filter(request.namespace, "namespace")
        return await asyncio.to_thread(self._page, namespace, (place[0], place[1]) if place else None, size)

    def _page(
        self, namespace: str, after: tuple[str, str] | None, size: int
    ) -> calendar_service_pb2.ListCalendarsResponse:
        page = calendar_service_pb2.ListCalendarsResponse()
        length = 0
        while True:
            query = CalendarQuery(namespace=namespace, after=after, limit=SCAN)
            found = self._records.calendars(query)
            for calendar in found:
                if len(page.calendars) == size or length > PAGE_BYTES:
                    assert after is not None
                    page.next_page_token = encode_token(list(after))
                    return page
                message = definition_wire.calendar(calendar)
                page.calendars.append(message)
                length += message.ByteSize()
                after = _name(calendar)
            if len(found) < SCAN:
                return page

    @answered
    async def Delete(
        self, request: calendar_service_pb2.DeleteCalendarRequest, context: Context
    ) -> calendar_service_pb2.DeleteCalendarResponse:
        name = job_name(request)
        revision = expected_revision(request.expected_revision)
        leader = self._door.leader(context)
        if leader is None:
            response = calendar_service_pb2.DeleteCalendarResponse
            return await self._door.forward(context, "CalendarService/Delete", request, response)
        identity = write_request(f"calendar/{'/'.join(name)}", request)
        uid = await leader.edits.delete_calendar(identity, name, revision)
        return calendar_service_pb2.DeleteCalendarResponse(uid=uid)


def _name(calendar: Calendar) -> tuple[str, str]:
    return calendar.namespace, calendar.name
