"""How ZooKeeper is spoken to: as whom, and over what."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cronquorum.coordination.hosts import Hosts
from cronquorum.coordination.identity import SET_USER, BadAccess, Identity, checked_user, read_identity
from cronquorum.coordination.tls import Tls


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """As a digest user or as nobody in particular; over TLS or in plain text. Raises BadAccess.

    The files are read again for each connection, so that what replaces them counts from the next one on.
    """

    user: str = ""
    password_file: Path | None = None
    tls: Tls | None = None

    def __post_init__(self) -> None:
        if self.user:
            checked_user(self.user)
        if bool(self.user) != (self.password_file is not None):
            there, missing = "zookeeper_user", "zookeeper_password_file"
            if not self.user:
                there, missing = missing, there
            raise BadAccess(f"{missing}: not given, but {there} is: both are needed, or none")

    def identity(self) -> Identity:
        """Who we are, by the password file as it is now. Raises BadAccess."""
        return Identity() if self.password_file is None else read_identity(self.user, self.password_file)

    def check(self) -> None:
        """Raises BadAccess when a file cannot be used."""
        self.identity()
        if self.tls is not None:
            self.tls.context()

    def doubts(self, hosts: Hosts) -> Iterator[str]:
        """What an operator should be told of at each start, though it works."""
        if not self.user and not hosts.is_loopback:
            yield f"everybody who reaches ZooKeeper can take over this cluster: {SET_USER}"
        if self.user and self.tls is None and not hosts.is_loopback:
            yield "the password for ZooKeeper travels in plain text: set ca in [zookeeper_tls]"
        if self.user and not hosts.chroot:
            yield "everybody who reaches ZooKeeper can delete what stands in its root: add a chroot to zookeeper"
        for setting, file in (("zookeeper_password_file", self.password_file), ("zookeeper_tls.key", self._key)):
            if file is not None and _is_for_all(file):
                yield f"{setting}: {file} can be read by every user of this machine: chmod 600, or 640"

    @property
    def _key(self) -> Path | None:
        return None if self.tls is None else self.tls.key


def _is_for_all(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False  # it is just being replaced
