"""Memory: stated bounds, measured on the process. Time is not asserted here."""

import struct
import threading
import time

import pytest

from harness import paths
from harness.api import UNARY, Client, types
from harness.http2 import DATA, END_HEADERS, END_STREAM, HEADERS, SETTINGS, RawHTTP2, frame, message

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="etcd promises none of this")

MIB = 1 << 20
LIST_GROWTH_MAX = 64 * MIB
IDLE_BYTES_MAX = 32 * 1024
WATCHING_BYTES_MAX = 48 * 1024
CONNECTIONS = 1000
KEYS, VALUE_BYTES = 10_000, 10_000
ALL = types.RangeRequest(key=b"\0", range_end=b"\0")


def fill(client: Client, keys: int, value_bytes: int) -> None:
    """Puts many values of a size, a hundred to a transaction."""
    value = b"v" * value_bytes
    for start in range(0, keys, 100):
        puts = [
            types.RequestOp(request_put=types.PutRequest(key=b"k%06d" % number, value=value))
            for number in range(start, start + 100)
        ]
        assert client.call("Txn", types.TxnRequest(success=puts)).ok


def settled_rss(server) -> int:
    """Resident memory once it no longer changes by itself."""
    last = server.rss_bytes()
    for _ in range(20):
        time.sleep(0.1)
        now = server.rss_bytes()
        if abs(now - last) < MIB:
            return now
        last = now
    return last


@pytest.fixture(scope="module")
def full_server(tmp_path_factory):
    from harness import processes

    with processes.byre(tmp_path_factory.mktemp("memory") / "data") as server:
        with Client(server.target) as client:
            fill(client, KEYS, VALUE_BYTES)
        yield server


def read_whole(server, sizes: list[int]) -> None:
    with Client(server.target) as client:
        _, _, body = client.call_bytes(UNARY["Range"], ALL.SerializeToString(), seconds=60)
        sizes.append(len(body or b""))


def test_five_large_lists_at_once_cost_less_than_64_mib(full_server) -> None:
    before = settled_rss(full_server)
    full_server.reset_peak_rss()
    sizes: list[int] = []
    readers = [threading.Thread(target=read_whole, args=(full_server, sizes)) for _ in range(5)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(sizes) == 5 and min(sizes) > KEYS * VALUE_BYTES
    grown = full_server.peak_rss_bytes() - before
    print(f"{grown / MIB:.1f} MiB more, {before / MIB:.0f} MiB before")
    assert grown < LIST_GROWTH_MAX, f"grew by {grown / MIB:.1f} MiB"


def test_the_same_from_a_cold_start(full_server) -> None:
    full_server.restart()
    test_five_large_lists_at_once_cost_less_than_64_mib(full_server)


def test_readers_that_do_not_read_cost_less_than_64_mib(full_server) -> None:
    """Twenty ask for 100 MB each and take nothing; others are served."""
    before = settled_rss(full_server)
    full_server.reset_peak_rss()
    window = struct.pack(">HI", 4, 0x7FFFFFFF)
    idle = [RawHTTP2(full_server, settings=window) for _ in range(20)]
    for raw in idle:
        raw.send(frame(8, 0, 0, struct.pack(">I", 0x7FFFFFFF - 65535)))
        raw.send(frame(HEADERS, END_HEADERS, 1, raw.head(UNARY["Range"])))
        raw.send(frame(DATA, END_STREAM, 1, message(ALL.SerializeToString())))
    with Client(full_server.target) as client:
        for _ in range(50):
            assert client.get(b"k000001").count == 1
            client.put(b"x")
            time.sleep(0.02)
    grown = full_server.peak_rss_bytes() - before
    for raw in idle:
        raw.close()
    assert grown < LIST_GROWTH_MAX, f"grew by {grown / MIB:.1f} MiB"


def test_watchers_that_do_not_read_cost_less_than_64_mib(start_byre) -> None:
    """Twenty watches fall behind by 100 MB of events; the writer and a quick watcher do not notice."""
    server = start_byre()
    with Client(server.target) as client, client.watch() as quick:
        quick.create(key=b"k", range_end=b"l")
        # Whatever writing as such makes resident, caches and log, is there before.
        for _ in range(3):
            fill(client, KEYS, VALUE_BYTES)
        before = settled_rss(server)
        server.reset_peak_rss()
        slow = [RawHTTP2(server) for _ in range(20)]
        create = types.WatchCreateRequest(key=b"k", range_end=b"l", prev_kv=True)
        for raw in slow:
            raw.open("/etcdserverpb.Watch/Watch")
            body = types.WatchRequest(create_request=create).SerializeToString()
            raw.send(frame(DATA, 0, 1, message(body)))
            raw.read(lambda: raw.replies.get(1) and raw.replies[1].data)
        fill(client, KEYS, VALUE_BYTES)
        assert quick.wait_for(lambda it: len(it.events.get(0, ())) == 4 * KEYS, 60)
        grown = server.peak_rss_bytes() - before
        print(f"{grown / MIB:.1f} MiB more, {before / MIB:.0f} MiB before")
        assert grown < LIST_GROWTH_MAX, f"grew by {grown / MIB:.1f} MiB"
        # In the end a slow watcher gets everything: each event with its previous value.
        late, due = slow[0], 2 * KEYS * VALUE_BYTES
        late.read(lambda: len(late.replies[1].data) > due, 60)
        assert len(late.replies[1].data) > due, f"only {len(late.replies[1].data)} bytes came"
        for raw in slow:
            raw.close()


def connections(server, count: int, watch: bool) -> list[RawHTTP2]:
    opened = []
    body = types.WatchRequest(create_request=types.WatchCreateRequest(key=b"a")).SerializeToString()
    for _ in range(count):
        raw = RawHTTP2(server)
        if watch:
            raw.open("/etcdserverpb.Watch/Watch")
            raw.send(frame(DATA, 0, 1, message(body)))
        opened.append(raw)
    for raw in opened:
        if watch:
            raw.read(lambda: raw.replies.get(1) and raw.replies[1].data)
        else:
            raw.read(lambda: any(it.type == SETTINGS for it in raw.frames))
    return opened


@pytest.mark.parametrize(
    "watch, bytes_max",
    [(False, IDLE_BYTES_MAX), (True, WATCHING_BYTES_MAX)],
    ids=["idle", "watching"],
)
def test_what_a_connection_costs(start_byre, watch, bytes_max) -> None:
    server = start_byre()
    for raw in connections(server, 100, watch):
        raw.close()
    before = settled_rss(server)
    opened = connections(server, CONNECTIONS, watch)
    each = (settled_rss(server) - before) / CONNECTIONS
    for raw in opened:
        raw.close()
    print(f"{each / 1024:.1f} KiB for each connection")
    assert each < bytes_max, f"{each / 1024:.1f} KiB for each connection"


def test_connections_and_watches_that_end_leave_nothing_behind(start_byre) -> None:
    server = start_byre()
    sizes = []
    for _ in range(6):
        for raw in connections(server, 500, watch=True):
            raw.close()
        with Client(server.target) as client, client.watch() as stream:
            for _ in range(500):
                stream.create(key=b"a", range_end=b"b")
            for number in range(500):
                stream.cancel_watch(number)
        sizes.append(settled_rss(server))
    assert sizes[-1] - sizes[1] < 8 * MIB, f"leaks: {[size >> 10 for size in sizes]} KiB"
    assert server.open_files() < 60


def test_compacted_versions_leave_memory(start_byre) -> None:
    """Overwritten and compacted versions are given back to the index."""
    server = start_byre()
    with Client(server.target) as client:
        fill(client, 2_000, 100)
        sizes = []
        for _ in range(8):
            for _ in range(5):
                fill(client, 2_000, 100)
            client.must("Compact", revision=client.revision(), physical=True)
            sizes.append(settled_rss(server))
    assert sizes[-1] - sizes[1] < 16 * MIB, f"leaks: {[size >> 10 for size in sizes]} KiB"
