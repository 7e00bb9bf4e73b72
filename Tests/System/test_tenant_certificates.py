"""`byre ca` and `byre tenant certificate`: what openssl says of them, and the README's way to use them."""

import json
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

from harness import admin as tenants
from harness import paths, processes
from harness.processes import free_port
from harness.admin import Admin

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own certificates")


def openssl(*words: object) -> str:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def ca(*words: object, status: int = 0) -> str:
    done = processes.run([paths.byre(), "ca", *words])
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def server(tmp_path):
    """A server as the README sets it up: its certificate and its clients' from one authority."""
    ca("init", "--out", tmp_path / "ca")
    ca("server", "--ca", tmp_path / "ca", "--out", tmp_path / "server", "--host=127.0.0.1,localhost")
    port = free_port()
    listener = (
        f'{{url: "https://127.0.0.1:{port}", '
        f"tls: {{certificate: {tmp_path}/server/tls.crt, key: {tmp_path}/server/tls.key, "
        f"clientCA: {tmp_path}/ca/ca.crt}}, tenant: {{from: [uriSAN, dnsSAN, commonName]}}}}"
    )
    with tenants.start(tmp_path / "data", listeners=(listener,)) as server:
        server.port = port
        yield server


@pytest.fixture
def admin(server, tmp_path):
    return Admin(server.admin_url, tmp_path)


def etcdctl(server, folder, *words: str) -> subprocess.CompletedProcess:
    endpoint = f"https://127.0.0.1:{server.port}"
    return processes.run(
        [
            *(paths.etcd("etcdctl"), "--endpoints", endpoint, "--command-timeout=3s"),
            *("--cacert", folder / "ca.crt", "--cert", folder / "tls.crt"),
            *("--key", folder / "tls.key", *words),
        ]
    )


def test_authority_is_made_once(tmp_path) -> None:
    folder = tmp_path / "a" / "b"
    ca("init", "--out", folder, "--name", "Höhle CA", "--days=100")
    text = openssl("x509", "-in", folder / "ca.crt", "-noout", "-text", "-nameopt", "utf8")
    assert "CN=Höhle CA" in text.replace(" = ", "=") and "CA:TRUE, pathlen:0" in text
    assert "Certificate Sign, CRL Sign" in text and "prime256v1" in text
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(before) == ["ca.crt", "ca.key"]
    assert "kept" in ca("init", "--out", folder, status=4)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_authority_cut_short_by_a_crash_is_completed(tmp_path) -> None:
    ca("init", "--out", tmp_path)
    key = (tmp_path / "ca.key").read_bytes()
    (tmp_path / "ca.crt").unlink()
    ca("init", "--out", tmp_path)
    assert (tmp_path / "ca.key").read_bytes() == key
    ca("server", "--ca", tmp_path, "--out", tmp_path / "s", "--host=a.example")
    openssl("verify", "-CAfile", tmp_path / "ca.crt", tmp_path / "s" / "tls.crt")


@pytest.mark.parametrize("flags, kind", [([], "prime256v1"), (["--rsa"], "3072 bit")])
def test_server_certificate(flags, kind, tmp_path) -> None:
    ca("init", "--out", tmp_path / "ca", *flags)
    words = ["server", "--ca", tmp_path / "ca", "--out", tmp_path / "s", *flags]
    ca(*words, "--host=db.example,10.0.0.1", "--host=::1")
    text = openssl("x509", "-in", tmp_path / "s" / "tls.crt", "-noout", "-text")
    assert "DNS:db.example, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1" in text
    assert "TLS Web Server Authentication" in text and kind in text
    purpose = ["-purpose", "sslserver", "-verify_hostname", "db.example", "-x509_strict"]
    openssl("verify", *purpose, "-CAfile", tmp_path / "ca/ca.crt", tmp_path / "s/tls.crt")
    serials = set()
    for _ in range(3):
        ca(*words, "--host=db.example")
        serials.add(openssl("x509", "-in", tmp_path / "s" / "tls.crt", "-noout", "-serial"))
    assert len(serials) == 3


@pytest.mark.parametrize(
    "words, status, named",
    [
        (["init"], 2, "--out"),
        (["server", "--out=s"], 2, "--host"),
        (["server", "--out=s", "--host=a b"], 2, "a b"),
        (["server", "--out=s", "--host=a", "--ca=/nonexistent"], 1, "byre ca init"),
        (["init", "--out=/proc/none/ca"], 1, "/proc/none"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_what_cannot_be_says_why(words, status, named, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if words[0] == "server" and "--ca=/nonexistent" not in words:
        ca("init", "--out=ca")
    done = processes.run([paths.byre(), "ca", *words])
    assert done.returncode == status and named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("flags, kind", [([], "prime256v1"), (["--rsa"], "3072 bit")])
def test_tenant_certificate(flags, kind, server, admin, tmp_path) -> None:
    uid = admin.json("create", "acme")["tenant"]["uid"]
    told = admin.json("certificate", "acme", "--out", "acme", "--days=30", *flags)
    assert told["tenant"] == "acme" and told["uid"] == uid
    folder = tmp_path / "acme"
    assert sorted(path.name for path in folder.iterdir()) == ["ca.crt", "tls.crt", "tls.key"]
    assert stat.S_IMODE((folder / "tls.key").stat().st_mode) == 0o600
    text = openssl("x509", "-in", folder / "tls.crt", "-noout", "-text")
    assert re.search(r"Subject: CN ?= ?acme\n", text) and kind in text
    assert f"URI:urn:byre:tenant:{uid}" in text and "TLS Web Client Authentication" in text
    assert "CA:FALSE" in text
    verify = ["verify", "-purpose", "sslclient", "-x509_strict"]
    openssl(*verify, "-CAfile", folder / "ca.crt", folder / "tls.crt")
    assert (folder / "ca.crt").read_bytes() == (tmp_path / "ca" / "ca.crt").read_bytes()


def test_the_way_of_the_readme(server, admin, tmp_path) -> None:
    environment = f"PATH={paths.byre().parent}:{paths.etcd('etcdctl').parent}:$PATH"
    script = f"""
        set -e
        {environment}
        export BYRE_ADMIN={server.admin_url}
        byre tenant create acme --quota-bytes 1Gi && byre tenant certificate acme --out acme/ &&
        etcdctl --endpoints https://127.0.0.1:{server.port} --cacert acme/ca.crt \\
          --cert acme/tls.crt --key acme/tls.key put a b
    """
    done = processes.run(["sh", "-c", script], cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.endswith("OK\n"), done.stderr
    assert admin.json("usage", "acme")["usage"]["keys"] == 1
    assert admin.json("usage", "default")["usage"]["keys"] == 0


def test_killed_while_making_a_certificate(server, admin, tmp_path) -> None:
    """kill -9 at any moment leaves whole files, and the same command again a pair that works."""
    admin("create", "acme")
    folder = tmp_path / "acme"
    words = ["certificate", "acme", "--out", "acme"]
    begin = time.monotonic()
    admin(*words)
    length = time.monotonic() - begin
    before = (folder / "tls.crt").read_bytes()
    seen = set()
    for number in range(40):
        if number % 4 == 0:
            shutil.rmtree(folder, ignore_errors=True)
        running = admin.start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(length * number / 40)
        running.kill()
        seen.add(running.wait(10))
        if folder.exists():
            for path in folder.glob("tls.crt"):
                openssl("x509", "-in", path, "-noout")
            for path in folder.glob("tls.key"):
                openssl("pkey", "-in", path, "-noout")
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
        if number % 8 == 7:
            # Again, and the server in between, which knows nothing of it.
            server.kill()
            server.start()
            admin(*words)
            assert sorted(path.name for path in folder.iterdir()) == ["ca.crt", "tls.crt", "tls.key"]
            of_key = openssl("pkey", "-in", folder / "tls.key", "-pubout")
            assert openssl("x509", "-in", folder / "tls.crt", "-noout", "-pubkey") == of_key
            done = etcdctl(server, folder, "put", "a", str(number))
            assert done.returncode == 0, done.stderr
    assert -signal.SIGKILL in seen, "no command was killed before its end"
    assert (folder / "tls.crt").read_bytes() != before
    # The authority is as it was, so older certificates are still good.
    (folder / "tls.crt").write_bytes(before)
    openssl("verify", "-CAfile", tmp_path / "ca" / "ca.crt", folder / "tls.crt")


def test_certificates_open_their_own_tenant_only(server, admin, tmp_path) -> None:
    for name in ("acme", "beta"):
        admin("create", name)
        admin("certificate", name, "--out", name)
        done = etcdctl(server, tmp_path / name, "put", "whose", name)
        assert done.returncode == 0, done.stderr
    for name in ("acme", "beta"):
        done = etcdctl(server, tmp_path / name, "get", "", "--prefix", "--print-value-only")
        assert done.stdout == f"{name}\n"


def test_certificate_of_a_tenant_that_is_gone_opens_nothing(server, admin, tmp_path) -> None:
    admin("create", "acme")
    admin("certificate", "acme", "--out", "old")
    admin("delete", "acme", "--now", "--wait")
    admin("create", "acme")
    done = etcdctl(server, tmp_path / "old", "get", "a")
    assert done.returncode != 0 and "another tenant" in done.stderr
    admin("certificate", "acme", "--out", "new")
    assert etcdctl(server, tmp_path / "new", "put", "a", "b").returncode == 0
    admin("delete", "acme")
    assert "deleting" in admin.fails(4, "certificate", "acme", "--out", "late")
    assert not (tmp_path / "late").exists()


def test_certificate_needs_the_authority(server, admin, tmp_path) -> None:
    line = admin.fails(1, "certificate", "default", "--out", "x", "--ca", "elsewhere")
    assert "elsewhere/ca.crt" in line and "byre ca init" in line
    assert not (tmp_path / "x").exists()
    ca("init", "--out", tmp_path / "other")
    (tmp_path / "other" / "ca.key").write_bytes((tmp_path / "ca" / "ca.key").read_bytes())
    assert "is not the key" in admin.fails(
        1, "certificate", "default", "--out", "x", "--ca", "other"
    )


def test_administrators_over_tls(tmp_path) -> None:
    """The admin API over https is for the administrators that the configuration names."""
    authority = tmp_path / "ca"
    ca("init", "--out", authority)
    ca("server", "--ca", authority, "--out", tmp_path / "server", "--host=127.0.0.1")
    port = free_port()

    class Remote(tenants.TenantServer):
        def configure(self):
            path = super().configure()
            tls = (
                f"tls: {{certificate: {tmp_path}/server/tls.crt, key: {tmp_path}/server/tls.key, "
                f"clientCA: {authority}/ca.crt}}"
            )
            text = path.read_text().replace(
                f'admin: {{url: "{self.admin_url}"}}',
                f'admin: {{url: "https://127.0.0.1:{port}", {tls}}}\n'
                "administrators:\n  - {name: alice, commonName: alice}",
            )
            path.write_text(text)
            return path

    local = tenants.start(tmp_path / "data", "acme")
    try:
        admin = Admin(local.admin_url, tmp_path)
        admin("create", "acme")
        admin("certificate", "acme", "--out", "acme", "--ca", authority)
    finally:
        local.close()
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        *("req", "-x509", *key, "-days", "2", "-subj", "/CN=alice", "-keyout", tmp_path / "a.key"),
        *("-out", tmp_path / "a.crt", "-CA", authority / "ca.crt", "-CAkey", authority / "ca.key"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )
    server = Remote(paths.byre(), tmp_path / "data")
    server.ports = local.ports
    with server.start():
        url = f"https://127.0.0.1:{port}"
        trust = ["tenant", "list", "-o", "json", "--admin", url, "--admin-cacert", authority / "ca.crt"]

        def listed(*words: object) -> subprocess.CompletedProcess:
            return processes.run([paths.byre(), *trust, *words])

        done = listed("--admin-cert", tmp_path / "a.crt", "--admin-key", tmp_path / "a.key")
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["tenants"]) == 2
        # Every kind of call, long ones both ways too.
        alice = Admin(url, tmp_path)
        alice.trust = [*("--admin-cacert", authority / "ca.crt", "--admin-cert", tmp_path / "a.crt"),
                       *("--admin-key", tmp_path / "a.key")]
        # A tenant called as she is would shut her out: her certificate would be both's.
        assert "for tenant alice as well" in alice.fails(4, "create", "alice")
        assert "for tenant acme as well" in alice.fails(
            4, "update", "acme", "--identity", "common-name=alice"
        )
        with server.client("acme") as client:
            for number in range(200):
                client.put(b"%d" % number, b"x" * 20_000)
        archive = alice.export("acme")
        assert len(archive) > 200 * 20_000
        assert alice.json("import", "copy", data=archive)["keys"] == 200
        assert alice.json("usage", "copy")["usage"]["keys"] == 200
        alice("delete", "copy", "--now", "--wait")
        assert alice.names("--deleted") == ["acme", "default"]
        assert server.log_text().count("alice") >= 2, "the log says who changed something"
        tenant = listed(
            "--admin-cert", tmp_path / "acme/tls.crt", "--admin-key", tmp_path / "acme/tls.key"
        )
        assert tenant.returncode == 6 and tenant.stdout == "", tenant.stderr
        assert listed().returncode in (5, 6)
        untrusted = processes.run([paths.byre(), "tenant", "list", "--admin", url])
        assert untrusted.returncode == 6 and "certificate" in untrusted.stderr
