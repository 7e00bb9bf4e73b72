"""Two servers, the same operations in the same order, every answer and event compared."""

import bisect
import time
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import Message

from harness import normalise, tolerances
from harness.api import (
    CALL_SECONDS_MAX,
    UNARY,
    Answer,
    Bidi,
    Client,
    WatchStream,
    request_type,
    response_type,
    types,
)
from harness.operations import Operation, View

SYNC_EVERY = 60
EVENT_SECONDS_MAX = 20.0
CATCH_UP_SECONDS = 0.35
"""How long etcd may take to notice that a watch has nothing to catch up: its loop runs every 100 ms."""


class Mismatch(AssertionError):
    """The two sides differ, or one of them differs from the recorded history."""


@dataclass
class Watch:
    """One watch as the client asked for it, and how much of it has been checked."""

    create: Message
    start: int
    without_prev_until: int
    """Events up to this revision were caught up past a compaction: their previous value is gone."""
    checked: int = 0
    expected: list[bytes] = field(default_factory=list)
    next_history: int = 0

    def covers(self, key: bytes) -> bool:
        low, high = self.create.key or b"\0", self.create.range_end
        if not high:
            return key == low
        return key >= low and (high == b"\0" or key < high)

    def expect(self, event: Message) -> None:
        """Adds what this watch must deliver for one event of the history."""
        if event.kv.mod_revision < self.start or event.type in self.create.filters:
            return
        if not self.covers(event.kv.key):
            return
        wanted = types.Event(type=event.type, kv=event.kv)
        keep = event.kv.mod_revision > self.without_prev_until
        if self.create.prev_kv and keep and event.HasField("prev_kv"):
            wanted.prev_kv.CopyFrom(event.prev_kv)
        self.expected.append(wanted.SerializeToString(deterministic=True))


class Side:
    """One of the two servers, seen through its own names."""

    def __init__(self, name: str, target: str) -> None:
        self.name = name
        self.client = Client(target)
        self.names = normalise.Names.of(self.client)
        self.streams: dict[int, WatchStream] = {}
        self.controls_seen: dict[int, int] = {}
        self.keepalive: Bidi | None = None
        self.keepalive_count = 0
        self.history = self.client.watch()
        created = self.history.create(key=b"\0", range_end=b"\0", start_revision=2, prev_kv=True)
        assert created.created and not created.canceled, created

    def close(self) -> None:
        for stream in [*self.streams.values(), self.history]:
            stream.close()
        if self.keepalive:
            self.keepalive.close()
        self.client.close()

    def begin(self, path: str, body: bytes) -> grpc.Future:
        return self.client.channel.unary_unary(path).future(body, timeout=CALL_SECONDS_MAX)

    def send_keepalive(self, request: Message) -> None:
        if self.keepalive is None:
            path = "/etcdserverpb.Lease/LeaseKeepAlive"
            self.keepalive = self.client.stream(path, types.LeaseKeepAliveResponse)
        self.keepalive.send(self.names.to_actual(request))
        self.keepalive_count += 1

    def keepalive_answer(self) -> Message:
        return self.names.to_common(self.keepalive.wait_count(self.keepalive_count)[-1])

    def control(self, stream: int) -> Message:
        """The next control reply of a stream, in common names."""
        index = self.controls_seen[stream]
        self.controls_seen[stream] += 1
        copy = types.WatchResponse()
        copy.CopyFrom(self.streams[stream].wait_control(index))
        return self.names.to_common(copy)


class Pair:
    """The reference and the subject, and the history both must tell."""

    def __init__(self, reference: str, subject: str) -> None:
        self.reference = Side("reference", reference)
        self.subject = Side("subject", subject)
        self.sides = (self.reference, self.subject)
        self.view = View()
        self.history: list[Message] = []
        self.history_revisions: list[int] = []
        self.watches: dict[tuple[int, int], Watch] = {}
        self.caught_up_at = 0.0
        self.since_sync = 0
        self.leases_chosen = 0
        self.steps = 0

    def close(self) -> None:
        for side in self.sides:
            side.close()

    def apply(self, operation: Operation) -> None:
        """Does one operation on both sides; raises `Mismatch` if they differ."""
        self.steps += 1
        getattr(self, "_" + operation.do)(operation)
        self.since_sync += 1
        if self.since_sync >= SYNC_EVERY:
            self.sync()

    # Unary calls

    def _call(self, operation: Operation) -> None:
        request = request_type(operation.method).FromString(operation.body)
        if operation.method == "Compact":
            self._catch_up()
        calls = []
        for side in self.sides:
            actual = request_type(operation.method).FromString(operation.body)
            body = side.names.to_actual(actual).SerializeToString()
            calls.append(side.begin(UNARY[operation.method], body))
        answers = [self._answer(operation.method, call) for call in calls]
        if operation.method == "LeaseGrant" and request.ID == 0:
            self._learn_lease(answers)
        for side, answer in zip(self.sides, answers):
            if answer.message is not None:
                side.names.to_common(answer.message)
        reference, subject = answers
        tolerances.level(operation.method, request, reference, subject)
        if reference != subject:
            self._differ(self._show(reference), self._show(subject))
        if reference.ok:
            self._learn(operation.method, request, reference.message)

    @staticmethod
    def _answer(method: str, call: grpc.Future) -> Answer:
        try:
            return Answer(grpc.StatusCode.OK, "", response_type(method).FromString(call.result()))
        except grpc.RpcError as error:
            return Answer(error.code(), error.details(), None)

    @staticmethod
    def _show(answer: Answer) -> str:
        return f"{answer.code.name} {answer.details!r} {normalise.short(answer.message)}"

    def _learn_lease(self, answers: list[Answer]) -> None:
        common = normalise.CHOSEN_LEASE_BASE + self.leases_chosen
        self.leases_chosen += 1
        for side, answer in zip(self.sides, answers):
            if answer.ok:
                if answer.message.ID <= 0:
                    raise Mismatch(f"{side.name} chose lease id {answer.message.ID}")
                side.names.learn_lease(answer.message.ID, common)

    def _learn(self, method: str, request: Message, answer: Message) -> None:
        if method not in ("Defragment", "MemberList"):
            self.view.revision = max(self.view.revision, answer.header.revision)
        if method == "Compact":
            self.view.compact_revision = request.revision
        elif method == "LeaseGrant" and answer.ID not in self.view.leases:
            self.view.leases.append(answer.ID)
        elif method == "LeaseRevoke" and request.ID in self.view.leases:
            self.view.leases.remove(request.ID)

    def _raw(self, operation: Operation) -> None:
        """Bytes to a path: status and text, or for bodies that are no message the status alone."""
        answers = [side.client.call_bytes(operation.method, operation.body) for side in self.sides]
        statuses = [(code, details) for code, details, _ in answers]
        if operation.method in UNARY.values():
            statuses = [code for code, _ in statuses]
        if statuses[0] != statuses[1]:
            self._differ(answers[0], answers[1])

    def _keepalive(self, operation: Operation) -> None:
        for side in self.sides:
            side.send_keepalive(operation.request())
        reference, subject = (side.keepalive_answer() for side in self.sides)
        if reference != subject:
            self._differ(normalise.short(reference), normalise.short(subject))

    # Watches

    def _open(self, operation: Operation) -> None:
        for side in self.sides:
            side.streams[operation.stream] = side.client.watch()
            side.controls_seen[operation.stream] = 0
        self.view.streams[operation.stream] = set()

    def _close(self, operation: Operation) -> None:
        if operation.stream not in self.view.streams:
            return
        self.sync()
        counts = [len(side.streams[operation.stream].controls) for side in self.sides]
        for side in self.sides:
            side.streams.pop(operation.stream).close()
        del self.view.streams[operation.stream]
        self.view.future_starts.pop(operation.stream, None)
        for name in [name for name in self.watches if name[0] == operation.stream]:
            del self.watches[name]
        self.view.compacted = {it for it in self.view.compacted if it[0] != operation.stream}
        if counts[0] != counts[1]:
            self._differ(f"{counts[0]} control replies", f"{counts[1]} control replies")

    def _watch(self, operation: Operation) -> None:
        if operation.stream not in self.view.streams:
            return
        self.sync()
        for side in self.sides:
            side.streams[operation.stream].send(operation.body)
        created = self._controls(operation.stream)
        if created.canceled:
            return
        create = operation.request().create_request
        start = create.start_revision or self.view.revision + 1
        name = (operation.stream, created.watch_id)
        if start < self.view.compact_revision:
            self._controls(operation.stream)
            # Such a watch is known to the stream until the client cancels it too.
            self.view.streams[operation.stream].add(created.watch_id)
            self.view.compacted.add(name)
            return
        if start <= self.view.revision:
            self.caught_up_at = time.monotonic() + CATCH_UP_SECONDS
        without_prev_until = self.view.compact_revision if start <= self.view.revision else 0
        watch = Watch(create, start, without_prev_until)
        watch.next_history = bisect.bisect_left(self.history_revisions, start)
        self.watches[name] = watch
        for side in self.sides:
            stream = side.streams[operation.stream]
            with stream.condition:
                stream.events[created.watch_id] = stream.events.pop(created.watch_id, [])
        self.view.streams[operation.stream].add(created.watch_id)
        future = self.view.future_starts.get(operation.stream, 0)
        self.view.future_starts[operation.stream] = max(future, create.start_revision)

    def _cancel(self, operation: Operation) -> None:
        if operation.stream not in self.view.streams:
            return
        self.sync()
        for side in self.sides:
            side.streams[operation.stream].send_cancel(operation.watch_id)
        known = self.view.streams[operation.stream]
        if operation.watch_id not in known:
            return  # No reply: one that comes all the same is found by the next control reply.
        self._controls(operation.stream)
        known.discard(operation.watch_id)
        self.view.compacted.discard((operation.stream, operation.watch_id))
        if self.watches.pop((operation.stream, operation.watch_id), None):
            for side in self.sides:
                stream = side.streams[operation.stream]
                with stream.condition:
                    stream.events.pop(operation.watch_id, None)

    def _progress(self, operation: Operation) -> None:
        if operation.stream not in self.view.streams:
            return
        self.sync()
        replies = []
        for side in self.sides:
            stream = side.streams[operation.stream]
            replies.append(self._progress_reply(side, stream))
        if replies[0] != replies[1]:
            self._differ(*(normalise.short(reply) for reply in replies))

    def _progress_reply(self, side: Side, stream: WatchStream) -> Message:
        """Asks until there is an answer: a watch that has just caught up may not count as synced yet."""

        def manual() -> list[Message]:
            with stream.condition:
                return [reply for reply in stream.progress if reply.watch_id == -1]

        seen = len(manual())
        deadline = time.monotonic() + EVENT_SECONDS_MAX
        while time.monotonic() < deadline:
            stream.send_progress_request()
            if stream.wait_for(lambda _: len(manual()) > seen, 0.15):
                reply = types.WatchResponse()
                reply.CopyFrom(manual()[-1])
                return side.names.to_common(reply)
        raise Mismatch(f"{side.name} does not answer a progress request")

    def _controls(self, stream: int) -> Message:
        reference, subject = (side.control(stream) for side in self.sides)
        if reference != subject:
            self._differ(normalise.short(reference), normalise.short(subject))
        return reference

    # The history

    def _sync(self, operation: Operation) -> None:
        self.sync()

    def sync(self) -> None:
        """Waits until every event up to the current revision has come to every watch, and compares."""
        self.since_sync = 0
        self._grow_history()
        for (stream, watch_id), watch in self.watches.items():
            for event in self.history[watch.next_history :]:
                watch.expect(event)
            watch.next_history = max(watch.next_history, len(self.history))
            for side in self.sides:
                self._check_watch(side, stream, watch_id, watch)
            watch.checked += len(watch.expected)
            watch.expected.clear()

    def _catch_up(self) -> None:
        """Waits until no watch is on its way from the past: a compaction would race with it."""
        self.sync()
        time.sleep(max(0.0, self.caught_up_at - time.monotonic()))

    def _grow_history(self) -> None:
        known = len(self.history)
        grown = []
        for side in self.sides:
            arrived = side.history.wait_for(
                lambda stream: stream.ended or _last_revision(stream, 0) >= self.view.revision,
                EVENT_SECONDS_MAX,
            )
            if not arrived or side.history.ended:
                last = _last_revision(side.history, 0)
                raise Mismatch(
                    f"{side.name}: history ends at {last}, not {self.view.revision}; "
                    f"stream: {side.history.ended}"
                )
            with side.history.condition:
                events = side.history.events.get(0, [])[known:]
            grown.append([self._common_event(side, event) for event in events])
        if grown[0] != grown[1]:
            shorter = min(map(len, grown))
            index = next((at for at in range(shorter) if grown[0][at] != grown[1][at]), shorter)
            self._differ(
                *(
                    f"{len(events)} events, number {index}: "
                    + " | ".join(normalise.short(event, 300) for event in events[index : index + 3])
                    for events in grown
                )
            )
        for event in grown[0]:
            revision = event.kv.mod_revision
            previous = self.history_revisions[-1] if self.history_revisions else 1
            if revision not in (previous, previous + 1):
                raise Mismatch(f"history jumps from {previous} to {revision}")
            self.history.append(event)
            self.history_revisions.append(revision)
            if event.type == 1:
                self.view.deleting_revisions.add(revision)

    @staticmethod
    def _common_event(side: Side, event: Message) -> Message:
        copy = types.Event()
        copy.CopyFrom(event)
        return side.names.to_common(copy)

    def _check_watch(self, side: Side, stream: int, watch_id: int, watch: Watch) -> None:
        opened = side.streams[stream]
        wanted = watch.checked + len(watch.expected)
        opened.wait_for(
            lambda it: it.ended or len(it.events.get(watch_id, ())) >= wanted, EVENT_SECONDS_MAX
        )
        with opened.condition:
            events = opened.events.get(watch_id, [])[watch.checked :]
        found = [
            self._common_event(side, event).SerializeToString(deterministic=True)
            for event in events
        ]
        if found != watch.expected:
            index = next(
                (i for i, (a, b) in enumerate(zip(found, watch.expected)) if a != b),
                min(len(found), len(watch.expected)),
            )
            raise Mismatch(
                f"{side.name}: watch {watch_id} of stream {stream} "
                f"({normalise.short(watch.create)}, from {watch.start}) sent {len(found)} events, "
                f"{len(watch.expected)} expected; first difference at {index}:\n"
                f"  expected {_show_event(watch.expected, index)}\n"
                f"  sent     {_show_event(found, index)}\n  stream: {opened.ended}"
            )

    @staticmethod
    def _differ(reference: object, subject: object) -> None:
        raise Mismatch(f"\n  reference: {reference}\n  subject:   {subject}")


def _last_revision(stream: WatchStream, watch_id: int) -> int:
    events = stream.events.get(watch_id)
    return events[-1].kv.mod_revision if events else 1


def _show_event(events: list[bytes], index: int) -> str:
    if index >= len(events):
        return "nothing"
    return normalise.short(types.Event.FromString(events[index]), 400)
