"""Which metrics and labels a query of Prometheus names, and which a page of metrics has."""

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_MATCHERS = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)\b(?!\s*\()")
_KEYWORDS = {
    "and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left",
    "group_right", "Inf", "inf", "NaN",
}  # fmt: skip
# What Prometheus adds to every sample.
TARGET_LABELS = {"job", "instance", "namespace", "service", "pod"}


def names(query: str) -> dict[str, set[str]]:
    """The metrics that a query names, each with the labels that its matchers name."""
    query = _STRING.sub('""', query)
    query = _GROUPING.sub(" ", query)
    query = _RANGE.sub("", query)
    found: dict[str, set[str]] = {}
    for match in _NAME.finditer(_MATCHERS.sub(lambda it: " " * len(it.group()), query)):
        if match.group(1) in _KEYWORDS:
            continue
        rest = query[match.end() :]
        matchers = re.match(r"\s*\{([^{}]*)\}", rest)
        labels = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers.group(1)) if matchers else []
        found.setdefault(match.group(1), set()).update(labels)
    return found


def grouping_labels(query: str) -> set[str]:
    """The labels by which a query groups."""
    query = _STRING.sub('""', query)
    return {
        label.strip() for group in _GROUPING.findall(query) for label in group.split(",")
        if label.strip()
    }  # fmt: skip


def exported(page: str) -> dict[str, set[str]]:
    """The metrics of a page in Prometheus' text format, each with the labels of its samples.

    A page that tells of one series twice is refused, as Prometheus does.
    """
    found: dict[str, set[str]] = {}
    seen = set()
    for line in page.splitlines():
        if line.startswith("#") or not line:
            continue
        series, _ = line.rsplit(" ", 1)
        assert series not in seen, f"twice: {series}"
        seen.add(series)
        name, _, labels = series.partition("{")
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found
