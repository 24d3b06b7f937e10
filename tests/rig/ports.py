"""Free ports on loopback."""

import random
import socket

# Below the kernel's ephemeral range (32768 and up), so that no outgoing connection takes the port of a server
# that a test has killed and is about to start again.
_LOWEST, _HIGHEST = 15_000, 32_000

_handed_out: set[int] = set()


def free_port() -> int:
    """Return a TCP port that nobody listens on at 127.0.0.1, and that this process was not given before."""
    while True:
        port = random.randint(_LOWEST, _HIGHEST)
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
