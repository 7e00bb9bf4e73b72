"""Servers of many tenants: a configuration file, the admin socket, and `byre tenant`."""

import json
import subprocess
from pathlib import Path

from harness import paths, processes
from harness.api import Client


class ConfiguredServer(processes.Server):
    """A Byre started with `--config`; the file is written by the test, below `folder`."""

    @property
    def file(self) -> Path:
        return self.data_dir / "byre.yaml"

    @property
    def admin_socket(self) -> Path:
        return self.data_dir / "admin.sock"

    def command(self) -> list[str]:
        return [str(self.program), "serve", "--config", str(self.file)]

    def configure(self, listeners: list[dict], **more: object) -> "ConfiguredServer":
        """Writes the file. JSON is YAML, and quotes everything that must be."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        document = {
            "stores": [{"name": "main", "url": self.store_url}],
            "listeners": listeners,
            "admin": {"url": f"unix:{self.admin_socket}"},
            **more,
        }
        self.file.write_text(json.dumps(document, indent=2))
        return self

    # Tenants

    def tenant(self, verb: str, *words: object, ok: bool = True) -> subprocess.CompletedProcess:
        """Runs `byre tenant VERB ...` on the server's admin socket."""
        done = processes.run(
            [self.program, "tenant", verb, *words, "--admin", f"unix:{self.admin_socket}"]
        )
        assert not ok or done.returncode == 0, f"tenant {verb} {words}\n{done.stdout}{done.stderr}"
        return done

    def create(self, name: str, *flags: object) -> dict:
        """Creates a tenant and returns what the server says of it."""
        self.tenant("create", name, *flags)
        return self.show(name)

    def show(self, name: str) -> dict:
        return json.loads(self.tenant("show", name, "-o", "json").stdout)


def configured(folder: Path) -> ConfiguredServer:
    """A server that is not configured yet."""
    return ConfiguredServer(paths.byre(), folder)


def bound(port: int, tenant: str) -> dict:
    """A plaintext listener of one tenant."""
    return {"url": f"http://127.0.0.1:{port}", "tenant": tenant}


def client(port: int, *arguments: object) -> Client:
    return Client(f"127.0.0.1:{port}", *arguments)
