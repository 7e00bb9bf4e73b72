"""Server processes: started on free ports, waited for by their ready line, never left behind."""

import atexit
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import paths, stores
from harness.ports import ServerError, free_port

READY_LINE = "ready to serve client requests"
READY_SECONDS_MAX = 30.0
GUARD = ("setpriv", "--pdeathsig", "KILL")
"""Starts a program so that the kernel kills it when the test process goes away, however that ends.

Not done in the child between fork and exec: gRPC's threads do not survive a fork.
"""
_running: set["Server"] = set()


@dataclass(frozen=True)
class TLSFiles:
    """The files of one TLS listener and of one client that may talk to it."""

    cert: Path
    key: Path
    ca: Path
    client_cert: Path | None = None
    client_key: Path | None = None

    def server_flags(self) -> list[str]:
        """etcd's flags for this listener; with a client certificate in the set it is demanded."""
        flags = [f"--cert-file={self.cert}", f"--key-file={self.key}"]
        if self.client_cert:
            flags += [f"--trusted-ca-file={self.ca}", "--client-cert-auth"]
        return flags


@dataclass(eq=False)
class Server:
    """One server process and its data directory. Restarting keeps the directory and the port."""

    program: Path
    data_dir: Path
    flags: tuple[str, ...] = ()
    tls: TLSFiles | None = None
    unix_socket: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    def __post_init__(self) -> None:
        self._log: list[str] = []
        self._ready = threading.Event()
        self._reader: threading.Thread | None = None

    @property
    def is_etcd(self) -> bool:
        """Whether this is real etcd, as reference or as the subject."""
        return self.program.name == "etcd"

    # Addresses

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    @property
    def url(self) -> str:
        """What a client is given: `http://127.0.0.1:PORT`, or `unix://PATH`."""
        if self.unix_socket:
            return f"unix://{self.unix_socket}"
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def target(self) -> str:
        """The same address in gRPC's spelling."""
        return f"unix:{self.unix_socket}" if self.unix_socket else f"127.0.0.1:{self.port}"

    @property
    def store_url(self) -> str:
        """Where Byre keeps the data."""
        return stores.url(self.data_dir)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    # Life

    def command(self) -> list[str]:
        """The command line. Subclasses say how their program is spelt."""
        raise NotImplementedError

    def start(self, wait: bool = True) -> "Server":
        """Starts the process and waits for its ready line."""
        assert self.process is None or self.process.poll() is not None
        self._ready.clear()

        self.process = subprocess.Popen(
            [*GUARD, *self.prefix, *self.command()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment},
        )
        _running.add(self)
        self._reader = threading.Thread(target=self._read_log, args=(self.process,), daemon=True)
        self._reader.start()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds: float = READY_SECONDS_MAX) -> None:
        """Returns when the ready line was printed; fails if the process ends or is silent too long."""
        deadline = time.monotonic() + seconds
        while not self._ready.wait(0.02):
            if self.process.poll() is not None:
                self._reader.join(5)
                if self._ready.is_set():
                    return
                raise ServerError(f"exited with {self.process.returncode}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"not ready after {seconds} s\n{self.log_tail()}")

    def kill(self) -> None:
        """SIGKILL, and wait until the kernel has buried it."""
        self.signal(signal.SIGKILL)
        self._bury(10)

    def stop(self, seconds: float = 10) -> int:
        """SIGTERM; returns the exit status (negative: the signal's number)."""
        self.signal(signal.SIGTERM)
        return self._bury(seconds)

    def signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def restart(self) -> "Server":
        """SIGTERM and start again."""
        self.stop(seconds=60 if self.is_etcd else 10)
        return self.start()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def close(self) -> None:
        """The end of a fixture: whatever state the process is in, it is gone afterwards."""
        if self.is_running():
            self.signal(signal.SIGCONT)
            self.kill()
        _running.discard(self)

    def __enter__(self) -> "Server":
        return self if self.is_running() else self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bury(self, seconds: float) -> int:
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise ServerError(f"still running {seconds} s after the signal\n{self.log_tail()}")
        self._reader.join(5)
        _running.discard(self)
        return status

    # What it says and weighs

    def log_text(self) -> str:
        return "".join(self._log)

    def log_tail(self, lines: int = 30) -> str:
        return "".join(self._log[-lines:])

    def rss_bytes(self) -> int:
        """Resident memory of the process now."""
        return self._status_field("VmRSS")

    def peak_rss_bytes(self) -> int:
        """Highest resident memory since the start or the last `reset_peak_rss`."""
        return self._status_field("VmHWM")

    def reset_peak_rss(self) -> None:
        """Makes `peak_rss_bytes` start again from the present size. Linux: proc(5), clear_refs 5."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _status_field(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise ServerError(f"no {name} in /proc/{self.pid}/status")

    def _read_log(self, process: subprocess.Popen) -> None:
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace")
            self._log.append(line)
            if READY_LINE in line:
                self._ready.set()
        process.stdout.close()


class ByreServer(Server):
    """The server under test. With BYRE_BIN naming an `etcd` it is started as one."""

    def command(self) -> list[str]:
        if self.is_etcd:
            return _etcd_command(self)
        command = [str(self.program), "serve", "--data-dir", str(self.data_dir)]
        if stores.is_postgres():
            command += ["--store", self.store_url]
        return command + ["--listen-client-urls", self.url, *self._tls_flags(), *self.flags]

    def _tls_flags(self) -> list[str]:
        return self.tls.server_flags() if self.tls else []


class EtcdServer(Server):
    """Real etcd 3.5.1: the reference."""

    def command(self) -> list[str]:
        # Nobody kills the reference: what it keeps need not be durable.
        return [*_etcd_command(self), "--unsafe-no-fsync"]


# Flags that etcd 3.5 knows under another name.
_RENAMED_SINCE_35 = {
    "--watch-progress-notify-interval": "--experimental-watch-progress-notify-interval",
    "--compaction-batch-limit": "--experimental-compaction-batch-limit",
}


def _etcd_command(server: Server) -> list[str]:
    peer = f"http://127.0.0.1:{free_port()}"
    advertised = "http://127.0.0.111:0" if server.unix_socket else server.url
    flags = []
    for flag in server.flags:
        name, equals, value = flag.partition("=")
        flags.append(_RENAMED_SINCE_35.get(name, name) + equals + value)
    return [
        str(server.program),
        f"--data-dir={server.data_dir}",
        f"--listen-client-urls={server.url}",
        f"--advertise-client-urls={advertised}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        *(server.tls.server_flags() if server.tls else []),
        *flags,
    ]


def byre(data_dir: Path, *flags: str, **options: object) -> ByreServer:
    """The server under test, not yet started."""
    program = paths.byre()
    if not program.exists():
        raise ServerError(f"{program} does not exist: build it, or set BYRE_BIN")
    return ByreServer(program, data_dir, tuple(flags), **options)


def etcd(data_dir: Path, *flags: str, **options: object) -> EtcdServer:
    """The reference, not yet started."""
    return EtcdServer(paths.etcd(), data_dir, tuple(flags), **options)


def run(
    command: list[object], seconds: float = 30, **options: object
) -> subprocess.CompletedProcess:
    """Runs a program to its end and returns its status and output as text."""
    return subprocess.run(
        [*GUARD, *(str(word) for word in command)],
        stdin=options.pop("stdin", subprocess.DEVNULL),
        capture_output=True,
        text=True,
        timeout=seconds,
        **options,
    )


def json_lines(text: str) -> list[object]:
    """The JSON documents of a text, one per line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


@atexit.register
def _kill_the_rest() -> None:
    for server in list(_running):
        server.close()
