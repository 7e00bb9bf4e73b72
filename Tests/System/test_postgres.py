"""PostgreSQL as the store, seen from the command line: addresses, passwords, refusals, verification."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import paths
from harness.api import Client, types
from harness.instances import Instance
from harness.postgres import DATABASE, USER, Cluster
from harness.processes import ByreServer, free_port, run

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(paths.byre().name == "etcd", reason="etcd has no such store"),
]

PASSWORD = "s3cret-w0rd"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Over TCP it asks this role for a password."""
    cluster = Cluster().create()
    cluster.sql(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")
    rules = cluster.data / "pg_hba.conf"
    rules.write_text(f"host all {USER} 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    cluster.sql("SELECT pg_reload_conf()")
    yield cluster
    cluster.close()


@pytest.fixture
def schema(request: pytest.FixtureRequest) -> str:
    return "byre_" + "".join(it for it in request.node.name.lower() if it.isalnum())[-40:]


@pytest.fixture
def start(tmp_path: Path) -> Iterator:
    started: list[Instance] = []

    def start(store: str, *flags: str, **environment: str) -> Instance:
        data_dir = tmp_path / f"instance-{len(started)}"
        server = Instance(
            paths.byre(), data_dir, flags, store=store, environment=environment
        )
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.close()


def url(cluster: Cluster, schema: str, password: str = f":{PASSWORD}", **settings: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in {"schema": schema, **settings}.items())
    return f"postgresql://{USER}{password}@127.0.0.1:{cluster.port}/{DATABASE}?{query}"


def refused(store: str, tmp_path: Path, command: str = "serve", **environment: str) -> str:
    """The one line with which `byre` must refuse a store."""
    words = [paths.byre(), command, "--store", store]
    if command == "serve":
        words += ["--data-dir", tmp_path / "data"]
        words += ["--listen-client-urls", f"http://127.0.0.1:{free_port()}"]
    done = run(words, seconds=30, env={**os.environ, **environment})
    assert done.returncode in (1, 2), (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, f"one clear line, not:\n{done.stderr}"
    assert PASSWORD not in done.stdout + done.stderr
    return lines[0]


# Passwords


def test_a_password_in_the_url_is_shown_nowhere(start, cluster: Cluster, schema: str) -> None:
    server = start(url(cluster, schema), "--log-level=debug")
    with Client(server.target) as client:
        client.put(b"a", b"b")
        listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(server.pid)],
                                capture_output=True, text=True).stdout  # fmt: skip
        assert "--store" in listed and USER in listed, "the rest of the command line is there"
        assert PASSWORD not in listed
        assert PASSWORD.encode() not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
        cluster.restart()
        server.wait_serving(20)
    server.stop()
    assert PASSWORD not in server.log_text()


def test_a_password_may_come_from_a_file(start, cluster, schema, tmp_path: Path) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:{cluster.port}:*:{USER}:{PASSWORD}\n")
    file.chmod(0o600)
    server = start(url(cluster, schema, ""), PGPASSFILE=str(file))
    with Client(server.target) as client:
        client.put(b"a")


def test_everything_may_come_from_a_service(start, cluster, schema, tmp_path: Path) -> None:
    file = tmp_path / "services"
    file.write_text(
        f"[cows]\nhost=127.0.0.1\nport={cluster.port}\nuser={USER}\npassword={PASSWORD}\n"
        f"dbname={DATABASE}\n"
    )
    store = f"postgresql:///?service=cows&schema={schema}"
    server = start(store, PGSERVICEFILE=str(file))
    with Client(server.target) as client:
        client.put(b"a")
    assert cluster.sql(f"SELECT count(*) FROM {schema}.kv") == "1"


def test_the_url_may_come_from_the_environment(cluster, schema, tmp_path: Path) -> None:
    class FromEnvironment(ByreServer):
        def command(self) -> list[str]:
            words = [str(self.program), "serve", "--data-dir", str(self.data_dir)]
            return [*words, "--listen-client-urls", self.url]

    server = FromEnvironment(
        paths.byre(), tmp_path / "data", environment={"BYRE_STORE": url(cluster, schema)}
    )
    with server.start(), Client(server.target) as client:
        client.put(b"a")
    assert cluster.sql(f"SELECT count(*) FROM {schema}.kv") == "1"


# Refusals


def test_a_wrong_password_is_refused_in_one_line(cluster, schema, tmp_path: Path) -> None:
    line = refused(url(cluster, schema, f":{PASSWORD}x"), tmp_path)
    assert "password authentication failed" in line


def test_a_server_that_is_not_there_is_refused_in_one_line(schema, tmp_path: Path) -> None:
    port = free_port()
    store = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}?schema={schema}"
    began = time.monotonic()
    for command in ("serve", "verify"):
        line = refused(store, tmp_path, command)
        assert "127.0.0.1" in line and "refused" in line
    assert time.monotonic() - began < 20


def test_a_database_that_is_not_there_is_refused(cluster, schema, tmp_path: Path) -> None:
    line = refused(url(cluster, schema).replace(f"/{DATABASE}", "/nowhere"), tmp_path)
    assert "nowhere" in line


@pytest.mark.parametrize(
    "store, word",
    [
        ("postgresql://u@h/d?schema=Bad-Name", "schema"),
        ("postgresql://u@h/d?schema=pg_x", "schema"),
        ("postgresql://u@h/d?pooled=maybe", "pooled"),
        (f"postgresql://u:{PASSWORD}/x@h/d", "%2F"),
        (f"postgresql://u:{PASSWORD}@h:port/d", "port"),
        (f"postgresql://u:{PASSWORD}@h/d?nonsense=1", "connection string"),
    ],
)
def test_a_malformed_url_is_refused(store: str, word: str, tmp_path: Path) -> None:
    assert word in refused(store, tmp_path)


def test_a_role_that_may_not_make_the_schema_is_refused(cluster, schema, tmp_path) -> None:
    cluster.sql("CREATE ROLE stranger LOGIN")
    cluster.sql(f"REVOKE CREATE ON DATABASE {DATABASE} FROM public")
    store = f"postgresql://stranger@127.0.0.1:{cluster.port}/{DATABASE}?schema={schema}"
    assert "permission denied" in refused(store, tmp_path)


def test_somebody_elses_schema_is_refused_and_left_alone(cluster, schema, tmp_path) -> None:
    cluster.sql(f"CREATE SCHEMA {schema}")
    cluster.sql(f"CREATE TABLE {schema}.tenant (mine int)")
    cluster.sql(f"ALTER SCHEMA {schema} OWNER TO {USER}")
    assert schema in refused(url(cluster, schema), tmp_path)
    tables = f"SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = '{schema}'"
    assert cluster.sql(tables) == "tenant"


def test_a_store_of_an_unknown_newer_version_is_refused(start, cluster, schema, tmp_path) -> None:
    start(url(cluster, schema)).stop()
    cluster.sql(f"UPDATE {schema}.store SET schema_version = schema_version + 1000")
    line = refused(url(cluster, schema), tmp_path)
    assert "newer" in line


def test_verify_does_not_make_a_store(cluster, schema, tmp_path) -> None:
    assert schema in refused(url(cluster, schema), tmp_path, "verify")
    found = f"SELECT count(*) FROM pg_namespace WHERE nspname = '{schema}'"
    assert cluster.sql(found) == "0"


# Verification


def test_verify_finds_damage(start, cluster, schema) -> None:
    server = start(url(cluster, schema))
    with Client(server.target) as client:
        for number in range(50):
            client.put(b"k%d" % number, b"v")
    server.stop()
    command = [paths.byre(), "verify", "--store", url(cluster, schema)]
    done = run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORD not in done.stdout
    cluster.sql(f"DELETE FROM {schema}.kv WHERE mod_revision = 20")
    done = run(command)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "revision 21.0 follows 19.0" in done.stdout, done.stdout + done.stderr


# Schemas, connections


def test_stores_in_one_database_know_nothing_of_each_other(start, cluster, schema) -> None:
    servers = [start(url(cluster, f"{schema[:40]}_{number}")) for number in range(2)]
    clients = [Client(server.target) for server in servers]
    clients[0].put(b"mine")
    assert clients[1].get(b"mine").count == 0
    assert clients[1].revision() == 1
    for client in clients:
        client.close()


def test_an_instance_has_as_many_connections_as_it_is_told(start, cluster, schema) -> None:
    for wanted in (5, 9):
        server = start(url(cluster, schema), f"--store-connections={wanted}")
        with Client(server.target) as client:
            for number in range(100):
                client.put(b"k%d" % number, bytes(2000))
        with Client(server.target) as client:
            client.get(b"\0", range_end=b"\0")
            assert 2 <= cluster.connections() <= wanted
        server.stop()
        deadline = time.monotonic() + 5
        while cluster.connections() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert cluster.connections() == 0, "connections of an instance that has stopped"


def test_starting_at_once_makes_one_store(cluster, schema, tmp_path) -> None:
    servers = [
        Instance(paths.byre(), tmp_path / f"i{number}", store=url(cluster, schema))
        for number in range(3)
    ]
    try:
        for server in servers:
            server.start(wait=False)
        for server in servers:
            server.wait_ready()
        ids = set()
        for server in servers:
            with Client(server.target) as client:
                ids.add(client.put(b"k").header.cluster_id)
        assert len(ids) == 1
        assert cluster.sql(f"SELECT count(*) FROM {schema}.tenant") == "1"
    finally:
        for server in servers:
            server.close()


def test_the_role_needs_no_privileges_beyond_its_schema(cluster) -> None:
    row = cluster.sql(
        f"SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = '{USER}'"
    )
    assert row == "f|f|f", "the tests' own role has more than the README says it needs"


def test_values_and_keys_are_not_in_postgres_log(start, cluster, schema) -> None:
    server = start(url(cluster, schema))
    with Client(server.target) as client:
        client.put(b"secret-key", b"secret-value")
        cluster.terminate_connections()
        client.call("Put", types.PutRequest(key=b"secret-key", value=b"secret-value"))
    server.stop()
    assert "secret-" not in server.log_text() + cluster.log_tail(1000)
