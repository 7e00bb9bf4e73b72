"""Clients of several instances that read and write registers, and record what they were told.

Each client takes the registers of the moment: after some operations all move on to new ones, so that
no register has more operations, or more of unknown outcome, than the checker can order.
"""

import math
import random
import threading
import time
from collections import Counter

import grpc

from harness.api import Answer, Client, types
from harness.linearizability import DELETE, READ, SWAP, WRITE, Operation

CALL_SECONDS = 8.0
REGISTERS = 8
"""Registers in use at a time."""
EPOCH_SECONDS = 0.5
"""How long; then others follow."""
UNCERTAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}
"""What a client may be told while the database or an instance is away. Any other error is a fault."""


class RegisterClient:
    """One client: does one thing after another, and keeps to one instance."""

    def __init__(
        self, process: int, target: str, seed: object, began: float, pause: float = 0
    ) -> None:
        self.process = process
        self.target = target
        self.random = random.Random(f"{seed}-{process}")
        self.began = began
        self.pause = pause
        self.operations: list[Operation] = []
        self.codes: Counter[str] = Counter()
        self.faults: list[str] = []
        self._known: dict[str, str | None] = {}
        self._client = Client(target)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> "RegisterClient":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(CALL_SECONDS + 10)
            assert not self._thread.is_alive(), f"client {self.process} hangs"
        self._client.close()

    def answered(self) -> int:
        """How many calls got an answer so far."""
        return self.codes["OK"]

    def _run(self) -> None:
        while not self._stop.is_set():
            self.step()
            if self.pause:
                self._stop.wait(self.pause)

    def step(self) -> None:
        epoch = int((time.monotonic() - self.began) / EPOCH_SECONDS)
        key = f"register/{epoch:04}/{self.random.randrange(REGISTERS)}"
        if len(self._known) > 4 * REGISTERS:
            self._known.clear()
        value = f"{self.process}.{len(self.operations)}"
        draw = self.random.random()
        if draw < 0.35:
            self._read(key)
        elif draw < 0.55:
            self._write(key, value)
        elif draw < 0.92:
            self._swap(key, self._known.get(key), value)
        else:
            self._delete(key)

    def _read(self, key: str) -> None:
        called = time.monotonic()
        answer = self._call("Range", types.RangeRequest(key=key.encode()))
        if not answer.ok:
            return
        rows = answer.message.kvs
        value = rows[0].value.decode() if rows else None
        self._known[key] = value
        self._record(READ, key, called, answer, value=value)

    def _write(self, key: str, value: str) -> None:
        called = time.monotonic()
        answer = self._call("Put", types.PutRequest(key=key.encode(), value=value.encode()))
        if answer.ok:
            self._known[key] = value
        self._record(WRITE, key, called, answer, value=value)

    def _swap(self, key: str, expected: str | None, value: str) -> None:
        compare = types.Compare(key=key.encode(), result=0)
        if expected is None:
            compare.target, compare.version = 0, 0
        else:
            compare.target, compare.value = 3, expected.encode()
        put = types.PutRequest(key=key.encode(), value=value.encode())
        get = types.RangeRequest(key=key.encode())
        request = types.TxnRequest(
            compare=[compare],
            success=[types.RequestOp(request_put=put)],
            failure=[types.RequestOp(request_range=get)],
        )
        called = time.monotonic()
        answer = self._call("Txn", request)
        did = answer.message.succeeded if answer.ok else None
        self._record(SWAP, key, called, answer, value=value, expected=expected, did=did)
        if did:
            self._known[key] = value
        elif answer.ok:
            rows = answer.message.responses[0].response_range.kvs
            self._known[key] = rows[0].value.decode() if rows else None
            # The failed swap was a read too, of the same moment.
            self._record(READ, key, called, answer, value=self._known[key])

    def _delete(self, key: str) -> None:
        called = time.monotonic()
        answer = self._call("DeleteRange", types.DeleteRangeRequest(key=key.encode()))
        did = answer.message.deleted == 1 if answer.ok else None
        if answer.ok:
            self._known[key] = None
        self._record(DELETE, key, called, answer, did=did)

    def _call(self, method: str, request) -> Answer:
        answer = self._client.call(method, request, seconds=CALL_SECONDS)
        self.codes[answer.code.name] += 1
        if not answer.ok:
            if answer.code not in UNCERTAIN:
                self.faults.append(f"{self.target} {method}: {answer.code.name} {answer.details}")
            self._stop.wait(0.02)
        return answer

    def _record(self, kind: str, key: str, called: float, answer: Answer, **what: object) -> None:
        returned = time.monotonic() if answer.ok else math.inf
        revision = answer.message.header.revision if answer.ok else None
        self.operations.append(
            Operation(self.process, kind, key, called, returned, revision=revision, **what)
        )
