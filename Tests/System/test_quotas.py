"""The limits of a tenant over the wire: below, at and above each, and across a restart."""

import concurrent.futures
import time

import grpc
import pytest

from harness import admin as tenants
from harness import paths
from harness.admin import Admin
from harness.api import RPCError, request_type

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own tenants")

NO_SPACE = "etcdserver: mvcc: database space exceeded"
TOO_MANY = "etcdserver: too many requests"
KIB = 1024


@pytest.fixture
def server(tmp_path):
    with tenants.start(tmp_path / "data", "acme", "beta") as server:
        yield server


@pytest.fixture
def admin(server, tmp_path):
    admin = Admin(server.admin_url, tmp_path)
    admin("create", "beta")
    return admin


def fails(client, method: str, details: str, **fields: object) -> None:
    answer = client.call(method, request_type(method)(**fields))
    assert not answer.ok and answer.details == details, answer


def fill(client, size: int, key: bytes = b"/fill/%d", most: int = 10_000) -> int:
    """Puts keys until one is refused for space; how many were taken."""
    for number in range(most):
        try:
            client.put(key % number, b"v" * size)
        except RPCError as error:
            assert error.details == NO_SPACE and error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            return number
    raise AssertionError("never full")


def held(admin) -> dict:
    """What `acme` holds, and may hold."""
    tenant = admin.json("usage", "acme", "--interval=0")
    for what in ("connections", "inFlight"):
        tenant["usage"].pop(what)
    return tenant


def alarms(client) -> list[int]:
    return [alarm.alarm for alarm in client.must("Alarm").alarms]


def disarm(client) -> None:
    for alarm in client.must("Alarm").alarms:
        client.must("Alarm", action=2, memberID=alarm.memberID, alarm=alarm.alarm)


def test_bytes_with_headroom(server, admin) -> None:
    admin("create", "acme", "--quota-bytes=4Mi")
    with server.client("acme") as acme, server.client("beta") as beta:
        acme.put(b"lease-of-a-node", b"n" * 200)
        taken = fill(acme, 64 * KIB)
        assert 55 <= taken <= 64
        assert alarms(acme) == [1]
        # Creates are refused, updates have a reserve, deletes always work; the neighbour is not hit.
        fails(acme, "Put", NO_SPACE, key=b"another", value=b"v")
        fails(acme, "LeaseGrant", NO_SPACE, TTL=10)
        for _ in range(20):
            acme.put(b"lease-of-a-node", b"n" * 200)
        beta.put(b"another", b"v" * KIB)
        assert alarms(beta) == []
        for number in range(taken // 2):
            acme.delete(b"/fill/%d" % number)
        acme.must("Compact", revision=acme.revision(), physical=True)
        # The alarm goes by itself once there is room.
        acme.put(b"another", b"v")
        assert alarms(acme) == []


def test_bytes_strictly(server, admin) -> None:
    admin("create", "acme", "--quota-bytes=4Mi", "--space-mode=strict")
    with server.client("acme") as acme:
        assert 55 <= fill(acme, 64 * KIB) <= 64
        assert alarms(acme) == [1]
        fails(acme, "Put", NO_SPACE, key=b"/fill/0", value=b"")
        acme.must("DeleteRange", key=b"/fill/", range_end=b"/fill0")
        acme.must("Compact", revision=acme.revision(), physical=True)
        acme.must("Defragment")
        fails(acme, "Put", NO_SPACE, key=b"a", value=b"")
        disarm(acme)
        acme.put(b"a")


@pytest.mark.parametrize("mode", ["strict", "headroom"])
def test_a_full_tenant_is_full_after_a_restart_and_not_once_it_may_have_more(
    server, admin, mode
) -> None:
    admin("create", "acme", "--quota-bytes=4Mi", f"--space-mode={mode}")
    with server.client("acme") as acme:
        fill(acme, 256 * KIB)
        before = held(admin)
    server.kill()
    server.start()
    with server.client("acme") as acme:
        assert held(admin) == before
        fails(acme, "Put", NO_SPACE, key=b"another", value=b"v" * 256 * KIB)
        admin("update", "acme", "--quota-bytes=8Mi")
        if mode == "strict":
            disarm(acme)
        acme.put(b"another", b"v" * 256 * KIB)


def test_keys(server, admin) -> None:
    admin("create", "acme", "--quota-keys=3")
    with server.client("acme") as acme:
        for key in (b"a", b"b", b"c"):
            acme.put(key)
        fails(acme, "Put", NO_SPACE, key=b"d")
        acme.put(b"a", b"again")
        acme.delete(b"b")
        acme.put(b"d")
        server.kill()
        server.start()
        fails(acme, "Put", NO_SPACE, key=b"e")
        admin("update", "acme", "--quota-keys=none")
        acme.put(b"e")


def test_bytes_of_a_value(server, admin) -> None:
    admin("create", "acme", "--value-bytes=1Ki")
    with server.client("acme") as acme:
        acme.put(b"a", b"v" * (KIB - 1))
        acme.put(b"a", b"v" * KIB)
        fails(acme, "Put", "etcdserver: request is too large", key=b"a", value=b"v" * (KIB + 1))
        assert acme.get(b"a").kvs[0].version == 2


def test_leases(server, admin) -> None:
    admin("create", "acme", "--leases=2")
    with server.client("acme") as acme:
        for number in (1, 2):
            acme.must("LeaseGrant", ID=number, TTL=600)
        answer = acme.call("LeaseGrant", request_type("LeaseGrant")(ID=3, TTL=600))
        assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        acme.must("LeaseRevoke", ID=1)
        acme.must("LeaseGrant", ID=3, TTL=600)


def test_watches(server, admin) -> None:
    admin("create", "acme", "--watches=2")
    with server.client("acme") as acme, acme.watch() as watch, acme.watch() as other:
        first = watch.create(key=b"a")
        other.create(key=b"a")
        refused = watch.create(key=b"b")
        assert refused.created and refused.canceled and refused.cancel_reason
        watch.cancel_watch(first.watch_id)
        accepted = watch.create(key=b"b")
        assert accepted.created and not accepted.canceled
        acme.put(b"b", b"v")
        watch.wait_events(accepted.watch_id, 1)


def test_connections(server, admin) -> None:
    admin("create", "acme", "--connections=2")
    with server.client("acme") as one, server.client("acme") as two, server.client("beta") as beta:
        one.put(b"a")
        two.put(b"a")
        with server.client("acme") as three:
            answer = three.call("Range", request_type("Range")(key=b"a"), seconds=5)
            assert (answer.code, answer.details) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                TOO_MANY,
            )
        beta.put(b"a")
        one.get(b"a")


@pytest.mark.parametrize("flag, method", [("writes", "Put"), ("reads", "Range")])
def test_rates_delay_and_then_refuse(server, admin, flag, method) -> None:
    admin("create", "acme", f"--{flag}-per-second=100")
    with server.client("acme") as acme, server.client("beta") as beta:

        def ask(client, count: int) -> list[str]:
            request = request_type(method)(key=b"a")
            with concurrent.futures.ThreadPoolExecutor(64) as pool:
                answers = pool.map(lambda _: client.call(method, request), range(count))
                return [answer.details for answer in answers]

        # What a second allows, and as much as may wait for its turn.
        assert set(ask(acme, 250)) == {""}
        assert set(ask(beta, 1_000)) == {""}


def test_bytes_read_delay_and_then_refuse(server, admin) -> None:
    admin("create", "acme", "--read-bytes-per-second=64Ki")
    request = request_type("Range")(key=b"a")
    with server.client("acme") as acme, server.client("beta") as beta:

        def ask(client) -> list[str]:
            with concurrent.futures.ThreadPoolExecutor(64) as pool:
                answers = pool.map(lambda _: client.call("Range", request), range(64))
                return [answer.details for answer in answers]

        for client in (acme, beta):
            client.put(b"a", b"x" * 16 * KIB)
        # What a second allows, and as much as may wait for its turn: six times 64 KiB in all, less
        # what an answer has beside its value, and what comes in while it is asked for.
        begin = time.monotonic()
        answers = ask(acme)
        seconds = time.monotonic() - begin
        assert set(answers) == {"", TOO_MANY}
        assert 20 <= answers.count("") <= 28
        assert 3 < seconds < 15
        assert ask(beta) == [""] * 64
        # Nothing but the bytes counts: a key without a value is read at any rate.
        keys = request_type("Range")(key=b"a", keys_only=True)
        end = time.monotonic() + 10
        while not acme.call("Range", keys).ok and time.monotonic() < end:
            time.sleep(0.1)
        assert all(acme.call("Range", keys).ok for _ in range(50))
        # An answer that is more than a second allows is given once a second's worth is saved up,
        # and the next waits until it is paid for.
        admin("update", "acme", "--read-bytes-per-second=1Ki")
        time.sleep(1.1)
        assert acme.call("Range", request).ok
        refused = acme.call("Range", request)
        assert not refused.ok and refused.details == TOO_MANY
        admin("update", "acme", "--read-bytes-per-second=none")
        assert acme.call("Range", request).ok


def test_requests_in_flight(server, admin) -> None:
    admin("create", "acme", "--in-flight=4", "--writes-per-second=5")
    with server.client("acme") as acme:
        request = request_type("Put")(key=b"a")
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(lambda _: acme.call("Put", request), range(64)))
        refused = [answer for answer in answers if not answer.ok]
        assert refused and len(refused) < 64
        assert {(answer.code, answer.details) for answer in refused} == {
            (grpc.StatusCode.RESOURCE_EXHAUSTED, TOO_MANY)
        }
        # Those that were let in have been answered, so there is room again.
        acme.put(b"a")


def test_what_waits_for_its_turn_when_the_tenant_is_suspended_is_refused(server, admin) -> None:
    admin("create", "acme", "--writes-per-second=1")
    with server.client("acme") as acme:
        acme.put(b"a")
        request = request_type("Put")(key=b"a")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(acme.call, "Put", request) for _ in range(4)]
            # They wait for a second and more; the first may have been written by now.
            admin("suspend", "acme")
            answers = [answer.result() for answer in answers]
        refused = [answer for answer in answers if not answer.ok]
        assert len(refused) >= 3
        assert {answer.code for answer in refused} == {grpc.StatusCode.UNAVAILABLE}
        admin("resume", "acme")
        # Nothing that was refused was written.
        assert acme.get(b"a").kvs[0].version == 1 + len(answers) - len(refused)
