"""Who may call what, when the connection is mutual TLS: every method of the API, and the roles that may call it.

A method without a rule is refused to everybody. `SCHEDULER` stands where nodes pass a call on to the leader's node; a
call that says it was passed on is taken from nobody else.
"""

from collections.abc import Mapping

from cronquorum.roles import Role

Roles = frozenset[Role]

_READ = frozenset({Role.CLIENT, Role.VIEWER})
_WRITE = frozenset({Role.CLIENT})
_NODES = frozenset({Role.SCHEDULER})
_ALL = frozenset(Role)

RULES: Mapping[str, Mapping[str, Roles]] = {
    "schedapi.v1.JobService": {
        "Apply": _WRITE | _NODES,  # with dry_run too
        "Get": _READ,
        "List": _READ,
        "Delete": _WRITE | _NODES,
        "Pause": _WRITE | _NODES,
        "Resume": _WRITE | _NODES,
        "Run": _WRITE | _NODES,
        "NextFires": _READ,
    },
    "schedapi.v1.CalendarService": {
        "Get": _READ,
        "List": _READ,
        "Delete": _WRITE | _NODES,
    },
    "schedapi.v1.ExecutionService": {
        "Get": _READ,
        "List": _READ,
        "Watch": _READ | _NODES,
        "Logs": _READ,
        "Cancel": _WRITE | _NODES,
    },
    "schedapi.v1.ClusterService": {
        "Status": _READ | _NODES,
        "Executors": _READ | _NODES,
        "Release": _WRITE | _NODES,
    },
    "schedapi.v1.ExecutorService": {
        "Attach": _NODES,
    },
    "grpc.health.v1.Health": {"Check": _ALL, "List": _ALL, "Watch": _ALL},
    "grpc.reflection.v1alpha.ServerReflection": {"ServerReflectionInfo": _ALL},
}


def allowed(method: str) -> Roles:
    """Who may call `/package.Service/Method`."""
    service, _, name = method.removeprefix("/").rpartition("/")
    return RULES.get(service, {}).get(name, frozenset())
