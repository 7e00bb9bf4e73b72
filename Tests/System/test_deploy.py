"""What is in deploy/: the chart, the image, the units, the rules, the dashboard, the examples."""

import fnmatch
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness import admin as tenants
from harness import chart, paths, postgres, processes, promql, sandbox
from harness.admin import Admin
from harness.api import Client
from harness.certs import Authority
from harness.chart import StrictLoader
from harness.paths import REPOSITORY
from harness.processes import free_port

DEPLOY = REPOSITORY / "deploy"
RULES = DEPLOY / "prometheus" / "byre.rules.yaml"
DASHBOARD = DEPLOY / "grafana" / "byre.json"
OPERATING = DEPLOY / "OPERATING.md"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
NOBODY = 65_532
"""The user of the image."""

pytestmark = [
    pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own files"),
    pytest.mark.sqlite_only("is about files"),
]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")
needs_helm = pytest.mark.skipif(chart.helm is None, reason="no Helm for this machine")


def run(*words: object, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=120, **options
    )


def tool(name: str) -> Path:
    """A program of the tests' own environment, or of the system."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is missing: make test installs it"
    return Path(found)


# The chart

ON_POSTGRES = {"store": {"type": "postgresql", "postgresql": {"existingSecret": "store"}}}
EVERYTHING = {
    "controller": {"enabled": True, "namespace": "a", "extraArgs": ["--once"]},
    "kamaji": {"enabled": True},
    "networkPolicy": {"enabled": True, "clients": [{"podSelector": {}}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "a"}},
    "prometheusRule": {"enabled": True},
    "grafanaDashboard": {"enabled": True},
    "commonLabels": {"team": "a"},
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": [{"name": "pull"}]},
    "tls": {"dnsNames": ["db.example"]},
    "service": {"annotations": {"a": "b"}, "type": "LoadBalancer"},
    "nodeSelector": {"a": "b"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "settings": {"limits": {"connections": 1_000_000}},
}
OWN_SECRETS = {
    "tls": {
        "certManager": {"enabled": False}, "serverSecret": "s", "authoritySecret": "a",
        "signingSecret": "g", "administratorSecret": "d",
    },
    "kamaji": {"enabled": True, "clientSecret": "k"},
    "controller": {"enabled": True},
}  # fmt: skip
# The values of an installation, and the Secrets that must be there before it.
INSTALLATIONS = {
    "defaults": ({}, set()),
    "postgresql": (ON_POSTGRES, {"store"}),
    "everything on sqlite": (EVERYTHING, set()),
    "everything on postgresql": ({**EVERYTHING, **ON_POSTGRES}, {"store"}),
    "own secrets": (OWN_SECRETS, {"s", "a", "g", "d", "k"}),
    "an issuer": (
        {"tls": {"certManager": {"issuerRef": {"name": "i", "kind": "ClusterIssuer"}}}}, set()
    ),
    "a claim": (
        {"store": {"sqlite": {"persistence": {"existingClaim": "c"}}},
         "serviceAccount": {"create": False}},
        set(),
    ),
    "names": ({"fullnameOverride": "x" * 80, "nameOverride": "y"}, set()),
    **{
        path.stem: (
            yaml.load(path.read_text(), StrictLoader),
            {"byre-store", "byre-server", "byre-authority"},
        )
        for path in (DEPLOY / "examples").glob("values-*.yaml")
    },
}  # fmt: skip


@needs_helm
@pytest.mark.parametrize("name", INSTALLATIONS)
def test_the_chart_makes_what_kubernetes_takes(name: str) -> None:
    values, secrets = INSTALLATIONS[name]
    objects = chart.render(values)
    chart.check_objects(objects, secrets)
    for it in objects:
        for label in chart.LABELS:
            assert f"app.kubernetes.io/{label}" in it["metadata"]["labels"], it["metadata"]
    kinds = [it["kind"] for it in objects]
    on_postgres = (values.get("store") or {}).get("type") == "postgresql"
    assert kinds.count("StatefulSet") == (0 if on_postgres else 1)
    assert kinds.count("PodDisruptionBudget") == (1 if on_postgres else 0)


@needs_helm
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"store": {"type": "postgresql"}}, "existingSecret"),
        ({"store": {"type": "mysql"}}, "type"),
        ({"tls": {"certManager": {"enabled": False}}}, "tls.serverSecret"),
        (
            {"tls": {"certManager": {"enabled": False}, "serverSecret": "s"}},
            "tls.authoritySecret",
        ),
        (
            {"kamaji": {"enabled": True}, "tls": {"certManager": {"issuerRef": {"name": "i"}}}},
            "tls.signingSecret",
        ),
        ({"replica": 2}, "replica"),
        ({"replicas": 0}, "replicas"),
        ({"store": {"sqlite": {"persistence": {"accessModes": ["ReadWriteMany"]}}}}, "accessModes"),
    ],
)
def test_the_chart_refuses_what_cannot_work(values: dict, told: str) -> None:
    with pytest.raises(chart.Refused, match=re.escape(told)):
        chart.render(values)


@needs_helm
def test_the_chart_keeps_to_helms_rules() -> None:
    assert chart.lint() == []
    assert "byre tenant create" in chart.render_texts({})["byre/templates/NOTES.txt"]


def test_every_value_is_used_and_every_used_one_is_there() -> None:
    used = chart.used_paths()
    unknown = {path for path in used if not chart.is_defined(path)}
    assert not unknown, f"values.yaml has no {unknown}"
    idle = {
        leaf for leaf in chart.leaves(chart.default_values())
        if not any(leaf[: len(path)] == path or path[: len(leaf)] == leaf for path in used)
    }  # fmt: skip
    assert not idle, f"no template uses {idle}"


def test_the_schema_knows_every_value() -> None:
    schema = json.loads((chart.FOLDER / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    values = chart.default_values()
    assert list(jsonschema.Draft7Validator(schema).iter_errors(values)) == []
    for leaf in chart.leaves(values):
        node = schema
        for key in leaf:
            if "properties" not in node:
                break
            assert key in node["properties"], f"values.schema.json has no {'.'.join(leaf)}"
            node = node["properties"][key]


@needs_helm
def test_the_chart_brings_the_rules_the_dashboard_and_the_custom_resource() -> None:
    objects = {it["kind"]: it for it in chart.render(EVERYTHING)}
    rules = yaml.safe_load(RULES.read_text())
    assert objects["PrometheusRule"]["spec"] == rules
    dashboard = [
        it for it in chart.render(EVERYTHING) if it["metadata"]["name"].endswith("-dashboard")
    ]
    assert json.loads(dashboard[0]["data"]["byre.json"]) == json.loads(DASHBOARD.read_text())
    elsewhere = chart.render(
        {"prometheusRule": {"enabled": True, "runbookBase": "https://docs.example/ops"}}
    )
    text = json.dumps(elsewhere)
    assert "https://docs.example/ops#byrenospace" in text and "deploy/OPERATING.md#" not in text
    with chart.helm.Chart.load(chart.FOLDER) as loaded:
        assert [Path(it["name"]).name for it in loaded.crds] == ["tenants.byre.io.yaml"]


@needs_helm
@pytest.mark.parametrize("values", [{}, EVERYTHING, OWN_SECRETS], ids=["plain", "all", "own"])
def test_byre_serves_with_the_charts_configuration(tmp_path: Path, values: dict) -> None:
    check_serving(tmp_path, values, "StatefulSet")


@needs_helm
@pytest.mark.postgres
def test_byre_serves_with_the_charts_configuration_on_postgresql(tmp_path: Path) -> None:
    """The URL is in a Secret of the user's, and nowhere else."""
    cluster = postgres.Cluster().create()
    try:
        check_serving(tmp_path, ON_POSTGRES, "Deployment", cluster.url("byre"))
        assert cluster.sql("SELECT count(*) FROM byre.tenant") == "1"
    finally:
        cluster.close()


def check_serving(tmp_path: Path, values: dict, kind: str, store: str = "") -> None:
    """The ConfigMap as it is, with the pod's mounts elsewhere, until the probes are content."""
    objects = chart.render(values)
    config = next(it for it in objects if it["kind"] == "ConfigMap")["data"]["byre.yaml"]
    pod = next(it for it in objects if it["kind"] == kind)["spec"]["template"]["spec"]
    mounts = chart.secret_files(pod, tmp_path)
    authority = Authority(tmp_path / "made")
    certificate, key = authority.issue("server")
    for folder in mounts.values():
        folder.mkdir()
    shutil.copy(certificate, mounts["/etc/byre/server"] / "tls.crt")
    shutil.copy(key, mounts["/etc/byre/server"] / "tls.key")
    shutil.copy(authority.cert, mounts["/etc/byre/authority"] / "ca.crt")
    if store:
        (mounts["/etc/byre/store"] / "url").write_text(store + "\n")
    ports = {port: free_port() for port in ("2379", "2381", "2390")}
    for inside, outside in sorted(mounts.items(), reverse=True):
        config = config.replace(inside, str(outside))
    for inside, outside in ports.items():
        config = config.replace(f"0.0.0.0:{inside}", f"127.0.0.1:{outside}")
    file = mounts["/etc/byre/config"] / "byre.yaml"
    file.write_text(config)
    args = [
        arg.replace("/etc/byre/config", str(file.parent)) for arg in pod["containers"][0]["args"]
    ]
    with Program(args) as server:
        probe = pod["containers"][0]["readinessProbe"]["httpGet"]
        assert probe["port"] == "metrics"
        url = f"http://127.0.0.1:{ports['2381']}{probe['path']}"
        with urllib.request.urlopen(url) as answer:
            assert answer.status == 200
        if yaml.safe_load(config)["admin"]["url"].startswith("https:"):
            check_administrator(objects, authority, tmp_path, ports["2390"])
        assert server.stop() == 0


def check_administrator(objects: list[dict], authority: Authority, folder: Path, port: int) -> None:
    """Who has the certificate that the controller has may use the admin API; others may not."""
    made = [it for it in objects if it["kind"] == "Certificate" and "uris" in it["spec"]]
    uris = made[0]["spec"]["uris"] if made else ["urn:byre:administrator"]
    for name, uri, status in [("controller", uris[0], 0), ("other", "urn:byre:nobody", 6)]:
        certificate, key = authority.issue(name, client=True, names=[f"URI:{uri}"])
        done = run(
            paths.byre(), "tenant", "list", "--admin", f"https://127.0.0.1:{port}",
            "--admin-cacert", authority.cert, "--admin-cert", certificate, "--admin-key", key,
        )  # fmt: skip
        assert done.returncode == status, done.stderr


@needs_helm
def test_the_flags_of_the_charts_controller_are_understood() -> None:
    help_text = run(paths.byre(), "controller", "--help").stdout
    if "--kubernetes" not in help_text:
        pytest.skip("this Byre does not know Kubernetes")
    for it in chart.render({"controller": {"enabled": True, "namespace": "a"}}):
        if it["kind"] == "Deployment":
            [container] = it["spec"]["template"]["spec"]["containers"]
            for arg in container["args"][1:]:
                assert re.search(rf"^ +{arg.split('=')[0]}\b", help_text, re.M), arg


class Program(processes.Server):
    """Byre with arguments of any kind."""

    def __init__(self, args: list[str], **options: object) -> None:
        super().__init__(paths.byre(), Path("."), tuple(args), **options)

    def command(self) -> list[str]:
        return [str(self.program), *self.flags]


# The image

DOCKERFILE = DEPLOY / "Dockerfile"


def test_the_dockerfile_keeps_to_the_linters_rules() -> None:
    done = run(tool("hadolint"), DOCKERFILE)
    assert done.returncode == 0, done.stdout


def test_the_image_copies_what_there_is() -> None:
    ignored = [
        line.removeprefix("**/")
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.M)
    assert sources
    for source in " ".join(sources).split():
        assert (REPOSITORY / source).exists(), source
        assert not any(fnmatch.fnmatch(source, pattern) for pattern in ignored), source
    # What the manifest names must be in the image that builds.
    manifest = (REPOSITORY / "Package.swift").read_text()
    for folder in set(re.findall(r'path: "(\w+)/', manifest)) | {"Sources"}:
        assert folder in " ".join(sources).split(), folder


def test_the_image_has_the_packages_of_the_libraries() -> None:
    build, final = DOCKERFILE.read_text().split("\nFROM ${DEBIAN_IMAGE}")
    makefile = (REPOSITORY / "Makefile").read_text()
    for package in re.search(r"BUILD_PACKAGES := (.*)", makefile).group(1).split():
        assert f" {package} " in f"{build} ", f"{package} is missing where it is built"
    if shutil.which("dpkg-query") is None:
        pytest.skip("this is no Debian")
    needed = re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", paths.byre()).stdout)
    assert "libsqlite3.so.0" in needed
    found = dict(re.findall(r"^\s*(\S+) => (/\S+)", run("ldd", paths.byre()).stdout, re.M))
    for library in needed:
        path = Path(found.get(library, "/nowhere")).resolve()
        owner = run("dpkg-query", "--search", path)
        if owner.returncode:
            # Swift's own, which the image's executable has in it, or of the base.
            continue
        package = owner.stdout.split(":")[0]
        if package not in ("libc6", "libgcc-s1"):
            assert f" {package} " in final, f"{library} of {package} is missing in the image"


@needs_root
def test_byre_runs_in_the_image(tmp_path: Path) -> None:
    """The program and its libraries, nothing else: a root that is read-only, without a shell."""
    root = tmp_path / "root"
    for folder in ("usr/bin", "var/lib/byre", "run/byre", "proc", "dev"):
        (root / folder).mkdir(parents=True)
    libraries = re.findall(r"(?:=> |^\s*)(/\S+)", run("ldd", paths.byre()).stdout, re.M)
    for library in libraries:
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    shutil.copy(paths.byre(), root / "usr/bin/byre")
    text = DOCKERFILE.read_text()
    entry = json.loads(re.search(r"^ENTRYPOINT (\[.*\])", text, re.M).group(1))
    command = re.search(r"^CMD (\[.*\])", text, re.M | re.S).group(1)
    words = entry + json.loads(command.replace("\\\n", ""))
    assert f"USER {NOBODY}:{NOBODY}" in text and "STOPSIGNAL SIGTERM" in text
    client, metrics = free_port(), free_port()
    words = [
        word.replace("0.0.0.0:2379", f"127.0.0.1:{client}")
        .replace("0.0.0.0:2381", f"127.0.0.1:{metrics}")
        for word in words
    ]  # fmt: skip
    script = f"""
        set -e
        mount --bind {root} {root}
        mount -o remount,bind,ro {root}
        mount -t tmpfs -o uid={NOBODY},gid={NOBODY} data {root}/var/lib/byre
        mount -t tmpfs -o uid={NOBODY},gid={NOBODY} run {root}/run/byre
        mount --rbind /proc {root}/proc
        exec setpriv --no-new-privs chroot --userspec={NOBODY}:{NOBODY} {root} "$@"
    """
    inner = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *words]
    if run("unshare", "--mount", "true").returncode:
        pytest.skip("mounts cannot be made here")
    with Inside(inner, port=client):
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/livez") as answer:
            assert answer.status == 200
        with Client(f"127.0.0.1:{client}") as etcd:
            etcd.put(b"a", b"b")


class Controller(Program):
    """A controller, which does not say that it is ready."""

    def wait_ready(self, seconds: float = 0) -> None:
        assert self.process is not None


class Inside(processes.Server):
    """Byre, started by something else that ends in it."""

    def __init__(self, words: list[str], **options: object) -> None:
        super().__init__(paths.byre(), Path("."), **options)
        self.words = words

    def command(self) -> list[str]:
        return self.words


# The units


@pytest.mark.parametrize("path", UNITS, ids=lambda it: it.stem)
def test_a_unit_is_well_formed_and_confined(tmp_path: Path, path: Path) -> None:
    """`verify` wants the program to be there; the level of exposure is at most 1.5 of 10."""
    unit = tmp_path / path.name
    unit.write_text(path.read_text().replace("/usr/bin/byre", str(paths.byre())))
    done = run("systemd-analyze", "verify", unit)
    about = [line for line in done.stderr.splitlines() if path.stem + ".service" in line]
    assert not about, "\n".join(about)
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=15", unit)
    assert done.returncode == 0, done.stdout[-600:]


@pytest.mark.parametrize("path", UNITS, ids=lambda it: it.stem)
def test_a_units_command_line_is_understood(path: Path) -> None:
    words = re.sub(r"\\\n", " ", sandbox.Unit(path).service("ExecStart")).split()
    assert words[0] == "/usr/bin/byre"
    done = run(paths.byre(), words[1], "--help")
    if words[1] == "controller" and not has_controller():
        pytest.skip("this Byre has no controller")
    for word in words[2:]:
        if word.startswith("--"):
            assert re.search(rf"{word.split('=')[0]}\b", done.stdout), f"{word} is unknown"


def test_the_units_user_is_made() -> None:
    """The file is read, and nothing done."""
    done = run("systemd-sysusers", "--dry-run", DEPLOY / "systemd" / "byre.sysusers")
    assert done.returncode == 0, done.stderr
    for path in UNITS:
        assert sandbox.Unit(path).service("User") == "byre"


def test_byre_works_under_the_units_filters(tmp_path: Path) -> None:
    """System calls, writable code, kinds of sockets; on SQLite, over TCP, unix sockets and TLS."""
    if not Path("/proc/sys/kernel/seccomp").exists():
        pytest.skip("this kernel has no seccomp")
    port, metrics = free_port(), free_port()
    script = Path(sandbox.__file__)
    privileges = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    if os.geteuid() == 0:
        privileges += ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    data = tmp_path / "data"
    data.mkdir()
    files = Authority(tmp_path / "ca").server_files(mutual=True)
    if os.geteuid() == 0:
        for path in [data, *tmp_path.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        for folder in [tmp_path, *tmp_path.parents[:3]]:
            folder.chmod(folder.stat().st_mode | 0o011)
    words = [
        "setpriv", *privileges, "--pdeathsig", "KILL",
        sys.executable, str(script), str(DEPLOY / "systemd" / "byre.service"),
        str(paths.byre()), "serve", "--data-dir", str(data),
        "--listen-client-urls", f"https://127.0.0.1:{port},unix://{data}/c.sock",
        "--listen-metrics-urls", f"http://127.0.0.1:{metrics}", *files.server_flags(),
    ]  # fmt: skip
    with Inside(words, port=port) as server:
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert re.search(r"^Seccomp:\s+2$", status, re.M), "no filter is loaded"
        assert re.search(r"^CapBnd:\s+0+$", status, re.M), "it has capabilities"
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics") as answer:
            page = answer.read().decode()
        assert "\nprocess_resident_memory_bytes " in page
        with Client(f"unix:{data}/c.sock") as etcd:
            for number in range(50):
                etcd.put(b"k%d" % number, b"v" * 1000)
        admin = Admin(f"unix:{data}/admin.sock", tmp_path)
        if os.geteuid() == 0:
            admin("create", "acme")
            admin("delete", "acme", "--now")
        assert server.stop() == 0, server.log_tail()
    assert "error" not in server.log_text(), server.log_tail()


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_the_service_manager_is_told(tmp_path: Path, kind: str) -> None:
    name = str(tmp_path / "notify") if kind == "path" else f"@byre-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name if kind == "path" else "\0" + name[1:])
        manager.settimeout(10)
        args = ["serve", "--data-dir", str(tmp_path / "data"), "--listen-client-urls"]
        url = f"http://127.0.0.1:{free_port()}"
        with Program([*args, url], environment={"NOTIFY_SOCKET": name}) as server:
            assert manager.recv(100) == b"READY=1"
            server.stop()
            assert manager.recv(100) == b"STOPPING=1"


# Rules and dashboard


def test_the_rules_are_well_formed_and_fire_as_they_should() -> None:
    done = run(tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(tool("promtool"), "test", "rules", RULES.with_suffix(".test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> dict[str, dict]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_every_alert_has_a_test_and_a_section() -> None:
    tested = yaml.safe_load(RULES.with_suffix(".test.yaml").read_text())["tests"]
    assert {it["name"] for it in tested} == set(alerts())
    text = OPERATING.read_text()
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "description", "runbook_url"} == rule["annotations"].keys()
        assert rule["annotations"]["runbook_url"] == f"deploy/OPERATING.md#{name.lower()}"
        section = re.search(rf"^### {name}\n\n(.+?)(?=^#|\Z)", text, re.M | re.S)
        assert section and len(section.group(1)) > 100, f"OPERATING.md: what to do about {name}"
    headings = re.findall(r"^### (Byre\w+)$", text, re.M)
    assert sorted(headings) == sorted(alerts()), "OPERATING.md has a section of no alert"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The metrics of a server with tenants, certificates, and calls of all kinds behind it."""
    folder = tmp_path_factory.mktemp("metrics")
    port = free_port()
    authority = Authority(folder / "ca")
    certificate, key = authority.issue("server")
    server = tenants.TenantServer(paths.byre(), folder / "data")
    server.ports["acme"] = free_port()
    server.listeners.append(
        f'{{url: "https://127.0.0.1:{free_port()}", tenant: {{from: [commonName]}}, tls: '
        f"{{certificate: {certificate}, key: {key}, clientCA: {authority.cert}}}}}"
    )
    server.settings.append(f'metrics: [{{url: "http://127.0.0.1:{port}"}}]')
    with server:
        Admin(server.admin_url, folder)("create", "acme")
        with server.client("acme") as client:
            client.put(b"a", b"b")
            client.get(b"a")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            page = promql.exported(answer.read().decode())
        return {**page, **controllers_metrics(folder, server.admin_url)}


def controllers_metrics(folder: Path, admin_url: str) -> dict[str, set[str]]:
    """The metrics of a controller that has made a tenant of a file."""
    if not has_controller():
        return {}
    assert run(paths.byre(), "ca", "init", "--out", folder / "authority").returncode == 0
    file, port = folder / "tenants.yaml", free_port()
    file.write_text("tenants: [{name: declared, certificate: {lifetime: 720h}}]\n")
    url = f"http://127.0.0.1:{port}"
    words = [
        "controller", "--file", str(file), "--admin", admin_url, "--listen-metrics-url", url,
        "--ca", str(folder / "authority"), "--credentials", str(folder / "credentials"),
    ]  # fmt: skip
    with Controller(words) as controller:
        deadline = time.monotonic() + 20
        while True:
            assert controller.is_running() and time.monotonic() < deadline, controller.log_tail()
            try:
                with urllib.request.urlopen(f"{url}/metrics") as answer:
                    page = answer.read().decode()
            except OSError:
                continue
            if 'certificate_renewal_timestamp_seconds{tenant="declared"}' in page:
                return promql.exported(page)
            time.sleep(0.05)


def has_controller() -> bool:
    return run(paths.byre(), "controller", "--help").returncode == 0


def recorded() -> dict[str, set[str]]:
    """What the recording rules make, each with the labels that it keeps."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {
        rule["record"]: promql.grouping_labels(rule["expr"]) - {"le"}
        for group in groups for rule in group["rules"] if "record" in rule
    }  # fmt: skip


def check_query(query: str, page: dict[str, set[str]]) -> None:
    """Every metric and label of a query is one that Byre exports, or that a rule records."""
    known = {**page, **recorded(), "up": set()}
    found = promql.names(query)
    assert found, f"no metric in {query}"
    labels = set(promql.TARGET_LABELS)
    for name, matched in found.items():
        if name.startswith("byre_controller_") and not has_controller():
            return
        assert name in known, f"{name}, which Byre does not export: {query}"
        missing = matched - known[name] - promql.TARGET_LABELS
        assert not missing, f"{name} has no {missing}: {query}"
        labels |= known[name]
    missing = promql.grouping_labels(query) - labels
    assert not missing, f"grouped by {missing}, which nothing has: {query}"


def test_the_rules_are_about_what_byre_exports(page: dict[str, set[str]]) -> None:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            check_query(rule["expr"], page)
            known = {**page, **recorded(), "up": set()}
            if "byre_controller_" in rule["expr"] and not has_controller():
                continue
            labels = promql.TARGET_LABELS.union(*(known[it] for it in promql.names(rule["expr"])))
            for label in re.findall(r"\$labels\.(\w+)", json.dumps(rule.get("annotations", {}))):
                assert label in labels, f"{rule['alert']}: no label {label}"


def test_the_dashboard_is_about_what_byre_exports(page: dict[str, set[str]]) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    shown = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len(shown) > 20
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))
    variables = {it["name"] for it in dashboard["templating"]["list"]}
    for panel in shown:
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        for target in panel["targets"]:
            query = target["expr"]
            for variable in re.findall(r"\$(\w+)", query):
                assert variable in variables | {"__rate_interval"}, f"{variable}: {query}"
            check_query(query.replace("$__rate_interval", "5m"), page)
    for it in dashboard["templating"]["list"]:
        if it["type"] == "query":
            query, label = re.fullmatch(r"label_values\((.+), (\w+)\)", it["definition"]).groups()
            check_query(query, page)
            assert label in promql.TARGET_LABELS | page[next(iter(promql.names(query)))]


def test_the_dashboards_queries_can_be_parsed(tmp_path: Path) -> None:
    queries = [
        target["expr"].replace("$__rate_interval", "5m").replace("$", "")
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", [])
    ]
    rules = [{"record": f"q:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = run(tool("promtool"), "check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


# The examples


def documents(name: str) -> list[dict]:
    return list(yaml.load_all((DEPLOY / "examples" / name).read_text(), StrictLoader))


def test_the_example_of_a_configuration_serves(tmp_path: Path) -> None:
    """`byre.yaml` with the files that `byre ca` makes for it, and a tenant's etcdctl."""
    authority = tmp_path / "ca"
    for words in (["init", "--out", authority], ["server", "--ca", authority, "--out",
                  tmp_path / "server", "--host", "127.0.0.1"]):  # fmt: skip
        done = run(paths.byre(), "ca", *words)
        assert done.returncode == 0, done.stderr
    port, metrics = free_port(), free_port()
    text = (DEPLOY / "examples" / "byre.yaml").read_text()
    text = text.replace("/var/lib/byre", str(tmp_path)).replace("/run/byre", str(tmp_path))
    text = text.replace("0.0.0.0:2379", f"127.0.0.1:{port}")
    text = text.replace("127.0.0.1:2381", f"127.0.0.1:{metrics}")
    (tmp_path / "byre.yaml").write_text(text)
    with Program(["serve", "--config", str(tmp_path / "byre.yaml")]):
        admin = Admin(f"unix:{tmp_path}/admin.sock", tmp_path)
        admin("create", "acme")
        admin("certificate", "acme", "--ca", authority, "--out", tmp_path / "acme")
        files = tmp_path / "acme"
        done = run(
            paths.etcd("etcdctl"), "--endpoints", f"https://127.0.0.1:{port}",
            "--cacert", files / "ca.crt", "--cert", files / "tls.crt", "--key", files / "tls.key",
            "put", "a", "b",
        )  # fmt: skip
        assert done.stdout.strip() == "OK", done.stderr


def test_the_controller_makes_the_example_of_tenants_so(tmp_path: Path) -> None:
    """`tenants.yaml`, with the flags of the controller's unit."""
    unit = sandbox.Unit(DEPLOY / "systemd" / "byre-controller.service")
    words = re.sub(r"\\\n", " ", unit.service("ExecStart")).split()[1:]
    if not has_controller():
        pytest.skip("this Byre has no controller")
    etc = tmp_path / "etc"
    assert run(paths.byre(), "ca", "init", "--out", etc / "ca").returncode == 0
    shutil.copy(DEPLOY / "examples" / "tenants.yaml", etc)
    places = {
        "/etc/byre": etc,
        "/run/byre": tmp_path,
        "/var/lib/byre-controller": tmp_path / "made",
    }
    for there, here in places.items():
        words = [word.replace(there, str(here)) for word in words]
    at = words.index("--listen-metrics-url")
    words[at : at + 2] = ["--once"]
    server = tenants.TenantServer(paths.byre(), tmp_path)
    server.ports["acme"] = free_port()
    with server:
        done = run(paths.byre(), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        admin = Admin(server.admin_url, tmp_path)
        made = {it["name"]: it for it in json.loads(admin("list", "-o", "json"))["tenants"]}
        assert {"acme", "globex"} <= made.keys()
        assert made["acme"]["limits"]["writesPerSecond"] == 2_000
    assert {it.name for it in (tmp_path / "made" / "acme").iterdir()} >= {
        "ca.crt", "tls.crt", "tls.key", "endpoint",
    }  # fmt: skip


@needs_helm
def test_the_examples_for_kubernetes_fit_the_chart() -> None:
    """Names and addresses are those of a release `byre` in the namespace `byre`."""
    service = "byre.byre.svc:2379"
    [store] = documents("kamaji-datastore.yaml")
    with chart.helm.Chart.load(chart.FOLDER) as loaded:
        made = loaded.render({"kamaji": {"enabled": True}}, name="byre", namespace="byre")
    own = yaml.safe_load(made["byre/templates/kamaji.yaml"])
    assert store["spec"] == own["spec"] and store["metadata"]["name"] == own["metadata"]["name"]
    secrets = {
        it["spec"]["secretName"]
        for it in yaml.safe_load_all(made["byre/templates/certificates.yaml"])
        if it["kind"] == "Certificate"
    }
    assert {"byre-ca", "byre-kamaji"} <= secrets
    objects = documents("two-api-servers.yaml")
    wanted = {
        volume["secret"]["secretName"]
        for it in objects if it["kind"] == "Deployment"
        for volume in it["spec"]["template"]["spec"]["volumes"] if volume["name"] == "etcd"
    }  # fmt: skip
    written = [it["spec"]["credentials"]["secretName"] for it in objects if it["kind"] == "Tenant"]
    assert wanted == set(written) and len(written) == 2
    for it in objects:
        if it["kind"] == "Deployment":
            [container] = it["spec"]["template"]["spec"]["containers"]
            assert f"--etcd-servers=https://{service}" in container["command"]
            assert (
                it["spec"]["selector"]["matchLabels"]
                == it["spec"]["template"]["metadata"]["labels"]
            )
    [cluster] = documents("vcluster.yaml")
    assert cluster["controlPlane"]["backingStore"]["etcd"]["external"]["endpoint"] == service
    [hosted] = documents("hypershift.yaml")
    assert hosted["spec"]["etcd"]["unmanaged"]["endpoint"] == f"https://{service}"
    [tenant] = documents("tenant.yaml")
    secret = hosted["spec"]["etcd"]["unmanaged"]["tls"]["clientSecret"]["name"]
    assert secret == tenant["spec"]["credentials"]["hyperShift"]["secretName"]


def test_the_tenants_of_the_examples_are_what_the_custom_resource_says() -> None:
    resource = yaml.safe_load((DEPLOY / "crds" / "tenants.byre.io.yaml").read_text())
    version = resource["spec"]["versions"][0]
    schema = _closed(version["schema"]["openAPIV3Schema"])
    found = [
        it for name in ("tenant.yaml", "two-api-servers.yaml") for it in documents(name)
        if it["kind"] == "Tenant"
    ]  # fmt: skip
    assert len(found) == 3
    for it in found:
        assert it["apiVersion"] == f"{resource['spec']['group']}/{version['name']}"
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(it))
        assert not errors, errors


def _closed(schema: dict) -> dict:
    """A schema in which, as an API server prunes what is unknown, nothing unknown may stand."""
    closed = dict(schema)
    if closed.pop("x-kubernetes-int-or-string", False):
        closed.pop("anyOf", None)
        closed["type"] = ["integer", "string"]
    if "properties" in closed:
        closed["properties"] = {key: _closed(it) for key, it in closed["properties"].items()}
        closed["additionalProperties"] = False
    if isinstance(closed.get("items"), dict):
        closed["items"] = _closed(closed["items"])
    return closed


def test_the_examples_for_others_name_one_tenants_files() -> None:
    [kubeadm] = documents("kubeadm.yaml")
    external = kubeadm["etcd"]["external"]
    assert kubeadm["kind"] == "ClusterConfiguration"
    assert set(external) == {"endpoints", "caFile", "certFile", "keyFile"}
    [k3s] = documents("k3s.yaml")
    assert (
        {Path(external[it]).name for it in ("caFile", "certFile", "keyFile")}
        == {Path(k3s[f"datastore-{it}"]).name for it in ("cafile", "certfile", "keyfile")}
        == {"ca.crt", "tls.crt", "tls.key"}
    )
