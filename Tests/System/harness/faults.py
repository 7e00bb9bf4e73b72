"""Load on several instances while something breaks, and everything that must hold of it afterwards."""

import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from harness.api import Client, prefix_end
from harness.history import History, Watcher, Write, Writer, check_watch, check_writes
from harness.instances import Instance
from harness.linearizability import (
    DELETE, READ, SWAP, Operation, check, check_revisions,
)  # fmt: skip
from harness.registers import UNCERTAIN, RegisterClient

CLIENTS_PER_INSTANCE = 3
RECOVERY_SECONDS_MAX = 30.0
"""An instance serves again this long after the fault is over, without having been restarted."""
QUIET = {"key": b"\0", "range_end": b"\0"}
REGISTERS = {"key": b"register/", "range_end": prefix_end(b"register/")}


@dataclass
class RecordedWrites:
    """What a client of registers wrote, for the checks of the whole history."""

    writes: list[Write] = field(default_factory=list)

    @classmethod
    def of(cls, client: RegisterClient) -> "RecordedWrites":
        recorded = cls()
        for operation in client.operations:
            if operation.kind == READ or (operation.kind == DELETE and operation.did is False):
                continue
            value = None if operation.kind == DELETE else operation.value.encode()
            write = Write({operation.key.encode(): value})
            if operation.wrote:
                write.revision = operation.revision
            write.refused = operation.kind == SWAP and operation.did is False
            recorded.writes.append(write)
        return recorded


class Load:
    """Clients of all kinds on all instances, from `start` to `finish`."""

    def __init__(self, instances: list[Instance], seed: str, pause: float = 0.002) -> None:
        self.instances = instances
        self.seed = seed
        self.chance = random.Random(seed)
        self.began = time.monotonic()
        self.registers = [
            RegisterClient(number, instance.target, seed, self.began, pause)
            for number, instance in enumerate(
                instance for instance in instances for _ in range(CLIENTS_PER_INSTANCE)
            )
        ]
        self.writers = [
            Writer(f"w{number}", instance.target, seed=seed)
            for number, instance in enumerate(instances)
        ]
        self.counted: Counter[str] = Counter()
        self.watchers = []
        for number, instance in enumerate(instances):
            kinds = (
                {**QUIET, "prev_kv": True, "progress_notify": True},
                {**REGISTERS, "flaky": True},
            )
            self.watchers += [
                Watcher(f"{kind} at {number}", instance.target, seed, **kind) for kind in kinds
            ]

    def __enter__(self) -> "Load":
        for client in [*self.watchers, *self.writers, *self.registers]:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.registers:
            client.stop()
        for client in [*self.writers, *self.watchers]:
            client.close()

    def answered(self, instance: Instance) -> int:
        """How many calls of registers' clients an instance has answered."""
        return sum(it.answered() for it in self.registers if it.target == instance.target)

    def finish(self) -> str:
        """Stops the load and checks everything. Returns the numbers in a sentence."""
        for instance in self.instances:
            instance.wait_serving(RECOVERY_SECONDS_MAX)
        # The load goes on for a moment after the fault.
        time.sleep(1)
        for client in self.registers:
            client.stop()
        for writer in self.writers:
            writer.stop()
        self._check_codes()
        operations = [it for client in self.registers for it in client.operations]
        operations += self._last_reads(operations)
        registers = check(operations)
        check_revisions(operations)
        histories = [self._history(instance) for instance in self.instances]
        history = histories[0]
        for other in histories[1:]:
            assert other.events == history.events, "two instances tell different histories"
        history.check_gapless()
        history.check_previous_values()
        probes = RecordedWrites(
            [
                Write({event.kv.key: event.kv.value}, revision)
                for revision, events in history.events.items()
                for event in events
                if event.kv.key.startswith(b"probe/")
            ]
        )
        recorded = [RecordedWrites.of(client) for client in self.registers]
        acknowledged, _ = check_writes(history, [*self.writers, *recorded, probes])
        for watcher in self.watchers:
            watcher.finish(history.until, history)
        for watcher in self.watchers:
            try:
                check_watch(watcher.record, history)
            except AssertionError as error:
                raise AssertionError(f"watcher {watcher.name}: {error}") from None
        unknown = sum(it.returned == math.inf for it in operations)
        sessions = sum(len(watcher.record.sessions) for watcher in self.watchers)
        self.counted = Counter(
            {"histories": registers, "operations": len(operations), "writes": acknowledged}
        )
        return (
            f"{registers} histories of registers with {len(operations)} operations, {unknown} of "
            f"them of unknown outcome, all linearizable; {acknowledged} writes acknowledged, "
            f"{history.until} revisions; {len(self.watchers)} watchers over {sessions} connections"
        )

    def _check_codes(self) -> None:
        faults = [fault for client in self.registers for fault in client.faults]
        known = {code.name for code in UNCERTAIN}
        outcomes = Counter(
            write.outcome
            for writer in self.writers
            for write in writer.writes
            if write.outcome and write.outcome.split()[0] not in known | {"OK"}
        )
        assert not faults and not outcomes, f"wrong codes: {faults[:5]} {outcomes}"

    def _last_reads(self, operations: list[Operation]) -> list[Operation]:
        """What every register holds in the end, as each instance says."""
        keys = {it.key for it in operations}
        reads = []
        for instance in self.instances:
            with Client(instance.target) as client:
                called = time.monotonic()
                answer = client.get_prefix(b"register/")
                returned = time.monotonic()
            values = {row.key.decode(): row.value.decode() for row in answer.kvs}
            assert values.keys() <= keys, f"nobody wrote {sorted(values.keys() - keys)[:3]}"
            reads += [
                Operation(-1, READ, key, called, returned, values.get(key),
                          revision=answer.header.revision)
                for key in keys
            ]  # fmt: skip
        return reads

    def _history(self, instance: Instance) -> History:
        with Client(instance.target) as client:
            return History(client)
