"""Byre's Helm chart, rendered by Helm's own library, and what can be checked without a cluster."""

import logging
import platform
import re
from pathlib import Path

import yaml

from harness.paths import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "chart"
RELEASE, NAMESPACE = "demo", "byre-test"

try:
    import helm_python as helm
except ImportError:
    # There is none for this kind of machine.
    assert platform.machine() != "x86_64", "helm-python-sdk is missing: see requirements.txt"
    helm = None

logging.getLogger("helm_python").setLevel(logging.ERROR)


class Refused(Exception):
    """Helm does not take the values; the message is what it tells."""


def render(values: dict) -> list[dict]:
    """The objects that `helm install` would make, each with the key `_template`."""
    objects = []
    for template, text in render_texts(values).items():
        assert "<no value>" not in text, f"{template} uses a value that is not defined"
        if not template.endswith(".txt"):
            for document in yaml.load_all(text, StrictLoader):
                if document is not None:
                    objects.append({**document, "_template": template})
    return objects


def render_texts(values: dict) -> dict[str, str]:
    with helm.Chart.load(FOLDER) as chart:
        try:
            chart.validate_schema(values)
            return chart.render(values, name=RELEASE, namespace=NAMESPACE)
        except helm.HelmError as error:
            raise Refused(str(error)) from None


def lint() -> list[str]:
    """What `helm lint --strict` has to say, but for advice."""
    report = helm.lint(FOLDER, strict=True)
    return [it["error"] for it in report["messages"] if it["severity"] > 1] + report["errors"]


class StrictLoader(yaml.SafeLoader):
    """YAML in which no key is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(map(str, keys))), f"a key is given twice {node.start_mark}"
        return super().construct_mapping(node, deep)


# The values

TEMPLATES = sorted((FOLDER / "templates").iterdir())


def default_values() -> dict:
    return yaml.load((FOLDER / "values.yaml").read_text(), StrictLoader)


def leaves(tree: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The paths of what stands in `tree` at the ends; an empty mapping is an end."""
    if isinstance(tree, dict) and tree:
        return {leaf for key, value in tree.items() for leaf in leaves(value, (*path, key))}
    return {path}


def used_paths() -> set[tuple[str, ...]]:
    """The paths of values that templates name; within `with` the rest of a path has no `.Values`."""
    paths = set()
    for file in TEMPLATES:
        text = file.read_text()
        for path in re.findall(r"\.Values((?:\.[A-Za-z0-9]+)+)", text):
            paths.add(tuple(path[1:].split(".")))
        for path, body in re.findall(
            r"\{\{-? with \.Values((?:\.\w+)+) -?\}\}(.*?)\n\{\{- end \}\}\n", text + "\n", re.S
        ):
            base = tuple(path[1:].split("."))
            if isinstance(_at(default_values(), base), dict):
                for inner in re.findall(r"[ (]\.([a-z][A-Za-z]+)\b", body):
                    if inner in _at(default_values(), base):
                        paths.add((*base, inner))
    return paths


def _at(tree: object, path: tuple[str, ...]) -> object:
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


def is_defined(path: tuple[str, ...]) -> bool:
    tree: object = default_values()
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True


# The objects

# What the API server demands beside apiVersion, kind and metadata.name: paths that must be there.
REQUIRED = {
    ("v1", "ConfigMap"): ["data"],
    ("v1", "Service"): ["spec.selector", "spec.ports"],
    ("v1", "ServiceAccount"): [],
    ("apps/v1", "StatefulSet"): [
        "spec.selector",
        "spec.serviceName",
        "spec.template.spec.containers",
    ],
    ("apps/v1", "Deployment"): ["spec.selector", "spec.template.spec.containers"],
    ("policy/v1", "PodDisruptionBudget"): ["spec.selector", "spec.maxUnavailable"],
    ("networking.k8s.io/v1", "NetworkPolicy"): ["spec.podSelector", "spec.ingress"],
    ("rbac.authorization.k8s.io/v1", "Role"): ["rules"],
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ["rules"],
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ["roleRef.name", "subjects"],
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ["roleRef.name", "subjects"],
    ("cert-manager.io/v1", "Issuer"): ["spec"],
    ("cert-manager.io/v1", "Certificate"): ["spec.secretName", "spec.issuerRef.name"],
    ("monitoring.coreos.com/v1", "ServiceMonitor"): ["spec.selector", "spec.endpoints"],
    ("monitoring.coreos.com/v1", "PrometheusRule"): ["spec.groups"],
    ("kamaji.clastix.io/v1alpha1", "DataStore"): [
        "spec.driver",
        "spec.endpoints",
        "spec.tlsConfig",
    ],
    ("byre.io/v1alpha1", "Tenant"): ["spec"],
    ("hypershift.openshift.io/v1beta1", "HostedCluster"): ["spec.etcd.unmanaged.endpoint"],
}
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "DataStore", "CustomResourceDefinition"}
LABELS = ["name", "instance", "version", "managed-by", "component", "part-of"]
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")


def field(tree: object, path: str) -> object:
    """What stands at `a.b.c`; None for nothing."""
    return _at(tree, tuple(path.split(".")))


def check_objects(objects: list[dict], given: set[str]) -> None:
    """What the API server or a controller would stumble over. `given` are Secrets of the user's."""
    seen = set()
    for it in objects:
        kind, name = it["kind"], it["metadata"]["name"]
        place = f"{it.get('_template', '')}: {kind} {name}"
        assert NAME.fullmatch(name), f"{place}: no name"
        required = REQUIRED.get((it["apiVersion"], kind))
        assert required is not None, f"{place}: of no known kind"
        for path in required:
            assert field(it, path) not in (None, "", []), f"{place}: {path} is missing"
        assert (kind in CLUSTER_WIDE) != ("namespace" in it["metadata"]), f"{place}: namespace"
        identity = (kind, it["metadata"].get("namespace"), name)
        assert identity not in seen, f"{place}: made twice"
        seen.add(identity)
    pods = [it["spec"]["template"] for it in objects if field(it, "spec.template.spec.containers")]
    _check_selectors(objects, pods)
    _check_references(objects, given)
    for pod in pods:
        _check_pod(pod)


def _check_selectors(objects: list[dict], pods: list[dict]) -> None:
    labels = [pod["metadata"]["labels"] for pod in pods]
    services = [it["metadata"]["labels"] for it in objects if it["kind"] == "Service"]
    for it in objects:
        place = f"{it['kind']} {it['metadata']['name']}"
        match it["kind"]:
            case "Service":
                wanted, among = it["spec"]["selector"], labels
            case "Deployment" | "StatefulSet":
                wanted = it["spec"]["selector"]["matchLabels"]
                among = [it["spec"]["template"]["metadata"]["labels"]]
            case "PodDisruptionBudget":
                wanted, among = it["spec"]["selector"]["matchLabels"], labels
            case "NetworkPolicy":
                wanted, among = it["spec"]["podSelector"]["matchLabels"], labels
            case "ServiceMonitor":
                wanted, among = it["spec"]["selector"]["matchLabels"], services
            case _:
                continue
        found = [it for it in among if wanted.items() <= it.items()]
        assert len(found) == 1, f"{place} selects {len(found)} of {len(among)}"


def _check_references(objects: list[dict], given: set[str]) -> None:
    names: dict[str, set[str]] = {}
    for it in objects:
        names.setdefault(it["kind"], set()).add(it["metadata"]["name"])
    secrets = given | {it["spec"]["secretName"] for it in objects if it["kind"] == "Certificate"}
    made = names.get("Issuer", set())
    for it in objects:
        place = f"{it['kind']} {it['metadata']['name']}"
        pod = field(it, "spec.template.spec")
        if pod:
            account = pod["serviceAccountName"]
            assert account in names.get("ServiceAccount", set()) | {"default"}, (
                f"{place}: {account}"
            )
            claims = {
                claim["metadata"]["name"] for claim in it["spec"].get("volumeClaimTemplates", [])
            }
            volumes = {volume["name"] for volume in pod["volumes"]} | claims
            mounted = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
            assert volumes == mounted, f"{place}: volumes {volumes} and mounts {mounted}"
            for volume in pod["volumes"]:
                if "secret" in volume:
                    assert volume["secret"]["secretName"] in secrets, f"{place}: {volume}"
                if "configMap" in volume:
                    assert volume["configMap"]["name"] in names["ConfigMap"], f"{place}: {volume}"
        if it["kind"] == "Certificate" and it["spec"]["issuerRef"]["name"].startswith(RELEASE):
            assert it["spec"]["issuerRef"]["name"] in made, f"{place}: issuer"
        if it["kind"] == "Issuer" and "ca" in it["spec"]:
            assert it["spec"]["ca"]["secretName"] in secrets, f"{place}: secret"
        if it["kind"].endswith("RoleBinding"):
            role = it["roleRef"]
            assert role["name"] in names.get(role["kind"], set()), f"{place}: {role}"
            for subject in it["subjects"]:
                assert subject["name"] in names["ServiceAccount"] | {"default"}, (
                    f"{place}: {subject}"
                )
        if it["kind"] == "DataStore":
            for part in it["spec"]["tlsConfig"].values():
                for one in part.values():
                    assert one["secretReference"]["name"] in secrets, f"{place}: {one}"


def _check_pod(pod: dict) -> None:
    """The restrictions of Kubernetes' profile `restricted`, and a root that is read-only."""
    spec = pod["spec"]
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True and security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    ports = set()
    for container in spec["containers"]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        ports |= {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in container:
                assert container[probe]["httpGet"]["port"] in ports, f"{probe}: no such port"


def secret_files(pod: dict, folder: Path) -> dict[str, Path]:
    """Where a test puts what the pod has mounted: the path in the pod, and that below `folder`."""
    mounts = [mount for container in pod["containers"] for mount in container["volumeMounts"]]
    return {
        mount["mountPath"]: folder / mount["mountPath"].strip("/").replace("/", "-")
        for mount in mounts
    }
