"""HTTP/1.1 beside gRPC on one port: health, version, metrics; what etcd 3.5.1 has too is compared."""

import http.client
import json
import re
import socket

import pytest

from harness import paths, processes
from harness.api import Client
from harness.certs import Authority, credentials
from harness.http1 import fetch

NOSPACE, CORRUPT = 1, 2
HEALTHY = '{"health":"true","reason":""}'
LIVE = ("serializable_read",)
READY = ("data_corruption", "serializable_read", "linearizable_read", "non_learner")
ON_ETCD = pytest.mark.skipif(paths.byre().name == "etcd", reason="not in etcd 3.5.1")


@pytest.fixture(scope="module", params=["plaintext", "tls"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("http")
    tls = Authority(folder / "pki").server_files() if request.param == "tls" else None
    with processes.byre(folder / "data", tls=tls) as server:
        yield server


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    with processes.etcd(tmp_path_factory.mktemp("http-etcd") / "data") as server:
        yield server


@pytest.fixture
def alarm(server):
    """A function that raises an alarm; it is lowered when the test ends."""
    with Client(server.target, credentials(server.tls) if server.tls else None) as client:
        member = client.get(b"\0").header.member_id
        raised = []

        def raise_(kind: int) -> None:
            client.must("Alarm", action=1, memberID=member, alarm=kind)
            raised.append(kind)

        yield raise_
        for kind in raised:
            client.must("Alarm", action=2, memberID=member, alarm=kind)


def test_health(server) -> None:
    page = fetch(server, "/health")
    assert (page.status, page.body) == (200, HEALTHY)
    assert fetch(server, "/health?serializable=true").body == HEALTHY


def test_health_names_the_alarm(server, alarm) -> None:
    alarm(NOSPACE)
    page = fetch(server, "/health")
    assert (page.status, page.body) == (503, '{"health":"false","reason":"ALARM NOSPACE"}\n')
    assert page.headers["content-type"].startswith("text/plain")
    assert fetch(server, "/health?exclude=NOSPACE").body == HEALTHY
    alarm(CORRUPT)
    assert fetch(server, "/health?exclude=NOSPACE").body == (
        '{"health":"false","reason":"ALARM CORRUPT"}\n'
    )
    assert fetch(server, "/health?exclude=NOSPACE&exclude=CORRUPT").status == 200


@pytest.mark.parametrize(
    "path", ["/health", "/health?exclude=NOSPACE", "/health?serializable=true"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
@pytest.mark.parametrize("alarmed", [False, True])
def test_health_is_etcds(server, reference, alarm, path, method, alarmed) -> None:
    if alarmed:
        alarm(NOSPACE)
        with Client(reference.target) as client:
            member = client.get(b"\0").header.member_id
            client.must("Alarm", action=1, memberID=member, alarm=NOSPACE)
    try:
        pages = [fetch(one, path, method) for one in (reference, server)]
    finally:
        if alarmed:
            with Client(reference.target) as client:
                client.must("Alarm", action=2, memberID=member, alarm=NOSPACE)
    kept = ("content-type", "allow", "content-length")
    compared = [
        (page.status, page.body, {name: page.headers.get(name) for name in kept}) for page in pages
    ]
    assert compared[0] == compared[1]


@ON_ETCD
@pytest.mark.parametrize("root, checks", [("/livez", LIVE), ("/readyz", READY)])
def test_probes(server, root, checks) -> None:
    page = fetch(server, root)
    assert (page.status, page.body) == (200, "ok\n")
    verbose = "".join(f"[+]{name} ok\n" for name in checks) + "ok\n"
    assert fetch(server, root + "?verbose").body == verbose
    for name in checks:
        assert fetch(server, f"{root}/{name}").body == "ok\n"
        assert fetch(server, f"{root}/{name}?verbose").body == f"[+]{name} ok\nok\n"
        excluded = fetch(server, f"{root}?verbose&exclude={name}")
        assert excluded.status == 200 and f"[+]{name} ok" not in excluded.body
    assert fetch(server, f"{root}/nonsense").status == 404
    refused = fetch(server, root, "POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")


@ON_ETCD
def test_alarms_and_probes(server, alarm) -> None:
    alarm(NOSPACE)
    assert fetch(server, "/livez").status == 200
    assert fetch(server, "/readyz").status == 200
    alarm(CORRUPT)
    assert fetch(server, "/livez").status == 200
    page = fetch(server, "/readyz")
    assert page.status == 503
    assert "[-]data_corruption failed: " in page.body, "a failure is always told in detail"
    assert "[+]linearizable_read ok\n" in page.body
    assert fetch(server, "/readyz?exclude=data_corruption").status == 200


@ON_ETCD
def test_version(server) -> None:
    page = fetch(server, "/version")
    assert page.status == 200 and page.headers["content-type"] == "application/json"
    assert page.body == '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}'
    assert fetch(server, "/version", "POST").status == 405


def test_version_is_read_by_clients_of_35(server, reference) -> None:
    theirs, ours = (json.loads(fetch(one, "/version").body) for one in (reference, server))
    assert theirs.keys() <= ours.keys()


def test_metrics(server) -> None:
    page = fetch(server, "/metrics")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    values = dict(re.findall(r"^([a-z_]+)(?:\{[^}]*\})? ([0-9.e+-]+)$", page.body, re.MULTILINE))
    for name in (
        "etcd_server_has_leader",
        "etcd_server_is_leader",
        "etcd_mvcc_db_total_size_in_bytes",
        "etcd_mvcc_db_total_size_in_use_in_bytes",
        "etcd_server_quota_backend_bytes",
        "etcd_debugging_mvcc_current_revision",
        "etcd_debugging_mvcc_watcher_total",
        "etcd_debugging_mvcc_keys_total",
        "etcd_server_version",
        "process_resident_memory_bytes",
    ):
        assert name in values, f"no {name}"
    assert float(values["etcd_server_has_leader"]) == 1
    assert float(values["process_resident_memory_bytes"]) > 1_000_000
    names = re.findall(r"^# TYPE (\S+)", page.body, re.MULTILINE)
    assert len(names) == len(set(names)), "a metric is declared twice"


def test_metrics_follow_what_happens(byre) -> None:
    def read(name: str) -> float:
        found = re.search(
            rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", fetch(byre, "/metrics").body, re.MULTILINE
        )
        assert found, name
        return float(found[1])

    with Client(byre.target) as client:
        before = read("etcd_debugging_mvcc_watcher_total")
        revision = client.put(b"a").header.revision
        assert read("etcd_debugging_mvcc_current_revision") == revision
        assert read("etcd_debugging_mvcc_keys_total") == 1
        with client.watch() as stream:
            for _ in range(100):
                stream.create(key=b"a")
            assert read("etcd_debugging_mvcc_watcher_total") == before + 100
            for number in range(100):
                stream.cancel_watch(number)
            assert read("etcd_debugging_mvcc_watcher_total") == before


@pytest.mark.parametrize("path", ["/", "/nonsense", "/v2/keys", "/healthz", "/health/x"])
def test_other_paths_are_not_found(server, path) -> None:
    assert fetch(server, path).status == 404


def test_http_and_grpc_share_the_port(server) -> None:
    with Client(server.target, credentials(server.tls) if server.tls else None) as client:
        for number in range(20):
            client.put(b"mux", b"%d" % number)
            assert fetch(server, "/health").status == 200


def test_http1_connection_is_kept_alive(server) -> None:
    if server.tls:
        pytest.skip("the same code")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(5):
        connection.request("GET", "/health")
        response = connection.getresponse()
        assert response.read().decode() == HEALTHY
        assert connection.sock is not None, "the server closed the connection"
    connection.close()


def test_pipelined_and_split_http1_requests(server) -> None:
    if server.tls:
        pytest.skip("the same code")
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(request * 3)
        received = b""
        while received.count(HEALTHY.encode()) < 3:
            part = raw.recv(65536)
            assert part, received
            received += part
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        for byte in request:
            raw.sendall(bytes([byte]))
        assert HEALTHY.encode() in raw.recv(65536)


@ON_ETCD
def test_metrics_listener_has_health_and_metrics_only(start_byre) -> None:
    port = processes.free_port()
    server = start_byre(f"--listen-metrics-urls=http://127.0.0.1:{port}")
    server.port, client_port = port, server.port
    try:
        for path in ("/metrics", "/health", "/livez", "/readyz"):
            assert fetch(server, path).status == 200, path
        assert fetch(server, "/version").status == 404
    finally:
        server.port = client_port
