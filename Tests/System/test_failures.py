"""Two and three instances on PostgreSQL while the database, the network or an instance fails.

Under recorded load: every history is linearizable, nothing acknowledged is lost, nothing happens twice,
watches resume where they were, clients are told `Unavailable` and nothing else, and no instance has to
be restarted. Each run prints its seed and how much it has looked at.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import paths
from harness.faults import Load
from harness.instances import Instance, instances
from harness.postgres import Cluster, Pair, Pooler, postgres_url
from harness.proxy import Proxy, cut_at_random
from harness.seed import base_seed

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(paths.byre().name == "etcd", reason="etcd has no such store"),
]

SEEDS = int(os.environ.get("BYRE_FAULT_SEEDS", "1"))
"""How often each fault is run, each time with other load."""
COUNTED: Counter[str] = Counter()
"""What all runs together have looked at."""
SECONDS = float(os.environ.get("BYRE_FAULT_SECONDS", "6"))
"""How long a fault that goes on, goes on."""
PAUSE_SECONDS = float(os.environ.get("BYRE_PAUSE_SECONDS", "30"))
FLAGS = ("--watch-progress-notify-interval=200ms", "--log-level=info")
CALM_SECONDS = 1.5

Fault = Callable[[list[Instance], random.Random], None]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster().create()
    yield cluster
    cluster.close()


@pytest.fixture(params=range(SEEDS))
def seed(request: pytest.FixtureRequest) -> str:
    return f"{base_seed()}-{request.param}"


@pytest.fixture
def schema(request: pytest.FixtureRequest, seed: str) -> str:
    return "byre_" + "".join(it for it in request.node.name.lower() if it.isalnum())[-40:]


def run(folder: Path, urls: list[str], seed: str, fault: Fault) -> None:
    """Load, the fault in the middle of it, and the checks."""
    print(f"BYRE_SEED={base_seed()}, this run's seed {seed}")
    started = instances(folder, urls, *FLAGS)
    try:
        with Load(started, seed) as load:
            time.sleep(CALM_SECONDS)
            fault(started, load.chance)
            print(load.finish())
            COUNTED.update(load.counted, runs=1)
            print("so far:", ", ".join(f"{count} {name}" for name, count in COUNTED.items()))
            for instance in started:
                assert instance.is_running()
                assert load.answered(instance) > 50, "too little load"
    except AssertionError:
        for instance in started:
            print(f"--- {instance.data_dir.name}\n{instance.log_tail()}")
        raise
    finally:
        for instance in started:
            instance.close()


def test_nothing_breaks(tmp_path: Path, cluster: Cluster, schema: str, seed: str) -> None:
    run(tmp_path, [cluster.url(schema)] * 3, seed, lambda *_: time.sleep(CALM_SECONDS))


@pytest.mark.skipif(Pooler.PROGRAM is None, reason="there is no pgbouncer")
def test_nothing_breaks_behind_a_pooler(
    tmp_path: Path, cluster: Cluster, schema: str, seed: str
) -> None:
    """Fewer connections to PostgreSQL than the instances have to the pooler, which ends some."""
    pooler = Pooler(cluster, size=6)

    def fault(_: list[Instance], chance: random.Random) -> None:
        time.sleep(CALM_SECONDS)
        cluster.terminate_connections()

    try:
        run(tmp_path, [pooler.url(schema)] * 2, seed, fault)
    finally:
        pooler.close()


def test_postgres_is_restarted(tmp_path: Path, cluster: Cluster, schema: str, seed: str) -> None:
    def fault(_: list[Instance], chance: random.Random) -> None:
        for mode in (signal.SIGINT, signal.SIGQUIT):
            cluster.stop(mode)
            time.sleep(chance.uniform(0, 2))
            cluster.start()
            time.sleep(2)
        cluster.kill()
        cluster.start()

    run(tmp_path, [cluster.url(schema)] * 3, seed, fault)


def test_connections_are_terminated(
    tmp_path: Path, cluster: Cluster, schema: str, seed: str
) -> None:
    """`pg_terminate_backend` at any moment, in the middle of commits too."""

    def fault(_: list[Instance], chance: random.Random) -> None:
        end = time.monotonic() + SECONDS
        count = 0
        while time.monotonic() < end:
            count += cluster.terminate_connections()
            time.sleep(chance.uniform(0, 0.3))
        print(f"{count} connections terminated")
        assert count > 10

    run(tmp_path, [cluster.url(schema)] * 3, seed, fault)


def test_answers_of_commits_are_lost(
    tmp_path: Path, cluster: Cluster, schema: str, seed: str
) -> None:
    """The network cuts connections in place of answers: what was committed, nobody was told."""
    proxies = [Proxy(cluster.port) for _ in range(3)]
    urls = [cluster.url(schema).replace(f":{cluster.port}", f":{it.port}") for it in proxies]

    def fault(_: list[Instance], chance: random.Random) -> None:
        print(f"{cut_at_random(proxies, chance, SECONDS)} cuts")

    try:
        run(tmp_path, urls, seed, fault)
    finally:
        for proxy in proxies:
            proxy.close()


def test_an_instance_is_cut_off(tmp_path: Path, cluster: Cluster, schema: str, seed: str) -> None:
    """Its packets go nowhere, and it is not told; the other goes on meanwhile."""
    proxy = Proxy(cluster.port)
    url = cluster.url(schema)

    def fault(started: list[Instance], chance: random.Random) -> None:
        proxy.freeze()
        time.sleep(2 * SECONDS)
        started[1].wait_serving(1)
        proxy.thaw()

    try:
        run(tmp_path, [url.replace(f":{cluster.port}", f":{proxy.port}"), url], seed, fault)
    finally:
        proxy.close()


def test_the_primary_dies_and_the_standby_takes_over(tmp_path: Path, seed: str) -> None:
    pair = Pair()

    def fault(_: list[Instance], chance: random.Random) -> None:
        pair.primary.kill()
        time.sleep(chance.uniform(0, 2))
        pair.standby.promote()

    try:
        run(tmp_path, [pair.url("byre")] * 3, seed, fault)
    finally:
        pair.close()


def test_a_deposed_primary_comes_back(tmp_path: Path, seed: str) -> None:
    """It takes itself for the primary, accepts writes, and is the first that the URL names. Nobody
    writes to it, nor reads from it."""
    pair = Pair()
    revisions = "SELECT revision, sequence FROM byre.tenant"
    deposed = []

    def fault(started: list[Instance], chance: random.Random) -> None:
        pair.fail_over()
        for instance in started:
            instance.wait_serving(30)
        pair.primary.start()
        deposed.append(pair.primary.sql(revisions))
        for _ in range(3):
            time.sleep(chance.uniform(0.5, 1.5))
            pair.standby.terminate_connections()
        for instance in started:
            instance.wait_serving(30)

    try:
        run(tmp_path, [pair.url("byre")] * 2, seed, fault)
        assert pair.primary.sql(revisions) == deposed[0] != pair.standby.sql(revisions)
    finally:
        pair.close()


def test_an_instance_stands_still(tmp_path: Path, cluster: Cluster, schema: str, seed: str) -> None:
    """SIGSTOP, long enough for everything it held to be given up by others; then SIGCONT."""

    def fault(started: list[Instance], chance: random.Random) -> None:
        started[0].signal(signal.SIGSTOP)
        # Whatever lock it held, the others have it back soon.
        for other in started[1:]:
            other.wait_serving(15)
        time.sleep(PAUSE_SECONDS)
        started[0].signal(signal.SIGCONT)

    run(tmp_path, [cluster.url(schema)] * 3, seed, fault)


def test_instances_are_killed(tmp_path: Path, cluster: Cluster, schema: str, seed: str) -> None:
    def fault(started: list[Instance], chance: random.Random) -> None:
        for _ in range(5):
            victim = chance.choice(started)
            victim.kill()
            time.sleep(chance.uniform(0, 1))
            victim.start()
            time.sleep(chance.uniform(0, 1))

    run(tmp_path, [cluster.url(schema)] * 3, seed, fault)


def test_the_standby_takes_over_from_a_primary_that_is_not_reached(
    tmp_path: Path, seed: str
) -> None:
    """The primary hangs; it is killed only after a while, and its clients had to notice by themselves."""
    pair = Pair()

    def fault(_: list[Instance], chance: random.Random) -> None:
        pair.primary.process.send_signal(signal.SIGSTOP)
        for pid in pair.primary.children():
            os.kill(pid, signal.SIGSTOP)
        time.sleep(SECONDS)
        pair.primary.kill()
        pair.standby.promote()

    try:
        run(tmp_path, [postgres_url([pair.primary, pair.standby], "byre")] * 2, seed, fault)
    finally:
        pair.close()
