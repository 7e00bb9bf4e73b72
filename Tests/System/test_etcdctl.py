"""etcdctl 3.5 and 3.4 end to end: plaintext, TLS, client certificates and a unix socket.

One part runs a script of commands on real etcd and on Byre and compares what is printed; the other
states what each command must do, on every kind of connection.
"""

import base64
import re
from pathlib import Path

import pytest

from harness import paths, processes
from harness.certs import Authority
from harness.ctl import Etcdctl

CONNECTIONS = ("plaintext", "tls", "mtls", "unix")
VERSIONS = ("3.5", "3.4")


@pytest.fixture(scope="module", params=CONNECTIONS)
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ctl")
    options = {}
    if request.param in ("tls", "mtls"):
        options["tls"] = Authority(folder / "pki").server_files(mutual=request.param == "mtls")
    if request.param == "unix":
        if paths.byre().name == "etcd":
            pytest.skip("etcd 3.5 takes no path as a unix socket")
        options["unix_socket"] = folder / "byre.sock"
    with processes.byre(folder / "data", **options) as server:
        yield server


@pytest.fixture(scope="module", params=VERSIONS)
def program(request) -> Path:
    if request.param == "3.5":
        return paths.etcd("etcdctl")
    found = paths.etcdctl_34()
    if not found:
        pytest.skip("no etcdctl 3.4 in /usr/bin: install Debian's etcd-client")
    return found


@pytest.fixture
def ctl(server, program) -> Etcdctl:
    etcdctl = Etcdctl(program, server)
    etcdctl("del", "", "--prefix")
    return etcdctl


# What each command must do


def test_put_get_delete(ctl) -> None:
    assert ctl("put", "name", "one") == "OK\n"
    assert ctl("get", "name") == "name\none\n"
    assert ctl("put", "name", "two", "--prev-kv") == "OK\nname\none\n"
    assert ctl("get", "name", "--print-value-only") == "two\n"
    assert ctl("del", "name", "--prev-kv") == "1\nname\ntwo\n"
    assert ctl("get", "name") == ""
    assert ctl("del", "name") == "0\n"


def test_value_from_standard_input(ctl) -> None:
    ctl("put", "stdin", text="line 1\nline 2")
    assert ctl("get", "stdin", "--print-value-only") == "line 1\nline 2\n"


def test_ranges_limits_and_orders(ctl) -> None:
    for name, value in (("r/a", "3"), ("r/b", "1"), ("r/c", "2"), ("s", "0")):
        ctl("put", name, value)
    assert ctl("get", "r/", "--prefix", "--keys-only").split() == ["r/a", "r/b", "r/c"]
    assert ctl("get", "r/b", "--from-key", "--keys-only").split() == ["r/b", "r/c", "s"]
    assert ctl("get", "r/a", "r/c", "--keys-only").split() == ["r/a", "r/b"]
    assert ctl("get", "r/", "--prefix", "--limit=2", "--print-value-only").split() == ["3", "1"]
    by_value = ("--sort-by=VALUE", "--order=DESCEND", "--print-value-only")
    assert ctl("get", "r/", "--prefix", *by_value).split() == ["3", "2", "1"]
    if "3.4" in ctl("version"):
        return  # It has no --count-only.
    assert '"Count" : 3\n' in ctl("get", "r/", "--prefix", "--count-only", "-w", "fields")


def test_history_is_read_at_a_revision_until_compacted(ctl) -> None:
    ctl("put", "h", "old")
    revision = ctl.json("get", "h")["header"]["revision"]
    ctl("put", "h", "new")
    assert ctl("get", "h", f"--rev={revision}", "--print-value-only") == "old\n"
    assert f"compacted revision {revision + 1}" in ctl(
        "compaction", str(revision + 1), "--physical"
    )
    refused = ctl.run("get", "h", f"--rev={revision}")
    assert refused.returncode != 0
    assert "required revision has been compacted" in refused.stderr
    assert ctl("get", "h", "--print-value-only") == "new\n"


def test_txn_takes_the_branch_its_compares_choose(ctl) -> None:
    script = 'mod("t") > "0"\n\nput t overwritten\nget t\n\nput t created\n\n'
    assert ctl("txn", text=script).split() == ["FAILURE", "OK"]
    assert ctl("txn", text=script).split() == ["SUCCESS", "OK", "t", "overwritten"]
    values = 'value("t") = "overwritten"\n\ndel t\n\nget t\n\n'
    assert ctl("txn", text=values).split() == ["SUCCESS", "1"]


def test_watch_prints_what_happens(ctl) -> None:
    revision = ctl.json("get", "w")["header"]["revision"]
    watching = ctl.start("watch", "w/", "--prefix", f"--rev={revision + 1}", "--prev-kv")
    try:
        ctl("put", "w/1", "a")
        ctl("put", "w/1", "b")
        ctl("del", "w/1")
        seen = [watching.stdout.readline().rstrip("\n") for _ in range(13)]
    finally:
        watching.kill()
        watching.communicate()
    assert seen == [
        *("PUT", "w/1", "a"),
        *("PUT", "w/1", "a", "w/1", "b"),
        *("DELETE", "w/1", "b", "w/1", ""),
    ]


def test_lease_owns_its_keys(ctl) -> None:
    granted = re.fullmatch(
        r"lease ([0-9a-f]{16}) granted with TTL\(300s\)\n", ctl("lease", "grant", "300")
    )
    assert granted
    lease = granted[1]
    ctl("put", "l/1", "x", f"--lease={lease}")
    ctl("put", "l/2", "x", f"--lease={lease}")
    left = ctl("lease", "timetolive", lease, "--keys")
    assert re.search(r"granted with TTL\(300s\), remaining\((299|300)s\)", left), left
    assert "l/1" in left and "l/2" in left
    assert lease in ctl("lease", "list")
    assert f"lease {lease} keepalived with TTL(300)" in ctl("lease", "keep-alive", lease, "--once")
    assert f"lease {lease} revoked" in ctl("lease", "revoke", lease)
    assert ctl("get", "l/", "--prefix") == ""
    assert "already expired" in ctl("lease", "timetolive", lease)


def test_health_status_and_members(ctl, server) -> None:
    healthy = ctl.run("endpoint", "health")
    assert healthy.returncode == 0
    assert f"{server.url} is healthy" in healthy.stdout + healthy.stderr
    (status,) = ctl.json("endpoint", "status")
    assert status["Endpoint"] == server.url
    inside = status["Status"]
    assert inside["leader"] == inside["header"]["member_id"]
    assert inside["raftTerm"] > 0 and inside["raftIndex"] > 0
    assert inside["dbSize"] > 0 and inside["dbSizeInUse"] > 0
    members = ctl.json("member", "list")
    assert [member["ID"] for member in members["members"]] == [inside["header"]["member_id"]]
    assert members["header"].get("revision", 0) == 0
    row = ctl("endpoint", "status", "-w", "table").splitlines()[3]
    assert [cell.strip() for cell in row.split("|")][5] == "true", f"not its own leader: {row}"


def test_client_urls_lead_back_to_the_server(ctl, server) -> None:
    if server.unix_socket or (server.tls and server.tls.client_cert):
        pytest.skip("advertised addresses need flags of their own here")
    assert "is healthy" in (lambda it: it.stdout + it.stderr)(
        ctl.run("endpoint", "health", "--cluster")
    )


def test_alarms_and_defragmentation(ctl) -> None:
    assert ctl("alarm", "list") == ""
    assert "Finished defragmenting" in ctl("defrag")
    assert ctl("alarm", "disarm") == ""


def test_hash_is_stable_and_covers_a_revision(ctl) -> None:
    ctl("put", "hash", "1")
    (first,) = ctl.json("endpoint", "hashkv")
    (again,) = ctl.json("endpoint", "hashkv")
    assert first["HashKV"]["hash"] == again["HashKV"]["hash"]
    revision = first["HashKV"]["header"]["revision"]
    ctl("put", "hash", "2")
    (then,) = ctl.json("endpoint", "hashkv", f"--rev={revision}")
    (now,) = ctl.json("endpoint", "hashkv")
    assert then["HashKV"]["hash"] == first["HashKV"]["hash"] != now["HashKV"]["hash"]


def test_lock_and_election_by_the_client_library(ctl) -> None:
    assert "held" in ctl("lock", "mutex", "echo", "held")
    assert ctl("get", "mutex", "--prefix") == "", "the lock's key outlived the lock"
    electing = ctl.start("elect", "post", "candidate")
    try:
        key = electing.stdout.readline().strip()
        assert key.startswith("post/") and electing.stdout.readline().strip() == "candidate"
        assert ctl("get", key, "--print-value-only") == "candidate\n"
    finally:
        electing.kill()
        electing.communicate()


def test_binary_keys_survive_json(ctl) -> None:
    ctl("put", "bin", "\u00e4\u00f6\n\ttab")
    row = ctl.json("get", "bin")["kvs"][0]
    assert base64.b64decode(row["value"]).decode() == "\u00e4\u00f6\n\ttab"
    assert row["version"] == 1 and row["create_revision"] == row["mod_revision"]


def test_a_mirror_follows(ctl, start_byre) -> None:
    if ctl.server.tls or ctl.server.unix_socket:
        pytest.skip("one kind of connection is enough")
    target = start_byre()
    ctl("put", "mirrored/1", "a")
    mirroring = ctl.start(
        "make-mirror", "--prefix=mirrored/", "--no-dest-prefix", target.url.removeprefix("http://")
    )
    copy = Etcdctl(ctl.program, target)
    watching = copy.start("watch", "", "--prefix", "--rev=1")
    try:
        seen = [watching.stdout.readline().strip() for _ in range(3)]
        ctl("put", "mirrored/2", "b")
        seen += [watching.stdout.readline().strip() for _ in range(3)]
    finally:
        for process in (mirroring, watching):
            process.kill()
            process.communicate()
    assert seen == ["PUT", "1", "a", "PUT", "2", "b"]


@pytest.mark.slow
def test_check_perf(ctl) -> None:
    if ctl.server.tls or ctl.server.unix_socket:
        pytest.skip("one kind of connection is enough")
    assert "PASS: Throughput" in ctl("check", "perf", "--load=s", seconds=90)


# The same script on both servers

SCRIPT: list[tuple[str, ...] | tuple[tuple[str, ...], str]] = [
    ("get", "a", "-w", "json"),
    ("put", "a", "1", "-w", "json"),
    ("put", "a", "2", "--prev-kv", "-w", "json"),
    ("put", "b", "", "-w", "fields"),
    ("put", "b", "--ignore-value"),
    ("put", "nope", "--ignore-value"),
    ("put", "c", "x", "--lease=7b"),
    ("put", "", "x"),
    ("get", "a", "-w", "fields"),
    ("get", "", "--prefix", "-w", "json"),
    ("get", "", "--prefix", "--limit=1", "-w", "json"),
    ("get", "a", "--rev=2", "-w", "json"),
    ("get", "a", "--rev=99"),
    ("get", "a", "--consistency=s", "-w", "json"),
    ("get", "", "--from-key", "--keys-only"),
    ("get", "a", "--hex"),
    ("get", "", "--prefix", "--sort-by=MODIFY", "--order=DESCEND", "-w", "simple"),
    ("get", "", "--prefix", "--count-only", "-w", "fields"),
    ("endpoint", "hashkv", "-w", "json"),
    (("txn", "-w", "json"), 'ver("a") = "2"\n\nput a 3\nget a\ndel b\n\nget a\n\n'),
    (("txn", "-w", "json"), 'create("a") = "77"\n\nput a 4\n\nget "" --prefix\n\n'),
    (("txn",), 'ver("a") = "2"\n\nput d 1\nput d 2\n\n\n\n'),
    ("del", "a", "--prev-kv", "-w", "json"),
    ("del", "", "--prefix", "-w", "json"),
    ("compaction", "3", "-w", "json"),
    ("compaction", "2"),
    ("compaction", "4711"),
    ("get", "a", "--rev=2"),
    ("lease", "revoke", "7b"),
    ("lease", "timetolive", "7b", "-w", "json"),
    ("lease", "keep-alive", "7b", "--once"),
    ("lease", "list", "-w", "json"),
    ("lease", "grant", "9000000001"),
    ("alarm", "list", "-w", "json"),
    ("endpoint", "hashkv", "-w", "json"),
    ("member", "list", "-w", "json"),
]


@pytest.mark.parametrize("version", VERSIONS)
def test_prints_the_same_as_with_etcd(version: str, start_byre, start_etcd) -> None:
    program = paths.etcd("etcdctl") if version == "3.5" else paths.etcdctl_34()
    if not program:
        pytest.skip("no etcdctl 3.4 in /usr/bin: install Debian's etcd-client")
    pair = [Etcdctl(program, start_etcd()), Etcdctl(program, start_byre())]
    for step in SCRIPT:
        words, text = step if isinstance(step[0], tuple) else (step, "")
        printed = [_printed(ctl, words, text) for ctl in pair]
        assert printed[0] == printed[1], " ".join(words)


def _printed(ctl: Etcdctl, words: tuple[str, ...], text: str) -> tuple[int, str, str]:
    done = ctl.run(*words, text=text)
    own = ctl.json("endpoint", "status")[0]["Status"]["header"]
    output = []
    for stream in (done.stdout, done.stderr):
        for name in ("cluster_id", "member_id", "raft_term"):
            stream = re.sub(rf'("?)({name}|{_fields_name(name)})\1 ?: ?{own[name]}\b', name, stream)
        stream = stream.replace(str(own["member_id"]), "MEMBER").replace(ctl.server.url, "URL")
        stream = re.sub(
            r'"ts":"[^"]*"|0x[0-9a-f]+|,"(name|peerURLs|clientURLs)":("[^"]*"|\[[^]]*\])',
            "",
            stream,
        )
        stream = re.sub(r"etcd-endpoints://[^/]*/[^ \"]*", "TARGET", stream)
        stream = re.sub(r"endpoint://client-[^\"]*", "TARGET", stream)
        output.append(re.sub(r',"hash_revision":\d+', "", stream))
    return done.returncode, *output


def _fields_name(name: str) -> str:
    return {"cluster_id": "ClusterID", "member_id": "MemberID", "raft_term": "RaftTerm"}[name]
