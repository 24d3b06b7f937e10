"""What `schedctl dev` shows while it runs: a live table on a terminal, else a line for each end."""

import sys
import threading
import time
from datetime import timedelta

from rich.console import Console, RenderableType
from rich.live import Live

from cronquorum.clock import SystemClock
from schedapi.client import Client
from schedapi.errors import ApiError
from schedapi.manifest import time_text
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.execution_service_pb2 import ListExecutionsRequest, ListExecutionsResponse
from schedapi.v1.job_pb2 import Job
from schedapi.v1.job_service_pb2 import ListJobsRequest, ListJobsResponse
from schedctl.live import render, result_text
from schedctl.running import FINAL

REFRESH = 0.5
"""Seconds between two looks."""
LOOK_BACK = 200
"""Executions asked for at each look."""


class View:
    """Shows jobs and executions of a cluster until told to stop."""

    def __init__(self, client: Client, *, live: bool) -> None:
        self._client = client
        self._live = live
        self._told: set[str] = set()
        self._clock = SystemClock()

    def show(self, stop: threading.Event, seconds: timedelta | None) -> None:
        """Return when `stop` is set, or after so long."""
        end = time.monotonic() + seconds.total_seconds() if seconds is not None else None
        console = Console()
        if not self._live:
            stop.wait(None if end is None else end - time.monotonic())
        elif console.is_terminal:
            with Live(console=console, auto_refresh=False, screen=seconds is None) as live:
                while not self._pause(stop, end):
                    self._draw(live)
        else:
            while not self._pause(stop, end):
                self._print_ends()

    def _pause(self, stop: threading.Event, end: float | None) -> bool:
        left = REFRESH if end is None else min(REFRESH, end - time.monotonic())
        return left <= 0 or stop.wait(left)

    def _draw(self, live: Live) -> None:
        try:
            jobs = self._client.unary("JobService/List", ListJobsRequest(), ListJobsResponse).jobs
            live.update(self._page(list(jobs)), refresh=True)
        except ApiError as error:
            print(f"schedctl: {error}", file=sys.stderr)

    def _page(self, jobs: list[Job]) -> RenderableType:
        return render(jobs, self._latest(), now=self._clock.now())

    def _latest(self) -> list[Execution]:
        request = ListExecutionsRequest(page_size=LOOK_BACK)
        return list(self._client.unary("ExecutionService/List", request, ListExecutionsResponse).executions)

    def _print_ends(self) -> None:
        for execution in reversed(self._latest()):
            if execution.state in FINAL and execution.id not in self._told:
                self._told.add(execution.id)
                when = time_text(execution.scheduled_time)
                print(f"{when} {execution.job} {execution.state} {result_text(execution)}".rstrip(), flush=True)
