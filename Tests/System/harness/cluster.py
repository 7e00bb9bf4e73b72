"""Clusters for a controller: the strict fake, or with `BYRE_KUBE_APISERVER` a real kube-apiserver.

A real one is built from Debian's source package `kubernetes` (1.20, on Go 1.19 with Debian's newer
`reflect2`) or comes from elsewhere; it keeps its objects in a Byre of its own. Before 1.25 it knows no CEL:
tests of that are skipped.
"""

import base64
import json
import os
import subprocess
import time
from pathlib import Path

import yaml

from harness import certs, paths, processes
from harness.kube_server import APIServer
from harness.ports import free_port

DEFINITION = paths.REPOSITORY / "deploy" / "crds" / "tenants.byre.io.yaml"
TENANTS = "/apis/byre.io/v1alpha1"
# What KubernetesTenants.swift says that a controller needs.
RULES = [
    ("byre.io", "tenants", ["get", "list", "watch", "patch"]),
    ("byre.io", "tenants/status", ["patch"]),
    ("byre.io", "tenants/finalizers", ["update"]),
    ("", "secrets", ["get", "create", "update", "delete"]),
    ("events.k8s.io", "events", ["create"]),
    ("", "namespaces", ["get"]),
    ("coordination.k8s.io", "leases", ["get", "create", "update"]),
]


def real_program() -> Path | None:
    found = os.environ.get("BYRE_KUBE_APISERVER")
    return Path(found) if found else None


class Cluster:
    """What tests do with a cluster, as its administrator."""

    admin_token = "admin-token"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = certs.Authority(folder / "pki", "cluster-ca")
        self.certificate, self.key = self.authority.issue("kube-apiserver")
        self.port = 0

    def kubeconfig(self, token_file: Path, name: str = "kubeconfig") -> Path:
        """A file for who has the token in a file."""
        path = self.folder / name
        authority = base64.b64encode(self.authority.cert.read_bytes()).decode()
        cluster = {
            "server": f"https://127.0.0.1:{self.port}", "certificate-authority-data": authority,
        }  # fmt: skip
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "controller"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "controller", "user": {"tokenFile": str(token_file)}}],
        }
        path.write_text(json.dumps(document))
        return path

    def request(
        self, method: str, path: str, body: object = None, type: str = "application/json"
    ) -> tuple[int, dict]:
        """One request as the administrator."""
        command = [
            *("curl", "--silent", "--show-error", "--max-time", "20", "--cacert", self.authority.cert, "-X", method),
            *("-H", f"authorization: Bearer {self.admin_token}", "-w", "\n%{http_code}"),
        ]
        if body is not None:
            command += ["-H", f"content-type: {type}", "--data-binary", json.dumps(body)]
        done = subprocess.run(
            [*map(str, command), f"https://127.0.0.1:{self.port}{path}"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (method, path, done.returncode, done.stderr)
        text, _, code = done.stdout.rpartition("\n")
        return int(code), json.loads(text)

    def ok(self, *arguments: object, **options: object) -> dict:
        code, answer = self.request(*arguments, **options)
        assert code in (200, 201), answer
        return answer

    # Tenants

    def path(self, name: str, namespace: str = "default") -> str:
        return f"{TENANTS}/namespaces/{namespace}/tenants/{name}"

    def create(self, name: str, spec: dict, namespace: str = "default") -> dict:
        body = {
            "apiVersion": "byre.io/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": name},
            "spec": spec,
        }
        return self.ok("POST", f"{TENANTS}/namespaces/{namespace}/tenants", body)

    def tenant(self, name: str, namespace: str = "default") -> dict | None:
        code, answer = self.request("GET", self.path(name, namespace))
        assert code in (200, 404), answer
        return answer if code == 200 else None

    def edit(self, name: str, patch: dict, namespace: str = "default") -> dict:
        type = "application/merge-patch+json"
        return self.ok("PATCH", self.path(name, namespace), patch, type=type)

    def delete(self, name: str, namespace: str = "default") -> None:
        self.ok("DELETE", self.path(name, namespace))

    def secret(self, name: str, namespace: str = "default") -> dict | None:
        code, answer = self.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        return answer if code == 200 else None

    def secret_data(self, name: str, namespace: str = "default") -> dict[str, bytes]:
        secret = self.secret(name, namespace)
        assert secret is not None, name
        return {key: base64.b64decode(value) for key, value in secret["data"].items()}

    def events(self, name: str, namespace: str = "default") -> list[tuple[str, str]]:
        """Type and reason of the events about a Tenant."""
        path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        items = self.ok("GET", path)["items"] or []
        return [
            (it["type"], it["reason"]) for it in items if it["regarding"].get("name") == name
        ]

    def lease(self) -> dict | None:
        path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/byre-controller"
        code, answer = self.request("GET", path)
        return answer if code == 200 else None

    def conditions(self, name: str, namespace: str = "default") -> dict[str, tuple[str, str]]:
        """Status and reason of each condition, if they speak of the newest generation."""
        tenant = self.tenant(name, namespace) or {}
        status = tenant.get("status", {})
        if status.get("observedGeneration") != tenant.get("metadata", {}).get("generation"):
            return {}
        return {it["type"]: (it["status"], it["reason"]) for it in status.get("conditions", [])}

    def wait_ready(self, name: str, namespace: str = "default", seconds: float = 30) -> dict:
        until(
            lambda: self.conditions(name, namespace).get("Ready", ("", ""))[0] == "True",
            seconds,
            lambda: json.dumps((self.tenant(name, namespace) or {}).get("status"), indent=1),
        )
        return self.tenant(name, namespace)


def until(condition, seconds: float = 30, told=lambda: "") -> None:
    """Waits for something that a controller does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {told()}"
        time.sleep(0.05)


class FakeCluster(Cluster):
    """The strict fake."""

    is_real = False
    knows_cel = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = APIServer(self.certificate, self.key)
        self.port = self.server.port
        self.server.objects.define(yaml.safe_load(DEFINITION.read_text()))
        for group, resource, verbs in RULES:
            self.server.allow("controller", group, resource, *verbs)
        self.tokens = 0

    def new_token(self) -> str:
        """Makes a token for the controller."""
        self.tokens += 1
        token = f"controller-token-{self.tokens}"
        self.server.tokens[token] = "controller"
        return token

    def revoke(self, token: str) -> None:
        del self.server.tokens[token]

    def close(self) -> None:
        self.server.close()


class RealCluster(Cluster):
    """A kube-apiserver on a Byre of its own."""

    is_real = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.store = processes.byre(folder / "store").start()
        tokens = folder / "tokens.csv"
        tokens.write_text(
            f'{self.admin_token},admin,1,"system:masters"\ncontroller-token,controller,2\n'
        )
        key = folder / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        self.log = (folder / "kube-apiserver.log").open("wb")
        self.process = subprocess.Popen(
            [
                *processes.GUARD,
                *(str(real_program()), f"--etcd-servers={self.store.url}"),
                *(f"--secure-port={self.port}", "--bind-address=127.0.0.1"),
                *(f"--tls-cert-file={self.certificate}", f"--tls-private-key-file={self.key}"),
                *("--service-account-issuer=https://localhost", f"--token-auth-file={tokens}"),
                *(f"--service-account-signing-key-file={key}",),
                *(f"--service-account-key-file={key}", "--authorization-mode=RBAC"),
                *("--service-cluster-ip-range=10.0.0.0/24", f"--cert-dir={folder}"),
                "--disable-admission-plugins=ServiceAccount",
            ],
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        until(lambda: self._is_ready(), 60, lambda: f"{folder}/kube-apiserver.log")
        definition = self.ok("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                             yaml.safe_load(DEFINITION.read_text()))  # fmt: skip
        # One that knows none drops the rules.
        self.knows_cel = "x-kubernetes-validations" in json.dumps(definition)
        until(lambda: self.request("GET", f"{TENANTS}/tenants")[0] == 200)
        self._allow()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "kube-apiserver has ended"
        try:
            namespaces = "/api/v1/namespaces/"
            return all(
                self.request("GET", namespaces + it)[0] == 200 for it in ("default", "kube-system")
            )
        except (AssertionError, ValueError):
            return False

    def _allow(self) -> None:
        group = "rbac.authorization.k8s.io"
        rules = [
            {"apiGroups": [api], "resources": [resource], "verbs": verbs}
            for api, resource, verbs in RULES
        ]
        self.ok("POST", f"/apis/{group}/v1/clusterroles",
                {"metadata": {"name": "controller"}, "rules": rules})  # fmt: skip
        self.ok(
            "POST",
            f"/apis/{group}/v1/clusterrolebindings",
            {
                "metadata": {"name": "controller"},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "controller"},
                "subjects": [{"apiGroup": group, "kind": "User", "name": "controller"}],
            },
        )

    def new_token(self) -> str:
        return "controller-token"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.store.close()
        self.log.close()


def start(folder: Path) -> Cluster:
    return RealCluster(folder) if real_program() else FakeCluster(folder)
