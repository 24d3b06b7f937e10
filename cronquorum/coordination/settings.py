"""The settings that say where ZooKeeper is, and how it is spoken to; nodes and executors share them."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from cronquorum.coordination.access import Access
from cronquorum.coordination.identity import BadAccess
from cronquorum.coordination.tls import Tls
from cronquorum.settings import Metavar, Section, Settings


class ZooKeeperTlsSection(Section):
    """TLS to ZooKeeper; in plain text unless told."""

    own_flags: ClassVar[bool] = True

    ca: Path | None = Field(None, description="PEM file of the authorities that ZooKeeper's certificates are from")
    cert: Path | None = Field(None, description="PEM file of our certificate, where ZooKeeper asks clients for one")
    key: Path | None = Field(None, description="PEM file of its key, which is not encrypted")

    @property
    def tls(self) -> Tls | None:
        """Raises BadAccess."""
        if self.ca is not None:
            return Tls(ca=self.ca, cert=self.cert, key=self.key)
        if self.cert is not None or self.key is not None:
            raise BadAccess("zookeeper_tls.ca: not given: without it, no certificate of ZooKeeper's is believed")
        return None


class ZooKeeperSettings(Settings):
    """The part of a process's settings that is about ZooKeeper."""

    zookeeper: Annotated[str, Metavar("HOST:PORT,.../CHROOT")] = Field(
        description="ZooKeeper's HOST:PORT[,HOST:PORT...]/CHROOT"
    )
    zookeeper_user: str = Field("", description="digest user that alone has access to what we keep in ZooKeeper")
    zookeeper_password_file: Path | None = Field(None, description="file with the password of that user, in a line")
    zookeeper_tls: ZooKeeperTlsSection = ZooKeeperTlsSection()

    @model_validator(mode="after")
    def _usable_access(self) -> Self:
        _ = self.zookeeper_access
        return self

    @property
    def zookeeper_access(self) -> Access:
        """How ZooKeeper is spoken to."""
        return Access(user=self.zookeeper_user, password_file=self.zookeeper_password_file, tls=self.zookeeper_tls.tls)
