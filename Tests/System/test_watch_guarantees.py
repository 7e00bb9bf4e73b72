"""*Ordered, Unique, Atomic, Reliable, Resumable, Bookmarkable, PrevKV* on recorded histories.

Writers run against watchers of every sort: quick and slow ones, ones that lose their connection and
resume, ones that ask for progress. Afterwards every watch is held against the store's whole history.
"""

import os
import signal
import time

import pytest

from harness import paths
from harness.api import Client, prefix_end, types
from harness.history import History, Watcher, Writer, check_watch, check_writes
from harness.seed import base_seed

SECONDS = float(os.environ.get("BYRE_WATCH_SECONDS", "6"))
SEED = base_seed()
PREFIX = b"load/"
EVERYTHING = {"key": b"\0", "range_end": b"\0"}
LOAD = {"key": PREFIX, "range_end": prefix_end(PREFIX)}
NOPUT, NODELETE = 0, 1


def watchers(target: str) -> list[Watcher]:
    """One watcher of each sort, and some of several at once."""
    kinds: list[dict] = [
        {**EVERYTHING},
        {**EVERYTHING, "prev_kv": True},
        {**EVERYTHING, "progress_notify": True},
        {**EVERYTHING, "prev_kv": True, "slow": True},
        {**EVERYTHING, "flaky": True},
        {**EVERYTHING, "flaky": True, "slow": True, "prev_kv": True, "progress_notify": True},
        {**EVERYTHING, "asks_progress": True},
        {**LOAD, "asks_progress": True, "flaky": True, "progress_notify": True},
        {**LOAD, "fragment": True, "prev_kv": True, "slow": True},
        {**LOAD, "filters": [NODELETE], "prev_kv": True},
        {**LOAD, "filters": [NOPUT], "prev_kv": True, "progress_notify": True},
        {"key": b"load/001", "prev_kv": True, "progress_notify": True, "asks_progress": True},
        {"key": b"load/002", "flaky": True},
        {"key": b"load/01", "range_end": b"load/02", "slow": True, "asks_progress": True},
        {"key": b"leased/", "range_end": prefix_end(b"leased/"), "prev_kv": True},
    ]
    if paths.byre().name == "etcd":
        # etcd 3.5.1 breaks this promise (etcd issue 15220).
        for kind in kinds:
            kind.pop("asks_progress", None)
    return [Watcher(f"{number} {kind}", target, SEED, **kind) for number, kind in enumerate(kinds)]


def run(server, disturb) -> None:
    """Writes and watches while `disturb(server)` does its worst, then checks everything."""
    print(f"BYRE_SEED={SEED}")
    writers = [Writer(f"w{number}", server.target, seed=SEED) for number in range(4)]
    watching = [watcher.start() for watcher in watchers(server.target)]
    try:
        for writer in writers:
            writer.start()
        disturb(server)
        for writer in writers:
            writer.stop()
        with Client(server.target) as client:
            history = History(client)
            revision = history.until
            history.check_gapless()
            history.check_previous_values()
            check_writes(history, writers)
            for watcher in watching:
                watcher.finish(revision, history)
        for watcher in watching:
            try:
                check_watch(watcher.record, history)
            except AssertionError as error:
                raise AssertionError(f"watcher {watcher.name}: {error}") from None
        sessions = sum(len(watcher.record.sessions) for watcher in watching)
        print(f"{revision} revisions, {len(watching)} watchers, {sessions} connections")
        assert revision > 200, "too little load"
    finally:
        for watcher in watching:
            watcher.close()
        for writer in writers:
            writer.close()


def test_guarantees_hold_under_load_with_slow_and_broken_readers(start_byre) -> None:
    run(start_byre("--watch-progress-notify-interval=100ms"), lambda _: time.sleep(SECONDS))


def test_guarantees_hold_across_kills(start_byre) -> None:
    def disturb(server) -> None:
        for _ in range(4):
            time.sleep(SECONDS / 6)
            server.kill()
            server.start()
        time.sleep(SECONDS / 6)

    run(start_byre("--watch-progress-notify-interval=100ms"), disturb)


def test_guarantees_hold_across_pauses(start_byre) -> None:
    def disturb(server) -> None:
        for _ in range(4):
            time.sleep(SECONDS / 10)
            server.signal(signal.SIGSTOP)
            time.sleep(SECONDS / 20)
            server.signal(signal.SIGCONT)
        time.sleep(SECONDS / 10)

    run(start_byre("--watch-progress-notify-interval=100ms"), disturb)


def test_a_watch_that_falls_behind_a_compaction_is_told_so(start_byre) -> None:
    """A reader that does not read is neither dropped nor lied to: it gets every event up to some
    revision and, if compaction overtook it, the compact revision."""
    server = start_byre()
    with Client(server.target) as client, Client(server.target) as reader:
        slow = reader.watch()
        slow.create(key=b"k")
        slow.pause()
        for number in range(300):
            client.put(b"k", b"%d" % number + b"x" * 20_000)
        last = client.revision()
        client.must("Compact", revision=last, physical=True)
        slow.resume()
        slow.wait_for(lambda it: len(it.controls) > 1 or len(it.events.get(0, ())) == 300)
        events = slow.events[0]
        assert [event.kv.mod_revision for event in events] == list(range(2, 2 + len(events)))
        if len(events) < 300:
            (canceled,) = slow.controls[1:]
            assert canceled.canceled and canceled.compact_revision == last
            assert canceled.header.revision == 0 and canceled.cancel_reason == ""
        slow.close()


def test_a_key_deleted_and_put_in_one_transaction_has_no_previous_value(byre) -> None:
    """PrevKV: the put begins the key anew, whatever there was a revision before."""
    with Client(byre.target) as client, client.watch() as stream:
        stream.create(key=b"k", prev_kv=True)
        client.put(b"k", b"old")
        # That the two overlap goes unnoticed when the delete has no end.
        delete = types.DeleteRangeRequest(key=b"a", range_end=b"\0")
        put = types.PutRequest(key=b"k", value=b"new", prev_kv=True)
        operations = [
            types.RequestOp(request_delete_range=delete),
            types.RequestOp(request_put=put),
        ]
        answer = client.must("Txn", success=operations)
        assert not answer.responses[1].response_put.HasField("prev_kv")
        _, deleted, created = stream.wait_events(0, 3)
        assert (deleted.type, deleted.prev_kv.value) == (1, b"old")
        assert (created.kv.version, created.kv.create_revision) == (1, answer.header.revision)
        assert not created.HasField("prev_kv")


def test_a_thousand_watches_on_one_stream_all_get_everything(byre) -> None:
    with Client(byre.target) as client, client.watch() as stream:
        for number in range(1000):
            create = (
                {"key": b"k", "range_end": b"l"} if number % 2 else {"key": b"k%d" % (number % 10)}
            )
            assert stream.create(**create).watch_id == number
        for number in range(50):
            client.put(b"k%d" % (number % 10), b"%d" % number)
        for number in range(1000):
            due = 50 if number % 2 else 5
            events = stream.wait_events(number, due)
            assert len(events) == due
            revisions = [event.kv.mod_revision for event in events]
            assert revisions == sorted(set(revisions))


@pytest.mark.skipif(paths.byre().name == "etcd", reason="etcd issue 15220")
@pytest.mark.parametrize("watches", [1, 50])
def test_progress_on_request_names_a_revision_all_of_whose_events_came_first(byre, watches) -> None:
    """Bookmarkable, as kube-apiserver uses it: write, ask, and trust the answer."""
    with Client(byre.target) as client, client.watch() as stream:
        for number in range(watches):
            stream.create(key=b"k", range_end=b"l")
        for number in range(200):
            revision = client.put(b"k%d" % number).header.revision
            seen = len(stream.progress)
            for _ in range(100):
                stream.send_progress_request()
                if stream.wait_for(lambda it: len(it.progress) > seen, 0.1):
                    break
            progress = stream.progress[seen]
            assert progress.watch_id == -1 and progress.header.revision == revision
            with stream.condition:
                before = stream.received[: stream.received.index(progress)]
            counts = [
                sum(len(it.events) for it in before if it.watch_id == id) for id in range(watches)
            ]
            assert counts == [number + 1] * watches
