"""Without root: proxies between the members and what they talk to. Fewer faults can be made."""

from dataclasses import dataclass, field

from tests.gate.network import CannotMake, Direction, Link, Place, Servers
from tests.rig.ports import free_port
from tests.rig.proxy import TcpProxy


@dataclass(kw_only=True)
class _Links:
    """The proxies of one member; `front` is what leaders dial."""

    zookeeper: list[TcpProxy]
    postgres: list[TcpProxy] = field(default_factory=list)
    front: list[TcpProxy] = field(default_factory=list)

    def of(self, link: Link) -> list[TcpProxy]:
        match link:
            case Link.ZOOKEEPER:
                return self.zookeeper
            case Link.POSTGRES:
                return self.postgres
            case Link.EXECUTORS:
                raise CannotMake("proxies stand before executors, not between them and one node: needs namespaces")
            case Link.ALL:
                return [*self.zookeeper, *self.postgres, *self.front]


class ProxyNetwork:
    """Everything is on loopback."""

    kind = "proxies"
    host = "127.0.0.1"

    def __init__(self) -> None:
        self._servers: Servers | None = None
        self._members: dict[str, _Links] = {}

    def wire(self, servers: Servers) -> None:
        self._servers = servers

    def join(self, name: str, port: int, *, executor: bool) -> Place:
        assert self._servers is not None, "wire the network first"
        port = free_port()
        links = _Links(zookeeper=[TcpProxy(each).start() for each in self._servers.zookeeper])
        self._members[name] = links
        if executor:
            links.front.append(TcpProxy(port).start())
        else:
            links.postgres.append(TcpProxy(self._servers.postgres).start())
        address = f"127.0.0.1:{port}"
        return Place(
            prefix=(),
            listen=address,
            advertise=links.front[0].hosts if executor else address,
            address=address,
            zookeeper=",".join(proxy.hosts for proxy in links.zookeeper),
            postgres=links.postgres[0].hosts if links.postgres else "",
        )

    def cut(self, name: str, link: Link, direction: Direction = Direction.BOTH) -> None:
        for proxy in self._members[name].of(link):
            # seen from a member, what it says to a server is a request; an executor's front is the other way round
            out_is_request = proxy not in self._members[name].front
            requests = direction is Direction.BOTH or (direction is Direction.OUT) == out_is_request
            answers = direction is Direction.BOTH or (direction is Direction.IN) == out_is_request
            proxy.blackhole(requests=requests, answers=answers)

    def lose(self, name: str, link: Link, percent: int) -> None:
        raise CannotMake("a proxy loses no single packets: needs namespaces")

    def heal(self, name: str) -> None:
        for proxy in self._members[name].of(Link.ALL):
            proxy.heal()

    def close(self) -> None:
        for links in self._members.values():
            for proxy in links.of(Link.ALL):
                proxy.close()
        self._members.clear()
