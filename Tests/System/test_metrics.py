"""The page of metrics on a server of many tenants: who may see what, and that numbers follow."""

import re
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from harness import admin as tenants
from harness import paths, processes
from harness.admin import Admin
from harness.api import Client
from harness.certs import Authority
from harness.processes import free_port

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own tenants")


def page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return answer.read().decode()


def value(text: str, name: str, labels: str = "") -> float:
    found = re.findall(rf"^{name}{re.escape(labels)} (\S+)$", text, re.MULTILINE)
    assert len(found) == 1, f"{name}{labels}: {found}"
    return float(found[0])


def test_metrics_of_several_tenants(tmp_path: Path) -> None:
    with tenants.start(tmp_path / "data", "acme", "beta", "default") as server:
        admin = Admin(server.admin_url, tmp_path)
        admin("create", "acme", "--quota-bytes=1Gi", "--watches=7", "--writes-per-second=1000")
        admin("create", "beta")
        with server.client("acme") as acme, server.client("beta") as beta, acme.watch() as watch:
            created = watch.create(key=b"a")
            for number in range(5):
                acme.put(b"a", b"v%d" % number)
            beta.put(b"secret-name", b"v")
            watch.wait_events(created.watch_id, 5)
            own = page(server.ports["acme"])
        assert value(own, "etcd_debugging_mvcc_keys_total") == 1
        assert value(own, "etcd_debugging_mvcc_current_revision") == 6
        assert value(own, "etcd_debugging_mvcc_events_total") == 5
        assert value(own, "etcd_debugging_mvcc_watcher_total") == 1
        assert value(own, "etcd_server_quota_backend_bytes") == 1 << 30
        assert value(own, "byre_tenant_limit_watches") == 7
        assert value(own, "byre_tenant_connections") >= 1
        assert value(own, "etcd_server_has_leader") == 1
        for word in ("beta", "secret", "byre_tenants", "grpc_server"):
            assert word not in own, f"a tenant's page tells of {word}"


def test_the_page_of_all_tenants(tmp_path: Path) -> None:
    metrics = free_port()
    with processes.byre(
        tmp_path / "data", f"--listen-metrics-urls=http://127.0.0.1:{metrics}"
    ) as server:
        admin = Admin(f"unix:{server.data_dir}/admin.sock", tmp_path)
        admin("create", "acme", "--quota-bytes=1Gi")
        admin("create", "beta")
        admin("suspend", "beta")
        with Client(server.target) as client:
            for number in range(10):
                client.put(b"k%d" % number, b"v")
                client.get(b"k%d" % number)
        text = page(metrics)
    # The first tenant has no label, so that a server of one looks like an etcd.
    assert value(text, "etcd_debugging_mvcc_keys_total") == 10
    assert value(text, "etcd_debugging_mvcc_keys_total", '{tenant="acme"}') == 0
    assert value(text, "etcd_server_quota_backend_bytes", '{tenant="acme"}') == 1 << 30
    assert value(text, "byre_tenants", '{state="active"}') == 2
    assert value(text, "byre_tenants", '{state="suspended"}') == 1
    assert value(text, "etcd_disk_wal_fsync_duration_seconds_count") >= 10
    assert value(text, "byre_store_queue_duration_seconds_count") >= 10
    assert value(text, "byre_store_batch_operations_sum") >= 10
    assert value(text, "byre_cache_hits_total") >= 10
    put = '{type="put",success="true"}'
    assert value(text, "etcd_server_request_duration_seconds_count", put) == 10
    names = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    assert len(names) == len(set(names)), "a metric is declared twice"
    for name in names:
        bounds = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\d+)$', text, re.MULTILINE)
        counts = [int(count) for _, count in bounds]
        assert counts == sorted(counts), f"{name}: buckets are not cumulative"


@pytest.mark.sqlite_only("is about certificates")
def test_metrics_tell_when_certificates_end_though_nobody_connects(tmp_path: Path) -> None:
    """And whether new files were refused; files are looked at every few seconds."""
    port = free_port()
    authority = Authority(tmp_path / "ca")
    files = authority.server_files(mutual=True)
    flags = [f"--listen-metrics-urls=http://127.0.0.1:{port}"]
    with processes.byre(tmp_path / "data", *flags, tls=files):
        for path, use in [(files.cert, "server"), (files.ca, "clients")]:
            labels = f'{{file="{path}",use="{use}"}}'
            assert value(page(port), "byre_certificate_end_seconds", labels) == end(path)
        assert value(page(port), "byre_certificates_refused") == 0
        good = files.key.read_text()
        files.key.write_text("nothing")
        wait_for_value(port, "byre_certificates_refused", 1)
        files.key.write_text(good)
        wait_for_value(port, "byre_certificates_refused", 0)


def end(certificate: Path) -> int:
    """The last second at which a certificate is valid."""
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-enddate"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return ssl.cert_time_to_seconds(told.strip().removeprefix("notAfter="))


def wait_for_value(port: int, name: str, wanted: float) -> None:
    deadline = time.monotonic() + 30
    while value(page(port), name) != wanted:
        assert time.monotonic() < deadline, f"{name} is not {wanted}"
        time.sleep(0.05)


def test_no_series_is_told_twice(tmp_path: Path) -> None:
    """Prometheus refuses such pages. Health checks are served on several kinds of listeners."""
    port = free_port()
    with processes.byre(tmp_path / "data", f"--listen-metrics-urls=http://127.0.0.1:{port}"):
        lines = [line for line in page(port).splitlines() if not line.startswith("#")]
    series = [line.rsplit(" ", 1)[0] for line in lines]
    assert len(series) == len(set(series))
    assert any('grpc_service="grpc.health.v1.Health"' in it for it in series)
