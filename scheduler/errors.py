"""What a node refuses, and why.

SchedulerError
+-- InvalidRequest      fields of a request are wrong: the violations name them
|   +-- InvalidJob      of a job's or a calendar's definition
+-- NotFound            no such job, trigger, calendar or execution
+-- Conflict            the revision is another one, the request id was used for something else, or it is in use
+-- Held                the cluster waits for an operator, and nothing is written until then
+-- NotLeading          this node does not lead (now): ask the leader
+-- Overloaded          a queue is full: try again
+-- BadPlugin           a module of --plugins that cannot be imported
"""

from dataclasses import dataclass


class SchedulerError(Exception):
    """Root of this package's errors. The message is for the caller: one line, no internals."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that is wrong: its path as in the manifest, and what would be right."""

    field: str
    message: str

    def under(self, prefix: str) -> "Violation":
        """The same, seen from further out."""
        return Violation(f"{prefix}.{self.field}" if self.field else prefix, self.message)


class InvalidRequest(SchedulerError):
    """Fields of a request are wrong."""

    def __init__(self, *violations: Violation) -> None:
        self.violations = violations
        super().__init__("; ".join(f"{v.field}: {v.message}" if v.field else v.message for v in violations))


class InvalidJob(InvalidRequest):
    """A job's or a calendar's definition is wrong."""


class NotFound(SchedulerError):
    """There is no such thing."""


class Conflict(SchedulerError):
    """The present state is not the one that the caller expected."""

    def __init__(self, message: str, reason: str = "CONFLICT", **facts: str) -> None:
        self.reason, self.facts = reason, facts
        super().__init__(message)


class Held(SchedulerError):
    """The cluster is held, because its store went back to an earlier time."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the cluster is held ({reason}): nothing runs and nothing is written until an operator has looked at "
            "`schedctl cluster status` and says `schedctl cluster release`"
        )


class NotLeading(SchedulerError):
    """This node does not lead, or stopped leading before the write was committed."""


class Overloaded(SchedulerError):
    """A queue is full; nothing was done. Try again."""


class BadPlugin(SchedulerError):
    """A module of the user's own strategies cannot be imported."""


class SetAside(SchedulerError):
    """The store refused an execution's record: it is left alone, and the next term looks at it again."""
