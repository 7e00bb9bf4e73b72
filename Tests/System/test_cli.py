"""The command line: bad input is refused in one line and changes nothing; started as `etcd` it is one."""

import hashlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from harness import paths, processes
from harness.api import Client, types
from harness.processes import EtcdServer, free_port

pytestmark = pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own command line")


def digest(folder: Path) -> dict[str, str]:
    """Every file below a folder and what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(words: list[object], **options: object) -> str:
    """Runs a command that must fail quickly with one line on standard error; returns the line."""
    done = processes.run(words, seconds=20, **options)
    assert done.returncode != 0, f"accepted: {words}"
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, f"one clear line, not:\n{done.stderr}"
    assert "Fatal error" not in lines[0] and "Swift" not in lines[0], lines[0]
    return lines[0]


def serve(data_dir: Path, *flags: str) -> list[object]:
    url = f"http://127.0.0.1:{free_port()}"
    return [paths.byre(), "serve", "--data-dir", data_dir, "--listen-client-urls", url, *flags]


@pytest.mark.parametrize(
    "flags, named",
    [
        (["--nonsense"], "nonsense"),
        (["--nonsense=1"], "nonsense"),
        (["surplus"], "surplus"),
        (["--quota-backend-bytes=many"], "quota-backend-bytes"),
        (["--quota-backend-bytes"], "quota-backend-bytes"),
        (["--max-txn-ops=-1"], "max-txn-ops"),
        (["--watch-progress-notify-interval=5"], "watch-progress-notify-interval"),
        (["--auto-compaction-mode=sometimes"], "auto-compaction-mode"),
        (["--auto-compaction-retention=soon"], "auto-compaction-retention"),
        (["--client-cert-auth=maybe"], "client-cert-auth"),
        (["--cert-file=/nonexistent/a.crt"], "cert"),
        (["--listen-client-urls=127.0.0.1:1"], "127.0.0.1:1"),
        (["--listen-client-urls=ftp://127.0.0.1:1"], "ftp"),
        (["--listen-client-urls=http://127.0.0.1:notaport"], "notaport"),
        (["--listen-client-urls="], "listen-client-urls"),
    ],
)
def test_bad_flags_are_refused_and_nothing_is_made(flags, named, tmp_path) -> None:
    data = tmp_path / "data"
    assert named in refused(serve(data, *flags))
    assert not data.exists()


@pytest.mark.parametrize(
    "words", [["nonsense"], ["serve", "serve"], ["verify"], ["verify", "--nonsense"]]
)
def test_bad_commands_are_refused(words) -> None:
    refused([paths.byre(), *words])


def test_help_is_complete() -> None:
    overview = processes.run([paths.byre(), "--help"])
    assert overview.returncode == 0
    for command in ("serve", "verify"):
        assert command in overview.stdout
        help = processes.run([paths.byre(), command, "--help"])
        assert help.returncode == 0 and "--data-dir" in help.stdout and not help.stderr
    serve_help = processes.run([paths.byre(), "serve", "--help"]).stdout
    for flag in (
        "listen-client-urls", "advertise-client-urls", "cert-file", "key-file", "trusted-ca-file",
        "client-cert-auth", "quota-backend-bytes", "watch-progress-notify-interval", "max-txn-ops",
        "max-request-bytes", "auto-compaction-mode", "auto-compaction-retention", "store",
    ):  # fmt: skip
        assert f"--{flag}" in serve_help, f"--{flag} is not in the help"


# Directories that are not ours


def _sqlite(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


FOREIGN = {
    "rubbish in the database file": lambda data: (data / "byre.db").write_bytes(b"rubbish" * 1000),
    "somebody else's database": lambda data: _sqlite(data / "byre.db", "create table mine (a)"),
    "a directory in the database's place": lambda data: (data / "byre.db").mkdir(),
    "real etcd's data": lambda data: (
        (data / "member" / "snap").mkdir(parents=True)
        or (data / "member" / "snap" / "db").write_bytes(b"\0" * 4096)
    ),
}


@pytest.mark.sqlite_only("is about files of SQLite")
@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_directory_is_refused_and_left_alone(name, tmp_path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    FOREIGN[name](data)
    before = digest(data)
    line = refused(serve(data))
    assert str(data) in line
    assert digest(data) == before


@pytest.mark.sqlite_only("writes into the file; test_postgres.py has its like")
def test_a_store_of_an_unknown_newer_version_is_refused(byre) -> None:
    byre.stop()
    (database,) = byre.data_dir.glob("*.db")
    with sqlite3.connect(database) as connection:
        (version,) = connection.execute("pragma user_version").fetchone()
        assert version > 0, "the store states no schema version"
        connection.execute(f"pragma user_version = {version + 1000}")
    connection.close()
    before = digest(byre.data_dir)
    line = refused(byre.command())
    assert str(version + 1000) in line
    # The lock file may have come and gone; the data may not.
    after = digest(byre.data_dir)
    assert {name: after.get(name) for name in before} == before


def test_a_data_directory_that_cannot_be_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "file" in refused(serve(tmp_path / "file"))
    assert "file" in refused(serve(tmp_path / "file" / "below"))
    assert refused(serve(Path("/proc/nonexistent")))
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_may_not_be_written_is_refused(tmp_path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o500)
    assert str(data) in refused(serve(data))


def test_a_port_in_use_is_refused(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        data = tmp_path / "data"
        words = [paths.byre(), "serve", "--data-dir", data]
        line = refused([*words, "--listen-client-urls", f"http://127.0.0.1:{port}"])
        assert str(port) in line
        assert not data.exists() or not any(data.iterdir()), "something was made on disk"


def test_a_unix_socket_left_by_a_killed_server_is_taken_over(start_byre, tmp_path) -> None:
    path = tmp_path / "s"
    server = start_byre(unix_socket=path)
    server.kill()
    assert path.exists()
    server.start()
    with Client(server.target) as client:
        client.put(b"a")
    server.stop()
    assert not path.exists(), "a clean stop leaves no socket behind"


def test_a_unix_socket_in_use_is_not_taken_over(start_byre, tmp_path) -> None:
    path = tmp_path / "s"
    server = start_byre(unix_socket=path)
    words = [paths.byre(), "serve", "--data-dir", tmp_path / "second"]
    refused([*words, f"--listen-client-urls=unix://{path}"])
    with Client(server.target) as client:
        client.put(b"still here")


def test_what_is_in_the_way_of_a_unix_socket_is_not_removed(tmp_path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    words = [paths.byre(), "serve", "--data-dir", tmp_path / "data"]
    assert "precious" in refused([*words, f"--listen-client-urls=unix://{path}"])
    assert path.read_text() == "data"


# Serving


def test_ready_line_and_version(byre) -> None:
    assert processes.READY_LINE in byre.log_text()
    done = processes.run([paths.byre(), "--version"])
    assert done.returncode == 0 and "3.7.1" in done.stdout


def test_several_addresses_at_once(start_byre, tmp_path) -> None:
    path, port = tmp_path / "s", free_port()
    server = start_byre(f"--listen-client-urls=http://127.0.0.1:{port},unix://{path}")
    with Client(f"127.0.0.1:{port}") as tcp, Client(f"unix:{path}") as unix:
        tcp.put(b"a", b"1")
        assert unix.get(b"a").kvs[0].value == b"1"
    assert server.is_running()


def test_interrupt_stops_it_too(byre) -> None:
    byre.signal(signal.SIGINT)
    assert byre.process.wait(5) == 0


def test_values_and_keys_are_never_logged(byre) -> None:
    with Client(byre.target) as client:
        client.put(b"secret-key", b"secret-value")
        client.call("Put", b"\x0a\x0asecret-key\x12")
        client.call("Range", b"\x0a\xffsecret-key")
        client.call_bytes("/etcdserverpb.KV/secret-method", b"secret-value")
    byre.stop()
    assert "secret-" not in byre.log_text()


# The etcd personality


@pytest.fixture
def etcd_link(tmp_path) -> Path:
    link = tmp_path / "bin" / "etcd"
    link.parent.mkdir()
    link.symlink_to(paths.byre())
    return link


def test_started_as_etcd_it_states_etcds_version(etcd_link) -> None:
    done = processes.run([etcd_link, "--version"])
    assert done.returncode == 0
    assert done.stdout.startswith("etcd Version: 3.7.1\n"), done.stdout


FRAMEWORK_FLAGS = (
    "--name=test0", "--initial-cluster-token=new", "--snapshot-count=10000",
    "--initial-cluster-state=new", "--heartbeat-interval=50", "--election-timeout=500",
    "--max-concurrent-streams=100", "--watch-progress-notify-interval=100ms",
    "--compaction-batch-limit=10", "--feature-gates=LeaseCheckpoint=true",
    "--strict-reconfig-check=false", "--metrics=extensive", "--log-level=info",
    "--auth-token-ttl=300", "--force-new-cluster=false",
)  # fmt: skip


def test_flags_of_etcds_own_test_framework(etcd_link, tmp_path) -> None:
    server = EtcdServer(etcd_link, tmp_path / "data", FRAMEWORK_FLAGS)
    server.flags += (f"--listen-metrics-urls=http://127.0.0.1:{free_port()}",)
    words = [word for word in server.command() if "unsafe-no-fsync" not in word]
    words = [word.replace("default=", "test0=") for word in words]
    server.command = lambda: words
    with server, Client(server.target) as client:
        client.put(b"a")
        members = client.must("MemberList").members
        assert [list(member.clientURLs) for member in members] == [[server.url]]
        assert [member.name for member in members] == ["test0"]


def test_flags_of_kubernetes_integration_tests(etcd_link, tmp_path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    server = EtcdServer(etcd_link, data, unix_socket=data / "etcd.sock")
    server.command = lambda: [
        str(word)
        for word in (
            etcd_link, "--data-dir", data, "--listen-client-urls", f"unix://{data}/etcd.sock",
            "--advertise-client-urls", "http://127.0.0.111:0", "--listen-peer-urls",
            "http://127.0.0.1:0", "-log-level", "warn", "--quota-backend-bytes", "8589934592",
        )
    ]  # fmt: skip
    # With `warn` no ready line need come: the socket accepts, that is the sign.
    server.start(wait=False)
    try:
        with Client(server.target) as client:
            waited = client.call("Status", types.StatusRequest(), wait_for_ready=True)
            assert waited.message.version == "3.7.1"
            assert client.must("Status").dbSizeQuota == 8_589_934_592
        assert server.stop(seconds=5) == 0
    finally:
        server.close()


def test_environment_stands_for_flags(etcd_link, tmp_path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "ETCD_DATA_DIR": str(tmp_path / "data"),
        "ETCD_LISTEN_CLIENT_URLS": url,
        "ETCD_ADVERTISE_CLIENT_URLS": url,
        "ETCD_QUOTA_BACKEND_BYTES": "123456789",
        "ETCD_NAME": "from-environment",
        "ETCD_SNAPSHOT_COUNT": "5",
    }
    server = EtcdServer(etcd_link, tmp_path / "data", environment=environment, port=port)
    server.command = lambda: [str(etcd_link), "--name=from-flag"]
    with server, Client(server.target) as client:
        assert client.must("Status").dbSizeQuota == 123456789
        assert client.must("MemberList").members[0].name == "from-flag"
    assert (tmp_path / "data").is_dir()


def test_what_only_etcd_can_do_is_refused_not_ignored(etcd_link, tmp_path) -> None:
    refused([etcd_link, "--nonsense-flag=1", f"--data-dir={tmp_path / 'data'}"])
    refused([etcd_link, "gateway", "start"])
    assert not (tmp_path / "data").exists()


def test_auto_compaction_by_revision_is_accepted_and_harmless(start_byre) -> None:
    server = start_byre("--auto-compaction-mode=revision", "--auto-compaction-retention=10")
    with Client(server.target) as client:
        for number in range(30):
            client.put(b"a", b"%d" % number)
        assert client.get(b"a").kvs[0].value == b"29"


@pytest.mark.sqlite_only("writes into the file; test_postgres.py has its like")
def test_verify_finds_damage(byre) -> None:
    with Client(byre.target) as client:
        for number in range(50):
            client.put(b"k%d" % number, b"v")
    byre.stop()
    command = [paths.byre(), "verify", "--data-dir", byre.data_dir]
    (database,) = byre.data_dir.glob("*.db")
    before = database.read_bytes()
    assert processes.run(command).returncode == 0
    assert database.read_bytes() == before, "verify changed the store"
    with sqlite3.connect(database) as connection:
        connection.execute("delete from kv where mod_revision = 20")
    connection.close()
    done = processes.run(command)
    assert done.returncode != 0 and "20" in done.stdout + done.stderr


def test_verify_of_nothing_is_refused(tmp_path) -> None:
    assert str(tmp_path) in refused([paths.byre(), "verify", "--data-dir", tmp_path / "none"])
    assert not (tmp_path / "none").exists()


@pytest.mark.sqlite_only("is about sqlite3")
def test_a_person_can_read_the_store(byre) -> None:
    """SQL is the product's second interface."""
    with Client(byre.target) as client:
        client.put(b"/registry/pods/default/web", b'{"kind":"Pod"}')
        byre.stop()
    (database,) = byre.data_dir.glob("*.db")
    done = subprocess.run(
        ["sqlite3", "-readonly", str(database), "select count(*) from kv; select name from tenant"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"1\ndefault\n", done.stdout)
