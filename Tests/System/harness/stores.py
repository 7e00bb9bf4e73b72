"""Which kind of store the servers of a run keep their data in: `--store sqlite` or `--store postgres`.

A server's store follows from its data directory: the file `byre.db` in it, or a schema of the run's
PostgreSQL cluster that belongs to that directory alone. So a restart finds its store again, and two
servers with one directory share a store.
"""

import hashlib
from pathlib import Path

from harness.postgres import Cluster

KINDS = ("sqlite", "postgres")

kind = "sqlite"
_cluster: Cluster | None = None


def choose(chosen: str) -> None:
    """Says once, before the first test, what the run is about."""
    global kind
    assert chosen in KINDS, chosen
    kind = chosen


def is_postgres() -> bool:
    return kind == "postgres"


def cluster() -> Cluster:
    """The run's cluster, made when it is first asked for."""
    global _cluster
    if _cluster is None:
        _cluster = Cluster().create()
    return _cluster


def schema(data_dir: Path) -> str:
    """The schema of the server with this data directory."""
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()
    return f"byre_{digest[:16]}"


def url(data_dir: Path) -> str:
    """The URL of the store that belongs to a data directory."""
    if is_postgres():
        return cluster().url(schema(data_dir))
    return f"sqlite://{data_dir}/byre.db"


def close() -> None:
    """The end of the run."""
    global _cluster
    if _cluster is not None:
        _cluster.close()
        _cluster = None
