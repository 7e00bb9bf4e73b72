#!/usr/bin/env python3
"""Measures what one tenant feels of another, in Byre and in etcd, and prints a Markdown table.

The victim updates one key after another with the transaction that a kube-apiserver sends (compare the
key's revision, put, else get), by one client. Its neighbour, another tenant in Byre and another prefix
in etcd, is silent, or writes with 256 clients at once, or lists 100 MB over and over. Each server runs
alone, so that the other's load is not in its figures; load comes from h2load, on the same cores.

    python noisy.py [--byre PROGRAM] [--etcd PROGRAM] [--rounds N] [--seconds N] [--only SERVER]
"""

import argparse
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from quick import ROOT, Server, field, free_port, get, put

VICTIM, NEIGHBOUR = "victim", "neighbour"
VALUE = b"x" * 1024
# Listed as 10,000 keys of 10 KiB.
LARGE = b"y" * 10_240


def update(key: bytes) -> bytes:
    """A kube-apiserver's update; the comparison holds whatever the revision is."""
    # Compare: result GREATER 1, target MOD 2, key 3, mod_revision 6 of -1.
    negative = b"\xff" * 9 + b"\x01"
    compare = field(1, 1) + field(2, 2) + field(3, key) + b"\x30" + negative
    success = field(2, put(key, VALUE))
    failure = field(1, get(key))
    return field(1, compare) + field(2, success) + field(3, failure)


class Byre(Server):
    """A Byre with a listener for each tenant."""

    def __init__(self, program: str, folder: Path) -> None:
        self.ports = {name: free_port() for name in (VICTIM, NEIGHBOUR)}
        self.admin = folder / "admin.sock"
        config = folder / "config.yaml"
        listeners = "".join(
            f'  - {{url: "http://127.0.0.1:{port}", tenant: {name}}}\n'
            for name, port in self.ports.items()
        )
        config.write_text(
            f'stores:\n  - {{name: main, url: "sqlite://{folder}/byre.db"}}\n'
            f'listeners:\n{listeners}admin: {{url: "unix:{self.admin}"}}\n'
        )
        super().__init__(
            "Byre", [program, "serve", f"--config={config}"], self.ports[VICTIM], folder
        )
        self.program = program

    def start(self) -> float:
        took = super().start()
        for name in self.ports:
            subprocess.run(
                [self.program, "tenant", "create", name, f"--admin=unix:{self.admin}"],
                check=True,
                stdout=subprocess.DEVNULL,
            )
        return took

    def prefix(self, tenant: str) -> bytes:
        return b"/registry/"

    def of(self, tenant: str) -> "Server":
        return View(self, self.ports[tenant])


class Etcd(Server):
    """An etcd that two API servers share by prefix."""

    def __init__(self, program: str, folder: Path) -> None:
        port, peer = free_port(), free_port()
        url = f"http://127.0.0.1:{port}"
        super().__init__(
            "etcd",
            [
                program,
                f"--data-dir={folder}",
                f"--listen-client-urls={url}",
                f"--advertise-client-urls={url}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                "--quota-backend-bytes=8589934592",
            ],
            port,
            folder,
        )

    def prefix(self, tenant: str) -> bytes:
        return f"/{tenant}/registry/".encode()

    def of(self, tenant: str) -> "Server":
        return self


class View(Server):
    """A server as one of its tenants reaches it."""

    def __init__(self, server: Server, port: int) -> None:
        super().__init__(server.name, [], port, server.folder)
        self.process = server.process


class Load:
    """An h2load that sends one message over and over."""

    def __init__(self, folder: Path, name: str) -> None:
        self.body, self.log = folder / f"{name}.body", folder / f"{name}.log"

    def start(
        self, server: Server, method: str, message: bytes, clients: int, streams: int, seconds: int
    ) -> subprocess.Popen[str]:
        self.body.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
        self.log.unlink(missing_ok=True)
        return subprocess.Popen(
            [
                "h2load",
                f"--duration={seconds}",
                f"--clients={clients}",
                f"--max-concurrent-streams={streams}",
                "--window-bits=24",
                "--connection-window-bits=24",
                f"--data={self.body}",
                f"--log-file={self.log}",
                "--header=content-type: application/grpc",
                "--header=te: trailers",
                f"http://127.0.0.1:{server.port}/etcdserverpb.{method}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def milliseconds(self) -> list[float]:
        """What each request took; the log has start, HTTP status and microseconds of each."""
        lines = self.log.read_text().splitlines()
        times = [int(line.split("\t")[2]) / 1000 for line in lines if "\t200\t" in line]
        if not times:
            raise SystemExit("no request of the victim was answered")
        return sorted(times)


def noises(server: Byre | Etcd) -> dict[str, tuple[str, bytes, int, int] | None]:
    """The neighbour's doings: method, message, clients, streams of each."""
    prefix = server.prefix(NEIGHBOUR)
    large = prefix + b"large/"
    return {
        "alone": None,
        "256 writers": ("KV/Put", put(prefix + b"flood", VALUE), 16, 16),
        "lists of 100 MB": ("KV/Range", get(large, large[:-1] + b"0"), 1, 1),
    }


def measure(server: Byre | Etcd, folder: Path, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Percentiles of the victim's updates beside each noise: the median of the rounds."""
    key = server.prefix(VICTIM) + b"pods/default/web"
    victim, neighbour = server.of(VICTIM), server.of(NEIGHBOUR)
    with victim.channel() as channel:
        victim.call(channel, "KV/Put", put(key, VALUE))
    template = server.prefix(NEIGHBOUR).decode() + "large/%06d"
    neighbour.fill(10_000, LARGE, template, batch=50)
    seen: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(rounds):
        for name, noise in noises(server).items():
            loud = None
            if noise:
                loud = Load(folder, "loud").start(neighbour, *noise, seconds + 4)
                time.sleep(1)
            load = Load(folder, "victim")
            load.start(victim, "KV/Txn", update(key), 1, 1, seconds).wait()
            times = load.milliseconds()
            if loud:
                loud.terminate()
                loud.wait()
                time.sleep(0.5)
            seen.setdefault(name, []).append(
                (
                    len(times) / seconds,
                    times[len(times) // 2],
                    times[len(times) * 99 // 100],
                )
            )
    return {
        name: [statistics.median(column) for column in zip(*rows)] for name, rows in seen.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--byre", default=str(ROOT / ".build/release/byre"))
    parser.add_argument("--etcd", default=shutil.which("etcd", path=str(Path(sys.executable).parent)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", default="", help="the server of this name, and not the other")
    arguments = parser.parse_args()
    print("| server | the neighbour | updates /s | p50 ms | p99 ms | p99, times alone |")
    print("|---|---|---:|---:|---:|---:|")
    for kind, program in ((Byre, arguments.byre), (Etcd, arguments.etcd)):
        if not program or arguments.only.lower() not in kind.__name__.lower():
            continue
        with tempfile.TemporaryDirectory(prefix="byre-bench-") as name:
            server = kind(program, Path(name))
            server.start()
            try:
                results = measure(server, Path(name), arguments.rounds, arguments.seconds)
            finally:
                server.process.kill()
                server.process.wait()
        for noise, (rate, median, worst) in results.items():
            ratio = worst / results["alone"][2]
            print(
                f"| {server.name} | {noise} | {rate:,.0f} | {median:.2f} | {worst:.2f}"
                f" | {ratio:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
