"""What etcd does since 3.6 or 3.7, where 3.5.1 cannot be the judge: pinned one by one.

Sources: the reference's list of differences between versions, etcd's changelogs and the issues named.
"""

import threading
import time

import grpc
import pytest

from harness import paths
from harness.api import Client, RPCError, types

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="not so in etcd 3.5.1")

RANGE_STREAM = "/etcdserverpb.KV/RangeStream"
ALL = {"key": b"\0", "range_end": b"\0"}


def stream_range(client: Client, seconds: float = 20, **fields: object) -> list:
    """The chunks of a RangeStream."""
    call = client.channel.unary_stream(RANGE_STREAM)
    body = types.RangeRequest(**fields).SerializeToString()
    return [
        types.RangeStreamResponse.FromString(chunk).range_response
        for chunk in call(body, timeout=seconds)
    ]


# Versions


def test_status_states_37(client) -> None:
    status = client.must("Status")
    assert status.version == "3.7.1" and status.storageVersion == "3.7.0"
    assert status.dbSizeQuota == 2 * 1024**3
    assert status.HasField("downgradeInfo")
    assert status.leader == status.header.member_id
    assert min(status.raftIndex, status.raftTerm, status.raftAppliedIndex) > 0
    assert 0 < status.dbSizeInUse <= status.dbSize
    assert not status.isLearner and not status.errors


def test_status_names_alarms(client) -> None:
    member = client.get(b"\0").header.member_id
    client.must("Alarm", action=1, memberID=member, alarm=1)
    (error,) = client.must("Status").errors
    # Go's text format varies its spaces from version to version.
    assert error.replace("  ", " ").strip() == f"memberID:{member} alarm:NOSPACE"


def test_hash_states_its_revision(client) -> None:
    client.put(b"a")
    client.put(b"a")
    whole = client.must("HashKV")
    assert (whole.hash_revision, whole.compact_revision) == (3, -1)
    assert client.must("HashKV", revision=2).hash_revision == 2


def test_hash_at_the_compact_revision(client) -> None:
    for number in range(10):
        client.put(b"k%d" % (number % 3), b"%d" % number)
    before = client.must("HashKV", revision=6).hash
    client.must("Compact", revision=6, physical=True)
    at = client.must("HashKV", revision=6)
    assert (at.compact_revision, at.hash_revision) == (6, 6)
    assert at.hash != before, "three of five records are gone"
    with pytest.raises(RPCError, match="required revision has been compacted"):
        client.must("HashKV", revision=5)


# Range


@pytest.mark.parametrize("field", ["sort_order", "sort_target"])
@pytest.mark.parametrize("value", [-1, 5, 2**31 - 1])
def test_unknown_sort_options_are_refused(client, field, value) -> None:
    request = types.RangeRequest(key=b"a", **{field: value})
    answer = client.call("Range", request)
    assert (answer.code, answer.details) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "etcdserver: invalid sort option",
    )


def test_keys_only_knows_no_leases_unless_sorted_by_value(client) -> None:
    client.must("LeaseGrant", TTL=100, ID=7)
    client.put(b"a", b"v", lease=7)
    (row,) = client.get(b"a", keys_only=True).kvs
    assert (row.lease, row.value, row.version) == (0, b"", 1)
    (row,) = client.get(b"a", keys_only=True, sort_target=4, sort_order=1).kvs
    assert (row.lease, row.value) == (7, b"")


def test_range_stream_chunks_add_up_to_the_unary_answer(client) -> None:
    for number in range(25):
        client.put(b"k%02d" % number, b"v" * 100)
    for fields in (
        ALL,
        {**ALL, "limit": 7},
        {**ALL, "keys_only": True},
        {**ALL, "count_only": True},
        {**ALL, "revision": 10},
        {**ALL, "limit": 25},
        {"key": b"k03"},
        {"key": b"none"},
        {"key": b"b", "range_end": b"a"},
        {**ALL, "sort_target": 0, "sort_order": 1},
    ):
        chunks = stream_range(client, **fields)
        joined = types.RangeResponse()
        for chunk in chunks:
            joined.MergeFrom(chunk)
        assert joined == client.must("Range", **fields), fields
        for chunk in chunks[:-1]:
            assert chunk.kvs and not chunk.HasField("header") and not chunk.count and not chunk.more
    assert len(stream_range(client, **ALL)) >= 2


@pytest.mark.parametrize(
    "fields, code, details",
    [
        ({"key": b""}, "INVALID_ARGUMENT", "etcdserver: key is not provided"),
        ({**ALL, "sort_order": 9}, "INVALID_ARGUMENT", "etcdserver: invalid sort option"),
        (
            {**ALL, "sort_order": 2},
            "UNIMPLEMENTED",
            "RangeStream does not support custom sort orders",
        ),
        (
            {**ALL, "sort_order": 1, "sort_target": 3},
            "UNIMPLEMENTED",
            "RangeStream does not support custom sort orders",
        ),
        (
            {**ALL, "min_mod_revision": 1},
            "UNIMPLEMENTED",
            "RangeStream does not support revision filters",
        ),
        (
            {**ALL, "revision": 99},
            "OUT_OF_RANGE",
            "etcdserver: mvcc: required revision is a future revision",
        ),
    ],
)
def test_range_stream_refusals(client, fields, code, details) -> None:
    with pytest.raises(grpc.RpcError) as error:
        stream_range(client, **fields)
    assert (error.value.code().name, error.value.details()) == (code, details)


def test_range_stream_is_of_one_revision(client) -> None:
    """Writers go on while the answer is on its way."""
    for number in range(300):
        client.put(b"k%03d" % number, b"0" * 5000)
    pinned = client.revision()
    stop = threading.Event()

    def write() -> None:
        round = 0
        while not stop.is_set():
            round += 1
            for number in range(0, 300, 7):
                client.put(b"k%03d" % number, b"%d" % round)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        call = client.channel.unary_stream(RANGE_STREAM)
        chunks = call(types.RangeRequest(**ALL).SerializeToString(), timeout=20)
        rows = []
        for body in chunks:
            chunk = types.RangeStreamResponse.FromString(body).range_response
            rows.extend(chunk.kvs)
            time.sleep(0.005)
    finally:
        stop.set()
        writer.join()
    at = chunk.header.revision
    assert at >= pinned and len(rows) == 300
    assert rows == list(client.must("Range", **ALL, revision=at).kvs)


# Watch


def test_watch_from_negative_revision_is_refused(client) -> None:
    client.put(b"a")
    with client.watch() as stream:
        reply = stream.create(key=b"a", start_revision=-1)
        assert (reply.created, reply.canceled, reply.watch_id) == (True, True, -1)
        assert reply.cancel_reason == "etcdserver: mvcc: required revision has been compacted"
        assert reply.compact_revision == 0 and reply.header.revision == 2
        assert stream.create(key=b"a").watch_id == 0, "the stream stays open"


def test_watch_from_compacted_tombstone_sees_the_delete(byre) -> None:
    with Client(byre.target) as client:
        client.put(b"a")
        revision = client.delete(b"a").header.revision
        client.must("Compact", revision=revision, physical=True)
    for _ in range(2):
        with Client(byre.target) as client, client.watch() as stream:
            stream.create(key=b"a", start_revision=revision, prev_kv=True)
            (event,) = stream.wait_events(0, 1)
            assert (event.type, event.kv.mod_revision) == (1, revision)
            assert not event.HasField("prev_kv"), "the previous value is compacted"
        byre.restart()


def test_progress_waits_for_watches(client) -> None:
    """A stream without watches is not answered; see etcd issue 20221 for those of the future."""
    with client.watch() as stream:
        stream.send_progress_request()
        assert stream.create(key=b"a").watch_id == 0
        stream.send_progress_request()
        assert stream.wait_for(lambda it: it.progress)
        assert len(stream.received) == 2, "the first request was answered"
        assert stream.progress[0].watch_id == -1


def test_progress_waits_for_a_future_start_revision(byre) -> None:
    with Client(byre.target) as client, client.watch() as stream:
        stream.create(key=b"a", start_revision=5)
        stream.send_progress_request()
        for _ in range(4):
            client.put(b"b")
        assert client.revision() == 5
        stream.send_progress_request()
        assert stream.wait_for(lambda it: it.progress)
        assert [reply.header.revision for reply in stream.progress] == [5]


def test_progress_notify_does_not_name_a_revision_before_the_start(start_byre) -> None:
    server = start_byre("--watch-progress-notify-interval=100ms")
    with Client(server.target) as client, client.watch() as stream:
        stream.create(key=b"a", start_revision=4, progress_notify=True)
        stream.create(key=b"a", progress_notify=True)
        assert stream.wait_for(lambda it: sum(reply.watch_id == 1 for reply in it.progress) >= 3)
        assert not [reply for reply in stream.progress if reply.watch_id == 0]
        for _ in range(3):
            client.put(b"b")
        assert stream.wait_for(lambda it: any(reply.watch_id == 0 for reply in it.progress))
        first = next(reply for reply in stream.progress if reply.watch_id == 0)
        assert first.header.revision == 4


def test_unsynced_streams_are_not_promised_progress(client) -> None:
    """Asked at once after a watch from the past: nothing, or a revision all of whose events came."""
    for number in range(2000):
        client.put(b"k%d" % (number % 10), b"%d" % number)
    last = client.revision()
    with client.watch() as stream:
        stream.send(
            types.WatchRequest(create_request=types.WatchCreateRequest(**ALL, start_revision=2))
        )
        for _ in range(50):
            stream.send_progress_request()
        stream.wait_events(0, 2000)
        with stream.condition:
            position = 0
            for reply in stream.received:
                position += len(reply.events)
                if reply.watch_id == -1:
                    assert reply.header.revision == last and position == 2000


# Txn


def test_puts_of_a_nested_txn_cost_space(byre) -> None:
    with Client(byre.target) as client:
        member = client.get(b"a").header.member_id
        client.must("Alarm", action=1, memberID=member, alarm=1)
        put = types.RequestOp(request_put=types.PutRequest(key=b"a", value=b"1"))
        inner = types.RequestOp(request_txn=types.TxnRequest(success=[put]))
        refused = client.call("Txn", types.TxnRequest(success=[inner]))
        assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.details == "etcdserver: mvcc: database space exceeded"
        client.must("Alarm", action=2, memberID=member, alarm=1)


def test_put_after_delete_to_the_end_in_one_txn(byre) -> None:
    """The overlap goes unnoticed by the check, then the put finds no value to keep."""
    with Client(byre.target) as client:
        client.put(b"k1", b"1")
        delete = types.RequestOp(
            request_delete_range=types.DeleteRangeRequest(key=b"k0", range_end=b"\0")
        )
        put = types.RequestOp(request_put=types.PutRequest(key=b"k1", ignore_value=True))
        answer = client.call("Txn", types.TxnRequest(success=[delete, put]))
        rows = client.get(b"k1").kvs
        if answer.ok:
            assert answer.message.header.revision == 3
        else:
            assert [row.value for row in rows] == [b"1"], "half of it was done"
            assert client.revision() == 2
    byre.restart()
    with Client(byre.target) as client:
        assert client.get(b"k1").kvs == rows


LEASE = types.RequestOp(request_put=types.PutRequest(key=b"l", lease=404))
MISSING = types.RequestOp(request_put=types.PutRequest(key=b"m", ignore_value=True))
BOTH = types.RequestOp(request_put=types.PutRequest(key=b"n", lease=404, ignore_value=True))
FUTURE = types.RequestOp(request_range=types.RangeRequest(key=b"a", revision=99))
NEGATIVE = types.RequestOp(request_range=types.RangeRequest(key=b"a", revision=-2))
INNER = types.RequestOp(request_put=types.PutRequest(key=b"o", ignore_lease=True))
NESTED = types.RequestOp(request_txn=types.TxnRequest(success=[INNER]))


@pytest.mark.parametrize(
    "operations, details",
    [
        ([LEASE, MISSING, FUTURE], "etcdserver: requested lease not found"),
        ([MISSING, LEASE, FUTURE], "etcdserver: key not found"),
        ([FUTURE, LEASE, MISSING], "etcdserver: mvcc: required revision is a future revision"),
        ([NEGATIVE, LEASE], "etcdserver: mvcc: required revision has been compacted"),
        ([BOTH], "etcdserver: requested lease not found"),
        ([NESTED, LEASE], "etcdserver: key not found"),
        ([LEASE, NESTED], "etcdserver: requested lease not found"),
    ],
)
def test_txn_names_the_first_operation_that_fails(client, operations, details) -> None:
    client.put(b"a", b"1")
    good = types.RequestOp(request_put=types.PutRequest(key=b"a", value=b"2"))
    answer = client.call("Txn", types.TxnRequest(success=[good, *operations]))
    assert answer.details == details
    assert client.get(b"a").kvs[0].value == b"1", "half of it was done"
    # The branch that is not taken is not checked.
    never = types.Compare(key=b"a", target=0, version=77)
    assert client.call("Txn", types.TxnRequest(compare=[never], success=operations)).ok


# Leases


def test_keepalive_stream_ends_as_the_client_ends_it(client) -> None:
    path = "/etcdserverpb.Lease/LeaseKeepAlive"
    client.must("LeaseGrant", TTL=100, ID=1)
    with client.stream(path, types.LeaseKeepAliveResponse) as stream:
        stream.send(types.LeaseKeepAliveRequest(ID=1))
        stream.send(types.LeaseKeepAliveRequest(ID=2))
        assert [(reply.ID, reply.TTL) for reply in stream.wait_count(2)] == [(1, 100), (2, 0)]
        stream.half_close()
        assert stream.wait_end() == (grpc.StatusCode.OK, "")


# What comes later


@pytest.mark.parametrize(
    "path",
    [
        "/etcdserverpb.Auth/AuthEnable",
        "/etcdserverpb.Auth/Authenticate",
        "/etcdserverpb.Auth/UserAdd",
        "/v3lockpb.Lock/Lock",
        "/v3electionpb.Election/Campaign",
        "/etcdserverpb.Maintenance/Snapshot",
    ],
)
def test_what_is_not_served_yet_says_so(client, path) -> None:
    code, _, _ = client.call_bytes(path, b"")
    assert code is grpc.StatusCode.UNIMPLEMENTED


def test_health_service(client) -> None:
    call = client.channel.unary_unary("/grpc.health.v1.Health/Check")
    assert call(b"", timeout=5) == b"\x08\x01", "SERVING"
    with pytest.raises(grpc.RpcError) as error:
        call(b"\x0a\x04nope", timeout=5)
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


def test_client_api_version_must_be_text(client) -> None:
    answer = client.call(
        "Range", types.RangeRequest(key=b"a"), metadata=[("client-api-version", "3.6")]
    )
    assert answer.ok
    answer = client.call("Range", types.RangeRequest(key=b"a"), metadata=[("hasleader", "true")])
    assert answer.ok
    with pytest.raises(RPCError, match="key is not provided"):
        client.must("Range")
