"""`byre controller --kubernetes`: Tenants become tenants, with Secrets that etcdctl can use.

Against the strict fake of `harness/kube_server.py`, or with `BYRE_KUBE_APISERVER` a real kube-apiserver.
"""

import base64
import json
import re
import signal
import subprocess
import time

import pytest

from harness import admin as tenants
from harness import cluster as clusters
from harness import kube_schema, paths, processes
from harness.admin import Admin
from harness.cluster import until
from harness.kube_objects import APIFailure
from harness.ports import free_port

pytestmark = [
    pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own controller"),
    pytest.mark.sqlite_only("the controller sees the admin API, whatever is below it"),
]


class Controller:
    """One `byre controller --kubernetes`, with a token file of its own."""

    def __init__(self, cluster, server, folder, name: str, *flags: object) -> None:
        self.cluster = cluster
        self.token = cluster.new_token()
        self.token_file = folder / f"{name}.token"
        self.token_file.write_text(self.token)
        kubeconfig = cluster.kubeconfig(self.token_file, f"{name}.kubeconfig")
        self.log = folder / f"{name}.log"
        words = [
            *(paths.byre(), "controller", "--kubernetes", "--kubeconfig", kubeconfig),
            *("--ca", server.authority, "--endpoint", server.endpoint),
            *("--admin", server.admin_url, "--resync-interval", "1s", *flags),
        ]
        self.process = subprocess.Popen(
            [*processes.GUARD, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("wb"),
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def text(self) -> str:
        return self.log.read_text()


@pytest.fixture
def cluster(tmp_path):
    cluster = clusters.start(tmp_path / "cluster")
    yield cluster
    cluster.close()


@pytest.fixture
def fake(cluster):
    """The cluster, which can be told to misbehave."""
    if cluster.is_real:
        pytest.skip("no real API server misbehaves on demand")
    return cluster.server


@pytest.fixture
def server(tmp_path):
    """A server whose clients prove by certificates which tenant they are."""
    authority = tmp_path / "ca"
    for words in (
        ("init", "--out", authority),
        ("server", "--ca", authority, "--out", tmp_path / "tls", "--host=127.0.0.1"),
    ):
        done = processes.run([paths.byre(), "ca", *words])
        assert done.returncode == 0, done.stderr
    port = free_port()
    listener = (
        f'{{url: "https://127.0.0.1:{port}", '
        f"tls: {{certificate: {tmp_path}/tls/tls.crt, key: {tmp_path}/tls/tls.key, "
        f"clientCA: {authority}/ca.crt}}, tenant: {{from: [uriSAN, dnsSAN, commonName]}}}}"
    )
    with tenants.start(tmp_path / "data", listeners=(listener,)) as server:
        server.endpoint = f"https://127.0.0.1:{port}"
        server.authority = authority
        yield server


@pytest.fixture
def admin(server, tmp_path):
    return Admin(server.admin_url, tmp_path)


@pytest.fixture
def start(cluster, server, tmp_path):
    """Starts controllers; none is left behind."""
    running: list[Controller] = []

    def start(*flags: object) -> Controller:
        name = f"controller-{len(running)}"
        running.append(Controller(cluster, server, tmp_path, name, *flags))
        return running[-1]

    yield start
    for controller in running:
        if controller.process.poll() is None:
            controller.kill()


def etcdctl(data: dict[str, bytes], folder, *words: str) -> subprocess.CompletedProcess:
    """etcdctl with what a Secret holds, and nothing else."""
    for name in ("ca.crt", "tls.crt", "tls.key"):
        (folder / name).write_bytes(data[name])
    return processes.run(
        [
            *(paths.etcd("etcdctl"), "--endpoints", data["endpoint"].decode()),
            *("--command-timeout=3s", "--cacert", folder / "ca.crt"),
            *("--cert", folder / "tls.crt", "--key", folder / "tls.key", *words),
        ]
    )


def test_an_object_becomes_a_tenant_with_a_secret_that_etcdctl_uses(
    cluster, admin, start, tmp_path
):
    controller = start()
    cluster.create(
        "acme",
        {
            "limits": {"bytes": "64Mi", "keys": 1000},
            "compaction": {"periodic": "5m"},
            "credentials": {
                "clusterAPI": {"cluster": "c1"}, "hyperShift": {"secretName": "acme-hs"},
            },
        },
    )  # fmt: skip
    tenant = cluster.wait_ready("acme")
    assert tenant["metadata"]["finalizers"] == ["byre.io/tenant"]
    status = tenant["status"]
    assert {it["type"] for it in status["conditions"]} == {
        "Ready", "Provisioned", "CertificateIssued", "QuotaOK",
    }  # fmt: skip
    assert status["tenant"]["name"] == "default-acme"
    assert status["secretRef"] == {"name": "acme-byre"}
    assert status["usage"]["keys"] == 0
    assert status["certificate"]["renewAt"] < status["certificate"]["notAfter"]
    shown = admin.json("show", "default-acme")
    assert shown["uid"] == status["tenant"]["uid"]
    assert (shown["limits"]["bytes"], shown["limits"]["keys"]) == (64 << 20, 1000)

    secret = cluster.secret("acme-byre")
    assert secret["type"] == "kubernetes.io/tls"
    assert secret["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "byre-controller"
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Tenant", tenant["metadata"]["uid"])
    data = cluster.secret_data("acme-byre")
    assert data["endpoint"].decode() == status["endpoint"]
    done = etcdctl(data, tmp_path, "put", "a", "1")
    assert done.stdout == "OK\n", done.stderr

    assert cluster.secret_data("c1-etcd") == {"tls.crt": data["ca.crt"]}
    pair = {"tls.crt": data["tls.crt"], "tls.key": data["tls.key"]}
    assert cluster.secret_data("c1-apiserver-etcd-client") == pair
    assert cluster.secret_data("acme-hs") == {
        "etcd-client-ca.crt": data["ca.crt"],
        "etcd-client.crt": data["tls.crt"],
        "etcd-client.key": data["tls.key"],
    }
    assert ("Normal", "Ready") in cluster.events("acme")
    assert "PRIVATE KEY" not in controller.text()
    assert controller.token not in controller.text()
    assert controller.stop() == 0


def test_an_edit_follows_and_what_is_given_once_stays(cluster, admin, start, tmp_path):
    start()
    cluster.create("acme", {"name": "t1", "credentials": {"secretName": "s"}})
    cluster.wait_ready("acme")
    data = cluster.secret_data("s")
    cluster.edit("acme", {"spec": {"limits": {"keys": 7}}})
    cluster.wait_ready("acme")
    assert admin.json("show", "t1")["limits"]["keys"] == 7
    cluster.edit("acme", {"spec": {"suspended": True, "limits": None}})
    until(lambda: admin.json("show", "t1")["state"] == "suspended")
    assert "keys" not in admin.json("show", "t1")["limits"]
    assert etcdctl(data, tmp_path, "get", "a").returncode != 0
    cluster.edit("acme", {"spec": {"suspended": False}})
    cluster.wait_ready("acme")
    assert etcdctl(data, tmp_path, "get", "a").returncode == 0
    # The certificate is the one that it was.
    assert cluster.secret_data("s") == data
    # A form that is not asked for any more goes, and no other Secret.
    cluster.edit("acme", {"spec": {"credentials": {"clusterAPI": {"cluster": "c1"}}}})
    until(lambda: cluster.secret("c1-etcd"))
    cluster.edit("acme", {"spec": {"credentials": {"clusterAPI": None}}})
    until(lambda: cluster.secret("c1-etcd") is None)
    assert cluster.secret_data("s") == data
    if not cluster.knows_cel:
        return
    for patch, words in (
        ({"name": "t2"}, "a tenant's name cannot change"),
        ({"name": None}, "name is given when the object is made, or never"),
        ({"isolation": "Shared"}, "isolation is given when the object is made"),
        ({"credentials": {"secretName": "other"}}, "secretName cannot change"),
        ({"compaction": {}}, "give one of periodic and revisions"),
        ({"adopt": True}, "to adopt a tenant, give its uid"),
    ):
        code, answer = cluster.request(
            "PATCH", cluster.path("acme"), {"spec": patch}, "application/merge-patch+json"
        )
        assert code == 422 and words in answer["message"], (patch, answer)


def test_an_object_that_is_deleted_takes_its_tenant_along_only_if_it_says_so(
    cluster, admin, start
):
    controller = start()
    cluster.create("kept", {"credentials": {}})
    cluster.create("gone", {"deletionPolicy": "Delete", "deletionGrace": "1h", "credentials": {}})
    cluster.create("lost", {"deletionPolicy": "Delete", "deletionGrace": "0s"})
    for name in ("kept", "gone", "lost"):
        cluster.wait_ready(name)
    for name in ("kept", "gone"):
        cluster.delete(name)
        until(lambda: cluster.tenant(name) is None, told=lambda: json.dumps(cluster.tenant(name)))
    assert admin.json("show", "default-kept")["state"] == "active"
    assert admin.json("show", "default-gone")["state"] == "deleting"
    # The server has lost the tenant while nobody looked: the object goes all the same.
    assert controller.stop() == 0
    admin("delete", "default-lost", "--now", "--wait")
    cluster.delete("lost")
    start()
    until(lambda: cluster.tenant("lost") is None, told=lambda: json.dumps(cluster.tenant("lost")))


def test_what_cannot_be_done_is_said_and_keeps_nobody_waiting(cluster, admin, start):
    admin("create", "theirs")
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "taken-byre"},
        "data": {"mine": "bWluZQ=="},
    }  # fmt: skip
    cluster.ok("POST", "/api/v1/namespaces/default/secrets", secret)
    cluster.create("theirs", {"name": "theirs"})
    cluster.create("first", {"name": "both"})
    if not cluster.is_real:
        # Objects of one second are told apart by their uids, which are random.
        cluster.server.objects.items[("byre.io", "tenants")][("default", "first")]["metadata"][
            "creationTimestamp"
        ] = "2020-01-01T00:00:00Z"
    else:
        time.sleep(1.1)
    cluster.create("second", {"name": "both"})
    cluster.create("a" * 60, {})
    cluster.create("taken", {"credentials": {}})
    # A reader's role is the tenant's own: nobody gets another one's password.
    cluster.create("greedy", {"sqlReader": {"role": "byre_default-fine"}})
    code, answer = cluster.request("POST", cluster.path("").rstrip("/"), {
        "apiVersion": "byre.io/v1alpha1", "kind": "Tenant", "metadata": {"name": "greedier"},
        "spec": {"sqlReader": {"role": "postgres"}},
    })  # fmt: skip
    assert code == 422 and "role" in answer["message"]
    cluster.create("fine", {"credentials": {}})
    start()
    cluster.wait_ready("fine")
    cluster.wait_ready("first")
    for name, kind, reason in (
        ("theirs", "Ready", "NotOwned"),
        ("second", "Ready", "NameTaken"),
        ("a" * 60, "Ready", "Invalid"),
        ("greedy", "Ready", "Invalid"),
        ("taken", "CertificateIssued", "SinkUnavailable"),
    ):
        until(
            lambda: cluster.conditions(name).get(kind) == ("False", reason),
            told=lambda: json.dumps((cluster.tenant(name) or {}).get("status")),
        )
    # Nobody has looked whether there is a tenant.
    assert cluster.conditions("taken")["Provisioned"] == ("False", "SinkUnavailable")
    assert cluster.secret_data("taken-byre") == {"mine": b"mine"}
    cluster.create("in-the-way", {
        "deletionPolicy": "Delete", "credentials": {"secretName": "taken-byre"},
    })  # fmt: skip
    until(lambda: cluster.conditions("in-the-way"))
    cluster.delete("in-the-way")
    until(lambda: cluster.tenant("in-the-way") is None)
    assert cluster.secret_data("taken-byre") == {"mine": b"mine"}
    assert admin.json("show", "theirs")["state"] == "active"
    # Out of the way, and it goes on by itself.
    cluster.ok("DELETE", "/api/v1/namespaces/default/secrets/taken-byre")
    cluster.wait_ready("taken")
    # What nothing was made for goes at once.
    for name in ("a" * 60, "second", "theirs", "greedy"):
        cluster.delete(name)
        until(lambda: cluster.tenant(name) is None)
    assert admin.json("show", "theirs")["state"] == "active"
    assert admin.json("show", "both")["state"] == "active"


def test_a_secret_that_was_lost_or_changed_is_made_good(cluster, start, tmp_path):
    start()
    cluster.create("acme", {"credentials": {"clusterAPI": {"cluster": "c1"}}})
    cluster.wait_ready("acme")
    path = "/api/v1/namespaces/default/secrets"
    before = cluster.secret_data("acme-byre")
    cluster.ok("DELETE", f"{path}/c1-etcd")
    until(lambda: cluster.secret("c1-etcd"))
    cluster.ok("PATCH", f"{path}/c1-apiserver-etcd-client", {"data": {"tls.key": "bm8="}},
               type="application/merge-patch+json")  # fmt: skip
    until(lambda: cluster.secret_data("c1-apiserver-etcd-client")["tls.key"] == before["tls.key"])
    assert cluster.secret_data("acme-byre") == before
    cluster.ok("DELETE", f"{path}/acme-byre")
    until(lambda: cluster.secret("acme-byre"))
    after = cluster.secret_data("acme-byre")
    assert after["tls.key"] != before["tls.key"]
    assert etcdctl(after, tmp_path, "put", "a", "1").returncode == 0


def test_a_certificate_is_renewed_in_its_secret_in_time_and_not_before(cluster, start, tmp_path):
    controller = start()
    cluster.create("acme", {
        "credentials": {"lifetime": "9s", "clusterAPI": {"cluster": "c1"}},
    })  # fmt: skip
    cluster.create("long", {"credentials": {}})
    cluster.wait_ready("long")
    cluster.wait_ready("acme")
    kept = cluster.secret_data("long-byre")
    first = cluster.secret("acme-byre")
    seen = {first["data"]["tls.crt"]: time.monotonic()}

    def count() -> int:
        now = cluster.secret("acme-byre")
        # In place: whoever mounts it sees the new one.
        assert now["metadata"]["uid"] == first["metadata"]["uid"]
        seen.setdefault(now["data"]["tls.crt"], time.monotonic())
        return len(seen)

    until(lambda: count() >= 3)
    _, second, third = seen.values()
    # After two thirds of nine seconds, which are six; a second is what times in certificates have.
    assert third - second > 4.5
    until(lambda: cluster.secret("c1-apiserver-etcd-client")["data"]["tls.crt"]
          == cluster.secret("acme-byre")["data"]["tls.crt"])  # fmt: skip
    data = cluster.secret_data("acme-byre")
    assert etcdctl(data, tmp_path, "put", "a", "1").returncode == 0
    assert data["tls.key"] != base64.b64decode(first["data"]["tls.key"])
    status = cluster.tenant("acme")["status"]
    assert status["certificate"]["renewAt"] < status["certificate"]["notAfter"]
    assert cluster.secret_data("long-byre") == kept
    assert "PRIVATE KEY" not in controller.text()


def test_of_two_controllers_one_acts_and_the_other_takes_over(cluster, start):
    flags = ("--leader-elect", "--lease-namespace", "default")
    first = start(*flags)
    until(lambda: cluster.lease())
    second = start(*flags)
    cluster.create("one", {})
    cluster.wait_ready("one")
    holder = cluster.lease()["spec"]["holderIdentity"]
    assert "leads now" in first.text() and "leads now" not in second.text()

    first.kill()
    cluster.create("two", {})
    began = time.monotonic()
    cluster.wait_ready("two", seconds=40)
    # Not before the lease that it had was over.
    assert time.monotonic() - began > 8
    spec = cluster.lease()["spec"]
    assert spec["holderIdentity"] != holder and spec["leaseTransitions"] == 1

    # Who stops lets go, and the next one leads at once.
    third = start(*flags)
    until(lambda: third.text())
    assert second.stop() == 0
    cluster.create("three", {})
    cluster.wait_ready("three", seconds=10)
    assert "leads now" in third.text()


def test_nothing_is_written_when_nothing_changes(cluster, fake, start):
    start()
    cluster.create("acme", {"credentials": {"clusterAPI": {"cluster": "c1"}}})
    cluster.wait_ready("acme")
    time.sleep(1.5)
    before = len(fake.requests)
    time.sleep(3)
    verbs = {verb for token, verb, _, _ in fake.requests[before:] if "controller" in token}
    # Everything was looked at, since that is done each second here.
    assert verbs == {"get"}


def test_a_watch_that_is_too_old_lists_again(cluster, fake, start):
    start()
    cluster.create("one", {})
    cluster.wait_ready("one")
    for round in range(3):
        fake.objects.expire()
        cluster.create(f"two-{round}", {})
        cluster.wait_ready(f"two-{round}")
    lists = [it for it in fake.requests if it[1] == "list" and "controller" in it[0]]
    assert len(lists) > 1


def test_more_objects_than_a_page(cluster, fake, start):
    for number in range(501):
        # As a controller left them that was here before, but for one of the last page.
        held = [] if number == 99 else ["byre.io/tenant"]
        body = {"metadata": {"name": f"t{number}", "finalizers": held}, "spec": {}}
        fake.objects.create(("byre.io", "tenants"), "default", body)
    start()
    until(lambda: any(it[1] == "list" and "continue=" in it[2] for it in list(fake.requests)))
    until(lambda: any("/tenants/t99?" in it[2] for it in list(fake.requests)), 60)


def test_a_server_that_goes_away_and_is_busy_is_come_back_to(cluster, fake, start):
    controller = start()
    cluster.create("one", {})
    cluster.wait_ready("one")
    fake.go_away()
    cluster.create("two", {})
    cluster.wait_ready("two")
    fake.take_down()
    time.sleep(1)
    fake.bring_up()
    fake.failures += [("patch", APIFailure(429, "TooManyRequests", "busy"))] * 2
    fake.failures += [("get", APIFailure(500, "InternalError", "oops"))]
    fake.failures += [("patch", APIFailure(409, "Conflict", "another was there first"))]
    cluster.create("three", {"credentials": {}})
    cluster.wait_ready("three", seconds=60)
    assert controller.process.poll() is None


def test_a_token_that_is_renewed_is_read_again(cluster, fake, start):
    controller = start("--leader-elect", "--lease-namespace", "default")
    cluster.create("one", {})
    cluster.wait_ready("one")
    old, new = controller.token, cluster.new_token()
    controller.token_file.write_text(new + "\n")
    cluster.revoke(old)
    # A watch goes on as whoever began it; the next one must not.
    fake.drop_connections()
    cluster.create("two", {})
    cluster.wait_ready("two", seconds=40)
    assert any(new in token for token, *_ in fake.requests)
    # One that is not taken, and no other at hand, ends nothing.
    cluster.revoke(new)
    until(lambda: any(new in token and code == 401 for token, _, _, code in fake.requests))
    assert controller.process.poll() is None
    controller.token_file.write_text(cluster.new_token())
    cluster.create("three", {})
    cluster.wait_ready("three", seconds=60)


def test_what_is_not_allowed_is_said(cluster, fake, start):
    for verb in ("get", "create", "update", "delete"):
        fake.rules["controller"].discard(("", "secrets", verb, None))
    start()
    cluster.create("acme", {"credentials": {}})
    until(lambda: cluster.conditions("acme").get("CertificateIssued", ("", ""))[0] == "False")
    conditions = cluster.tenant("acme")["status"]["conditions"]
    (said,) = [it["message"] for it in conditions if it["type"] == "CertificateIssued"]
    assert 'cannot get resource "secrets"' in said
    fake.allow("controller", "", "secrets", "get", "create", "update", "delete")
    cluster.wait_ready("acme")


def test_a_server_that_is_gone_is_a_condition_and_an_object_can_be_let_go(
    cluster, server, start
):
    start()
    cluster.create("acme", {"deletionPolicy": "Delete"})
    cluster.wait_ready("acme")
    server.kill()
    until(
        lambda: cluster.conditions("acme").get("Ready", ("", ""))[1] == "ServerUnreachable",
        told=lambda: json.dumps(cluster.tenant("acme")["status"]),
    )
    cluster.delete("acme")
    time.sleep(1.5)
    assert cluster.tenant("acme") is not None
    cluster.edit("acme", {"metadata": {"annotations": {"byre.io/abandon": "true"}}})
    until(lambda: cluster.tenant("acme") is None)


def test_once_and_dry_run(cluster, server, admin, tmp_path):
    cluster.create("acme", {"credentials": {}})
    dry = Controller(cluster, server, tmp_path, "dry", "--dry-run")
    assert dry.process.wait(30) == 0, dry.text()
    assert "default-acme" not in admin.names()
    assert "finalizers" not in cluster.tenant("acme")["metadata"]
    once = Controller(cluster, server, tmp_path, "once", "--once")
    assert once.process.wait(60) == 0, once.text()
    assert cluster.conditions("acme")["Ready"][0] == "True"


# The custom resource itself


def test_the_definition_is_structural_and_knows_only_rules_that_are_tested():
    import yaml

    definition = yaml.safe_load(clusters.DEFINITION.read_text())
    (version,) = definition["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    assert kube_schema.structural_faults(schema) == []
    assert version["subresources"] == {"status": {}}
    conditions = schema["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert [it["name"] for it in version["additionalPrinterColumns"]][:2] == ["Tenant", "Ready"]
    # Everything that is read is described, and the other way round.
    source = paths.REPOSITORY / "Sources" / "Kubernetes" / "Tenants" / "TenantObject.swift"
    spec = schema["properties"]["spec"]["properties"]
    read = set(re.findall(r'\("(\w+)", of:', source.read_text()))
    read |= set(re.findall(r'(?:spec\?|object)\["(\w+)"\]', source.read_text()))
    described = set(spec) | {
        name for it in spec.values() for name in it.get("properties", {})
    } | {"kind", "value", "cluster"}  # fmt: skip
    assert read == described


@pytest.mark.parametrize(
    "schema, words",
    [
        ({"type": "object", "properties": {"a": {}}}, "type None"),
        ({"type": "array"}, "an array has items"),
        ({"type": "object", "required": ["a"]}, "no property"),
        ({"type": "object", "x-kubernetes-validations": [{"rule": "1", "message": "m"}]}, "rule 1"),
        ({"type": "integer", "default": "a"}, "default"),
        ({"type": "string", "oneOf": []}, "oneOf"),
    ],
)
def test_a_definition_that_is_not_structural_is_found(schema, words):
    assert any(words in it for it in kube_schema.structural_faults(schema, ".spec"))
