"""etcdctl as the tests run it."""

import json
import os
import subprocess
from pathlib import Path

from harness import processes
from harness.processes import Server


class Etcdctl:
    """One etcdctl binary pointed at one server."""

    def __init__(self, program: Path, server: Server) -> None:
        self.program = program
        self.server = server

    def command(self, *words: str) -> list[str]:
        tls = []
        if files := self.server.tls:
            tls += ["--cacert", str(files.ca)]
            if files.client_cert:
                tls += ["--cert", str(files.client_cert), "--key", str(files.client_key)]
        return [str(self.program), f"--endpoints={self.server.url}", *tls, *words]

    def run(self, *words: str, text: str = "", seconds: float = 20) -> subprocess.CompletedProcess:
        """Runs one command; `text` is its standard input."""
        return subprocess.run(
            self.command(*words),
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, "ETCDCTL_API": "3"},
        )

    def __call__(self, *words: str, text: str = "", seconds: float = 20) -> str:
        """The output of a command that must succeed."""
        done = self.run(*words, text=text, seconds=seconds)
        assert done.returncode == 0, (
            f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def json(self, *words: str, **options: object) -> object:
        """The output of a command as JSON."""
        return json.loads(self(*words, "-w", "json", **options))

    def start(self, *words: str) -> subprocess.Popen:
        """Starts a command that goes on, such as `watch`."""
        return subprocess.Popen(
            [*processes.GUARD, *self.command(*words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "ETCDCTL_API": "3"},
        )
