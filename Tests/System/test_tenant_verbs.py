"""`byre tenant`: every verb, asked for once and again, and what it exits with."""

import json
import os
import re
import signal
import stat
import subprocess
import threading
import time
import urllib.request
from subprocess import PIPE

import pytest

from harness import admin as tenants
from harness import paths, processes
from harness.admin import Admin

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own tenants")

UID = "7a52f7a5-41a4-4d5c-9a48-b3b0f2c9f001"
OK, FAILURE, USAGE, NOT_FOUND, CONFLICT, UNREACHABLE = range(6)


@pytest.fixture
def server(tmp_path):
    with tenants.start(tmp_path / "data", "acme", "beta") as server:
        yield server


@pytest.fixture
def admin(server, tmp_path):
    return Admin(server.admin_url, tmp_path)


def test_create_and_again(admin) -> None:
    flags = ["--quota-bytes", "1Gi", "--identity", "uri-san=spiffe://x/acme", "--watches=5"]
    first = admin.json("create", "acme", *flags)
    assert first["created"] is True
    tenant = first["tenant"]
    assert tenant["name"] == "acme" and tenant["state"] == "active" and tenant["generation"] == 1
    assert tenant["limits"] == {"bytes": 1 << 30, "spaceMode": "headroom", "watches": 5}
    assert tenant["identities"] == ["uri-san=spiffe://x/acme"]
    assert tenant["prefix"] == "/acme/" and len(tenant["uid"]) == 36
    again = admin.json("create", "acme", *flags)
    assert again["created"] is False and again["tenant"] == tenant
    line = admin.fails(CONFLICT, "create", "acme", "--quota-bytes=2Gi")
    assert "other settings: limits, identities" in line
    for reference in ["acme", tenant["uid"]]:
        shown = admin.json("show", reference)
        # Where the database has roles.
        assert shown.pop("sqlReaders", []) == []
        assert shown == tenant


def test_create_with_a_uid_is_one_tenant_however_often(admin) -> None:
    for _ in range(3):
        assert admin.json("create", "acme", "--uid", UID)["tenant"]["uid"] == UID
    admin.fails(CONFLICT, "create", "acme", "--uid", UID.replace("7", "8"))
    assert admin.names() == ["acme", "default"]


@pytest.mark.parametrize(
    "words, status, named",
    [
        (["create", "Acme"], USAGE, "DNS label"),
        (["create", "a" * 64], USAGE, "DNS label"),
        (["create", "-a"], USAGE, "unknown flag"),
        (["create"], USAGE, "name a tenant"),
        (["create", "a", "b"], USAGE, "b"),
        (["create", "a", "--quota-bytes=1Xi"], USAGE, "1Xi"),
        (["create", "a", "--quota-bytes=0"], USAGE, "limits.bytes"),
        (["create", "a", "--identity=color=red"], USAGE, "color=red"),
        (["create", "a", "--uid=1"], USAGE, "uid"),
        (["create", "a", "--raw-prefix=/default/x"], CONFLICT, "default"),
        (["create", "a", "--identity=common-name=default"], CONFLICT, "default"),
        (["show", "nobody"], NOT_FOUND, "nobody"),
        (["update", "nobody", "--watches=1"], NOT_FOUND, "nobody"),
        (["update", "default"], USAGE, "update"),
        (["suspend", "nobody"], NOT_FOUND, "nobody"),
        (["delete", "nobody"], NOT_FOUND, "nobody"),
        (["delete", "default", "--now", "--grace=1h"], USAGE, "--grace"),
        (["undelete", "nobody"], NOT_FOUND, "nobody"),
        (["usage", "nobody"], NOT_FOUND, "nobody"),
        (["export", "nobody"], NOT_FOUND, "nobody"),
        (["export", "default", "--revision=99"], USAGE, "99"),
        (["certificate", "default"], USAGE, "--out"),
        (["list", "surplus"], USAGE, "surplus"),
    ],
)
def test_what_cannot_be_says_why_and_changes_nothing(words, status, named, admin) -> None:
    before = admin.json("list")
    assert named in admin.fails(status, *words)
    assert admin.json("list") == before


def test_update_takes_what_is_named_and_nothing_else(admin) -> None:
    admin("create", "acme", "--quota-bytes=1Gi", "--identity=dns-san=a.example", "--leases=7")
    changed = admin.json("update", "acme", "--leases=none", "--writes-per-second=50")
    assert changed["changed"] is True and changed["tenant"]["generation"] == 2
    assert changed["tenant"]["limits"] == {
        "bytes": 1 << 30,
        "spaceMode": "headroom",
        "writesPerSecond": 50,
    }
    assert changed["tenant"]["identities"] == ["dns-san=a.example"]
    again = admin.json("update", "acme", "--leases=none", "--writes-per-second=50")
    assert again == {"changed": False, "tenant": changed["tenant"]}
    policy = admin.json("update", "acme", "--auto-compaction-retention=30m", "--no-identities")
    assert policy["tenant"]["autoCompaction"] == {"mode": "periodic", "retention": "30m"}
    assert policy["tenant"]["identities"] == []
    assert "generation is 3" in admin.fails(
        CONFLICT, "update", "acme", "--watches=1", "--if-generation=2"
    )
    admin("update", "acme", "--watches=1", "--if-generation=3")
    default = admin.json("update", "acme", "--auto-compaction-retention=default")
    assert "autoCompaction" not in default["tenant"]


def test_suspend_and_resume(server, admin) -> None:
    admin("create", "acme")
    with server.client("acme") as client:
        client.put(b"a", b"1")
        assert admin.json("suspend", "acme")["changed"] is True
        assert admin.json("suspend", "acme")["changed"] is False
        assert not client.call("Put", b"").ok
        assert admin.json("resume", "acme")["changed"] is True
        assert admin.json("resume", "acme")["changed"] is False
        assert client.get(b"a").kvs[0].value == b"1"


def test_delete_and_take_back(server, admin) -> None:
    admin("create", "acme")
    with server.client("acme") as client:
        client.put(b"a", b"1")
        first = admin.json("delete", "acme", "--grace=1h")
        assert first["changed"] is True and first["tenant"]["state"] == "deleting"
        again = admin.json("delete", "acme", "--grace=2h")
        assert again["changed"] is False, "asked for again it does not last longer"
        assert not client.call("Put", b"").ok
        assert admin.names() == ["default"]
        assert admin.names("--deleted") == ["acme", "default"]
        for words in (["create", "acme"], ["suspend", "acme"], ["update", "acme", "--watches=1"]):
            admin.fails(CONFLICT, *words)
        assert admin.json("undelete", "acme")["changed"] is True
        assert admin.json("undelete", "acme")["changed"] is False
        assert client.get(b"a").kvs[0].value == b"1"


def test_what_was_suspended_is_suspended_when_taken_back(server, admin) -> None:
    admin("create", "acme")
    with server.client("acme") as client:
        client.put(b"a", b"1")
        admin("suspend", "acme")
        admin("delete", "acme", "--grace=1h")
        server.restart()
        assert admin.json("undelete", "acme")["tenant"]["state"] == "suspended"
        assert not client.call("Put", b"").ok
        server.restart()
        assert admin.json("show", "acme")["state"] == "suspended"
        admin("resume", "acme")
    with server.client("acme") as client:
        assert client.get(b"a").kvs[0].value == b"1"


def test_delete_now_leaves_nothing(server, admin) -> None:
    uid = admin.json("create", "acme")["tenant"]["uid"]
    with server.client("acme") as client:
        for number in range(300):
            client.put(b"%d" % number, b"x" * 1000)
    done = admin.run("delete", "acme", "--now", "--wait", "--progress")
    assert done.returncode == 0 and b"acme: erased" in done.stderr
    assert admin.names("--deleted") == ["default"]
    admin.fails(NOT_FOUND, "delete", "acme")
    admin("delete", "acme", "--ignore-not-found")
    assert admin.json("create", "acme")["tenant"]["uid"] != uid
    with server.client("acme") as client:
        assert client.get(b"\0", range_end=b"\0").count == 0 and client.revision() == 1


def test_usage_tells_how_fast_a_tenant_reads_and_writes(server, admin) -> None:
    admin("create", "acme", "--writes-per-second=1000")
    stop = threading.Event()
    done = {"Put": 0, "Range": 0}

    def work() -> None:
        with server.client("acme") as client:
            while not stop.is_set():
                client.put(b"a", b"x" * 1000)
                client.get(b"a")
                client.get(b"a")
                done["Put"] += 1
                done["Range"] += 2
                time.sleep(0.002)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        before, begin = dict(done), time.monotonic()
        usage = admin.json("usage", "acme")["usage"]
        seconds = time.monotonic() - begin
        puts = (done["Put"] - before["Put"]) / seconds
        table = admin("usage", "acme", "--interval=300ms")
    finally:
        stop.set()
        worker.join()
    assert puts > 0
    # A quarter and four times: the command's own start is not in the server's second, and the machine
    # may be busy in one of them.
    assert puts / 4 < usage["writesPerSecond"] < puts * 4
    assert 1.5 < usage["readsPerSecond"] / usage["writesPerSecond"] < 2.5
    assert 1000 < usage["readBytesPerSecond"] / usage["readsPerSecond"] < 1200
    assert usage["connections"] == 1 and 0 <= usage["inFlight"] <= 1
    rows = {(cells := re.split(r"\s{2,}", line))[0]: cells[1:] for line in table.splitlines()}
    assert rows["writes a second"][1] == "1000" and float(rows["writes a second"][0]) > 0
    assert rows["reads a second"][1] == "none" and rows["connections"] == ["1", "none"]
    with urllib.request.urlopen(f"http://127.0.0.1:{server.ports['acme']}/metrics") as page:
        metrics = dict(line.rsplit(" ", 1) for line in page.read().decode().splitlines())
    assert int(metrics["byre_tenant_writes_total"]) == done["Put"]
    assert int(metrics["byre_tenant_reads_total"]) == done["Range"]
    assert int(metrics["byre_tenant_read_bytes_total"]) > 1000 * done["Range"]
    assert int(metrics["byre_tenant_calls_in_flight"]) == 0
    # Another tenant did nothing.
    idle = admin.json("usage", "default", "--interval=100ms")["usage"]
    assert idle["writesPerSecond"] == 0 and idle["readsPerSecond"] == 0


def test_usage_and_list_tell_what_there_is(server, admin) -> None:
    admin("create", "acme", "--quota-bytes=1Mi")
    with server.client("acme") as client:
        client.must("LeaseGrant", ID=7, TTL=600)
        client.put(b"a", b"1", lease=7)
        client.put(b"a", b"2")
        client.must("Compact", revision=2)
        usage = admin.json("usage", "acme", "--interval=0")["usage"]
        assert usage["connections"] == 1 and usage["inFlight"] == 0
        assert "writesPerSecond" not in usage
        assert usage["keys"] == 1 and usage["leases"] == 1 and usage["revision"] == 3
        assert usage["compactRevision"] == 2 and usage["alarms"] == []
    (listed,) = [t for t in admin.json("list")["tenants"] if t["name"] == "acme"]
    assert listed["usage"]["keys"] == 1 and listed["limits"]["bytes"] == 1 << 20
    table = admin("list").splitlines()
    assert table[0].split() == [
        *("NAME", "STATE", "KEYS", "BYTES", "LIMIT", "LEASES", "WATCHES", "REVISION", "CREATED")
    ]
    assert {line.index(word) for line, word in zip(table[1:], ["active", "active"])} == {
        table[0].index("STATE")
    }
    assert "1Mi" in admin("usage", "acme")


def test_changes_survive_kill(server, admin) -> None:
    """kill -9 after each step; the step, and every one before it, is asked for again."""
    steps = [
        ["create", "acme", "--quota-bytes=1Gi"],
        ["update", "acme", "--watches=9"],
        ["suspend", "acme"],
        ["resume", "acme"],
        ["delete", "acme", "--grace=1h"],
        ["undelete", "acme"],
        ["delete", "acme", "--now"],
    ]
    shown = None
    for step in steps[:-1]:
        admin(*step)
        before = admin.json("show", "acme")
        server.kill()
        server.start()
        assert admin.json("show", "acme") == before
        again = admin.json(*step)
        assert not again.get("created") and not again.get("changed")
        shown = before
    assert shown["generation"] == 6
    admin(*steps[-1])
    server.kill()
    server.start()
    admin("delete", "acme", "--now", "--wait", "--ignore-not-found")
    assert admin.names("--deleted") == ["default"]


@pytest.mark.sqlite_only("looks into the file")
def test_killed_while_erasing(server, admin) -> None:
    """kill -9 in the middle of erasing a tenant, again and again: it goes on, and takes no other's."""
    admin("create", "acme")
    admin("create", "beta")
    with server.client("acme") as acme, server.client("beta") as beta:
        for number in range(400):
            # The rows of both lie among one another.
            for client in (acme, beta):
                client.must(
                    "Txn",
                    success=[
                        {"request_put": {"key": b"%d/%d" % (number, key), "value": b"x" * 50}}
                        for key in range(100)
                    ],
                )
        for lease in range(1, 50):
            acme.must("LeaseGrant", ID=lease, TTL=3600)
        held = beta.must("HashKV").hash
    # Slow enough to be met in the middle: the pause between two slices of it.
    server.settings = ["compaction: {sleepInterval: 50ms}"]
    server.restart()
    running = admin.start("delete", "acme", "--now", "--wait", stdout=PIPE, stderr=PIPE)
    left: list[int] = []
    while len(left) < 4:
        shown = admin.run("show", "acme", "-o", "json")
        assert shown.returncode == 0, f"erased after {len(left)} kills"
        tenant = json.loads(shown.stdout)
        if "erasure" not in tenant:
            assert not left, "what is being erased is not there again"
            continue
        if left and tenant["erasure"]["rowsLeft"] >= left[-1]:
            continue
        server.kill()
        left.append(tenant["erasure"]["rowsLeft"])
        assert server.start().is_running()
        # It cannot be taken back, nor made anew before all of it is gone.
        admin.fails(CONFLICT, "undelete", "acme")
        admin.fails(CONFLICT, "create", "acme")
        if running.poll() is not None:
            assert running.returncode == UNREACHABLE
    assert left == sorted(left, reverse=True) and left[-1] > 0
    assert running.wait(30) == UNREACHABLE
    running.communicate()
    admin("delete", "acme", "--now", "--wait", "--ignore-not-found")
    assert admin.names("--deleted") == ["beta", "default"]
    with server.client("beta") as beta:
        assert beta.must("HashKV").hash == held
    assert admin.json("create", "acme")["created"] is True
    usage = admin.json("usage", "acme", "--interval=0")["usage"]
    assert (usage["revision"], usage["keys"], usage["leases"]) == (1, 0, 0)
    server.stop()
    done = processes.run([paths.byre(), "verify", "--store", f"sqlite://{server.data_dir}/byre.db"])
    assert done.returncode == 0, done.stdout


def test_killed_while_creating(server, admin) -> None:
    """Whatever a kill -9 hits, each tenant is there whole or not at all, and can be asked for again."""
    running = [
        admin.start("create", f"t{number}", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for number in range(12)
    ]
    time.sleep(0.03)
    server.kill()
    created = [done.wait(30) == 0 for done in running]
    server.start()
    there = admin.names()
    for number, was_told in enumerate(created):
        assert not was_told or f"t{number}" in there, "what was acknowledged is there"
        admin("create", f"t{number}")
    assert len(admin.names()) == 13


def test_server_that_is_not_there(tmp_path) -> None:
    admin = Admin(f"unix:{tmp_path}/none.sock", tmp_path)
    line = admin.fails(UNREACHABLE, "list")
    assert "none.sock" in line and "--admin" in line


def test_flags_only_server_has_its_socket_in_the_data_directory(start_byre, tmp_path) -> None:
    server = start_byre()
    socket = server.data_dir / "admin.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    environment = {**os.environ, "BYRE_DATA_DIR": str(server.data_dir)}
    listed = processes.run([paths.byre(), "tenant", "list", "-o", "json"], env=environment)
    assert [tenant["name"] for tenant in json.loads(listed.stdout)["tenants"]] == ["default"]
    server.stop()
    assert not socket.exists()


def test_admin_api_can_be_turned_off(start_byre) -> None:
    server = start_byre("--listen-admin-url=none")
    assert not (server.data_dir / "admin.sock").exists()


def test_clients_cannot_manage_tenants(byre, client) -> None:
    code, _, _ = client.call_bytes("/byre.v1.TenantService/List", b"")
    assert code.name == "UNIMPLEMENTED"


def test_help_is_complete() -> None:
    overview = processes.run([paths.byre(), "tenant", "--help"]).stdout
    for verb in (
        *("create", "list", "show", "update", "suspend", "resume", "delete", "undelete"),
        *("certificate", "usage", "export", "import"),
    ):
        assert f"  {verb} " in overview
        help = processes.run([paths.byre(), "tenant", verb, "--help"])
        assert help.returncode == 0 and "Usage:" in help.stdout and "exit status" in help.stdout
        assert help.stdout == processes.run([paths.byre(), "help", "tenant", verb]).stdout


def test_interrupted_wait_leaves_the_deletion(server, admin) -> None:
    admin("create", "acme")
    waiting = admin.start(
        "delete", "acme", "--grace=1h", "--wait",
        stdout=subprocess.DEVNULL,
        # A test run in a shell's background is started with interrupts ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    for _ in range(100):
        if admin.json("show", "acme")["state"] == "deleting":
            break
        time.sleep(0.05)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(10) != 0
    assert admin.json("show", "acme")["state"] == "deleting"
