"""Several instances of Byre on one store in PostgreSQL."""

import time
from dataclasses import dataclass
from pathlib import Path

from harness import paths
from harness.api import Client, types
from harness.processes import ByreServer


@dataclass(eq=False)
class Instance(ByreServer):
    """One instance; `store` says where the store is that it shares with others."""

    store: str = ""

    @property
    def store_url(self) -> str:
        return self.store

    @property
    def admin_url(self) -> str:
        return f"unix:{self.data_dir}/admin.sock"

    def command(self) -> list[str]:
        return [
            str(self.program), "serve", "--data-dir", str(self.data_dir), "--store", self.store,
            "--name", self.data_dir.name, "--listen-client-urls", self.url, *self.flags,
        ]  # fmt: skip

    def wait_serving(self, seconds: float) -> None:
        """Returns when the instance writes and reads again."""
        deadline = time.monotonic() + seconds
        with Client(self.target) as client:
            while True:
                # Every value is written once, for the checks of the history.
                value = f"{time.monotonic_ns()}".encode()
                key = f"probe/{self.data_dir.name}".encode()
                request = types.PutRequest(key=key, value=value)
                answer = client.call("Put", request, seconds=2)
                if answer.ok:
                    return
                if time.monotonic() > deadline:
                    raise AssertionError(
                        f"{self.data_dir.name} does not serve {seconds} s after the fault: "
                        f"{answer.code.name} {answer.details}\n{self.log_tail()}"
                    )
                time.sleep(0.05)


def instances(folder: Path, urls: list[str], *flags: str) -> list[Instance]:
    """An instance for each URL, started one after the other."""
    started: list[Instance] = []
    try:
        for number, url in enumerate(urls):
            data_dir = folder / f"instance-{number}"
            instance = Instance(paths.byre(), data_dir, tuple(flags), store=url)
            started.append(instance)
            instance.start()
    except BaseException:
        for instance in started:
            instance.close()
        raise
    return started
