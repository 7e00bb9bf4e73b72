"""What survives: kill -9 under load, SIGTERM, pauses, restarts, a second start."""

import os
import random
import signal
import time
from pathlib import Path

import grpc
import pytest

from harness import paths, processes
from harness.api import Client, RPCError, types
from harness.history import History, Writer, check_writes, event_key
from harness.seed import base_seed

KILLS = int(os.environ.get("BYRE_KILLS", "8"))
WRITERS = 6
SEED = base_seed()


def verify(server: processes.Server) -> None:
    """`byre verify` finds nothing wrong with the stopped server's store."""
    if server.is_etcd:
        return
    done = processes.run([server.program, "verify", "--store", server.store_url], seconds=60)
    assert done.returncode == 0, f"byre verify: {done.returncode}\n{done.stdout}{done.stderr}"


class Observer:
    """Holds every event ever seen to the history of the store as it is now."""

    def __init__(self) -> None:
        self.seen: dict[int, list[tuple]] = {}

    def compare(self, history: History) -> None:
        """*Durable*: what was visible once stays, and no revision gets another content."""
        for revision, events in history.events.items():
            now = [event_key(event) for event in events]
            before = self.seen.setdefault(revision, now)
            assert before == now, f"revision {revision} was {before} and is {now}"
        newest = max(self.seen, default=1)
        assert history.until >= newest, f"revision {newest} was seen, now there are {history.until}"


def test_kill_9_in_a_loop_loses_nothing(start_byre) -> None:
    print(f"BYRE_SEED={SEED}")
    chance = random.Random(SEED)
    server = start_byre()
    writers = [Writer(f"w{number}", server.target, seed=SEED) for number in range(WRITERS)]
    observer = Observer()
    compacted = 0
    try:
        for round in range(KILLS):
            with Client(server.target) as client, client.watch() as live:
                live.create(key=b"\0", range_end=b"\0")
                for writer in writers:
                    writer.start()
                time.sleep(chance.uniform(0.3, 1.2))
                if round % 2 == 0:
                    # Killed with the compaction still under way.
                    known = max(observer.seen, default=0)
                    if known > compacted:
                        client.must("Compact", revision=known, physical=False)
                        compacted = known
                server.kill()
                live.wait_end()
                for event in live.events.get(0, []):
                    observer.seen.setdefault(event.kv.mod_revision, []).append(event_key(event))
            for writer in writers:
                writer.stop()
            if round % 3 == 2:
                verify(server)
            server.start()
            with Client(server.target) as client:
                start = max(2, compacted + 1)
                history = History(client, start)
                history.check_gapless()
                observer.compare(history)
                if compacted:
                    with pytest.raises(RPCError, match="has been compacted"):
                        client.get(b"load/", revision=compacted - 1)
                _check_leases(client, writers)
        with Client(server.target) as client:
            whole = History(client, max(2, compacted + 1))
            # Leases may have ended since, where their time goes on while nobody serves.
            observer.compare(whole)
            # What is compacted was seen before it was compacted.
            whole.events = {at: observer_events(observer, whole, at) for at in observer.seen}
            whole.start = 2
            whole.check_gapless()
            acknowledged, unknown = check_writes(whole, writers)
            _check_state(client, whole)
        print(f"{acknowledged} writes acknowledged, {unknown} of unknown outcome, {KILLS} kills")
        assert acknowledged > KILLS * 20, f"too little load: {acknowledged} writes"
        assert server.stop() in (0, -signal.SIGTERM)
        verify(server)
    finally:
        for writer in writers:
            writer.close()


def observer_events(observer: Observer, history: History, revision: int) -> list:
    """The events of a revision, from the store or, where it is compacted, from memory."""
    if revision in history.events:
        return history.events[revision]
    rows = []
    for type, key, mod_revision, value, version, create_revision in observer.seen[revision]:
        row = types.KeyValue(
            key=key, mod_revision=mod_revision, value=value, version=version,
            create_revision=create_revision,
        )  # fmt: skip
        rows.append(types.Event(type=type, kv=row))
    return rows


def _check_leases(client: Client, writers: list[Writer]) -> None:
    there = {status.ID for status in client.must("LeaseLeases").leases}
    for writer in writers:
        lost = set(writer.leases) - there
        assert not lost, f"granted, but gone: {lost}"
    for lease in list(writers[0].leases)[:3]:
        left = client.must("LeaseTimeToLive", ID=lease, keys=True)
        key = b"leased/%x" % lease
        assert left.grantedTTL == writers[0].leases[lease] and left.TTL > 0
        assert list(left.keys) == ([key] if client.get(key).kvs else [])


def _check_state(client: Client, history: History) -> None:
    """The latest state is what the events add up to."""
    live = {row.key: row for row in client.get(b"\0", range_end=b"\0").kvs}
    summed = history.state_at(history.until)
    assert live.keys() == summed.keys()
    for key, row in live.items():
        assert (row.value, row.mod_revision, row.version) == (
            summed[key].value,
            summed[key].mod_revision,
            summed[key].version,
        )


def test_sigterm_stops_within_five_seconds_and_keeps_everything(byre) -> None:
    writers = [Writer(f"w{number}", byre.target) for number in range(3)]
    with Client(byre.target) as client, client.watch() as watching:
        watching.create(key=b"\0", range_end=b"\0")
        for writer in writers:
            writer.start()
        assert watching.wait_for(lambda it: len(it.events.get(0, ())) > 50)
        began = time.monotonic()
        status = byre.stop(seconds=10)
        assert time.monotonic() - began < 5, "SIGTERM took more than five seconds"
        assert byre.is_etcd or status == 0
        code, _ = watching.wait_end()
        assert code is grpc.StatusCode.UNAVAILABLE, (
            "a watch must learn that it may resume elsewhere"
        )
    for writer in writers:
        writer.stop()
    byre.start()
    with Client(byre.target) as client:
        history = History(client)
        history.check_gapless()
        history.check_previous_values()
        acknowledged, _ = check_writes(history, writers)
        assert acknowledged > 20
    for writer in writers:
        writer.close()
    byre.stop()
    verify(byre)


def test_a_request_in_flight_at_sigterm_is_answered_or_unavailable(byre) -> None:
    with Client(byre.target) as client:
        calls = [
            client.channel.unary_unary("/etcdserverpb.KV/Put").future(
                types.PutRequest(key=b"k%d" % number, value=b"v" * 1000).SerializeToString(),
                timeout=10,
            )
            for number in range(200)
        ]
        byre.stop()
        codes = {call.code() for call in calls}
        answered = [
            number for number, call in enumerate(calls) if call.code() is grpc.StatusCode.OK
        ]
    assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}, codes
    byre.start()
    with Client(byre.target) as client:
        for number in answered:
            assert client.get(b"k%d" % number).count == 1, f"acknowledged put {number} is gone"


def test_a_restart_changes_nothing_a_client_can_see(byre) -> None:
    with Client(byre.target) as client:
        lease = client.must("LeaseGrant", TTL=1000, ID=77).ID
        for number in range(20):
            client.put(b"k%d" % (number % 7), b"v%d" % number)
        client.put(b"leased", b"x", lease=lease)
        client.delete(b"k3")
        client.must("Compact", revision=10, physical=True)
        client.must("Alarm", action=1, memberID=client.get(b"k1").header.member_id, alarm=1)
        before = _visible(client)
    byre.restart()
    with Client(byre.target) as client:
        assert _visible(client) == before
        client.must("Alarm", action=2, memberID=before[1].member_id, alarm=1)
        assert client.put(b"next").header.revision == before[1].revision + 1


def _visible(client: Client) -> tuple:
    whole = client.get(b"\0", range_end=b"\0")
    whole.header.raft_term = 0
    history = History(client, 11)
    with pytest.raises(RPCError) as compacted:
        client.get(b"k1", revision=9)
    return (
        list(whole.kvs),
        whole.header,
        {at: [event_key(event) for event in events] for at, events in history.events.items()},
        compacted.value.details,
        client.must("HashKV").hash,
        client.must("HashKV").compact_revision,
        [alarm.alarm for alarm in client.must("Alarm", action=0).alarms],
        client.must("LeaseTimeToLive", ID=77, keys=True).grantedTTL,
        list(client.must("LeaseTimeToLive", ID=77, keys=True).keys),
    )


def test_leases_get_their_full_time_after_a_restart(byre) -> None:
    with Client(byre.target) as client:
        client.must("LeaseGrant", TTL=60, ID=5)
        client.put(b"kept", lease=5)
    byre.kill()
    byre.start()
    with Client(byre.target) as client:
        left = client.must("LeaseTimeToLive", ID=5)
        assert left.grantedTTL == 60 and 57 <= left.TTL <= 63
        assert client.must("LeaseRevoke", ID=5)
        assert client.get(b"kept").count == 0


def test_compacted_trailing_delete_never_rolls_the_revision_back(byre) -> None:
    with Client(byre.target) as client:
        client.put(b"a")
        revision = client.delete(b"a").header.revision
        client.must("Compact", revision=revision, physical=True)
    byre.kill()
    byre.start()
    with Client(byre.target) as client:
        assert client.revision() == revision
        assert client.put(b"a").header.revision == revision + 1


@pytest.mark.sqlite_only("several instances may serve a store in PostgreSQL")
def test_a_second_start_on_the_same_data_is_refused(byre) -> None:
    if byre.is_etcd:
        pytest.skip("etcd waits for the lock")
    with Client(byre.target) as client:
        client.put(b"mine")
        second = processes.byre(byre.data_dir)
        done = processes.run(second.command(), seconds=20)
        assert done.returncode != 0
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, f"one clear line, not:\n{done.stderr}"
        assert str(byre.pid) in lines[0], f"who holds it? {lines[0]}"
        assert client.get(b"mine").count == 1


def test_a_pause_harms_nobody(byre) -> None:
    """SIGSTOP and SIGCONT: leases get no shorter than they are, connections and watches go on."""
    with Client(byre.target) as client, client.watch() as watching:
        watching.create(key=b"p")
        client.put(b"p", b"before")
        byre.signal(signal.SIGSTOP)
        call = client.channel.unary_unary("/etcdserverpb.KV/Put").future(
            types.PutRequest(key=b"p", value=b"during").SerializeToString(), timeout=20
        )
        time.sleep(1)
        assert not call.done()
        byre.signal(signal.SIGCONT)
        call.result()
        client.put(b"p", b"after")
        values = [event.kv.value for event in watching.wait_events(0, 3)]
        assert values == [b"before", b"during", b"after"]


def test_the_store_can_be_verified_after_every_kind_of_change(byre, tmp_path: Path) -> None:
    if byre.is_etcd:
        pytest.skip("etcd has no verify")
    with Client(byre.target) as client:
        for number in range(300):
            client.put(b"k%02d" % (number % 50), b"v" * number)
        client.delete(b"k1", range_end=b"k2")
        client.must("LeaseGrant", TTL=500, ID=9)
        client.put(b"leased", lease=9)
        client.must("Compact", revision=200, physical=True)
        client.must("LeaseRevoke", ID=9)
    byre.stop()
    verify(byre)
    assert paths.byre().exists()
