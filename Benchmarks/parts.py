"""The parts of a run: which servers each has, and how it measures them."""

import sys
from argparse import Namespace
from pathlib import Path
from subprocess import SubprocessError

import plan
from observe import Fsyncs, cache_bytes, disk_bytes, settled_bytes
from rows import Part, Row
from run import Run, TimeUp
from servers import (
    Byre, ByreOnPostgres, ByreWithTenants, Etcd, SecureByre, Server, StartError, make_certificates,
    running,
)  # fmt: skip

from harness.ports import ServerError

FSYNC_SECONDS = 2


def measure(part: Part, run: Run, arguments: Namespace, folder: Path) -> None:
    """Measures those rows of a part that are wanted and that there is time for.

    A part that fails is noted, and leaves its time to the others.
    """
    rows = run.wanted(part)
    if not rows:
        return
    place = folder / part.name
    place.mkdir()
    try:
        with run.budget.alarm():
            MEASURES[part.name](rows, run, arguments, place)
    except TimeUp:
        for row in rows:
            run.cut_off(row)
    except (OSError, SubprocessError, ServerError, StartError) as error:
        run.failures.append(f"{part.name}: {error}")
        print(f"{part.name}: {error}", file=sys.stderr, flush=True)


def beside(rows: list[Row], run: Run, arguments: Namespace, folder: Path) -> None:
    """What is measured with the servers beside each other."""
    byre = Byre(arguments.byre, folder / "byre")
    etcd = Etcd("etcd", arguments.etcd, folder / "etcd")
    durable = []
    if run.durable and any(row.durable for row in rows):
        durable.append(Etcd("durable etcd", run.durable, folder / "durable"))
    with running(byre, etcd, *durable):
        for row in rows:
            run.measure(row, [byre, etcd, *(durable if row.durable else [])])
        if arguments.fsyncs:
            count_fsyncs(run, [byre, etcd])


def count_fsyncs(run: Run, servers: list[Server]) -> None:
    """Syncs of the disk for each put, of few and of many clients, under strace."""
    for connections in (1, 64):
        row = Row(
            f"fsyncs-{connections}",
            f"syncs for each put, {connections} clients (slowed down by strace)",
            ["put", f"--connections={connections}"],
            ["put.per_second", "fsyncs_per_operation"],
            rounds=1, seconds=FSYNC_SECONDS, warmup=0, joins=False,
        )  # fmt: skip
        for server in servers:
            counter = Fsyncs(server.pids, run.folder)
            run.measure(row, [server])
            count = counter.close()
            puts = run.median(row.id, server).get("put.count", 0)
            run.note(row, server, "fsyncs_per_operation", count / max(1, puts))


def million(rows: list[Row], run: Run, arguments: Namespace, folder: Path) -> None:
    """Servers with many keys and nothing else: counting, starting again, what a key takes."""
    servers = [
        Byre(arguments.byre, folder / "byre"), Etcd("etcd", arguments.etcd, folder / "etcd")
    ]  # fmt: skip
    named = {row.id: row for row in rows}
    if not (count := named.get("count")):
        return
    keys = plan.million_keys(arguments.quick)
    with running(*servers):
        empty = {server.name: settled_bytes(server.pids) for server in servers}
        run.measure(count, servers)
        for server in servers:
            resident, cache = settled_bytes(server.pids), cache_bytes(server.url)
            run.note(count, server, "server.rss_bytes", resident)
            run.note(count, server, "server.cache_bytes", cache)
            run.note(count, server, "server.rss_above_cache_bytes", resident - cache)
    if not (restart := named.get("restart")):
        return
    disk = {server.name: disk_bytes(server.data) for server in servers}
    run.measure(restart, servers, [f"--command={it.name}={it.shell_command}" for it in servers])
    for server in servers:
        run.note(restart, server, "disk_bytes_per_key", disk[server.name] / keys)
        # Of few keys it would be of buffers that do not depend on keys.
        if not arguments.quick:
            above = run.median(restart.id, server).get("server.rss_above_cache_bytes", 0)
            each = (above - empty[server.name]) / keys - plan.MILLION_KEY_BYTES
            run.note(restart, server, "memory_bytes_per_key", each)


def idle(rows: list[Row], run: Run, arguments: Namespace, folder: Path) -> None:
    """Servers without data."""
    servers = [
        Byre(arguments.byre, folder / "byre"), Etcd("etcd", arguments.etcd, folder / "etcd")
    ]  # fmt: skip
    for row in rows:
        run.measure(row, servers, [f"--command={it.name}={it.shell_command}" for it in servers])
        for server in servers:
            run.note(row, server, "disk_bytes", disk_bytes(server.data))


def memory(rows: list[Row], run: Run, arguments: Namespace, folder: Path) -> None:
    """What a connection takes, each server alone and new."""
    for row in rows:
        for server in (
            Byre(arguments.byre, folder / "byre"), Etcd("etcd", arguments.etcd, folder / "etcd")
        ):  # fmt: skip
            with running(server):
                run.measure(row, [server])


def noisy(rows: list[Row], run: Run, arguments: Namespace, folder: Path) -> None:
    """The noisy neighbour, each server alone and new."""
    for row in rows:
        for server in (
            ByreWithTenants(arguments.byre, folder / "byre", ["victim", "neighbour"]),
            Etcd("etcd", arguments.etcd, folder / "etcd"),
        ):
            with running(server):
                run.measure(row, [server], joins=False)
        if run.others:
            run.measure(row, [])


def tenants(rows: list[Row], run: Run, arguments: Namespace, folder: Path) -> None:
    """Many tenants at work, and tenants without any."""
    for row in rows:
        place = folder / row.id
        if row.id == "tenants":
            create_tenants(row, run, arguments, place)
            continue
        byre = ByreWithTenants(arguments.byre, place, plan.TENANTS)
        with running(byre, etcd := Etcd("etcd", arguments.etcd, folder / "etcd")):
            run.measure(row, [byre, etcd])


def create_tenants(row: Row, run: Run, arguments: Namespace, folder: Path) -> None:
    byre = ByreWithTenants(arguments.byre, folder, [])
    with running(byre):
        pass
    empty = disk_bytes(byre.data)
    byre.url = byre.admin
    with running(byre):
        run.measure(row, [byre])
    created = row.at(run.pace).rounds * run.median(row.id, byre).get("create.count", 0)
    if created:
        each = (disk_bytes(byre.data) - empty) / created
        run.note(row, byre, "disk_bytes_per_tenant", each)


def density(rows: list[Row], run: Run, arguments: Namespace, folder: Path) -> None:
    """Tenants with TLS connections and watches, each server alone."""
    for row in rows:
        place = folder / row.id
        place.mkdir()
        make_certificates(arguments.byre, place)
        count = int(row.id.split("-")[1])
        flags = [
            f"--cacert={place}/ca/ca.crt", f"--cert={place}/t{{tenant}}/tls.crt",
            f"--key={place}/t{{tenant}}/tls.key",
        ]  # fmt: skip
        # One after the other: etcd has the certificates that Byre's tenants were given.
        for server, prefix in (
            (SecureByre(arguments.byre, place / "byre", place, count), "/registry/"),
            (Etcd("etcd", arguments.etcd, place / "etcd", place), "/{tenant}/registry/"),
        ):
            with running(server):
                run.measure(row, [server], [*flags, f"--prefix={prefix}"])


def postgres(rows: list[Row], run: Run, arguments: Namespace, folder: Path) -> None:
    """Byre on PostgreSQL beside etcd."""
    has_tenants = any(row.id == "postgres-tenants" for row in rows)
    etcd = Etcd("etcd", arguments.etcd, folder / "etcd")
    byre = ByreOnPostgres(arguments.byre, folder / "byre", plan.TENANTS if has_tenants else 0)
    with running(byre, etcd):
        for row in rows:
            if row.id == "postgres-tenants":
                run.measure(row, [byre.of_tenants(), etcd])
            elif row.id == "postgres-serializable":
                with running(sqlite := Byre(arguments.byre, folder / "sqlite")):
                    run.measure(row, [byre, sqlite, etcd])
            elif row.id == "postgres-watch":
                across(row, run, arguments, folder, byre, etcd)
            else:
                run.measure(row, [byre, etcd])


def across(
    row: Row, run: Run, arguments: Namespace, folder: Path, byre: ByreOnPostgres, etcd: Etcd
) -> None:
    """Watches at an instance that is not written to, beside those of one that is."""
    second = ByreOnPostgres(arguments.byre, folder / "second", 0, plan.TWO_INSTANCES, byre)
    with running(second):
        run.measure(row, [second, byre, etcd], [f"--writer={second.name}={byre.url}"])


MEASURES = {
    "beside": beside, "million": million, "idle": idle, "memory": memory, "noisy": noisy,
    "tenants": tenants, "density": density, "postgres": postgres,
}  # fmt: skip
