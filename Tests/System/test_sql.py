"""The store as people read it, with sqlite3, while the server runs: the questions of README."""

import re
import shutil
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from harness.api import Client

README = Path(__file__).resolve().parents[2] / "README.md"
SQLITE = shutil.which("sqlite3")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
pytestmark = pytest.mark.skipif(SQLITE is None, reason="there is no sqlite3")


def questions() -> dict[str, str]:
    """The questions of README's section on SQL, each with its query."""
    section = README.read_text().split("\n## SQL\n")[1].split("\n## ")[0]
    blocks = re.findall(r"([^\n]+\n)?([^\n]+)\n\n```sql\n(.*?)```", section, re.S)
    return {f"{before}{line}".split("?")[0]: query for before, line, query in blocks}


def kubernetes(api_version: str, kind: str, size: int = 40) -> bytes:
    """A value as Kubernetes stores it in protobuf."""
    fields = bytes([10, len(api_version)]) + api_version.encode()
    fields += bytes([18, len(kind)]) + kind.encode()
    body = bytes(range(256)) * (size // 256 + 1)
    return b"k8s\0" + bytes([10, len(fields)]) + fields + b"\x12\x80\x01" + body[:size]


def sqlite(path: Path, script: str, *options: str, seconds: float = 30) -> list[str]:
    done = subprocess.run(
        [SQLITE, *options, "-separator", "|", str(path)],
        input=script,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.splitlines()


def seconds(text: str) -> int:
    """Seconds since 1970 of a time as the views write it."""
    return int(datetime.fromisoformat(text).timestamp())


def wait_for(path: Path, query: str, seconds: float = 10) -> list[str]:
    """What `query` answers once it answers something: small commits reach SQLite together."""
    end = time.monotonic() + seconds
    while not (lines := sqlite(path, query, "-readonly")) and time.monotonic() < end:
        time.sleep(0.05)
    return lines


ACME = {
    2: (b"/registry/secrets/default/token", 1, kubernetes("v1", "Secret")),
    3: (b"/registry/secrets/default/token", 2, kubernetes("v1", "Secret", 90)),
    4: (b"/registry/example.com/widgets/ns/big", 1, b'{"apiVersion":"example.com/v1",'
        b'"kind":"Widget","spec":{"size":3}}'),
    5: (b"/registry/example.com/widgets/ns/small", 1, b'{"apiVersion":"example.com/v1",'
        b'"kind":"Widget","spec":{"size":2}}'),
    6: (b"/registry/services/specs/default/web", 1, kubernetes("v1", "Service", 200_000)),
    7: (b"/registry/secrets/default/token", 0, b""),
}


@pytest.fixture
def store(start_byre):
    """A running Byre whose store has a second tenant, put there while the server was stopped."""
    server = start_byre()
    with Client(server.target) as client:
        for number in range(20):
            client.put(b"/registry/pods/default/pod-%d" % number, kubernetes("v1", "Pod", 20))
        client.must("LeaseGrant", TTL=3600, ID=77)
        client.put(b"/registry/masterleases/10.0.0.1", b"x", lease=77)
    server.stop()
    path = Path(server.data_dir) / "byre.db"
    script = [
        "INSERT INTO tenant (id, name, uid, prefix, revision, compact_revision, sequence,"
        " allocated_bytes, cluster_id, member_id, quota_bytes) VALUES (2, 'acme',"
        " '11111111-0000-4000-8000-000000000000', CAST('/acme/' AS BLOB), 7, -1, 6, 0, 5, 6, 50000);",
        "INSERT INTO tenant_identity (tenant, kind, value) VALUES (2, 'common-name', 'robot');",
    ]
    created: dict[bytes, int] = {}
    for revision, (key, version, value) in ACME.items():
        if version == 1:
            created[key] = revision
        script.append(
            f"INSERT INTO kv SELECT max(row) + 1, 2, {revision}, 0,"
            f" {created[key] if version else 0}, {version}, 0, x'{key.hex()}', x'{value.hex()}'"
            " FROM kv;"
        )
    sqlite(path, "\n".join(script))
    server.restart()
    yield server, path


def test_each_question_is_answered_while_the_server_writes(store) -> None:
    server, path = store
    answers: dict[str, list[str]] = {}
    slowest = 0.0
    written = 0
    stop = threading.Event()

    def write() -> None:
        nonlocal slowest, written
        with Client(server.target) as client:
            while not stop.is_set():
                begin = time.monotonic()
                client.put(b"/registry/leases/kube-node-lease/node", b"x" * 50)
                slowest = max(slowest, time.monotonic() - begin)
                written += 1
                time.sleep(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        heartbeats = "SELECT 1 FROM key_history WHERE key GLOB '*/node' AND version > 10 LIMIT 1;"
        assert wait_for(path, heartbeats)
        for question, query in questions().items():
            answers[question] = sqlite(path, query, "-readonly")
        # Somebody who stays in a transaction holds nobody up either.
        before = written
        sqlite(path, "BEGIN; SELECT count(*) FROM live_key;\n.shell sleep 2\nCOMMIT;", "-readonly")
        assert written - before > 50
    finally:
        stop.set()
        writer.join()
    assert len(answers) == 10
    assert slowest < 2
    found = iter(answers.values())

    states = [line.split("|") for line in next(found)]
    assert [state[:2] for state in states] == [["acme", "active"], ["default", "active"]]
    assert states[0][4] == "7"
    usage = {line.split("|")[0]: line.split("|") for line in next(found)}
    bytes_used = 20480 + sum(64 + len(key) + len(value) for key, _, value in ACME.values())
    assert usage["acme"][1:5] == ["3", str(bytes_used), "50000", f"{bytes_used / 500:.1f}"]
    assert next(found)[0].startswith("acme|/registry/services/specs/|1|200")
    # What was written behind the server's back has the time of what was committed before it.
    secrets = [line.split("|") for line in next(found)]
    assert [secret[2:4] for secret in secrets] == [["create", "1"], ["update", "2"], ["delete", "0"]]
    assert all(TIME.fullmatch(secret[0]) for secret in secrets)
    deleted = next(found)
    assert len(deleted) == 1 and deleted[0].endswith("Z|acme|7|/registry/secrets/default/token")
    assert next(found)[0].startswith("default|/registry/leases/kube-node-lease/node|")
    rates = {line.split("|")[0]: float(line.split("|")[1]) for line in next(found)}
    assert list(rates) == ["default", "acme"]
    assert rates["default"] > 0.5
    leases = next(found)
    assert len(leases) == 1 and leases[0].endswith("Z|default|4d|3600|1|/registry/masterleases/10.0.0.1")
    left = seconds(leases[0].split("|")[0]) - time.time()
    assert 3600 - 120 < left <= 3600
    assert next(found) == ["acme|Widget|ns|big|3"]
    assert next(found) == ["acme|common-name|robot"]


@pytest.mark.parametrize(
    "key, value, expected",
    [
        ("/registry/pods/ns/a", kubernetes("v1", "Pod"), "|pods|ns|a|v1|Pod"),
        ("/registry/minions/n.1", kubernetes("v1", "Node"), "|minions||n.1|v1|Node"),
        ("/registry/services/endpoints/ns/a", kubernetes("v1", "Endpoints"),
         "|services/endpoints|ns|a|v1|Endpoints"),
        ("/registry/apiregistration.k8s.io/apiservices/v1.apps",
         b'{"kind":"APIService","apiVersion":"apiregistration.k8s.io/v1"}',
         "apiregistration.k8s.io|apiservices||v1.apps|apiregistration.k8s.io/v1|APIService"),
        ("/registry/clusterroles/system:a.b", kubernetes("rbac.authorization.k8s.io/v1", "C"),
         "|clusterroles||system:a.b|rbac.authorization.k8s.io/v1|C"),
        ("/registry/broken/a/b", b'{"kind":', "|broken|a|b||"),
        ("/registry/enc/a/b", b"k8s:enc:aescbc:v1:key1:\x00\xff", "|enc|a|b||"),
        ("/registry/short/a/b", b"k8s\0\x0a\x7f\x0a\x7fv1", "|short|a|b|v1|"),
        ("/registry/health", b"", "|||||"),
        ("compact_rev_key", b"\xff\x00", "|||||"),
        ("/a/b/c/d/e", b"[1]", "|||||"),
    ],
)
def test_what_is_read_from_a_key_and_its_value(byre, key, value, expected) -> None:
    with Client(byre.target) as client:
        client.put(key.encode(), value)
    path = Path(byre.data_dir) / "byre.db"
    columns = "api_group, resource, namespace, name, api_version, kind"
    assert wait_for(path, f"SELECT {columns} FROM live_key;") == [expected]


def test_a_change_says_when_it_was_made_before_and_after_a_crash(start_byre) -> None:
    server = start_byre()
    path = Path(server.data_dir) / "byre.db"
    moments: dict[str, tuple[float, float]] = {}
    with Client(server.target) as client:
        for name in ["a", "b", "c"]:
            before = time.time()
            client.put(name.encode(), b"x")
            moments[name] = (before, time.time())
            time.sleep(1.1)
        # Acknowledged, and perhaps in the journal alone.
        before = time.time()
        client.put(b"d", b"x")
        moments["d"] = (before, time.time())
        server.kill()
    time.sleep(2)
    server.restart()

    def check() -> None:
        told = dict(line.split("|") for line in sqlite(
            path, "SELECT key, changed_at FROM key_history;", "-readonly"))
        assert set(told) == set(moments)
        for name, (before, after) in moments.items():
            assert int(before) <= seconds(told[name]) <= after, name

    check()
    # Compacted away, they take their times with them; the newest stays.
    with Client(server.target) as client:
        client.must("DeleteRange", key=b"a", range_end=b"d")
        before = time.time()
        revision = client.put(b"e", b"x").header.revision
        moments["e"] = (before, time.time())
        client.must("Compact", revision=revision, physical=True)
    del moments["a"], moments["b"], moments["c"]
    assert wait_for(path, "SELECT 1 WHERE (SELECT count(*) FROM commit_time) = 2;")
    server.stop()
    check()
