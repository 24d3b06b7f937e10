"""The string that says where ZooKeeper is: `host:port[,host:port...][/chroot]`."""

import ipaddress
import re
from dataclasses import dataclass

from cronquorum.coordination.protocols import CoordinationError
from cronquorum.names import shown
from cronquorum.settings import is_loopback

DEFAULT_PORT = 2181

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_COMPONENT = re.compile(r"[A-Za-z0-9._:@-]{1,128}")


class BadHosts(CoordinationError, ValueError):
    """The hosts string is wrong; the message says which part of it, and what would be right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosts:
    """The servers as (host, port), and the folder that everything stands under: empty, or `/a/b`."""

    servers: tuple[tuple[str, int], ...]
    chroot: str

    @property
    def connect_string(self) -> str:
        """The servers, without the chroot, as ZooKeeper's clients read them."""
        return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.servers)

    @property
    def is_loopback(self) -> bool:
        """Whether all servers are on this very machine."""
        return all(is_loopback(host.removesuffix(".").lower()) for host, _ in self.servers)

    def __str__(self) -> str:
        return self.connect_string + self.chroot


def parse_hosts(text: str) -> Hosts:
    """Read a hosts string. Raises BadHosts."""
    servers, slash, rest = text.partition("/")
    if not servers.strip():
        raise BadHosts(f"ZooKeeper hosts {shown(text)}: no host; right would be 'zk1:2181,zk2:2181/cronquorum'")
    return Hosts(
        servers=tuple(_server(entry.strip(), text) for entry in servers.split(",")),
        chroot=_chroot(slash + rest, text),
    )


def _server(entry: str, text: str) -> tuple[str, int]:
    where = f"ZooKeeper hosts {shown(text)}"
    if not entry:
        raise BadHosts(f"{where}: an empty host between commas")
    if entry.startswith("["):
        host, closed, rest = entry[1:].partition("]")
        try:
            host = str(ipaddress.IPv6Address(host))
        except ipaddress.AddressValueError:
            raise BadHosts(f"{where}: {shown(entry)} is no IPv6 address in brackets") from None
        if not closed or not (rest == "" or rest.startswith(":")):
            raise BadHosts(f"{where}: {shown(entry)} is not [address]:port")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = entry.partition(":")
        if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split(".")):
            raise BadHosts(f"{where}: {shown(host)} is no host name")
    if not colon:
        return host, DEFAULT_PORT
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise BadHosts(f"{where}: port {shown(port)} of {host} is not in 1-65535")
    return host, int(port)


def _chroot(path: str, text: str) -> str:
    if path.strip("/") == "":
        return ""
    components = path.removesuffix("/").split("/")[1:]
    for component in components:
        if component in ("", ".", "..") or not _COMPONENT.fullmatch(component):
            raise BadHosts(
                f"ZooKeeper hosts {shown(text)}: {shown(component)} is no folder of a chroot; "
                "right would be letters, digits, and any of . _ : @ -"
            )
    if components[0] == "zookeeper":
        raise BadHosts(f"ZooKeeper hosts {shown(text)}: /zookeeper belongs to ZooKeeper itself")
    return "/" + "/".join(components)
