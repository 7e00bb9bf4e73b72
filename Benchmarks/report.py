"""The report as Markdown: goals, and a table for each row."""

import os
import re
from pathlib import Path

import plan
from rows import Goal

EXPLAINED = Path(__file__).with_name("explained.md")

# By the end of a number's name: what it is divided by, and what it is called.
UNITS = {
    "_us": (1000, "ms"),
    "_bytes": (2**20, "MiB"),
    "bytes_per_connection": (1024, "KiB"),
    "bytes_per_tenant": (1024, "KiB"),
    "bytes_per_key": (1, "B"),
    "bytes_per_operation": (1, "B"),
    "received_bytes_per_second": (2**20, "MiB/s"),
    "neighbour_bytes_per_second": (2**20, "MiB/s"),
}
NAMES = {
    "server.cpu_us_per_operation": "server CPU for one",
    "server.cpu_us_per_connection": "server CPU for one",
    "server.cpu_percent": "server CPU",
    "server.rss_bytes": "server RSS",
    "server.rss_growth_bytes": "RSS growth",
    "server.cache_bytes": "of it the value cache",
    "server.rss_above_cache_bytes": "server RSS above the value cache",
    "disk.written_bytes_per_operation": "the disk: bytes written for one",
    "disk.flushes_per_operation": "the disk: flushes for one",
    "disk.stall_ms": "the disk: longest stall",
    "disk_bytes": "files on disk",
    "disk_bytes_per_key": "files on disk for a key",
    "disk_bytes_per_tenant": "files on disk for a tenant",
    "memory_bytes_per_key": "memory of a key beside its length",
    "bytes_per_tenant": "memory of a tenant",
    "generator.cpu_us_per_operation": "generator CPU for one",
    "generator.late_p99_us": "generator too late, p99",
    "idle_cpu_percent": "idle server CPU",
}
COSTS = ("_us", "_bytes", "_ms", "_seconds", "_percent", "_ratio", "_per_operation",
         "_per_connection", "_per_key", "_per_tenant", "catchup.seconds")  # fmt: skip
# What is no server's merit, and what of it is shown of all rows.
NOBODYS = ("generator.", "disk.stall")
OWN = ["disk.stall_ms", "generator.cpu_us_per_operation", "generator.cpu_percent"]


def is_cost(metric: str) -> bool:
    """Whether less of it is better."""
    return metric.endswith(COSTS)


def show(metric: str, value: float) -> str:
    """A number with its unit, to three digits."""
    unit = ""
    if metric.endswith(("cpu_us_per_operation", "cpu_us_per_connection")):
        unit = " us"
    elif metric.endswith("_percent"):
        unit = " %"
    elif metric.endswith("_ms"):
        unit = " ms"
    elif metric.endswith("_per_second") and "bytes" not in metric:
        unit = "/s"
    for end, (divisor, name) in UNITS.items():
        if metric.endswith(end):
            value, unit = value / divisor, f" {name}"
    if abs(value) >= 100:
        return f"{value:,.0f}{unit}"
    return f"{value:.3g}{unit}" if value else f"0{unit}"


def label(metric: str) -> str:
    if metric in NAMES:
        return NAMES[metric]
    name = metric
    for end in ("_us", "_bytes", "_percent", "_ms"):
        name = name.removesuffix(end)
    name = name.replace("received_bytes_per_second", "bytes").replace("_per_second", " rate")
    return name.replace(".", " ").replace("_", " ")


def all_goals() -> list[tuple[str, Goal]]:
    """Each goal with the id of its row."""
    rows = [row for part in plan.parts(quick=False) for row in part.rows]
    return [(row.id, goal) for row in rows for goal in row.goals]


def anchor(heading: str) -> str:
    """What a heading is linked to by."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def explanations(text: str) -> set[str]:
    """The anchors of sections that say something."""
    sections = re.split(r"^## +(.*)$", text, flags=re.MULTILINE)
    return {anchor(head) for head, body in zip(sections[1::2], sections[2::2]) if body.strip()}


def missed(goal: Goal, explained: Path, folder: Path) -> str:
    """Where it is said why a goal is missed."""
    text = explained.read_text() if explained.exists() else ""
    if goal.explained not in explanations(text):
        return "**missed**, not explained"
    return f"**missed**, [why]({os.path.relpath(explained, folder)}#{goal.explained})"


def goals(results: dict, folder: Path, explained: Path = EXPLAINED) -> str:
    """The table of goals, to be read in `folder`."""
    rows = {row["id"]: row for row in results["rows"]}
    text = "| work | goal | Byre | etcd | reached | |\n|---|---|---:|---:|---:|---|\n"
    for identifier, goal in all_goals():
        row = rows.get(identifier)
        if not row:
            continue
        medians = {name: it["median"] for name, it in row["targets"].items()}
        own = medians.get(goal.server, {}).get(goal.metric)
        other = medians.get("etcd", {}).get(goal.metric)
        value = goal.value(medians)
        cells = [
            row["title"], goal.text,
            "" if own is None else show(goal.metric, own),
            "" if other is None else show(goal.metric, other),
        ]  # fmt: skip
        if value is None:
            cells += ["", "not measured"]
        else:
            cells.append(show(goal.metric, value) if goal.below else f"{value:.2f}x")
            cells.append("met" if goal.is_met(value) else missed(goal, explained, folder))
        text += f"| {' | '.join(cells)} |\n"
    return text


BEGIN = "<!-- bench: what `make bench` writes begins here -->\n"
END = "<!-- bench: and ends here -->\n"


def renew_readme(results: dict, path: Path) -> None:
    """Puts the goals and their numbers where the project's README has them."""
    before, rest = path.read_text().split(BEGIN)
    _, after = rest.split(END)
    machine = results["machine"]
    text = f"""{results["when"]}, medians of {results["rounds"]} rounds of {results["seconds"]:g} s;
{machine["cores"]} cores ({machine["processor"]}), which servers and load share:

{goals(results, path.parent)}
"""
    path.write_text(before + BEGIN + text.rstrip("\n") + "\n" + END + after)


def table(row: dict) -> str:
    names = list(row["targets"])
    text = f"### {row['title']}\n\n    {row['command']}\n\n"
    if row["problem"]:
        text += f"To be noted: {row['problem']}\n\n"
    if not names:
        return text
    compares = "etcd" in names and len(names) > 1
    text += f"| | {' | '.join(names)} |{' ' + names[0] + ', times better |' if compares else ''}\n"
    text += "|---|" + "---:|" * (len(names) + compares) + "\n"
    for metric in [*row["columns"], *OWN]:
        values = [row["targets"][name]["median"].get(metric) for name in names]
        if all(value is None for value in values) or (metric == OWN[0] and not any(values)):
            continue
        cells = ["" if value is None else show(metric, value) for value in values]
        if compares and metric.startswith(NOBODYS):
            cells.append("")
        elif compares:
            first, etcd = values[0], values[names.index("etcd")]
            over, under = (etcd, first) if is_cost(metric) else (first, etcd)
            cells.append(f"{over / under:.2f}" if over and under else "")
        text += f"| {label(metric)} | {' | '.join(cells)} |\n"
    return text + "\n"


def without(results: dict) -> str:
    """What the run has not measured: rows that were cut, and those that a target is not in."""
    text = ""
    if results["cut"]:
        text += f"For want of time not measured: {'; '.join(results['cut'])}.\n\n"
    if results["failures"]:
        text += f"Not measured to the end: {'; '.join(results['failures'])}.\n\n"
    alone = {row.id for part in plan.parts(quick=False) for row in part.rows if not row.joins}
    titles = "; ".join(row["title"] for row in results["rows"] if row["id"] in alone)
    for name in results["others"]:
        text += (
            f"{name} was started by somebody else, and is not in the rows that need its process, its"
            f" data or certificates of ours: {titles or 'none here'}.\n\n"
        )
    return text


def markdown(results: dict, folder: Path) -> str:
    """The report, to be read in `folder`."""
    machine = results["machine"]
    said = "; ".join(
        text if name in ("Byre", "etcd") else f"{name}: {text}"
        for name, text in results["versions"].items()
    )
    text = f"""# Byre beside etcd

`{results["command"]}` on {results["when"]}, {results["minutes"]} minutes ({results["planned_minutes"]} planned): rounds of
{results["seconds"]:g} s, {results["rounds"]} of them; a number is the median of the rounds, servers taking turns. Clients,
servers and their disks share {machine["cores"]} cores ({machine["processor"]}), {machine["memory"]},
Linux {machine["kernel"]}. {said}. `results.json` has all rounds.

What the disk did is counted on the device beneath the data, in the time of one server's measurement, so
that it is that server's unless something else on the machine writes. A stall is the longest time, of
those above 20 ms, in which the disk finished nothing though it was asked to: it is the machine's, and
whoever is being measured has it in its latencies. In an open loop a latency counts from the time at
which the request was to be sent; by how much the generator itself was late is told beside it.

{without(results)}## Goals

{goals(results, folder)}
## Plots

"""
    for name, title in (
        ("throughput", "Throughput by connections"), ("latency", "Latency in an open loop"),
        ("density", "RSS by tenants"), ("noisy", "A victim's latency"),
    ):  # fmt: skip
        if (folder / f"{name}.svg").exists():
            text += f"![{title}]({name}.svg)\n\n"
    text += "## Everything\n\n"
    text += "".join(table(row) for row in results["rows"] if not row["id"].startswith("by-conn"))
    return text.rstrip("\n") + "\n"
