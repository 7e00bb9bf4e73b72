"""What two correct servers choose freely, replaced by common names: ids of cluster, member, term, lease.

Nothing else is touched here. A value that is *wrong* (a nested header with a cluster id, say) keeps
looking different, because only the side's own value at the place where it belongs is replaced.
"""

from dataclasses import dataclass, field

from google.protobuf.message import Message

from harness.api import Client, types

COMMON_ID = 1
"""Stands for a side's own cluster id, member id and raft term."""

CHOSEN_LEASE_BASE = 0x6000_0000_0000_0000
"""Leases whose id a server chose are called this plus a counter, on both sides."""


@dataclass
class Names:
    """One side's own ids, and what they are called in comparisons."""

    cluster_id: int
    member_id: int
    raft_term: int
    common_lease: dict[int, int] = field(default_factory=dict)
    actual_lease: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, client: Client) -> "Names":
        header = client.get(b"\0").header
        assert header.cluster_id and header.member_id and header.raft_term, header
        return cls(header.cluster_id, header.member_id, header.raft_term)

    def learn_lease(self, actual: int, common: int) -> None:
        self.common_lease[actual] = common
        self.actual_lease[common] = actual

    def to_common(self, message: Message) -> Message:
        """An answer in common names, in place."""
        self._walk(message, self.common_lease, {self.member_id: COMMON_ID})
        return message

    def to_actual(self, message: Message) -> Message:
        """A request in this side's names, in place."""
        self._walk(message, self.actual_lease, {COMMON_ID: self.member_id})
        return message

    def _walk(self, message: Message, leases: dict[int, int], members: dict[int, int]) -> None:
        name = message.DESCRIPTOR.name
        if name == "ResponseHeader":
            self._header(message)
            return
        if name.startswith("Lease") and "ID" in message.DESCRIPTOR.fields_by_name:
            if message.ID in leases:
                message.ID = leases[message.ID]
        elif name == "Member" and message.ID in members:
            message.ID = members[message.ID]
        elif name in ("AlarmMember", "AlarmRequest") and message.memberID in members:
            message.memberID = members[message.memberID]
        elif name in ("KeyValue", "PutRequest", "Compare"):
            if leases and message.lease in leases:
                message.lease = leases[message.lease]
            return
        for descriptor, value in message.ListFields():
            if descriptor.message_type is None:
                continue
            for part in [value] if isinstance(value, Message) else value:
                self._walk(part, leases, members)
        if name == "StatusResponse" and message.leader in members:
            message.leader = members[message.leader]

    def _header(self, header: Message) -> None:
        if header.cluster_id == self.cluster_id:
            header.cluster_id = COMMON_ID
        if header.member_id == self.member_id:
            header.member_id = COMMON_ID
        if header.raft_term == self.raft_term:
            header.raft_term = COMMON_ID


def short(message: Message | None, limit: int = 1500) -> str:
    """A message as one line of text, for failures."""
    from google.protobuf import text_format

    if message is None:
        return "-"
    text = text_format.MessageToString(message, as_one_line=True)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def decode_watch_request(body: bytes) -> Message:
    return types.WatchRequest.FromString(body)
