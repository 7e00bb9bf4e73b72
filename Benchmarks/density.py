#!/usr/bin/env python3
"""Measures what tenants, keys and TLS connections cost one Byre, and prints a Markdown table.

Each tenant has certificates of its own and several TLS connections, each with one watch, as idle API
servers have. Memory is the growth of the server's resident memory, divided by how many there are.

    python density.py [--byre PROGRAM] [--tenants N] [--connections N] [--keys N] [--seconds N]
"""

import argparse
import re
import shutil
import socket
import ssl
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import grpc

from quick import ROOT, Server, field, free_port, varint

KIB = 1024
# More tenants, without a key or a connection, for what such a one costs.
EMPTY_TENANTS = 2_000
# What 200 tenants have with an API server of 65 connections each.
ALL_CONNECTIONS = 13_000
# Tenants created by the command, for what it takes beside the server.
COMMANDS = 30
KEY = "/registry/pods/namespace-%09d"


class Byre(Server):
    """A Byre that tells tenants apart by certificates, and shows the first to a plaintext port."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.admin = folder / "admin.sock"
        self.secure = free_port()
        plain = free_port()
        self.byre("ca", "init", "--out", folder / "ca")
        self.byre(
            "ca", "server", "--ca", folder / "ca", "--out", folder / "server", "--host=127.0.0.1"
        )
        tls = "{certificate: server/tls.crt, key: server/tls.key, clientCA: ca/ca.crt}"
        config = folder / "config.yaml"
        config.write_text(
            f'stores:\n  - {{name: main, url: "sqlite://{folder}/byre.db"}}\n'
            f'listeners:\n  - {{url: "http://127.0.0.1:{plain}", tenant: default}}\n'
            f'  - url: "https://127.0.0.1:{self.secure}"\n    tls: {tls}\n'
            f"    tenant: {{from: [uriSAN, commonName]}}\n"
            f'admin: {{url: "unix:{self.admin}"}}\n'
        )
        super().__init__("Byre", [program, "serve", f"--config={config}"], plain, folder)

    def byre(self, *words: object) -> None:
        subprocess.run(
            [self.program, *map(str, words)], check=True, stdout=subprocess.DEVNULL
        )

    def admin_channel(self) -> grpc.Channel:
        return grpc.insecure_channel(f"unix:{self.admin}")

    def tenant(self, verb: str, *words: object) -> None:
        self.byre("tenant", verb, *words, f"--admin=unix:{self.admin}")

    def settled_kib(self) -> int:
        """Resident memory once it no longer changes by itself."""
        last = self.rss_kib()
        while True:
            time.sleep(0.3)
            now = self.rss_kib()
            if abs(now - last) < KIB:
                return now
            last = now


def create(channel: grpc.Channel, name: str) -> float:
    """Creates a tenant with a quota of 1 GiB over the admin API; the seconds until it is there."""
    limits = field(1, 1 << 30)
    request = field(1, name.encode()) + field(4, field(1, limits))
    began = time.monotonic()
    channel.unary_unary("/byre.v1.TenantService/Create")(request)
    return time.monotonic() - began


# HTTP/2 by hand: the load is to be cheap, and needs four frames.


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">IBBI", len(payload), kind, flags, stream)[1:] + payload


def literal(name: bytes, value: bytes) -> bytes:
    return b"\0" + varint(len(name)) + name + varint(len(value)) + value


HEAD = b"".join(
    literal(name, value)
    for name, value in [
        (b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/etcdserverpb.Watch/Watch"),
        (b":authority", b"127.0.0.1"), (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]
)  # fmt: skip
CREATE = field(1, field(1, b"/registry/") + field(2, b"/registry0"))
WATCH = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + frame(4, 0, 0, b"")
    + frame(1, 4, 1, HEAD)
    + frame(0, 0, 1, b"\0" + struct.pack(">I", len(CREATE)) + CREATE)
)


def watch(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A connection with a watch on it, which has been confirmed."""
    plain = socket.create_connection(("127.0.0.1", port))
    # Or the kernel keeps the request back until the end of the handshake is acknowledged: 40 ms.
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = context.wrap_socket(plain, server_hostname="127.0.0.1")
    connection.sendall(WATCH)
    connection.settimeout(10)
    seen = b""
    # A DATA frame on stream 1: the watch is created.
    while not re.search(rb"\0\0.\0\0\0\0\0\x01", seen, re.DOTALL):
        part = connection.recv(4096)
        if not part:
            raise SystemExit("the server closed a connection")
        seen += part
    return connection


def connect(
    server: Byre, contexts: list[ssl.SSLContext], each: int, seconds: float
) -> list[ssl.SSLSocket]:
    """Connections with a watch, of all tenants in turn, until there are enough or the time is over."""
    end = time.monotonic() + seconds
    open_ones = []
    for _ in range(each):
        for context in contexts:
            if time.monotonic() > end:
                return open_ones
            open_ones.append(watch(server.secure, context))
    return open_ones


def measure(arguments: argparse.Namespace, folder: Path) -> list[tuple[str, str]]:
    rows = []
    server = Byre(arguments.byre, folder)
    server.start()
    with server.admin_channel() as channel:
        # The first call has the connection made.
        create(channel, "first")
        times = [create(channel, f"t{number}") for number in range(arguments.tenants)]
    rows.append(("creating a tenant, ms (median)", f"{statistics.median(times) * 1e3:.2f}"))
    times = []
    for number in range(COMMANDS):
        began = time.monotonic()
        server.tenant("create", f"by-command-{number}", "--quota-bytes=1Gi")
        times.append(time.monotonic() - began)
    rows.append(
        ("the same by a command, its own start included", f"{statistics.median(times) * 1e3:.1f}")
    )
    contexts = []
    for number in range(arguments.tenants):
        place = folder / f"t{number}"
        server.tenant("certificate", f"t{number}", "--out", place, "--ca", folder / "ca")
        context = ssl.create_default_context(cafile=place / "ca.crt")
        context.load_cert_chain(place / "tls.crt", place / "tls.key")
        context.set_alpn_protocols(["h2"])
        contexts.append(context)
    before = server.settled_kib()
    open_ones = connect(server, contexts, arguments.connections, arguments.seconds)
    per_connection = (server.settled_kib() - before) / len(open_ones)
    rows.append(
        (
            f"a TLS connection with a watch, KiB ({len(open_ones):,} of {arguments.tenants} tenants)",
            f"{per_connection:.1f}",
        )
    )
    how = "" if len(open_ones) == ALL_CONNECTIONS else ", extrapolated"
    total = per_connection * ALL_CONNECTIONS / KIB
    rows.append((f"{ALL_CONNECTIONS:,} of them, MiB{how}", f"{total:.0f}"))
    for connection in open_ones:
        connection.close()

    server.stop()
    server.start()
    before = server.settled_kib()
    with server.admin_channel() as channel:
        for number in range(EMPTY_TENANTS):
            create(channel, f"empty-{number}")
    grown = server.settled_kib() - before
    rows.append((f"an empty tenant, KiB ({EMPTY_TENANTS:,})", f"{grown / EMPTY_TENANTS:.1f}"))

    # Measured after a start each time, so that what requests left in buffers is in neither figure.
    server.stop()
    server.start()
    without_keys = server.settled_kib()
    server.fill(arguments.keys, b"", KEY)
    server.stop()
    server.start()
    grown = (server.settled_kib() - without_keys) * KIB
    length = len(KEY % 0)
    each = grown / arguments.keys - length
    rows.append(
        (f"a key of {length} bytes, bytes beside its length ({arguments.keys:,})", f"{each:.0f}")
    )
    server.stop()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--byre", default=str(ROOT / ".build/release/byre"))
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--connections", type=int, default=65, help="of each tenant")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=120, help="at most, to connect")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="byre-density-"))
    try:
        rows = measure(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("| cost in Byre | |\n|---|---:|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
