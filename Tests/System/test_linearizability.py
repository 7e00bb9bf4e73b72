"""The checker of histories, on histories of which it is known whether they are linearizable."""

import math
import random

import pytest

from harness.linearizability import (
    DELETE, READ, SWAP, WRITE, NotLinearizable, Operation, TooHard, check, check_register,
    check_revisions,
)  # fmt: skip

UNKNOWN = math.inf


def read(start: float, end: float, value: str | None, revision: int | None = None) -> Operation:
    return Operation(0, READ, "k", start, end, value, revision=revision)


def write(start: float, end: float, value: str, revision: int | None = None) -> Operation:
    return Operation(0, WRITE, "k", start, end, value, revision=revision)


def swap(start: float, end: float, old: str | None, new: str, did: bool | None) -> Operation:
    return Operation(0, SWAP, "k", start, end, new, old, did)


def delete(start: float, end: float, did: bool | None) -> Operation:
    return Operation(0, DELETE, "k", start, end, did=did)


GOOD = {
    "nothing": [],
    "one after the other": [write(0, 1, "a"), read(2, 3, "a"), write(4, 5, "b"), read(6, 7, "b")],
    "a read beside a write sees the old": [write(0, 1, "a"), write(2, 9, "b"), read(3, 4, "a")],
    "a read beside a write sees the new": [write(0, 1, "a"), write(2, 9, "b"), read(3, 4, "b")],
    "two reads beside a write, old then new": [write(0, 9, "a"), read(1, 2, None), read(3, 4, "a")],
    "writes at once in either order": [write(0, 9, "a"), write(0, 9, "b"), read(10, 11, "a")],
    "an unknown write that took effect": [write(0, UNKNOWN, "a"), read(5, 6, "a")],
    "an unknown write that never did": [write(0, UNKNOWN, "a"), read(5, 6, None)],
    "an unknown write that takes effect late": [
        write(0, UNKNOWN, "a"), write(1, 2, "b"), read(3, 4, "b"), read(5, 6, "a"),
    ],
    "an unknown delete explains a missing key": [
        write(0, 1, "a"), delete(2, UNKNOWN, None), read(3, 4, "a"), read(5, 6, None),
    ],
    "an unknown read says nothing": [write(0, 1, "a"), read(2, UNKNOWN, "z")],
    "one of two swaps from the same value": [
        write(0, 1, "a"), swap(2, 9, "a", "b", True), swap(2, 9, "a", "c", False),
        read(10, 11, "b"),
    ],
    "a swap creates": [swap(0, 1, None, "a", True), swap(2, 3, None, "b", False)],
    "an unknown swap made room for a swap": [
        write(0, 1, "a"), swap(2, UNKNOWN, "a", "b", None), swap(3, 4, "b", "c", True),
    ],
    "deleting what is there, and what is not": [
        write(0, 1, "a"), delete(2, 3, True), delete(4, 5, False), read(6, 7, None),
    ],
    "moments that touch may be in either order": [write(0, 1, "a"), read(1, 2, None)],
}  # fmt: skip

BAD = {
    "a value nobody wrote": [write(0, 1, "a"), read(2, 3, "z")],
    "an old value after the write returned": [write(0, 1, "a"), write(2, 3, "b"), read(4, 5, "a")],
    "new, then old": [
        write(0, 1, "a"), write(2, 9, "b"), read(3, 4, "b"), read(5, 6, "a"),
    ],
    "new at one client, then old at another": [
        write(0, 1, "a"), write(2, UNKNOWN, "b"), read(3, 4, "b"), read(5, 6, "a"),
    ],
    "lost": [write(0, 1, "a"), read(2, 3, None)],
    "seen before it was called": [read(0, 1, "a"), write(2, 3, "a")],
    "two swaps from one value": [
        write(0, 1, "a"), swap(2, 9, "a", "b", True), swap(2, 9, "a", "c", True),
    ],
    "a swap that should have fitted": [write(0, 1, "a"), swap(2, 3, "a", "b", False)],
    "one thing deleted twice": [write(0, 1, "a"), delete(2, 9, True), delete(2, 9, True)],
    "back after it was deleted": [write(0, 1, "a"), delete(2, 3, True), read(4, 5, "a")],
    "an unknown write takes effect twice": [
        write(0, UNKNOWN, "a"), read(1, 2, "a"), write(3, 4, "b"), read(5, 6, "b"),
        read(7, 8, "a"),
    ],
    "three readers disagree on the order of two writes": [
        write(0, 9, "a"), write(0, 9, "b"), read(1, 2, "a"), read(3, 4, "b"), read(5, 6, "a"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_good_history_passes(name: str) -> None:
    check_register(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_history_is_found(name: str) -> None:
    with pytest.raises(NotLinearizable):
        check_register(BAD[name])


def simulated(seed: int, processes: int, operations: int) -> list[Operation]:
    """A history of a real register: each operation takes effect at a moment within its own time."""
    chance = random.Random(seed)
    moments = []
    for process in range(processes):
        now = chance.random()
        for _ in range(operations // processes):
            called = now + chance.expovariate(2)
            effect = called + chance.expovariate(1)
            returned = effect + chance.expovariate(1)
            moments.append((effect, called, returned, process))
            now = returned
    state: str | None = None
    written: list[str | None] = [None]
    history = []
    for number, (_, called, returned, process) in enumerate(sorted(moments)):
        kind = chance.choice([READ, READ, WRITE, SWAP, SWAP, DELETE])
        value, expected, did = f"v{number}", None, None
        is_lost = kind != READ and chance.random() < 0.04
        happens = not is_lost or chance.random() < 0.5
        if kind == READ:
            value = state
        elif kind == SWAP:
            expected = state if chance.random() < 0.7 else chance.choice(written)
            did = state == expected
        elif kind == DELETE:
            value, did = None, state is not None
        operation = Operation(
            process, kind, "k", called, UNKNOWN if is_lost else returned, value, expected,
            None if is_lost else did,
        )  # fmt: skip
        if happens:
            state = operation.apply(state)[1]
            written.append(state)
        history.append(operation)
    return history


@pytest.mark.parametrize("seed", range(20))
def test_histories_of_a_register_pass(seed: int) -> None:
    check_register(simulated(seed, processes=6, operations=300))


@pytest.mark.parametrize("seed", range(20))
def test_a_stale_read_among_hundreds_of_operations_is_found(seed: int) -> None:
    history = simulated(seed, processes=4, operations=200)
    chance = random.Random(seed)
    last = max(it.returned for it in history if it.is_known)
    # What somebody read, overwritten by a swap from it that was told to have worked.
    swaps = [it for it in history if it.kind == SWAP and it.did and it.expected]
    overwritten = chance.choice(swaps)
    history.append(read(last + 1, last + 2, overwritten.expected))
    with pytest.raises(NotLinearizable):
        check_register(history)


def test_keys_are_looked_at_one_by_one() -> None:
    history = [write(0, 1, "a"), Operation(0, READ, "other", 2, 3, None)]
    assert check(history) == 2
    history.append(Operation(0, READ, "other", 4, 5, "a"))
    with pytest.raises(NotLinearizable, match="key other"):
        check(history)


def test_a_hopeless_search_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr("harness.linearizability.STEPS_MAX", 1_000)
    history = [write(0, UNKNOWN, f"v{number}") for number in range(20)]
    history += [read(1, 2, "v0"), read(3, 4, "v1"), read(5, 6, "v0")]
    with pytest.raises(TooHard):
        check_register(history)


@pytest.mark.parametrize(
    "history, fault",
    [
        ([write(0, 1, "a", 2), write(2, 3, "b", 3), read(4, 5, "b", 3)], None),
        ([write(0, 9, "a", 3), write(0, 9, "b", 2), read(1, 2, None, 1)], None),
        ([write(0, 1, "a", 2), read(2, 3, None, 1)], "older"),
        ([write(0, 1, "a", 2), write(2, 3, "b", 2)], "two writes"),
        ([read(0, 1, "a", 5), write(2, 3, "b", 5)], "older"),
    ],
)
def test_revisions_only_rise(history: list[Operation], fault: str | None) -> None:
    if fault is None:
        assert check_revisions(history) == len(history)
    else:
        with pytest.raises(NotLinearizable, match=fault):
            check_revisions(history)
