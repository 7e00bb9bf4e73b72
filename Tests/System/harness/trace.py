"""Recorded traffic between a kube-apiserver and etcd, put into an order in which it can be repeated.

The rules are those of the recordings' README: one request at a time, each at its place in the order of
revisions; answers are compared decoded, after the differences that a server may choose are levelled.
"""

import base64
import hashlib
import io
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf.message import Message

from harness import normalise, tolerances
from harness.api import Answer, Client, WatchStream, request_type, response_type, types

WATCH = "/etcdserverpb.Watch/Watch"
WINDOW_MAX = 1 << 27
KEEPALIVE_SECONDS = 2.0
METADATA = ("hasleader", "client-api-version")
COMPACTED = "etcdserver: mvcc: required revision has been compacted"

# Places of a step within its revision: the write that makes it, then everything that wrote nothing.
WRITE, QUIET = 0, 1


@dataclass
class Call:
    """A unary request and the answer it got."""

    method: str
    request: bytes
    metadata: tuple[tuple[str, str], ...]
    code: int = 0
    details: str = ""
    answer: bytes | None = None


@dataclass
class Expiry:
    """A revision that no request made: a lease ran out."""

    lease: int
    keys: int


@dataclass
class RecordedWatch:
    """One watch: the request, its replies, and the events it delivered until the client left."""

    stream: tuple[int, int]
    create: Message
    created: Message
    replies: list[Message] = field(default_factory=list)
    events: list[Message] = field(default_factory=list)


@dataclass
class Create:
    watch: RecordedWatch


@dataclass
class Cancel:
    watch: RecordedWatch
    reply: Message


@dataclass
class Progress:
    stream: tuple[int, int]
    reply: Message


@dataclass
class Step:
    """Something to do, and its place: revision, write or not, line of the answer."""

    place: tuple[int, int, float]
    action: Call | Expiry | Create | Cancel | Progress


class _Stream:
    """One recorded HTTP/2 stream while it is read."""

    def __init__(self, method: str, metadata: tuple[tuple[str, str], ...]) -> None:
        self.method = method
        self.metadata = metadata
        self.request: bytes | None = None
        self.answer: tuple[int, bytes] | None = None
        self.creates: list[Message] = []
        self.cancels: list[int] = []
        self.progress_requests = 0
        self.watches: dict[int, RecordedWatch] = {}


class Recording:
    """A recording as steps in the order in which they are repeated."""

    def __init__(self, path: Path) -> None:
        import zstandard

        self.steps: list[Step] = []
        self.watches: list[RecordedWatch] = []
        self.metadata: dict[tuple[int, int], tuple[tuple[str, str], ...]] = {}
        self._streams: dict[tuple[int, int], _Stream] = {}
        self._highest = 1
        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX)
        with path.open("rb") as packed, decompressor.stream_reader(packed) as unpacked:
            lines = io.TextIOWrapper(unpacked, encoding="utf-8")
            self.header = json.loads(next(lines))
            for number, line in enumerate(lines, start=2):
                self._read(number, json.loads(line))
        for gap in self.header["revisions_without_request"]:
            expiry = Expiry(int(gap["lease"]), gap["keys"])
            self.steps.append(Step((gap["revision"], WRITE, 0), expiry))
        self._place_around_compactions()
        self.steps.sort(key=lambda step: step.place)

    def _read(self, number: int, line: dict) -> None:
        if "stream" not in line:
            return
        name = (line["conn"], line["stream"])
        event = line.get("event")
        if event == "headers" and line["dir"] == "c2s":
            metadata = tuple((key, value) for key, value in line["metadata"] if key in METADATA)
            self._streams[name] = _Stream(line["method"], metadata)
            self.metadata[name] = metadata
            return
        stream = self._streams[name]
        if stream.method == WATCH:
            if event is None:
                body = base64.b64decode(line["msg"])
                if line["dir"] == "c2s":
                    self._watch_request(stream, types.WatchRequest.FromString(body))
                else:
                    self._watch_response(number, name, stream, types.WatchResponse.FromString(body))
        elif event is None and line["dir"] == "c2s":
            stream.request = base64.b64decode(line["msg"])
        elif event is None:
            stream.answer = (number, base64.b64decode(line["msg"]))
            self._unary(name, stream)
        elif event == "trailers":
            status = dict(map(tuple, line["metadata"]))
            if status["grpc-status"] != "0":
                self._unary_error(number, stream, status)

    def _unary(self, name: tuple[int, int], stream: _Stream) -> None:
        number, answer = stream.answer
        method = stream.method.rsplit("/", 1)[1]
        decoded = response_type(method).FromString(answer)
        revision = decoded.header.revision
        self._highest = max(self._highest, revision)
        kind = WRITE if method == "Txn" and _wrote(decoded) else QUIET
        call = Call(method, stream.request, stream.metadata, answer=answer)
        self.steps.append(Step((revision, kind, number), call))

    def _unary_error(self, number: int, stream: _Stream, status: dict[str, str]) -> None:
        from urllib.parse import unquote

        method = stream.method.rsplit("/", 1)[1]
        details = unquote(status.get("grpc-message", ""))
        call = Call(method, stream.request, stream.metadata, int(status["grpc-status"]), details)
        self.steps.append(Step((self._highest, QUIET, number), call))

    def _watch_request(self, stream: _Stream, request: Message) -> None:
        kind = request.WhichOneof("request_union")
        if kind == "create_request":
            stream.creates.append(request.create_request)
        elif kind == "cancel_request":
            stream.cancels.append(request.cancel_request.watch_id)
        else:
            stream.progress_requests += 1

    def _watch_response(
        self, number: int, name: tuple[int, int], stream: _Stream, reply: Message
    ) -> None:
        revision = reply.header.revision
        self._highest = max(self._highest, revision)
        if reply.created:
            watch = RecordedWatch(name, stream.creates.pop(0), reply)
            stream.watches[reply.watch_id] = watch
            self.watches.append(watch)
            self.steps.append(Step((revision, QUIET, number), Create(watch)))
            return
        if reply.watch_id == -1:
            assert stream.progress_requests > 0, f"line {number}: progress nobody asked for"
            stream.progress_requests -= 1
            self.steps.append(Step((revision, QUIET, number), Progress(name, reply)))
            return
        watch = stream.watches[reply.watch_id]
        if not reply.canceled:
            watch.events.extend(reply.events)
        elif reply.compact_revision:
            watch.replies.append(reply)
        else:
            stream.cancels.remove(reply.watch_id)
            self.steps.append(Step((revision, QUIET, number), Cancel(watch, reply)))

    def _place_around_compactions(self) -> None:
        """A read belongs before the compaction that would have failed it, or after the one that did."""
        compactions = [
            (step.place, types.CompactionRequest.FromString(step.action.request).revision)
            for step in self.steps
            if isinstance(step.action, Call) and step.action.method == "Compact"
        ]
        for step in self.steps:
            if not isinstance(step.action, Call) or step.action.method != "Range":
                continue
            wanted = types.RangeRequest.FromString(step.action.request).revision
            if wanted <= 0:
                continue
            for place, compacted in compactions:
                if place[0] != step.place[0] or compacted <= wanted:
                    continue
                if step.action.code == 0 and step.place > place:
                    step.place = (place[0], place[1], place[2] - 0.5)
                elif step.action.details == COMPACTED and step.place < place:
                    step.place = (place[0], place[1], place[2] + 0.5)
                break


def _wrote(answer: Message) -> bool:
    for response in answer.responses:
        kind = response.WhichOneof("response")
        if kind == "response_put" or (
            kind == "response_delete_range" and response.response_delete_range.deleted > 0
        ):
            return True
        if kind == "response_txn" and _wrote(response.response_txn):
            return True
    return False


class Difference(AssertionError):
    """The server's answer is not the recorded one."""


class Replay:
    """Repeats a recording on an empty server and compares as it goes."""

    def __init__(self, recording: Recording, client: Client) -> None:
        self.recording = recording
        self.client = client
        self.leases: dict[int, int] = {}
        self.recorded_leases: dict[int, int] = {}
        self.live_leases: set[int] = set()
        self.streams: dict[tuple[int, int], WatchStream] = {}
        self.open_watches: dict[tuple[int, int], list[RecordedWatch]] = defaultdict(list)
        self.keepalive = client.stream(
            "/etcdserverpb.Lease/LeaseKeepAlive", types.LeaseKeepAliveResponse
        )
        self.kept_alive_at = time.monotonic()

    def close(self) -> None:
        for stream in [*self.streams.values(), self.keepalive]:
            stream.close()

    def run(self) -> None:
        for step in self.recording.steps:
            try:
                getattr(self, "_" + type(step.action).__name__.lower())(step.action)
            except AssertionError as error:
                raise Difference(
                    f"line {step.place[2]}, revision {step.place[0]}: {error}"
                ) from error
            self._keep_leases()
        for watch in self.recording.watches:
            self._check_events(watch, len(watch.events))

    def final_state_sha256(self) -> str:
        """The digest of all live keys, as the recording's header has it."""
        digest = hashlib.sha256()
        for row in self.client.get(b"\0", range_end=b"\0").kvs:
            digest.update(b"%d:%s" % (len(row.key), row.key))
            numbers = (row.create_revision, row.mod_revision, row.version, len(row.value))
            digest.update(b"%d %d %d %d:" % numbers)
            digest.update(row.value)
        return digest.hexdigest()

    # Steps

    def _call(self, call: Call) -> None:
        request = request_type(call.method).FromString(call.request)
        actual = request_type(call.method).FromString(call.request)
        self._lease_ids(actual, self.leases)
        answer = self.client.call(call.method, actual, metadata=call.metadata)
        if call.answer is None:
            if (answer.code.value[0], answer.details) != (call.code, call.details):
                raise Difference(
                    f"{call.method} {normalise.short(request)}\n  recorded: {call.code} {call.details}"
                    f"\n  got:      {answer.code.name} {answer.details}"
                )
            return
        recorded = Answer(
            grpc.StatusCode.OK, "", response_type(call.method).FromString(call.answer)
        )
        if call.method == "LeaseGrant" and answer.ok:
            self.leases[recorded.message.ID] = answer.message.ID
            self.recorded_leases[answer.message.ID] = recorded.message.ID
            self.live_leases.add(answer.message.ID)
            answer.message.ID = recorded.message.ID
        if answer.ok:
            self._lease_ids(answer.message, self.recorded_leases)
            for message in (recorded.message, answer.message):
                _forget_identity(message)
            tolerances.level(call.method, request, recorded, answer)
        if recorded != answer:
            raise Difference(
                f"{call.method} {normalise.short(request)}\n"
                f"  recorded: {normalise.short(recorded.message)}\n"
                f"  got:      {answer.code.name} {answer.details} {normalise.short(answer.message)}"
            )

    def _expiry(self, expiry: Expiry) -> None:
        before = self.client.revision()
        lease = self.leases[expiry.lease]
        self.live_leases.remove(lease)
        answer = self.client.must("LeaseRevoke", ID=lease)
        if answer.header.revision != before + 1:
            raise Difference(f"revoking a lease took {before} to {answer.header.revision}")

    def _create(self, step: Create) -> None:
        watch = step.watch
        stream = self.streams.get(watch.stream)
        if stream is None:
            metadata = self.recording.metadata[watch.stream]
            stream = self.streams[watch.stream] = WatchStream(self.client, metadata=metadata)
        count = len(stream.controls)
        stream.send(types.WatchRequest(create_request=watch.create))
        self._same_reply(watch.created, stream.wait_control(count))
        self.open_watches[watch.stream].append(watch)
        for offset, reply in enumerate(watch.replies, start=1):
            self._same_reply(reply, stream.wait_control(count + offset))
        self._wait_backlog(watch, watch.created.header.revision)

    def _cancel(self, step: Cancel) -> None:
        stream = self.streams[step.watch.stream]
        self._check_events(step.watch, len(step.watch.events))
        reply = stream.cancel_watch(step.reply.watch_id)
        self._same_reply(step.reply, reply)

    def _progress(self, step: Progress) -> None:
        """Asks until there is an answer; all earlier events must be there before it is."""
        stream = self.streams[step.stream]
        deadline = time.monotonic() + 20
        seen = sum(reply.watch_id == -1 for reply in stream.progress)
        while True:
            stream.send_progress_request()
            if stream.wait_for(
                lambda it: sum(reply.watch_id == -1 for reply in it.progress) > seen, 0.2
            ):
                break
            if time.monotonic() > deadline:
                raise Difference("a progress request is not answered")
        with stream.condition:
            reply = [reply for reply in stream.progress if reply.watch_id == -1][seen]
        self._same_reply(step.reply, reply)
        for watch in self.open_watches[step.stream]:
            due = sum(event.kv.mod_revision <= reply.header.revision for event in watch.events)
            with stream.condition:
                index = stream.received.index(reply)
                before = sum(
                    len(message.events)
                    for message in stream.received[:index]
                    if message.watch_id == watch.created.watch_id
                )
            if before < due:
                raise Difference(f"progress {reply.header.revision} overtook {due - before} events")

    # Comparing

    def _same_reply(self, recorded: Message, got: Message) -> None:
        pair = []
        for message in (recorded, got):
            copy = types.WatchResponse()
            copy.CopyFrom(message)
            pair.append(_forget_identity(copy))
        if pair[0] != pair[1]:
            raise Difference(
                f"\n  recorded: {normalise.short(pair[0])}\n  got:      {normalise.short(pair[1])}"
            )

    def _wait_backlog(self, watch: RecordedWatch, revision: int) -> None:
        due = sum(event.kv.mod_revision <= revision for event in watch.events)
        self._check_events(watch, due)

    def _check_events(self, watch: RecordedWatch, count: int) -> None:
        stream = self.streams[watch.stream]
        if count == 0:
            return
        got = stream.wait_events(watch.created.watch_id, count)[:count]
        for index, (recorded, event) in enumerate(zip(watch.events, got)):
            copy = types.Event()
            copy.CopyFrom(event)
            self._lease_ids(copy, self.recorded_leases)
            if copy != recorded:
                raise Difference(
                    f"event {index} of watch {normalise.short(watch.create)}\n"
                    f"  recorded: {normalise.short(recorded)}\n  got:      {normalise.short(copy)}"
                )

    def _lease_ids(self, message: Message, leases: dict[int, int]) -> None:
        """Replaces lease ids wherever a key-value or a put has one."""
        for descriptor, value in message.ListFields():
            if descriptor.name == "lease":
                message.lease = leases.get(value, value)
            elif descriptor.message_type is not None:
                for part in [value] if isinstance(value, Message) else value:
                    self._lease_ids(part, leases)

    def _keep_leases(self) -> None:
        """Leases live as long as the recording says, not as long as the replay takes."""
        if time.monotonic() - self.kept_alive_at < KEEPALIVE_SECONDS:
            return
        self.kept_alive_at = time.monotonic()
        for lease in self.live_leases:
            self.keepalive.send(types.LeaseKeepAliveRequest(ID=lease))


def _forget_identity(message: Message) -> Message:
    """Ids of cluster, member and term are the server's own."""
    if message.HasField("header"):
        for name in ("cluster_id", "member_id", "raft_term"):
            message.header.ClearField(name)
    if message.DESCRIPTOR.name == "StatusResponse":
        for descriptor, _ in message.ListFields():
            if descriptor.name != "header":
                message.ClearField(descriptor.name)
    return message
