"""Export and import of a tenant, and import from a real etcd: nothing is lost, nothing half done."""

import os
import random
import threading
import time
from subprocess import PIPE

import pytest

from harness import admin as tenants
from harness import paths, processes
from harness.api import Client, RPCError
from harness.admin import Admin

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own archives")

CONFLICT = 4


@pytest.fixture
def server(tmp_path):
    with tenants.start(tmp_path / "data", "default", "copy", "acme") as server:
        yield server


@pytest.fixture
def admin(server, tmp_path):
    return Admin(server.admin_url, tmp_path)


def fill(client: Client, seed: int, keys: int = 200) -> None:
    """A history: puts, overwrites, deletions, transactions of several keys, leases, empty values."""
    dice = random.Random(seed)
    for lease, ttl in ((7, 600), (-9, 3600), (1 << 40, 86400), (11, 900)):
        client.must("LeaseGrant", ID=lease, TTL=ttl)
    names = [b"/registry/%d" % number for number in range(keys)] + [b"\0", b"\xff\xfe", b"a"]
    for _ in range(4 * keys):
        name = dice.choice(names)
        what = dice.random()
        if what < 0.15:
            client.delete(name)
        elif what < 0.25:
            some = sorted(set(dice.choices(names, k=5)))
            puts = [{"request_put": {"key": key, "value": dice.randbytes(9)}} for key in some]
            client.must("Txn", success=puts)
        else:
            value = dice.randbytes(dice.choice([0, 1, 100, 5000]))
            client.put(name, value, lease=dice.choice([0, 0, 7, -9, 1 << 40]))
    client.must("LeaseRevoke", ID=11)


def state(client: Client) -> tuple[int, list, dict]:
    """Revision, all keys with everything about them, and the leases with their TTL and keys."""
    answer = client.must("Range", key=b"\0", range_end=b"\0")
    keys = [
        (kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease)
        for kv in answer.kvs
    ]
    leases = {}
    for lease in client.must("LeaseLeases").leases:
        found = client.must("LeaseTimeToLive", ID=lease.ID, keys=True)
        leases[lease.ID] = (found.grantedTTL, sorted(found.keys))
    return answer.header.revision, keys, leases


def check_history(client: Client, revision: int) -> None:
    """What is older is compacted, and the tenant goes on with the next revision."""
    with pytest.raises(RPCError, match="compacted"):
        client.get(b"a", revision=revision - 1)
    client.get(b"a", revision=revision)
    with client.watch() as watch:
        created = watch.create(key=b"next", start_revision=revision + 1)
        assert client.put(b"next", b"1").header.revision == revision + 1
        (event,) = watch.wait_events(created.watch_id, 1)
        assert event.kv.mod_revision == revision + 1


def test_an_archive_is_the_tenant(server, admin) -> None:
    with server.client("default") as source, server.client("copy") as copy:
        fill(source, 1)
        archive = admin.export("default")
        told = admin.json("import", "copy", "--quota-bytes=1Gi", data=archive)
        expected = state(source)
        assert (told["keys"], told["leases"]) == (len(expected[1]), len(expected[2]))
        assert told["tenant"]["state"] == "active"
        assert told["tenant"]["limits"]["bytes"] == 1 << 30
        assert state(copy) == expected
        # Rows, and what HashKV makes of them, are the same too once the source is compacted.
        source.must("Compact", revision=expected[0])
        assert source.must("HashKV").hash == copy.must("HashKV").hash
        server.kill()
        server.start()
        assert state(copy) == expected
        check_history(copy, expected[0])
    server.stop()
    verify = [paths.byre(), "verify", "--store", server.store_url]
    done = processes.run(verify)
    assert done.returncode == 0, done.stdout


def test_an_older_revision(server, admin) -> None:
    with server.client("default") as source, server.client("copy") as copy:
        for number in range(1, 8):
            source.put(b"a", b"%d" % number)
        source.delete(b"a")
        source.put(b"b", b"later")
        admin("import", "copy", data=admin.export("default", "--revision", 5))
        revision, keys, _ = state(copy)
        assert revision == 5 and keys == [(b"a", b"4", 2, 5, 4, 0)]
        source.must("Compact", revision=6)
        assert "compacted" in admin.fails(2, "export", "default", "--revision", 5)


def test_export_while_it_is_written_to(server, admin) -> None:
    """An archive is of one moment: a pair that is always written together is never torn."""
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        with server.client("default") as client:
            count = 0
            while not stop.is_set():
                value = b"%d" % count
                keys = (b"a", b"%d" % (count % 500), b"z")
                client.must(
                    "Txn", success=[{"request_put": {"key": key, "value": value}} for key in keys]
                )
                written.set()
                count += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            written.clear()
            assert written.wait(60), "nothing is written"
            archive = admin.export("default")
            admin("import", "copy", data=archive)
            with server.client("copy") as copy:
                pair = [copy.get(key).kvs[0] for key in (b"a", b"z")]
                assert pair[0].value == pair[1].value
                assert pair[0].mod_revision == pair[1].mod_revision == copy.revision()
            admin("delete", "copy", "--now", "--wait")
    finally:
        stop.set()
        writer.join()


def test_only_what_holds_nothing_is_filled(server, admin) -> None:
    with server.client("default") as source:
        source.put(b"a", b"1")
        archive = admin.export("default")
    assert "revision 2" in admin.fails(CONFLICT, "import", "default", data=archive)
    admin("create", "copy", "--watches=3")
    imported = admin.json("import", "copy", data=archive)
    assert imported["tenant"]["limits"]["watches"] == 3, "a tenant that was there keeps its settings"
    assert "holds data" in admin.fails(CONFLICT, "import", "copy", data=archive)
    admin("delete", "copy")
    admin.fails(CONFLICT, "import", "copy", data=archive)


def test_more_than_the_quota_is_refused_and_cleared(server, admin) -> None:
    with server.client("default") as source:
        for number in range(300):
            source.put(b"%d" % number, b"x" * 5000)
    archive = admin.export("default")
    assert "limit of bytes" in admin.fails(
        CONFLICT, "import", "copy", "--quota-bytes=1Mi", data=archive
    )
    assert admin.json("show", "copy")["state"] == "suspended"
    admin("update", "copy", "--quota-bytes=1Gi")
    assert admin.json("import", "copy", data=archive)["keys"] == 300


@pytest.mark.parametrize("damage", ["cut", "flipped", "rubbish", "empty", "surplus"])
def test_damaged_archives_leave_nothing(damage, server, admin) -> None:
    with server.client("default") as source:
        fill(source, 2, keys=50)
    archive = admin.export("default")
    middle = len(archive) // 2
    damaged = {
        "cut": archive[:middle],
        "flipped": archive[:middle] + bytes([archive[middle] ^ 1]) + archive[middle + 1 :],
        "rubbish": os.urandom(5000),
        "empty": b"",
        "surplus": archive + b"x",
    }[damage]
    if damage == "surplus":
        # Every key has come, so the tenant is there; but the file is not what was written.
        admin.fails(1, "import", "copy", data=damaged)
        return
    admin.fails(1, "import", "copy", data=damaged)
    assert admin.json("usage", "copy")["usage"]["keys"] == 0 if "copy" in admin.names() else True
    admin("import", "copy", data=archive)
    with server.client("default") as source, server.client("copy") as copy:
        assert state(copy) == state(source)


@pytest.mark.parametrize("victim", ["client", "server"])
def test_killed_in_the_middle(victim, server, admin) -> None:
    """Nobody sees half an import, and the same command again makes it whole."""
    with server.client("default") as source:
        for number in range(3000):
            source.put(b"%d" % number, b"x" * 3000)
    archive = admin.export("default")
    running = admin.start("import", "copy", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    with running.stdin as pipe:
        pipe.write(archive[: len(archive) * 2 // 3])
        pipe.flush()
        for _ in range(200):
            if "copy" in admin.names():
                break
            time.sleep(0.05)
        time.sleep(0.2)
        shown = admin.json("show", "copy")
        assert shown["state"] == "suspended"
        assert admin.json("usage", "copy")["usage"]["keys"] == 0, "half an import is seen"
        assert "being imported" in admin.fails(CONFLICT, "resume", "copy")
        with server.client("copy") as copy:
            assert not copy.call("Range", b"").ok
        if victim == "client":
            running.kill()
        else:
            server.kill()
            server.start()
    assert running.wait(30) != 0
    again = admin.json("import", "copy", data=archive)
    assert again["keys"] == 3000 and again["tenant"]["uid"] == shown["uid"]
    with server.client("default") as source, server.client("copy") as copy:
        assert state(copy) == state(source)
    server.stop()
    verify = [paths.byre(), "verify", "--store", server.store_url]
    done = processes.run(verify)
    assert done.returncode == 0, done.stdout


def test_deleted_in_the_middle(server, admin) -> None:
    with server.client("default") as source:
        for number in range(1000):
            source.put(b"%d" % number, b"x" * 3000)
    archive = admin.export("default")
    running = admin.start("import", "copy", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    with running.stdin as pipe:
        pipe.write(archive[: len(archive) // 2])
        pipe.flush()
        for _ in range(200):
            if "copy" in admin.names():
                break
            time.sleep(0.05)
        time.sleep(0.2)
        admin("delete", "copy", "--now", "--wait")
    assert running.wait(30) != 0
    assert admin.names("--deleted") == ["default"]
    admin("import", "copy", data=archive)


# From a real etcd


@pytest.fixture
def etcd(start_etcd):
    return start_etcd()


def test_from_a_real_etcd(etcd, server, admin) -> None:
    with Client(etcd.target) as source, server.client("acme") as copy:
        fill(source, 3)
        expected = state(source)
        told = admin.json("import", "acme", "--from-etcd", etcd.url)
        assert told["keys"] == len(expected[1]) and told["leases"] == len(expected[2])
        assert state(copy) == expected
        assert state(source) == expected, "the source is not disturbed"
        check_history(copy, expected[0])
        admin.fails(CONFLICT, "import", "acme", "--from-etcd", etcd.url)


def test_from_a_real_etcd_over_many_pages_and_runs(etcd, server, admin) -> None:
    """More than one page, and more than fits into memory before it is sorted on disk."""
    with Client(etcd.target) as source, server.client("acme") as copy:
        dice = random.Random(4)
        order = list(range(6000))
        dice.shuffle(order)
        for start in range(0, len(order), 100):
            puts = [
                {"request_put": {"key": b"%05d" % number, "value": dice.randbytes(12_000)}}
                for number in order[start : start + 100]
            ]
            source.must("Txn", success=puts)
        done = admin.run("import", "acme", "--from-etcd", etcd.url, "--progress", seconds=120)
        assert done.returncode == 0, done.stderr
        assert b"of 6000 keys" in done.stderr
        assert state(copy) == state(source)


def test_from_a_real_etcd_with_a_prefix(etcd, server, admin) -> None:
    with Client(etcd.target) as source, server.client("acme") as copy:
        fill(source, 5, keys=30)
        for number in range(20):
            source.put(b"/other/%d" % number, b"x", lease=7 if number % 2 else 0)
        revision, keys, leases = state(source)
        admin("import", "acme", "--from-etcd", etcd.url, "--prefix", "/other/")
        found = state(copy)
        assert found[0] == revision
        assert found[1] == [kv for kv in keys if kv[0].startswith(b"/other/")]
        assert {lease: ttl for lease, (ttl, _) in found[2].items()} == {7: leases[7][0]}


def test_from_an_empty_etcd(etcd, server, admin) -> None:
    assert admin.json("import", "acme", "--from-etcd", etcd.url)["keys"] == 0
    with server.client("acme") as copy:
        assert copy.revision() == 1
        assert copy.put(b"a").header.revision == 2


def test_from_an_etcd_that_is_not_there(server, admin) -> None:
    url = f"http://127.0.0.1:{processes.free_port()}"
    assert "--from-etcd" in admin.fails(5, "import", "acme", "--from-etcd", url)
    assert "acme" not in admin.names()


def test_from_a_byre(start_byre, server, admin) -> None:
    """Byre speaks etcd's API, so it can be read like one."""
    other = start_byre()
    with Client(other.target) as source, server.client("acme") as copy:
        fill(source, 6, keys=40)
        admin("import", "acme", "--from-etcd", other.url)
        assert state(copy) == state(source)
