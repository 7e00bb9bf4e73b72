"""Private PostgreSQL clusters: made for a run, on a port of their own, gone afterwards.

`initdb` and `postgres` refuse to be root; a run as root starts them as the user `postgres`.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import paths
from harness.ports import ServerError, free_port

USER = "byre"
"""The role the servers use: it owns the databases, and is no superuser."""
DATABASE = "byre"
ADMINISTRATOR = "postgres"
READY_SECONDS_MAX = 60.0

# Durable as in production: fsync, synchronous_commit and full_page_writes keep their defaults.
SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "wal_level": "replica",
    "max_wal_senders": "8",
    "wal_keep_size": "256MB",
    "wal_receiver_status_interval": "1",
    "wal_retrieve_retry_interval": "100ms",
    "hot_standby": "on",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "jit": "off",
}

_clusters: set["Cluster"] = set()


def program(name: str) -> Path:
    """One of PostgreSQL's programs: of `BYRE_POSTGRES_BIN`, by default Debian's newest."""
    return paths.postgres_programs() / name


def is_installed() -> bool:
    return program("initdb").exists()


def _as_postgres(*words: object) -> list[str]:
    """A command line that runs as somebody who is not root, and ends with this process."""
    command = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() == 0:
        command += ["--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    return [*command, *(str(word) for word in words)]


class Cluster:
    """One PostgreSQL server process with its data directory."""

    def __init__(self, name: str = "primary") -> None:
        self.name = name
        # Not below a test's directory, which nobody but its owner may enter; a short path, because
        # that of a unix socket may not have more than 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="byre-pg-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self._log: list[str] = []
        if os.geteuid() == 0:
            postgres = pwd.getpwnam("postgres")
            os.chown(self.folder, postgres.pw_uid, postgres.pw_gid)
        _clusters.add(self)

    # Making one

    def create(self, **settings: str) -> "Cluster":
        """A new, empty cluster, started, with the role and the database of the servers."""
        self._run(
            program("initdb"), "--pgdata", self.data, "--username", ADMINISTRATOR,
            "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-instructions",
        )  # fmt: skip
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host replication all 127.0.0.1/32 trust\n")
        self._configure({**SETTINGS, **settings})
        self.start()
        self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD 'not-a-secret'", database="postgres")
        self.sql(f"CREATE DATABASE {DATABASE} OWNER {USER}", database="postgres")
        return self

    def create_standby(self, primary: "Cluster") -> "Cluster":
        """A copy of `primary` that follows it, started."""
        self._run(
            program("pg_basebackup"), "--pgdata", self.data, "--write-recovery-conf",
            "--checkpoint", "fast", "--wal-method", "stream", "--username", ADMINISTRATOR,
            "--dbname", f"host=127.0.0.1 port={primary.port} application_name={self.name}",
        )  # fmt: skip
        self._configure({})
        return self.start()

    def _configure(self, settings: dict[str, str]) -> None:
        settings = {
            **settings, "port": str(self.port), "unix_socket_directories": f"'{self.folder}'",
        }  # fmt: skip
        lines = [f"{name} = {value}" for name, value in settings.items()]
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join(lines) + "\n")

    # Life

    def start(self) -> "Cluster":
        """Starts the server and waits until it accepts connections."""
        assert not self.is_running()
        self.process = subprocess.Popen(
            _as_postgres(program("postgres"), "-D", self.data),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
        )
        threading.Thread(target=self._read_log, args=(self.process,), daemon=True).start()
        deadline = time.monotonic() + READY_SECONDS_MAX
        probe = [program("pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        while subprocess.run(probe, stdout=subprocess.DEVNULL).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL does not start\n{self.log_tail()}")
            time.sleep(0.05)
        return self

    def stop(self, mode: int = signal.SIGINT) -> None:
        """Stops it: SIGINT ends connections, SIGQUIT loses what is not yet in the files."""
        self.process.send_signal(mode)
        self._bury(60)

    def restart(self, mode: int = signal.SIGINT) -> None:
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """SIGKILL to every process of it at once, as when its machine goes away."""
        self.process.send_signal(signal.SIGSTOP)
        children = self.children()
        for pid in [self.process.pid, *children]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._bury(30)
        while any(Path(f"/proc/{pid}").exists() for pid in children):
            time.sleep(0.01)

    def promote(self) -> None:
        """Makes a standby the primary; returns when it accepts writes."""
        assert self.sql("SELECT pg_promote(true, 60)") == "t", "the standby is not promoted"

    def close(self) -> None:
        """The end of a fixture: the process and its files are gone afterwards."""
        if self.is_running():
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        _clusters.discard(self)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def _bury(self, seconds: float) -> None:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ServerError(f"PostgreSQL does not stop\n{self.log_tail()}") from None

    # Talking to it

    def url(self, schema: str | None = None, user: str = USER) -> str:
        """Where the servers find it, and in which schema their store is."""
        return postgres_url([self], schema, user)

    def sql(
        self, statement: str, *, database: str = DATABASE, user: str = ADMINISTRATOR,
        seconds: float = 60,
    ) -> str:  # fmt: skip
        """The output of a statement: columns separated by `|`."""
        done = subprocess.run(
            [
                program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.folder,
                "-p", str(self.port), "-U", user, "-d", database, "-c", statement,
            ],
            capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
        if done.returncode:
            raise ServerError(f"{statement}: {done.stderr.strip()}")
        return done.stdout.strip()

    def terminate_connections(self) -> int:
        """Cuts every connection of the servers, whatever it is doing. Returns how many."""
        count = self.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            f"WHERE usename = '{USER}' AND pid <> pg_backend_pid()"
        )
        return int(count)

    def connections(self) -> int:
        """How many connections the servers have."""
        return int(self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{USER}'"))

    def drop_schema(self, schema: str) -> None:
        self.sql(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')

    def log_tail(self, lines: int = 30) -> str:
        return "".join(self._log[-lines:])

    def _read_log(self, process: subprocess.Popen) -> None:
        for line in process.stderr:
            self._log.append(line.decode("utf-8", "replace"))
        process.stderr.close()

    def _run(self, *words: object) -> None:
        done = subprocess.run(
            _as_postgres(*words), capture_output=True, text=True, cwd=self.folder, timeout=120
        )
        if done.returncode:
            raise ServerError(f"{Path(words[0]).name}: {done.stdout}{done.stderr}")


class Pair:
    """A primary and a standby that has everything the primary ever acknowledged."""

    def __init__(self) -> None:
        self.primary = Cluster("primary")
        self.standby = Cluster("standby")
        try:
            self.primary.create()
            self.standby.create_standby(self.primary)
            self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            self.primary.sql("SELECT pg_reload_conf()")
            self._wait_synchronous()
        except BaseException:
            self.close()
            raise

    def url(self, schema: str) -> str:
        """Both hosts: libpq finds the one that accepts writes."""
        return postgres_url([self.primary, self.standby], schema) + "&target_session_attrs=read-write"

    def fail_over(self) -> None:
        """The primary's machine dies; the standby takes over."""
        self.primary.kill()
        self.standby.promote()

    def close(self) -> None:
        self.standby.close()
        self.primary.close()

    def _wait_synchronous(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while self.primary.sql("SELECT sync_state FROM pg_stat_replication") != "sync":
            if time.monotonic() > deadline:
                raise ServerError(f"no synchronous standby\n{self.standby.log_tail()}")
            time.sleep(0.05)


class Pooler:
    """A PgBouncer in transaction mode before a cluster, with few connections to it."""

    PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")

    def __init__(self, cluster: Cluster, size: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="byre-pooler-"))
        self.port = free_port()
        settings = {
            "listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "",
            "auth_type": "any", "pool_mode": "transaction", "default_pool_size": size,
            "max_client_conn": 500,
        }  # fmt: skip
        lines = [
            "[databases]",
            f"{DATABASE} = host=127.0.0.1 port={cluster.port} user={USER}",
            "[pgbouncer]",
            *(f"{name} = {value}" for name, value in settings.items()),
        ]
        (self.folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            postgres = pwd.getpwnam("postgres")
            for path in (self.folder, self.folder / "pgbouncer.ini"):
                os.chown(path, postgres.pw_uid, postgres.pw_gid)
        self.process = subprocess.Popen(
            _as_postgres(self.PROGRAM, "-q", self.folder / "pgbouncer.ini"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + READY_SECONDS_MAX
        probe = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(probe, stdout=subprocess.DEVNULL).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerError("PgBouncer does not start")
            time.sleep(0.05)

    def url(self, schema: str) -> str:
        host = f"postgresql://{USER}@127.0.0.1:{self.port}"
        return f"{host}/{DATABASE}?schema={schema}&pooled=true"

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def postgres_url(clusters: list[Cluster], schema: str | None, user: str = USER) -> str:
    hosts = ",".join(f"127.0.0.1:{cluster.port}" for cluster in clusters)
    query = f"?schema={schema}" if schema else ""
    return f"postgresql://{user}@{hosts}/{DATABASE}{query}"


@atexit.register
def _close_the_rest() -> None:
    for cluster in list(_clusters):
        cluster.close()
