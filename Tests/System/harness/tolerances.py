"""Every difference between etcd 3.5.1 and Byre (which is etcd 3.7.1 to its clients) that is accepted.

This is the only place. `TOLERATED` holds what may differ in an answer: each entry makes the two answers
equal where the difference has the stated reason, and nowhere else. `NOT_COMPARED` holds what the random
tests never send to etcd 3.5.1, each with the test that pins Byre's behaviour instead.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from google.protobuf.message import Message

from harness.api import Answer, types

KEY, VERSION, CREATE, MOD, VALUE = range(5)
SORT_FIELD = {VERSION: "version", CREATE: "create_revision", MOD: "mod_revision", VALUE: "value"}


@dataclass(frozen=True)
class Tolerance:
    """One accepted difference: the requests it concerns, why, and how both answers are levelled."""

    method: str
    reason: str
    level: Callable[[Message, Message, Message], None]


def _ties(request: Message, *answers: Message) -> None:
    name = SORT_FIELD.get(request.sort_target)
    if name is None:
        return
    hidden = name == "value" and request.keys_only
    for answer in answers:
        rows = list(answer.kvs)
        cut = request.limit > 0 and len(rows) >= request.limit
        last = getattr(rows[-1], name) if rows else None
        groups: dict[object, list[Message]] = {}
        for row in rows:
            groups.setdefault(getattr(row, name), []).append(row)
        levelled = []
        for value, group in groups.items():
            if cut and (hidden or value == last):
                for row in group:
                    levelled.append(types.KeyValue(**{} if hidden else {name: value}))
            else:
                levelled.extend(sorted(group, key=lambda row: row.key))
        del answer.kvs[:]
        answer.kvs.extend(levelled)


def _keys_only_lease(request: Message, *answers: Message) -> None:
    if request.keys_only and request.sort_target != VALUE:
        for answer in answers:
            for row in answer.kvs:
                row.lease = 0


def _remaining(request: Message, reference: Message, subject: Message) -> None:
    if reference.TTL > 0 and abs(reference.TTL - subject.TTL) <= 2:
        subject.TTL = reference.TTL


def _lease_keys(request: Message, *answers: Message) -> None:
    for answer in answers:
        keys = sorted(answer.keys)
        del answer.keys[:]
        answer.keys.extend(keys)


def _lease_order(request: Message, *answers: Message) -> None:
    for answer in answers:
        ids = sorted(status.ID for status in answer.leases)
        del answer.leases[:]
        answer.leases.extend(types.LeaseStatus(ID=id) for id in ids)


def _clear(*names: str) -> Callable[..., None]:
    def level(request: Message, *answers: Message) -> None:
        for answer in answers:
            for name in names:
                answer.ClearField(name)

    return level


def _member_places(request: Message, *answers: Message) -> None:
    for answer in answers:
        for member in answer.members:
            for name in ("name", "peerURLs", "clientURLs"):
                member.ClearField(name)


TOLERATED = (
    Tolerance(
        "Range", "rows that are equal in the sort target have no order (Go's unstable sort)", _ties
    ),
    Tolerance(
        "Range",
        "since 3.7 keys_only is served from the index, which does not know leases (etcd.md 0.2)",
        _keys_only_lease,
    ),
    Tolerance("LeaseTimeToLive", "the two leases were granted at different moments", _remaining),
    Tolerance("LeaseTimeToLive", "etcd keeps a lease's keys in a hash map", _lease_keys),
    Tolerance(
        "LeaseLeases",
        "ordered by remaining time, and both sides granted at different moments; "
        "test_order_of_leases pins the order",
        _lease_order,
    ),
    Tolerance("HashKV", "hash_revision is new in 3.6", _clear("hash_revision")),
    Tolerance("Hash", "a checksum of the whole backend file", _clear("hash")),
    Tolerance(
        "Status",
        "another version, another storage engine, no raft; fields 11-13 are new in 3.6",
        _clear(
            "version",
            "dbSize",
            "dbSizeInUse",
            "raftIndex",
            "raftTerm",
            "raftAppliedIndex",
            "storageVersion",
            "dbSizeQuota",
            "downgradeInfo",
        ),
    ),
    Tolerance("MemberList", "a server's name and addresses are its own", _member_places),
)

CHECKS = {
    "etcdserver: key not found": lambda part: (
        part.request_put.ignore_value or part.request_put.ignore_lease
    ),
    "etcdserver: requested lease not found": lambda part: part.request_put.lease != 0,
    "etcdserver: mvcc: required revision is a future revision": lambda part: (
        part.request_range.revision > 0
    ),
    "etcdserver: mvcc: required revision has been compacted": lambda part: (
        part.request_range.revision != 0
    ),
}
"""What the taken path of a Txn is checked for, and the operations that can fail so.

When several operations of one Txn fail, 3.5.1 names the first put, a missing key before a missing lease,
and ranges only then; 3.7 goes by the order of operations, lease before key
(test_txn_names_the_first_operation_that_fails).
"""

UNDECODABLE = (
    "a body that is no message: the text comes from Go's decoder, only the code is compared"
)

NOT_COMPARED = {
    "unknown sort_order or sort_target": "3.5.1 crashes; test_unknown_sort_options_are_refused",
    "RangeStream": "new in 3.7; test_range_stream_*",
    "watch with start_revision < 0": "3.5.1 accepts it; test_watch_from_negative_revision_is_refused",
    "watch from exactly the compact revision when that revision deleted keys": (
        "3.5.1 lost the tombstone (etcd issue 19179); test_watch_from_compacted_tombstone_sees_the_delete"
    ),
    "progress request on a stream without watches, or with one that is not synced: of a future "
    "start_revision, or compacted and not yet canceled by the client": (
        "3.5.1 answers, 3.7 is silent (etcd issue 20221); test_progress_waits_for_*"
    ),
    "puts of a nested Txn while an alarm is raised": (
        "3.5.1 forgets to count them; test_puts_of_a_nested_txn_cost_space"
    ),
    "HashKV at exactly the compact revision": (
        "3.5.1 calls it compacted; test_hash_at_the_compact_revision"
    ),
    "watch_id -1 chosen by the client": (
        "the id in the reply to any failed create: etcd then forgets the watch that has it"
    ),
    "a Txn that deletes up to the end of the keys and then puts with ignore_value or ignore_lease": (
        "etcd overlooks the overlap, then crashes; test_put_after_delete_to_the_end_in_one_txn"
    ),
    "sizes between 1.5 MiB - 512 B and 1.5 MiB + 512 B": (
        "the limit is on etcd's internal raft message, whose header varies"
    ),
    "compaction while an unsynced watch catches up": "the race decides; test_watch_guarantees.py",
}


def operations_of(txn: Message) -> Iterator[Message]:
    """Every operation of a transaction, nested ones too."""
    for operation in [*txn.success, *txn.failure]:
        yield operation
        if operation.HasField("request_txn"):
            yield from operations_of(operation.request_txn)


def pairs(
    method: str, request: Message, reference: Message, subject: Message
) -> Iterator[tuple[str, Message, Message, Message]]:
    """The answer itself, and within a Txn every nested answer that both sides gave to one operation."""
    yield method, request, reference, subject
    if method != "Txn" or reference.succeeded != subject.succeeded:
        return
    taken = request.success if reference.succeeded else request.failure
    if not len(taken) == len(reference.responses) == len(subject.responses):
        return
    nested = {"request_range": "Range", "request_txn": "Txn"}
    for operation, one, other in zip(taken, reference.responses, subject.responses):
        kind = operation.WhichOneof("request")
        if kind in nested:
            field = kind.replace("request", "response")
            if one.HasField(field) and other.HasField(field):
                parts = (getattr(item, field) for item in (one, other))
                yield from pairs(nested[kind], getattr(operation, kind), *parts)


def level(method: str, request: Message, reference: Answer, subject: Answer) -> None:
    """Removes the tolerated differences from two answers to one request, in place."""
    if method == "Txn" and {reference.details, subject.details} <= CHECKS.keys():
        parts = list(operations_of(request))
        if all(any(map(CHECKS[it.details], parts)) for it in (reference, subject)):
            subject.code, subject.details = reference.code, reference.details
    if reference.message is None or subject.message is None:
        return
    for name, asked, one, other in pairs(method, request, reference.message, subject.message):
        for tolerance in TOLERATED:
            if tolerance.method == name:
                tolerance.level(asked, one, other)
