"""Hostile input: malformed frames, HPACK, floods, mutated messages. Others go on being served.

Each attack runs on connections of its own; after each, and during the long ones, a client of good manners
must be answered, and the server's memory must not have grown beyond bounds.
"""

import random
import socket
import struct
import threading

import grpc
import pytest

from harness import paths
from harness.api import UNARY, Client, WatchStream, request_type, types
from harness.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PRIORITY_FLAG,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawHTTP2,
    frame,
    message,
)
from harness.operations import Generator, View
from harness.seed import base_seed

SEED = base_seed()
RANGE = UNARY["Range"]
GET_A = message(b"\x0a\x01a")
GROWTH_BYTES_MAX = 64 << 20
NODELETE = 1
NOT_ETCD = pytest.mark.skipif(paths.byre().name == "etcd", reason="more than etcd 3.5.1 does")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from harness import processes

    with processes.byre(tmp_path_factory.mktemp("malformed") / "data") as server:
        yield server


@pytest.fixture
def others(server):
    """A well-behaved client with a watch, connected before the attack and asked after it."""
    with Client(server.target) as client, client.watch() as watching:
        # A mutated request may well delete what it finds.
        watching.create(key=b"good", filters=[NODELETE])
        client.put(b"good", b"before")
        before = server.rss_bytes()
        yield client
        client.put(b"good", b"after")
        assert [event.kv.value for event in watching.wait_events(0, 2)] == [b"before", b"after"]
        assert server.is_running()
        grown = server.rss_bytes() - before
        assert grown < GROWTH_BYTES_MAX, f"grew by {grown >> 20} MiB"


# Connection errors: the connection ends, with GOAWAY where there is someone to read it.

FATAL = {
    "DATA on stream 0": frame(DATA, 0, 0, b"x"),
    "HEADERS on stream 0": frame(HEADERS, END_HEADERS, 0, b"\x82"),
    "HEADERS on an even stream": frame(HEADERS, END_HEADERS, 2, b"\x82"),
    "DATA on an idle stream": frame(DATA, 0, 99, b"x"),
    "RST_STREAM on stream 0": frame(RST_STREAM, 0, 0, bytes(4)),
    "RST_STREAM on an idle stream": frame(RST_STREAM, 0, 99, bytes(4)),
    "RST_STREAM of 3 bytes": frame(RST_STREAM, 0, 1, bytes(3)),
    "SETTINGS of 5 bytes": frame(SETTINGS, 0, 0, bytes(5)),
    "SETTINGS on a stream": frame(SETTINGS, 0, 1, b""),
    "SETTINGS ACK with payload": frame(SETTINGS, 1, 0, bytes(6)),
    "SETTINGS of an impossible window": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x80000000)),
    "SETTINGS of an impossible frame size": frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 1)),
    "PING of 7 bytes": frame(PING, 0, 0, bytes(7)),
    "PING on a stream": frame(PING, 0, 1, bytes(8)),
    "GOAWAY of 7 bytes": frame(GOAWAY, 0, 0, bytes(7)),
    "GOAWAY on a stream": frame(GOAWAY, 0, 1, bytes(8)),
    "WINDOW_UPDATE of 0 on the connection": frame(WINDOW_UPDATE, 0, 0, bytes(4)),
    "WINDOW_UPDATE of 3 bytes": frame(WINDOW_UPDATE, 0, 0, bytes(3)),
    "window overflow": frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2,
    "PUSH_PROMISE of a client": frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + b"\x82"),
    "CONTINUATION out of the blue": frame(CONTINUATION, END_HEADERS, 1, b"\x82"),
    "a frame between HEADERS and CONTINUATION": frame(HEADERS, 0, 1, b"\x82") + frame(PING, 0, 0, bytes(8)),
    "a frame larger than allowed": frame(DATA, 0, 1, bytes(16385)),
    "padding longer than the frame": frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff\x82"),
    "HPACK index 0": frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80"),
    "HPACK index beyond the table": frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\x80\x01"),
    "HPACK integer without end": frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" * 20),
    "HPACK string longer than the block": frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x7f\xff\xff\x7fa"),
    "HPACK table larger than allowed": frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x03\x82"),
    "HPACK Huffman padding of zeroes": frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x81\x00\x01a"),
    "HPACK Huffman end of string": frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x84\xff\xff\xff\xff\x01a"),
    "WINDOW_UPDATE of 0 on a stream": None,
}  # fmt: skip


@NOT_ETCD
@pytest.mark.parametrize("name", FATAL)
def test_a_protocol_violation_ends_its_connection_only(server, others, name) -> None:
    with RawHTTP2(server) as raw:
        data = FATAL[name]
        if data is None:
            # Only the stream's fault, but a connection error is allowed for it, and safer.
            data = frame(HEADERS, END_HEADERS, 1, raw.head(RANGE)) + frame(
                WINDOW_UPDATE, 0, 1, bytes(4)
            )
        raw.send(data)
        assert raw.wait_closed(5), "the connection goes on"
        if raw.goaway:
            assert raw.goaway[0] != 0, "GOAWAY without an error"


# Stream errors and what must be ignored: the connection stays of use.

HARMLESS = {
    "unknown frame type": lambda raw, stream: frame(0xEE, 0xFF, 0, b"whatever"),
    "unknown frame type on a stream": lambda raw, stream: frame(0xEE, 0xFF, stream, b"whatever"),
    "unknown setting": lambda raw, stream: frame(SETTINGS, 0, 0, struct.pack(">HI", 0xABCD, 7)),
    "PRIORITY": lambda raw, stream: frame(PRIORITY, 0, stream, struct.pack(">IB", 0, 16)),
    "priority in HEADERS": lambda raw, stream: frame(
        HEADERS, END_HEADERS | END_STREAM | PRIORITY_FLAG, stream, struct.pack(">IB", 0, 1) + raw.head(RANGE)
    ),
    "padding": lambda raw, stream: frame(
        HEADERS, END_HEADERS | PADDED, stream, b"\x03" + raw.head(RANGE) + bytes(3)
    )
    + frame(DATA, END_STREAM | PADDED, stream, b"\x05" + GET_A + bytes(5)),
    "upper-case header name": lambda raw, stream: frame(
        HEADERS, END_HEADERS | END_STREAM, stream, raw.head(RANGE) + b"\x00\x01A\x01a"
    ),
    "connection header": lambda raw, stream: frame(
        HEADERS, END_HEADERS | END_STREAM, stream, raw.head(RANGE, connection="close")
    ),
    "no path": lambda raw, stream: frame(
        HEADERS, END_HEADERS | END_STREAM, stream, raw.head(RANGE, **{":path": None})
    ),
    "two paths": lambda raw, stream: frame(
        HEADERS, END_HEADERS | END_STREAM, stream, raw.head(RANGE) + raw.head(RANGE)
    ),
    "pseudo header last": lambda raw, stream: frame(
        HEADERS, END_HEADERS | END_STREAM, stream, raw.encoder.encode([("te", "trailers")]) + raw.head(RANGE)
    ),
    "unknown pseudo header": lambda raw, stream: frame(
        HEADERS, END_HEADERS | END_STREAM, stream, raw.head(RANGE, **{":nope": "x"})
    ),
    "content-length that lies": lambda raw, stream: frame(
        HEADERS, END_HEADERS, stream, raw.head(RANGE, **{"content-length": "1"})
    )
    + frame(DATA, END_STREAM, stream, GET_A),
    "stream ids that go back": lambda raw, stream: frame(
        HEADERS, END_HEADERS | END_STREAM, stream + 100, raw.head(RANGE)
    )
    + frame(HEADERS, END_HEADERS | END_STREAM, stream, raw.head(RANGE)),
    "trailers": lambda raw, stream: frame(HEADERS, END_HEADERS, stream, raw.head(RANGE))
    + frame(DATA, 0, stream, GET_A)
    + frame(HEADERS, END_HEADERS | END_STREAM, stream, raw.encoder.encode([("x", "y")])),
    "a reset before anything": lambda raw, stream: frame(HEADERS, END_HEADERS, stream, raw.head(RANGE))
    + frame(RST_STREAM, 0, stream, struct.pack(">I", 8)),
}  # fmt: skip


@NOT_ETCD
@pytest.mark.parametrize("name", HARMLESS)
def test_a_bad_stream_harms_nothing_else_on_its_connection(server, others, name) -> None:
    with RawHTTP2(server) as raw:
        stream = raw.next_stream
        raw.next_stream += 102
        raw.send(HARMLESS[name](raw, stream))
        assert raw.call(RANGE, GET_A).get("grpc-status") == "0"
        assert raw.goaway is None


# Floods


def _attack(server, data_of, seconds: float = 10) -> RawHTTP2:
    """Sends `data_of(raw, round)` again and again until the server has had enough."""
    raw = RawHTTP2(server)
    raw.socket.settimeout(seconds)
    for round in range(20_000):
        if not raw.send(data_of(raw, round)):
            break
        if round % 50 == 0:
            raw.read(lambda: raw.closed, 0.0001)
    return raw


@NOT_ETCD
def test_rapid_reset_is_stopped(server, others) -> None:
    """CVE-2023-44487: requests opened and abandoned faster than any client does."""
    served = []
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            served.append(others.call("Range", types.RangeRequest(key=b"good"), seconds=10).ok)

    bystander = threading.Thread(target=go_on)
    bystander.start()

    def resets(raw: RawHTTP2, round: int) -> bytes:
        data = b""
        for _ in range(20):
            stream = raw.next_stream
            raw.next_stream += 2
            data += frame(HEADERS, END_HEADERS, stream, raw.head(RANGE))
            data += frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
        return data

    try:
        for _ in range(3):
            with _attack(server, resets) as raw:
                assert raw.wait_closed(5), "a hundred thousand resets were put up with"
                assert raw.next_stream > 200, "stopped at the first few"
    finally:
        stop.set()
        bystander.join()
    assert served and all(served), "somebody else was not served meanwhile"


@NOT_ETCD
@pytest.mark.parametrize(
    "name, data",
    [
        ("SETTINGS", frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)) * 20),
        ("PING", frame(PING, 0, 0, bytes(8)) * 20),
        ("empty DATA", None),
        ("PRIORITY", frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 16)) * 100),
        ("unknown frames", frame(0xEE, 0, 0, b"") * 100),
    ],
)
def test_a_flood_of_cheap_frames_is_stopped(server, others, name, data) -> None:
    def flood(raw: RawHTTP2, round: int) -> bytes:
        if data is not None:
            return data
        if round == 0:
            raw.open(RANGE)
        return frame(DATA, 0, 1, b"") * 100

    with _attack(server, flood) as raw:
        assert raw.wait_closed(5), f"no end to {name}"


@NOT_ETCD
def test_headers_without_end_are_stopped(server, others) -> None:
    """CVE-2024-27316: CONTINUATION frames that never end."""

    def endless(raw: RawHTTP2, round: int) -> bytes:
        if round == 0:
            return frame(HEADERS, 0, 1, raw.head(RANGE))
        return frame(CONTINUATION, 0, 1, b"\x00\x01a\x7f\x81\x7c" + b"v" * 16_000)

    with _attack(server, endless) as raw:
        assert raw.wait_closed(5)


@NOT_ETCD
def test_a_small_block_of_large_headers_is_stopped(server, others) -> None:
    """An HPACK bomb: one entry of 4 KB in the table, named again and again."""
    with RawHTTP2(server) as raw:
        entry = b"\x40\x01a" + b"\x7f\xa1\x1e" + b"v" * 4000
        for _ in range(200):
            stream = raw.next_stream
            raw.next_stream += 2
            block = raw.head(RANGE) + (entry if stream == 1 else b"") + b"\xbe" * 16_000
            raw.send(frame(HEADERS, END_HEADERS, stream, block[:16_384]))
        raw.read(lambda: raw.closed, 1)


@NOT_ETCD
def test_many_calls_that_never_send_their_message_are_bounded(server, others) -> None:
    raw = RawHTTP2(server)
    for _ in range(20_000):
        raw.open(RANGE)
    raw.read(lambda: raw.closed, 0.5)
    raw.close()


@NOT_ETCD
def test_messages_begun_and_never_finished_are_bounded(server, others) -> None:
    """Each announces two megabytes and sends half of one: the connection's share is limited."""
    raw = RawHTTP2(server)
    part = struct.pack(">BI", 0, 2_000_000) + bytes(16_000)
    for _ in range(400):
        stream = raw.open(UNARY["Put"])
        raw.send(frame(DATA, 0, stream, part))
        for _ in range(30):
            raw.read(lambda: raw.closed, 0.0002)
            if not raw.send(frame(DATA, 0, stream, bytes(16_000))):
                break
    raw.close()


# Random bytes


@NOT_ETCD
def test_random_frames(server, others) -> None:
    print(f"BYRE_SEED={SEED}")
    chance = random.Random(SEED)
    for _ in range(400):
        with RawHTTP2(server) as raw:
            for _ in range(chance.randint(1, 12)):
                kind = chance.choice([*range(10), chance.randrange(256)])
                payload = chance.randbytes(chance.choice([0, 1, 4, 5, 6, 8, 20, 100]))
                if chance.random() < 0.3:
                    payload = raw.head(RANGE) + payload
                stream = chance.choice([0, 1, 3, 5, chance.randrange(1 << 31)])
                if not raw.send(frame(kind, chance.randrange(256), stream, payload)):
                    break


@NOT_ETCD
def test_mutated_requests(server, others) -> None:
    """A conversation that is right, with some of its bytes changed, lost or doubled."""
    print(f"BYRE_SEED={SEED}")
    chance = random.Random(SEED)
    for round in range(400):
        with RawHTTP2(server, preface=False) as raw:
            right = PREFACE + frame(SETTINGS)
            for stream in (1, 3):
                path = chance.choice([*UNARY.values(), "/etcdserverpb.Watch/Watch"])
                right += frame(HEADERS, END_HEADERS, stream, raw.head(path))
                right += frame(DATA, END_STREAM, stream, message(b"\x0a\x01a\x12\x01b"))
            data = bytearray(right)
            for _ in range(chance.randint(1, 6)):
                at = chance.randrange(0 if round % 4 == 0 else len(PREFACE), len(data))
                how = chance.randrange(3)
                if how == 0:
                    data[at] = chance.randrange(256)
                elif how == 1:
                    del data[at : at + chance.randint(1, 10)]
                else:
                    data[at:at] = data[at : at + 10]
            raw.send(bytes(data))
            raw.read(lambda: raw.closed, 0.002)


@NOT_ETCD
def test_random_bytes_after_connecting(server, others) -> None:
    chance = random.Random(SEED)
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
            try:
                raw.sendall(
                    chance.choice([b"", PREFACE, PREFACE[:10], b"GET / "]) + chance.randbytes(200)
                )
            except OSError:
                pass


def test_mutated_messages(server) -> None:
    """Requests with changed bytes: each gets an answer of etcd's kind, never a lost connection."""
    print(f"BYRE_SEED={SEED}")
    chance = random.Random(SEED)
    generator = Generator(SEED, View(), chosen_leases=True)
    makers = [generator.range, generator.put, generator.txn, generator.delete, generator.lease_time]
    allowed = {
        grpc.StatusCode.OK, grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION,
    }  # fmt: skip
    with Client(server.target) as client:
        for _ in range(3000):
            operation = chance.choice(makers)()
            body = bytearray(operation.body)
            for _ in range(chance.randint(1, 4)):
                if body:
                    at = chance.randrange(len(body))
                    body[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
            if _unsafe_for_etcd(operation.method, bytes(body)):
                continue
            answer = client.call(operation.method, bytes(body), seconds=10)
            assert answer.code in allowed, f"{answer} to {operation.method} {bytes(body).hex()}"
        assert client.put(b"alive").header.revision > 1


def _unsafe_for_etcd(method: str, body: bytes) -> bool:
    """What crashes etcd 3.5.1 (see tolerances.NOT_COMPARED) when it is the subject."""
    if paths.byre().name != "etcd":
        return False
    if method == "Txn":
        return True
    try:
        request = request_type(method).FromString(body)
    except Exception:
        return False
    return method == "Range" and not 0 <= request.sort_target <= 4


def test_mutated_watch_requests(server) -> None:
    chance = random.Random(SEED)
    right = types.WatchRequest(
        create_request=types.WatchCreateRequest(
            key=b"k", range_end=b"l", start_revision=1, filters=[0], prev_kv=True, fragment=True
        )
    ).SerializeToString()
    with Client(server.target) as client:
        for _ in range(200):
            stream = WatchStream(client)
            for _ in range(5):
                body = bytearray(right)
                body[chance.randrange(len(body))] = chance.randrange(256)
                stream.send(bytes(body))
            stream.send_progress_request()
            stream.wait_for(lambda it: it.ended or it.received, 0.01)
            stream.close()
            assert stream.ended[0] in {grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL}, (
                stream.ended
            )
        with client.watch() as stream:
            assert stream.create(key=b"k").created
