"""*Isolated*: nothing that a tenant is told ever holds another tenant's key, value, lease or name.

Every key and value of a tenant holds its mark, and no byte that another tenant receives may: answers,
events, texts of errors, pages, and the log, which holds no keys at all.
"""

import random
import subprocess
import urllib.error
import urllib.request

import grpc
import pytest

from harness import archives, paths, seed, tenants
from harness.api import Client, message_type, prefix_end, types
from harness.processes import free_port

# Names that begin one another, and prefixes that are neighbours in the raw keyspace.
NAMES = ["a", "ab", "b"]
# Has a schema or a file of its own, between two that have not.
DEDICATED = ["ab"]
STEPS = 1_500


def mark(name: str) -> bytes:
    return b"<" + name.encode() + b"@mark>"


class Tenant:
    """One tenant's connection, a model of its keys, and a watch of everything."""

    def __init__(self, name: str, server: tenants.ConfiguredServer, lot: random.Random) -> None:
        self.name, self.port, self.lot = name, server.ports[name], lot
        self.admin_socket = server.admin_socket
        self.client = Client(f"127.0.0.1:{self.port}")
        self.model: dict[bytes, bytes] = {}
        self.changes = 0
        self.leases: list[int] = []
        self.foreign = [mark(other) for other in NAMES if other != name]
        self.watch = self.client.watch()
        self.watch.create(key=b"\0", range_end=b"\0", prev_kv=True, progress_notify=True)

    def check(self, data: bytes | str | None) -> None:
        """No byte of it may be another's."""
        if data is None:
            return
        data = data.encode() if isinstance(data, str) else data
        for foreign in self.foreign:
            assert foreign not in data, f"{self.name} received {foreign!r}: {data[:200]!r}"

    def call(self, path: str, request: object) -> bytes | None:
        code, details, answer = self.client.call_bytes(
            f"/etcdserverpb.{path}", request.SerializeToString()
        )
        self.check(details)
        self.check(answer)
        assert code in EXPECTED, (path, code, details)
        return answer

    # Keys that try to leave the tenant's part of the keyspace

    def key(self) -> bytes:
        """A key of this tenant's own, often one that looks like a place in another's."""
        other = self.lot.choice(NAMES).encode()
        begin = self.lot.choice(
            [b"", b"/", b"\0", b"\xff", b"/" + other + b"/", b"/" + other, b"/" + other + b"0", b"../"]
        )
        return begin + mark(self.name) + bytes([self.lot.randrange(48, 54)])

    def edge(self) -> bytes:
        """The start or end of a range: anything."""
        other = self.lot.choice(NAMES).encode()
        return self.lot.choice(
            [
                *(b"\0", b"\0\0", b"\x01", b"/", b"0", b"\xff", b"\xff\xff\xff"),
                *(b"/" + other + b"/", b"/" + other + b"0", b"/" + other, prefix_end(b"/" + other)),
                *(b"/" + other + b"/" + mark(other.decode()), self.key(), self.key()),
            ]
        )

    def range(self, **fields: object) -> object:
        request = types.RangeRequest(key=self.edge(), **fields)
        if self.lot.random() < 0.8:
            request.range_end = self.lot.choice([b"\0", self.edge()])
        return request

    def expected(self, request: object) -> list[bytes]:
        key, end = request.key, request.range_end
        if not end:
            return [key] if key in self.model else []
        return sorted(k for k in self.model if k >= key and (end == b"\0" or k < end))

    # Steps

    def step(self) -> None:
        self.lot.choice(
            [
                *[self.put] * 6,
                *[self.read] * 5,
                *(self.read_stream, self.delete, self.transact, self.lease, self.hash, self.look),
                self.export,
            ]
        )()

    def put(self) -> None:
        key, value = self.key(), mark(self.name) + bytes([self.lot.randrange(65, 90)]) * 3
        self.call("KV/Put", types.PutRequest(key=key, value=value, prev_kv=True))
        self.model[key] = value
        self.changes += 1

    def read(self) -> None:
        request = self.range(
            keys_only=self.lot.random() < 0.2,
            sort_order=self.lot.choice([0, 0, 1, 2]),
            sort_target=self.lot.choice([0, 0, 1, 2, 3, 4]),
        )
        answer = types.RangeResponse.FromString(self.call("KV/Range", request))
        assert sorted(kv.key for kv in answer.kvs) == self.expected(request), request
        assert answer.count == len(answer.kvs)
        # One revision for each change, whatever others do.
        assert answer.header.revision == 1 + self.changes

    def read_stream(self) -> None:
        request = self.range()
        with self.client.stream("/etcdserverpb.KV/RangeStream", None) as stream:
            stream.send(request)
            stream.half_close()
            stream.wait_end()
            for part in stream.received:
                self.check(part)
            self.check(stream.ended[1])
            parts = [message_type("RangeStreamResponse").FromString(p) for p in stream.received]
        keys = [kv.key for part in parts for kv in part.range_response.kvs]
        assert keys == self.expected(request), request

    def delete(self) -> None:
        request = types.DeleteRangeRequest(key=self.edge(), prev_kv=True)
        if self.lot.random() < 0.3:
            request.range_end = self.lot.choice([b"\0", self.edge()])
        gone = self.expected(request)
        answer = types.DeleteRangeResponse.FromString(self.call("KV/DeleteRange", request))
        assert answer.deleted == len(gone), request
        for key in gone:
            del self.model[key]
        self.changes += bool(gone)

    def transact(self) -> None:
        key = self.key()
        request = types.TxnRequest(
            compare=[
                types.Compare(key=self.edge(), range_end=b"\0", target=3, value=b"x", result=1)
            ],
            success=[types.RequestOp(request_range=self.range())],
            failure=[
                types.RequestOp(request_range=self.range()),
                types.RequestOp(
                    request_put=types.PutRequest(key=key, value=mark(self.name), prev_kv=True)
                ),
                types.RequestOp(request_range=self.range()),
            ],
        )
        answer = types.TxnResponse.FromString(self.call("KV/Txn", request))
        if not answer.succeeded:
            self.model[key] = mark(self.name)
            self.changes += 1

    def lease(self) -> None:
        granted = types.LeaseGrantResponse.FromString(
            self.call("Lease/LeaseGrant", types.LeaseGrantRequest(TTL=3600))
        )
        self.leases.append(granted.ID)
        listed = types.LeaseLeasesResponse.FromString(
            self.call("Lease/LeaseLeases", types.LeaseLeasesRequest())
        )
        assert {lease.ID for lease in listed.leases} == set(self.leases)

    def try_foreign_lease(self, lease: int) -> None:
        """Another's lease is one that does not exist."""
        if lease in self.leases:
            return
        left = types.LeaseTimeToLiveResponse.FromString(
            self.call("Lease/LeaseTimeToLive", types.LeaseTimeToLiveRequest(ID=lease, keys=True))
        )
        assert (left.TTL, list(left.keys)) == (-1, [])
        assert self.call("Lease/LeaseRevoke", types.LeaseRevokeRequest(ID=lease)) is None
        put = types.PutRequest(key=self.key(), value=mark(self.name), lease=lease)
        assert self.call("KV/Put", put) is None

    def hash(self) -> None:
        self.call("Maintenance/HashKV", types.HashKVRequest())

    def export(self) -> None:
        """An archive holds what the tenant does, at the newest revision or an older one."""
        revision = self.lot.choice([0, self.lot.randint(2, self.changes + 1) if self.changes else 0])
        done = subprocess.run(
            [paths.byre(), "tenant", "export", self.name, f"--revision={revision}"]
            + ["--admin", f"unix:{self.admin_socket}"],
            capture_output=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        self.check(done.stdout)
        self.check(done.stderr)
        # No name of another is in it either: the header has the tenant's own.
        frames = archives.frames(done.stdout)
        assert frames[0].header.tenant == self.name
        found = {key.key: key.value for frame in frames for key in frame.keys.keys}
        assert {lease.id for frame in frames for lease in frame.leases.leases} <= set(self.leases)
        if revision in (0, self.changes + 1):
            assert found == self.model
        else:
            there = self.client.get(b"\0", range_end=b"\0", revision=revision).kvs
            assert found == {kv.key: kv.value for kv in there}

    def look(self) -> None:
        self.call("Maintenance/Status", types.StatusRequest())
        self.call("Maintenance/Alarm", types.AlarmRequest())
        self.call("Cluster/MemberList", types.MemberListRequest())
        self.call("KV/Range", types.RangeRequest(key=self.edge(), revision=10**9))
        self.call("KV/Range", types.RangeRequest())


EXPECTED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("isolation")
    ports = {name: free_port() for name in NAMES}
    server = tenants.configured(folder / "byre").configure(
        [tenants.bound(port, name) for name, port in ports.items()]
    )
    server.start()
    for name in NAMES:
        server.create(name, *(["--isolation=dedicated"] if name in DEDICATED else []))
    server.ports = ports
    yield server
    server.close()


def test_no_tenant_is_told_of_another(server: tenants.ConfiguredServer) -> None:
    number = f"isolation {seed.base_seed()}"
    print(f"BYRE_SEED={seed.base_seed()}")
    lot = random.Random(number)
    all_tenants = [Tenant(name, server, lot) for name in NAMES]
    for _ in range(STEPS):
        tenant, other = lot.choice(all_tenants), lot.choice(all_tenants)
        tenant.step()
        if other.leases and lot.random() < 0.05:
            tenant.try_foreign_lease(lot.choice(other.leases))

    for tenant in all_tenants:
        # The watch saw each change of the tenant, and no other.
        answer = tenant.client.get(b"\0", range_end=b"\0")
        assert {kv.key: kv.value for kv in answer.kvs} == tenant.model
        tenant.client.put(mark(tenant.name) + b"last")
        tenant.watch.wait_for(
            lambda stream, t=tenant: any(
                event.kv.key == mark(t.name) + b"last" for event in stream.events.get(0, ())
            )
        )
        events = tenant.watch.events[0]
        assert sorted({event.kv.mod_revision for event in events}) == list(
            range(2, 3 + tenant.changes)
        )
        for received in tenant.watch.received:
            tenant.check(received.SerializeToString())
        for page in ("/metrics", "/health?verbose", "/readyz?verbose", "/nothing"):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{tenant.port}{page}") as response:
                    text = response.read()
            except urllib.error.HTTPError as error:
                text = error.read()
            tenant.check(text)
            for other in NAMES:
                assert other == tenant.name or f'"{other}"'.encode() not in text

    # A tenant's checksum does not depend on what others hold.
    first, second = all_tenants[0], all_tenants[1]
    before = first.client.must("HashKV").hash
    second.client.put(second.key(), b"more")
    assert first.client.must("HashKV").hash == before
    for tenant in all_tenants:
        tenant.watch.close()
        tenant.client.close()
    log = server.log_text()
    for name in NAMES:
        assert mark(name).decode() not in log


def test_no_member_or_cluster_is_shared(server: tenants.ConfiguredServer) -> None:
    ids = set()
    for port in server.ports.values():
        with tenants.client(port) as client:
            header = client.must("Status").header
            ids |= {header.cluster_id, header.member_id}
    assert len(ids) == 2 * len(NAMES)


def test_leases_of_one_id_are_different_leases(server: tenants.ConfiguredServer) -> None:
    clients = [tenants.client(port) for port in server.ports.values()]
    for client in clients:
        assert client.must("LeaseGrant", ID=4711, TTL=3600).ID == 4711
        client.put(b"leased", b"x", lease=4711)
    clients[0].must("LeaseRevoke", ID=4711)
    assert clients[0].get(b"leased").count == 0
    for client in clients[1:]:
        assert client.get(b"leased").count == 1
    for client in clients:
        client.close()
