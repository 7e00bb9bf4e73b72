"""What is measured, and which of it has a goal."""

from dataclasses import dataclass, field

MIB = 1024 * 1024


@dataclass(frozen=True)
class Goal:
    """What a number, or its ratio between Byre and etcd, should be.

    `ratio` compares etcd's number with Byre's where less is better, and Byre's with etcd's
    otherwise: a ratio above the goal is always good.
    """

    text: str
    metric: str
    ratio: float = 0
    below: float = 0
    less_is_better: bool = False
    server: str = "Byre"

    def value(self, of: dict[str, dict[str, float]]) -> float | None:
        own = of.get(self.server, {}).get(self.metric)
        if own is None or self.below:
            return own
        other = of.get("etcd", {}).get(self.metric)
        if other is None:
            return None
        over, under = (other, own) if self.less_is_better else (own, other)
        return over / under if under else None

    def is_met(self, value: float) -> bool:
        return value < self.below if self.below else value >= self.ratio


@dataclass(frozen=True)
class Row:
    """One run of byre-bench."""

    id: str
    title: str
    arguments: list[str]
    columns: list[str]
    goals: list[Goal] = field(default_factory=list)
    # Among `make bench-quick`.
    quick: bool = True
    # Rounds, when they differ from the run's.
    rounds: int = 0


def faster(text: str, metric: str, ratio: float) -> Goal:
    return Goal(text, metric, ratio=ratio)


def fifth_of_cpu(ratio: float = 5) -> Goal:
    text = "a fifth of etcd's CPU" if ratio == 5 else "a third of etcd's CPU"
    return Goal(text, "server.cpu_us_per_operation", ratio=ratio, less_is_better=True)


def load(connections: int, streams: int) -> list[str]:
    return [f"--connections={connections}", f"--streams={streams}"]


CPU = "server.cpu_us_per_operation"
SHAPES = [(1, 1), (10, 10), (20, 50)]


def points(quick: bool) -> list[Row]:
    rows = []
    for (connections, streams), ratio in zip(SHAPES, (3, 5, 5)):
        goals = [faster(f"{ratio}x", "range.per_second", ratio)]
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
        goals = [faster(f"{ratio}x", "put.per_second", ratio)]
        if (connections, streams) == (10, 10):
            goals.append(fifth_of_cpu())
        rows.append(
            Row(
                f"put-{connections}x{streams}",
                f"Put 1 KiB, {connections} x {streams}",
                ["put", *load(connections, streams)],
                ["put.per_second", "put.p50_us", "put.p99_us", CPU,
                 "server.written_bytes_per_operation"],
                goals,
            )
        )  # fmt: skip
    columns = ["update.per_second", "update.p50_us", "update.p99_us", CPU,
               "server.written_bytes_per_operation"]  # fmt: skip
    for clients in (64, 256):
        goals = [faster("2.5x", "update.per_second", 2.5)]
        if clients == 64:
            goals.append(fifth_of_cpu())
        rows.append(
            Row(
                f"update-{clients}",
                f"k8s update txn 1 KiB, {clients} clients",
                ["txn", *load(clients, 1)],
                columns,
                goals,
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
        Row(
            "update-open",
            "k8s update txn 1 KiB, 2000 a second whatever happens (open loop)",
            ["txn", "--rate=2000", "--arrivals=poisson", *load(16, 16)],
            ["update.per_second", "update.p50_us", "update.p90_us", "update.p99_us",
             "update.p999_us", "update.max_us", "update.failed"],
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
            columns, [faster("2.5x", "page.per_second", 2.5)]),
        Row("list-10000", "list of 10,000 x 1 KiB in one page", [*small, "--page=10000"], columns,
            quick=False),
        Row("list-unlimited", "unlimited list of 10,000 x 10 KB, 5 at once", large, columns,
            [faster("1.5x", "page.per_second", 1.5),
             Goal("RSS growth < 64 MB", "server.rss_growth_bytes", below=64 * MIB)]),
        Row("relist", "relist: pages of 500 and of 10,000 beside each other",
            ["mixed", "--profile=relist", "--prefix=/registry/list/"],
            ["page.per_second", "page.items_per_second", "page.p99_us"], quick=False),
    ]  # fmt: skip


def watches(quick: bool) -> list[Row]:
    return [
        Row(
            "watch-500", "500 watches, 200 puts a second",
            ["watch", "--watches=500", "--connections=50", "--write-rate=200",
             "--prefix=/registry/watched/"],
            ["event.per_second", "event.p50_us", "event.p99_us", "event.max_us",
             "missing_events", "server.cpu_percent"],
            [Goal("half of etcd's p99", "event.p99_us", ratio=2, less_is_better=True),
             Goal("a third of etcd's CPU", "server.cpu_percent", ratio=3, less_is_better=True)],
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
            quick=False,
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
            quick=False,
        ),
    ]  # fmt: skip


def memory(quick: bool) -> list[Row]:
    return [
        Row(
            "memory", "memory of a connection, plaintext",
            ["memory", "--connections=500"],
            ["idle.bytes_per_connection", "watch.bytes_per_connection"],
            [Goal("< 32 KB", "watch.bytes_per_connection", below=32 * 1024)],
            rounds=1,
        ),
    ]  # fmt: skip


def million(quick: bool) -> list[Row]:
    keys = 100_000 if quick else 1_000_000
    return [
        Row(
            "count", f"count_only over {keys:,} keys of 256 bytes",
            ["count", "--prefix=/registry/million/", f"--keys={keys}"],
            ["count.mean_us", "count.p99_us", CPU],
            [Goal("100x", "count.mean_us", ratio=100, less_is_better=True)],
        ),
    ]  # fmt: skip


RESTART = Row(
    "restart", "start with those keys, until the first answer",
    ["restart"],
    ["answer_ms", "server.rss_bytes", "start_cpu_seconds"],
    [Goal("1.5x faster", "answer_ms", ratio=1.5, less_is_better=True),
     Goal("RSS < 200 MB", "server.rss_bytes", below=200 * MIB)],
)  # fmt: skip

NOISY = Row(
    "noisy", "one tenant's updates: alone, beside 256 writers, beside lists of 100 MB",
    ["noisy"],
    ["alone.per_second", "alone.p50_us", "alone.p99_us", "flood.p50_us", "flood.p99_us",
     "flood.p99_ratio", "flood.neighbour_per_second", "list.p50_us", "list.p99_us",
     "list.p99_ratio", "list.neighbour_bytes_per_second"],
    [Goal("flooded / alone < 2", "flood.p99_ratio", below=2)],
)  # fmt: skip


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
         "server.cpu_us_per_connection", "idle_cpu_percent", "tenant_creation_ms"],
        [Goal("< 1 GiB", "server.rss_bytes", below=1024 * MIB),
         Goal("idle CPU < 15 %", "idle_cpu_percent", below=15),
         Goal("a TLS connection with a watch < 56 KB", "bytes_per_connection", below=56 * 1024)]
        if whole else [],
        rounds=1,
    )  # fmt: skip


POSTGRES = [
    Row(
        f"postgres-update-{clients}", f"PostgreSQL: k8s update txn, {clients} clients",
        ["txn", *load(clients, 1)],
        ["update.per_second", "update.p50_us", "update.p99_us", CPU],
        [Goal(f"{ratio}x", "update.per_second", ratio=ratio, server="Byre on PostgreSQL")],
    )
    for clients, ratio in ((64, 1.2), (256, 1.5))
] + [
    Row(
        "postgres-range", "PostgreSQL: linearizable point Range, 10 x 10",
        ["range", *load(10, 10)],
        ["range.per_second", "range.p50_us", "range.p99_us", CPU],
        [Goal("1.5x", "range.per_second", ratio=1.5, server="Byre on PostgreSQL")],
    )
]  # fmt: skip

WATCH_ACROSS = Row(
    "postgres-watch", "PostgreSQL: 4 watches at one instance, 200 puts a second at another",
    ["watch", "--watches=4", "--connections=4", "--write-rate=200",
     "--prefix=/registry/watched/"],
    ["event.per_second", "event.p50_us", "event.p99_us", "event.max_us", "missing_events"],
    quick=False,
)  # fmt: skip

# For the plot of throughput: one request at a time on each connection.
CONNECTIONS = [1, 4, 16, 64, 256]


def throughput(quick: bool) -> list[Row]:
    counts = CONNECTIONS[::2] if quick else CONNECTIONS
    return [
        Row(f"by-connections-{work}-{count}", f"{work}, {count} connections",
            [work, *load(count, 1)], [f"{name}.per_second", f"{name}.p99_us"], rounds=1)
        for work, name in (("range", "range"), ("put", "put"), ("txn", "update"))
        for count in counts
    ]  # fmt: skip
