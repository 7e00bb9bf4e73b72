"""Who becomes which tenant, over real TLS: every rule, rotation, revocation, the life of tenants."""

import shutil
import time
from pathlib import Path

import grpc
import pytest

from harness import certs, tenants
from harness.api import Client, prefix_end
from harness.certs import Authority
from harness.processes import TLSFiles, free_port

SUFFIX = ".etcd.example.com"
# A TLS context looks at its files every five seconds.
RELOAD_SECONDS_MAX = 12.0


def eventually(condition, seconds: float = RELOAD_SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "still not so"
        time.sleep(0.1)


class World:
    """One server with a listener for each kind of rule, two tenants, and the means to connect."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "pki", "ca")
        self.other = Authority(folder / "pki", "other")
        self.cas = folder / "pki" / "clients.crt"
        self.cas.write_text(self.authority.cert.read_text())
        self.crl = self.authority.revoke()
        names = [f"DNS:{name}{SUFFIX}" for name in ("acme", "globex")]
        self.cert, self.key = self.authority.issue("server", names=names)
        self.issued = 0
        self.ports = {
            name: free_port() for name in ("cert", "both", "narrow", "acme", "plain", "metrics")
        }
        tls = {
            "certificate": str(self.cert),
            "key": str(self.key),
            "clientCA": [str(self.cas), str(self.authority.cert)],
            "crl": str(self.crl),
        }
        every = ["uriSAN", "dnsSAN", "commonName", "authority"]

        def secure(port: str, tenant: object) -> dict:
            return {"url": f"https://127.0.0.1:{self.ports[port]}", "tls": tls, "tenant": tenant}

        listeners = [
            secure("cert", {"from": every}),
            secure("both", {"from": ["serverName"], "suffix": SUFFIX, "and": "commonName"}),
            secure("narrow", {"from": ["dnsSAN", "serverName"], "suffix": SUFFIX}),
            secure("acme", "acme"),
            {
                "url": f"http://127.0.0.1:{self.ports['plain']}",
                "tenant": {"from": ["serverName"], "suffix": SUFFIX},
            },
            {"url": f"unix:{folder}/acme.sock", "tenant": "acme", "socketMode": "0660"},
        ]
        self.socket = folder / "acme.sock"
        self.server = tenants.configured(folder / "byre").configure(
            listeners,
            administrators=[{"name": "root", "commonName": "root"}],
            metrics=[{"url": f"http://127.0.0.1:{self.ports['metrics']}"}],
        )
        self.server.start()
        self.uids = {name: self.server.create(name)["uid"] for name in ("acme", "globex")}
        for name in ("acme", "globex"):
            with self.connect("cert", f"CN={name}") as client:
                client.put(b"who", name.encode())

    def files(self, subject: str, authority: Authority | None = None) -> TLSFiles:
        """A client certificate from a line as `CN=acme O=x DNS:a URI:b`."""
        self.issued += 1
        words = subject.split()
        names = [word for word in words if word.startswith(("DNS:", "URI:"))]
        rest = "".join(f"/{word}" for word in words if word not in names)
        cert, key = (authority or self.authority).issue(
            f"client-{self.issued}", client=True, subject=rest or "/", names=names
        )
        return TLSFiles(self.cert, self.key, self.authority.cert, cert, key)

    def connect(
        self,
        port: str,
        subject: str | TLSFiles,
        server_name: str = "localhost",
        authority: Authority | None = None,
    ) -> Client:
        files = subject if isinstance(subject, TLSFiles) else self.files(subject, authority)
        return tenants.client(
            self.ports[port],
            certs.credentials(files),
            (("grpc.ssl_target_name_override", server_name),),
        )

    def who(self, *connection: object, **options: object) -> str:
        """Which tenant a client is let in as, or with what it is refused."""
        with self.connect(*connection, **options) as client:
            answer = client.call("Range", b"\x0a\x03who", seconds=5)
        if answer.ok:
            return answer.message.kvs[0].value.decode() if answer.message.kvs else "nothing"
        return f"{answer.code.name} {answer.details}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    world = World(tmp_path_factory.mktemp("identity"))
    yield world
    world.server.close()


UNMAPPED = "PERMISSION_DENIED byre: no tenant is mapped"
FOREIGN = "PERMISSION_DENIED byre: the certificate was issued for another tenant"
AMBIGUOUS = "PERMISSION_DENIED byre: the certificate stands for more than one"
DISAGREE = "PERMISSION_DENIED byre: the certificate is not one of the tenant"
NO_NAME = "PERMISSION_DENIED byre: the server name of this connection names no tenant"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("CN=acme", "acme"),
        ("CN=globex", "globex"),
        ("CN=x DNS:acme", "acme"),
        ("CN=x URI:urn:byre:tenant:{globex}", "globex"),
        ("CN=globex URI:urn:byre:tenant:{globex}", "globex"),
        ("CN=acme URI:urn:byre:tenant:{globex}", AMBIGUOUS),
        ("CN=acme URI:urn:byre:tenant:00000000-0000-4000-8000-000000000000", FOREIGN),
        ("CN=acme DNS:globex", AMBIGUOUS),
        ("CN=nobody", UNMAPPED),
        # Kamaji gives everybody this organisation.
        ("O=system:masters CN=nobody", UNMAPPED),
        ("O=acme CN=nobody", UNMAPPED),
        ("O=globex CN=acme", "acme"),
    ],
)
def test_a_certificate_stands_for_one_tenant(world: World, subject: str, expected: str) -> None:
    assert world.who("cert", subject.format(**world.uids)).startswith(expected)


@pytest.mark.parametrize(
    ("port", "subject", "name", "expected"),
    [
        ("both", "CN=acme", "acme" + SUFFIX, "acme"),
        ("both", "CN=globex", "globex" + SUFFIX, "globex"),
        ("both", "CN=acme", "globex" + SUFFIX, DISAGREE),
        ("both", "CN=acme", "localhost", NO_NAME),
        ("both", "CN=nobody", "acme" + SUFFIX, UNMAPPED),
        ("narrow", f"CN=x DNS:acme{SUFFIX} DNS:globex{SUFFIX}", "acme" + SUFFIX, "acme"),
        ("narrow", f"CN=x DNS:acme{SUFFIX} DNS:globex{SUFFIX}", "globex" + SUFFIX, "globex"),
        ("narrow", f"CN=x DNS:acme{SUFFIX} DNS:globex{SUFFIX}", "localhost", AMBIGUOUS),
        ("narrow", f"CN=x DNS:acme{SUFFIX}", "globex" + SUFFIX, DISAGREE),
        ("narrow", f"CN=x DNS:acme{SUFFIX}", "localhost", "acme"),
        ("narrow", "CN=x", "acme" + SUFFIX, UNMAPPED),
        ("acme", "CN=whoever", "localhost", "acme"),
        ("acme", "CN=acme URI:urn:byre:tenant:{globex}", "localhost", FOREIGN),
    ],
)
def test_server_names_narrow_and_never_authorise(
    world: World, port: str, subject: str, name: str, expected: str
) -> None:
    assert world.who(port, subject.format(**world.uids), name).startswith(expected)


def test_without_certificates_the_authority_selects(world: World) -> None:
    def who(host: str) -> str:
        options = (("grpc.default_authority", host),)
        with Client(f"127.0.0.1:{world.ports['plain']}", None, options) as client:
            answer = client.call("Range", b"\x0a\x03who", seconds=5)
        if answer.ok:
            return answer.message.kvs[0].value.decode()
        return f"{answer.code.name} {answer.details}"

    assert who("acme" + SUFFIX) == "acme"
    assert who(f"globex{SUFFIX}:2379") == "globex"
    assert who("localhost").startswith(NO_NAME)


def test_a_unix_socket_is_one_tenants_and_has_its_mode(world: World) -> None:
    with Client(f"unix:{world.socket}") as client:
        assert client.get(b"who").kvs[0].value == b"acme"
    assert world.socket.stat().st_mode & 0o777 == 0o660
    assert world.server.admin_socket.stat().st_mode & 0o777 == 0o600


def test_no_certificate_no_connection(world: World) -> None:
    anonymous = TLSFiles(world.cert, world.key, world.authority.cert)
    assert world.who("cert", anonymous).startswith("UNAVAILABLE")
    assert world.who("cert", "CN=acme", authority=world.other).startswith("UNAVAILABLE")


def test_the_admin_api_is_on_its_own_listener_only(world: World) -> None:
    with world.connect("cert", "CN=acme") as client:
        code, details, _ = client.call_bytes("/byre.v1.TenantService/List", b"")
    assert (code, details) == (
        grpc.StatusCode.UNIMPLEMENTED,
        "unknown service byre.v1.TenantService",
    )
    with Client(f"unix:{world.server.admin_socket}") as client:
        answer = client.call("Range", b"\x0a\x01a")
    assert answer.code is grpc.StatusCode.UNIMPLEMENTED


def test_listed_identities_win_and_change_at_once(world: World) -> None:
    files = world.files("CN=kamaji-7")
    with world.connect("cert", files) as client:

        def who() -> str:
            answer = client.call("Range", b"\x0a\x03who", seconds=5)
            return answer.message.kvs[0].value.decode() if answer.ok else answer.details

        assert who().startswith("byre: no tenant is mapped")
        world.server.tenant("update", "globex", "--identity", "common-name=kamaji-7")
        assert who() == "globex"
        world.server.tenant(
            *("update", "globex", "--identity", "uri-san=spiffe://x"),
            *("--identity", f"authority={world.other.key_digest()}"),
        )
        assert who().startswith("byre: no tenant is mapped")
    # What is listed wins over what is only a name, and an authority stands for all below it.
    assert world.who("cert", "CN=acme URI:spiffe://x") == "globex"
    world.cas.write_text(world.authority.cert.read_text() + world.other.cert.read_text())
    eventually(lambda: world.who("cert", "CN=nobody", authority=world.other) == "globex")
    assert world.who("cert", "CN=acme", authority=world.other) == "globex"
    # An identity is one tenant's: globex cannot list what is acme's name.
    taken = world.server.tenant("update", "globex", "--identity", "common-name=acme", ok=False)
    assert taken.returncode != 0
    world.server.tenant("update", "globex", "--no-identities")
    assert world.who("cert", "CN=acme URI:spiffe://x") == "acme"


def test_two_authorities_at_once_and_then_the_new_one(world: World) -> None:
    old, new = world.files("CN=acme"), world.files("CN=acme", world.other)
    world.cas.write_text(world.authority.cert.read_text() + world.other.cert.read_text())
    eventually(lambda: world.who("cert", new) == "acme")
    assert world.who("cert", old) == "acme"
    world.cas.write_text(world.authority.cert.read_text())
    eventually(lambda: world.who("cert", new).startswith("UNAVAILABLE"))
    assert world.who("cert", old) == "acme"


def test_the_servers_certificate_is_renewed_on_every_listener(world: World) -> None:
    cert, key = world.authority.issue("renewed", names=[f"DNS:acme{SUFFIX}"])
    shutil.copy(key, world.key)
    shutil.copy(cert, world.cert)
    eventually(lambda: world.who("both", "CN=acme", "acme" + SUFFIX) == "acme")
    assert world.who("cert", "CN=globex") == "globex"


def test_a_revoked_certificate_is_refused_and_others_are_not(world: World) -> None:
    lost, kept = world.files("CN=acme"), world.files("CN=acme")
    assert world.who("cert", lost) == "acme"
    world.authority.revoke(lost.client_cert)
    eventually(lambda: world.who("cert", lost).startswith("UNAVAILABLE"))
    assert world.who("cert", kept) == "acme"


def test_a_client_that_is_connected_is_cut_off_when_its_certificate_is_revoked(world: World) -> None:
    lost, kept = world.files("CN=acme"), world.files("CN=acme")
    with (
        world.connect("cert", lost) as client,
        client.watch() as watch,
        world.connect("cert", kept) as other,
        other.watch() as going_on,
    ):
        assert watch.create(key=b"who").created
        assert going_on.create(key=b"who").created
        world.authority.revoke(lost.client_cert)
        eventually(lambda: watch.ended is not None)
        assert watch.ended[0] is grpc.StatusCode.UNAVAILABLE
        assert not client.call("Range", b"\x0a\x03who", seconds=2).ok
        other.put(b"who", b"acme")
        assert going_on.wait_for(lambda it: it.events.get(0))
        assert going_on.ended is None


def test_suspending_ends_streams_and_refuses_calls_until_resumed(world: World) -> None:
    with world.connect("cert", "CN=globex") as client, client.watch() as watch:
        watch.create(key=b"who")
        world.server.tenant("suspend", "globex")
        answer = client.call("Range", b"\x0a\x03who")
        assert (answer.code, answer.details) == (
            grpc.StatusCode.UNAVAILABLE,
            "byre: tenant is suspended",
        )
        eventually(lambda: watch.ended is not None, 5)
        assert watch.ended == (grpc.StatusCode.UNAVAILABLE, "byre: tenant is suspended")
        assert world.who("cert", "CN=acme") == "acme"
        world.server.tenant("resume", "globex")
        assert client.get(b"who").kvs[0].value == b"globex"


def test_a_deleted_tenant_is_not_there_until_undeleted(world: World) -> None:
    world.server.create("brief")
    with world.connect("cert", "CN=brief") as client, client.watch() as watch:
        client.put(b"who", b"brief")
        watch.create(key=b"who")
        world.server.tenant("delete", "brief")
        answer = client.call("Range", b"\x0a\x03who")
        assert answer.code is grpc.StatusCode.PERMISSION_DENIED
        eventually(lambda: watch.ended is not None, 5)
        assert watch.ended[0] is grpc.StatusCode.PERMISSION_DENIED
        world.server.tenant("undelete", "brief")
        assert client.get(b"who").kvs[0].value == b"brief"
        uid = world.server.show("brief")["uid"]
    world.server.tenant("delete", "brief")
    assert world.who("cert", f"CN=brief URI:urn:byre:tenant:{uid}").startswith(FOREIGN)


# The view of all tenants


def test_an_administrator_sees_prefix_and_key_of_all(world: World) -> None:
    with world.connect("cert", "CN=root") as root:
        everything = root.get(b"\0", range_end=b"\0")
        keys = [kv.key for kv in everything.kvs]
        assert keys == sorted(keys)
        assert {b"/acme/who", b"/globex/who"} <= set(keys)
        assert everything.count == len(keys)
        assert everything.header.revision == 0
        assert everything.header.cluster_id == 0
        counted = root.get(b"\0", range_end=b"\0", count_only=True)
        assert (counted.count, len(counted.kvs)) == (len(keys), 0)
        first = root.get(b"\0", range_end=b"\0", limit=1)
        assert ([kv.key for kv in first.kvs], first.more, first.count) == (
            keys[:1],
            True,
            len(keys),
        )
        last = root.get(b"\0", range_end=b"\0", limit=1, sort_order=2)
        assert ([kv.key for kv in last.kvs], last.more) == (keys[-1:], True)
        bare = root.get(b"\0", range_end=b"\0", keys_only=True)
        assert all(not kv.value for kv in bare.kvs)
        between = root.get(b"/acme/who", range_end=b"/globex/who")
        assert b"/globex/who" not in [kv.key for kv in between.kvs]
        refused = root.call("Range", request(key=b"\0", range_end=b"\0", revision=1))
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT


def request(kind: str = "RangeRequest", **fields: object) -> object:
    from harness.api import message_type

    return message_type(kind)(**fields)


def test_an_administrator_changes_one_tenant_at_a_time(world: World) -> None:
    with world.connect("cert", "CN=root") as root, world.connect("cert", "CN=acme") as acme:
        put = root.put(b"/acme/raw", b"1")
        assert put.header.cluster_id == acme.get(b"raw").header.cluster_id
        assert put.header.revision == acme.revision()
        assert acme.get(b"raw").kvs[0].value == b"1"
        again = root.put(b"/acme/raw", b"2", prev_kv=True)
        assert (again.prev_kv.key, again.prev_kv.value) == (b"/acme/raw", b"1")
        older = root.get(b"/acme/raw", revision=put.header.revision)
        assert (older.kvs[0].key, older.kvs[0].value) == (b"/acme/raw", b"1")
        txn = root.must(
            "Txn",
            compare=[request("Compare", key=b"/acme/raw", target=0, version=2)],
            success=[
                request("RequestOp", request_range=request(key=b"/acme/raw")),
                request("RequestOp", request_put=request("PutRequest", key=b"/acme/raw2")),
            ],
        )
        assert txn.succeeded
        assert txn.responses[0].response_range.kvs[0].key == b"/acme/raw"
        assert acme.get(b"raw2").count == 1
        gone = root.delete(b"/acme/raw", range_end=prefix_end(b"/acme/raw"), prev_kv=True)
        assert (gone.deleted, [kv.key for kv in gone.prev_kvs]) == (2, [b"/acme/raw", b"/acme/raw2"])
        assert acme.get_prefix(b"raw").count == 0


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("Put", {"key": b"who"}),
        ("Put", {"key": b"/nobody/a"}),
        ("Put", {"key": b"/acme/"}),
        ("DeleteRange", {"key": b"\0", "range_end": b"\0"}),
        ("DeleteRange", {"key": b"/acme/", "range_end": b"/globex/"}),
        ("Compact", {"revision": 1}),
        ("LeaseGrant", {"TTL": 60}),
        ("LeaseLeases", {}),
        ("HashKV", {}),
        ("Alarm", {}),
    ],
)
def test_what_is_not_within_one_prefix_is_refused(
    world: World, method: str, fields: dict
) -> None:
    from harness.api import request_type

    with world.connect("cert", "CN=root") as root:
        answer = root.call(method, request_type(method)(**fields))
        assert answer.code is grpc.StatusCode.INVALID_ARGUMENT, answer
        crossing = root.call(
            "Txn",
            request(
                "TxnRequest",
                success=[
                    request("RequestOp", request_put=request("PutRequest", key=key))
                    for key in (b"/acme/x", b"/globex/x")
                ],
            ),
        )
        assert crossing.code is grpc.StatusCode.INVALID_ARGUMENT
        assert root.get(b"/acme/x").count + root.get(b"/globex/x").count == 0


def test_an_administrator_watches_one_prefix(world: World) -> None:
    with (
        world.connect("cert", "CN=root") as root,
        world.connect("cert", "CN=acme") as acme,
        root.watch() as watch,
    ):
        watch.create(key=b"/acme/w", range_end=prefix_end(b"/acme/w"), prev_kv=True)
        acme.put(b"w1", b"a")
        acme.put(b"w1", b"b")
        events = watch.wait_events(0, 2)
        assert [event.kv.key for event in events[:2]] == [b"/acme/w1", b"/acme/w1"]
        assert (events[1].prev_kv.key, events[1].prev_kv.value) == (b"/acme/w1", b"a")
    with world.connect("cert", "CN=root") as root, root.watch() as watch:
        create = request("WatchCreateRequest", key=b"\0", range_end=b"\0")
        watch.send(request("WatchRequest", create_request=create))
        eventually(lambda: watch.ended is not None, 5)
        assert watch.ended[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_a_tenant_is_not_called_like_an_administrator(world: World) -> None:
    refused = world.server.tenant("create", "root", ok=False)
    assert refused.returncode == 4 and "belongs to an administrator" in refused.stderr
    # What the configuration does not say of his certificate may be a tenant's all the same.
    assert world.who("cert", "CN=root DNS:acme").startswith(AMBIGUOUS)
    with world.connect("cert", "CN=root") as root:
        assert root.get(b"/acme/who").kvs[0].value == b"acme"
