"""A server of many tenants, and `byre tenant` as the tests run it."""

import json
import subprocess
from pathlib import Path

from harness import paths, processes
from harness.api import Client
from harness.processes import ByreServer, free_port


class TenantServer(ByreServer):
    """A server with a configuration file: a port for each of some tenants, and the admin API."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ports: dict[str, int] = {}
        self.listeners: list[str] = []
        self.settings: list[str] = []

    @property
    def admin_url(self) -> str:
        return f"unix:{self.data_dir}/admin.sock"

    def command(self) -> list[str]:
        return [str(self.program), "serve", "--config", str(self.configure())]

    def configure(self) -> Path:
        """Writes the configuration file."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        listeners = self.listeners + [
            f'{{url: "http://127.0.0.1:{port}", tenant: {name}}}'
            for name, port in self.ports.items()
        ]
        lines = [
            "stores:",
            f'  - {{name: main, url: "sqlite://{self.data_dir}/byre.db"}}',
            "listeners:",
            *(f"  - {listener}" for listener in listeners),
            f'admin: {{url: "{self.admin_url}"}}',
            *self.settings,
        ]
        path = self.data_dir / "byre.yaml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def client(self, tenant: str) -> Client:
        """A client of a tenant, through the port that is its own."""
        return Client(f"127.0.0.1:{self.ports[tenant]}")


class Admin:
    """`byre` as an administrator of one server calls it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        # How a server over TLS and the administrator trust each other: flags of `byre tenant`.
        self.trust: list[object] = []

    def command(self, *words: object) -> list[str]:
        """The command line of `byre tenant ...` on the server."""
        words = (paths.byre(), "tenant", *words, "--admin", self.url, *self.trust)
        return [str(word) for word in words]

    def start(self, *words: object, **options: object) -> subprocess.Popen:
        """Starts `byre tenant ...`."""
        return subprocess.Popen(
            [*processes.GUARD, *self.command(*words)],
            cwd=self.folder,
            **options,
        )

    def run(
        self, *words: object, data: bytes | None = None, seconds: float = 60
    ) -> subprocess.CompletedProcess:
        """Runs `byre tenant ...`; the output is bytes for an export, text otherwise."""
        return subprocess.run(
            self.command(*words),
            input=b"" if data is None else data,
            capture_output=True,
            cwd=self.folder,
            timeout=seconds,
        )

    def __call__(self, *words: object, **options: object) -> str:
        """The output of a command that must succeed."""
        done = self.run(*words, **options)
        assert done.returncode == 0, f"{words}: {done.returncode} {done.stderr.decode()}"
        return done.stdout.decode()

    def json(self, *words: object, **options: object) -> dict:
        return json.loads(self(*words, "-o", "json", **options))

    def fails(self, status: int, *words: object, **options: object) -> str:
        """The one line with which a command must fail."""
        done = self.run(*words, **options)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        lines = done.stderr.decode().strip().splitlines()
        assert len(lines) == 1, f"one clear line, not {lines}"
        assert lines[0].startswith("byre tenant"), lines[0]
        return lines[0]

    def names(self, *flags: str) -> list[str]:
        return [tenant["name"] for tenant in self.json("list", *flags)["tenants"]]

    def export(self, tenant: str, *flags: object) -> bytes:
        done = self.run("export", tenant, *flags)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def start(data_dir: Path, *tenants: str, listeners: tuple[str, ...] = ()) -> TenantServer:
    """A server with a port for each of `tenants`, which need not exist."""
    server = TenantServer(paths.byre(), data_dir)
    ports: set[int] = set()
    while len(ports) < len(tenants):
        ports.add(free_port())
    server.ports = dict(zip(tenants, ports))
    server.listeners = list(listeners)
    return server.start()
