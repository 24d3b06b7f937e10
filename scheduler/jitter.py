"""Jitter: each fire of a trigger waits for a part of a given time, always the same part for the same fire.

So that thousands of jobs due at midnight do not all begin there; and so that a new leader, or a second look,
comes to the same moment.
"""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from jobstore.ids import milliseconds

_WHOLE = 2**64


def jitter_of(trigger_uid: UUID, scheduled_time: datetime, jitter: timedelta | None) -> timedelta:
    """How long this fire waits: at least nothing, less than `jitter`, evenly spread, to the millisecond."""
    if jitter is None:
        return timedelta(0)
    content = trigger_uid.bytes + milliseconds(scheduled_time).to_bytes(8, "big", signed=True)
    share = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return timedelta(milliseconds=jitter // timedelta(milliseconds=1) * share // _WHOLE)
