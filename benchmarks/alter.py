"""One change of a large table: ours, a hand-written rebuild, and the peers, side by side in one run.

    python benchmarks/alter.py [--size 100000 …] [--repeat 1] [--journal delete|wal] [--only CHANGE …] [--alone]

A table of 20 columns, some 400 bytes a row, and two indexes. Several sizes (10000 100000 1000000) show what grows with
the rows. Every figure is a fresh interpreter on a fresh copy of the database, warmed up on a table of ten rows, the
best of ``repeat`` runs; ours counts everything from the wish to COMMIT, its comparison, census, checks and record too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from measure import child, held_memory, machine, markdown, peak_memory, ratio, seconds, versions
from tools import CannotSay, Task, installed, ours, ours_beforehand
from wide import CHANGES, Change, make, model

# What is timed, each in a process of its own.


def by_hand(path: Path, change: Change) -> None:
    """The rebuild that SQLite's documentation describes, written by somebody who knows that nothing else is there."""
    names = list(change.copied())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(change.table("item_new"))
        connection.execute(copy_statement("item_new", names))
        connection.execute("DROP TABLE item")
        connection.execute("ALTER TABLE item_new RENAME TO item")
        for statement in change.indexes():
            connection.execute(statement)
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        connection.execute("COMMIT")


def plain_copy(path: Path, change: Change) -> dict[str, float]:
    """INSERT … SELECT and the indexes alone: what a copy costs SQLite."""
    names = list(change.copied())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(change.table("other"))
        began = time.perf_counter()
        connection.execute(copy_statement("other", names))
        for number, statement in enumerate(change.indexes()):
            connection.execute(
                f"CREATE INDEX other_{number} ON {statement.partition(' ON ')[2].replace('item', 'other')}"
            )
        copied = time.perf_counter() - began
        connection.execute("COMMIT")
    return {"copy": copied}


def copy_statement(target: str, names: list[tuple[str, str]]) -> str:
    new, old = zip(*names, strict=True)
    return f"INSERT INTO {target}({', '.join(new)}) SELECT {', '.join(old)} FROM item"


class Watch:
    """Adds up, by phase, the time between the statements that one connection runs."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}
        self.phase, self.since = "", 0.0

    def __call__(self, statement: str) -> None:
        if statement.startswith("--"):  # what SQLite runs inside a statement
            return
        now = time.perf_counter()
        if self.phase:
            self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self.since
        self.phase, self.since = phase_of(statement), now


def phase_of(statement: str) -> str:
    """What a statement of our rebuild is for."""
    words = statement.split()
    rebuilding = "__rebuild" in statement
    if words[:2] == ["CREATE", "INDEX"] or (words[0] == "INSERT" and rebuilding):
        return "copy"
    if words[0] == "PRAGMA":
        pragma = words[1].removeprefix("main.").partition("(")[0].partition("=")[0]
        return pragma if pragma.endswith("_check") else "planning, and trying it in memory"
    return "comparing the copy" if words[0] == "SELECT" and rebuilding else words[0]


def step(tool: str, name: str, path: Path) -> dict[str, Any]:
    """One change by one tool: seconds, and the memory that it needed above what the loaded program holds."""
    change = CHANGES[name]
    works: dict[str, Callable[[Path], Any]] = {
        "by hand": lambda where: by_hand(where, change),
        "plain copy": lambda where: plain_copy(where, change),
        "watched": lambda where: watched(where, change),
    }
    tools = {one.title: one for one in installed()}
    if tool in works:
        work = works[tool]
        beforehand: Callable[[Task], None] = ours_beforehand if tool == "watched" else lambda task: None
    else:
        beforehand = tools[tool].beforehand

        def work(where: Path) -> Any:
            return tools[tool].run(task_of(change, where))

    small = path.with_suffix(".small")
    make(small, 10, "delete")
    for where in (small, path):
        beforehand(task_of(change, where))
        held = held_memory()
        began = time.perf_counter()
        try:
            found = work(where)
        except CannotSay:
            return {}
        took = time.perf_counter() - began
    with closing(sqlite3.connect(path)) as connection:
        if tool != "plain copy" and connection.execute(change.done).fetchone() != (1,):
            raise SystemExit(f"{tool} did not {name}")
    told: dict[str, Any] = {"seconds": took, "memory": max(0, peak_memory() - held)}
    if isinstance(found, dict):
        told |= found
    elif found is not None:
        told["cost"] = found.cost.value
    return told


def task_of(change: Change, path: Path) -> Task:
    return Task(
        path=path,
        table="item",
        kind=change.kind,
        column=change.column,
        value=change.value,
        wish=change.wish(),
        models=lambda after: model(change, after),
        allow=change.allow,
        details={"python": str},
    )


def watched(path: Path, change: Change) -> dict[str, float]:
    """Ours, each statement's time noted."""
    watch = Watch()

    def watch_file(connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA database_list").fetchone()[2]:
            connection.set_trace_callback(watch)

    ours(task_of(change, path), watch_file)
    watch("end")
    return watch.phases


# The report.


def measured(place: Path, base: Path, tool: str, name: str, repeat: int) -> dict[str, Any]:
    """The best of ``repeat`` runs, each on a copy of ``base``."""
    runs = []
    for _ in range(repeat):
        copy = place / "copy.db"
        shutil.copyfile(base, copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())  # else the first to write pays for the copy
        runs.append(child(__file__, "--step", tool, name, copy))
        for path in place.glob("copy*"):  # with the backups that ours takes
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return min(runs, key=lambda run: run.get("seconds", 0.0))


def compared(place: Path, base: Path, rows: int, names: list[str], repeat: int) -> tuple[str, dict[str, Any]]:
    """Every change by every tool, at one size; with ours by change, for the table of growth."""
    tools = [tool.title for tool in installed()]
    lines, found = [], {}
    for name in names:
        runs = {tool: measured(place, base, tool, name, repeat) for tool in [tools[0], "by hand", *tools[1:]]}
        found[name] = runs[tools[0]]
        mine, hand = runs[tools[0]]["seconds"], runs["by hand"]["seconds"]
        cells = [seconds(run["seconds"]) if run else "–" for run in runs.values()]
        lines.append([name, found[name]["cost"], *cells[:2], ratio(mine, hand), *cells[2:]])
    head = [f"{rows:,} rows", "cost", "ours", "rebuild by hand", "ours ÷ by hand", *tools[1:]]
    return markdown(head, lines), found


def grown(found: dict[int, dict[str, Any]]) -> str:
    """Ours at every size: seconds, and megabytes above the loaded program."""
    head = ["", "cost", *(f"{size:,}" for size in found), *(f"MB at {size:,}" for size in found)]
    lines = []
    for name, first in next(iter(found.values())).items():
        times = [seconds(of[name]["seconds"]) for of in found.values()]
        memory = [f"{of[name]['memory'] / 1e6:.1f}" for of in found.values()]
        lines.append([name, first["cost"], *times, *memory])
    return markdown(head, lines)


def rebuilt(place: Path, base: Path, found: dict[str, Any], repeat: int) -> str:
    """Where a rebuild's time goes, beside the plain copy of the same rows."""
    head = [
        "rebuild",
        "plain copy",
        "our copy",
        "÷ plain",
        "plain, committed",
        "by hand",
        "ours",
        "÷ plain",
        "÷ by hand",
    ]
    lines, notes = [], []
    for name in (name for name, run in found.items() if run["cost"] == "rebuild"):
        plain = measured(place, base, "plain copy", name, repeat)
        hand = measured(place, base, "by hand", name, repeat)["seconds"]
        mine = measured(place, base, "watched", name, repeat)
        rest = {phase: took for phase, took in mine.items() if phase not in ("copy", "seconds", "memory")}
        said = ", ".join(f"{phase} {seconds(took)}" for phase, took in sorted(rest.items(), key=lambda i: -i[1])[:5])
        notes.append(f"- {name}, beside the copy: {said}")
        copies = [seconds(plain["copy"]), seconds(mine["copy"]), ratio(mine["copy"], plain["copy"])]
        wholes = [seconds(plain["seconds"]), seconds(hand), seconds(mine["seconds"])]
        ratios = [ratio(mine["seconds"], plain["seconds"]), ratio(mine["seconds"], hand)]
        lines.append([name, *copies, *wholes, *ratios])
    return markdown(head, lines) + "\n\n" + "\n".join(notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[100_000], help="rows; tools are compared at the last")
    parser.add_argument("--repeat", type=int, default=1, help="how many runs, of which the best counts (1)")
    parser.add_argument("--journal", choices=("delete", "wal"), default="delete")
    parser.add_argument("--alone", action="store_true", help="ours alone, without the others")
    parser.add_argument("--only", nargs="+", choices=CHANGES, default=list(CHANGES), metavar="CHANGE")
    parser.add_argument("--step", nargs=3, metavar=("TOOL", "CHANGE", "DATABASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        warnings.simplefilter("ignore")  # what the peers warn of is told in docs/peers.md
        with contextlib.redirect_stdout(None):
            told = step(*arguments.step[:2], Path(arguments.step[2]))
        print(json.dumps(told))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(report(Path(folder), arguments))


def report(place: Path, arguments: argparse.Namespace) -> str:
    parts, found = [], {}
    base = place / "base.db"
    for size in arguments.size:
        base.unlink(missing_ok=True)
        make(base, size, arguments.journal)
        megabytes = base.stat().st_size / 1e6
        if size == arguments.size[-1] and not arguments.alone:
            table, found[size] = compared(place, base, size, arguments.only, arguments.repeat)
            parts += [table, "Where the time of a rebuild goes:"]
            parts.append(rebuilt(place, base, found[size], arguments.repeat))
        else:
            mine = installed()[0].title
            found[size] = {name: measured(place, base, mine, name, arguments.repeat) for name in arguments.only}
    parts += ["Ours by the number of rows, and the memory it took:", grown(found)]
    with closing(sqlite3.connect(":memory:")) as connection:
        (secure,) = connection.execute("PRAGMA secure_delete").fetchone()
    mode = f"journal_mode={arguments.journal}, secure_delete={secure}, {megabytes:.0f} MB at the last size"
    return "\n\n".join([*parts, f"{versions()}; {machine()}; {mode}; best of {arguments.repeat}."])


if __name__ == "__main__":
    main()
