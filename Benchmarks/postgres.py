#!/usr/bin/env python3
"""Measures Byre on PostgreSQL beside etcd on this machine and prints Markdown tables.

A private PostgreSQL cluster (fsync and all else as by default) is made for the run. The servers take
turns: each workload is run for a few seconds on one and then on the other, several rounds over; a cell
is the median of the rounds. Load comes from h2load, on the same cores. The CPU of Byre is its own and all
of PostgreSQL's.

    python postgres.py [--byre PROGRAM] [--etcd PROGRAM] [--rounds N] [--seconds N] [--only WORD]
"""

import argparse
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from noisy import update
from quick import ROOT, TICKS, Server, field, free_port, get, put

sys.path.insert(0, str(ROOT / "Tests/System"))

from harness.api import Client  # noqa: E402
from harness.postgres import Cluster  # noqa: E402

TENANTS = 100
VALUE = b"x" * 1024
KEYS = 10_000
WRITES_PER_SECOND = 200
WATCHERS = 4


class ByreOnPostgres(Server):
    """A Byre with a port for each of the tenants; the first one is `default`."""

    def __init__(self, program: str, folder: Path, cluster: Cluster, name: str) -> None:
        folder.mkdir()
        self.cluster = cluster
        ports: set[int] = set()
        while len(ports) <= TENANTS:
            ports.add(free_port())
        self.ports = sorted(ports)
        self.admin = folder / "admin.sock"
        config = folder / "config.yaml"
        listeners = "".join(
            f'  - {{url: "http://127.0.0.1:{port}", tenant: {self.tenant(number)}}}\n'
            for number, port in enumerate(self.ports)
        )
        config.write_text(
            f'name: {name}\nstores:\n  - {{name: main, url: "{cluster.url("bench")}"}}\n'
            f'quotaBackendBytes: 8Gi\nlisteners:\n{listeners}admin: {{url: "unix:{self.admin}"}}\n'
        )
        super().__init__(
            "Byre on PostgreSQL", [program, "serve", f"--config={config}"], self.ports[0], folder
        )
        self.program = program

    @staticmethod
    def tenant(number: int) -> str:
        return f"t{number}" if number else "default"

    def create_tenants(self) -> None:
        for number in range(1, TENANTS + 1):
            words = [self.program, "tenant", "create", self.tenant(number)]
            subprocess.run(
                [*words, f"--admin=unix:{self.admin}"], check=True, stdout=subprocess.DEVNULL
            )

    def place(self, tenant: int) -> tuple[int, bytes]:
        """Port and prefix of a tenant."""
        return self.ports[tenant], b"/registry/"

    def cpu_seconds(self) -> float:
        return super().cpu_seconds() + _cpu_of_tree(self.cluster.process.pid)


class ByreOnSQLite(Server):
    def __init__(self, program: str, folder: Path) -> None:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [program, "serve", f"--data-dir={folder}", f"--listen-client-urls={url}"]
        super().__init__(
            "Byre on SQLite", [*command, "--quota-backend-bytes=8589934592"], port, folder
        )


class Etcd(Server):
    """One etcd, with a prefix for each tenant."""

    def __init__(self, program: str, folder: Path) -> None:
        port, peer = free_port(), free_port()
        url = f"http://127.0.0.1:{port}"
        command = [
            program, f"--data-dir={folder}", f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
            "--quota-backend-bytes=8589934592",
        ]  # fmt: skip
        super().__init__("etcd", command, port, folder)

    def place(self, tenant: int) -> tuple[int, bytes]:
        return self.port, f"/t{tenant}/registry/".encode()


def _cpu_of_tree(pid: int) -> float:
    """CPU of a process, of its children that live, and of those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    total = sum(map(int, fields[11:15])) / TICKS
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


class Loads:
    """Several h2load at once, each with a message and a port of its own."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self.folder, self.seconds = folder, seconds

    def run(
        self, server: Server, method: str, messages: list[tuple[int, bytes, int]], streams: int = 1
    ) -> tuple[float, float]:
        """Sends each (port, message) by so many connections. Returns requests per second, and
        microseconds of server CPU for one."""
        running = []
        before = server.cpu_seconds()
        for number, (port, message, connections) in enumerate(messages):
            body = self.folder / f"body-{number}"
            body.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
            words = [
                "h2load", f"--duration={self.seconds}", f"--clients={connections}",
                f"--max-concurrent-streams={streams}", f"--data={body}",
                "--header=content-type: application/grpc", "--header=te: trailers",
                f"http://127.0.0.1:{port}/etcdserverpb.{method}",
            ]  # fmt: skip
            running.append(
                subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            )
        done = 0
        for process in running:
            text, _ = process.communicate(timeout=self.seconds + 60)
            found = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", text)
            codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
            if not found or not codes or int(codes[4]) or int(codes[3]):
                raise SystemExit(f"{server.name}, {method}: {text}")
            done += int(codes[1])
        if not done:
            raise SystemExit(f"{server.name}, {method}: nothing was answered")
        return done / self.seconds, 1e6 * (server.cpu_seconds() - before) / done


def updates_of_one(server: Server) -> list[tuple[int, bytes, int]]:
    """64 clients of one tenant, eight to a key."""
    port, prefix = server.place(0)
    return [(port, update(prefix + b"leases/node-%d" % it), 8) for it in range(8)]


def updates_of_many(server: Server) -> list[tuple[int, bytes, int]]:
    """256 clients over the tenants."""
    places = [server.place(tenant) for tenant in range(1, TENANTS + 1)]
    return [
        (port, update(prefix + b"leases/node"), 3 if number < 256 - 2 * TENANTS else 2)
        for number, (port, prefix) in enumerate(places)
    ]


def serializable(message: bytes) -> bytes:
    return message + field(7, 1)


def compare(servers: list[Server], arguments: argparse.Namespace, folder: Path) -> None:
    """The table of throughput."""
    loads = Loads(folder, arguments.seconds)
    key = b"/registry/pods/%06d" % (KEYS // 2)
    reads = {
        "serializable point Range, 10 x 10": serializable(get(key)),
        "linearizable point Range, 10 x 10": get(key),
    }
    rows: dict[str, tuple] = {
        "update txn 1 KiB, 64 clients": ("KV/Txn", updates_of_one, 1),
        f"update txn 1 KiB, 256 clients, {TENANTS} tenants": ("KV/Txn", updates_of_many, 1),
    }
    for name, message in reads.items():
        rows[name] = ("KV/Range", lambda server, it=message: [(server.port, it, 10)], 10)
    for server in servers:
        server.fill(KEYS, VALUE, "/registry/pods/%06d")
    names = [server.name for server in servers]
    print("| work | " + " | ".join(f"{name} /s | us CPU" for name in names) + " | ratio |")
    print("|---|" + "---:|" * (2 * len(names) + 1))
    for name, (method, messages, streams) in rows.items():
        if arguments.only not in name:
            continue
        able = [it for it in servers if hasattr(it, "place") or "Range" in name]
        seen: dict[str, list[tuple[float, float]]] = {}
        for server in able:
            for port, message, _ in messages(server):
                if method == "KV/Txn":
                    with Client(f"127.0.0.1:{port}") as client:
                        server.call(client.channel, method, message)
        for _ in range(arguments.rounds):
            for server in able:
                result = loads.run(server, method, messages(server), streams)
                seen.setdefault(server.name, []).append(result)
        medians = {
            it: [statistics.median(column) for column in zip(*results)]
            for it, results in seen.items()
        }
        cells = [
            f"{medians[it][0]:,.0f} | {medians[it][1]:.1f}" if it in medians else " | "
            for it in names
        ]
        ratio = medians[names[0]][0] / medians["etcd"][0]
        print(f"| {name} | " + " | ".join(cells) + f" | {ratio:.2f} |", flush=True)


def watch_delays(writer: Server, watched: Server, seconds: float) -> list[float]:
    """Milliseconds from the call of each write at one server to its event at the other."""
    delays: list[float] = []
    stop = threading.Event()

    def follow() -> None:
        with Client(f"127.0.0.1:{watched.port}") as client, client.watch() as stream:
            stream.create(key=b"/watched/", range_end=b"/watched0")
            ready.release()
            seen = 0
            while not stop.is_set():
                stream.wait_for(lambda it: len(it.received) > seen, 0.5)
                now = time.monotonic_ns()
                with stream.condition:
                    new, seen = stream.received[seen:], len(stream.received)
                for response in new:
                    for event in response.events:
                        delays.append((now - int(event.kv.value)) / 1e6)

    ready = threading.Semaphore(0)
    threads = [threading.Thread(target=follow) for _ in range(WATCHERS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    with Client(f"127.0.0.1:{writer.port}") as client:
        put_call = client.channel.unary_unary("/etcdserverpb.KV/Put")
        calls = []
        began = time.monotonic()
        for number in range(int(WRITES_PER_SECOND * seconds)):
            due = began + number / WRITES_PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            key = b"/watched/%d" % (number % 50)
            calls.append(put_call.future(put(key, b"%d" % time.monotonic_ns())))
        for call in calls:
            call.result()
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    expected = WATCHERS * int(WRITES_PER_SECOND * seconds)
    if len(delays) != expected:
        raise SystemExit(f"{len(delays)} of {expected} events came")
    return sorted(delays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--byre", default=str(ROOT / ".build/release/byre"))
    parser.add_argument("--etcd", default=shutil.which("etcd", path=str(Path(sys.executable).parent)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", default="", help="rows whose name holds this word")
    arguments = parser.parse_args()
    cluster = Cluster().create()
    running: list[Server] = []
    try:
        with tempfile.TemporaryDirectory(prefix="byre-bench-") as name:
            folder = Path(name)
            first = ByreOnPostgres(arguments.byre, folder / "one", cluster, "one")
            others = [Etcd(arguments.etcd, folder / "etcd")]
            others.append(ByreOnSQLite(arguments.byre, folder / "sqlite"))
            for server in [first, *others]:
                server.start()
                running.append(server)
            first.create_tenants()
            compare([first, *others], arguments, folder)
            if arguments.only not in "watch":
                return
            # Only now: its ports are free until somebody else is given them.
            second = ByreOnPostgres(arguments.byre, folder / "two", cluster, "two")
            second.start()
            running.append(second)
            print("\n| watch delivery at 200 writes/s, 4 watchers | p50 ms | p99 ms | max ms |")
            print("|---|---:|---:|---:|")
            rows = [
                ("from one instance to another", first, second),
                ("within an instance on PostgreSQL", first, first),
                ("etcd", others[0], others[0]),
            ]
            for title, writer, watched in rows:
                delays = watch_delays(writer, watched, 5 * arguments.seconds)
                p99 = delays[len(delays) * 99 // 100]
                print(f"| {title} | {delays[len(delays) // 2]:.2f} | {p99:.2f} | {delays[-1]:.2f} |")
    finally:
        for server in running:
            server.process.kill()
            server.process.wait()
        cluster.close()


if __name__ == "__main__":
    main()
