"""A full disk: writes get an error, reads go on, and when there is space again so does everything.

Once with a small file system of its own, which needs root, and once with a limit on the size of files.
"""

import errno
import os
import re
import resource
import subprocess
import time
from pathlib import Path

import grpc
import pytest

from harness import paths, processes
from harness.api import Client, types
from harness.history import History, Writer, check_writes
from test_crash import verify

pytestmark = [
    pytest.mark.skipif(paths.byre().name == "etcd", reason="etcd panics"),
    pytest.mark.sqlite_only("the disk that fills up is that of the file"),
]

FILE_SYSTEM_BYTES = 48 << 20
RESUME_SECONDS_MAX = 15.0
ERRORS = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}


class SmallDisk:
    """A tmpfs that a filler file can use up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        options = f"size={FILE_SYSTEM_BYTES}"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "byre-test", str(folder)],
            capture_output=True,
            text=True,
        )
        if mounted.returncode != 0:
            pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
        self.filler = folder / "filler"

    def start(self) -> processes.Server:
        return processes.byre(self.folder / "data").start()

    def fill(self, server: processes.Server) -> None:
        descriptor = os.open(self.filler, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(descriptor, bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC
        finally:
            os.close(descriptor)

    def free(self, server: processes.Server) -> None:
        self.filler.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


class FileLimit:
    """RLIMIT_FSIZE: no file may grow beyond a size, which can be raised again from outside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> processes.Server:
        # Without this, writing beyond the limit is answered with a deadly signal.
        prefix = ("env", "--ignore-signal=XFSZ")
        return processes.byre(self.folder / "data", prefix=prefix).start()

    def fill(self, server: processes.Server) -> None:
        largest = max(
            path.stat().st_size for path in (self.folder / "data").rglob("*") if path.is_file()
        )
        self._limit(server, largest + 65_536)

    def free(self, server: processes.Server) -> None:
        self._limit(server, resource.RLIM_INFINITY)

    def close(self) -> None:
        pass

    @staticmethod
    def _limit(server: processes.Server, bytes: int) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (bytes, hard))


@pytest.fixture(params=[SmallDisk, FileLimit], ids=["small disk", "file limit"])
def disk(request, tmp_path):
    disk = request.param(tmp_path / "disk")
    yield disk
    disk.close()


@pytest.fixture
def server(disk):
    server = disk.start()
    yield server
    server.close()


def fill_up(disk, server, writers: list[Writer]) -> None:
    """Takes the space away while writers are at it, until one of them is refused."""
    for writer in writers:
        writer.start()
    disk.fill(server)
    deadline = time.monotonic() + 30
    while not all(_failing(writer) for writer in writers):
        assert time.monotonic() < deadline, "writes go on without space"
        time.sleep(0.05)


def _failing(writer: Writer) -> bool:
    return len(writer.writes) > 3 and not any(write.revision for write in writer.writes[-3:])


def put_ok(client: Client) -> bool:
    return client.call("Put", types.PutRequest(key=b"probe", value=b"x" * 100), seconds=5).ok


def wait_resumed(client: Client) -> None:
    deadline = time.monotonic() + RESUME_SECONDS_MAX
    while not put_ok(client):
        assert time.monotonic() < deadline, "no writes, though there is space again"
        time.sleep(0.1)


def test_service_goes_on_and_resumes(disk, server) -> None:
    pid = server.pid
    writers = [Writer(f"w{number}", server.target) for number in range(3)]
    with Client(server.target) as client, client.watch() as watching:
        watching.create(key=b"\0", range_end=b"\0")
        client.put(b"before", b"there")
        fill_up(disk, server, writers)
        for writer in writers:
            writer.stop()
        # Reads go on, linearizable ones too, and of history.
        assert client.get(b"before").kvs[0].value == b"there"
        assert client.get(b"before", revision=2).count == 1
        assert client.get(b"\0", range_end=b"\0", count_only=True).count > 0
        assert client.must("Status").version
        answer = client.call(
            "Put", types.PutRequest(key=b"big", value=b"v" * 1_000_000), seconds=10
        )
        assert answer.code in ERRORS, answer
        revision = client.revision()
        time.sleep(0.3)
        assert client.revision() == revision, "a refused write came about after all"

        disk.free(server)
        wait_resumed(client)
        assert server.pid == pid and server.is_running()
        assert client.put(b"after").header.revision > revision
        assert watching.wait_for(
            lambda it: any(event.kv.key == b"after" for event in it.events.get(0, ()))
        ), "the watch did not survive"
        for writer in writers:
            writer.start()
        time.sleep(0.5)
        for writer in writers:
            writer.stop()
        _check(client, writers)
    server.kill()
    server.start()
    with Client(server.target) as client:
        _check(client, writers)
    assert server.stop() == 0
    verify(server)
    for writer in writers:
        writer.close()


def _check(client: Client, writers: list[Writer]) -> None:
    history = History(client)
    history.check_gapless()
    history.check_previous_values()
    # Puts of the test itself are not the writers'.
    for revision, events in list(history.events.items()):
        own = [event for event in events if event.kv.key in (b"before", b"after", b"probe", b"big")]
        if own:
            history.events[revision] = [event for event in events if event not in own]
    acknowledged, _ = check_writes(history, writers)
    assert acknowledged > 10


def test_a_restart_without_space_serves_reads_or_says_what_it_needs(disk, server) -> None:
    with Client(server.target) as client:
        for number in range(100):
            client.put(b"k%d" % number, b"v" * 1000)
        if isinstance(disk, FileLimit):
            pytest.skip("the limit belongs to the process")
        disk.fill(server)
        puts = [
            client.call(
                "Put", types.PutRequest(key=b"x%d" % number, value=b"v" * 10_000), seconds=5
            )
            for number in range(50)
        ]
        kept = sum(put.ok for put in puts)
    server.kill()
    try:
        server.start()
    except processes.ServerError:
        # What it asks for is enough.
        told = re.search(r"disk is full.* free (\d+) bytes", server.log_text())
        assert told, f"it did not start and did not say what to do:\n{server.log_tail()}"
        os.truncate(disk.filler, disk.filler.stat().st_size - int(told[1]))
        server.start()
    with Client(server.target) as client:
        assert client.get(b"k", range_end=b"l", count_only=True).count == 100
        assert client.get(b"x", range_end=b"y", count_only=True).count == kept
        disk.free(server)
        wait_resumed(client)


def test_deletes_and_compaction_help_where_they_can(disk, server) -> None:
    """With the space gone nothing hangs: deletes and compaction answer, whichever way."""
    with Client(server.target) as client:
        for number in range(300):
            client.put(b"k%d" % (number % 30), b"v" * 10_000)
        disk.fill(server)
        for _ in range(200):
            if not client.call(
                "Put", types.PutRequest(key=b"x", value=b"v" * 50_000), seconds=5
            ).ok:
                break
        deleted = client.call("DeleteRange", types.DeleteRangeRequest(key=b"k0"), seconds=10)
        assert deleted.ok or deleted.code in ERRORS, deleted
        revision = client.revision()
        compacted = client.call(
            "Compact", types.CompactionRequest(revision=revision, physical=True), seconds=10
        )
        assert compacted.ok or compacted.code in ERRORS, compacted
        disk.free(server)
        wait_resumed(client)
        if compacted.ok:
            refused = client.call("Range", types.RangeRequest(key=b"k1", revision=revision - 1))
            assert refused.code is grpc.StatusCode.OUT_OF_RANGE
    assert os.path.exists(server.data_dir)
