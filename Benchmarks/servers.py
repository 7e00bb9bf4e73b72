"""The servers that are compared: how each is started, on data of its own."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY = "ready to serve client requests"
QUOTA = "--quota-backend-bytes=8589934592"
START_SECONDS = 300

sys.path.insert(0, str(ROOT / "Tests/System"))

from harness.postgres import Cluster  # noqa: E402


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One server process."""

    def __init__(self, name: str, command: list[str], url: str) -> None:
        self.name, self.command, self.url = name, command, url
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
            raise SystemExit(f"{self.name} did not start:\n{''.join(said[-20:])}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def pids(self) -> list[int]:
        return [self.process.pid] if self.process else []

    def flags(self) -> list[str]:
        """What tells byre-bench of this server."""
        flags = [f"--target={self.name}={self.url}"]
        if self.pids:
            flags.append(f"--pid={self.name}={','.join(map(str, self.pids))}")
        return flags

    @property
    def shell_command(self) -> str:
        return shlex.join(self.command)


class Remote(Server):
    """An endpoint that somebody else runs."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name, [], url)

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


class Etcd(Server):
    def __init__(self, name: str, program: str, folder: Path, certificates: Path | None = None):
        port, peer = free_port(), free_port()
        scheme = "https" if certificates else "http"
        url = f"{scheme}://127.0.0.1:{port}"
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
        super().__init__(name, command, url)


class Byre(Server):
    def __init__(self, program: str, folder: Path) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        command = [
            program, "serve", f"--data-dir={folder}", f"--listen-client-urls={url}", QUOTA,
        ]  # fmt: skip
        super().__init__("Byre", command, url)


class ByreOnPostgres(Server):
    """Byre on a private PostgreSQL, whose processes count as its own."""

    def __init__(
        self, program: str, folder: Path, name: str = "Byre on PostgreSQL",
        other: "ByreOnPostgres | None" = None,
    ) -> None:
        """With `other`, a second instance on the store of the first."""
        folder.mkdir()
        self.owns_cluster = other is None
        self.cluster = other.cluster if other else Cluster().create()
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        config = folder / "config.yaml"
        config.write_text(
            f'name: {folder.name}\nstores:\n  - {{name: main, url: "{self.cluster.url("bench")}"}}\n'
            f'quotaBackendBytes: 8Gi\nlisteners:\n  - {{url: "{url}", tenant: default}}\n'
            f'admin: {{url: "unix:{folder}/admin.sock"}}\n'
        )
        super().__init__(name, [program, "serve", f"--config={config}"], url)

    @property
    def pids(self) -> list[int]:
        return super().pids + [self.cluster.process.pid]

    def stop(self) -> None:
        super().stop()
        if self.owns_cluster:
            self.cluster.close()


class ByreWithTenants(Server):
    """A Byre with a victim and a neighbour, each on a port of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        folder.mkdir()
        self.program, self.admin = program, folder / "admin.sock"
        urls = {name: f"http://127.0.0.1:{free_port()}" for name in ("victim", "neighbour")}
        listeners = "".join(
            f'  - {{url: "{url}", tenant: {name}}}\n' for name, url in urls.items()
        )
        config = folder / "config.yaml"
        config.write_text(
            f'stores:\n  - {{name: main, url: "sqlite://{folder}/byre.db"}}\n'
            f'listeners:\n{listeners}admin: {{url: "unix:{self.admin}"}}\n'
        )
        super().__init__("Byre", [program, "serve", f"--config={config}"], urls["victim"])
        self.tenants = list(urls)
        self.neighbour = urls["neighbour"]

    def start(self) -> None:
        super().start()
        for name in self.tenants:
            subprocess.run(
                [self.program, "tenant", "create", name, f"--admin=unix:{self.admin}"],
                check=True,
                stdout=subprocess.DEVNULL,
            )

    def flags(self) -> list[str]:
        return [*super().flags(), f"--neighbour={self.name}={self.neighbour}"]


def make_certificates(byre: str, folder: Path) -> None:
    """A CA, and a certificate of a server."""

    def run(*words: object) -> None:
        subprocess.run([byre, *map(str, words)], check=True, stdout=subprocess.DEVNULL)

    ca = folder / "ca"
    run("ca", "init", "--out", ca)
    run("ca", "server", "--ca", ca, "--out", folder / "server", "--host=127.0.0.1")


class SecureByre(Server):
    """A Byre that tells tenants apart by their certificates."""

    def __init__(self, program: str, folder: Path, certificates: Path, tenants: int) -> None:
        folder.mkdir()
        self.program, self.tenants = program, tenants
        # What each command took that creates a tenant, its own start included.
        self.creation_seconds: list[float] = []
        self.certificates, self.admin = certificates, folder / "admin.sock"
        url = f"https://127.0.0.1:{free_port()}"
        tls = (
            f"{{certificate: {certificates}/server/tls.crt, key: {certificates}/server/tls.key,"
            f" clientCA: {certificates}/ca/ca.crt}}"
        )
        config = folder / "config.yaml"
        config.write_text(
            f'stores:\n  - {{name: main, url: "sqlite://{folder}/byre.db"}}\n'
            f'listeners:\n  - url: "{url}"\n    tls: {tls}\n'
            f"    tenant: {{from: [uriSAN, commonName]}}\n"
            f'admin: {{url: "unix:{self.admin}"}}\n'
        )
        super().__init__("Byre", [program, "serve", f"--config={config}"], url)

    def start(self) -> None:
        super().start()
        self.creation_seconds = []
        for number in range(self.tenants):
            place = self.certificates / f"t{number}"
            began = time.monotonic()
            self.tenant("create", f"t{number}")
            self.creation_seconds.append(time.monotonic() - began)
            self.tenant(
                "certificate", f"t{number}", "--out", place, "--ca", self.certificates / "ca"
            )

    def tenant(self, verb: str, *words: object) -> None:
        subprocess.run(
            [self.program, "tenant", verb, *map(str, words), f"--admin=unix:{self.admin}"],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def version(program: str) -> str:
    """The first line of what a program says of its version."""
    if not shutil.which(program):
        return "?"
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return said.splitlines()[0].strip() if said else "?"


class Fsyncs:
    """Counts the syncs of processes while it is open, by strace: it slows them down."""

    CALLS = "fsync,fdatasync,sync_file_range"

    def __init__(self, pids: list[int], folder: Path) -> None:
        self.output = folder / "strace"
        words = ["strace", "-f", "-c", "-e", f"trace={self.CALLS}", "-o", str(self.output)]
        for pid in pids:
            words += ["-p", str(pid)]
        self.process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        time.sleep(0.5)

    def close(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)
        text = self.output.read_text()
        counts = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*sync", text, re.MULTILINE)
        return sum(map(int, counts))


def cores() -> int:
    return len(os.sched_getaffinity(0))
