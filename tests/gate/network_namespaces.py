"""A network namespace for each member, joined by a bridge; packets are lost by nftables inside of it."""

import random
import threading

from tests.gate.network import Direction, Link, Place, Servers, run

_EXECUTORS_FROM = 100
"""Last byte of the first executor's address, so that one range means all of them."""


class NamespaceNetwork:
    """`tag` is part of every name, so that several gates may run beside each other on one machine."""

    kind = "namespaces"

    def __init__(self, tag: str) -> None:
        self._tag = tag
        dice = random.Random(tag)
        self._net = f"10.{dice.randint(100, 250)}.{dice.randint(1, 250)}"
        self._bridge = f"{tag}br"
        self._servers: Servers | None = None
        self._members: dict[str, str] = {}
        self._lock = threading.Lock()
        run(["ip", "link", "add", self._bridge, "type", "bridge"])
        run(["ip", "addr", "add", f"{self.host}/24", "dev", self._bridge])
        run(["ip", "link", "set", self._bridge, "up"])

    @property
    def host(self) -> str:
        return f"{self._net}.1"

    def wire(self, servers: Servers) -> None:
        self._servers = servers

    def join(self, name: str, port: int, *, executor: bool) -> Place:
        assert self._servers is not None, "wire the network first"
        namespace = f"{self._tag}-{name}"
        number = len(self._members) + (_EXECUTORS_FROM if executor else 2)
        address, outside = f"{self._net}.{number}", f"{self._tag}v{number}"
        run(["ip", "netns", "add", namespace])
        self._members[name] = namespace
        run(["ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace])
        run(["ip", "link", "set", outside, "master", self._bridge, "up"])
        inside = ["ip", "-n", namespace]
        run([*inside, "addr", "add", f"{address}/24", "dev", "eth0"])
        run([*inside, "link", "set", "eth0", "up"])
        run([*inside, "link", "set", "lo", "up"])
        return Place(
            prefix=("nsenter", f"--net=/run/netns/{namespace}"),
            listen=f"{address}:{port}",
            advertise=f"{address}:{port}",
            address=f"{address}:{port}",
            zookeeper=",".join(f"{self.host}:{each}" for each in self._servers.zookeeper),
            postgres=f"{self.host}:{self._servers.postgres}",
        )

    def cut(self, name: str, link: Link, direction: Direction = Direction.BOTH) -> None:
        self._add(name, link, direction, "drop")

    def lose(self, name: str, link: Link, percent: int) -> None:
        self._add(name, link, Direction.BOTH, f"numgen random mod 100 < {percent} drop")

    def heal(self, name: str) -> None:
        with self._lock:
            run(self._nft(name), "table inet gate {}\ndelete table inet gate\n")

    def close(self) -> None:
        for namespace in self._members.values():
            run(["ip", "netns", "del", namespace])
        self._members.clear()
        run(["ip", "link", "del", self._bridge])

    def _add(self, name: str, link: Link, direction: Direction, verdict: str) -> None:
        rules = "table inet gate {\n"
        rules += "chain out { type filter hook output priority 0; policy accept; }\n"
        rules += "chain in { type filter hook input priority 0; policy accept; }\n}\n"
        if direction is not Direction.IN:
            rules += f"add rule inet gate out {self._match(link, 'd')} {verdict}\n"
        if direction is not Direction.OUT:
            rules += f"add rule inet gate in {self._match(link, 's')} {verdict}\n"
        with self._lock:
            run(self._nft(name), rules)

    def _match(self, link: Link, side: str) -> str:
        """The packets of a link; `side`: `d` for those that leave, `s` for those that come."""
        assert self._servers is not None
        match link:
            case Link.ZOOKEEPER:
                ports = ", ".join(map(str, self._servers.zookeeper))
                return f"ip {side}addr {self.host} tcp {side}port {{ {ports} }}"
            case Link.POSTGRES:
                return f"ip {side}addr {self.host} tcp {side}port {self._servers.postgres}"
            case Link.EXECUTORS:
                return f"ip {side}addr {self._net}.{_EXECUTORS_FROM}-{self._net}.254"
            case Link.ALL:
                return f"ip {side}addr {self._net}.0/24"

    def _nft(self, name: str) -> list[str]:
        return ["ip", "netns", "exec", self._members[name], "nft", "-f", "-"]
