"""What the controller relies on in an API server, held against the fake; and against a real kube-apiserver
with `BYRE_KUBE_APISERVER`, so that the fake promises nothing that is not so.
"""

import pytest

from harness import cluster as clusters
from harness import paths

pytestmark = [
    pytest.mark.skipif(paths.byre().name == "etcd", reason="not about a server"),
    pytest.mark.sqlite_only("not about a server"),
]

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
SECRETS = "/api/v1/namespaces/default/secrets"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = clusters.start(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


def fails(cluster, code: int, reason: str, *arguments: object) -> str:
    found, answer = cluster.request(*arguments)
    assert (found, answer.get("reason")) == (code, reason), answer
    assert answer["kind"] == "Status"
    return answer["message"]


def condition(type: str, status: str = "True") -> dict:
    return {
        "type": type, "status": status, "reason": "Because", "message": "so it is",
        "lastTransitionTime": "2026-11-23T13:04:05Z",
    }  # fmt: skip


def applied(cluster, name: str, status: dict, **metadata: str):
    body = {
        "apiVersion": "byre.io/v1alpha1", "kind": "Tenant",
        "metadata": {"name": name, "namespace": "default", **metadata}, "status": status,
    }  # fmt: skip
    path = f"{cluster.path(name)}/status?fieldManager=m&force=true"
    return cluster.request("PATCH", path, body, APPLY)


def test_an_object_has_its_defaults_and_nothing_that_is_unknown(cluster):
    made = cluster.create("defaults", {"bogus": 1, "credentials": {}})
    assert made["spec"] == {
        "credentials": {"algorithm": "ECDSA", "lifetime": "2160h"},
        "deletionGrace": "24h",
        "deletionPolicy": "Retain",
    }
    assert made["metadata"]["generation"] == 1
    assert "status" not in made
    fails(cluster, 409, "AlreadyExists", "POST", f"{clusters.TENANTS}/namespaces/default/tenants",
          {"apiVersion": "byre.io/v1alpha1", "kind": "Tenant", "metadata": {"name": "defaults"},
           "spec": {}})  # fmt: skip


@pytest.mark.parametrize(
    "spec, field",
    [
        ({"name": "Not-A-Label"}, "spec.name"),
        ({"isolation": "Odd"}, "spec.isolation"),
        ({"limits": {"bytes": "8 GB"}}, "spec.limits.bytes"),
        ({"limits": {"bytes": True}}, "spec.limits.bytes"),
        ({"limits": {"keys": -1}}, "spec.limits.keys"),
        ({"limits": {"keys": "1"}}, "spec.limits.keys"),
        ({"identities": [{"kind": "DNS"}]}, "spec.identities"),
        ({"identities": [{"kind": "DNS", "value": "a"}] * 2}, "spec.identities[1]"),
        ({"deletionGrace": "1d"}, "spec.deletionGrace"),
        ({"credentials": {"endpoints": ["ftp://a"]}}, "spec.credentials.endpoints[0]"),
        ({"sqlReader": {"role": "postgres"}}, "spec.sqlReader.role"),
        ({"uid": "x"}, "spec.uid"),
    ],
)
def test_what_the_schema_refuses(cluster, spec, field):
    body = {
        "apiVersion": "byre.io/v1alpha1", "kind": "Tenant", "metadata": {"name": "wrong"},
        "spec": spec,
    }  # fmt: skip
    message = fails(
        cluster, 422, "Invalid", "POST", f"{clusters.TENANTS}/namespaces/default/tenants", body
    )
    assert field.split("[")[0] in message


def test_a_status_is_written_through_its_own_door_alone(cluster):
    cluster.create("door", {})
    path = cluster.path("door")
    after = cluster.edit("door", {"status": {"endpoint": "x"}, "spec": {"suspended": True}})
    assert "status" not in after and after["metadata"]["generation"] == 2
    after = cluster.ok(
        "PATCH", path + "/status", {"status": {"endpoint": "x"}, "spec": {"suspended": None}},
        type=MERGE,
    )  # fmt: skip
    assert after["status"] == {"endpoint": "x"} and after["spec"]["suspended"] is True
    assert after["metadata"]["generation"] == 2
    fails(cluster, 422, "Invalid", "PATCH", path + "/status",
          {"status": {"conditions": [{"type": "Ready"}]}}, MERGE)  # fmt: skip


def test_an_applied_status_loses_what_is_not_applied_any_more(cluster):
    made = cluster.create("apply", {})
    uid = made["metadata"]["uid"]
    ready, quota = condition("Ready"), condition("QuotaOK", "False")
    code, first = applied(
        cluster, "apply", {"conditions": [ready, quota], "endpoint": "x"}, uid=uid
    )
    assert code == 200, first.get("message")
    assert first["status"] == {"conditions": [ready, quota], "endpoint": "x"}
    code, second = applied(cluster, "apply", {"conditions": [condition("Ready", "False")]})
    assert code == 200
    assert "endpoint" not in second["status"]
    found = {it["type"]: it["status"] for it in second["status"]["conditions"]}
    assert found == {"Ready": "False"}
    # The version stays when nothing changes.
    code, third = applied(cluster, "apply", {"conditions": [condition("Ready", "False")]})
    assert third["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    # Not another object of the same name.
    code, answer = applied(cluster, "apply", {}, uid="6f1f8f2e-0000-4000-8000-000000000001")
    assert code in (409, 422), answer
    code, answer = applied(cluster, "nobody", {})
    assert (code, answer["reason"]) == (404, "NotFound"), answer


def test_a_finalizer_keeps_an_object_until_it_goes(cluster):
    made = cluster.create("final", {})
    metadata = {
        "uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"],
        "finalizers": ["byre.io/tenant"],
    }  # fmt: skip
    held = cluster.edit("final", {"metadata": metadata})
    assert held["metadata"]["finalizers"] == ["byre.io/tenant"]
    fails(cluster, 409, "Conflict", "PATCH", cluster.path("final"), {"metadata": metadata}, MERGE)
    cluster.delete("final")
    deleted = cluster.tenant("final")
    assert deleted["metadata"]["deletionTimestamp"]
    assert deleted["metadata"]["generation"] == held["metadata"]["generation"] + 1
    more = {"metadata": {"finalizers": ["byre.io/tenant", "byre.io/other"]}}
    fails(cluster, 422, "Invalid", "PATCH", cluster.path("final"), more, MERGE)
    cluster.edit("final", {"metadata": {"finalizers": []}})
    assert cluster.tenant("final") is None


def test_of_two_writers_one_is_told(cluster):
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "two"}, "data": {}}
    made = cluster.ok("POST", SECRETS, body)
    assert made["type"] == "Opaque"
    first = {**made, "data": {"a": "MQ=="}}
    second = {**made, "data": {"a": "Mg=="}}
    after = cluster.ok("PUT", f"{SECRETS}/two", first)
    assert after["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    fails(cluster, 409, "Conflict", "PUT", f"{SECRETS}/two", second)
    same = cluster.ok("PUT", f"{SECRETS}/two", after)
    assert same["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    fails(cluster, 422, "Invalid", "PUT", f"{SECRETS}/two",
          {**after, "type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}})  # fmt: skip
    options = {"apiVersion": "v1", "kind": "DeleteOptions"}
    old = {"preconditions": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    fails(cluster, 409, "Conflict", "DELETE", f"{SECRETS}/two", options | old)
    new = {"preconditions": {"resourceVersion": after["metadata"]["resourceVersion"],
                             "uid": after["metadata"]["uid"]}}  # fmt: skip
    cluster.ok("DELETE", f"{SECRETS}/two", options | new)
    fails(cluster, 404, "NotFound", "GET", f"{SECRETS}/two")


def test_a_secret_of_certificates_has_both_members(cluster):
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"},
            "type": "kubernetes.io/tls", "data": {"tls.crt": ""}}  # fmt: skip
    fails(cluster, 422, "Invalid", "POST", SECRETS, body)
    body["data"]["tls.key"] = ""
    cluster.ok("POST", SECRETS, body)


def test_a_lease_has_times_of_six_digits(cluster):
    spec = {"holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": "2026-11-23T13:04:05.000006Z",
            "renewTime": "2026-11-23T13:04:05.000006Z"}  # fmt: skip
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "l"}, "spec": spec}  # fmt: skip
    made = cluster.ok("POST", LEASES, body)
    assert made["spec"] == spec
    wrong = {**body, "metadata": {"name": "m"}, "spec": {**spec, "renewTime": "2026-11-23T13:04:05Z"}}
    code, _ = cluster.request("POST", LEASES, wrong)
    assert code == 400
    wrong["spec"] = {**spec, "leaseDurationSeconds": 0}
    fails(cluster, 422, "Invalid", "POST", LEASES, wrong)
    made["spec"]["holderIdentity"] = ""
    # An empty holder is written as none by some versions, as an empty text by others.
    assert not cluster.ok("PUT", f"{LEASES}/l", made)["spec"].get("holderIdentity")


def test_an_event_says_who_and_what(cluster):
    body = {
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": "e.1", "namespace": "default"},
        "eventTime": "2026-11-23T13:04:05.000006Z", "reportingController": "byre.io/controller",
        "reportingInstance": "a", "action": "Reconcile", "type": "Normal", "reason": "Ready",
        "regarding": {"apiVersion": "byre.io/v1alpha1", "kind": "Tenant", "namespace": "default",
                      "name": "x", "uid": "1"},
        "note": "n",
    }  # fmt: skip
    cluster.ok("POST", EVENTS, body)
    for field in ("reportingController", "reportingInstance", "action", "reason"):
        wrong = {**body, "metadata": {"name": "e.2", "namespace": "default"}, field: ""}
        fails(cluster, 422, "Invalid", "POST", EVENTS, wrong)


def test_lists_come_in_pages(cluster):
    for number in range(5):
        cluster.create(f"page-{number}", {})
    path = f"{clusters.TENANTS}/tenants"
    first = cluster.ok("GET", f"{path}?limit=2")
    assert len(first["items"]) == 2 and first["metadata"]["resourceVersion"]
    names = [it["metadata"]["name"] for it in first["items"]]
    token = first["metadata"]["continue"]
    # What is made now is not in a list that has begun.
    cluster.create("zzz", {})
    while token:
        page = cluster.ok("GET", f"{path}?limit=2&continue={token}")
        names += [it["metadata"]["name"] for it in page["items"]]
        token = page["metadata"].get("continue")
    assert names == sorted(names) and "page-4" in names and "zzz" not in names


def test_who_may_do_what(cluster):
    allowed, cluster.admin_token = cluster.admin_token, "nobody"
    try:
        code, _ = cluster.request("GET", cluster.path("x"))
        assert code == 401
        cluster.admin_token = cluster.new_token()
        code, _ = cluster.request("GET", cluster.path("x"))
        assert code == 404
        fails(cluster, 403, "Forbidden", "DELETE", cluster.path("x"))
        fails(cluster, 403, "Forbidden", "GET", SECRETS)
    finally:
        cluster.admin_token = allowed
