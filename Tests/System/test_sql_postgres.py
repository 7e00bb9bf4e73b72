"""The store as people read it, with psql, while servers run: README's questions, and readers of one
tenant, whom `byre tenant --sql-reader` makes."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import admin as tenants
from harness import stores
from harness.admin import Admin, TenantServer
from harness.postgres import USER
from harness.processes import ServerError

pytestmark = pytest.mark.skipif(not stores.is_postgres(), reason="is about psql")

README = Path(__file__).resolve().parents[2] / "README.md"
VIEWS = [
    "key_history", "live_key", "tenant_usage", "largest_prefix", "busiest_prefix", "write_rate",
    "lease_usage",
]  # fmt: skip


def blocks(language: str) -> list[str]:
    """The queries of README's section on SQL that are in one dialect."""
    section = README.read_text().split("\n## SQL\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantServer]:
    """Two tenants beside `default`, each with keys of every kind, and a reader for each."""
    names = ["acme", "other"]
    server = tenants.start(tmp_path_factory.mktemp("sql") / "data", *names)
    try:
        admin = Admin(server.admin_url, server.data_dir)
        for name in names:
            stores.cluster().sql(f"CREATE ROLE {name}_reader LOGIN")
            admin("create", name, "--sql-reader", f"{name}_reader", "--quota-bytes", "1Mi")
            with server.client(name) as client:
                secret = b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret"
                widget = b'{"apiVersion":"example.com/v1","kind":"Widget","spec":{"size":3}}'
                client.put(b"/registry/secrets/default/token", secret)
                client.put(b"/registry/example.com/widgets/ns/" + name.encode(), widget)
                client.put(b"/registry/\xff/broken", b'{"\xff')
                client.must("LeaseGrant", TTL=3600, ID=77)
                client.put(b"/registry/masterleases/10.0.0.1", b"x", lease=77)
                client.must("DeleteRange", key=b"/registry/secrets/default/token")
        yield server
    finally:
        server.close()


@pytest.fixture
def schema(server: TenantServer) -> str:
    return stores.schema(server.data_dir)


@pytest.fixture
def admin(server: TenantServer, tmp_path: Path) -> Admin:
    return Admin(server.admin_url, tmp_path)


def ask(schema: str, query: str, user: str) -> list[str]:
    return stores.cluster().sql(f"SET search_path TO {schema}; {query}", user=user).splitlines()


def test_each_question_of_the_readme_is_answered(schema: str) -> None:
    # Those that are about bytes, paths of JSON and the times of leases are SQLite's.
    other = [".shell", "'$.", "instr(", "not_before"]
    common = [it for it in blocks("sql") if not any(word in it for word in other)]
    assert len(common) == 7
    answers = [ask(schema, query, USER) for query in common]
    assert [line.split("|")[0] for line in answers[0]] == ["acme", "default", "other"]
    assert all(answers[:-1])
    (widgets,) = blocks("psql")
    assert ask(schema, widgets, USER) == ["acme|Widget|ns|acme|3", "other|Widget|ns|other|3"]


def test_a_reader_sees_its_tenant_and_nothing_else(schema: str) -> None:
    for name in ["acme", "other"]:
        for view in VIEWS:
            seen = ask(schema, f"SELECT DISTINCT tenant FROM {view}", f"{name}_reader")
            assert seen == [name], view
        tables = ["kv", "tenant", "tenant_identity", "lease", "change", "commit_time", "sql_reader"]
        for table in tables:
            with pytest.raises(ServerError, match="permission denied"):
                ask(schema, f"SELECT * FROM {table}", f"{name}_reader")


def test_times_are_those_of_the_commits(schema: str, server: TenantServer) -> None:
    with server.client("acme") as client:
        for number in range(40):
            client.put(b"/dated/%d" % (number % 4), b"x")
            time.sleep(0.05)
    query = """
        SELECT count(*), count(DISTINCT changed_at), min(changed_at) > now() - interval '60 s',
            max(changed_at) <= clock_timestamp(), bool_and(changed_at >= before)
        FROM (SELECT *, lag(changed_at) OVER (ORDER BY row) AS before FROM key_history
            WHERE prefix = '/dated/') AS dated"""
    (line,) = ask(schema, query, "acme_reader")
    count, seconds, *facts = line.split("|")
    assert count == "40" and 2 <= int(seconds) <= 6 and facts == ["t"] * 3, line
    (rate,) = ask(schema, "SELECT writes_last_minute, writes_per_second FROM write_rate", "acme_reader")
    writes, per_second = rate.split("|")
    assert 40 <= int(writes) <= 60 and float(per_second) == round(int(writes) / 60, 2)
    # One row a second at most.
    rows = "SELECT max(n) FROM (SELECT count(*) AS n FROM commit_time GROUP BY row >> 40, at) AS it"
    assert ask(schema, rows, USER) == ["1"]


def test_a_tenant_is_shown_with_its_readers(admin: Admin) -> None:
    assert admin.json("show", "acme")["sqlReaders"] == ["acme_reader"]
    tenants = {it["name"]: it["sqlReaders"] for it in admin.json("list")["tenants"]}
    assert tenants == {"acme": ["acme_reader"], "default": [], "other": ["other_reader"]}
    assert re.search(r"SQL readers: +acme_reader", admin("show", "acme"))


def test_update_says_who_reads(schema: str, admin: Admin) -> None:
    query = "SELECT tenant FROM tenant_usage"
    assert "is changed" in admin("update", "acme", "--no-sql-readers")
    # Without the schema's privilege its relations are not even found.
    with pytest.raises(ServerError, match="does not exist"):
        ask(schema, query, "acme_reader")
    assert "is changed" in admin("update", "acme", "--sql-reader", "acme_reader")
    assert "already" in admin("update", "acme", "--sql-reader", "acme_reader")
    assert ask(schema, query, "acme_reader") == ["acme"]
    assert "reads another tenant" in admin.fails(4, "update", "acme", "--sql-reader", "other_reader")
    assert "has no role nobody" in admin.fails(4, "update", "acme", "--sql-reader", "nobody")
    assert "sees every tenant" in admin.fails(4, "update", "acme", "--sql-reader", USER)
    assert ask(schema, query, "acme_reader") == ["acme"]
