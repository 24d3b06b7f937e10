"""Whose ZooKeeper it is: a digest user, and an ACL on every znode."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.security import ACL, OPEN_ACL_UNSAFE, make_digest_acl

from cronquorum.coordination import Candidacy, CoordinationError, Member
from cronquorum.coordination.access import Access
from cronquorum.coordination.contact import Denied
from cronquorum.coordination.hosts import parse_hosts
from cronquorum.coordination.identity import BadAccess
from cronquorum.coordination.protocols import EXECUTORS, NODES
from cronquorum.coordination.tls import Tls
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from tests.contract.over_zookeeper import Open, expire, shell, started, zookeeper_threads
from tests.contract.test_coordination import leads, member, running, shows
from tests.rig import TcpProxy, ZooKeeperServer, eventually_async

LASTING = ("", "/election", "/nodes", "/executors", "/ensemble")


@pytest.fixture
def digest(password_file: Path) -> Access:
    """As a user, in plain text, since the proxies and shells of the tests are on this machine."""
    return Access(user="cluster", password_file=password_file)


@pytest.fixture
def owner(zk_chroot: str) -> Iterator[KazooClient]:
    """Somebody with a ZooKeeper shell in the chroot, who knows the user's password."""
    with shell(zk_chroot, auth_data=[("digest", "cluster:secret")]) as client:
        yield client


def put(file: Path, text: str, mode: int = 0o600) -> None:
    file.write_text(text)
    file.chmod(mode)


def ours(*passwords: str) -> set[ACL]:
    return {make_digest_acl("cluster", password, all=True) for password in passwords or ("secret",)}


def acls(client: KazooClient, path: str = "/") -> dict[str, set[ACL]]:
    """The ACL of every znode of the chroot."""
    found = {path: set(client.get_acls(path)[0])}
    for name in client.get_children(path):
        found |= acls(client, f"{path.rstrip('/')}/{name}")
    return found


def told(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(str(record.msg) for record in caplog.records if record.levelno >= logging.WARNING)


# --- every znode


async def test_every_znode_is_for_the_user_alone(
    make: Open, access: Access, closed_chroot: str, tls_zookeeper: ZooKeeperServer
) -> None:
    coordinator = await started(make(closed_chroot, access=access))
    candidacy = await coordinator.stand(me := member())
    await coordinator.stand(member("node-2"))
    registration = await coordinator.announce(NODES, me)
    await coordinator.announce(EXECUTORS, member("worker"))
    await leads(candidacy)
    assert await registration.prove()
    await coordinator.replace_ensemble((await candidacy.elected()).ensemble)
    chroot = closed_chroot[closed_chroot.index("/") :]
    with shell(tls_zookeeper.hosts, auth_data=[("digest", "cluster:secret")]) as client:
        found = acls(client, chroot) | {"/closed": set(client.get_acls("/closed")[0])}
    assert {path.removeprefix(chroot) for path in found} >= {*LASTING, "/nodes/node-1", "/executors/worker"}
    assert len([path for path in found if "/election/" in path]) == 2
    assert set(map(frozenset, found.values())) == {frozenset(ours())}


async def test_what_is_made_again_is_for_the_user_alone(
    make: Open, digest: Access, zk_chroot: str, owner: KazooClient
) -> None:
    coordinator = await started(make(zk_chroot, access=digest))
    registration = await coordinator.announce(EXECUTORS, me := member("worker"))
    watch = await coordinator.watch(EXECUTORS)
    for folder in ("/executors", "/election", "/nodes", "/ensemble"):
        owner.delete(folder, recursive=True)
    await eventually_async(registration.prove)
    await shows(watch, me)
    await leads(await coordinator.stand(member()))
    await asyncio.to_thread(expire, coordinator, zk_chroot)
    await eventually_async(registration.prove)
    successor = member("worker")
    other = await started(make(zk_chroot, access=digest))
    await other.announce(EXECUTORS, successor, replaces=[me.incarnation])
    await leads(await coordinator.stand(member()))
    found = acls(owner)
    assert {*LASTING[1:], "/executors/worker"} < found.keys()
    assert set(map(frozenset, found.values())) == {frozenset(ours())}


@pytest.mark.parametrize("stranger", [[], [("digest", "cluster:secre")], [("digest", "other:secret")]])
async def test_nobody_else_can_read_or_write_anything(
    make: Open, digest: Access, zk_chroot: str, owner: KazooClient, stranger: list[tuple[str, str]]
) -> None:
    coordinator = await started(make(zk_chroot, access=digest))
    await leads(await coordinator.stand(me := member()))
    await coordinator.announce(NODES, me)
    paths = sorted(acls(owner))
    acts: list[Callable[[KazooClient, str], object]] = [
        lambda client, path: client.get(path),
        lambda client, path: client.get_children(path),
        lambda client, path: client.get_acls(path),
        lambda client, path: client.set(path, b""),
        lambda client, path: client.set_acls(path, OPEN_ACL_UNSAFE),
        lambda client, path: client.create(f"{path.rstrip('/')}/more"),
        lambda client, path: path != "/" and client.delete(path),
    ]
    with shell(zk_chroot, auth_data=stranger) as client:
        for act in acts:
            for path in paths:
                if path == "/" and act is acts[-1]:
                    continue  # the chroot stands in a folder of everybody's, but it is not empty
                with pytest.raises(NoAuthError):
                    act(client, path)
    assert sorted(acls(owner)) == paths


# --- being kept out


@pytest.mark.parametrize("password", ["wrong", None])
async def test_a_start_that_is_kept_out_says_so_at_once(
    make: Open, digest: Access, zk_chroot: str, owner: KazooClient, password: str | None, tmp_path: Path
) -> None:
    keeper = await started(make(zk_chroot, access=digest))
    before = acls(owner)
    advice = r"is for a user: set zookeeper_user and zookeeper_password_file \(NoAuth\)"
    other = Access()
    if password is not None:
        advice = (
            r"is not for zookeeper_user 'cluster' with the password in .*/wrong: it was made by another user, or with"
        )
        (tmp_path / "wrong").write_text(password)
        other = Access(user="cluster", password_file=tmp_path / "wrong")
    with pytest.raises(Denied, match=rf"ZooKeeper at {zk_chroot} refuses to read /.*/ensemble: its ACL {advice}"):
        await make(zk_chroot, access=other, connect_timeout=timedelta(minutes=10)).start()
    assert acls(owner) == before
    await leads(await keeper.stand(member()))


async def test_one_who_is_kept_out_later_neither_stands_nor_is_silent(
    make: Open, digest: Access, zk_chroot: str, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = await started(make(zk_chroot))
    await started(make(zk_chroot, access=digest))
    advice = "set zookeeper_user and zookeeper_password_file"
    with pytest.raises(Denied, match=advice):
        await stranger.stand(member())
    async with running(stranger.announce(EXECUTORS, member("worker"))):
        await eventually_async(lambda: "announce" in told(caplog) and advice in told(caplog))
    assert stranger.leader() is None
    assert "ending the session" not in told(caplog), "there is nothing of its own in the line"


async def test_a_member_that_is_closed_to_us_keeps_nobody_from_seeing_the_others(
    make: Open, digest: Access, zk_chroot: str, owner: KazooClient, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = await started(make(zk_chroot, access=digest))
    owner.create("/executors/foreign", b"", acl=[make_digest_acl("other", "x", all=True)])
    watch = await coordinator.watch(EXECUTORS)
    await coordinator.announce(EXECUTORS, me := member("worker"))
    await shows(watch, me)
    lines = [line for line in told(caplog).splitlines() if "a member is ignored" in line]
    assert len(lines) == 1
    assert "executors/foreign" in lines[0]


async def test_credentials_that_zookeeper_refuses_are_told(
    make: Open, digest: Access, caplog: pytest.LogCaptureFixture
) -> None:
    before = zookeeper_threads()
    with ZooKeeperServer(options="DigestAuthenticationProvider.enabled=false\n") as server:
        coordinator = make(f"{server.hosts}/x", access=digest, connect_timeout=timedelta(seconds=2))
        with pytest.raises(CoordinationError, match=r"credentials of zookeeper_user 'cluster' \(AuthFailed\)"):
            await coordinator.start()
    assert "AuthFailed" in told(caplog)
    assert zookeeper_threads() == before


async def test_a_zookeeper_that_lets_in_nobody_without_credentials(make: Open, digest: Access) -> None:
    with ZooKeeperServer(options="enforce.auth.enabled=true\nenforce.auth.schemes=digest\n") as server:
        with pytest.raises(Denied, match="it asks for credentials: set zookeeper_user and zookeeper_password_file"):
            await make(f"{server.hosts}/x").start()
        await leads(await (await started(make(f"{server.hosts}/x", access=digest))).stand(member()))


# --- closing what is open


async def test_an_open_installation_is_closed_at_the_start(
    make: Open, digest: Access, zookeeper: ZooKeeperServer, caplog: pytest.LogCaptureFixture, password_file: Path
) -> None:
    hosts = f"{zookeeper.hosts}/shared/with-{password_file.parent.name}"
    coordinator = await started(make(hosts))
    await coordinator.close()
    caplog.clear()
    await started(make(hosts, access=digest))
    chroot = hosts[hosts.index("/") :]
    with shell(zookeeper.hosts, auth_data=[("digest", "cluster:secret")]) as client:
        assert acls(client, chroot) == {f"{chroot}{path}": ours() for path in LASTING}
        assert client.get_acls("/shared")[0] == OPEN_ACL_UNSAFE, "others may have their own in there"
    for path in LASTING:
        assert f"'path': '{chroot}{path}', 'was': 'world:anyone'" in told(caplog)
    assert "is for zookeeper_user alone now" in told(caplog)
    caplog.clear()
    await started(make(hosts, access=digest))
    assert told(caplog) == ""


async def test_closing_takes_nothing_from_those_who_are_there(
    make: Open, digest: Access, zk_chroot: str, owner: KazooClient
) -> None:
    earlier = await started(make(zk_chroot))
    candidacy = await earlier.stand(me := member())
    registration = await earlier.announce(NODES, me)
    await leads(candidacy)
    later = await started(make(zk_chroot, access=digest))
    next_one = await later.stand(member("node-2"))
    watch = await later.watch(NODES)
    await shows(watch, me)
    for _ in range(3):
        assert await registration.prove()
    assert candidacy.may_act()
    assert later.leader() == me or await eventually_async(lambda: later.leader() == me)
    await earlier.close()
    await leads(next_one)
    await shows(watch)
    assert set(map(frozenset, acls(owner).values())) == {frozenset(ours())}


async def test_who_is_shut_out_can_still_leave_the_line(
    make: Open, digest: Access, zk_chroot: str, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = await started(make(zk_chroot, session=30))
    candidacy = await earlier.stand(me := member())
    registration = await earlier.announce(NODES, me)
    await leads(candidacy)
    later = await started(make(zk_chroot, session=30, access=digest))
    next_one = await later.stand(member("node-2"))
    watch = await later.watch(NODES)
    await candidacy.withdraw()
    await leads(next_one)
    assert "ending the session" in told(caplog)
    await shows(watch)
    await eventually_async(lambda: earlier._session.contact is not None)
    assert not await registration.prove()
    await registration.withdraw()
    with pytest.raises(Denied):
        await earlier.stand(member())


async def test_who_is_shut_out_keeps_nobody_behind_it_from_leading(make: Open, digest: Access, zk_chroot: str) -> None:
    first, second = await started(make(zk_chroot)), await started(make(zk_chroot))
    leading, waiting = await first.stand(member()), await second.stand(member("node-2"))
    await leads(leading)
    later = await started(make(zk_chroot, access=digest))
    last = await later.stand(member("node-3"))
    await first.close()
    await leads(last)
    assert "set zookeeper_user" in await waiting.ended()
    with pytest.raises(CoordinationError, match="set zookeeper_user and zookeeper_password_file"):
        await waiting.elected()


async def test_who_is_shut_out_withdraws_without_waiting(
    make: Open, digest: Access, zk_chroot: str, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = await started(make(zk_chroot, session=60))
    registration = await earlier.announce(EXECUTORS, me := member())
    later = await started(make(zk_chroot, access=digest))
    watch = await later.watch(EXECUTORS)
    await shows(watch, me)
    await asyncio.wait_for(registration.withdraw(), 30)
    assert "stays until the session ends" in told(caplog)
    await earlier.close()
    await shows(watch)


# --- the password file


async def test_credentials_are_shown_again_on_each_connection(
    make: Open, digest: Access, proxy: TcpProxy, through_proxy: str, zk_chroot: str
) -> None:
    coordinator = await started(make(through_proxy, session=10, access=digest))
    registration = await coordinator.announce(EXECUTORS, member("worker"))
    for _ in range(2):
        proxy.cut()
        await eventually_async(lambda: coordinator._session.contact is None)
        proxy.heal()
        await eventually_async(registration.prove)
        await coordinator.watch(EXECUTORS)
    await asyncio.to_thread(expire, coordinator, zk_chroot)
    await eventually_async(registration.prove)
    await leads(await coordinator.stand(member()))


async def test_a_password_is_replaced_while_the_cluster_runs(
    make: Open, digest: Access, zk_chroot: str, password_file: Path
) -> None:
    async def joined() -> tuple[ZooKeeperCoordinator, Candidacy, Member]:
        coordinator = await started(make(zk_chroot, access=digest))
        await coordinator.announce(NODES, me := member(f"node-{next(numbers)}"))
        return coordinator, await coordinator.stand(me), me

    async def see_each_other(*nodes: tuple[ZooKeeperCoordinator, Candidacy, Member]) -> None:
        for coordinator, _, _ in nodes:
            await shows(await coordinator.watch(NODES), *(me for _, _, me in nodes))

    numbers = itertools.count(1)
    first = await joined()
    put(password_file, "fresh\nsecret\n")
    second = await joined()
    await see_each_other(first, second)
    await first[0].close()
    await leads(second[1])
    put(password_file, "fresh\n")
    third = await joined()
    await see_each_other(second, third)
    await second[0].close()
    await leads(third[1])
    with shell(zk_chroot, auth_data=[("digest", "cluster:fresh")]) as client:
        assert set(map(frozenset, acls(client).values())) == {frozenset(ours("fresh"))}


async def test_a_connection_shows_the_password_that_the_file_has_by_then(
    make: Open, digest: Access, proxy: TcpProxy, through_proxy: str, zk_chroot: str, password_file: Path
) -> None:
    coordinator = await started(make(through_proxy, session=10, access=digest))
    registration = await coordinator.announce(NODES, member())
    put(password_file, "fresh\nsecret\n")
    proxy.cut()
    await eventually_async(lambda: coordinator._session.contact is None)
    proxy.heal()
    await eventually_async(registration.prove)
    with shell(zk_chroot, auth_data=[("digest", "cluster:fresh")]) as client:
        assert acls(client, "/nodes/node-1") == {"/nodes/node-1": ours("fresh", "secret")}


async def test_a_password_file_that_went_bad_is_told_and_the_earlier_password_used(
    make: Open,
    digest: Access,
    proxy: TcpProxy,
    through_proxy: str,
    password_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    coordinator = await started(make(through_proxy, session=10, access=digest))
    registration = await coordinator.announce(EXECUTORS, member("worker"))
    put(password_file, "\n")
    proxy.cut()
    await eventually_async(lambda: coordinator._session.contact is None)
    proxy.heal()
    await eventually_async(registration.prove)
    await coordinator.watch(EXECUTORS)
    assert f"zookeeper_password_file: {password_file}: is empty" in told(caplog)
    assert "the earlier password is used" in told(caplog)


async def test_a_password_may_have_colons_and_blanks(
    make: Open, digest: Access, zk_chroot: str, password_file: Path
) -> None:
    put(password_file, "  a:b c~!\r\n")
    coordinator = await started(make(zk_chroot, access=digest))
    await leads(await coordinator.stand(member()))
    with shell(zk_chroot, auth_data=[("digest", "cluster:a:b c~!")]) as client:
        assert set(map(frozenset, acls(client).values())) == {frozenset(ours("a:b c~!"))}


async def test_a_leader_that_is_shut_out_of_its_own_entry_stops_leading(
    make: Open, digest: Access, zk_chroot: str, owner: KazooClient
) -> None:
    coordinator, other = await started(make(zk_chroot, access=digest)), await started(make(zk_chroot, access=digest))
    candidacy = await coordinator.stand(member())
    await leads(candidacy)
    next_one = await other.stand(member("node-2"))
    (entry,) = [name for name in owner.get_children("/election") if name.startswith("node-1")]
    owner.set_acls(f"/election/{entry}", [make_digest_acl("other", "x", all=True)])
    await leads(next_one)
    assert "its ACL is not for zookeeper_user 'cluster'" in await candidacy.ended()


async def test_a_client_that_replaces_another_is_the_same_user_though_the_file_went_bad(
    make: Open, digest: Access, zk_chroot: str, password_file: Path, owner: KazooClient
) -> None:
    coordinator = await started(make(zk_chroot, access=digest))
    registration = await coordinator.announce(NODES, member())
    put(password_file, "")
    coordinator._session._replace_client()
    await eventually_async(registration.prove)
    await coordinator.announce(EXECUTORS, member("worker"))
    assert set(map(frozenset, acls(owner).values())) == {frozenset(ours())}


BAD_FILES = {
    "empty": ("", "is empty; right would be the password in a line"),
    "blank": (" \n\n", "is empty"),
    "long": ("x" * 5000, "longer than 4096 bytes, so no password"),
    "umlaut": ("pässword", "a password is of printable ASCII characters only"),
    "binary": ("\x00ÿ", "a password is of printable ASCII characters only"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES)
async def test_a_password_file_that_cannot_be_used_stops_the_start(
    make: Open, digest: Access, password_file: Path, content: str, words: str
) -> None:
    put(password_file, content)
    with pytest.raises(BadAccess, match=f"zookeeper_password_file: {password_file}: {words}"):
        await make("127.0.0.1:1/x", access=digest).start()


async def test_a_password_file_that_is_missing_or_a_folder_stops_the_start(make: Open, tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none", "no such file or directory"), (tmp_path, "is a directory")):
        with pytest.raises(BadAccess, match=f"zookeeper_password_file: {path}: {words}"):
            await make("127.0.0.1:1/x", access=Access(user="cluster", password_file=path)).start()


def test_a_user_and_a_password_file_are_told_together(password_file: Path) -> None:
    with pytest.raises(BadAccess, match="zookeeper_password_file: not given, but zookeeper_user is"):
        Access(user="cluster")
    with pytest.raises(BadAccess, match="zookeeper_user: not given, but zookeeper_password_file is"):
        Access(password_file=password_file)
    for user in ("a:b", "ü", "-x", "x" * 65, "a b"):
        with pytest.raises(BadAccess, match=r"zookeeper_user: .* is not 1 to 64 letters, digits"):
            Access(user=user, password_file=password_file)


async def test_the_password_stands_in_no_log(
    make: Open, digest: Access, zk_chroot: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "cronquorum")
    coordinator = await started(make(zk_chroot, access=digest))
    await leads(await coordinator.stand(member()))
    assert "in contact" in caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in repr(digest.identity())


# --- what an operator is told of


def test_doubts(password_file: Path, tmp_path: Path) -> None:
    (tmp_path / "key").touch(mode=0o644)
    user = Access(user="cluster", password_file=password_file)
    tls = Access(user="cluster", password_file=password_file, tls=Tls(ca=tmp_path))

    def doubts(access: Access, hosts: str) -> str:
        return "; ".join(access.doubts(parse_hosts(hosts)))

    assert doubts(Access(), "127.0.0.1,localhost.:1,[::1]:2/x") == doubts(user, "localhost/x") == ""
    assert "can take over this cluster: set zookeeper_user and" in doubts(Access(), "127.0.0.1,zk.example/x")
    assert "password for ZooKeeper travels in plain text: set ca in [zookeeper_tls]" in doubts(user, "10.0.0.1/x")
    assert doubts(tls, "10.0.0.1/x") == ""
    assert "can delete what stands in its root: add a chroot" in doubts(user, "127.0.0.1")
    password_file.chmod(0o604)
    keyed = Access(tls=Tls(ca=tmp_path, cert=tmp_path, key=tmp_path / "key"))
    assert doubts(user, "127.0.0.1/x") == (
        f"zookeeper_password_file: {password_file} can be read by every user of this machine: chmod 600, or 640"
    )
    assert f"zookeeper_tls.key: {tmp_path / 'key'} can be read" in doubts(keyed, "127.0.0.1/x")


async def test_doubts_are_told_at_the_start(
    make: Open, digest: Access, zk_chroot: str, password_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(password_file, "secret", mode=0o644)
    await started(make(zk_chroot, access=digest))
    assert "can be read by every user" in told(caplog)
