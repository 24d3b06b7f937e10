"""One call of a Python task: in a thread of the executor, or in a worker process."""

import asyncio
import contextlib
import os
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from executor.context import Context, set_current
from executor.function import TaskFunction
from executor.report import Ended, TaskFailure, clean_text, last_lines
from executor.result import BadResult, encode_result

_lock = threading.Lock()
"""Of all invocations: it is held for a moment only, and a lock for each costs more."""


def _renew_lock() -> None:
    """In a process that a task forked: another thread, which is not there, may have held it."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


class TaskCancelled(BaseException):
    """Raised in a task of a worker process that is told to end, so that its `finally` blocks run."""


class Invocation(ABC):
    """`invoke` in one thread, `cancel` from another. Whoever is one makes its context, when it is first asked for."""

    __slots__ = ("_context", "_coroutine", "_function", "_params", "cancelled")

    def __init__(self, function: TaskFunction, params: Mapping[str, Any]) -> None:
        self.cancelled = False
        self._function = function
        self._params = params
        self._context: Context | None = None
        self._coroutine: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    @property
    def is_async(self) -> bool:
        return self._function.is_async

    @abstractmethod
    def make_context(self) -> Context:
        """The context that the function may ask for. Called once at most."""

    @property
    def context(self) -> Context:
        """The task's own; from any thread that the task may have."""
        with _lock:
            if self._context is None:
                self._context = self.make_context()
                if self.cancelled:
                    self._context.cancelled.set()
            return self._context

    def cancel(self) -> None:
        """Set `context.cancelled`; a coroutine is cancelled as well."""
        with _lock:
            self.cancelled = True
            if self._context is not None:
                self._context.cancelled.set()
            if self._coroutine is not None:
                loop, task = self._coroutine
                with contextlib.suppress(RuntimeError):  # the loop was closed just now
                    loop.call_soon_threadsafe(task.cancel)

    def invoke(self) -> Ended:
        """Call the function; never raises. What it returns normally counts, cancelled or not."""
        set_current(self)
        try:
            arguments = self._arguments()
        except TypeError as error:
            return Ended(error=TaskFailure(type="TypeError", message=clean_text(str(error)), tail=""))
        try:
            function = self._function
            value = asyncio.run(self._await(arguments)) if function.is_async else function.function(**arguments)
            return Ended(encode_result(value))
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
        function, params = self._function, self._params
        if not function.takes_context:
            arguments = params
        elif "context" in params:
            raise TypeError(f"{function.name}: the parameter 'context' is the task's context, none of a job's")
        else:
            arguments = {**params, "context": self.context}
        function.check(arguments)
        return arguments

    async def _await(self, arguments: Mapping[str, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        with _lock:
            self._coroutine = asyncio.get_running_loop(), task
        try:
            if self.cancelled:
                raise asyncio.CancelledError
            return await self._function.function(**arguments)
        finally:
            with _lock:
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
        stopped = self.cancelled or isinstance(error, TaskCancelled)
        return Ended(error=failure, stopped=stopped)


def _tail(error: BaseException, where: TracebackType | None) -> str:
    try:
        # the first frame is ours
        text = "".join(traceback.format_exception(type(error), error, where.tb_next if where else None))
    except Exception:  # as above
        return ""
    return last_lines(text.encode("utf-8", "replace"))
