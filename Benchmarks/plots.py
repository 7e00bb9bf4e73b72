"""The plots of the report, as SVG written by hand: no library is needed."""

import math
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 24, 56, 76
COLORS = {"Byre": "#0b6e4f", "etcd": "#c8553d"}
OTHERS = ["#3d5a80", "#8f6bb3", "#b08900", "#555555"]
FONT = "font-family='sans-serif' font-size='13'"


def color(name: str, names: list[str]) -> str:
    others = [it for it in names if it not in COLORS]
    return COLORS.get(name) or OTHERS[others.index(name) % len(OTHERS)]


def nice(top: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 ... above a number."""
    if top <= 0:
        return 1
    power = 10 ** math.floor(math.log10(top))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= top)


def number(value: float) -> str:
    if value >= 1000:
        return f"{value / 1000:g}k"
    return f"{value:g}"


class Plot:
    """Axes, and what is drawn between them."""

    def __init__(self, title: str, x_label: str, y_label: str, note: str) -> None:
        self.parts = [
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'"
            f" viewBox='0 0 {WIDTH} {HEIGHT}'>",
            f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
        ]
        self.text(LEFT, 24, title, "start", "font-weight='bold' font-size='16'")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 32, x_label, "middle")
        self.text(LEFT, HEIGHT - 10, note, "start", "font-size='11' fill='#666'")
        middle = (TOP + HEIGHT - BOTTOM) / 2
        self.parts.append(
            f"<text x='18' y='{middle}' {FONT} text-anchor='middle'"
            f" transform='rotate(-90 18 {middle})'>{escape(y_label)}</text>"
        )

    def text(self, x: float, y: float, text: str, anchor: str, style: str = "") -> None:
        font = "font-family='sans-serif'" if "font-size" in style else FONT
        self.parts.append(
            f"<text x='{x:.1f}' y='{y:.1f}' {font} {style} text-anchor='{anchor}'>"
            f"{escape(text)}</text>"
        )

    def y_axis(self, top: float, log: bool = False, bottom: float = 0) -> None:
        self.top, self.log, self.bottom = top, log, bottom
        if log:
            low = math.floor(math.log10(bottom))
            high = max(math.ceil(math.log10(top)), low + 1)
            self.bottom, self.top = 10.0**low, 10.0**high
            ticks = [10.0**power for power in range(low, high + 1)]
        else:
            ticks = [top * step / 5 for step in range(6)]
        for tick in ticks:
            y = self.y(tick)
            self.parts.append(
                f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' y2='{y:.1f}' stroke='#ddd'/>"
            )
            self.text(LEFT - 8, y + 4, number(tick), "end")

    def y(self, value: float) -> float:
        if self.log:
            value = max(value, self.bottom)
            part = math.log10(value / self.bottom) / math.log10(self.top / self.bottom)
        else:
            part = value / self.top
        return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)

    def x_labels(self, labels: list[str]) -> None:
        self.count = len(labels)
        for index, label in enumerate(labels):
            self.text(self.x(index), HEIGHT - BOTTOM + 20, label, "middle")

    def x(self, index: float) -> float:
        return LEFT + (index + 0.5) / self.count * (WIDTH - RIGHT - LEFT)

    def line(self, values: list[float | None], stroke: str, dash: str = "") -> None:
        points = [(self.x(i), self.y(v)) for i, v in enumerate(values) if v is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        style = f"stroke-dasharray='{dash}'" if dash else ""
        self.parts.append(
            f"<polyline points='{path}' fill='none' stroke='{stroke}' stroke-width='2.5' {style}/>"
        )
        for x, y in points:
            self.parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{stroke}'/>")

    def bar(self, index: float, width: float, value: float, fill: str, label: str) -> None:
        y = self.y(value)
        left = self.x(index) - width / 2
        self.parts.append(
            f"<rect x='{left:.1f}' y='{y:.1f}' width='{width:.1f}'"
            f" height='{HEIGHT - BOTTOM - y:.1f}' fill='{fill}'/>"
        )
        self.text(left + width / 2, y - 5, label, "middle", "font-size='11'")

    def legend(self, entries: list[tuple[str, str, str]]) -> None:
        x = LEFT
        for label, stroke, dash in entries:
            style = f"stroke-dasharray='{dash}'" if dash else ""
            self.parts.append(
                f"<line x1='{x}' x2='{x + 24}' y1='40' y2='40' stroke='{stroke}'"
                f" stroke-width='3' {style}/>"
            )
            self.text(x + 30, 44, label, "start")
            x += 48 + 7.2 * len(label)

    def write(self, path: Path) -> None:
        path.write_text("\n".join([*self.parts, "</svg>"]) + "\n")


def names_of(rows: list[dict]) -> list[str]:
    names: list[str] = []
    for row in rows:
        names += [name for name in row["targets"] if name not in names]
    return names


def throughput(rows: list[dict], note: str, path: Path) -> None:
    works = {"range": ("range.per_second", ""), "put": ("put.per_second", "7 4"),
             "txn": ("update.per_second", "2 4")}  # fmt: skip
    found: dict[str, dict[int, dict]] = {}
    for row in rows:
        if row["id"].startswith("by-connections-"):
            _, _, work, count = row["id"].split("-")
            found.setdefault(work, {})[int(count)] = row
    if not found:
        return
    names = names_of([row for counts in found.values() for row in counts.values()])
    counts = sorted({count for it in found.values() for count in it})
    plot = Plot("Throughput, one request at a time on each connection", "connections",
                "requests a second (log)", note)  # fmt: skip
    lines, legend = [], []
    for name in names:
        for work, (metric, dash) in works.items():
            values = [
                found.get(work, {}).get(count, {"targets": {}})["targets"].get(name, {"median": {}})[
                    "median"
                ].get(metric)
                for count in counts
            ]
            if any(values):
                lines.append((values, color(name, names), dash))
                legend.append((f"{name} {work}", color(name, names), dash))
    numbers = [value for values, _, _ in lines for value in values if value]
    if not numbers:
        return
    plot.y_axis(max(numbers), log=True, bottom=min(numbers))
    plot.x_labels([str(count) for count in counts])
    for values, stroke, dash in lines:
        plot.line(values, stroke, dash)
    plot.legend(legend)
    plot.write(path)


def latency(rows: list[dict], note: str, path: Path) -> None:
    row = next((row for row in rows if row["id"] == "update-open" and row["targets"]), None)
    if not row:
        return
    labels = {"p50": "p50", "p90": "p90", "p99": "p99", "p999": "p99.9", "max": "max"}
    names = names_of([row])
    plot = Plot("Update transactions, 2000 a second: latency from the intended time", "percentile",
                "milliseconds (log)", note)  # fmt: skip
    lines = {
        name: [row["targets"][name]["median"].get(f"update.{it}_us", 0) / 1000 for it in labels]
        for name in names
    }
    numbers = [value for values in lines.values() for value in values if value > 0]
    if not numbers:
        return
    plot.y_axis(max(numbers), log=True, bottom=min(numbers))
    plot.x_labels(list(labels.values()))
    for name, values in lines.items():
        plot.line(values, color(name, names))
    plot.legend([(name, color(name, names), "") for name in names])
    plot.write(path)


def density(rows: list[dict], note: str, path: Path) -> None:
    found = {
        int(row["id"].split("-")[1]): row for row in rows if row["id"].startswith("density-")
    }
    if not found:
        return
    counts = sorted(found)
    names = names_of(list(found.values()))
    plot = Plot("RSS by tenants: TLS connections of an idle API server each",
                "tenants", "MiB", note)  # fmt: skip
    lines = {
        name: [
            found[count]["targets"][name]["median"]["server.rss_bytes"] / 2**20
            if name in found[count]["targets"]
            else None
            for count in counts
        ]
        for name in names
    }
    numbers = [value for values in lines.values() for value in values if value]
    if not numbers:
        return
    plot.y_axis(nice(max(numbers)))
    plot.x_labels([str(count) for count in counts])
    for name, values in lines.items():
        plot.line(values, color(name, names))
    plot.legend([(name, color(name, names), "") for name in names])
    plot.write(path)


def noisy(rows: list[dict], note: str, path: Path) -> None:
    row = next((row for row in rows if row["id"] == "noisy" and row["targets"]), None)
    if not row:
        return
    groups = {"alone": "alone", "flood": "beside 256 writers", "list": "beside large lists"}
    names = names_of([row])
    plot = Plot("A victim's updates: p99", "its neighbour", "milliseconds (log)", note)
    values = {
        name: [row["targets"][name]["median"][f"{it}.p99_us"] / 1000 for it in groups]
        for name in names
    }
    numbers = [value for it in values.values() for value in it if value > 0]
    plot.y_axis(max(numbers), log=True, bottom=min(numbers) / 2)
    plot.x_labels(list(groups.values()))
    width = 60
    for place, name in enumerate(names):
        for index, value in enumerate(values[name]):
            shift = (place - (len(names) - 1) / 2) * (width + 6)
            at = index + shift / (plot.x(1) - plot.x(0))
            plot.bar(at, width, value, color(name, names), f"{value:.3g}")
    plot.legend([(name, color(name, names), "") for name in names])
    plot.write(path)


def write(results: dict, folder: Path) -> None:
    rows = results["rows"]
    versions = results["versions"]
    note = f"{results['command']}, {results['when']}; {versions['Byre']}; {versions['etcd']}"
    for draw in (throughput, latency, density, noisy):
        path = folder / f"{draw.__name__}.svg"
        # One of a run before would be taken for this one's.
        path.unlink(missing_ok=True)
        draw(rows, note, path)
