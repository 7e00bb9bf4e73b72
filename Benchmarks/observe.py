"""What processes and directories are seen to use."""

import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# How long memory may take to settle, how often it is looked at, and what change is none.
SETTLE_SECONDS, SETTLE_INTERVAL, SETTLE_BYTES = 3.0, 0.2, 1 << 20
# `st_blocks` counts these, whatever the blocks of the file system are.
BLOCK_BYTES = 512


def resident_bytes(pids: list[int]) -> int:
    """Memory in use by processes, their children left out."""
    fields = [Path(f"/proc/{pid}/statm").read_text().split() for pid in pids]
    return sum(int(it[1]) for it in fields) * PAGE_BYTES


def settled_bytes(pids: list[int]) -> int:
    """Memory in use by processes once it no longer changes by itself."""
    last = resident_bytes(pids)
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        time.sleep(SETTLE_INTERVAL)
        now = resident_bytes(pids)
        if abs(now - last) < SETTLE_BYTES:
            return now
        last = now
    return last


def disk_bytes(folder: Path) -> int:
    """What all files in a directory take of the disk."""
    return sum(it.stat().st_blocks * BLOCK_BYTES for it in folder.rglob("*") if it.is_file())


def cache_bytes(url: str) -> float:
    """What Byre says that its cache of values holds; 0 of a server that says nothing of one."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as page:
        text = page.read().decode()
    found = re.search(r"^byre_cache_bytes (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0


class Fsyncs:
    """Counts the syncs of processes while it is open, by strace: it slows them down."""

    CALLS = "fsync,fdatasync,sync_file_range"

    def __init__(self, pids: list[int], folder: Path) -> None:
        self.output = folder / "strace"
        words = ["strace", "-f", "-c", "-e", f"trace={self.CALLS}", "-o", str(self.output)]
        for pid in pids:
            words += ["-p", str(pid)]
        self.process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        time.sleep(0.5)

    def close(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)
        text = self.output.read_text()
        counts = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*sync", text, re.MULTILINE)
        return sum(map(int, counts))
