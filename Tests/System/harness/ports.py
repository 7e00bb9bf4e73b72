"""Free ports, and the error of servers that do not come up on them."""

import random
import socket

PORTS = range(12_000, 32_000)


class ServerError(AssertionError):
    """A server did not start or stop as it should; the message holds the end of its log."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody uses at this moment.

    It lies below the ports that outgoing connections get: while a server restarts, a client that tries
    again and again could otherwise be given the server's own port, and connect to itself.
    """
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerError("no free port")
