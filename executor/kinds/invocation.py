"""One call of a Python task: in a thread of the executor, or in a worker process."""

import asyncio
import contextlib
import threading
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from executor.context import Context, set_current
from executor.function import TaskFunction
from executor.report import Ended, TaskFailure, clean_text, last_lines
from executor.result import BadResult, encode_result


class TaskCancelled(BaseException):
    """Raised in a task of a worker process that is told to end, so that its `finally` blocks run."""


class Invocation:
    """`run` in one thread, `cancel` from another."""

    def __init__(self, function: TaskFunction, context: Context) -> None:
        self._function = function
        self._context = context
        self._lock = threading.Lock()
        self._coroutine: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    @property
    def is_async(self) -> bool:
        return self._function.is_async

    def cancel(self) -> None:
        """Set `context.cancelled`; a coroutine is cancelled as well."""
        self._context.cancelled.set()
        with self._lock:
            if self._coroutine is not None:
                loop, task = self._coroutine
                with contextlib.suppress(RuntimeError):  # the loop was closed just now
                    loop.call_soon_threadsafe(task.cancel)

    def run(self) -> Ended:
        """Call the function; never raises. What it returns normally counts, cancelled or not."""
        set_current(self._context)
        try:
            arguments = self._arguments()
        except TypeError as error:
            return Ended(error=TaskFailure(type="TypeError", message=clean_text(str(error)), tail=""))
        try:
            function = self._function
            value = asyncio.run(self._await(arguments)) if function.is_async else function.function(**arguments)
            return Ended(result=encode_result(value))
        except BadResult as error:
            return Ended(error=TaskFailure(type="badResult", message=clean_text(str(error)), tail=""))
        except SystemExit as error:
            if error.code in (None, 0):
                return Ended()
            return self._failed(error)
        except BaseException as error:  # whatever a task raises is its outcome
            return self._failed(error)
        finally:
            set_current(None)

    def _arguments(self) -> Mapping[str, Any]:
        function, params = self._function, self._context.params
        if not function.takes_context:
            arguments = params
        elif "context" in params:
            raise TypeError(f"{function.name}: the parameter 'context' is the task's context, none of a job's")
        else:
            arguments = {**params, "context": self._context}
        try:
            function.signature.bind(**arguments)
        except TypeError as error:
            raise TypeError(f"{function.name}{function.signature}: {error}") from None
        return arguments

    async def _await(self, arguments: Mapping[str, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        with self._lock:
            self._coroutine = asyncio.get_running_loop(), task
        try:
            if self._context.cancelled.is_set():
                raise asyncio.CancelledError
            return await self._function.function(**arguments)
        finally:
            with self._lock:
                self._coroutine = None

    def _failed(self, error: BaseException) -> Ended:
        try:
            message = str(error)
        except Exception:  # a task's own exception may be as broken as it likes
            message = "(the exception has no text)"
        failure = TaskFailure(
            type=clean_text(type(error).__name__, 200),
            message=clean_text(message),
            tail=_tail(error, error.__traceback__),
        )
        stopped = self._context.cancelled.is_set() or isinstance(error, TaskCancelled)
        return Ended(error=failure, stopped=stopped)


def _tail(error: BaseException, where: TracebackType | None) -> str:
    try:
        # the first frame is ours
        text = "".join(traceback.format_exception(type(error), error, where.tb_next if where else None))
    except Exception:  # as above
        return ""
    return last_lines(text.encode("utf-8", "replace"))
