"""deploy/OPERATING.md: the blocks that begin with `sh tested` are run, with other paths and hosts."""

import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness import paths, postgres, processes
from harness.admin import Admin
from harness.api import Client, types
from harness.paths import REPOSITORY
from harness.ports import free_port

OPERATING = REPOSITORY / "deploy" / "OPERATING.md"
LARGE = 200
"""Keys that a tenant has, so that there is more than one row of everything."""

pytestmark = [
    pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own commands"),
    pytest.mark.sqlite_only("starts both kinds of stores by itself"),
]


def blocks() -> dict[str, list[str]]:
    """The blocks of the page, in order, by their names."""
    found: dict[str, list[str]] = {}
    pattern = r"^```sh tested (\S+)\n(.*?)^```$"
    for name, text in re.findall(pattern, OPERATING.read_text(), re.M | re.S):
        found.setdefault(name, []).append(text)
    return found


@dataclass(eq=False)
class Machine:
    """A folder that stands for a machine, with the programs that the page calls."""

    folder: Path
    places: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bin", "lib", "run", "run-new", "backups", "etc"):
            (self.folder / name).mkdir()
        (self.folder / "bin" / "byre").symlink_to(paths.byre())
        self.places = {
            "/var/lib/byre": str(self.folder / "lib"),
            "/var/backups": str(self.folder / "backups"),
            "/run/byre-new": str(self.folder / "run-new"),
            "/run/byre": str(self.folder / "run"),
            "/etc/byre": str(self.folder / "etc"),
            **self.places,
        }

    @property
    def admin_url(self) -> str:
        return f"unix:{self.folder}/run/admin.sock"

    def here(self, text: str) -> str:
        """A text of the page with this machine's paths."""
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text

    def run(self, name: str, number: int = 0) -> str:
        """Runs a block as it stands on the page."""
        return self.shell(blocks()[name][number])

    def shell(self, text: str) -> str:
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", self.here(text)],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{self.folder}/bin:{postgres.program('psql').parent}:{os.environ['PATH']}",
                "BYRE_ADMIN": self.admin_url,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def serve(self, *listeners: str, store: str = "", run: str = "run") -> "Serving":
        """A Byre whose tenant `acme` has a port of its own, unless there are other listeners."""
        server = Serving(paths.byre(), self.folder / "lib")
        lines = listeners or [f'{{url: "http://127.0.0.1:{server.port}", tenant: acme}}']
        store = store or f"sqlite://{self.folder}/lib/byre.db"
        server.file = self.folder / f"{run}.yaml"
        server.file.write_text(
            "\n".join(
                [
                    f'stores: [{{name: main, url: "{store}"}}]',
                    "listeners:",
                    *(f"  - {line}" for line in lines),
                    f'admin: {{url: "unix:{self.folder}/{run}/admin.sock"}}',
                ]
            )
            + "\n"
        )
        return server


class Serving(processes.Server):
    """A server with a configuration file."""

    file: Path

    def command(self) -> list[str]:
        return [str(self.program), "serve", "--config", str(self.file)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def fill(client: Client) -> None:
    for number in range(LARGE):
        client.put(b"k%03d" % number, b"v%d" % number)


def contents(client: Client) -> tuple[int, list[tuple[bytes, bytes, int]]]:
    """The revision of a tenant, and its keys with values and revisions."""
    answer = client.get_prefix(b"k")
    return answer.header.revision, [(kv.key, kv.value, kv.mod_revision) for kv in answer.kvs]


def test_one_tenant_is_restored(machine: Machine) -> None:
    with machine.serve() as server:
        Admin(machine.admin_url, machine.folder)("create", "acme")
        uid = machine.shell("byre tenant show acme -o json | grep '\"uid\"'")
        with Client(server.target) as client:
            fill(client)
            before = contents(client)
        machine.run("restore-one", 0)
        with Client(server.target) as client:
            client.delete(b"k", range_end=b"l")
        machine.run("restore-one", 1)
        assert machine.shell("byre tenant show acme -o json | grep '\"uid\"'") == uid
        with Client(server.target) as client:
            assert contents(client) == before


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no sqlite3")
def test_all_tenants_on_sqlite_are_restored(machine: Machine) -> None:
    with machine.serve() as server:
        admin = Admin(machine.admin_url, machine.folder)
        admin("create", "acme")
        # Where there are dedicated tenants, one of them is in a file of its own.
        own = admin.run("create", "own", "--isolation", "dedicated").returncode == 0
        with Client(server.target) as client:
            fill(client)
            before = contents(client)
        # What was written comes to SQLite as soon as nobody writes.
        settle(machine.folder / "lib" / "byre.db", LARGE)
        machine.run("backup-sqlite")
        with Client(server.target) as client:
            client.delete(b"k", range_end=b"l")
        assert "in order" in machine.run("verify"), "a served store cannot be checked"
        server.stop()
        machine.run("restore-sqlite")
        server.start()
        with Client(server.target) as client:
            assert contents(client) == before
        assert ("own" in admin("list")) == own


def settle(database: Path, keys: int) -> None:
    """Returns when that many keys of acme can be read with SQL."""
    query = "SELECT count(*) FROM live_key WHERE tenant = 'acme'"
    for _ in range(200):
        done = subprocess.run(
            ["sqlite3", "-readonly", str(database), query], capture_output=True, text=True
        )
        if done.stdout.strip() == str(keys):
            return
    raise AssertionError(f"not settled: {done.stdout}{done.stderr}")


@pytest.fixture(scope="module")
def cluster():
    if not postgres.is_installed():
        pytest.skip("PostgreSQL is not installed")
    cluster = postgres.Cluster().create()
    yield cluster
    cluster.close()


@pytest.fixture
def on_postgres(machine: Machine, cluster: postgres.Cluster) -> str:
    """The URL of the store of the page, which is empty."""
    cluster.drop_schema("byre")
    machine.places["postgresql://byre@pg.example/byre"] = cluster.url()
    return cluster.url("byre")


@pytest.mark.postgres
def test_all_tenants_on_postgresql_are_restored(machine: Machine, on_postgres: str) -> None:
    with machine.serve(store=on_postgres) as server:
        Admin(machine.admin_url, machine.folder)("create", "acme")
        with Client(server.target) as client:
            fill(client)
            before = contents(client)
        machine.run("backup-postgres")
        with Client(server.target) as client:
            client.delete(b"k", range_end=b"l")
        server.stop()
        machine.run("restore-postgres")
        server.start()
        with Client(server.target) as client:
            assert contents(client) == before


@pytest.mark.postgres
def test_a_tenant_moves_from_sqlite_to_postgresql(machine: Machine, on_postgres: str) -> None:
    """With its certificates: those of its UID are good on the new server, too."""
    authority(machine)
    old_port, new_port = free_port(), free_port()
    with (
        machine.serve(secure(machine, old_port)) as _,
        machine.serve(secure(machine, new_port), store=on_postgres, run="run-new") as _,
    ):
        machine.shell("byre tenant create acme --quota-bytes 1Gi")
        machine.shell("byre tenant certificate acme --ca /etc/byre/ca --out acme")
        for number in range(20):
            etcdctl(machine, old_port, "put", f"k{number}", f"v{number}")
        before = etcdctl(machine, old_port, "get", "k", "--prefix", "--write-out", "fields")
        machine.run("move", 0)
        after = etcdctl(machine, new_port, "get", "k", "--prefix", "--write-out", "fields")
        assert contents_of(before) == contents_of(after)
        assert "no such" not in etcdctl(machine, new_port, "put", "k", "v")
        machine.run("move", 1)
        listed = machine.shell("byre tenant list --deleted")
        assert re.search(r"^acme +deleting", listed, re.M), listed


def contents_of(fields: str) -> list[str]:
    """What etcdctl tells of keys, without who answered."""
    answerer = re.compile(r'"(ClusterID|MemberID|RaftTerm)"')
    return [line for line in fields.splitlines() if not answerer.match(line)]


def authority(machine: Machine) -> None:
    """The page's authority, with a server's certificate, trusted by itself."""
    machine.shell("byre ca init --out /etc/byre/ca && cp /etc/byre/ca/ca.crt /etc/byre/trusted.crt")
    machine.run("renew-server")


def secure(machine: Machine, port: int) -> str:
    return machine.here(
        f'{{url: "https://127.0.0.1:{port}", tenant: {{from: [uriSAN]}}, tls: {{certificate: '
        "/etc/byre/server/tls.crt, key: /etc/byre/server/tls.key, clientCA: /etc/byre/trusted.crt}}"
    )


def etcdctl(
    machine: Machine, port: int, *words: str, ca: str = "acme/ca.crt", own: str = "acme"
) -> str:
    """What a client of acme is told. `own` has its certificate, `ca` whom it trusts."""
    done = try_etcdctl(machine, port, *words, ca=ca, own=own)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def try_etcdctl(
    machine: Machine, port: int, *words: str, ca: str, own: str
) -> subprocess.CompletedProcess:
    command = [
        paths.etcd("etcdctl"), "--endpoints", f"https://127.0.0.1:{port}", "--cacert", ca,
        "--cert", f"{own}/tls.crt", "--key", f"{own}/tls.key", "--command-timeout", "3s",
        "--dial-timeout", "2s", *words,
    ]  # fmt: skip
    return subprocess.run(
        [machine.here(str(word)) for word in command],
        cwd=machine.folder, capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def test_authorities_change_without_cutting_anybody_off(machine: Machine) -> None:
    authority(machine)
    port = free_port()
    with machine.serve(secure(machine, port)):
        machine.shell("byre tenant create acme")
        machine.shell("byre tenant certificate acme --ca /etc/byre/ca --out acme")
        etcdctl(machine, port, "put", "a", "1")

        def shown() -> str:
            return ssl.get_server_certificate(("127.0.0.1", port))

        def works(ca: str, own: str) -> bool:
            return try_etcdctl(machine, port, "get", "a", ca=ca, own=own).returncode == 0

        first = shown()

        machine.run("rotate-1")
        # Whoever has not got the new file yet, and whoever has.
        assert works("acme/ca.crt", "acme") and works("/etc/byre/both.crt", "acme")

        machine.run("rotate-2")
        wait_for(lambda: shown() != first)
        # The old certificate and the new one, each with the file that trusts both.
        wait_for(lambda: works("/etc/byre/both.crt", "/etc/byre/acme"))
        etcdctl(machine, port, "put", "a", "2", ca="/etc/byre/both.crt")
        etcdctl(machine, port, "put", "a", "3", ca="/etc/byre/both.crt", own="/etc/byre/acme")

        machine.run("rotate-3")
        wait_for(lambda: not works("/etc/byre/both.crt", "acme"))
        etcdctl(machine, port, "put", "a", "4", ca="/etc/byre/ca-new/ca.crt", own="/etc/byre/acme")


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Returns when the condition holds: files are looked at every few seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def test_space_is_given_to_a_tenant_that_has_none_left(machine: Machine) -> None:
    with machine.serve() as server:
        Admin(machine.admin_url, machine.folder)(
            "create", "acme", "--quota-bytes", "200Ki", "--space-mode", "headroom"
        )
        with Client(server.target) as client:
            refused = None
            for number in range(100):
                refused = client.call(
                    "Put", types.PutRequest(key=b"k%d" % number, value=b"v" * 10_000)
                )
                if not refused.ok:
                    break
            assert "database space exceeded" in refused.details
            machine.run("nospace")
            client.put(b"more", b"v" * 10_000)
            shown = json.loads(machine.shell("byre tenant usage acme -o json"))
            assert shown["usage"]["alarms"] == []


def test_a_mistake_in_declarations_is_shown(machine: Machine) -> None:
    help_text = subprocess.run([paths.byre(), "controller", "--help"], capture_output=True)
    if help_text.returncode:
        pytest.skip("this Byre has no controller")
    file = machine.folder / "etc" / "tenants.yaml"
    with machine.serve():
        file.write_text("tenants:\n  - {name: acme}\n")
        assert "acme" in machine.run("dry-run")
        file.write_text("tenants:\n  - {name: acme, limit: 1}\n")
        with pytest.raises(AssertionError, match=r"tenants\.yaml:2:\d+"):
            machine.run("dry-run")


def test_every_block_of_the_page_is_run() -> None:
    """Each is named by a test above."""
    source = Path(__file__).read_text()
    run = set(re.findall(r'machine\.run\("([a-z0-9-]+)"(?:, (\d+))?\)', source))
    there = {
        (name, str(number) if len(texts) > 1 else "")
        for name, texts in blocks().items() for number in range(len(texts))
    }  # fmt: skip
    assert len(there) > 10
    assert run == there
