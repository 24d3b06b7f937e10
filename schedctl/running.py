"""Running a job by hand, and waiting for how it ends."""

from __future__ import annotations

import math
import threading
import time
from datetime import timedelta

from schedapi.client import Client, new_request_id
from schedapi.errors import DeadlineExceeded
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.execution_service_pb2 import GetExecutionRequest
from schedapi.v1.job_service_pb2 import RunJobRequest, RunJobResponse
from schedctl.exits import ExitCode

FINAL = frozenset({"succeeded", "failed", "timedOut", "lost", "skipped", "cancelled"})

LONGEST_WAIT = timedelta(seconds=30)
"""That one call waits for the end; for what takes longer the record is asked, time and again."""

ASKING = 1.0
"""Seconds between two questions for what takes longer."""


def run_job(client: Client, request: RunJobRequest, timeout: timedelta | None) -> tuple[Execution, ExitCode]:
    """Run a job once. When the request says `wait`, return when the execution has ended, or after `timeout` (None:
    never).

    The code says whether it succeeded in time. Raises `ApiError`.
    """
    request.request_id = request.request_id or new_request_id()
    if not request.wait:
        return client.unary("JobService/Run", request, RunJobResponse).execution, ExitCode.OK
    end = time.monotonic() + timeout.total_seconds() if timeout is not None else math.inf
    try:
        patience = timedelta(seconds=max(0.1, min(end - time.monotonic(), LONGEST_WAIT.total_seconds())))
        execution = client.unary("JobService/Run", request, RunJobResponse, timeout=patience).execution
    except DeadlineExceeded:
        request.wait = False  # the same request_id: the answer is the execution that was made then
        execution = client.unary("JobService/Run", request, RunJobResponse).execution
    while execution.state not in FINAL:
        pause = min(ASKING, end - time.monotonic())
        if pause <= 0:
            return execution, ExitCode.TIMED_OUT
        threading.Event().wait(pause)
        execution = client.unary("ExecutionService/Get", GetExecutionRequest(id=execution.id), Execution)
    return execution, ExitCode.OK if execution.state == "succeeded" else ExitCode.EXECUTION_FAILED
