"""Fixtures shared by the system tests."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import paths, postgres, processes, stores  # noqa: E402
from harness.api import Client  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store", choices=stores.KINDS, default="sqlite", help="what Byre keeps its data in"
    )


def pytest_configure(config: pytest.Config) -> None:
    stores.choose(config.getoption("--store"))


def pytest_unconfigure() -> None:
    stores.close()


def pytest_report_header() -> list[str]:
    return [
        f"byre: {paths.byre()}, store: {stores.kind}",
        f"etcd: {paths.etcd()}",
        f"traces: {paths.traces()}",
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what is about the other kind of store, each with its reason."""
    for item in items:
        if stores.is_postgres() and (mark := item.get_closest_marker("sqlite_only")):
            item.add_marker(pytest.mark.skip(reason=mark.args[0]))
        if item.get_closest_marker("postgres") and not postgres.is_installed():
            item.add_marker(pytest.mark.skip(reason="PostgreSQL is not installed"))


@pytest.fixture(scope="session")
def byre_session(tmp_path_factory: pytest.TempPathFactory):
    """One Byre for the whole run, for tests that keep to keys of their own and do no harm."""
    with processes.byre(tmp_path_factory.mktemp("byre") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def etcd_session(tmp_path_factory: pytest.TempPathFactory):
    """One real etcd for the whole run, for comparisons that do not depend on its state."""
    with processes.etcd(tmp_path_factory.mktemp("etcd") / "data") as server:
        yield server


@pytest.fixture
def start_byre(tmp_path: Path):
    """A function that starts a Byre of the test's own; all are gone when the test ends."""
    servers: list[processes.Server] = []

    def start(*flags: str, **options: object) -> processes.ByreServer:
        data_dir = options.pop("data_dir", tmp_path / f"byre-{len(servers)}")
        server = processes.byre(data_dir, *flags, **options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def start_etcd(tmp_path: Path):
    """A function that starts a real etcd of the test's own."""
    servers: list[processes.Server] = []

    def start(*flags: str, **options: object) -> processes.EtcdServer:
        server = processes.etcd(tmp_path / f"etcd-{len(servers)}", *flags, **options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def byre(start_byre):
    """A fresh Byre on plaintext TCP."""
    return start_byre()


@pytest.fixture
def client(byre):
    """A client of the fresh Byre."""
    with Client(byre.target) as client:
        yield client


@pytest.fixture
def shared_client(byre_session):
    """A client of the run's common Byre."""
    with Client(byre_session.target) as client:
        yield client
