"""HTTP/2 by hand, for what no library would send."""

import socket
import struct
import time
from dataclasses import dataclass, field

import hpack

from harness.processes import Server

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)  # fmt: skip
END_STREAM, END_HEADERS, ACK, PADDED, PRIORITY_FLAG = 0x1, 0x4, 0x1, 0x8, 0x20
ENHANCE_YOUR_CALM = 11
SECONDS_MAX = 10.0


def frame(type: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """One frame, however wrong."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", type, flags, stream) + payload


def message(body: bytes, compressed: int = 0) -> bytes:
    """gRPC's framing of one message."""
    return struct.pack(">BI", compressed, len(body)) + body


@dataclass
class Frame:
    """A frame as it arrived."""

    type: int
    flags: int
    stream: int
    payload: bytes


@dataclass
class Reply:
    """What came back on one stream."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    reset: int | None = None
    ended: bool = False

    def get(self, name: str) -> str | None:
        """The last header or trailer of this name."""
        return dict(self.headers).get(name)


class RawHTTP2:
    """A connection on which any bytes can be sent, and what the server answers is read frame by frame."""

    def __init__(self, server: Server, preface: bool = True, settings: bytes = b"") -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.authority = f"127.0.0.1:{server.port}"
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.buffer = bytearray()
        self.frames: list[Frame] = []
        self.replies: dict[int, Reply] = {}
        self.goaway: tuple[int, bytes] | None = None
        self.closed = False
        self.next_stream = 1
        if preface:
            self.send(PREFACE + frame(SETTINGS, payload=settings))

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "RawHTTP2":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> bool:
        """Sends bytes; false if the server has closed the connection."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            self.closed = True
            return False

    # Requests

    def head(self, path: str, **changes: str | None) -> bytes:
        """The header block of a gRPC request; a change of None leaves a header out."""
        headers = {
            ":method": "POST", ":scheme": "http", ":path": path, ":authority": self.authority,
            "te": "trailers", "content-type": "application/grpc",
        }  # fmt: skip
        for name, value in changes.items():
            headers[name] = value
        fields = [(name, value) for name, value in headers.items() if value is not None]
        return self.encoder.encode(fields)

    def open(self, path: str, end: bool = False, **changes: str | None) -> int:
        """Opens a stream with a request's headers."""
        stream = self.next_stream
        self.next_stream += 2
        flags = END_HEADERS | (END_STREAM if end else 0)
        self.send(frame(HEADERS, flags, stream, self.head(path, **changes)))
        return stream

    def call(
        self, path: str, data: bytes, seconds: float = SECONDS_MAX, **changes: str | None
    ) -> Reply:
        """A request with these bytes of body, and the whole answer."""
        stream = self.open(path, **changes)
        for start in range(0, len(data), 16384):
            self.send(frame(DATA, 0, stream, data[start : start + 16384]))
        self.send(frame(DATA, END_STREAM, stream))
        return self.reply(stream, seconds)

    def reply(self, stream: int, seconds: float = SECONDS_MAX) -> Reply:
        """Reads until this stream has ended."""
        self.read(lambda: self.replies.get(stream, Reply()).ended, seconds)
        return self.replies.get(stream, Reply())

    # Reading

    def read(self, until, seconds: float = SECONDS_MAX) -> bool:
        """Reads frames until `until()`, the end of the connection or of the time."""
        deadline = time.monotonic() + seconds
        while not until():
            left = deadline - time.monotonic()
            if self.closed or left <= 0:
                return until()
            self.socket.settimeout(left)
            try:
                received = self.socket.recv(1 << 16)
            except TimeoutError:
                return until()
            except OSError:
                received = b""
            if not received:
                self.closed = True
                continue
            self.buffer += received
            self._parse()
        return True

    def wait_closed(self, seconds: float = SECONDS_MAX) -> bool:
        """Whether the server ends the connection."""
        return self.read(lambda: self.closed, seconds)

    def _parse(self) -> None:
        start = 0
        while len(self.buffer) >= start + 9:
            head = self.buffer[start : start + 9]
            end = start + 9 + int.from_bytes(head[:3], "big")
            if len(self.buffer) < end:
                break
            type, flags, stream = struct.unpack(">BBI", head[3:])
            payload = bytes(self.buffer[start + 9 : end])
            start = end
            self._take(Frame(type, flags, stream & 0x7FFFFFFF, payload))
        del self.buffer[:start]

    def _take(self, arrived: Frame) -> None:
        if arrived.type != DATA:
            self.frames.append(arrived)
        if arrived.type == SETTINGS and not arrived.flags & ACK:
            self.send(frame(SETTINGS, ACK))
        elif arrived.type == GOAWAY:
            code = int.from_bytes(arrived.payload[4:8], "big")
            self.goaway = (code, arrived.payload[8:])
        elif arrived.stream:
            reply = self.replies.setdefault(arrived.stream, Reply())
            if arrived.type == HEADERS:
                reply.headers += [tuple(it) for it in self.decoder.decode(arrived.payload)]
            elif arrived.type == DATA:
                reply.data += arrived.payload
                if arrived.payload:
                    update = len(arrived.payload).to_bytes(4, "big")
                    self.send(frame(WINDOW_UPDATE, 0, arrived.stream, update))
                    self.send(frame(WINDOW_UPDATE, 0, 0, update))
            elif arrived.type == RST_STREAM:
                reply.reset = int.from_bytes(arrived.payload, "big")
                reply.ended = True
            if arrived.type in (HEADERS, DATA) and arrived.flags & END_STREAM:
                reply.ended = True
