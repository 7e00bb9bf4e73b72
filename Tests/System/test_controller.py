"""`byre controller`: declared tenants on a real server, whatever happens to either."""

import os
import signal
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import admin as tenants
from harness import paths, stores
from harness.admin import Admin, TenantServer
from harness.controller import Controller, condition, message
from harness.ports import ServerError
from harness.postgres import USER
from harness.processes import free_port

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own command")

SECONDS_MAX = 30


def until(what: Callable[[], object], seconds: float = SECONDS_MAX) -> None:
    """Waits until something holds, and fails with it otherwise."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def roles() -> Iterator[None]:
    """No reader of an earlier test's store, which would not be this one's; and no more rights after."""
    if not stores.is_postgres():
        yield
        return
    role = f"acme_{os.getpid()}"
    if stores.cluster().sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
        stores.cluster().sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    yield
    stores.cluster().sql(f"ALTER ROLE {USER} NOCREATEROLE")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TenantServer]:
    with tenants.start(tmp_path / "data", "default") as server:
        yield server


@pytest.fixture
def admin(server: TenantServer, tmp_path: Path) -> Admin:
    return Admin(server.admin_url, tmp_path)


@pytest.fixture
def controller(server: TenantServer, tmp_path: Path) -> Controller:
    return Controller(server.admin_url, tmp_path)


FULL = {
    "name": "acme",
    "limits": {"bytes": "1Gi", "keys": 1000, "spaceMode": "strict"},
    "identities": [{"commonName": "acme-client"}, {"dnsSAN": "ACME.example"}],
    "autoCompaction": {"retention": "30m"},
    "suspended": True,
}


def full() -> dict:
    """A tenant with all there is, on this run's store."""
    if not stores.is_postgres():
        return dict(FULL)
    return {**FULL, "sqlReader": {"role": f"acme_{os.getpid()}"}}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_tenant_becomes_what_is_declared_and_then_nothing_is_left_to_do(
    controller: Controller, admin: Admin
) -> None:
    stores.is_postgres() and stores.cluster().sql(f"ALTER ROLE {USER} CREATEROLE")
    controller.declare(full(), {"name": "globex"})
    plan = controller.plan()
    assert "acme: would create the tenant" in plan
    assert admin.names() == ["default"]
    found = controller.once()
    for tenant in found.values():
        assert [it["type"] for it in tenant["conditions"]] == [
            "Ready", "Provisioned", "CertificateIssued", "QuotaOK",
        ]  # fmt: skip
        assert all(it["status"] == "True" for it in tenant["conditions"]), tenant
    acme = admin.json("show", "acme")
    acme = acme.get("tenant", acme)
    assert acme["state"] == "suspended"
    assert acme["limits"]["bytes"] == 1 << 30 and acme["limits"]["spaceMode"] == "strict"
    assert acme["identities"] == ["common-name=acme-client", "dns-san=acme.example"]
    assert acme["autoCompaction"] == {"mode": "periodic", "retention": "30m"}
    folder = controller.credentials / "acme"
    assert mode(folder) == 0o700
    assert all(mode(folder / it) == 0o600 for it in os.listdir(folder))
    assert controller.stored("acme", "endpoint") == "https://byre.example:2379\n"
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", folder / "tls.crt"],
        capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert f"URI:urn:byre:tenant:{acme['uid']}" in text
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", folder / "ca.crt", folder / "tls.crt"],
        capture_output=True,
    )
    assert done.returncode == 0
    before = {it: (folder / it).stat() for it in os.listdir(folder)}
    assert controller.plan() == ["nothing is to be done"]
    again = controller.once()
    assert all(it["done"] == [] for it in again.values())
    # Nothing was written again, and no condition has changed.
    assert all((folder / it).stat().st_mtime_ns == old.st_mtime_ns for it, old in before.items())
    assert admin.json("show", "acme").get("generation") == acme.get("generation")


def test_it_goes_on_where_it_was_killed_before_any_step(
    controller: Controller, admin: Admin
) -> None:
    stores.is_postgres() and stores.cluster().sql(f"ALTER ROLE {USER} CREATEROLE")
    controller.declare(full(), deletionPolicy="Delete", deletionGrace="0s")
    # Each run does a step and is killed at the next, until there is no next one; the kill may come a
    # step too late.
    kills = 0
    while controller.kill_before(2) == 2:
        kills += 1
        assert kills < 20
    assert kills >= 1
    (found,) = controller.once().values()
    assert condition(found, "Ready") == ("True", "Ready")
    assert found["done"] == []
    assert admin.names() == ["acme", "default"]
    # The same on the way back.
    controller.declare(deletionPolicy="Delete")
    while controller.kill_before(2) == 2:
        kills += 1
        assert kills < 20
    controller.once()
    assert "acme" not in admin.names()
    assert not (controller.credentials / "acme").exists()


def test_it_is_killed_at_each_step_of_a_fresh_start(controller: Controller, admin: Admin) -> None:
    stores.is_postgres() and stores.cluster().sql(f"ALTER ROLE {USER} CREATEROLE")
    number = 1
    while True:
        name = f"tenant-{number}"
        tenant = {**full(), "name": name, "identities": []}
        if stores.is_postgres():
            tenant["sqlReader"] = {"role": f"reader_{number}_{os.getpid()}"}
        controller.declare(tenant)
        begun = controller.kill_before(number)
        (found,) = [it for it in controller.once().values() if it["name"] == name]
        assert condition(found, "Ready") == ("True", "Ready"), (number, found)
        assert controller.plan() == ["nothing is to be done"]
        if begun < number:
            break
        number += 1
    assert number > (5 if stores.is_postgres() else 3)


def test_what_somebody_changes_is_set_back(controller: Controller, admin: Admin) -> None:
    controller.declare({**FULL, "suspended": False})
    controller.once()
    folder = controller.credentials / "acme"
    uid = admin.json("show", "acme")["uid"]
    authority = (folder / "ca.crt").read_bytes()
    drifts: list[tuple[Callable[[], object], str]] = [
        (lambda: admin("update", "acme", "--quota-bytes", "5Mi"), "limits"),
        (lambda: admin("update", "acme", "--no-identities"), "identities"),
        (lambda: admin("suspend", "acme"), "resume"),
        (lambda: admin("delete", "acme", "--grace", "1h"), "take the deletion back"),
        (lambda: (folder / "tls.crt").unlink(), "issue a certificate"),
        (lambda: (folder / "tls.key").write_text("no key"), "issue a certificate"),
        (lambda: (folder / "ca.crt").write_text("another"), "store the credentials again"),
        (lambda: (folder / "endpoint").unlink(), "store the credentials again"),
        (lambda: (folder / "tls.key").chmod(0o644), "store the credentials again"),
    ]
    for drift, step in drifts:
        drift()
        assert any(step in line for line in controller.plan()), step
        (found,) = controller.once().values()
        assert any(step in it for it in found["done"]), (step, found)
        assert controller.plan() == ["nothing is to be done"], step
    assert mode(folder / "tls.key") == 0o600
    assert (folder / "ca.crt").read_bytes() == authority
    tenant = admin.json("show", "acme")
    assert tenant["uid"] == uid and tenant["state"] == "active"
    assert tenant["limits"]["bytes"] == 1 << 30


def test_what_it_did_not_make_is_left_alone(controller: Controller, admin: Admin) -> None:
    admin("create", "acme", "--quota-bytes", "5Mi")
    controller.declare({"name": "acme", "deletionPolicy": "Delete", "deletionGrace": "0s"})
    (found,) = controller.once(status=1).values()
    assert condition(found, "Provisioned") == ("False", "NotOwned")
    assert condition(found, "Ready") == ("False", "NotOwned")
    assert not (controller.credentials / "acme").exists()
    controller.declare()
    controller.once()
    assert admin.json("show", "acme")["limits"]["bytes"] == 5 << 20
    # Told to, it takes the tenant over.
    controller.declare({"name": "acme", "adopt": True, "limits": {"bytes": "6Mi"}})
    controller.once()
    assert admin.json("show", "acme")["limits"]["bytes"] == 6 << 20
    # Another controller does not, even if it is told to.
    controller.more = ["--owner", "another"]
    (found,) = controller.once(status=1).values()
    assert condition(found, "Provisioned") == ("False", "OwnedByAnother")
    # Retained, it is nobody's again.
    controller.more = []
    controller.declare()
    controller.once()
    assert admin.json("show", "acme")["state"] == "active"
    controller.more = ["--owner", "another"]
    controller.declare({"name": "acme", "adopt": True})
    controller.once()


def test_files_that_it_did_not_write_are_left_alone(controller: Controller, admin: Admin) -> None:
    folder = controller.credentials / "acme"
    folder.mkdir(parents=True)
    (folder / "tls.crt").write_text("mine")
    controller.declare({"name": "acme", "deletionPolicy": "Delete", "deletionGrace": "0s"})
    (found,) = controller.once(status=1).values()
    assert f"{folder}/tls.crt is there and not the controller's" in message(found, "Ready")
    assert (folder / "tls.crt").read_text() == "mine"
    controller.declare()
    controller.once()
    assert [path.name for path in folder.iterdir()] == ["tls.crt"]
    (folder / "tls.crt").unlink()
    controller.declare({"name": "acme"})
    controller.once()
    assert mode(folder / "tls.key") == 0o600


def test_what_never_changes_is_a_condition(controller: Controller, admin: Admin) -> None:
    controller.declare({"name": "acme"})
    controller.once()
    for field, value in [("prefix", "/other/"), ("uid", "11111111-1111-4111-8111-111111111111")]:
        controller.declare({"name": "acme", field: value}, {"name": "globex"})
        found = controller.once(status=1)
        assert condition(found["acme"], "Provisioned") == ("False", "ImmutableFieldChanged")
        assert field in message(found["acme"], "Provisioned")
        assert condition(found["globex"], "Ready") == ("True", "Ready")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tenants:\n  - {name: Acme}\n", ":2:12: tenants[0].name: "),
        ("tenants:\n  - name: a\n    quota: 5\n", ":3:5: tenants[0]: unknown key"),
        ("tenants:\n  - name: a\n    limits: {bytes: 5Q}\n", ":3:21: tenants[0].limits.bytes: "),
        ("tenants:\n  - name: a\n  - name: a\n", ":3:5: name: another tenant"),
        ("tenants: {}\n", ":1:10: tenants: a list"),
        ("tenants:\n  - name: a\n   x: 1\n", ":3:"),
        ("", ":1:1: the file is empty"),
        ("defaults: {}\n", ":1:1: \"tenants\" is missing"),
    ],
)
def test_a_file_with_a_mistake_changes_nothing(
    controller: Controller, admin: Admin, text: str, expected: str
) -> None:
    good = {"name": "kept", "deletionPolicy": "Delete", "deletionGrace": "0s"}
    controller.declare(good)
    controller.once()
    controller.file.write_text(text)
    assert f"{controller.file}{expected}" in controller.refuses(2)
    assert admin.names() == ["default", "kept"]


def test_files_of_a_directory_are_one_list(controller: Controller, admin: Admin) -> None:
    folder = controller.folder / "tenants"
    folder.mkdir()
    command = controller.command("--once")
    at = command.index("--file")
    command[at : at + 2] = ["--directory", str(folder)]

    def run(status: int) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
        return done.stderr

    assert "holds no .yaml file" in run(2)
    (folder / "a.yaml").write_text("tenants: [{name: acme, deletionPolicy: Delete}]\n")
    (folder / "b.yml").write_text("tenants: [{name: globex}]\n")
    (folder / ".hidden.yaml").write_text("no yaml: [")
    run(0)
    assert admin.names() == ["acme", "default", "globex"]
    (folder / "b.yml").write_text("tenants: [{name: acme}]\n")
    assert f"{folder}/b.yml:1:11: name: another tenant" in run(2)
    (folder / "b.yml").unlink()
    run(0)
    assert admin.names() == ["acme", "default", "globex"]
    (folder / "a.yaml").write_text("tenants: []\n")
    run(0)
    assert admin.names() == ["default", "globex"]


def test_a_server_that_is_away_is_a_condition_and_a_retry(
    controller: Controller, server: TenantServer, admin: Admin
) -> None:
    server.stop()
    controller.declare({"name": "acme"})
    assert "cannot reach" in controller.refuses(5)
    status = controller.folder / "status.json"
    process = controller.start("--status-file", status, "--retry-max", "1s")
    try:
        until(lambda: status.exists() and "ServerUnreachable" in status.read_text())
        server.start()
        until(lambda: "acme" in admin.names())
        until(lambda: '"reason" : "Ready"' in status.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_it_follows_the_file_and_tells_how_it_goes(
    controller: Controller, admin: Admin
) -> None:
    port = free_port()

    def page(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    controller.declare({"name": "acme"})
    process = controller.start(
        "--listen-metrics-url", f"http://127.0.0.1:{port}", "--resync-interval", "1h"
    )
    try:
        until(lambda: page("/readyz")[0] == 200)
        assert page("/healthz") == (200, "ok\n")
        until(lambda: "acme" in admin.names())
        controller.declare({"name": "acme"}, {"name": "globex"})
        until(lambda: "globex" in admin.names())
        # What the file does not show is seen when a signal asks for it.
        admin("delete", "globex", "--grace", "1h")
        process.send_signal(signal.SIGHUP)
        until(lambda: "globex" in admin.names())
        text = page("/metrics")[1]
        assert 'byre_controller_certificate_expiry_timestamp_seconds{tenant="acme"}' in text
        assert "byre_controller_declarations_valid 1" in text
        assert 'byre_controller_steps_total{step="create"} 2' in text
        controller.file.write_text("tenants: [{nome: x}]\n")
        until(lambda: "byre_controller_declarations_valid 0" in page("/metrics")[1])
        status, why = page("/readyz")
        assert status == 503 and "tenants.yaml:1:12" in why
        assert admin.names() == ["acme", "default", "globex"]
        for file in controller.authority.iterdir():
            file.unlink()
        assert "byre_controller_authority_expiry_timestamp_seconds 0" in page("/metrics")[1]
    finally:
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert "PRIVATE KEY" not in log


def test_certificates_are_renewed_in_time_and_an_authority_that_is_away_is_a_condition(
    controller: Controller, admin: Admin
) -> None:
    controller.declare({"name": "acme", "certificate": {"lifetime": "3s"}})
    (first,) = controller.once().values()
    assert first["certificateNotAfter"] is not None
    key = controller.stored("acme", "tls.key")
    until(lambda: any("two thirds" in it for it in controller.once()["acme"]["done"]))
    assert controller.stored("acme", "tls.key") != key
    controller.declare({"name": "acme"})
    controller.once()
    (controller.authority / "ca.key").rename(controller.folder / "away")
    # Nothing is due: nobody needs the authority.
    (found,) = controller.once().values()
    assert condition(found, "Ready") == ("True", "Ready")
    (controller.credentials / "acme" / "tls.crt").unlink()
    (found,) = controller.once(status=1).values()
    assert condition(found, "CertificateIssued") == ("False", "AuthorityMissing")
    assert "ca.key" in message(found, "CertificateIssued")
    (controller.folder / "away").rename(controller.authority / "ca.key")
    controller.once()
    # Another authority: everybody gets another certificate.
    for file in controller.authority.iterdir():
        file.unlink()
    subprocess.run([paths.byre(), "ca", "init", "--out", controller.authority], check=True)
    (found,) = controller.once().values()
    assert any("the authority is another one" in it for it in found["done"])


def test_two_controllers_at_once_are_as_good_as_one(controller: Controller, admin: Admin) -> None:
    names = [f"tenant-{number:02}" for number in range(20)]
    for round_ in range(3):
        controller.declare(
            *({"name": it, "limits": {"keys": 100 + round_}} for it in names),
            deletionPolicy="Delete", deletionGrace="0s",
        )  # fmt: skip
        pair = [
            subprocess.Popen(
                controller.command("--once"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            for _ in range(2)
        ]
        for process in pair:
            log = process.communicate(timeout=120)[1].decode()
            assert process.returncode == 0, log[-3000:]
        assert controller.plan() == ["nothing is to be done"]
    listed = {it["name"]: it for it in admin.json("list")["tenants"]}
    for name in names:
        # Made once, and changed once in each of the two rounds that followed.
        assert listed[name]["generation"] == 3
    controller.declare()
    pair = [subprocess.Popen(controller.command("--once"), stdout=-3, stderr=-3) for _ in range(2)]
    assert [process.wait(120) for process in pair] == [0, 0]
    assert admin.names() == ["default"]


def test_three_hundred_tenants_come_and_go(controller: Controller, admin: Admin) -> None:
    names = [f"tenant-{number:03}" for number in range(300)]
    broken = {"name": "default"}
    controller.declare(
        broken, *({"name": it} for it in names), deletionPolicy="Delete", deletionGrace="0s"
    )
    found = controller.once("--workers", "8", status=1, seconds=300)
    assert condition(found.pop("default"), "Ready") == ("False", "NotOwned")
    assert sorted(found) == names
    assert all(it["ready"] for it in found.values())
    assert admin.names() == ["default", *names]
    controller.declare(*({"name": it} for it in names[:150]), deletionPolicy="Delete")
    controller.once("--workers", "8", seconds=300)
    assert admin.names() == ["default", *names[:150]]
    assert sorted(os.listdir(controller.credentials)) == names[:150]
    controller.declare()
    controller.once("--workers", "8", seconds=300)
    assert admin.names() == ["default"]
    assert os.listdir(controller.credentials) == []


@pytest.mark.skipif(not stores.is_postgres(), reason="is about psql")
def test_the_result_is_read_with_psql_as_the_tenants_reader(tmp_path: Path) -> None:
    cluster = stores.cluster()
    role = f"reads_{os.getpid()}"
    cluster.sql(f"ALTER ROLE {USER} NOCREATEROLE")
    with tenants.start(tmp_path / "data", "acme", "globex") as server:
        controller = Controller(server.admin_url, tmp_path)
        schema = stores.schema(server.data_dir)
        controller.declare({"name": "acme", "sqlReader": {"role": role}}, {"name": "globex"})
        try:
            found = controller.once(status=1)
            assert condition(found["acme"], "Provisioned") == ("False", "SQLReaderUnavailable")
            assert f'CREATE ROLE "{role}" LOGIN' in message(found["acme"], "Provisioned")
            assert condition(found["globex"], "Ready") == ("True", "Ready")
        finally:
            cluster.sql(f"ALTER ROLE {USER} CREATEROLE")
        controller.once()
        for name in ("acme", "globex"):
            with server.client(name) as client:
                client.put(b"/registry/pods/" + name.encode(), b"{}")
        keys = f"SET search_path TO {schema}; SELECT key FROM live_key"
        assert cluster.sql(keys, user=role) == "/registry/pods/acme"
        # The password is the one that PostgreSQL has, and it is in no log.
        password = controller.stored("acme", "sql-password")
        assert controller.stored("acme", "sql-role") == role
        kept = cluster.sql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'")
        assert kept.startswith("SCRAM-SHA-256$4096:")
        assert kept == scram(password, kept)
        assert password not in server.log_text()
        # Somebody takes the role away, and it comes back with the same password.
        cluster.sql(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')
        (acme, _) = controller.once().values()
        assert any(role in it for it in acme["done"])
        assert controller.stored("acme", "sql-password") == password
        assert cluster.sql(keys, user=role) == "/registry/pods/acme"
        # Not asked for any more, it goes, and what is known of it.
        controller.declare({"name": "acme"}, {"name": "globex"})
        controller.once()
        assert not (controller.credentials / "acme" / "sql-password").exists()
        assert cluster.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'") == "0"


@pytest.mark.skipif(not stores.is_postgres(), reason="is about roles of PostgreSQL")
def test_a_role_that_byre_did_not_make_gets_no_password_and_reads_nothing(
    controller: Controller, admin: Admin, server: TenantServer
) -> None:
    cluster = stores.cluster()
    role = f"payroll_{os.getpid()}"
    cluster.sql(f"ALTER ROLE {USER} CREATEROLE; CREATE ROLE {role} LOGIN PASSWORD 'its-own'")
    kept = cluster.sql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'")
    try:
        for name in (role, "postgres", USER):
            controller.declare({"name": "acme", "sqlReader": {"role": name}})
            found = controller.once(status=1)
            assert condition(found["acme"], "Provisioned") == ("False", "SQLReaderUnavailable")
        assert admin.json("show", "acme").get("sqlReaders", []) == []
        assert cluster.sql(
            f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'"
        ) == kept
        with pytest.raises(ServerError, match="does not exist|permission denied"):
            schema = stores.schema(server.data_dir)
            cluster.sql(f"SET search_path TO {schema}; SELECT key FROM live_key", user=role)
        # Nor does it go with the tenant.
        controller.declare()
        controller.once()
        assert cluster.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'") == "1"
    finally:
        cluster.sql(f"DROP ROLE {role}")


@pytest.mark.skipif(not stores.is_postgres(), reason="is about psql")
def test_a_reader_of_a_dedicated_tenant_reads_it_and_no_other(tmp_path: Path) -> None:
    with tenants.start(tmp_path / "data", "acme", "globex") as server:
        check_dedicated(server, Controller(server.admin_url, tmp_path))


def check_dedicated(server: TenantServer, controller: Controller) -> None:
    cluster = stores.cluster()
    cluster.sql(f"ALTER ROLE {USER} CREATEROLE")
    role = f"globex_{os.getpid()}"
    full = {"name": "globex", "isolation": "dedicated", "sqlReader": {"role": role}}
    controller.declare({"name": "acme"}, full, deletionPolicy="Delete", deletionGrace="0s")
    assert all(it["ready"] for it in controller.once().values())
    assert controller.plan() == ["nothing is to be done"]
    for name in ("acme", "globex"):
        with server.client(name) as client:
            client.put(b"/registry/pods/" + name.encode(), b"{}")
    common = stores.schema(server.data_dir)
    home = f"{common}_globex"
    keys = f"SET search_path TO {home}; SELECT key FROM live_key"
    until(lambda: cluster.sql(keys, user=role) == "/registry/pods/globex")
    for query in (
        f"SELECT key FROM {common}.live_key", f"SELECT * FROM {common}.kv",
        f"SELECT * FROM {home}.kv", f"SELECT * FROM {home}.sql_reader",
    ):  # fmt: skip
        with pytest.raises(ServerError, match="permission denied"):
            cluster.sql(query, user=role)
    kept = cluster.sql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'")
    assert kept == scram(controller.stored("globex", "sql-password"), kept)
    # What somebody takes away comes back; the role goes with its tenant.
    cluster.sql(f"REVOKE SELECT ON {home}.live_key FROM {role}")
    controller.once()
    assert cluster.sql(keys, user=role) == "/registry/pods/globex"
    controller.declare({"name": "acme"})
    controller.once()
    assert cluster.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'") == "0"


def scram(password: str, like: str) -> str:
    """The verifier of a password with the salt of another one: RFC 5802, by Python's own means."""
    import base64
    import hashlib
    import hmac

    salting = like.split("$")[1]
    rounds, salt = salting.split(":")
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(salt), int(rounds)
    )
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = base64.b64encode(hashlib.sha256(client).digest()).decode()
    return f"SCRAM-SHA-256${salting}${stored}:{base64.b64encode(server).decode()}"
