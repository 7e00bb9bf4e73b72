"""Whether what clients were told of a key could have come from one register that does one thing at a time.

A history is a list of operations, each with the moments between which it took effect. A history is
linearizable if the operations can be put in an order in which each is where its moments allow and
answers what a register would have answered. An operation whose outcome nobody was told of may have
taken effect at any moment after its call, or never.

The search is that of Wing and Gong, with Lowe's memory of what has been tried: a pair of "which
operations are done" and "what the register holds" is looked at once. Operations are tried in the order
of their returns, so a history that is in order is walked through almost straight.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

STEPS_MAX = 2_000_000
"""Steps of one search. More would mean a history with too many unknown outcomes on one key."""

READ, WRITE, SWAP, DELETE = "read", "write", "swap", "delete"


@dataclass(frozen=True)
class Operation:
    """One call on one key, and what its client was told.

    Every value is written once, so that a value says who wrote it. `None` stands for no such key.
    """

    process: int
    kind: str
    key: str
    called: float
    returned: float = math.inf
    """`inf` while the outcome is unknown."""
    value: str | None = None
    """What was read, or is to be written."""
    expected: str | None = None
    """SWAP writes only where it finds this."""
    did: bool | None = None
    """Whether SWAP wrote, or DELETE found something. Nothing for an unknown outcome."""
    revision: int | None = None
    """The revision in the answer's header."""

    @property
    def is_known(self) -> bool:
        return self.returned != math.inf

    @property
    def wrote(self) -> bool:
        """Whether the client knows that it made a revision."""
        return self.is_known and (self.kind == WRITE or (self.kind != READ and bool(self.did)))

    def apply(self, state: str | None) -> tuple[bool, str | None]:
        """Whether a register that holds `state` may answer so, and what it holds then."""
        match self.kind:
            case "read":
                return state == self.value, state
            case "write":
                return True, self.value
            case "swap":
                fits = state == self.expected
                return self.did in (None, fits), self.value if fits else state
            case "delete":
                return self.did in (None, state is not None), None
        raise ValueError(self.kind)


class NotLinearizable(AssertionError):
    """No order explains a history. The text holds the operations around where every order ends."""


class TooHard(AssertionError):
    """The search was given up."""


def check(operations: Iterable[Operation], initial: str | None = None) -> int:
    """Checks the keys of a history, each by itself. Returns how many there are."""
    keys: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        keys[operation.key].append(operation)
    for key, those in keys.items():
        check_register(those, initial, key)
    return len(keys)


def check_register(
    operations: list[Operation], initial: str | None = None, key: str = ""
) -> None:
    """Checks the operations of one key."""
    # A read that nobody was answered says nothing.
    known = [it for it in operations if it.is_known or it.kind != READ]
    ordered = sorted(known, key=lambda it: (it.returned, it.called))
    total = len(ordered)
    wanted = 0
    for index, operation in enumerate(ordered):
        assert operation.called <= operation.returned, operation
        if operation.is_known:
            wanted |= 1 << index
    seen: set[tuple[int, str | None]] = set()
    # (done, state, first not done, next to try): a path through the search, deepest last.
    path = [[0, initial, 0, 0]]
    steps = furthest = 0
    while path:
        frame = path[-1]
        done, state, first, index = frame
        if done & wanted == wanted:
            return
        steps += 1
        if steps > STEPS_MAX:
            raise TooHard(f"key {key}: given up after {steps} steps over {total} operations")
        # Nothing that was called after the first return may come before it.
        limit = ordered[first].returned
        while index < total:
            operation = ordered[index]
            if not done >> index & 1 and operation.called <= limit:
                fits, after = operation.apply(state)
                if fits and (done | 1 << index, after) not in seen:
                    break
            index += 1
        if index == total:
            path.pop()
            continue
        frame[3] = index + 1
        done |= 1 << index
        seen.add((done, after))
        while first < total and done >> first & 1:
            first += 1
        furthest = max(furthest, first)
        path.append([done, after, first, first])
    raise NotLinearizable(_explain(ordered, furthest, key))


def _explain(ordered: list[Operation], furthest: int, key: str) -> str:
    around = ordered[max(0, furthest - 6) : furthest + 7]
    stuck = ordered[furthest]
    near = [it for it in ordered if it not in around and it.called <= stuck.returned <= it.returned]
    lines = [f"key {key}: no order of {len(ordered)} operations explains them; it ends at >"]
    for it in around + near[:10]:
        lines.append(f"{'>' if it is stuck else ' '} {it}")
    return "\n".join(lines)


def check_revisions(operations: Iterable[Operation]) -> int:
    """Checks the revisions that a tenant's clients were told, over all keys.

    What is called after something returned is answered at no older revision; a write at a newer
    one. No two writes have one revision. Returns how many answers were looked at.
    """
    answered = [it for it in operations if it.is_known and it.revision is not None]
    writers: dict[int, Operation] = {}
    for operation in answered:
        if operation.wrote:
            other = writers.setdefault(operation.revision, operation)
            if other is not operation:
                raise NotLinearizable(f"two writes at one revision:\n  {other}\n  {operation}")
    by_return = sorted(answered, key=lambda it: it.returned)
    newest: Operation | None = None
    position = 0
    for operation in sorted(answered, key=lambda it: it.called):
        while by_return[position].returned < operation.called:
            if newest is None or by_return[position].revision > newest.revision:
                newest = by_return[position]
            position += 1
        if newest is None:
            continue
        if operation.revision < newest.revision + (1 if operation.wrote else 0):
            raise NotLinearizable(f"an older revision later:\n  {newest}\n  {operation}")
    return len(answered)
