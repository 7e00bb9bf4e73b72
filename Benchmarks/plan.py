"""What is measured, and which of it has a goal."""

from rows import Goal, Part, Row

MIB = 1024 * 1024
KIB = 1024

# A run's time, in seconds: all of `make bench`, and of `make bench-quick`.
LIMIT, QUICK_LIMIT = 1800, 180

CPU = "server.cpu_us_per_operation"
WRITTEN = "disk.written_bytes_per_operation"
FLUSHES = "disk.flushes_per_operation"
SHAPES = [(1, 1), (10, 10), (20, 50)]
# What keys are called in the store that has many, and by how many bytes.
MILLION_PREFIX = "/registry/million/"
MILLION_KEY_BYTES = len(MILLION_PREFIX) + 9
TENANTS = 100


def faster(text: str, metric: str, ratio: float, **more: str) -> Goal:
    return Goal(text, metric, ratio=ratio, **more)


def fifth_of_cpu(**more: str) -> Goal:
    return Goal("a fifth of etcd's CPU", CPU, ratio=5, less_is_better=True, **more)


def load(connections: int, streams: int) -> list[str]:
    return [f"--connections={connections}", f"--streams={streams}"]


def points() -> list[Row]:
    rows = []
    for (connections, streams), ratio in zip(SHAPES, (3, 5, 5)):
        why = "one-request-at-a-time" if connections == 1 else "many-small-reads"
        goals = [faster(f"{ratio}x", "range.per_second", ratio, explained=why)]
        if (connections, streams) == (10, 10):
            goals.append(fifth_of_cpu())
        rows.append(
            Row(
                f"range-{connections}x{streams}",
                f"linearizable point Range, {connections} x {streams}",
                ["range", *load(connections, streams)],
                ["range.per_second", "range.p50_us", "range.p99_us", CPU],
                goals,
            )
        )
    rows.append(
        Row(
            "range-serializable",
            "serializable point Range, 10 x 10",
            ["range", "--serializable", *load(10, 10)],
            ["range.per_second", "range.p50_us", "range.p99_us", CPU],
            quick=False,
        )
    )
    for (connections, streams), ratio in zip(SHAPES, (1, 2.5, 3)):
        why = "a-lone-put" if connections == 1 else "many-puts"
        goals = [faster(f"{ratio}x", "put.per_second", ratio, explained=why)]
        if (connections, streams) == (10, 10):
            goals.append(fifth_of_cpu(explained=why))
        rows.append(
            Row(
                f"put-{connections}x{streams}",
                f"Put 1 KiB, {connections} x {streams}",
                ["put", *load(connections, streams)],
                ["put.per_second", "put.p50_us", "put.p99_us", CPU, WRITTEN, FLUSHES],
                goals,
                durable=True,
            )
        )
    columns = ["update.per_second", "update.p50_us", "update.p99_us", CPU, WRITTEN, FLUSHES]
    for clients in (64, 256):
        goals = [faster("2.5x", "update.per_second", 2.5, explained="updates")]
        if clients == 64:
            goals.append(fifth_of_cpu(explained="updates"))
        rows.append(
            Row(
                f"update-{clients}",
                f"k8s update txn 1 KiB, {clients} clients",
                ["txn", *load(clients, 1)],
                columns,
                goals,
                extra=0.8,
            )
        )
    rows += [
        Row(
            "txn-cycle",
            "k8s create, update, delete in turn, 64 clients",
            ["txn", "--cycle=cycle", *load(64, 1)],
            ["create.per_second", "create.p99_us", "update.p99_us", "delete.p99_us", CPU],
            quick=False,
        ),
        # Longer than others, as it is about the slowest few; few keys, as learning their revisions
        # is work at full speed, whose remains should be gone before.
        Row(
            "update-open",
            "k8s update txn 1 KiB, 2000 a second whatever happens (open loop)",
            ["txn", "--rate=2000", "--arrivals=poisson", "--keys=1000", *load(16, 16)],
            ["update.per_second", "update.p50_us", "update.p90_us", "update.p99_us",
             "update.p999_us", "update.max_us", "update.failed", CPU, WRITTEN, FLUSHES,
             "generator.late_p99_us"],
            seconds=5, warmup=2, extra=0.3,
        ),
        Row(
            "lease",
            "leases granted, renewed, revoked, 64 clients",
            ["lease", *load(16, 4)],
            ["grant.per_second", "grant.p99_us", "renew.p99_us", "revoke.p99_us", CPU],
            quick=False,
        ),
    ]  # fmt: skip
    return rows


def lists(quick: bool) -> list[Row]:
    columns = ["page.per_second", "page.p50_us", "page.p99_us", "page.items_per_second",
               "page.received_bytes_per_second", CPU, "server.rss_growth_bytes"]  # fmt: skip
    small = ["list", "--prefix=/registry/list/", "--keys=10000"]
    large = ["list", "--prefix=/registry/large/", f"--keys={1000 if quick else 10000}",
             "--value-bytes=10240", "--page=0", "--connections=5"]  # fmt: skip
    return [
        Row("list-500", "list of 10,000 x 1 KiB by pages of 500", [*small, "--connections=10"],
            columns, [faster("2.5x", "page.per_second", 2.5, explained="pages-of-500")], setup=0.5),
        Row("list-10000", "list of 10,000 x 1 KiB in one page", [*small, "--page=10000"], columns,
            quick=False),
        Row("list-unlimited", "unlimited list of 10,000 x 10 KB, 5 at once", large, columns,
            [faster("1.5x", "page.per_second", 1.5),
             Goal("RSS growth < 64 MB", "server.rss_growth_bytes", below=64 * MIB)],
            # Shorter ones can end without a whole answer of 100 MB.
            seconds=0 if quick else 2, setup=1 if quick else 4),
        Row("relist", "relist: pages of 500 and of 10,000 beside each other",
            ["mixed", "--profile=relist", "--prefix=/registry/list/"],
            ["page.per_second", "page.items_per_second", "page.p99_us"], quick=False),
    ]  # fmt: skip


def watches() -> list[Row]:
    return [
        Row(
            "watch-500", "500 watches, 200 puts a second",
            ["watch", "--watches=500", "--connections=50", "--write-rate=200",
             "--prefix=/registry/watched/"],
            ["event.per_second", "event.p50_us", "event.p99_us", "event.max_us",
             "missing_events", "server.cpu_percent", "generator.late_p99_us"],
            [Goal("half of etcd's p99", "event.p99_us", ratio=2, less_is_better=True),
             Goal("a third of etcd's CPU", "server.cpu_percent", ratio=3, less_is_better=True,
                  explained="watching")],
        ),
        Row(
            "watch-streams", "1 writer, 2000 watches on 200 streams of 20 connections",
            ["watch", "--watches=2000", "--watches-per-stream=10", "--connections=20",
             "--write-rate=20", "--prefix=/registry/watched/"],
            ["event.per_second", "event.p50_us", "event.p99_us", "missing_events",
             "server.cpu_percent"],
            quick=False,
        ),
        Row(
            "watch-catch-up", "20 watches that catch up with 20,000 events of 1 KiB",
            ["watch", "--watches=20", "--connections=20", "--catch-up=20000",
             "--prefix=/registry/caught/"],
            ["catchup.events_per_second", "catchup.seconds", "missing_events", CPU],
            quick=False, measurements=0, extra=4,
        ),
        Row(
            "mixed-M", "10 control planes of 50 nodes (profile M)",
            ["mixed", "--profile=M", "--planes=10", "--prefix=/registry/mixed/"],
            ["update.p50_us", "update.p99_us", "create.p99_us", "get.p99_us",
             "server.cpu_percent"],
        ),
        Row(
            "event-flood", "event flood: 500 events a second",
            ["mixed", "--profile=event-flood", "--prefix=/registry/flood/"],
            ["create.per_second", "create.p99_us", "get.p99_us", "server.cpu_percent"],
            quick=False,
        ),
        Row(
            "storm", "storm: 10 control planes connect, watch and list at once",
            ["mixed", "--profile=storm", "--planes=10", "--prefix=/registry/list/"],
            ["ready_seconds", "connection.p50_us", "connection.p99_us"],
            quick=False, measurements=0, extra=3,
        ),
    ]  # fmt: skip


# For the plot of throughput: one request at a time on each connection.
CONNECTIONS = [1, 4, 16, 64, 256]


def throughput() -> list[Row]:
    return [
        Row(f"by-connections-{work}-{count}", f"{work}, {count} connections",
            [work, *load(count, 1)], [f"{name}.per_second", f"{name}.p99_us"], quick=False,
            rounds=1, extra=0.8 if work == "txn" else 0.2)
        for work, name in (("range", "range"), ("put", "put"), ("txn", "update"))
        for count in CONNECTIONS
    ]  # fmt: skip


IDLE = Row(
    "idle", "a server without data: its start until it answers, and then without any work",
    ["restart"],
    ["answer_ms", "start_cpu_seconds", "server.rss_bytes", "idle_cpu_percent", "disk_bytes"],
    quick=False, warmup=0, extra=1, joins=False,
)  # fmt: skip


def million_keys(quick: bool) -> int:
    return 100_000 if quick else 1_000_000


def million(quick: bool) -> list[Row]:
    keys = million_keys(quick)
    return [
        Row(
            "count", f"count_only over {keys:,} keys of 256 bytes",
            ["count", f"--prefix={MILLION_PREFIX}", f"--keys={keys}"],
            ["count.mean_us", "count.p99_us", CPU, "server.rss_bytes", "server.cache_bytes",
             "server.rss_above_cache_bytes"],
            [Goal("100x", "count.mean_us", ratio=100, less_is_better=True),
             Goal("< 1 ms", "count.mean_us", below=1000)],
            setup=1.5 if quick else 15,
        ),
        Row(
            "restart", f"{keys:,} keys of 256 bytes: start until the first answer, and memory",
            ["restart"],
            ["answer_ms", "start_cpu_seconds", "server.rss_bytes", "server.cache_bytes",
             "server.rss_above_cache_bytes", "idle_cpu_percent", "memory_bytes_per_key",
             "disk_bytes_per_key"],
            [Goal("1.5x faster", "answer_ms", ratio=1.5, less_is_better=True),
             Goal("RSS above the value cache < 200 MB", "server.rss_above_cache_bytes",
                  below=200 * MIB),
             Goal("memory of a key < 200 bytes plus its length", "memory_bytes_per_key",
                  below=200)],
            warmup=0, extra=1 if quick else 6, joins=False,
        ),
    ]  # fmt: skip


MEMORY = Row(
    "memory", "memory of a connection, plaintext",
    ["memory", "--connections=500"],
    ["idle.bytes_per_connection", "watch.bytes_per_connection"],
    [Goal("idle < 32 KB", "idle.bytes_per_connection", below=32 * KIB),
     Goal("with a watch < 32 KB", "watch.bytes_per_connection", below=32 * KIB)],
    rounds=1, measurements=0, extra=1.5, joins=False,
)  # fmt: skip


def noisy(quick: bool) -> Row:
    return Row(
        "noisy", "one tenant's updates: alone, beside 256 writers, beside lists of 100 MB",
        ["noisy", f"--list-keys={1000 if quick else 10000}"],
        ["alone.per_second", "alone.p50_us", "alone.p99_us", "flood.p50_us", "flood.p99_us",
         "flood.p99_ratio", "flood.neighbour_per_second", "list.p50_us", "list.p99_us",
         "list.p99_ratio", "list.neighbour_bytes_per_second"],
        [Goal("flooded / alone < 2", "flood.p99_ratio", below=2),
         Goal("beside lists / alone < 2", "list.p99_ratio", below=2)],
        measurements=3, setup=0.5 if quick else 4, extra=4.5,
    )  # fmt: skip


OF_TENANTS = ["txn", f"--tenants={TENANTS}", "--prefix=/{tenant}/registry/", *load(256, 1)]

TENANT_ROWS = [
    Row(
        "tenants-update-256", f"k8s update txn, 256 clients over {TENANTS} tenants",
        OF_TENANTS, ["update.per_second", "update.p50_us", "update.p99_us", CPU, WRITTEN, FLUSHES],
        quick=False, extra=1.5,
    ),
    Row(
        "tenants", "tenants created one after another; what an empty one costs",
        ["tenants", "--count=500"],
        ["create.per_second", "create.p50_us", "create.p99_us", "bytes_per_tenant",
         "disk_bytes_per_tenant", FLUSHES],
        [Goal("created in < 10 ms (p99)", "create.p99_us", below=10_000),
         Goal("memory of an empty tenant < 16 KB", "bytes_per_tenant", below=16 * KIB)],
        measurements=0, extra=2, joins=False,
    ),
]  # fmt: skip


def density(tenants: int) -> Row:
    # As an idle API server has them.
    connections, watches = tenants * 65, tenants * 60
    whole = tenants == 200
    return Row(
        f"density-{tenants}",
        f"{connections:,} TLS connections of {tenants} tenants, {watches:,} watches",
        ["density", f"--tenants={tenants}", f"--connections={connections}",
         f"--watches={watches}"],
        ["ready_per_second", "connection.p99_us", "bytes_per_connection", "server.rss_bytes",
         "server.cpu_us_per_connection", "idle_cpu_percent"],
        [Goal("< 1 GiB", "server.rss_bytes", below=1024 * MIB),
         Goal("idle CPU < 15 %", "idle_cpu_percent", below=15),
         Goal("a TLS connection with a watch < 56 KB", "bytes_per_connection", below=56 * KIB)]
        if whole else [],
        quick=tenants == 10, rounds=1, warmup=0, setup=1 + tenants * 0.04,
        extra=2 + connections / 1000, joins=False,
    )  # fmt: skip


POSTGRES = "Byre on PostgreSQL"
TWO_INSTANCES = "two instances of Byre"

POSTGRES_ROWS = [
    Row(
        f"postgres-update-{clients}", f"PostgreSQL: k8s update txn, {clients} clients",
        ["txn", *load(clients, 1)],
        ["update.per_second", "update.p50_us", "update.p99_us", CPU, WRITTEN, FLUSHES],
        [faster(f"{ratio}x", "update.per_second", ratio, server=POSTGRES,
                explained="many-writers-on-postgresql")], extra=0.8,
    )
    for clients, ratio in ((64, 1.2), (256, 1.5))
] + [
    Row(
        "postgres-tenants",
        f"PostgreSQL: k8s update txn, 256 clients over {TENANTS} tenants (etcd: prefixes)",
        OF_TENANTS, ["update.per_second", "update.p50_us", "update.p99_us", CPU, WRITTEN, FLUSHES],
        [faster("1.3x", "update.per_second", 1.3, server=POSTGRES,
                explained="a-hundred-tenants-on-postgresql")],
        quick=False, extra=1.5,
    ),
    Row(
        "postgres-range", "PostgreSQL: linearizable point Range, 10 x 10",
        ["range", *load(10, 10)],
        ["range.per_second", "range.p50_us", "range.p99_us", CPU],
        [faster("1.5x", "range.per_second", 1.5, server=POSTGRES)], setup=0.5,
    ),
    Row(
        "postgres-serializable",
        "PostgreSQL: serializable point Range, 10 x 10, beside that on SQLite",
        ["range", "--serializable", *load(10, 10)],
        ["range.per_second", "range.p50_us", "range.p99_us", CPU],
        [faster("as fast as on SQLite, within 5 %", "range.per_second", 0.95, server=POSTGRES,
                against="Byre", explained="the-same-answers-from-sqlite-and-postgresql")],
        quick=False, setup=0.5, joins=False,
    ),
    Row(
        "postgres-watch",
        "PostgreSQL: 4 watches at one instance, 200 puts a second at another",
        ["watch", "--watches=4", "--connections=4", "--write-rate=200",
         "--prefix=/registry/watched/"],
        ["event.per_second", "event.p50_us", "event.p99_us", "event.max_us", "missing_events"],
        [Goal("p99 < 20 ms", "event.p99_us", below=20_000, server=TWO_INSTANCES)],
        quick=False,
    ),
]  # fmt: skip


def parts(quick: bool) -> list[Part]:
    """All that a run measures, in its order: what is cut when time is short is at the end."""
    beside = [*points(), *lists(quick), *watches(), *throughput()]
    whole = [
        Part("beside", beside, servers=2, start=2),
        Part("million", million(quick), servers=2, start=1.5 if quick else 4),
        Part("memory", [MEMORY], servers=2, start=1.5),
        Part("noisy", [noisy(quick)], servers=2, start=2),
        Part("postgres", POSTGRES_ROWS, servers=2, start=10 if quick else 18),
        Part("tenants", TENANT_ROWS, servers=2, start=2 if quick else 8),
        Part("idle", [IDLE], servers=2, start=0),
        Part("density", [density(tenants) for tenants in (10, 50, 100, 200)], servers=2,
             start=3 if quick else 8),
    ]
    if not quick:
        return whole
    return [
        Part(part.name, [row for row in part.rows if row.quick], part.servers, part.start)
        for part in whole
        if any(row.quick for row in part.rows)
    ]
