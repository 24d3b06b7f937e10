"""Who we are to ZooKeeper: a digest user, and the ACL of every znode that we make.

The password file has the password in a line. When it has several, each counts: all of them are shown to ZooKeeper,
and each gives access to what we make, so that a password can be replaced while the cluster runs.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kazoo.security import ACL, OPEN_ACL_UNSAFE, make_digest_acl

from cronquorum.coordination.protocols import CoordinationError

LONGEST_FILE = 4096
"""Bytes of a password file: room for several, and nothing that fills the memory."""

SET_USER = "set zookeeper_user and zookeeper_password_file"

_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_PASSWORD = re.compile(r"[ -~]+")


class BadAccess(CoordinationError, ValueError):
    """What is told of user, password or certificates cannot be used; the message names the setting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A digest user with all passwords that are believed; without a user, nobody in particular."""

    user: str = ""
    source: str = ""
    """The file that the passwords are from."""
    passwords: tuple[str, ...] = field(default=(), repr=False)

    @property
    def auth(self) -> set[tuple[str, str]]:
        """What kazoo shows to ZooKeeper on each connection."""
        return {("digest", f"{self.user}:{password}") for password in self.passwords}

    @property
    def acl(self) -> list[ACL]:
        """Who may do what with every znode that we make: the only place that says it."""
        if not self.user:
            return list(OPEN_ACL_UNSAFE)
        return [make_digest_acl(self.user, password, all=True) for password in self.passwords]

    @property
    def advice(self) -> str:
        """What to do about an ACL that keeps us out."""
        if not self.user:
            return f"its ACL is for a user: {SET_USER}"
        return (
            f"its ACL is not for zookeeper_user {self.user!r} with the password in {self.source}: it was made by "
            "another user, or with another password"
        )


def checked_user(user: str) -> str:
    """The user, who can be one. Raises BadAccess."""
    if not _USER.fullmatch(user):
        raise BadAccess(f"zookeeper_user: {user[:80]!r} is not 1 to 64 letters, digits, and . _ @ - after the first")
    return user


def read_identity(user: str, file: Path) -> Identity:
    """Read the passwords. Raises BadAccess."""
    where = f"zookeeper_password_file: {file}"
    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadAccess(f"{where}: {reason.lower()}") from None
    if len(content) > LONGEST_FILE:
        raise BadAccess(f"{where}: longer than {LONGEST_FILE} bytes, so no password")
    lines = [line.strip() for line in content.decode("ascii", "replace").splitlines()]
    passwords = tuple(dict.fromkeys(line for line in lines if line))
    if not passwords:
        raise BadAccess(f"{where}: is empty; right would be the password in a line")
    if not all(map(_PASSWORD.fullmatch, passwords)):
        # ZooKeeper reads others by the locale of its host
        raise BadAccess(f"{where}: a password is of printable ASCII characters only")
    return Identity(user=user, source=str(file), passwords=passwords)


def is_same(acl: list[Any], identity: Identity) -> bool:
    """Whether an ACL, as ZooKeeper tells it, is the identity's; it may tell the entries in another order."""
    return set(acl) == set(identity.acl)


def acl_text(acl: list[Any]) -> str:
    """An ACL for the log: `world:anyone`, `digest:somebody`; hashes of passwords are nobody's business."""
    return ", ".join(sorted({f"{entry.id.scheme}:{entry.id.id.partition(':')[0]}" for entry in acl}))
