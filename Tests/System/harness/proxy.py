"""A way to PostgreSQL that a test can cut: a TCP proxy of its own for each instance."""

import random
import selectors
import socket
import struct
import threading
import time

BUFFER_BYTES = 1 << 16


class Proxy:
    """Passes bytes on between one port and another, until it is told not to."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._servers: set[socket.socket] = set()
        self._frozen = False
        self._cuts = 0
        self._is_closed = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told: a network that lost a machine."""
        self._frozen = True

    def thaw(self) -> None:
        """The network is back: what was held up goes on its way."""
        self._frozen = False

    def cut_all(self) -> None:
        """Ends every connection at once, both ways."""
        with self._lock:
            for one in list(self._pairs):
                self._end(one)

    def cut_next_answer(self, count: int = 1) -> None:
        """Ends the connection of each of the next answers of the server, in place of the answer.

        What was asked for has been done by then.
        """
        with self._lock:
            self._cuts += count

    def close(self) -> None:
        self._is_closed = True
        self._thread.join(10)
        with self._lock:
            for one in list(self._pairs):
                self._end(one)
        self._selector.close()
        self._listener.close()

    def _run(self) -> None:
        while not self._is_closed:
            if self._frozen:
                # Kernel buffers fill up; nobody is answered.
                time.sleep(0.02)
                continue
            for key, _ in self._selector.select(0.05):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj in self._pairs:
                        self._pass_on(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream), 5)
        except OSError:
            client.close()
            return
        self._servers.add(server)
        for one, other in ((client, server), (server, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        try:
            data = source.recv(BUFFER_BYTES)
            if data and self._cuts and source in self._servers:
                self._cuts -= 1
                data = b""
            if data:
                self._pairs[source].sendall(data)
                return
        except OSError:
            pass
        self._end(source)

    def _end(self, one: socket.socket) -> None:
        """Ends a connection with a reset, so that nothing half sent arrives."""
        other = self._pairs.pop(one, None)
        if other is None:
            return
        self._pairs.pop(other, None)
        for end in (one, other):
            self._servers.discard(end)
            self._selector.unregister(end)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()


def cut_at_random(proxies: list[Proxy], chance: random.Random, seconds: float) -> int:
    """Cuts answers and connections of all proxies for a while. Returns how many times."""
    count = 0
    left = seconds
    while left > 0:
        pause = chance.uniform(0.02, 0.3)
        time.sleep(pause)
        left -= pause
        proxy = chance.choice(proxies)
        if chance.random() < 0.8:
            proxy.cut_next_answer()
        else:
            proxy.cut_all()
        count += 1
    return count
