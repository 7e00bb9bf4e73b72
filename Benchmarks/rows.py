"""What a plan is made of: rows, their goals, and how long they take."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Goal:
    """What a number, or its ratio between Byre and another server, should be.

    `ratio` compares the other's number with Byre's where less is better, and Byre's with the
    other's otherwise: a ratio above the goal is always good.
    """

    text: str
    metric: str
    ratio: float = 0
    below: float = 0
    less_is_better: bool = False
    server: str = "Byre"
    against: str = "etcd"
    # The section of explained.md that says why it is missed, as its heading's anchor.
    explained: str = ""

    def value(self, of: dict[str, dict[str, float]]) -> float | None:
        own = of.get(self.server, {}).get(self.metric)
        if own is None or self.below:
            return own
        other = of.get(self.against, {}).get(self.metric)
        if other is None:
            return None
        over, under = (other, own) if self.less_is_better else (own, other)
        return over / under if under else None

    def is_met(self, value: float) -> bool:
        return value < self.below if self.below else value >= self.ratio


@dataclass(frozen=True)
class Pace:
    """How often and how long each row is measured."""

    rounds: int
    seconds: float


@dataclass(frozen=True)
class Guests:
    """Who is measured beside our own Byre and etcd."""

    # How many endpoints that somebody else started.
    others: int = 0
    # Whether there is an etcd that answers a put only when it is on disk.
    durable: bool = False


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
    # Rounds at most, and seconds at least, when they differ from the run's.
    rounds: int = 0
    seconds: float = 0
    warmup: float = 0.5
    # How often those seconds pass in a round of a server.
    measurements: int = 1
    # What else it takes of a server, once and in each round: seconds, as it was measured.
    setup: float = 0
    extra: float = 0.2
    # Whether endpoints that somebody else started are measured too.
    joins: bool = True
    # Whether an etcd that answers a put only when it is on disk is measured too.
    durable: bool = False

    def at(self, pace: Pace) -> Pace:
        """This row's own pace."""
        rounds = min(self.rounds or pace.rounds, pace.rounds)
        return Pace(rounds, max(self.seconds, pace.seconds))

    def planned(self, pace: Pace, servers: int) -> float:
        """How long it takes, in seconds."""
        own = self.at(pace)
        each = self.measurements * (self.warmup + own.seconds) + self.extra
        return servers * (self.setup + own.rounds * each)


@dataclass(frozen=True)
class Part:
    """Rows that are measured on the same servers."""

    name: str
    rows: list[Row]
    # How many of the servers are ours, and what starting and stopping them takes: seconds.
    servers: int
    start: float

    def planned(self, pace: Pace, guests: Guests) -> float:
        return self.start + sum(self.row_planned(row, pace, guests) for row in self.rows)

    def row_planned(self, row: Row, pace: Pace, guests: Guests) -> float:
        others = guests.others if row.joins else 0
        return row.planned(pace, self.servers + others + (row.durable and guests.durable))


# Lengths of a measurement, best first.
SECONDS = (5, 4, 3, 2.5, 2, 1.5, 1, 0.75, 0.5)
# The part of a run's time that is planned: the rest is for a machine slower than the one on which
# `setup`, `extra` and `start` were measured.
PLANNED_PART = 0.8


def planned(parts: list[Part], pace: Pace, guests: Guests) -> float:
    return sum(part.planned(pace, guests) for part in parts)


def fit(parts: list[Part], rounds: int, limit: float, guests: Guests) -> Pace:
    """The most rounds, and the longest measurements, with which a plan takes `limit` at most."""
    paces = [Pace(it, seconds) for it in range(rounds, 0, -1) for seconds in SECONDS]
    for pace in paces:
        # Rather fewer rounds than many that are too short.
        is_short = pace.seconds < 1 and pace.rounds > 1
        if not is_short and planned(parts, pace, guests) <= PLANNED_PART * limit:
            return pace
    return paces[-1]
