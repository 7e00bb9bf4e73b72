#!/usr/bin/env python3
"""Counts what small parts of the server cost: instructions and allocations, which do not depend on
what else the machine does, and compares them with thresholds.json. Times are shown, never compared.

    python micro.py [--write] [--byre-micro PROGRAM] [CASE]...

What one iteration costs is the difference of two runs under valgrind, so the start does not count.
`--write` renews the thresholds: do that with the change that explains the new numbers.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
THRESHOLDS = HERE / "thresholds.json"
# Hashes are seeded alike in every run.
ENVIRONMENT = os.environ | {"SWIFT_DETERMINISTIC_HASHING": "1"}
# By how much of a threshold a count may differ from it, upwards or downwards: another patch release
# of the compiler or of a library moves a few instructions.
TOLERANCE = 0.05
# A part with a second thread, whose share of the work varies, and with calls of libc that depend on
# the processor.
TOLERANCES = {"sqlite-append": 0.15}
# Allocations in one iteration may differ by so many, too: arrays that grow now and then.
ALLOCATIONS = 0.1


def cases(program: str) -> dict[str, int]:
    """The names, and how often each is to be done."""
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {name: int(count) for name, count in (line.split() for line in said.splitlines())}


def valgrind(tool: str, pattern: str, program: str, name: str, count: int) -> int:
    words = ["valgrind", f"--tool={tool}", f"--{tool}-out-file=/dev/null", program, name, str(count)]
    result = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT)
    found = re.search(pattern, result.stderr)
    if result.returncode or not found:
        raise SystemExit(f"{name}: {result.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


def measure(program: str, name: str, iterations: int) -> dict[str, float]:
    """Instructions and allocations of one iteration."""
    few, many = iterations // 2, iterations + iterations // 2

    def each(tool: str, pattern: str) -> float:
        costs = [valgrind(tool, pattern, program, name, count) for count in (few, many)]
        return round((costs[1] - costs[0]) / (many - few), 2)

    return {
        "instructions": each("callgrind", r"Collected : ([\d,]+)"),
        "allocations": each("dhat", r"Total: +[\d,]+ bytes in ([\d,]+) blocks"),
    }


def complaints(name: str, measured: dict[str, float], known: dict[str, float]) -> list[str]:
    """What is further from its threshold than it may be, either way."""
    found = []
    tolerance = TOLERANCES.get(name, TOLERANCE)
    for what, value in measured.items():
        threshold = known.get(what)
        if threshold is None:
            found.append(f"{name}: no threshold for {what}")
            continue
        room = threshold * tolerance + (ALLOCATIONS if what == "allocations" else 0)
        if abs(value - threshold) > room:
            word = "more" if value > threshold else "fewer"
            found.append(f"{name}: {value:g} {what}, {word} than {threshold:g} +- {room:.3g}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help="those alone")
    parser.add_argument("--byre-micro", default=str(HERE.parent / ".build/release/byre-micro"))
    parser.add_argument("--write", action="store_true", help="renew thresholds.json")
    arguments = parser.parse_args()
    program = arguments.byre_micro
    known = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    wrong = []
    for name, iterations in cases(program).items():
        if arguments.cases and name not in arguments.cases:
            continue
        measured = measure(program, name, iterations)
        timed = subprocess.run(
            [program, name, str(iterations)], capture_output=True, text=True, env=ENVIRONMENT
        )
        print(
            f"{name}: {measured['instructions']:,.0f} instructions,"
            f" {measured['allocations']:g} allocations, {timed.stdout.strip()} ns",
            flush=True,
        )
        if arguments.write:
            known[name] = measured
        else:
            wrong += complaints(name, measured, known.get(name, {}))
    if arguments.write:
        THRESHOLDS.write_text(json.dumps(known, indent=4) + "\n")
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        raise SystemExit("If a change explains this, renew the thresholds: micro.py --write")


if __name__ == "__main__":
    main()
