"""The same random operations on real etcd 3.5.1 and on Byre: every answer, error and event compared.

The seed is printed and comes from `BYRE_SEED`, by default the commit. A failure leaves the operations
that led to it in a file (`BYRE_FAILURES`, by default the test's temporary directory), shortened as far as
half a minute allows, to be repeated with `BYRE_REPLAY=FILE pytest test_differential.py -k replay`.
"""

import os
import re
import time
from pathlib import Path

import pytest

from harness import processes
from harness.differential import Mismatch, Pair
from harness.operations import Generator, Operation
from harness.seed import base_seed

OPERATIONS = int(os.environ.get("BYRE_OPERATIONS", "24000"))
ROUNDS = 6
KIND_LENGTH = 24
SHRINK_SECONDS_MAX = float(os.environ.get("BYRE_SHRINK_SECONDS", "40"))
SEED = base_seed()


class Servers:
    """A fresh reference and a fresh subject."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.reference = processes.etcd(folder / "reference")
        self.subject = processes.byre(folder / "subject")

    def __enter__(self) -> Pair:
        try:
            self.reference.start(wait=False)
            self.subject.start()
            self.reference.wait_ready()
            self.pair = Pair(self.reference.target, self.subject.target)
        except BaseException:
            self.__exit__()
            raise
        return self.pair

    def obituary(self) -> str:
        """The last words of a server that is no longer there."""
        dead = [server for server in (self.reference, self.subject) if not server.is_running()]
        return "".join(f"\n{server.program} died:\n{server.log_tail(25)}" for server in dead)

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "pair"):
            self.pair.close()
        self.reference.close()
        self.subject.close()


def replay(folder: Path, operations: list[Operation], kind: str) -> int | None:
    """The index of the operation at which the two sides differ, if they do, and in the same way."""
    with Servers(folder) as pair:
        for index, operation in enumerate(operations):
            try:
                pair.apply(operation)
            except (AssertionError, ValueError) as error:
                return index if kind_of(error) == kind else None
    return None


def kind_of(error: Exception) -> str:
    """What sort of difference it is: enough of its text to tell it from another."""
    return re.sub(r"\d+", "#", str(error))[:KIND_LENGTH]


def shrink(folder: Path, operations: list[Operation], kind: str) -> list[Operation]:
    """Leaves out what the difference does not need, in ever smaller pieces, while the time lasts."""
    deadline = time.monotonic() + SHRINK_SECONDS_MAX
    attempt = 0
    size = max(1, len(operations) // 2)
    while size >= 1:
        start = 0
        while start < len(operations):
            if time.monotonic() > deadline:
                return operations
            attempt += 1
            shorter = operations[:start] + operations[start + size :]
            failed_at = replay(folder / f"attempt-{attempt}", shorter, kind) if shorter else None
            if failed_at is None:
                start += size
            else:
                operations = shorter[: failed_at + 1]
        size //= 2
    return operations


def save(folder: Path, name: str, operations: list[Operation]) -> Path:
    target = Path(os.environ.get("BYRE_FAILURES", folder))
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"{name}.jsonl"
    path.write_text("".join(operation.to_json() + "\n" for operation in operations))
    return path


@pytest.mark.parametrize("round", range(ROUNDS))
def test_random_operations_are_answered_alike(round: int, tmp_path: Path) -> None:
    seed = f"{SEED}-{round}"
    print(f"seed {seed}: BYRE_SEED={SEED} pytest test_differential.py -k '[{round}]'")
    done: list[Operation] = []
    servers = Servers(tmp_path / "servers")
    with servers as pair:
        generator = Generator(seed, pair.view, chosen_leases=round % 2 == 1)
        try:
            for _ in range(OPERATIONS // ROUNDS):
                done.append(generator.next())
                pair.apply(done[-1])
            done.append(Operation("sync"))
            pair.apply(done[-1])
            return
        except AssertionError as error:
            failure, kind = f"{error}{servers.obituary()}", kind_of(error)
    path = save(tmp_path, f"differential-{seed}", done)
    short = shrink(tmp_path / "shrink", done, kind)
    short_path = save(tmp_path, f"differential-{seed}-short", short)
    steps = "\n".join(f"  {operation.describe(300)}" for operation in short[-12:])
    raise Mismatch(
        f"seed {seed}, operation {len(done)}: {done[-1].describe()}\n{failure}\n"
        f"all {len(done)} operations: {path}\n{len(short)} left: {short_path}, the last ones:\n{steps}"
    )


@pytest.mark.skipif("BYRE_REPLAY" not in os.environ, reason="BYRE_REPLAY names no file to repeat")
def test_replay_of_a_saved_failure(tmp_path: Path) -> None:
    lines = Path(os.environ["BYRE_REPLAY"]).read_text().splitlines()
    with Servers(tmp_path / "servers") as pair:
        for line in lines:
            operation = Operation.from_json(line)
            print(operation.describe(400))
            pair.apply(operation)
        pair.sync()
