"""A hundred tenants at once: a few of them are compared with an etcd each, while all are at work."""

import os
import random
import threading
from pathlib import Path

import pytest

from harness import admin as tenants
from harness import paths, processes
from harness.admin import Admin
from harness.differential import Pair
from harness.operations import Generator, Operation
from harness.seed import base_seed

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own tenants")

TENANTS = 100
SAMPLE = 3
OPERATIONS = int(os.environ.get("BYRE_OPERATIONS", "24000")) // 20
SEED = base_seed()


class Neighbours(threading.Thread):
    """Puts, reads, deletes and counts in a number of tenants, in turn, until it is told to stop."""

    def __init__(self, server, names: list[str], seed: str) -> None:
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.clients = {name: server.client(name) for name in names}
        self.model: dict[str, dict[bytes, bytes]] = {name: {} for name in names}
        self.ends = threading.Event()
        self.rounds = 0
        self.failure: AssertionError | None = None

    def run(self) -> None:
        try:
            while not self.ends.is_set():
                for name in self.clients:
                    self.work(name)
                self.rounds += 1
        except AssertionError as error:
            self.failure = error

    def work(self, name: str) -> None:
        client, model = self.clients[name], self.model[name]
        key = b"/registry/pods/%d" % self.random.randrange(50)
        if self.random.random() < 0.7:
            model[key] = self.random.randbytes(self.random.randrange(200)) + name.encode()
            client.put(key, model[key])
        else:
            client.delete(key)
            model.pop(key, None)
        found = {pair.key: pair.value for pair in client.get_prefix(b"/").kvs}
        assert found == model, f"{name} does not hold what was put there"

    def end(self) -> None:
        self.ends.set()
        self.join(60)
        for client in self.clients.values():
            client.close()
        if self.failure:
            raise self.failure


def test_a_hundred_tenants_answer_as_that_many_etcds_would(tmp_path: Path) -> None:
    print(f"BYRE_SEED={SEED}")
    names = [f"tenant-{number}" for number in range(TENANTS)]
    sample = random.Random(SEED).sample(names, SAMPLE)
    others = [name for name in names if name not in sample]
    references = [processes.etcd(tmp_path / f"etcd-{name}") for name in sample]
    pairs: list[Pair] = []
    with tenants.start(tmp_path / "data", *names) as server:
        admin = Admin(server.admin_url, tmp_path)
        for name in names:
            admin("create", name, "--space-mode=strict")
        loads = [Neighbours(server, others[start::2], f"{SEED}-{start}") for start in (0, 1)]
        try:
            for reference in references:
                reference.start(wait=False)
            for name, reference in zip(sample, references):
                reference.wait_ready()
                pairs.append(Pair(reference.target, f"127.0.0.1:{server.ports[name]}"))
            for load in loads:
                load.start()
            generators = [
                Generator(f"{SEED}-{name}", pair.view, chosen_leases=True)
                for name, pair in zip(sample, pairs)
            ]
            for _ in range(OPERATIONS):
                for generator, pair in zip(generators, pairs):
                    pair.apply(generator.next())
            for pair in pairs:
                pair.apply(Operation("sync"))
        finally:
            for load in loads:
                load.end()
            for pair in pairs:
                pair.close()
            for reference in references:
                reference.close()
        assert all(load.rounds > 0 for load in loads)
