"""The network between the members of a cluster, broken on command: namespaces when we may, proxies otherwise."""

import enum
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.rig.errors import MissingPart
from tests.rig.netns import find_tools


class CannotMake(Exception):
    """This machine can't make this fault; the message says why."""


class Link(enum.Enum):
    """What a member is connected to."""

    ZOOKEEPER = "zookeeper"
    POSTGRES = "postgres"
    EXECUTORS = "executors"
    ALL = "all"


class Direction(enum.Enum):
    """Which packets are lost, seen from the member."""

    BOTH = "both"
    OUT = "out"
    IN = "in"


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """The ports, at the network's `host`, of what all members share."""

    zookeeper: tuple[int, ...]
    postgres: int


class Network(Protocol):
    """Made, then wired to the servers, then members join it; `close` leaves nothing behind."""

    @property
    def kind(self) -> str:
        """`namespaces` or `proxies`."""
        ...

    @property
    def host(self) -> str:
        """Where PostgreSQL and ZooKeeper are to listen."""
        ...

    def wire(self, servers: Servers) -> None:
        """Say where they listen; once, before anybody joins."""
        ...

    def join(self, name: str, port: int, *, executor: bool) -> "Place":
        """Make a place for a member that listens at `port` of it (proxies: at a port of their choice)."""
        ...

    def cut(self, name: str, link: Link, direction: Direction = Direction.BOTH) -> None:
        """Lose all packets of a link of one member. Raises `CannotMake`."""
        ...

    def lose(self, name: str, link: Link, percent: int) -> None:
        """Lose some packets, both ways. Raises `CannotMake`."""
        ...

    def heal(self, name: str) -> None:
        """Nothing of this member is lost any more."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a member lives: what precedes its command, and the addresses it is told."""

    prefix: tuple[str, ...]
    listen: str
    advertise: str
    address: str
    zookeeper: str
    postgres: str


def why_no_namespaces() -> str | None:
    """Why network namespaces can't be used here, or None."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    try:
        find_tools()
    except MissingPart as missing:
        return str(missing)
    probe = f"cqprobe{os.getpid()}"
    for command in (["ip", "netns", "add", probe], ["ip", "netns", "exec", probe, "nft", "list", "ruleset"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)
            return f"{' '.join(command)}: {done.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)
    return None


def run(command: Sequence[str], text: str = "") -> str:
    """Run a tool to its end; returns what it said. Raises RuntimeError when it failed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}{text}")
    return done.stdout
