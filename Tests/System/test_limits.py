"""Limits of etcd's: pings, message sizes, transactions, space; compared with etcd 3.5.1 where it has them."""

import socket
import struct
import time

import grpc
import pytest

from harness import paths
from harness.api import UNARY, Client, types
from harness.http1 import fetch
from harness.http2 import (
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    PING,
    SETTINGS,
    RawHTTP2,
    frame,
    message,
)

PAGE = 4096
NOSPACE = 1
RANGE = UNARY["Range"]
GET_A = message(b"\x0a\x01a")
NOT_ETCD = pytest.mark.skipif(paths.byre().name == "etcd", reason="more than etcd 3.5.1 does")


@pytest.fixture(params=["etcd", "byre"])
def start(request, start_etcd, start_byre):
    """Starts the reference or the subject: the expectations hold of both."""
    return start_etcd if request.param == "etcd" else start_byre


# Pings


def test_a_client_that_pings_too_often_is_sent_away(start) -> None:
    server = start()
    with RawHTTP2(server) as raw:
        for number in range(12):
            if not raw.send(frame(PING, payload=struct.pack(">Q", number))):
                break
            raw.read(lambda: raw.closed, 0.02)
        assert raw.wait_closed()
        assert raw.goaway == (ENHANCE_YOUR_CALM, b"too_many_pings")


def test_a_client_with_a_call_may_ping_as_often_as_the_flag_says(start) -> None:
    server = start("--grpc-keepalive-min-time=100ms")
    with RawHTTP2(server) as raw:
        stream = raw.open("/etcdserverpb.Watch/Watch")
        for number in range(15):
            raw.send(frame(PING, payload=struct.pack(">Q", number)))
            raw.read(lambda: raw.closed, 0.15)
        assert not raw.closed and raw.goaway is None
        answered = [it for it in raw.frames if it.type == PING and it.flags & 1]
        assert len(answered) == 15
        for _ in range(12):
            raw.send(frame(PING, payload=bytes(8)))
        assert raw.wait_closed() and raw.goaway[0] == ENHANCE_YOUR_CALM, stream


def test_keepalive_of_kubernetes_is_welcome(start) -> None:
    """grpc's own client pings at most every 5 s with calls open, which the default permits; here faster."""
    server = start("--grpc-keepalive-min-time=50ms")
    options = (("grpc.keepalive_time_ms", 100), ("grpc.http2.max_pings_without_data", 0))
    with Client(server.target, options=options) as client, client.watch() as watching:
        watching.create(key=b"a")
        time.sleep(1)
        client.put(b"a")
        assert watching.wait_events(0, 1)
        assert not watching.ended


def test_the_server_pings_a_silent_client_and_gives_it_up(start) -> None:
    server = start("--grpc-keepalive-interval=1s", "--grpc-keepalive-timeout=1s")
    with RawHTTP2(server) as raw:
        raw.open("/etcdserverpb.Watch/Watch")
        assert raw.read(lambda: any(it.type == PING and not it.flags for it in raw.frames), 6)
        assert raw.wait_closed(6), "an unanswered ping must end the connection"


# Sizes


@pytest.mark.parametrize(
    "size, code, details",
    [
        (1_572_864 - 600, grpc.StatusCode.OK, ""),
        (1_572_864 + 600, grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: request is too large"),
        (
            2_097_152 - 7 - 3,
            grpc.StatusCode.INVALID_ARGUMENT,
            "etcdserver: request is too large",
        ),
        (
            2_097_152,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "grpc: received message larger than max (2097160 vs. 2097152)",
        ),
    ],
)
def test_large_requests(start, size, code, details) -> None:
    with Client(start().target) as client:
        request = types.PutRequest(key=b"k", value=b"v" * size)
        answer = client.call("Put", request)
        assert (answer.code, answer.details) == (code, details)
        # Reads are not bound by the request limit, only by the message's.
        txn = types.TxnRequest(
            success=[
                types.RequestOp(request_range=types.RangeRequest(key=b"k", range_end=b"x" * size))
            ]
        )
        answer = client.call("Txn", txn)
        wanted = grpc.StatusCode.OK if size < 2_097_152 - 20 else grpc.StatusCode.RESOURCE_EXHAUSTED
        assert answer.code is wanted


def test_request_limit_by_flag(start) -> None:
    with Client(start("--max-request-bytes=10000").target) as client:
        assert client.call("Put", types.PutRequest(key=b"k", value=b"v" * 9_000)).ok
        answer = client.call("Put", types.PutRequest(key=b"k", value=b"v" * 11_000))
        assert answer.details == "etcdserver: request is too large"
        answer = client.call("Put", types.PutRequest(key=b"k", value=b"v" * (10_000 + 524_288)))
        assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert answer.details.endswith("vs. 534288)")


def test_answers_may_be_large(start) -> None:
    with Client(start().target) as client:
        for number in range(30):
            client.put(b"k%d" % number, b"v" * 1_000_000)
        assert len(client.get(b"\0", range_end=b"\0").kvs) == 30


def test_transaction_limit_by_flag(start) -> None:
    with Client(start("--max-txn-ops=3").target) as client:
        gets = [types.RequestOp(request_range=types.RangeRequest(key=b"a"))] * 4
        assert client.call("Txn", types.TxnRequest(success=gets[:3])).ok
        answer = client.call("Txn", types.TxnRequest(success=gets))
        assert answer.details == "etcdserver: too many operations in txn request"


@NOT_ETCD
def test_stream_limit_by_flag(start_byre) -> None:
    server = start_byre("--max-concurrent-streams=3")
    with RawHTTP2(server) as raw:
        raw.read(lambda: any(it.type == SETTINGS for it in raw.frames))
        (settings,) = [it for it in raw.frames if it.type == SETTINGS and not it.flags]
        announced = {
            struct.unpack(">H", settings.payload[at : at + 2])[0]: struct.unpack(
                ">I", settings.payload[at + 2 : at + 6]
            )[0]
            for at in range(0, len(settings.payload), 6)
        }
        assert announced[3] == 3
        streams = [raw.open("/etcdserverpb.Watch/Watch") for _ in range(5)]
        raw.read(
            lambda: all(raw.replies.get(it) and raw.replies[it].ended for it in streams[3:]), 5
        )
        assert raw.goaway is None, f"one stream too many ended the connection: {raw.goaway}"
        assert [raw.replies[it].reset for it in streams[3:]] == [7, 7], "REFUSED_STREAM"


@NOT_ETCD
def test_headers_beyond_the_limit_fail_their_call_only(byre) -> None:
    with RawHTTP2(byre) as raw:
        big = raw.open(RANGE)
        raw.send(frame(3, 0, big, struct.pack(">I", 8)))
        stream = raw.next_stream
        raw.next_stream += 2
        block = raw.head(RANGE) + b"".join(
            b"\x00\x01a" + b"\x7f\x81\xf9\x01" + b"v" * 32_000 for _ in range(4)
        )
        raw.send(frame(HEADERS, END_STREAM, stream, block[:16_000]))
        for start in range(16_000, len(block), 16_000):
            last = start + 16_000 >= len(block)
            raw.send(frame(9, END_HEADERS if last else 0, stream, block[start : start + 16_000]))
        raw.read(lambda: raw.replies.get(stream) and raw.replies[stream].ended, 5)
        assert raw.goaway is None
        if not raw.closed:
            assert raw.call(RANGE, GET_A).get("grpc-status") == "0"
    with Client(byre.target) as client:
        client.put(b"a")


@NOT_ETCD
def test_a_connection_without_a_preface_is_closed(byre) -> None:
    sockets = [socket.create_connection(("127.0.0.1", byre.port), timeout=15) for _ in range(2)]
    for raw, start in zip(sockets, (b"", b"PRI * HT")):
        raw.sendall(start)
    began = time.monotonic()
    for raw in sockets:
        try:
            while raw.recv(4096):
                pass
        except ConnectionError:
            pass
        raw.close()
    assert time.monotonic() - began < 15


# Space


@pytest.fixture
def full(start):
    """A server of little space whose tenant has used it up, a client, and what was stored before."""
    server = start(f"--quota-backend-bytes={16 * PAGE}")
    with Client(server.target) as client:
        client.must("LeaseGrant", TTL=1000, ID=3)
        client.put(b"leased", lease=3)
        assert client.call("Put", types.PutRequest(key=b"fits", value=b"v" * 1000)).ok, (
            "a fresh store is small"
        )
        stored = 0
        # etcd looks at its file, which grows every 100 ms.
        for number in range(3000):
            answer = client.call("Put", types.PutRequest(key=b"k%d" % number, value=b"v" * 1024))
            if not answer.ok:
                break
            stored += 1
        assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert answer.details == "etcdserver: mvcc: database space exceeded"
        assert stored >= 4
        yield server, client, stored


def test_a_full_store_refuses_what_costs_space_and_nothing_else(full) -> None:
    server, client, _ = full
    member = client.get(b"a").header.member_id
    (alarm,) = client.must("Alarm", action=0).alarms
    assert (alarm.memberID, alarm.alarm) == (member, NOSPACE)
    put = types.RequestOp(request_put=types.PutRequest(key=b"x", value=b"y"))
    delete = types.RequestOp(request_delete_range=types.DeleteRangeRequest(key=b"k1"))
    get = types.RequestOp(request_range=types.RangeRequest(key=b"k1"))
    for method, request in (
        ("Put", types.PutRequest(key=b"x", value=b"y")),
        ("Put", types.PutRequest(key=b"fits", ignore_value=True)),
        ("Txn", types.TxnRequest(success=[put])),
        ("Txn", types.TxnRequest(success=[get], failure=[put])),
        (
            "Txn",
            types.TxnRequest(
                success=[types.RequestOp(request_txn=types.TxnRequest(success=[put]))]
            ),
        ),
        ("LeaseGrant", types.LeaseGrantRequest(TTL=10)),
    ):
        if server.is_etcd and "request_txn" in str(request):
            continue  # Nested puts count since 3.7.1.
        answer = client.call(method, request)
        assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED, f"{method} {request}"
        assert answer.details == "etcdserver: mvcc: database space exceeded"
    for method, request in (
        ("Range", types.RangeRequest(key=b"\0", range_end=b"\0")),
        ("Txn", types.TxnRequest(success=[get])),
        ("Txn", types.TxnRequest(success=[delete])),
        ("DeleteRange", types.DeleteRangeRequest(key=b"k2")),
        ("LeaseTimeToLive", types.LeaseTimeToLiveRequest(ID=3)),
        ("LeaseRevoke", types.LeaseRevokeRequest(ID=3)),
        ("HashKV", types.HashKVRequest()),
        ("Status", types.StatusRequest()),
    ):
        if server.is_etcd and method == "Txn":
            continue  # 3.5.1 refuses even what costs nothing.
        answer = client.call(method, request)
        assert answer.ok, f"{method}: {answer.details}"
    assert client.get(b"leased").count == 0
    assert any("NOSPACE" in error for error in client.must("Status").errors)
    assert fetch(server, "/health").status == 503


def test_a_full_store_works_again_after_compaction_defragmentation_and_disarming(full) -> None:
    _, client, stored = full
    client.must("DeleteRange", key=b"k", range_end=b"l")
    revision = client.revision()
    client.must("Compact", revision=revision, physical=True)
    client.must("Defragment")
    member = client.get(b"a").header.member_id
    refused = client.call("Put", types.PutRequest(key=b"x", value=b"y"))
    assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED, (
        "the alarm stays until it is disarmed"
    )
    (disarmed,) = client.must("Alarm", action=2, memberID=member, alarm=NOSPACE).alarms
    assert disarmed.alarm == NOSPACE
    assert not client.must("Alarm", action=0).alarms
    for number in range(min(stored, 10)):
        client.put(b"again%d" % number, b"v" * 512)


def test_the_alarm_survives_a_restart(full) -> None:
    server, client, _ = full
    server.restart()
    with Client(server.target) as again:
        assert [alarm.alarm for alarm in again.must("Alarm", action=0).alarms] == [NOSPACE]
        answer = again.call("Put", types.PutRequest(key=b"x", value=b"y"))
        assert answer.details == "etcdserver: mvcc: database space exceeded"


def test_a_put_larger_than_the_space_raises_the_alarm(start) -> None:
    with Client(start(f"--quota-backend-bytes={13 * PAGE}").target) as client:
        assert client.call("Put", types.PutRequest(key=b"abc", value=b"v" * 1)).ok
        answer = client.call("Put", types.PutRequest(key=b"abc", value=b"v" * 13 * PAGE))
        assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert client.must("Alarm", action=0).alarms


def test_no_limit_when_the_quota_is_negative(start) -> None:
    with Client(start("--quota-backend-bytes=-1").target) as client:
        client.put(b"a", b"v" * 100_000)


# gRPC as such: the same bytes to both, the same answer


CALLS = {
    "a plain call": {},
    "content type with a suffix": {"content-type": "application/grpc+proto"},
    "content type of JSON": {"content-type": "application/grpc+json"},
    "wrong content type": {"content-type": "application/json"},
    "no content type": {"content-type": None},
    "no te": {"te": None},
    "method GET": {":method": "GET"},
    "unknown encoding": {"grpc-encoding": "snappy"},
    "gzip": {"grpc-encoding": "gzip"},
    "identity": {"grpc-encoding": "identity"},
    "timeout of rubbish": {"grpc-timeout": "soon"},
    "timeout without unit": {"grpc-timeout": "10"},
    "timeout of nine digits": {"grpc-timeout": "123456789S"},
    "long timeout": {"grpc-timeout": "99999999H"},
    "binary metadata": {"x-thing-bin": "AAECAw"},
    "broken binary metadata": {"x-thing-bin": "!!!"},
    "unknown service": {":path": "/nope.Nope/Nope"},
    "unknown method": {":path": "/etcdserverpb.KV/Nope"},
    "path without a slash": {":path": "etcdserverpb.KV"},
    "path of one part": {":path": "/etcdserverpb.KV"},
}
BODIES = {
    "one message": GET_A,
    "no message": b"",
    "two messages": GET_A + GET_A,
    "empty message": message(b""),
    "cut off in the prefix": GET_A[:3],
    "cut off in the message": GET_A[:-1],
    "compressed flag without encoding": message(b"\x0a\x01a", compressed=1),
    "unknown flag": message(b"\x0a\x01a", compressed=7),
    "a length beyond the limit": struct.pack(">BI", 0, 0x7FFFFFFF),
    "undecodable": message(b"\xff\xff\xff"),
}
SINCE_35 = {
    "wrong content type": ("415", "3"),
    "no content type": ("415", "3"),
    "method GET": ("405", "13"),
    "timeout of rubbish": ("400", "13"),
    "timeout without unit": ("400", "13"),
    "timeout of nine digits": ("400", "13"),
    "path without a slash": ("200", "12"),
    "path of one part": ("200", "12"),
    # etcd knows gzip because its tracing does; Byre refuses every encoding, as the protocol says how.
    "gzip": ("200", "12"),
}
"""HTTP and gRPC status where etcd 3.5.1's old gRPC library only reset the stream, or said otherwise."""

TEXT_IS_GOS = {
    "undecodable", "timeout of rubbish", "timeout without unit", "timeout of nine digits",
    "broken binary metadata", "path without a slash", "path of one part", "cut off in the prefix",
    "cut off in the message", "wrong content type", "unknown flag", "no message", "two messages",
}  # fmt: skip


@pytest.fixture(scope="module")
def both(etcd_session, byre_session):
    return etcd_session, byre_session


@pytest.mark.parametrize("name", [*CALLS, *BODIES])
def test_the_same_bytes_get_the_same_status(both, name) -> None:
    answers = []
    for server in both:
        with RawHTTP2(server) as raw:
            changes = dict(CALLS.get(name, {}))
            path = changes.pop(":path", RANGE)
            reply = raw.call(path, BODIES.get(name, GET_A), **changes)
            # grpc-go may add a reset without error to an answer that it has given in full.
            answer = [reply.get(":status"), reply.get("grpc-status"), reply.reset or None]
            if name not in TEXT_IS_GOS:
                answer.append(reply.get("grpc-message") or "")
            answers.append(answer)
            assert raw.goaway is None, "one bad call ended the connection"
            assert raw.call(RANGE, GET_A).get("grpc-status") == "0", "the connection is of no use"
    if name in SINCE_35 and not both[1].is_etcd:
        assert tuple(answers[1][:2]) == SINCE_35[name]
    else:
        assert answers[0] == answers[1]


@NOT_ETCD
@pytest.mark.parametrize("timeout", ["0n", "1n", "1u"])
def test_a_deadline_that_passes(byre_session, timeout) -> None:
    with RawHTTP2(byre_session) as raw:
        stream = raw.open(RANGE, **{"grpc-timeout": timeout})
        assert raw.reply(stream).get("grpc-status") == "4"
        assert raw.call(RANGE, GET_A).get("grpc-status") == "0"


@NOT_ETCD
def test_a_stream_ends_at_its_deadline(shared_client) -> None:
    call = shared_client.channel.stream_stream("/etcdserverpb.Watch/Watch")(iter([]), timeout=0.3)
    with pytest.raises(grpc.RpcError) as error:
        list(call)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_goaway_of_the_client_lets_its_calls_finish(byre) -> None:
    with RawHTTP2(byre) as raw:
        stream = raw.open(RANGE)
        raw.send(frame(GOAWAY, payload=struct.pack(">II", 0, 0)))
        raw.send(frame(0, END_STREAM, stream, GET_A))
        assert raw.reply(stream).get("grpc-status") == "0"
