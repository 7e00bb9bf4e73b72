"""`byre controller` as the tests run it, with a file of tenants and a place for credentials."""

import json
import os
import signal
import subprocess
from pathlib import Path

from harness import paths, processes


class Controller:
    """Controllers of one file of tenants, for one server."""

    def __init__(self, admin_url: str, folder: Path) -> None:
        self.admin_url = admin_url
        self.folder = folder
        self.file = folder / "tenants.yaml"
        self.credentials = folder / "credentials"
        self.authority = folder / "ca"
        self.more: list[object] = []
        done = processes.run([paths.byre(), "ca", "init", "--out", self.authority])
        assert done.returncode == 0, done.stderr

    def declare(self, *tenants: dict, **defaults: object) -> None:
        """Replaces the file; JSON is YAML."""
        text = json.dumps({"defaults": defaults, "tenants": list(tenants)})
        unfinished = self.file.with_suffix(".tmp")
        unfinished.write_text(text + "\n")
        unfinished.rename(self.file)

    def command(self, *words: object) -> list[str]:
        return [
            str(word)
            for word in (
                *(paths.byre(), "controller", "--admin", self.admin_url),
                *("--file", self.file, "--credentials", self.credentials),
                *("--ca", self.authority, "--endpoint", "https://byre.example:2379"),
                *self.more,
                *words,
            )
        ]

    def run(self, *words: object, seconds: float = 120) -> subprocess.CompletedProcess:
        return processes.run(self.command(*words), seconds)

    def once(self, *words: object, status: int = 0, seconds: float = 120) -> dict:
        """What `--once` says of each tenant, by name."""
        done = self.run("--once", "-o", "json", *words, seconds=seconds)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr[-3000:])
        return {it["name"]: it for it in json.loads(done.stdout)["tenants"]}

    def refuses(self, status: int, *words: object) -> str:
        """What `--once` says on stderr when it changes nothing."""
        done = self.run("--once", *words)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done.stderr

    def plan(self, *words: object) -> list[str]:
        done = self.run("--dry-run", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def start(self, *words: object) -> subprocess.Popen:
        """A controller that goes on; its log, on stderr, says each step before it is done."""
        return subprocess.Popen(
            [*processes.GUARD, *self.command(*words)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_before(self, number: int) -> int:
        """Runs `--once` and kills it when it begins its step of this number, counted from 1.

        Returns how many steps it began; fewer when it ended by itself.
        """
        process = subprocess.Popen(
            self.command("--once", "--workers", "1"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun = 0
        assert process.stderr is not None
        for line in process.stderr:
            if "msg=begins" in line:
                begun += 1
                if begun == number:
                    os.kill(process.pid, signal.SIGKILL)
                    break
        process.stderr.close()
        process.wait(30)
        return begun

    def stored(self, tenant: str, name: str) -> str:
        return (self.credentials / tenant / name).read_text()


def condition(tenant: dict, kind: str) -> tuple[str, str]:
    """The status and the reason of a condition."""
    (found,) = [it for it in tenant["conditions"] if it["type"] == kind]
    return found["status"], found["reason"]


def message(tenant: dict, kind: str) -> str:
    (found,) = [it for it in tenant["conditions"] if it["type"] == kind]
    return found["message"]
