"""The report as Markdown: goals, and a table for each row."""

from pathlib import Path

import plan

# By the end of a number's name: what it is divided by, and what it is called.
UNITS = {
    "_us": (1000, "ms"),
    "_bytes": (2**20, "MiB"),
    "bytes_per_connection": (1024, "KiB"),
    "received_bytes_per_second": (2**20, "MiB/s"),
    "neighbour_bytes_per_second": (2**20, "MiB/s"),
}
NAMES = {
    "server.cpu_us_per_operation": "server CPU for one",
    "server.cpu_us_per_connection": "server CPU for one",
    "server.cpu_percent": "server CPU",
    "server.rss_bytes": "server RSS",
    "server.rss_growth_bytes": "RSS growth",
    "server.written_bytes_per_operation": "bytes written for one",
    "generator.cpu_us_per_operation": "generator CPU for one",
    "idle_cpu_percent": "idle server CPU",
}
COSTS = ("_us", "_bytes", "_ms", "_seconds", "_percent", "_ratio", "_per_operation",
         "_per_connection", "catchup.seconds")  # fmt: skip


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


def all_goals() -> list[tuple[str, plan.Goal]]:
    """Each goal with the id of its row, in the order of the issue."""
    rows = [
        *plan.points(False), *plan.lists(False), *plan.million(False), *plan.watches(False),
        *plan.memory(False), plan.density(200), plan.RESTART, plan.NOISY, *plan.POSTGRES,
    ]  # fmt: skip
    return [(row.id, goal) for row in rows for goal in row.goals]


def goals(results: dict) -> str:
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
        elif goal.below:
            cells += [show(goal.metric, value), "met" if goal.is_met(value) else "**missed**"]
        else:
            cells += [f"{value:.2f}x", "met" if goal.is_met(value) else "**missed**"]
        text += f"| {' | '.join(cells)} |\n"
    return text


BEGIN = "<!-- bench: what `make bench` writes begins here -->\n"
END = "<!-- bench: and ends here -->\n"


def renew_readme(results: dict, path: Path) -> None:
    """Puts the goals and their numbers where the project's README has them."""
    before, rest = path.read_text().split(BEGIN)
    _, after = rest.split(END)
    machine = results["machine"]
    text = f"""{results["when"]}, medians of {results["rounds"]} rounds of {results["seconds"]:g} seconds;
{machine["cores"]} cores ({machine["processor"]}), which servers and load share:

{goals(results)}
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
    own = ["generator.cpu_us_per_operation", "generator.cpu_percent"]
    for metric in [*row["columns"], *own]:
        values = [row["targets"][name]["median"].get(metric) for name in names]
        if all(value is None for value in values):
            continue
        cells = ["" if value is None else show(metric, value) for value in values]
        if compares:
            first, etcd = values[0], values[names.index("etcd")]
            over, under = (etcd, first) if is_cost(metric) else (first, etcd)
            cells.append(f"{over / under:.2f}" if over and under else "")
        text += f"| {label(metric)} | {' | '.join(cells)} |\n"
    return text + "\n"


def markdown(results: dict) -> str:
    machine, versions = results["machine"], results["versions"]
    text = f"""# Byre beside etcd

`{results["command"]}` on {results["when"]}, {results["minutes"]} minutes: rounds of
{results["seconds"]:g} s, {results["rounds"]} of them; a number is the median of the rounds, servers taking turns. Clients,
servers and their disks share {machine["cores"]} cores ({machine["processor"]}), {machine["memory"]},
Linux {machine["kernel"]}. {versions["Byre"]}; {versions["etcd"]}. `results.json` has all rounds.

## Goals

{goals(results)}
"""
    explanation = Path(__file__).with_name("explained.md")
    if explanation.exists():
        text += explanation.read_text() + "\n"
    text += "## Plots\n\n"
    for name, title in (
        ("throughput", "Throughput by connections"), ("latency", "Latency in an open loop"),
        ("density", "RSS by tenants"), ("noisy", "A victim's latency"),
    ):  # fmt: skip
        text += f"![{title}]({name}.svg)\n\n"
    text += "## Everything\n\n"
    text += "".join(table(row) for row in results["rows"] if not row["id"].startswith("by-conn"))
    return text.rstrip("\n") + "\n"
