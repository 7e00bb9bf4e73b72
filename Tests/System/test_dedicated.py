"""Tenants with a schema, or a file, of their own: they are served like any other, what they hold is
nowhere else, and their schema or file is a store by itself."""

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from harness import admin as tenants
from harness import paths, postgres, processes, stores
from harness.admin import Admin, TenantServer
from harness.api import Client, types
from harness.ctl import Etcdctl
from harness.differential import Pair
from harness.history import History
from harness.instances import Instance
from harness.operations import Generator, Operation
from harness.ports import ServerError, free_port
from harness.postgres import DATABASE, USER
from harness.seed import base_seed

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own tenants")

SEED = base_seed()
OPERATIONS = int(os.environ.get("BYRE_OPERATIONS", "24000")) // 16
ROUNDS = int(os.environ.get("BYRE_KILLS", "8"))
EVERYTHING = {"key": b"\0", "range_end": b"\0"}
CONFLICT = 4


class Homes:
    """Where the dedicated tenants of a server are."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "byre.d"

    def schema(self, tenant: str) -> str:
        return f"{stores.schema(self.data_dir)}_{tenant.replace('-', '_')}"

    def names(self) -> set[str]:
        """The tenants that have a schema or a file."""
        if stores.is_postgres():
            prefix = stores.schema(self.data_dir) + "_"
            found = stores.cluster().sql(
                f"SELECT nspname FROM pg_namespace WHERE nspname LIKE '{prefix}%'"
            )
            return {name.removeprefix(prefix).replace("_", "-") for name in found.splitlines()}
        return {path.name.split(".db")[0] for path in self.folder.glob("*.db*")}

    def url(self, tenant: str) -> str:
        if stores.is_postgres():
            return stores.cluster().url(self.schema(tenant))
        return f"sqlite://{self.folder}/{tenant}.db"


@pytest.fixture
def server(tmp_path: Path):
    with tenants.start(tmp_path / "data", "acme", "beta", "shared") as server:
        yield server


@pytest.fixture
def admin(server: TenantServer, tmp_path: Path) -> Admin:
    return Admin(server.admin_url, tmp_path)


@pytest.fixture
def homes(server: TenantServer) -> Homes:
    return Homes(server.data_dir)


def create(admin: Admin, *names: str) -> None:
    for name in names:
        admin("create", name, "--isolation", "dedicated", "--space-mode=strict")


def verify(url: str) -> None:
    done = processes.run([paths.byre(), "verify", "--store", url], seconds=60)
    assert done.returncode == 0, done.stdout + done.stderr


def contents(client: Client) -> list[tuple]:
    answer = client.must("Range", **EVERYTHING)
    return [answer.header.revision] + [
        (kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease)
        for kv in answer.kvs
    ]


def fill(client: Client, name: str, count: int = 30) -> None:
    for number in range(count):
        client.put(b"/registry/k%d" % (number % 20), f"{name}-{number}".encode())
    client.delete(b"/registry/k3")
    client.must("LeaseGrant", TTL=3600, ID=77)
    client.put(b"/registry/leased", name.encode(), lease=77)
    client.must("Compact", revision=client.revision() - 5, physical=True)


def test_it_is_a_tenant_like_any_other(server, admin: Admin, homes: Homes) -> None:
    create(admin, "acme", "beta")
    admin("create", "shared")
    shown = admin.json("show", "acme")
    assert shown["isolation"] == "dedicated"
    assert shown["home"] == (homes.schema("acme") if stores.is_postgres() else "acme.db")
    assert admin.json("show", "shared")["isolation"] == "shared"
    assert "isolation" in admin.fails(CONFLICT, "create", "acme")
    create(admin, "acme")
    assert homes.names() == {"acme", "beta"}

    expected = {}
    for name in ["acme", "beta", "shared"]:
        with server.client(name) as client:
            fill(client, name)
            expected[name] = contents(client)
            assert len(expected[name]) == 21
            assert client.must("Status").dbSize > 20_480
    admin("suspend", "acme")
    with server.client("acme") as client:
        assert not client.call("Range", types.RangeRequest(key=b"k")).ok
    admin("resume", "acme")
    admin("delete", "beta")
    assert homes.names() == {"acme", "beta"}
    admin("undelete", "beta")
    archive = admin.export("acme")
    admin("delete", "beta", "--now", "--wait")
    assert homes.names() == {"acme"}
    admin("import", "beta", "--isolation", "dedicated", data=archive)
    with server.client("beta") as client:
        assert contents(client)[1:] == expected["acme"][1:]
    server.stop()
    verify(server.store_url)
    server.start()
    for name in ["acme", "shared"]:
        with server.client(name) as client:
            assert contents(client) == expected[name]
            assert client.must("LeaseTimeToLive", ID=77).TTL > 3500
    assert admin.json("usage", "acme", "--interval=0s")["usage"]["keys"] == 20


def test_etcdctl_serves_as_with_any_tenant(server, admin: Admin) -> None:
    create(admin, "acme")

    class Endpoint:
        url, tls = f"http://127.0.0.1:{server.ports['acme']}", None

    ctl = Etcdctl(paths.etcd("etcdctl"), Endpoint())
    ctl("put", "a", "1")
    assert ctl("get", "a", "--print-value-only").strip() == "1"
    assert "compacted" in ctl("compaction", "2")
    ctl("txn", text='mod("a") = "2"\n\nput a 2\n\n\n')
    assert ctl("get", "a", "--print-value-only").strip() == "2"
    assert "Finished defragmenting" in ctl("defrag")
    assert len(ctl("alarm", "list")) == 0


def test_answers_are_etcds(server, admin: Admin, tmp_path: Path) -> None:
    print(f"BYRE_SEED={SEED}")
    create(admin, "acme", "beta")
    with processes.etcd(tmp_path / "etcd") as reference, server.client("beta") as neighbour:
        pair = Pair(reference.target, f"127.0.0.1:{server.ports['acme']}")
        try:
            generator = Generator(f"{SEED}-dedicated", pair.view, chosen_leases=True)
            for number in range(OPERATIONS):
                pair.apply(generator.next())
                if number % 10 == 0:
                    neighbour.put(b"neighbour", b"%d" % number)
            pair.apply(Operation("sync"))
        finally:
            pair.close()


def test_what_it_holds_is_nowhere_else(server, admin: Admin, homes: Homes) -> None:
    create(admin, "acme")
    admin("create", "shared")
    marks = {}
    for name in ["acme", "shared"]:
        marks[name] = f"<{name}@mark>".encode()
        with server.client(name) as client:
            for number in range(20):
                client.put(marks[name] + b"%d" % number, marks[name] * 3)
    server.stop()
    if stores.is_postgres():
        sql, schema = stores.cluster().sql, stores.schema(server.data_dir)
        for place, own in [(schema, "shared"), (homes.schema("acme"), "acme")]:
            found = sql(f"SELECT DISTINCT substr(encode(key, 'escape'), 1, 3) FROM {place}.kv")
            assert found == marks[own].decode()[:3]
    else:
        main = (server.data_dir / "byre.db").read_bytes()
        own = (homes.folder / "acme.db").read_bytes()
        assert marks["acme"] in own and marks["shared"] not in own
        assert marks["shared"] in main and marks["acme"] not in main


def test_a_place_that_is_taken_is_refused_and_left_alone(server, admin: Admin, homes: Homes) -> None:
    if stores.is_postgres():
        schema = homes.schema("acme")
        stores.cluster().sql(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.mine (n int)")
    else:
        homes.folder.mkdir()
        (homes.folder / "acme.db").write_text("mine")
    line = admin.fails(CONFLICT, "create", "acme", "--isolation=dedicated")
    assert "already, which is not this tenant's" in line
    assert admin.names() == ["default"]
    if stores.is_postgres():
        assert stores.cluster().sql(f"SELECT count(*) FROM {schema}.mine") == "0"
        stores.cluster().drop_schema(schema)
    else:
        assert (homes.folder / "acme.db").read_text() == "mine"
        (homes.folder / "acme.db").unlink()
    create(admin, "acme")


def test_many_are_found_again(server, admin: Admin, tmp_path: Path) -> None:
    """Also: what they cost in connections, which is nothing, and in open files, which is bounded."""
    names = [f"tenant-{number}" for number in range(12)]
    connections = stores.cluster().connections() if stores.is_postgres() else 0
    create(admin, *names)
    if stores.is_postgres():
        assert stores.cluster().connections() <= connections + 1
    else:
        assert server.open_files() < 60 + 15 * len(names)
    server.stop()
    server.ports |= {name: free_port() for name in names}
    server.start()
    for name in names:
        with server.client(name) as client:
            client.put(b"k", name.encode())
    server.restart()
    for name in names:
        with server.client(name) as client:
            assert client.get(b"k").kvs[0].value == name.encode()


# By itself


def test_its_schema_or_file_is_a_store_by_itself(
    server, admin: Admin, homes: Homes, tmp_path: Path
) -> None:
    create(admin, "acme")
    with server.client("acme") as client:
        fill(client, "acme")
        expected = contents(client)
    alone = tmp_path / "alone"
    alone.mkdir()
    refused = processes.run(
        [
            paths.byre(), "serve", "--data-dir", alone, "--store", homes.url("acme"),
            "--listen-client-urls", f"http://127.0.0.1:{free_port()}",
        ]
    )  # fmt: skip
    assert refused.returncode != 0 and "in use" in refused.stdout + refused.stderr
    if stores.is_postgres():
        database = f"restored_{os.getpid()}"
        url = restore(homes.schema("acme"), database)
    else:
        server.stop()
        shutil.copytree(homes.folder, alone / "byre.d")
        url = f"sqlite://{alone}/byre.d/acme.db"
    verify(url)
    with Instance(paths.byre(), alone / "data", store=url) as instance:
        with Client(instance.target) as client:
            assert contents(client) == expected
            lease = client.must("LeaseTimeToLive", ID=77, keys=True)
            assert lease.TTL > 3500 and list(lease.keys) == [b"/registry/leased"]
            client.must("LeaseRevoke", ID=77)
            revision = client.put(b"/registry/more", b"1").header.revision
            assert revision == expected[0] + 2
    verify(url)
    if stores.is_postgres():
        stores.cluster().sql(f"DROP DATABASE {database}")


def restore(schema: str, database: str) -> str:
    """Takes a backup of one schema and puts it into a database of its own."""
    cluster = stores.cluster()
    where = ["-h", str(cluster.folder), "-p", str(cluster.port), "-U", USER]
    dump = subprocess.run(
        [postgres.program("pg_dump"), *where, "-n", schema, DATABASE],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert dump.returncode == 0, dump.stderr
    cluster.sql(f"CREATE DATABASE {database} OWNER {USER}")
    done = subprocess.run(
        [postgres.program("psql"), "-Xq", "-v", "ON_ERROR_STOP=1", *where, "-d", database],
        input=dump.stdout, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return cluster.url(schema).replace(f"/{DATABASE}?", f"/{database}?")


def test_a_backup_is_put_back_in_its_place(server, admin: Admin, homes: Homes, tmp_path) -> None:
    create(admin, "acme", "beta")
    with server.client("acme") as client, server.client("beta") as other:
        fill(client, "acme")
        expected = contents(client)
        other.put(b"k", b"before")
        if stores.is_postgres():
            cluster, schema = stores.cluster(), homes.schema("acme")
            where = ["-h", str(cluster.folder), "-p", str(cluster.port), "-U", USER]
            dump = subprocess.run(
                [postgres.program("pg_dump"), *where, "-n", schema, DATABASE],
                capture_output=True, timeout=60, check=True,
            ).stdout  # fmt: skip
        else:
            server.stop()
            shutil.copy(homes.folder / "acme.db", tmp_path / "backup.db")
            server.start()
    with server.client("acme") as client, server.client("beta") as other:
        for number in range(10):
            client.put(b"/registry/k%d" % number, b"regretted")
        client.must("LeaseRevoke", ID=77)
        other.put(b"k", b"after")
    server.stop()
    if stores.is_postgres():
        cluster.sql(f'DROP SCHEMA "{schema}" CASCADE')
        subprocess.run(
            [postgres.program("psql"), "-Xq", "-v", "ON_ERROR_STOP=1", *where, "-d", DATABASE],
            input=dump, capture_output=True, timeout=60, check=True,
        )  # fmt: skip
    else:
        shutil.copy(tmp_path / "backup.db", homes.folder / "acme.db")
    server.start()
    with server.client("acme") as client, server.client("beta") as other:
        assert contents(client) == expected
        assert client.must("LeaseTimeToLive", ID=77).TTL > 3500
        client.put(b"/registry/k0", b"goes on")
        assert other.get(b"k").kvs[0].value == b"after"
    server.stop()
    verify(server.store_url)


def test_one_that_is_missing_is_named(server, admin: Admin, homes: Homes) -> None:
    create(admin, "acme")
    server.stop()
    if stores.is_postgres():
        stores.cluster().drop_schema(homes.schema("acme"))
    else:
        (homes.folder / "acme.db").unlink()
    with pytest.raises(ServerError, match="tenant acme"):
        server.start()


# Crashes


def test_kill_9_while_tenants_come_and_go(server, admin: Admin, homes: Homes) -> None:
    """Whenever it is killed, what was asked for can be asked for again, and nothing is left over."""
    print(f"BYRE_SEED={SEED}")
    chance = random.Random(f"{SEED}-dedicated-kill")
    create(admin, "beta")
    with server.client("beta") as client:
        client.put(b"k", b"stays")
    for round in range(2 * ROUNDS):
        if round % 2 == 0:
            words = ["create", "acme", "--isolation=dedicated", "--space-mode=strict"]
        else:
            words = ["delete", "acme", "--now", "--wait"]
        command = admin.start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.0, 0.12))
        server.kill()
        command.wait(30)
        server.start()
        if round % 2 == 0:
            admin(*words)
            with server.client("acme") as client:
                assert client.put(b"k", b"%d" % round).header.revision == 2
            assert homes.names() == {"acme", "beta"}
        else:
            admin(*words, "--ignore-not-found")
            assert homes.names() == {"beta"}
        with server.client("beta") as client:
            assert client.get(b"k").kvs[0].value == b"stays"
    server.stop()
    verify(server.store_url)


def test_kill_9_under_load_loses_nothing(server, admin: Admin) -> None:
    create(admin, "acme", "beta")
    admin("create", "shared")
    names = ["acme", "beta", "shared"]
    written = dict.fromkeys(names, 1)
    for round in range(3):
        clients = {name: server.client(name) for name in names}
        for number in range(60):
            for name, client in clients.items():
                written[name] = client.put(b"k%d" % number, b"%d" % round).header.revision
        server.kill()
        for client in clients.values():
            client.close()
        server.start()
        for name in names:
            with server.client(name) as client:
                assert client.revision() == written[name] == 1 + 60 * (round + 1)
                History(client, 2).check_gapless()
    server.stop()
    verify(server.store_url)


# PostgreSQL


@pytest.mark.skipif("not config.getoption('--store') == 'postgres'", reason="is about roles")
def test_a_reader_with_sql_sees_its_own_views(server, admin: Admin, homes: Homes) -> None:
    sql, schema = stores.cluster().sql, homes.schema("acme")
    suffix = os.getpid()
    for name in ["acme", "shared"]:
        sql(f"CREATE ROLE reader_{name}_{suffix} LOGIN")
    admin("create", "shared", "--sql-reader", f"reader_shared_{suffix}")
    admin(
        "create", "acme", "--isolation=dedicated", "--sql-reader", f"reader_acme_{suffix}"
    )
    with server.client("acme") as client:
        client.put(b"/registry/secrets/default/token", b"x")
    reader = f"reader_acme_{suffix}"
    assert sql(f"SELECT tenant, key FROM {schema}.live_key", user=reader) == (
        "acme|/registry/secrets/default/token"
    )
    for place in [f"{schema}.kv", f"{schema}.tenant", f"{stores.schema(server.data_dir)}.live_key"]:
        with pytest.raises(ServerError, match="permission denied"):
            sql(f"SELECT * FROM {place}", user=reader)
    with pytest.raises(ServerError, match="permission denied"):
        sql(f"SELECT * FROM {schema}.live_key", user=f"reader_shared_{suffix}")
    line = admin.fails(CONFLICT, "update", "shared", "--sql-reader", reader)
    assert "reads another tenant" in line
    admin("update", "acme", "--no-sql-readers")
    with pytest.raises(ServerError, match="permission denied"):
        sql(f"SELECT * FROM {schema}.live_key", user=reader)


@pytest.mark.skipif("not config.getoption('--store') == 'postgres'", reason="one instance on SQLite")
def test_instances_serve_it_together(tmp_path: Path) -> None:
    url = stores.cluster().url("byre_dedicated")
    pair = [shared_server(tmp_path / f"server-{number}", url, "acme") for number in range(2)]
    try:
        admins = [Admin(server.admin_url, tmp_path) for server in pair]
        create(admins[0], "acme")
        begun = time.monotonic()
        while "acme" not in admins[1].names():
            assert time.monotonic() - begun < 1.0
        here, there = (server.client("acme") for server in pair)
        with there.watch() as watching:
            watching.create(**EVERYTHING)
            for number in range(100):
                client, other = (here, there) if number % 2 else (there, here)
                revision = client.put(b"k%d" % (number % 7), b"%d" % number).header.revision
                assert revision == number + 2
                assert other.get(b"k%d" % (number % 7)).kvs[0].value == b"%d" % number
            events = watching.wait_events(0, 100)
        assert [event.kv.mod_revision for event in events] == list(range(2, 102))
        lease = here.must("LeaseGrant", TTL=60).ID
        assert there.must("LeaseTimeToLive", ID=lease).TTL > 50
        pair[0].kill()
        there.put(b"k", b"one is enough")
        pair[0].start()
        with pair[0].client("acme") as client:
            assert client.get(b"k").kvs[0].value == b"one is enough"
        admins[1]("delete", "acme", "--now", "--wait")
        found = stores.cluster().sql(
            "SELECT count(*) FROM pg_namespace WHERE nspname = 'byre_dedicated_acme'"
        )
        assert found == "0"
        create(admins[0], "acme")
        with pair[0].client("acme") as client:
            assert client.put(b"k", b"anew").header.revision == 2
        here.close()
        there.close()
    finally:
        for server in pair:
            server.close()
    verify(url)


class SharedServer(TenantServer):
    """A server of many tenants on a store that it shares."""

    store = ""

    @property
    def store_url(self) -> str:
        return self.store


def shared_server(folder: Path, url: str, *names: str) -> SharedServer:
    server = SharedServer(paths.byre(), folder)
    server.store = url
    server.ports = {name: free_port() for name in names}
    return server.start()
