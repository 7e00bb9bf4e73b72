"""Two instances on one store: what is done at one is so at the other."""

import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from harness import paths
from harness.admin import Admin
from harness.api import Client, RPCError, types
from harness.instances import Instance, instances
from harness.postgres import Cluster
from harness.processes import run

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(paths.byre().name == "etcd", reason="etcd has no such store"),
]

SPREAD_SECONDS_MAX = 1.0
"""An administrator's change is seen by every instance within this time."""
EVERYTHING = {"key": b"\0", "range_end": b"\0"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster().create()
    yield cluster
    cluster.close()


@pytest.fixture
def url(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    return cluster.url("byre_" + request.node.name.lower().replace("test_", "")[:40])


@pytest.fixture
def pair(tmp_path: Path, url: str) -> Iterator[list[Instance]]:
    started = instances(tmp_path, [url] * 2)
    yield started
    for instance in started:
        instance.close()


@pytest.fixture
def clients(pair: list[Instance]) -> Iterator[list[Client]]:
    opened = [Client(instance.target) for instance in pair]
    yield opened
    for client in opened:
        client.close()


def within(seconds: float, condition) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.01)


def test_a_read_at_one_sees_every_write_at_the_other(clients: list[Client]) -> None:
    for number in range(200):
        here, there = clients[number % 2], clients[1 - number % 2]
        revision = here.put(b"k", b"%d" % number).header.revision
        answer = there.get(b"k")
        assert answer.kvs[0].value == b"%d" % number
        assert answer.header.revision == revision == number + 2


def test_writes_at_both_make_one_series_of_revisions(clients: list[Client]) -> None:
    futures = []
    for number in range(300):
        call = clients[number % 2].channel.unary_unary("/etcdserverpb.KV/Put")
        request = types.PutRequest(key=b"k%d" % (number % 7), value=b"%d" % number)
        futures.append(call.future(request.SerializeToString(), timeout=20))
    revisions = [
        types.PutResponse.FromString(future.result()).header.revision for future in futures
    ]
    assert sorted(revisions) == list(range(2, 302))


def test_a_watch_at_one_tells_of_writes_at_the_other(clients: list[Client]) -> None:
    with clients[1].watch() as watching:
        watching.create(**EVERYTHING, prev_kv=True)
        for number in range(50):
            clients[number % 2].put(b"k", b"%d" % number)
        clients[0].delete(b"k")
        events = watching.wait_events(0, 51)
    assert [event.kv.mod_revision for event in events] == list(range(2, 53))
    assert [event.prev_kv.value for event in events[1:]] == [b"%d" % it for it in range(50)]


def test_a_transaction_is_decided_by_what_the_other_wrote(clients: list[Client]) -> None:
    """Counts up at both at once: no update is lost."""
    clients[0].put(b"count", b"0")
    done = 0
    while done < 60:
        client = clients[done % 2]
        row = client.get(b"count", serializable=done % 3 == 0).kvs[0]
        answer = client.must(
            "Txn",
            compare=[types.Compare(key=b"count", target=2, result=0, mod_revision=row.mod_revision)],
            success=[
                types.RequestOp(
                    request_put=types.PutRequest(key=b"count", value=b"%d" % (int(row.value) + 1))
                )
            ],
        )
        done += answer.succeeded
    assert clients[0].get(b"count").kvs[0].value == b"60"


def test_a_lease_is_granted_here_and_kept_and_revoked_there(clients: list[Client]) -> None:
    here, there = clients
    lease = here.must("LeaseGrant", TTL=3).ID
    here.put(b"leased", lease=lease)
    there.put(b"leased-there", lease=lease)
    with there.stream("/etcdserverpb.Lease/LeaseKeepAlive", types.LeaseKeepAliveResponse) as stream:
        for count in range(1, 6):
            stream.send(types.LeaseKeepAliveRequest(ID=lease))
            assert stream.wait_count(count)[-1].TTL == 3
            time.sleep(1)
    left = here.must("LeaseTimeToLive", ID=lease, keys=True)
    assert sorted(left.keys) == [b"leased", b"leased-there"]
    assert left.grantedTTL == 3 and left.TTL >= 1
    assert [it.ID for it in there.must("LeaseLeases").leases] == [lease]
    there.must("LeaseRevoke", ID=lease)
    assert here.get(b"leased").count == 0
    with pytest.raises(RPCError, match="requested lease not found"):
        here.must("LeaseRevoke", ID=lease)


def test_a_lease_runs_out_once(clients: list[Client]) -> None:
    streams = [client.watch() for client in clients]
    for stream in streams:
        stream.create(**EVERYTHING)
    lease = clients[0].must("LeaseGrant", TTL=2).ID
    for number in range(5):
        clients[number % 2].put(b"k%d" % number, lease=lease)
    granted = time.monotonic()
    told = [stream.wait_events(0, 10) for stream in streams]
    assert time.monotonic() - granted < 8
    for events in told:
        assert [event.type for event in events] == [0] * 5 + [1] * 5
        assert len({event.kv.mod_revision for event in events[5:]}) == 1, "one revision for all keys"
    time.sleep(1)
    for stream in streams:
        assert len(stream.events[0]) == 10
        stream.close()


def test_an_outage_ends_no_lease(clients: list[Client], cluster: Cluster) -> None:
    lease = clients[0].must("LeaseGrant", TTL=5).ID
    clients[0].put(b"leased", lease=lease)
    time.sleep(1)
    cluster.stop()
    time.sleep(8)
    cluster.start()

    def answers() -> bool:
        found = clients[1].call("Range", types.RangeRequest(key=b"leased"))
        assert found.ok or found.code is grpc.StatusCode.UNAVAILABLE, found
        return found.ok

    within(15, answers)
    assert clients[1].get(b"leased").count == 1, "nobody could renew it, and yet it ran out"
    within(15, lambda: clients[0].get(b"leased").count == 0)


def test_compaction_at_one_is_compaction_at_the_other(clients: list[Client]) -> None:
    for number in range(20):
        clients[number % 2].put(b"k", b"%d" % number)
    clients[0].must("Compact", revision=15, physical=True)
    for client in clients:
        with pytest.raises(RPCError, match="has been compacted"):
            client.get(b"k", revision=10)
        assert client.get(b"k", revision=16).kvs[0].value == b"14"
    with pytest.raises(RPCError, match="has been compacted"):
        clients[1].must("Compact", revision=15)
    with clients[1].watch() as watching:
        watching.create(key=b"k", start_revision=3)
        watching.wait_for(lambda it: len(it.controls) == 2)
        assert watching.controls[1].compact_revision == 15


def test_space_is_counted_over_both(tmp_path: Path, url: str) -> None:
    started = instances(tmp_path, [url] * 2, "--quota-backend-bytes=200000")
    opened = [Client(instance.target) for instance in started]
    try:
        outcome = None
        for number in range(400):
            request = types.PutRequest(key=b"k%d" % number, value=bytes(1000))
            outcome = opened[number % 2].call("Put", request)
            if not outcome.ok:
                break
        assert outcome.details == "etcdserver: mvcc: database space exceeded"
        assert number < 250, "each instance counted its own"
        for client in opened:
            (alarm,) = client.must("Alarm", action=0).alarms
            assert alarm.alarm == 1
            assert client.must("Status").errors
        assert not opened[1].call("Put", types.PutRequest(key=b"one more", value=b"v")).ok
        opened[1].delete(b"k", range_end=b"l")
        opened[1].must("Compact", revision=opened[1].revision(), physical=True)
        # etcd's rule: what compaction freed counts until it is given back.
        opened[1].must("Defragment")
        opened[1].must("Alarm", action=2, alarm=1, memberID=alarm.memberID)
        opened[0].put(b"again", b"v")
    finally:
        for client in opened:
            client.close()
        for instance in started:
            instance.close()


def test_an_administrators_change_is_seen_by_all(pair: list[Instance], tmp_path: Path) -> None:
    here, there = (Admin(instance.admin_url, tmp_path) for instance in pair)
    here("create", "acme", "--quota-bytes", "1Mi")
    within(SPREAD_SECONDS_MAX, lambda: "acme" in there.names())
    there("update", "acme", "--quota-bytes", "2Mi")
    within(
        SPREAD_SECONDS_MAX,
        lambda: here.json("show", "acme")["limits"]["bytes"] == 2 << 20,
    )
    here("suspend", "acme")
    within(SPREAD_SECONDS_MAX, lambda: there.json("show", "acme")["state"] == "suspended")
    there("resume", "acme")
    within(SPREAD_SECONDS_MAX, lambda: here.json("show", "acme")["state"] == "active")
    here("delete", "acme", "--now", "--wait")
    within(SPREAD_SECONDS_MAX, lambda: "acme" not in there.names())
    there("create", "acme")
    within(SPREAD_SECONDS_MAX, lambda: "acme" in here.names())


def test_both_creating_one_tenant_make_one(pair: list[Instance], tmp_path: Path) -> None:
    admins = [Admin(instance.admin_url, tmp_path) for instance in pair]
    for number in range(5):
        running = [admin.start("create", f"t{number}") for admin in admins]
        assert 0 in [process.wait(20) for process in running]
    for admin in admins:
        within(SPREAD_SECONDS_MAX, lambda: len(admin.names()) == 6)
    uids = [[it["uid"] for it in admin.json("list")["tenants"]] for admin in admins]
    assert sorted(uids[0]) == sorted(uids[1])


def test_members_are_the_instances_that_live(pair: list[Instance]) -> None:
    def members(instance: Instance) -> dict[str, list[str]]:
        with Client(instance.target) as client:
            answer = client.must("MemberList")
        assert len({member.ID for member in answer.members}) == len(answer.members)
        return {member.name: list(member.clientURLs) for member in answer.members}

    expected = {instance.data_dir.name: [instance.url] for instance in pair}
    for instance in pair:
        within(5, lambda: members(instance) == expected)
    pair[1].stop()
    within(5, lambda: len(members(pair[0])) == 1)
    pair[1].start()
    within(5, lambda: members(pair[0]) == expected)
    pair[1].kill()
    within(20, lambda: len(members(pair[0])) == 1)


def test_an_instance_that_starts_finds_everything(pair: list[Instance], clients) -> None:
    for number in range(500):
        clients[0].put(b"k%03d" % (number % 100), b"%d" % number)
    clients[0].delete(b"k05", range_end=b"k06")
    lease = clients[1].must("LeaseGrant", TTL=600).ID
    clients[0].put(b"leased", lease=lease)
    clients[1].must("Compact", revision=300)
    before = clients[0].get(b"\0", range_end=b"\0")
    hashes = clients[0].must("HashKV").hash
    pair[1].kill()
    pair[1].start()
    after = clients[1].get(b"\0", range_end=b"\0", serializable=True)
    assert after.kvs == before.kvs and after.header.revision == before.header.revision
    assert clients[1].must("HashKV").hash == hashes
    assert clients[1].must("LeaseTimeToLive", ID=lease).TTL > 500


def test_a_tenant_has_one_cluster_at_all_instances(clients: list[Client]) -> None:
    headers = [client.get(b"k").header for client in clients]
    assert headers[0].cluster_id == headers[1].cluster_id


def test_a_store_that_is_served_can_be_verified(clients: list[Client], url: str) -> None:
    for number in range(200):
        clients[number % 2].put(b"k%d" % (number % 20), bytes(number))
    done = run([paths.byre(), "verify", "--store", url])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is in order" in done.stdout
