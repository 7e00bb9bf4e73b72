"""Leases over time: expiry, renewal, order; compared with etcd 3.5.1 as they run."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.api import Client, types

KEEPALIVE = "/etcdserverpb.Lease/LeaseKeepAlive"


@pytest.fixture(params=["etcd", "byre"])
def either(request, start_etcd, start_byre):
    """The reference and the subject, one after the other: the expectations hold of both."""
    server = start_etcd() if request.param == "etcd" else start_byre()
    with Client(server.target) as client:
        yield client


def test_a_lease_takes_its_keys_along_when_it_runs_out(either) -> None:
    with either.watch() as watching:
        watching.create(key=b"\0", range_end=b"\0", prev_kv=True)
        granted = time.monotonic()
        assert either.must("LeaseGrant", TTL=2, ID=5).TTL == 2
        for key in (b"c", b"a", b"b"):
            either.put(key, key, lease=5)
        either.must("LeaseGrant", TTL=60, ID=6)
        either.put(b"kept", lease=6)
        either.put(b"moved", lease=5)
        either.put(b"moved", lease=6)
        either.put(b"freed", lease=5)
        either.put(b"freed", lease=0)
        before = either.revision()
        events = watching.wait_events(0, 8 + 3)[8:]
        lived = time.monotonic() - granted
    assert 1.9 < lived < 5, f"a lease of 2 s lived {lived:.2f} s"
    assert [event.kv.key for event in events] == [b"a", b"b", b"c"], "in key order"
    assert {event.kv.mod_revision for event in events} == {before + 1}, "in one revision"
    assert all(event.type == 1 and event.kv.lease == 0 for event in events)
    assert [event.prev_kv.lease for event in events] == [5, 5, 5]
    assert either.get(b"\0", range_end=b"\0", count_only=True).count == 3
    gone = either.must("LeaseTimeToLive", ID=5, keys=True)
    assert (gone.ID, gone.TTL, gone.grantedTTL) == (5, -1, 0)


def test_renewal_keeps_a_lease(either) -> None:
    either.must("LeaseGrant", TTL=2, ID=5)
    either.put(b"kept", lease=5)
    with either.stream(KEEPALIVE, types.LeaseKeepAliveResponse) as stream:
        for number in range(1, 6):
            stream.send(types.LeaseKeepAliveRequest(ID=5))
            reply = stream.wait_count(number)[-1]
            assert (reply.ID, reply.TTL) == (5, 2)
            assert reply.header.revision == 2
            time.sleep(0.8)
        assert either.get(b"kept").count == 1
        assert either.must("LeaseRevoke", ID=5).header.revision == 3
        stream.send(types.LeaseKeepAliveRequest(ID=5))
        assert stream.wait_count(6)[-1].TTL == 0


def test_order_of_leases(either) -> None:
    """LeaseLeases begins with the lease that runs out first."""
    for id, ttl in ((1, 5000), (2, 100), (3, 900), (4, 20), (5, 9_000_000_000)):
        either.must("LeaseGrant", TTL=ttl, ID=id)
    assert [lease.ID for lease in either.must("LeaseLeases").leases] == [4, 2, 3, 1, 5]


def test_many_leases_that_run_out_together_all_go(either) -> None:
    def grant(id: int) -> None:
        either.must("LeaseGrant", TTL=2, ID=id)
        either.put(b"k%d" % id, lease=id)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(grant, range(1, 601)))
    deadline = time.monotonic() + 20
    while either.get(b"k", range_end=b"l", count_only=True).count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not either.must("LeaseLeases").leases
    # Each lease was one revision: 600 puts, 600 revocations.
    assert either.revision() == 1201
