"""Roles of those who speak gRPC with each other: DNS names among the alternative names of their certificates.

A certificate may bear several. They are no names of hosts: whoever dials expects the role, wherever the host is.
"""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """What a peer is, by a name that its certificate bears."""

    SCHEDULER = "scheduler.cronquorum"
    EXECUTOR = "executor.cronquorum"
    CLIENT = "client.cronquorum"
    VIEWER = "viewer.cronquorum"

    @property
    def word(self) -> str:
        """The role as users say it: `scheduler`."""
        return self.value.removesuffix(".cronquorum")


def roles_of(names: Iterable[str]) -> frozenset[Role]:
    """The roles among a certificate's names; other names say nothing."""
    given = {name.lower() for name in names}
    return frozenset(role for role in Role if role.value in given)
