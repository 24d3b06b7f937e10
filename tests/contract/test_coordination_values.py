"""The parts of coordination that need no server: hosts, records, and the order of the embedded one."""

import pytest

from cronquorum.coordination import Member
from cronquorum.coordination.election import in_order
from cronquorum.coordination.hosts import BadHosts, Hosts, parse_hosts
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.coordination.records import decode, encode


@pytest.mark.parametrize(
    ("text", "servers", "chroot"),
    [
        ("zk1", (("zk1", 2181),), ""),
        ("zk1:2182/", (("zk1", 2182),), ""),
        ("zk1:1, zk2.example.org:65535/a", (("zk1", 1), ("zk2.example.org", 65535)), "/a"),
        (
            "10.0.0.1,[::1]:2182,[fe80::1]/a/b-c.d/",
            (("10.0.0.1", 2181), ("::1", 2182), ("fe80::1", 2181)),
            "/a/b-c.d",
        ),
    ],
)
def test_a_hosts_string_names_servers_and_a_chroot(
    text: str, servers: tuple[tuple[str, int], ...], chroot: str
) -> None:
    hosts = parse_hosts(text)
    assert hosts == Hosts(servers=servers, chroot=chroot)
    assert parse_hosts(str(hosts)) == hosts


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no host"),
        ("/chroot", "no host"),
        (",", "empty host"),
        ("zk:70000", "port '70000' of zk"),
        ("zk:", "port ''"),
        ("zk:-1", "port '-1'"),
        ("zk:٢", "port"),
        ("zk/a/../b", "'..'"),
        ("zk/./b", "'.'"),
        ("zk//b", "''"),
        ("zk/\u0000", "chroot"),
        ("zk://host", "port ''"),
        ("user@zk", "no host name"),
        ("-zk", "no host name"),
        ("zk..org", "no host name"),
        ("[::1", "no"),
        ("[zk]:1", "no IPv6"),
        ("[::1]1", "not [address]:port"),
        ("::1", "no host name"),
    ],
)
def test_a_wrong_hosts_string_is_answered_with_the_part_that_is_wrong(text: str, part: str) -> None:
    with pytest.raises(BadHosts) as raised:
        parse_hosts(text)
    assert part in str(raised.value)


def test_a_record_is_read_as_it_was_written() -> None:
    member = Member(id="a", incarnation="b", address="localhost:1", facts={"ü": "\n"})
    assert decode(encode(member), name="a") == member


def test_the_line_is_ordered_by_number_and_not_by_name() -> None:
    names = ["b-x-0000000002", "a-y-0000000010", "c-0000000001", "junk", "d-1", "e-00000000011"]
    assert in_order(names) == ["c-0000000001", "b-x-0000000002", "a-y-0000000010"]


async def test_who_looked_while_a_member_was_away_is_told_of_its_return() -> None:
    members = {"a": Member(id="a", incarnation="b", address="localhost:1")}
    coordinator = InProcessCoordinator()
    await coordinator.start()
    registration = await coordinator.announce("nodes", members["a"])
    watch = await coordinator.watch("nodes")
    await registration.withdraw()
    assert watch.current() == {}
    await coordinator.announce("nodes", members["a"])
    await watch.changed()
    assert dict(watch.current()) == members


async def test_the_order_of_the_embedded_coordinator_grows_over_restarts() -> None:
    member = Member(id="a", incarnation="b", address="localhost:1")
    orders = []
    for _ in range(3):
        coordinator = InProcessCoordinator(ensemble="mine")
        await coordinator.start()
        claim = await (await coordinator.stand(member)).elected()
        assert claim.ensemble == "mine"
        orders.append(claim.order)
    assert orders == sorted(set(orders))
    assert orders[-1] < 2**63


async def test_the_order_of_the_embedded_coordinator_starts_after_what_it_is_told() -> None:
    coordinator = InProcessCoordinator(order_start=41)
    await coordinator.start()
    member = Member(id="a", incarnation="b", address="localhost:1")
    assert (await (await coordinator.stand(member)).elected()).order == 42
