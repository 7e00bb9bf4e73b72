"""etcd's API as gRPC calls, made from the repository's .proto files at the start of a run.

No generated code is kept: `protoc` writes a descriptor set, from which the message classes are built.
"""

import functools
import queue
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from harness import paths

CALL_SECONDS_MAX = 20.0
PACKAGES = ("etcdserverpb", "mvccpb", "authpb", "grpc.health.v1")

UNARY = {
    name: f"/etcdserverpb.{service}/{name}"
    for service, names in {
        "KV": ("Range", "Put", "DeleteRange", "Txn", "Compact"),
        "Lease": ("LeaseGrant", "LeaseRevoke", "LeaseTimeToLive", "LeaseLeases"),
        "Cluster": ("MemberList",),
        "Maintenance": ("Alarm", "Status", "Defragment", "Hash", "HashKV"),
    }.items()
    for name in names
}
REQUEST_NAME = {"Compact": "CompactionRequest"}
RESPONSE_NAME = {"Compact": "CompactionResponse"}


@functools.cache
def _pool() -> descriptor_pool.DescriptorPool:
    folder = paths.protos()
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.proto"))
    assert files, f"no .proto files in {folder}"
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "descriptors"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", "--include_imports"]
        subprocess.run([*command, f"--descriptor_set_out={output}", *files], check=True)
        descriptors = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    return pool


_types_lock = threading.Lock()


@functools.cache
def message_type(name: str) -> type[message.Message]:
    """The class of a message, by its name without the package."""
    with _types_lock:
        for package in PACKAGES:
            try:
                found = _pool().FindMessageTypeByName(f"{package}.{name}")
            except KeyError:
                continue
            return message_factory.GetMessageClass(found)
    raise KeyError(name)


class _Types:
    """`types.RangeRequest` is `message_type("RangeRequest")`."""

    def __getattr__(self, name: str) -> type[message.Message]:
        return message_type(name)


types = _Types()


def request_type(method: str) -> type[message.Message]:
    return message_type(REQUEST_NAME.get(method, method + "Request"))


def response_type(method: str) -> type[message.Message]:
    return message_type(RESPONSE_NAME.get(method, method + "Response"))


@dataclass
class Answer:
    """What a unary call came to: a message, or a status."""

    code: grpc.StatusCode
    details: str
    message: message.Message | None

    @property
    def ok(self) -> bool:
        return self.code is grpc.StatusCode.OK


class RPCError(AssertionError):
    """A call failed that the test expected to succeed."""

    def __init__(self, method: str, answer: Answer) -> None:
        super().__init__(f"{method}: {answer.code.name} {answer.details!r}")
        self.code = answer.code
        self.details = answer.details


def prefix_end(prefix: bytes) -> bytes:
    """The range_end that makes `prefix` a range: etcd's convention."""
    for index in reversed(range(len(prefix))):
        if prefix[index] < 0xFF:
            return prefix[:index] + bytes([prefix[index] + 1])
    return b"\0"


class Client:
    """One connection to one server."""

    def __init__(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None = None,
        options: tuple[tuple[str, object], ...] = (),
    ) -> None:
        options = (
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.initial_reconnect_backoff_ms", 50),
            # How long a connection may take to come about, too.
            ("grpc.min_reconnect_backoff_ms", 5_000),
            ("grpc.max_reconnect_backoff_ms", 500),
            *options,
        )
        if credentials:
            self.channel = grpc.secure_channel(target, credentials, options)
        else:
            self.channel = grpc.insecure_channel(target, options)
        self._calls: dict[str, grpc.UnaryUnaryMultiCallable] = {}

    def close(self) -> None:
        self.channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Raw calls

    def call_bytes(
        self, path: str, body: bytes, seconds: float = CALL_SECONDS_MAX, **options: object
    ) -> tuple[grpc.StatusCode, str, bytes | None]:
        """A unary call of bytes to any path: status, text, answer."""
        call = self._calls.get(path)
        if call is None:
            call = self._calls[path] = self.channel.unary_unary(path)
        try:
            return grpc.StatusCode.OK, "", call(body, timeout=seconds, **options)
        except grpc.RpcError as error:
            return error.code(), error.details(), None

    def call(self, method: str, request: message.Message | bytes, **options: object) -> Answer:
        """A unary call by its method's name; errors are answers too."""
        body = request if isinstance(request, bytes) else request.SerializeToString()
        code, details, answer = self.call_bytes(UNARY[method], body, **options)
        parsed = None if answer is None else response_type(method).FromString(answer)
        return Answer(code, details, parsed)

    def must(
        self, method: str, seconds: float = CALL_SECONDS_MAX, **fields: object
    ) -> message.Message:
        """A unary call with the request given as fields; raises `RPCError` if it fails."""
        answer = self.call(method, request_type(method)(**fields), seconds=seconds)
        if not answer.ok:
            raise RPCError(method, answer)
        return answer.message

    # Words for what tests do all the time

    def put(self, key: bytes, value: bytes = b"", **fields: object) -> message.Message:
        return self.must("Put", key=key, value=value, **fields)

    def get(self, key: bytes, **fields: object) -> message.Message:
        return self.must("Range", key=key, **fields)

    def get_prefix(self, prefix: bytes, **fields: object) -> message.Message:
        return self.must("Range", key=prefix, range_end=prefix_end(prefix), **fields)

    def delete(self, key: bytes, **fields: object) -> message.Message:
        return self.must("DeleteRange", key=key, **fields)

    def revision(self) -> int:
        return self.get(b"\0").header.revision

    def watch(self) -> "WatchStream":
        """Opens a Watch stream."""
        return WatchStream(self)

    def stream(
        self, path: str, response: type[message.Message] | None, **options: object
    ) -> "Bidi":
        """Opens a bidirectional stream of messages."""
        return Bidi(self.channel, path, response, **options)


class Bidi:
    """A bidirectional stream: requests go out in order, answers are collected by a thread."""

    def __init__(
        self,
        channel: grpc.Channel,
        path: str,
        response: type[message.Message] | None,
        **options: object,
    ) -> None:
        self._requests: queue.SimpleQueue = queue.SimpleQueue()
        self._decode = response.FromString if response else bytes
        self.condition = threading.Condition()
        self.received: list[message.Message] = []
        self.ended: tuple[grpc.StatusCode, str] | None = None
        self._paused = threading.Event()
        self._paused.set()
        self._call = channel.stream_stream(path)(iter(self._requests.get, None), **options)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, request: message.Message | bytes) -> None:
        body = request if isinstance(request, bytes) else request.SerializeToString()
        self._requests.put(body)

    def half_close(self) -> None:
        """No more requests; answers may still come."""
        self._requests.put(None)

    def cancel(self) -> None:
        """Ends the stream from this side."""
        self._call.cancel()
        self._paused.set()
        self.half_close()

    def close(self) -> None:
        self.cancel()
        self._thread.join(10)

    def __enter__(self) -> "Bidi":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pause(self) -> None:
        """Stops reading: a slow reader. Flow control then holds the server back."""
        self._paused.clear()

    def resume(self) -> None:
        self._paused.set()

    def wait_for(self, predicate, seconds: float = CALL_SECONDS_MAX) -> bool:
        """Waits until `predicate(self)` holds, looked at whenever something arrives."""
        with self.condition:
            return self.condition.wait_for(lambda: predicate(self), seconds)

    def wait_count(self, count: int, seconds: float = CALL_SECONDS_MAX) -> list[message.Message]:
        """The first `count` answers; fails if they do not come."""
        self.wait_for(lambda stream: len(stream.received) >= count or stream.ended, seconds)
        with self.condition:
            found = len(self.received)
            assert found >= count, f"{found} of {count} answers, stream ended: {self.ended}"
            return list(self.received)

    def wait_end(self, seconds: float = CALL_SECONDS_MAX) -> tuple[grpc.StatusCode, str]:
        """The status the stream ended with."""
        assert self.wait_for(lambda stream: stream.ended, seconds), "the stream did not end"
        return self.ended

    def on_message(self, received: message.Message) -> None:
        """Called with the condition held, for each message in order. For subclasses."""
        self.received.append(received)

    def _read(self) -> None:
        try:
            for body in self._call:
                decoded = self._decode(body)
                with self.condition:
                    self.on_message(decoded)
                    self.condition.notify_all()
                self._paused.wait()
            ended = (grpc.StatusCode.OK, "")
        except grpc.RpcError as error:
            ended = (error.code(), error.details())
        except ValueError as error:  # The channel was closed under the call.
            ended = (grpc.StatusCode.CANCELLED, str(error))
        with self.condition:
            self.ended = ended
            self.condition.notify_all()


class WatchStream(Bidi):
    """A Watch stream that sorts what arrives: controls, progress, and the events of each watch."""

    PATH = "/etcdserverpb.Watch/Watch"

    def __init__(self, client: Client, **options: object) -> None:
        self.controls: list[message.Message] = []
        self.progress: list[message.Message] = []
        self.events: dict[int, list[message.Message]] = {}
        self.batches: dict[int, list[message.Message]] = {}
        super().__init__(client.channel, self.PATH, types.WatchResponse, **options)

    def on_message(self, received: message.Message) -> None:
        super().on_message(received)
        if received.created or received.canceled:
            self.controls.append(received)
        elif received.events:
            self.events.setdefault(received.watch_id, []).extend(received.events)
            self.batches.setdefault(received.watch_id, []).append(received)
        else:
            self.progress.append(received)

    def create(self, seconds: float = CALL_SECONDS_MAX, **fields: object) -> message.Message:
        """Sends a create request and returns the control reply to it."""
        count = len(self.controls)
        self.send(types.WatchRequest(create_request=types.WatchCreateRequest(**fields)))
        return self.wait_control(count, seconds)

    def cancel_watch(self, watch_id: int, seconds: float = CALL_SECONDS_MAX) -> message.Message:
        """Cancels one watch and returns the reply."""
        count = len(self.controls)
        self.send_cancel(watch_id)
        return self.wait_control(count, seconds)

    def send_cancel(self, watch_id: int) -> None:
        self.send(types.WatchRequest(cancel_request=types.WatchCancelRequest(watch_id=watch_id)))

    def send_progress_request(self) -> None:
        self.send(types.WatchRequest(progress_request=types.WatchProgressRequest()))

    def wait_control(self, index: int, seconds: float = CALL_SECONDS_MAX) -> message.Message:
        """The control reply with this index."""
        assert self.wait_for(
            lambda stream: len(stream.controls) > index or stream.ended, seconds
        ), "no reply to a watch request"
        assert len(self.controls) > index, f"the stream ended: {self.ended}"
        return self.controls[index]

    def wait_events(
        self, watch_id: int, count: int, seconds: float = CALL_SECONDS_MAX
    ) -> list[message.Message]:
        """The first `count` events of one watch; fails if they do not come."""
        self.wait_for(
            lambda stream: len(stream.events.get(watch_id, ())) >= count or stream.ended, seconds
        )
        with self.condition:
            events = list(self.events.get(watch_id, ()))
        assert len(events) >= count, f"{len(events)} of {count} events, ended: {self.ended}"
        return events
