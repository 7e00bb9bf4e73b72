"""Random operations: what a client of etcd may do, and much that it should not.

A `Generator` draws from a seed and from what the servers answered so far, so that revisions, leases and
watch ids are mostly meaningful. An `Operation` is self-contained: a list of them is a replayable file.
"""

import base64
import json
import random
from dataclasses import dataclass, field

from google.protobuf.message import Message

from harness import normalise
from harness.api import UNARY, prefix_end, request_type, types
from harness.tolerances import operations_of

KEYS = [
    b"\x00", b"\x00\x00", b"a", b"aa", b"ab", b"b", b"k", b"\xfe", b"\xff", b"\xff\xff",
    *(b"k/%02d" % number for number in range(24)),
    b"long/" + b"x" * 300,
]  # fmt: skip
VALUES = [b"", b"0", b"1", b"a", b"\xff", b"\x00", b"same", b"same", b"value"]
LEASE_IDS = [1, 2, 3, 77, -1, -2, 2**63 - 1, -(2**63), 0x1234_5678_9ABC]
TTLS = [-5, 0, 1, 2, 600, 3600, 86400, 9_000_000_000, 9_000_000_001, 2**63 - 1]
TTL_SAFE = 600
MAX_TXN_OPS = 128
REQUEST_LIMIT = 1_572_864
STREAMS_MAX = 4
WATCHES_MAX = 8


@dataclass
class Operation:
    """One step: a unary `call` of a method, a `raw` call of a path, or a step of a watch stream."""

    do: str
    method: str = ""
    body: bytes = b""
    stream: int = 0
    watch_id: int = 0

    def to_json(self) -> str:
        record = {key: value for key, value in vars(self).items() if value not in ("", b"", 0)}
        record["text"] = self.describe(200)
        if self.body:
            record["body"] = base64.b64encode(self.body).decode()
        return json.dumps(record)

    @classmethod
    def from_json(cls, line: str) -> "Operation":
        record = json.loads(line)
        record.pop("text", None)
        record["body"] = base64.b64decode(record.get("body", ""))
        return cls(**record)

    def request(self) -> Message | None:
        """The request as a message; None if its bytes are none."""
        kind = types.WatchRequest if self.do == "watch" else None
        if self.do == "call":
            kind = request_type(self.method)
        elif self.do == "keepalive":
            kind = types.LeaseKeepAliveRequest
        return kind.FromString(self.body) if kind else None

    def describe(self, limit: int = 1000) -> str:
        where = f" stream={self.stream}" if self.do in STREAM_STEPS else ""
        what = normalise.short(self.request(), limit) if self.do != "raw" else self.body[:40].hex()
        return f"{self.do} {self.method}{where} {self.watch_id or ''} {what}".strip()


STREAM_STEPS = ("open", "watch", "cancel", "progress", "close")


@dataclass
class View:
    """What the generator may know: the outcome of earlier operations on the reference."""

    revision: int = 1
    compact_revision: int = -1
    leases: list[int] = field(default_factory=list)
    streams: dict[int, set[int]] = field(default_factory=dict)
    future_starts: dict[int, int] = field(default_factory=dict)
    deleting_revisions: set[int] = field(default_factory=set)
    compacted: set[tuple[int, int]] = field(default_factory=set)
    next_stream: int = 1
    alarms: set[int] = field(default_factory=set)


class Generator:
    """An endless, reproducible series of operations.

    A lease id chosen by a server becomes part of the stored records and so of their hash: a series has
    either such leases or HashKV.
    """

    def __init__(self, seed: str, view: View, chosen_leases: bool) -> None:
        self.random = random.Random(seed)
        self.view = view
        self.chosen_leases = chosen_leases
        self.queued: list[Operation] = []
        self.nests = True  # whether a Txn may hold others
        self.kinds = {
            self.range: 200, self.put: 250, self.delete: 80, self.txn: 250, self.compact: 8,
            self.lease_grant: 30, self.lease_revoke: 14, self.lease_time: 20, self.lease_list: 6,
            self.keepalive: 14, self.hash_kv: 0 if chosen_leases else 20, self.watch_create: 36, self.watch_cancel: 16,
            self.progress: 8, self.open_stream: 6, self.close_stream: 4, self.status: 4,
            self.members: 3, self.alarm: 5, self.undecodable: 4, self.unknown_path: 2, self.big: 2,
            self.wide_txn: 2, self.big_burst: 1, self.defragment: 1, self.enums: 6,
        }  # fmt: skip

    def next(self) -> Operation:
        if self.queued:
            return self.queued.pop(0)
        kind = self.random.choices(list(self.kinds), self.kinds.values())[0]
        return kind()

    # Parts of requests

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def key(self) -> bytes:
        return b"" if self.chance(0.01) else self.random.choice(KEYS)

    def value(self) -> bytes:
        if self.chance(0.05):
            return self.random.randbytes(self.random.randint(1, 5000))
        return self.random.choice(VALUES)

    def range_end(self, key: bytes, single: float = 0.4) -> bytes:
        if self.chance(single):
            return b""
        choices = [b"\0", prefix_end(key), prefix_end(b"k/"), key, key + b"\0", self.key()]
        return self.random.choice(choices)

    def revision(self) -> int:
        """Mostly a readable one, some compacted, future and absurd ones."""
        if self.chance(0.85):
            return self.random.randint(max(1, self.view.compact_revision), self.view.revision)
        near = [self.view.compact_revision - 1, self.view.compact_revision, self.view.revision + 1]
        return self.random.choice([*near, 1, 2, -1, -7, 2**63 - 1, -(2**63)])

    def lease(self) -> int:
        if self.view.leases and self.chance(0.9):
            return self.random.choice(self.view.leases)
        return self.random.choice([*LEASE_IDS, 404])

    def call(self, method: str, request: Message) -> Operation:
        return Operation("call", method, request.SerializeToString())

    # KV

    def range(self) -> Operation:
        return self.call("Range", self.range_request())

    def range_request(self, in_txn: bool = False) -> Message:
        key = self.random.choice([b"\0", b"k/", b"k", self.key()])
        request = types.RangeRequest(key=key, range_end=self.range_end(key, single=0.25))
        if self.chance(0.4):
            request.limit = self.random.choice([1, 2, 3, 7, 20, 1000, -1, 2**63 - 1])
        if self.chance(0.1 if in_txn else 0.4):
            request.revision = self.revision()
        if self.chance(0.5):
            request.sort_order = self.random.randrange(3)
            request.sort_target = self.random.randrange(5)
        request.serializable = self.chance(0.3)
        request.keys_only = self.chance(0.15)
        request.count_only = self.chance(0.1)
        if self.chance(0.2):
            for name in ("min_mod", "max_mod", "min_create", "max_create"):
                if self.chance(0.4):
                    setattr(request, name + "_revision", self.revision())
        return request

    def put(self) -> Operation:
        return self.call("Put", self.put_request(self.key()))

    def put_request(self, key: bytes) -> Message:
        request = types.PutRequest(key=key, value=self.value(), prev_kv=self.chance(0.3))
        if self.chance(0.2):
            request.lease = self.lease()
        if self.chance(0.06):
            request.ignore_value = True
            if self.chance(0.9):
                request.value = b""
        if self.chance(0.06):
            request.ignore_lease = True
            if self.chance(0.9):
                request.lease = 0
        return request

    def delete(self) -> Operation:
        return self.call("DeleteRange", self.delete_request())

    def delete_request(self) -> Message:
        key = self.key()
        end = b"" if self.chance(0.7) else self.range_end(key)
        if end == b"\0" and self.chance(0.8):
            end = prefix_end(key)
        return types.DeleteRangeRequest(key=key, range_end=end, prev_kv=self.chance(0.4))

    def txn(self) -> Operation:
        return self.call("Txn", self.txn_request(depth=0))

    def txn_request(self, depth: int) -> Message:
        compares = [self.compare() for _ in range(self.random.choice([0, 1, 1, 1, 2, 3]))]
        request = types.TxnRequest(
            compare=compares, success=self.branch(depth), failure=self.branch(depth)
        )
        if depth == 0:
            parts = list(operations_of(request))
            if any(part.request_delete_range.range_end == b"\0" for part in parts):
                # See tolerances.NOT_COMPARED: the put's key may be gone when its turn comes.
                for part in parts:
                    if part.HasField("request_put"):
                        part.request_put.ignore_value = part.request_put.ignore_lease = False
        return request

    def branch(self, depth: int) -> list[Message]:
        keys = self.random.sample(KEYS, 6)
        if self.chance(0.08):
            keys = [self.random.choice(KEYS)] * 6
        operations = []
        for _ in range(self.random.choice([0, 1, 1, 2, 2, 3, 5])):
            operation = types.RequestOp()
            draw = self.random.random()
            if draw < 0.45:
                operation.request_put.CopyFrom(self.put_request(keys.pop()))
            elif draw < 0.7:
                operation.request_range.CopyFrom(self.range_request(in_txn=True))
            elif draw < 0.85:
                operation.request_delete_range.CopyFrom(self.delete_request())
            elif draw < 0.99 and depth < 3 and self.nests:
                operation.request_txn.CopyFrom(self.txn_request(depth + 1))
            elif draw < 0.99 or self.chance(0.8):
                operation.request_put.CopyFrom(self.put_request(keys.pop()))
            operations.append(operation)
        return operations

    def compare(self) -> Message:
        key = self.key()
        compare = types.Compare(
            result=self.random.randrange(4), target=self.random.randrange(5), key=key
        )
        if compare.target == 4 and self.chosen_leases:
            compare.result = self.random.choice([0, 3])  # ids that servers choose have no common order
        if self.chance(0.25):
            compare.range_end = self.range_end(key, single=0)
        member = compare.target if self.chance(0.9) else self.random.randrange(5)
        if self.chance(0.05):
            return compare
        if member == 0:
            compare.version = self.random.choice([0, 1, 2, 3, -1])
        elif member == 1:
            compare.create_revision = self.random.choice([0, self.revision(), self.view.revision])
        elif member == 2:
            compare.mod_revision = self.random.choice([0, self.revision(), self.view.revision])
        elif member == 3:
            compare.value = self.value()
        else:
            compare.lease = self.random.choice([0, self.lease()])
        return compare

    def wide_txn(self) -> Operation:
        """About as many operations as are allowed, flat or nested."""
        count = self.random.choice([127, 128, 129])
        gets = [types.RequestOp(request_range=types.RangeRequest(key=b"a"))] * count
        shape = self.random.randrange(4)
        if shape == 0:
            return self.call("Txn", types.TxnRequest(success=gets))
        if shape == 1:
            return self.call("Txn", types.TxnRequest(failure=gets, success=gets[:1]))
        if shape == 2:
            compares = [types.Compare(key=b"a", target=0, version=1)] * count
            return self.call("Txn", types.TxnRequest(compare=compares))
        inner = types.RequestOp(request_txn=types.TxnRequest(success=gets[: count - 64]))
        return self.call("Txn", types.TxnRequest(success=[inner] * 64))

    def compact(self) -> Operation:
        revision = self.random.choice(
            [self.revision(), self.revision(), self.view.revision, self.view.compact_revision, 0]
        )
        # Leave some history most of the time.
        if self.chance(0.7):
            revision = min(revision, max(0, self.view.revision - self.random.randint(5, 200)))
        request = types.CompactionRequest(revision=revision, physical=self.chance(0.7))
        return self.call("Compact", request)

    # Leases

    def lease_grant(self) -> Operation:
        ttl = self.random.choice(TTLS)
        id = self.random.choice([*LEASE_IDS, self.random.getrandbits(40)])
        if self.chosen_leases and self.chance(0.3):
            id = 0
        operation = self.call("LeaseGrant", types.LeaseGrantRequest(TTL=ttl, ID=id))
        if ttl < TTL_SAFE and id not in self.view.leases:
            # It would run out during the test, at moments of each server's own: gone with it.
            if id == 0:
                return self.lease_list()
            self.queued.append(self.call("LeaseRevoke", types.LeaseRevokeRequest(ID=id)))
        return operation

    def lease_revoke(self) -> Operation:
        return self.call("LeaseRevoke", types.LeaseRevokeRequest(ID=self.lease()))

    def lease_time(self) -> Operation:
        request = types.LeaseTimeToLiveRequest(ID=self.lease(), keys=self.chance(0.7))
        return self.call("LeaseTimeToLive", request)

    def lease_list(self) -> Operation:
        return self.call("LeaseLeases", types.LeaseLeasesRequest())

    def keepalive(self) -> Operation:
        body = types.LeaseKeepAliveRequest(ID=self.lease()).SerializeToString()
        return Operation("keepalive", body=body)

    # Watches

    def open_stream(self) -> Operation:
        if len(self.view.streams) >= STREAMS_MAX:
            return self.close_stream()
        self.view.next_stream += 1
        return Operation("open", stream=self.view.next_stream)

    def close_stream(self) -> Operation:
        if not self.view.streams:
            return self.open_stream()
        return Operation("close", stream=self.random.choice(list(self.view.streams)))

    def watch_create(self) -> Operation:
        streams = [name for name, ids in self.view.streams.items() if len(ids) < WATCHES_MAX]
        if not streams:
            return self.watch_cancel() if self.view.streams else self.open_stream()
        stream = self.random.choice(streams)
        key = self.random.choice([b"", b"\0", b"k/", b"k/01", b"a", self.key()])
        create = types.WatchCreateRequest(key=key, range_end=self.range_end(key, single=0.25))
        if self.chance(0.6):
            create.start_revision = self.start_revision()
        create.prev_kv = self.chance(0.5)
        create.fragment = self.chance(0.3)
        create.progress_notify = self.chance(0.3)
        if self.chance(0.3):
            create.filters.extend(self.random.choices([0, 1], k=self.random.randint(1, 2)))
        if self.chance(0.3):
            create.watch_id = self.random.choice([1, 2, 3, 5, 1000, -2, -7, 2**63 - 1])
        request = types.WatchRequest(create_request=create)
        return Operation("watch", stream=stream, body=request.SerializeToString())

    def start_revision(self) -> int:
        """From anywhere but the two places where 3.5.1 differs; see `tolerances.NOT_COMPARED`."""
        start = max(0, self.revision()) if self.chance(0.8) else self.view.revision + 20
        if start == self.view.compact_revision and start in self.view.deleting_revisions:
            start += 1
        return start

    def watch_cancel(self) -> Operation:
        streams = [name for name, ids in self.view.streams.items() if ids]
        if not streams:
            return self.open_stream()
        stream = self.random.choice(streams)
        watch_id = self.random.choice(sorted(self.view.streams[stream]))
        if self.chance(0.1):
            watch_id = 4711
        return Operation("cancel", stream=stream, watch_id=watch_id)

    def progress(self) -> Operation:
        waiting = {stream for stream, _ in self.view.compacted}
        streams = [
            name
            for name, ids in self.view.streams.items()
            if ids
            and name not in waiting
            and self.view.future_starts.get(name, 0) <= self.view.revision
        ]
        if not streams:
            return self.watch_create()
        return Operation("progress", stream=self.random.choice(streams))

    # Maintenance

    def hash_kv(self) -> Operation:
        revision = 0 if self.chance(0.5) else self.revision()
        if revision == self.view.compact_revision:
            revision = 0  # See tolerances.NOT_COMPARED.
        return self.call("HashKV", types.HashKVRequest(revision=revision))

    def status(self) -> Operation:
        return self.call("Status", types.StatusRequest())

    def members(self) -> Operation:
        return self.call("MemberList", types.MemberListRequest(linearizable=self.chance(0.5)))

    def defragment(self) -> Operation:
        return self.call("Defragment", types.DefragmentRequest())

    def alarm(self) -> Operation:
        """Raises an alarm for a few operations, or asks for what there is."""
        if self.chance(0.5):
            kind = self.random.randrange(3)
            return self.call("Alarm", types.AlarmRequest(action=0, alarm=kind))
        kind = self.random.randrange(3)
        member = self.random.choice([normalise.COMMON_ID, normalise.COMMON_ID, 0, 99])
        self.nests = kind == 0  # see NOT_COMPARED
        during = [
            self.random.choice(
                [self.put, self.range, self.delete, self.txn, self.lease_revoke, self.keepalive]
            )()
            for _ in range(self.random.randint(0, 8))
        ]
        self.nests = True
        raised = types.AlarmRequest(action=1, memberID=member, alarm=kind)
        lowered = types.AlarmRequest(action=2, memberID=member, alarm=kind)
        asked = types.AlarmRequest(action=0, alarm=0)
        self.queued += [*during, self.call("Alarm", asked), self.call("Alarm", lowered)]
        return self.call("Alarm", raised)

    # Bad input

    def undecodable(self) -> Operation:
        body = self.random.choice(
            [
                b"\x0a\x05ab",
                b"\xff" * 11,
                b"\x0f\x01",
                b"\x08",
                b"\x0a" + b"\xff" * 9 + b"\x7f",
                b"\x00",
            ]
        )
        method = self.random.choice(["Range", "Put", "Txn", "LeaseGrant", "Compact", "HashKV"])
        return Operation("raw", UNARY[method], body)

    def unknown_path(self) -> Operation:
        path = self.random.choice(
            ["/etcdserverpb.KV/Nope", "/nope.Service/Nope", "/etcdserverpb.KV/range"]
        )
        return Operation("raw", path, b"\x0a\x01a")

    def enums(self) -> Operation:
        """Unknown enum values where 3.5.1 does something defined, and unknown fields everywhere."""
        unknown_field = b"\xf2\x3e\x03xyz"
        if self.chance(0.5):
            request = self.range_request()
            return Operation("call", "Range", request.SerializeToString() + unknown_field)
        request = self.txn_request(depth=2)
        compare = self.compare()
        if self.chance(0.5):
            compare.result = 9
        else:
            compare.target = 9
        request.compare.append(compare)
        return Operation("call", "Txn", request.SerializeToString() + unknown_field)

    def big(self) -> Operation:
        """About the request limit, and about gRPC's."""
        size = self.random.choice(
            [REQUEST_LIMIT - 600, REQUEST_LIMIT + 600, REQUEST_LIMIT + 524_288 - 64, 2_097_152 + 8]
        )
        request = types.PutRequest(key=b"big", value=b"v" * size)
        self.queued.append(self.call("DeleteRange", types.DeleteRangeRequest(key=b"big")))
        return self.call("Put", request)

    def big_burst(self) -> Operation:
        """Values that together exceed one watch response, and a watch that must cut them up."""
        if not self.view.streams:
            return self.open_stream()
        stream = self.random.choice(list(self.view.streams))
        puts = [
            self.call(
                "Put", types.PutRequest(key=b"k/%02d" % number, value=b"%d" % number * 700_000)
            )
            for number in range(4)
        ]
        create = types.WatchCreateRequest(
            key=b"k/", range_end=b"k0", start_revision=self.view.revision + 1, fragment=True,
            prev_kv=self.chance(0.5),
        )  # fmt: skip
        body = types.WatchRequest(create_request=create).SerializeToString()
        clean = types.DeleteRangeRequest(key=b"k/00", range_end=b"k/04")
        self.queued += [*puts[1:], Operation("watch", stream=stream, body=body)]
        self.queued += [Operation("sync"), self.call("DeleteRange", clean)]
        return puts[0]
