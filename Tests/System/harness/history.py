"""What happened, as clients saw it: recorded writes and watches, and the checks that hold of them.

The names of the checks are DESIGN's guarantees (section 8). A `History` is the whole truth of one store,
read through a watch from the first revision; everything recorded during a run is held against it.
"""

import random
import threading
from collections import defaultdict
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import Message

from harness.api import Client, WatchStream, types

DEFINITE = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
"""Codes that say the write did not happen. After any other error it may have."""


def event_key(event: Message) -> tuple[int, bytes, int, bytes, int, int]:
    """What makes two events the same, previous value aside."""
    row = event.kv
    return event.type, row.key, row.mod_revision, row.value, row.version, row.create_revision


class History:
    """Every event of a store after `start`, by revision."""

    def __init__(self, client: Client, start: int = 2, until: int | None = None) -> None:
        self.start = start
        self.until = until if until is not None else client.revision()
        self.events: dict[int, list[Message]] = defaultdict(list)
        if self.until < start:
            return
        with client.watch() as stream:
            created = stream.create(key=b"\0", range_end=b"\0", start_revision=start, prev_kv=True)
            assert created.created and not created.canceled, created
            arrived = stream.wait_for(
                lambda it: it.ended or _last(it.events.get(0)) >= self.until, 60
            )
            assert arrived and not stream.ended, f"history stops at {_last(stream.events.get(0))}"
            for event in stream.events[0]:
                if event.kv.mod_revision <= self.until:
                    self.events[event.kv.mod_revision].append(event)

    def check_gapless(self) -> None:
        """Every revision from the first to the last has events."""
        missing = [at for at in range(self.start, self.until + 1) if at not in self.events]
        assert not missing, f"{len(missing)} revisions without events, the first: {missing[:5]}"

    def check_previous_values(self) -> None:
        """Each event's previous value is what the history itself says it was."""
        live: dict[bytes, Message] = {}
        for revision in sorted(self.events):
            for event in self.events[revision]:
                known = live.get(event.kv.key)
                if event.HasField("prev_kv") and known is not None:
                    assert event.prev_kv == known, f"{event}\nbut before it was {known}"
                if self.start == 2:
                    assert event.HasField("prev_kv") == (known is not None), event
                if event.type == 1:
                    live.pop(event.kv.key, None)
                else:
                    version = known.version + 1 if known else 1
                    if self.start == 2:
                        assert event.kv.version == version, event
                    live[event.kv.key] = event.kv

    def state_at(self, revision: int) -> dict[bytes, Message]:
        """The live keys at a revision. Only of a history from the beginning."""
        assert self.start == 2
        live: dict[bytes, Message] = {}
        for at in range(2, revision + 1):
            for event in self.events.get(at, ()):
                if event.type == 1:
                    live.pop(event.kv.key, None)
                else:
                    live[event.kv.key] = event.kv
        return live

    def matching(self, create: Message, start: int, until: int) -> list[Message]:
        """The events that a watch must have delivered from `start` to `until`."""
        low, high = create.key or b"\0", create.range_end

        def covers(key: bytes) -> bool:
            if not high:
                return key == low
            return key >= low and (high == b"\0" or key < high)

        return [
            event
            for revision in range(start, until + 1)
            for event in self.events.get(revision, ())
            if covers(event.kv.key) and event.type not in create.filters
        ]


def _last(events: list[Message] | None) -> int:
    return events[-1].kv.mod_revision if events else 0


# Writers


@dataclass
class Write:
    """One write as its client saw it: what it would make of which keys, and what it was told."""

    changes: dict[bytes, bytes | None]
    revision: int | None = None
    refused: bool = False
    outcome: str = ""


class Writer:
    """A client that writes one thing after another and remembers what it was told.

    Every value is written once in a run, so that a write can be recognised in the history.
    """

    def __init__(self, name: str, target: str, keys: int = 40, seed: int = 0) -> None:
        self.name = name
        self.client = Client(target)
        self.random = random.Random(f"{seed}-{name}")
        self.keys = [f"load/{number:03}".encode() for number in range(keys)]
        self.writes: list[Write] = []
        self.leases: dict[int, int] = {}
        self._stop = threading.Event()
        self._number = 0
        self._thread: threading.Thread | None = None

    def start(self) -> "Writer":
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), f"writer {self.name} hangs"

    def close(self) -> None:
        if self._thread and self._thread.is_alive():
            self.stop()
        self.client.close()

    def acknowledged(self) -> list[Write]:
        return [write for write in self.writes if write.revision]

    def _run(self) -> None:
        while not self._stop.is_set():
            self.step()

    def step(self) -> None:
        """One write: a put, a delete, a transaction of several keys, or a put under a lease."""
        draw = self.random.random()
        if draw < 0.6:
            key, value = self.random.choice(self.keys), self._value()
            self._do({key: value}, "Put", types.PutRequest(key=key, value=value))
        elif draw < 0.7:
            self._delete(self.random.choice(self.keys))
        elif draw < 0.95:
            self._txn()
        else:
            self._leased()

    def _value(self) -> bytes:
        self._number += 1
        padding = b"x" * self.random.choice([0, 0, 100, 2000])
        return f"{self.name}-{self._number}-".encode() + padding

    def _delete(self, key: bytes) -> None:
        write = Write({key: None})
        answer = self.client.call("DeleteRange", types.DeleteRangeRequest(key=key), seconds=5)
        write.outcome = f"{answer.code.name} {answer.details}"
        if answer.ok and answer.message.deleted == 0:
            return
        self._finish(write, answer)

    def _txn(self) -> None:
        changes: dict[bytes, bytes | None] = {
            key: self._value() for key in self.random.sample(self.keys, self.random.randint(2, 5))
        }
        puts = [
            types.RequestOp(request_put=types.PutRequest(key=key, value=value))
            for key, value in changes.items()
        ]
        self._do(changes, "Txn", types.TxnRequest(success=puts))

    def _leased(self) -> None:
        granted = self.client.call("LeaseGrant", types.LeaseGrantRequest(TTL=3600), seconds=5)
        if not granted.ok:
            return
        lease = granted.message.ID
        self.leases[lease] = granted.message.TTL
        key, value = b"leased/%x" % lease, self._value()
        self._do({key: value}, "Put", types.PutRequest(key=key, value=value, lease=lease))

    def _do(self, changes: dict[bytes, bytes | None], method: str, request: Message) -> None:
        self._finish(Write(changes), self.client.call(method, request, seconds=5))

    def _finish(self, write: Write, answer) -> None:
        if answer.ok:
            write.revision = answer.message.header.revision
        else:
            write.refused = answer.code in DEFINITE
            write.outcome = f"{answer.code.name} {answer.details}"
            self._stop.wait(0.01)
        self.writes.append(write)


def check_writes(history: History, writers: list[Writer]) -> tuple[int, int]:
    """*Durable* and *Honest*: every acknowledged write is in the history, whole, at its revision; every
    refused one is not; an unanswered one is there once or not at all; nothing else is.

    Returns the number of acknowledged writes and of those whose outcome was unknown to the client.
    """
    by_value: dict[tuple[bytes, bytes], list[int]] = defaultdict(list)
    for revision, events in history.events.items():
        for event in events:
            if event.type == 0:
                by_value[event.kv.key, event.kv.value].append(revision)
    acknowledged = unknown = 0
    for writer in writers:
        for write in writer.writes:
            found = [by_value.pop(change, []) for change in write.changes.items() if change[1]]
            where = {revision for revisions in found for revision in revisions}
            assert all(len(revisions) <= 1 for revisions in found), (
                f"written twice: {write} {found}"
            )
            if write.revision is not None and write.revision < history.start:
                continue
            if write.refused:
                assert not where, f"refused, yet there at {where}: {write}"
            elif write.revision is None:
                unknown += 1
                assert len(where) <= 1 and (not where or all(found)), f"half there: {write} {found}"
            else:
                acknowledged += 1
                _check_acknowledged(history, write)
    assert not by_value, f"nobody wrote {list(by_value)[:3]}"
    return acknowledged, unknown


def _check_acknowledged(history: History, write: Write) -> None:
    events = history.events.get(write.revision)
    assert events, f"acknowledged at {write.revision}, but lost: {write.changes}"
    got = {event.kv.key: None if event.type == 1 else event.kv.value for event in events}
    assert got == write.changes, f"revision {write.revision} holds {got}, not {write.changes}"


# Watches


@dataclass
class WatchRecord:
    """Everything one watch was sent over its life, reconnections included."""

    create: Message
    sessions: list[tuple[int, list[Message]]] = field(default_factory=list)
    """For each connection: the revision it started from, and its responses in order."""

    def events(self) -> list[Message]:
        return [event for _, responses in self.sessions for it in responses for event in it.events]


def check_watch(record: WatchRecord, history: History) -> None:
    """*Ordered, Unique, Atomic, Reliable, Resumable, Bookmarkable, PrevKV* of one recorded watch."""
    for start, responses in record.sessions:
        _check_session(record, start, responses, history)
    for (_, before), (start, _) in zip(record.sessions, record.sessions[1:]):
        last = max((event.kv.mod_revision for it in before for event in it.events), default=0)
        assert last < start, f"resumed from {start} after {last}"


def _check_session(
    record: WatchRecord, start: int, responses: list[Message], history: History
) -> None:
    create = record.create
    expected = history.matching(create, start, history.until)
    position = 0
    last = start - 1
    promised = start - 1
    parts = False
    for response in responses:
        if response.created or response.canceled:
            continue
        if not response.events:
            promised = max(promised, response.header.revision)
            due = sum(event.kv.mod_revision <= promised for event in expected[position:])
            assert not due, f"Bookmarkable: progress {promised} overtook {due} events"
            continue
        revisions = [event.kv.mod_revision for event in response.events]
        assert revisions == sorted(revisions), f"Ordered: {revisions}"
        assert revisions[0] > promised, f"Bookmarkable: {revisions[0]} after progress {promised}"
        assert parts or revisions[0] > last, f"Atomic: {revisions[0]} in two responses"
        assert response.header.revision >= revisions[-1], "the header is older than the events"
        last = revisions[-1]
        parts = response.fragment
        for event in response.events:
            assert position < len(expected), f"Unique: more events than the history has: {event}"
            wanted = expected[position]
            assert event_key(event) == event_key(wanted), (
                f"Reliable: event {position}: {event_key(event)}, history: {event_key(wanted)}"
            )
            if create.prev_kv:
                assert event.HasField("prev_kv") == wanted.HasField("prev_kv"), f"PrevKV: {event}"
                assert event.prev_kv == wanted.prev_kv, f"PrevKV: {event}"
            else:
                assert not event.HasField("prev_kv"), f"PrevKV not asked for: {event}"
            position += 1


class Watcher:
    """A client that watches, loses its connection, and resumes after the last event it saw."""

    def __init__(
        self, name: str, target: str, seed: int = 0, *, slow: bool = False, flaky: bool = False,
        asks_progress: bool = False, **create: object,
    ) -> None:  # fmt: skip
        self.name = name
        self.target = target
        self.slow = slow
        self.flaky = flaky
        self.asks_progress = asks_progress
        self.random = random.Random(f"{seed}-{name}")
        self.next = create.pop("start_revision", 2)
        self.record = WatchRecord(types.WatchCreateRequest(**create))
        self.current: WatchStream | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Watcher":
        self._thread.start()
        return self

    def finish(self, revision: int, history: History, seconds: float = 60) -> None:
        """Waits until everything due up to `revision` has come, then stops."""
        due = history.matching(self.record.create, 2, revision)
        last = due[-1].kv.mod_revision if due else 0
        self.slow = self.flaky = False
        deadline = threading.Event()
        timer = threading.Timer(seconds, deadline.set)
        timer.start()
        try:
            while self.next <= last and not deadline.is_set():
                deadline.wait(0.02)
        finally:
            timer.cancel()
        self._stop.set()
        self._thread.join(30)
        assert self.next > last, f"watcher {self.name} got as far as {self.next - 1} of {last}"

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            with Client(self.target) as client:
                self._session(client)
            self._stop.wait(0.02)

    def _session(self, client: Client) -> None:
        start = self.next
        request = types.WatchCreateRequest()
        request.CopyFrom(self.record.create)
        request.start_revision = start
        stream = client.watch()
        responses: list[Message] = []
        self.record.sessions.append((start, responses))
        try:
            stream.send(types.WatchRequest(create_request=request))
            self._follow(stream, responses)
        finally:
            stream.close()
            self._take(stream, responses)

    def _follow(self, stream: WatchStream, responses: list[Message]) -> None:
        while not self._stop.is_set() and not stream.ended:
            stream.wait_for(lambda it: len(it.received) > len(responses) or it.ended, 0.05)
            self._take(stream, responses)
            if self.asks_progress and self.random.random() < 0.3:
                stream.send_progress_request()
            if self.slow:
                stream.pause()
                self._stop.wait(self.random.uniform(0, 0.3))
                stream.resume()
            if self.flaky and self.random.random() < 0.05:
                return

    def _take(self, stream: WatchStream, responses: list[Message]) -> None:
        """Takes over what arrived. A response cut off between its fragments is fetched again."""
        with stream.condition:
            responses[:] = stream.received
            while stream.ended and responses and responses[-1].fragment:
                responses.pop()
        for response in reversed(responses):
            if response.canceled:
                raise AssertionError(f"watcher {self.name} was canceled: {response}")
            if response.events and not response.fragment:
                self.next = response.events[-1].kv.mod_revision + 1
                break
