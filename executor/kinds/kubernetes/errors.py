"""What can go wrong with an API server.

ClusterError
├── Unavailable     it was not reached, or could not do it now: try again
│   └── NotHeard    and nothing was done
├── NotThere        there is no such thing
├── Exists          there is one of that name already
├── Expired         what was to be told from there on is forgotten: list anew
└── Declined        it will not do that, however often it is asked
"""


class ClusterError(Exception):
    """Root; the message is the API server's own, if there is one."""


class Unavailable(ClusterError):
    """It may have been done, or not."""


class NotHeard(Unavailable):
    """It was not done: there was no connection, or nobody listened."""


class NotThere(ClusterError):
    """404."""


class Exists(ClusterError):
    """409, AlreadyExists."""


class Expired(ClusterError):
    """410."""


class Declined(ClusterError):
    """400, 403, 422 and their like: nothing was done."""
