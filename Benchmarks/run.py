"""Runs rows and keeps their numbers, within a time."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rows import Guests, Pace, Part, Row
from servers import Server

# Above this share of its one core, byre-bench may be what is measured.
GENERATOR_BUSY_PERCENT = 85


class TimeUp(Exception):
    """The time for measuring is over."""


class Budget:
    """The time of a run, of which a part is kept for stopping servers and for the report."""

    END_SECONDS = 5.0

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.began = time.monotonic()

    @property
    def used(self) -> float:
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds for measuring; 0 once there are none."""
        return max(0.0, self.limit - self.END_SECONDS - self.used)

    @contextmanager
    def alarm(self) -> Iterator[None]:
        """Raises TimeUp in the body, whatever it waits for, once there is no time left."""

        def ring(number: int, frame: object) -> None:
            raise TimeUp

        before = signal.signal(signal.SIGALRM, ring)
        try:
            signal.setitimer(signal.ITIMER_REAL, max(self.left, 0.001))
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


class Run:
    """Rows measured so far, and those there was no time for."""

    def __init__(
        self, bench: str, folder: Path, pace: Pace, budget: Budget,
        others: list[Server] = (), durable: str | None = None, only: list[str] = (),
    ) -> None:  # fmt: skip
        """`others` are measured in each row that needs nothing but an endpoint.

        `durable` is the program of an etcd that answers a put only when it is on disk.
        """
        self.bench, self.folder, self.pace, self.budget = bench, folder, pace, budget
        self.others, self.durable, self.only = list(others), durable, list(only)
        self.guests = Guests(len(self.others), durable is not None)
        self.rows: list[dict] = []
        self.cut: list[str] = []
        # How long all that is wanted should take.
        self.planned_seconds = 0.0
        # What kept a part from being measured to its end.
        self.failures: list[str] = []

    def wants(self, row: Row) -> bool:
        return any(word in row.id for word in self.only or [""])

    def wanted(self, part: Part) -> list[Row]:
        """The rows of a part that there is time for, its servers' start included; cuts the rest."""
        wanted = [row for row in part.rows if self.wants(row)]
        if not wanted:
            return []
        used, rows = part.start, []
        self.planned_seconds += part.start
        for row in wanted:
            seconds = part.row_planned(row, self.pace, self.guests)
            self.planned_seconds += seconds
            if used + seconds > self.budget.left:
                self.cut_off(row)
            else:
                used += seconds
                rows.append(row)
        return rows

    def cut_off(self, row: Row) -> None:
        """Notes that there was no time for a row, unless it has been measured."""
        if row.title not in self.cut and all(row.id != it["id"] for it in self.rows):
            self.cut.append(row.title)
            print(f"{row.title}: cut, as the time is over", flush=True)

    def measure(
        self, row: Row, servers: list[Server], extra: list[str] = (), joins: bool | None = None
    ) -> None:
        """Runs byre-bench for a row on some servers, and on the others if the row is for them."""
        if row.joins if joins is None else joins:
            servers = [*servers, *self.others]
        pace = row.at(self.pace)
        words = [
            *row.arguments, f"--rounds={pace.rounds}", f"--seconds={pace.seconds:g}",
            f"--warmup={row.warmup:g}", *extra,
        ]  # fmt: skip
        output = self.folder / "out.json"
        output.unlink(missing_ok=True)
        flags = [flag for server in servers for flag in server.flags()]
        began = time.monotonic()
        result = subprocess.run(
            [self.bench, *words, *flags, f"--json={output}"], capture_output=True, text=True
        )
        took = time.monotonic() - began
        names = ", ".join(server.name for server in servers)
        print(f"{row.title} ({names}): {took:.1f} s", flush=True)
        if result.returncode:
            print(result.stderr, file=sys.stderr, flush=True)
            self.add(row, words, {}, result.stderr.strip(), took)
            return
        targets, problems = {}, []
        for it in json.loads(output.read_text())["targets"]:
            name = it["name"]
            if problem := it.get("problem"):
                problems.append(f"{name}: {problem.removeprefix(f'{name}: ')}")
            if not it["rounds"]:
                continue
            targets[name] = it
            busy = it["median"].get("generator.cpu_percent", 0)
            if busy > GENERATOR_BUSY_PERCENT:
                problems.append(f"{name}: the generator itself was busy ({busy:.0f} % of a core)")
        self.add(row, words, targets, "; ".join(problems), took)

    def note(self, row: Row, server: Server, metric: str, value: float) -> None:
        """Adds a number that byre-bench did not measure."""
        median = self.median(row.id, server)
        if median:
            median[metric] = value

    def median(self, identifier: str, server: Server) -> dict[str, float]:
        """The numbers of a server in a row; none if it was not measured."""
        for known in self.rows:
            target = known["targets"].get(server.name)
            if known["id"] == identifier and target:
                return target["median"]
        return {}

    def add(
        self, row: Row, words: list[str], targets: dict, problem: str, took: float
    ) -> None:
        """Adds numbers to a row; servers that run alone come one after the other."""
        for known in self.rows:
            if known["id"] == row.id:
                known["targets"] |= targets
                known["problem"] = "; ".join(filter(None, [known["problem"], problem]))
                known["seconds"] = round(known["seconds"] + took, 1)
                return
        self.rows.append(
            {
                "id": row.id,
                "title": row.title,
                "command": shlex.join(["byre-bench", *words]).replace(str(self.folder), "DIR"),
                "columns": row.columns,
                "targets": targets,
                "problem": problem,
                "seconds": round(took, 1),
            }
        )
