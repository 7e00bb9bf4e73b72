"""The servers that are compared: how each is started, on data of its own."""

import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY = "ready to serve client requests"
QUOTA = "--quota-backend-bytes=8589934592"
STOP_SECONDS = 60

sys.path.insert(0, str(ROOT / "Tests/System"))

from harness.postgres import Cluster  # noqa: E402


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class StartError(Exception):
    """A server ended before it was ready."""


class Server:
    """One server process."""

    def __init__(self, name: str, command: list[str], url: str, data: Path | None = None) -> None:
        """`data` is its data directory; none if that is not on this machine."""
        self.name, self.command, self.url, self.data = name, command, url, data
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said = []
        for line in self.process.stdout:
            said.append(line)
            if READY in line:
                break
        else:
            raise StartError(f"{self.name} did not start:\n{''.join(said[-20:])}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    @property
    def pids(self) -> list[int]:
        return [self.process.pid] if self.process else []

    def flags(self) -> list[str]:
        """What tells byre-bench of this server."""
        flags = [f"--target={self.name}={self.url}"]
        if self.pids:
            flags.append(f"--pid={self.name}={','.join(map(str, self.pids))}")
        if self.data:
            flags.append(f"--data={self.name}={self.data}")
        return flags

    @property
    def shell_command(self) -> str:
        return shlex.join(self.command)


class Remote(Server):
    """An endpoint that somebody else runs."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name, [], url)


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Starts servers, and stops them in the end, whatever happens."""
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.stop()


class Etcd(Server):
    def __init__(self, name: str, program: str, folder: Path, certificates: Path | None = None):
        port, peer = free_port(), free_port()
        scheme = "https" if certificates else "http"
        url = f"{scheme}://127.0.0.1:{port}"
        folder.mkdir(exist_ok=True, mode=0o700)
        command = [
            program, f"--data-dir={folder}", f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
            QUOTA,
        ]  # fmt: skip
        if certificates:
            command += [
                f"--cert-file={certificates}/server/tls.crt",
                f"--key-file={certificates}/server/tls.key",
                f"--trusted-ca-file={certificates}/ca/ca.crt", "--client-cert-auth",
            ]  # fmt: skip
        super().__init__(name, command, url, folder)


class Byre(Server):
    def __init__(self, program: str, folder: Path) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        folder.mkdir(exist_ok=True, mode=0o700)
        command = [
            program, "serve", f"--data-dir={folder}", f"--listen-client-urls={url}", QUOTA,
        ]  # fmt: skip
        super().__init__("Byre", command, url, folder)


class ConfiguredByre(Server):
    """A Byre with a configuration file, an admin socket, and tenants created when it starts."""

    def __init__(
        self, name: str, program: str, folder: Path, *, store: str, listeners: list[str],
        tenants: list[str], url: str, data: Path, settings: str = "",
    ) -> None:  # fmt: skip
        folder.mkdir(exist_ok=True, mode=0o700)
        self.program, self.tenants = program, tenants
        self.admin = f"unix:{folder}/admin.sock"
        config = folder / "config.yaml"
        lines = "".join(f"  - {listener}\n" for listener in listeners)
        config.write_text(
            f'name: {folder.name}\nstores:\n  - {{name: main, url: "{store}"}}\n'
            f'listeners:\n{lines}admin: {{url: "{self.admin}"}}\nquotaBackendBytes: 8Gi\n{settings}'
        )
        super().__init__(name, [program, "serve", f"--config={config}"], url, data)

    def start(self) -> None:
        super().start()
        # Once: a tenant stays.
        for name in self.tenants:
            self.tenant("create", name)
        self.tenants = []

    def tenant(self, verb: str, *words: object) -> None:
        subprocess.run(
            [self.program, "tenant", verb, *map(str, words), f"--admin={self.admin}"],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def listener(url: str, tenant: str) -> str:
    return f'{{url: "{url}", tenant: {tenant}}}'


def of_tenants(count: int) -> tuple[str, list[str], list[str]]:
    """The URL of tenants by number, their listeners, and their names.

    Each has an address of its own, as all of 127.0.0.0/8 is this machine.
    """
    url = f"http://127.0.1.{{tenant}}:{free_port()}"
    names = [f"t{number}" for number in range(count)]
    urls = [url.replace("{tenant}", str(number)) for number in range(count)]
    return url, [listener(*it) for it in zip(urls, names)], names


class ByreWithTenants(ConfiguredByre):
    """A Byre with some tenants: by name, each on a port of its own, or so many by number."""

    def __init__(self, program: str, folder: Path, tenants: list[str] | int) -> None:
        self.neighbour = ""
        if isinstance(tenants, int):
            url, listeners, names = of_tenants(tenants)
        else:
            names = tenants or ["spare"]
            urls = [f"http://127.0.0.1:{free_port()}" for _ in names]
            listeners = [listener(*it) for it in zip(urls, names)]
            url = urls[0]
            self.neighbour = urls[1] if len(urls) > 1 else ""
        super().__init__(
            "Byre", program, folder, store=f"sqlite://{folder}/byre.db", listeners=listeners,
            tenants=names, url=url, data=folder,
        )  # fmt: skip

    def flags(self) -> list[str]:
        more = [f"--neighbour={self.name}={self.neighbour}"] if self.neighbour else []
        return [*super().flags(), *more]


class ByreOnPostgres(ConfiguredByre):
    """Byre on a private PostgreSQL, whose processes count as its own."""

    def __init__(
        self, program: str, folder: Path, tenants: int = 0, name: str = "Byre on PostgreSQL",
        other: "ByreOnPostgres | None" = None,
    ) -> None:  # fmt: skip
        """With `other`, a second instance on the store of the first."""
        self.owns_cluster = other is None
        self.cluster = other.cluster if other else Cluster().create()
        url = f"http://127.0.0.1:{free_port()}"
        self.tenants_url, listeners, names = of_tenants(tenants)
        super().__init__(
            name, program, folder, store=self.cluster.url("bench"),
            listeners=[listener(url, "default"), *listeners], tenants=names, url=url,
            data=self.cluster.data,
        )  # fmt: skip

    @property
    def pids(self) -> list[int]:
        return super().pids + [self.cluster.process.pid]

    def stop(self) -> None:
        super().stop()
        if self.owns_cluster:
            self.cluster.close()

    def of_tenants(self) -> Server:
        """The same server, as its tenants reach it."""
        return Tenants(self)


class Tenants(Server):
    """The tenants of a server, at their addresses."""

    def __init__(self, server: ByreOnPostgres) -> None:
        super().__init__(server.name, [], server.tenants_url, server.data)
        self.server = server

    @property
    def pids(self) -> list[int]:
        return self.server.pids


def make_certificates(byre: str, folder: Path) -> None:
    """A CA, and a certificate of a server."""

    def run(*words: object) -> None:
        subprocess.run([byre, *map(str, words)], check=True, stdout=subprocess.DEVNULL)

    ca = folder / "ca"
    run("ca", "init", "--out", ca)
    run("ca", "server", "--ca", ca, "--out", folder / "server", "--host=127.0.0.1")


class SecureByre(ConfiguredByre):
    """A Byre that tells tenants apart by their certificates."""

    def __init__(self, program: str, folder: Path, certificates: Path, tenants: int) -> None:
        self.certificates = certificates
        url = f"https://127.0.0.1:{free_port()}"
        tls = (
            f"{{certificate: {certificates}/server/tls.crt, key: {certificates}/server/tls.key,"
            f" clientCA: {certificates}/ca/ca.crt}}"
        )
        super().__init__(
            "Byre", program, folder, store=f"sqlite://{folder}/byre.db",
            listeners=[f'{{url: "{url}", tls: {tls}, tenant: {{from: [uriSAN, commonName]}}}}'],
            tenants=[f"t{number}" for number in range(tenants)], url=url, data=folder,
        )  # fmt: skip

    def start(self) -> None:
        names = self.tenants
        super().start()
        for name in names:
            place = self.certificates / name
            self.tenant("certificate", name, "--out", place, "--ca", self.certificates / "ca")


def version(program: str) -> str:
    """The first line of what a program says of its version."""
    if not shutil.which(program):
        return "?"
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return said.splitlines()[0].strip() if said else "?"
