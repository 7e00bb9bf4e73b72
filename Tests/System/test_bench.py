"""The Python side of `make bench`: plan, time, report. What it starts is faked here."""

import json
import signal
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest

from harness import paths
from harness.paths import REPOSITORY

BENCHMARKS = REPOSITORY / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import parts  # noqa: E402
import plan  # noqa: E402
import plots  # noqa: E402
import report  # noqa: E402
import rows as measured  # noqa: E402
from rows import Goal, Guests, Pace, Part, Row  # noqa: E402
from run import Budget, Run, TimeUp  # noqa: E402
from servers import Remote, Server, running  # noqa: E402

pytestmark = [
    pytest.mark.skipif(paths.byre().name == "etcd", reason="Byre's own files"),
    pytest.mark.sqlite_only("starts no server"),
]

ROW = Row("work", "some work", ["range", "--connections=1"], ["range.per_second"])
BYRE, ETCD = Server("Byre", [], "http://127.0.0.1:1"), Server("etcd", [], "http://127.0.0.1:2")

# Answers for each target with 100, 200, ...; `slow` as a workload takes longer than any budget
# here, and a target that is called `broken` fails.
FAKE = """#!{python}
import json, sys, time
if sys.argv[1] == "slow":
    time.sleep(60)
targets = []
for word in sys.argv:
    if word.startswith("--target="):
        name = word[9:].split("=")[0]
        median = {{"range.per_second": 100.0 * (len(targets) + 1), "argument_count": len(sys.argv)}}
        it = {{"name": name, "rounds": [median], "median": median}}
        if name == "broken":
            it = {{"name": name, "rounds": [], "median": {{}}, "problem": "it fell over"}}
        targets.append(it)
path = next(word for word in sys.argv if word.startswith("--json="))[7:]
json.dump({{"targets": targets}}, open(path, "w"))
"""


@pytest.fixture
def bench(tmp_path: Path) -> str:
    """A program that stands for byre-bench."""
    program = tmp_path / "fake-bench"
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(0o755)
    return str(program)


def a_run(bench: str, folder: Path, limit: float = 100, **options: object) -> Run:
    return Run(bench, folder, Pace(rounds=2, seconds=1), Budget(limit), **options)


def results(rows: list[dict], **more: object) -> dict:
    return {
        "when": "2026-01-02 03:04", "minutes": 1.0, "planned_minutes": 2.0, "command": "make bench",
        "rounds": 3, "seconds": 2.5, "versions": {"Byre": "byre 1", "etcd": "etcd 2"},
        "machine": {"cores": "2", "processor": "x", "memory": "1 GiB", "kernel": "6"},
        "others": [], "cut": [], "failures": [], "rows": rows, **more,
    }  # fmt: skip


def a_row(identifier: str, **medians: dict[str, float]) -> dict:
    """Results of a row that the plan has."""
    row = next(it for part in plan.parts(False) for it in part.rows if it.id == identifier)
    targets = {name.replace("_", " "): {"median": it} for name, it in medians.items()}
    return {
        "id": row.id, "title": row.title, "command": "byre-bench", "columns": row.columns,
        "targets": targets, "problem": "", "seconds": 1.0,
    }  # fmt: skip


# The plan


@pytest.mark.parametrize(
    ("quick", "others", "seconds"), [(False, 0, 3), (False, 1, 1.5), (False, 3, 1), (True, 0, 0.75)]
)
def test_a_run_is_planned_to_end_in_time(quick: bool, others: int, seconds: float) -> None:
    whole = plan.parts(quick)
    limit = plan.QUICK_LIMIT if quick else plan.LIMIT
    guests = Guests(others, durable=not quick)
    pace = measured.fit(whole, 1 if quick else 3, limit, guests)
    total = measured.planned(whole, pace, guests)
    print(f"{total:.0f} of {limit} s: {pace}")
    assert total <= measured.PLANNED_PART * limit
    # What nobody would believe is not measured either.
    assert pace.seconds >= seconds


def test_with_many_targets_measurements_are_fewer_and_as_short_as_can_be() -> None:
    row = Row("row", "", [], [], warmup=0, extra=0)
    parts = [Part("part", [row], servers=1, start=0)]
    limit = 8 / measured.PLANNED_PART
    paces = [measured.fit(parts, 3, limit, Guests(others)) for others in (0, 1, 3, 15, 99)]
    assert paces == [Pace(3, 2.5), Pace(3, 1), Pace(2, 1), Pace(1, 0.5), Pace(1, 0.5)]


def test_guests_take_their_time_in_the_rows_they_are_in() -> None:
    part = Part("part", [], servers=2, start=0)
    own = Row("own", "", [], [], warmup=0, extra=0, joins=False)
    put = Row("put", "", [], [], warmup=0, extra=0, durable=True)
    guests = Guests(others=3, durable=True)
    assert part.row_planned(own, Pace(1, 1), guests) == 2
    assert part.row_planned(put, Pace(1, 1), guests) == 6
    assert part.row_planned(put, Pace(1, 1), Guests()) == 2


def test_the_limits_are_those_that_are_promised() -> None:
    assert plan.LIMIT <= 30 * 60
    assert plan.QUICK_LIMIT <= 3 * 60


def test_rows_have_names_of_their_own() -> None:
    for quick in (False, True):
        names = [row.id for part in plan.parts(quick) for row in part.rows]
        assert len(names) == len(set(names))


def test_a_quick_run_has_rows_of_the_whole_one() -> None:
    whole = {row.id for part in plan.parts(False) for row in part.rows}
    assert {row.id for part in plan.parts(True) for row in part.rows} <= whole


def test_a_row_is_as_long_as_it_has_to_be() -> None:
    long = Row("long", "", [], [], seconds=5, rounds=1, warmup=2, setup=10, extra=1)
    assert long.at(Pace(3, 1)) == Pace(1, 5)
    assert long.planned(Pace(3, 1), servers=2) == 2 * (10 + 5 + 2 + 1)
    assert Row("r", "", [], [], warmup=0.5, extra=0).planned(Pace(3, 2), servers=2) == 15


# Running rows


def test_numbers_of_all_servers_are_kept(bench: str, tmp_path: Path) -> None:
    run = a_run(bench, tmp_path)
    run.measure(ROW, [BYRE, ETCD])
    (row,) = run.rows
    assert {name: it["median"]["range.per_second"] for name, it in row["targets"].items()} == {
        "Byre": 100, "etcd": 200,
    }  # fmt: skip
    assert row["command"] == "byre-bench range --connections=1 --rounds=2 --seconds=1 --warmup=0.5"


def test_another_endpoint_joins_what_needs_nothing_but_an_endpoint(
    bench: str, tmp_path: Path
) -> None:
    run = a_run(bench, tmp_path, others=[Remote("third", "http://127.0.0.1:3")])
    run.measure(ROW, [BYRE])
    run.measure(Row("own", "", ["range"], [], joins=False), [BYRE])
    assert [list(row["targets"]) for row in run.rows] == [["Byre", "third"], ["Byre"]]


def test_servers_that_run_alone_share_a_row(bench: str, tmp_path: Path) -> None:
    run = a_run(bench, tmp_path)
    run.measure(ROW, [BYRE])
    run.measure(ROW, [ETCD])
    assert [list(row["targets"]) for row in run.rows] == [["Byre", "etcd"]]
    run.note(ROW, ETCD, "noted", 7)
    assert run.median("work", ETCD)["noted"] == 7
    assert "noted" not in run.median("work", BYRE)


def test_a_server_that_fails_leaves_the_row_to_the_others(bench: str, tmp_path: Path) -> None:
    run = a_run(bench, tmp_path)
    run.measure(ROW, [BYRE, Server("broken", [], "http://127.0.0.1:4")])
    (row,) = run.rows
    assert list(row["targets"]) == ["Byre"]
    assert row["problem"] == "broken: it fell over"


def test_what_a_part_has_no_time_for_any_more_is_cut(
    bench: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(rows: list[Row], run: Run, *_: object) -> None:
        for row in rows:
            run.measure(row, [BYRE])

    monkeypatch.setitem(parts.MEASURES, "part", work)
    slow = Row("slow", "slow work", ["slow"], [], warmup=0, extra=0, rounds=1, seconds=0.1)
    rows = [replace(slow, id="first", title="first", arguments=["quick"]), slow]
    rows.append(replace(slow, id="last", title="last"))
    run = a_run(bench, tmp_path, limit=Budget.END_SECONDS + 5)
    parts.measure(Part("part", rows, servers=1, start=0), run, Namespace(), tmp_path)
    assert [row["id"] for row in run.rows] == ["first"]
    assert run.cut == ["slow work", "last"]
    assert run.budget.left == 0


def test_the_alarm_rings_once_and_only_inside() -> None:
    budget = Budget(Budget.END_SECONDS + 0.05)
    with pytest.raises(TimeUp), budget.alarm():
        signal.pause()
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    with Budget(1000).alarm():
        pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_part_that_fails_is_noted(
    bench: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(rows: list[Row], run: Run, *_: object) -> None:
        with running(Server("broken", [sys.executable, "-c", "print('why not')"], "http://x:1")):
            run.measure(rows[0], [BYRE])

    monkeypatch.setitem(parts.MEASURES, "part", work)
    run = a_run(bench, tmp_path)
    parts.measure(Part("part", [ROW], servers=1, start=0), run, Namespace(), tmp_path)
    assert run.rows == []
    assert run.failures == ["part: broken did not start:\nwhy not\n"]


def test_a_row_is_not_begun_without_time_for_it(bench: str, tmp_path: Path) -> None:
    run = a_run(bench, tmp_path, limit=Budget.END_SECONDS + 10)
    short = Row("short", "short work", [], [], warmup=0, extra=0)
    long = Row("long", "long work", [], [], warmup=0, setup=24, extra=0)
    part = Part("part", [short, long, short], servers=1, start=5)
    assert run.wanted(part) == [short, short]
    assert run.cut == ["long work"]
    assert run.planned_seconds == 5 + 2 + 26 + 2


def test_rows_are_chosen_by_words(bench: str, tmp_path: Path) -> None:
    run = a_run(bench, tmp_path, limit=plan.LIMIT, only=["put-1x", "put-10x", "noisy"])
    rows = [row.id for part in plan.parts(False) for row in run.wanted(part)]
    assert rows == ["put-1x1", "put-10x10", "noisy"]


# The report


def verdict(goal: str, of: dict, folder: Path, explained: Path) -> str:
    """The last cell of a goal's line."""
    lines = report.goals(of, folder, explained).splitlines()
    (line,) = [line for line in lines if f"| {goal} |" in line]
    return line.split("|")[-2].strip()


def test_a_missed_goal_is_explained_or_said_not_to_be(tmp_path: Path) -> None:
    explained = tmp_path / "explained.md"
    folder = tmp_path / "report"
    missed = results([a_row("put-1x1", Byre={"put.per_second": 1}, etcd={"put.per_second": 2})])
    assert verdict("1x", missed, folder, explained) == "**missed**, not explained"
    explained.write_text("# Why\n\n## A lone put\n\n## Another\n\nWords.\n")
    assert verdict("1x", missed, folder, explained) == "**missed**, not explained"
    explained.write_text("# Why\n\n## A lone put\n\nIt waits for the disk.\n")
    assert (
        verdict("1x", missed, folder, explained)
        == "**missed**, [why](../explained.md#a-lone-put)"
    )
    met = results([a_row("put-1x1", Byre={"put.per_second": 2}, etcd={"put.per_second": 2})])
    assert verdict("1x", met, folder, explained) == "met"
    alone = results([a_row("put-1x1", Byre={"put.per_second": 2})])
    assert verdict("1x", alone, folder, explained) == "not measured"


def test_goals_name_sections_that_are_there_and_none_is_left_over() -> None:
    named = {goal.explained for _, goal in report.all_goals() if goal.explained}
    assert named == report.explanations(report.EXPLAINED.read_text())


@pytest.mark.parametrize(
    ("goal", "byre", "etcd", "value", "is_met"),
    [
        (Goal("", "m", ratio=2), 30, 10, 3, True),
        (Goal("", "m", ratio=4), 30, 10, 3, False),
        (Goal("", "m", ratio=2, less_is_better=True), 10, 30, 3, True),
        (Goal("", "m", below=31), 30, None, 30, True),
        (Goal("", "m", below=30), 30, None, 30, False),
    ],
)
def test_goals_compare(
    goal: Goal, byre: float, etcd: float | None, value: float, is_met: bool
) -> None:
    medians = {"Byre": {"m": byre}} | ({"etcd": {"m": etcd}} if etcd else {})
    assert goal.value(medians) == value
    assert goal.is_met(value) == is_met


def test_a_goal_may_compare_with_something_else() -> None:
    row = a_row(
        "postgres-serializable",
        Byre={"range.per_second": 100}, etcd={"range.per_second": 20},
        Byre_on_PostgreSQL={"range.per_second": 96},
    )  # fmt: skip
    text = report.goals(results([row]), Path("/"))
    assert "| 96/s | 20/s | 0.96x | met |" in text or "| 96 | 20 | 0.96x | met |" in text, text


def test_the_report_says_what_was_not_measured(tmp_path: Path) -> None:
    idle = a_row("idle", Byre={"answer_ms": 5}, etcd={"answer_ms": 50})
    put = a_row("put-1x1", Byre={"put.per_second": 1}, third={"put.per_second": 2})
    text = report.markdown(results([idle, put], others=["third"], cut=["a, long"]), tmp_path)
    assert "For want of time not measured: a, long." in text
    (line,) = [line for line in text.splitlines() if line.startswith("third was started")]
    assert idle["title"] in line and put["title"] not in line
    assert report.without(results([idle])) == ""


def test_a_stall_of_the_disk_is_shown_when_there_was_one(tmp_path: Path) -> None:
    still = a_row("put-1x1", Byre={"put.per_second": 1, "disk.stall_ms": 0})
    assert "longest stall" not in report.table(still)
    stalled = a_row("put-1x1", Byre={"put.per_second": 1, "disk.stall_ms": 340})
    assert "| the disk: longest stall | 340 ms |" in report.table(stalled)


def test_a_report_is_written_of_whatever_there_is(tmp_path: Path) -> None:
    """Rows without any server, and servers without some of the numbers, are no obstacle."""
    rows = [
        a_row("update-open", Byre={"update.p50_us": 1}), a_row("noisy"), a_row("density-10"),
        a_row("by-connections-range-1", etcd={"range.per_second": 5}),
    ]  # fmt: skip
    plots.write(results(rows), tmp_path)
    assert report.markdown(results(rows), tmp_path).startswith("# Byre beside etcd\n")


def test_the_readme_keeps_what_is_around_the_goals(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}old\n{report.END}after\n")
    report.renew_readme(results([a_row("put-1x1", Byre={"put.per_second": 1})]), readme)
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "old" not in text and "| Put 1 KiB, 1 x 1 | 1x |" in text


def test_the_committed_report_is_what_the_committed_results_make() -> None:
    folder = BENCHMARKS / "report"
    kept = json.loads((folder / "results.json").read_text())
    if "cut" not in kept:
        pytest.skip("the results are of a run before there was a plan")
    assert (folder / "README.md").read_text() == report.markdown(kept, folder)
    assert report.goals(kept, REPOSITORY) in (REPOSITORY / "README.md").read_text()


def test_a_report_is_written_again(tmp_path: Path) -> None:
    row = a_row("put-1x1", Byre={"put.per_second": 1}, etcd={"put.per_second": 2})
    (tmp_path / "results.json").write_text(json.dumps(results([row])))
    command = [sys.executable, BENCHMARKS / "bench.py", "--again", f"--output={tmp_path}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    text = (tmp_path / "README.md").read_text()
    assert "| Put 1 KiB, 1 x 1 | 1x | 1 | 2 | 0.50x | **missed**, [why](" in text


def test_a_quick_run_is_not_written_where_the_report_is() -> None:
    command = [sys.executable, BENCHMARKS / "bench.py", "--quick", "--etcd=none"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "--output" in done.stderr


def test_the_plan_can_be_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "bench.py", "--plan", "--quick", "--etcd=none"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "in all: 1 rounds of" in done.stdout
    assert "put-1x1" in done.stdout
