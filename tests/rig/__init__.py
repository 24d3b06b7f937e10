"""Real servers, processes and broken networks for tests: each a value with a short life.

Nothing here is a stand-in: PostgreSQL, ZooKeeper and our own processes run for real, on loopback, and die
for real. A part that the machine lacks is an error that names the command which installs it, never a
skipped test.
"""

from tests.rig.certificates import Authority, Certificate
from tests.rig.errors import MissingPart
from tests.rig.ports import free_port
from tests.rig.postgres import PostgresServer
from tests.rig.process import ManagedProcess
from tests.rig.proxy import TcpProxy
from tests.rig.waiting import eventually, eventually_async
from tests.rig.zookeeper import ServerTls, ZooKeeperEnsemble, ZooKeeperServer

__all__ = [
    "Authority",
    "Certificate",
    "ManagedProcess",
    "MissingPart",
    "PostgresServer",
    "ServerTls",
    "TcpProxy",
    "ZooKeeperEnsemble",
    "ZooKeeperServer",
    "eventually",
    "eventually_async",
    "free_port",
]
