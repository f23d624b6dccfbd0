"""What a change of one table costs it: everything that can be on a table, one thing at a time, through each tool.

    python benchmarks/peers.py [--size N] [--write]

For each thing of ``hard.py`` a database is made that has it, a change is made that has nothing to do with it, and the
database is read afterwards with plain ``sqlite3``, the same questions for every tool. ``--size`` takes only the first
N things; ``--write`` writes ``docs/peers.md`` instead of printing.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hard import EVERYTHING, FEATURES, Feature
from measure import markdown, versions
from tools import CannotSay, Task, Tool, django_models, foreign_keys_on, installed

DOCUMENT = Path(__file__).parents[1] / "docs" / "peers.md"
ALL = "**all that goes together, at once**"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One kind of change of table ``t``: its text before and after, for Django the field, and how one sees it."""

    kind: str
    column: str
    edit: tuple[str, str]
    done: tuple[str, ...]  # each has to be refused, or to answer 1
    value: Any = None
    field: Callable[[Any], Any] | None = None
    allow: frozenset[str] = frozenset()


CHANGES = {
    "`note` becomes NOT NULL": Change(
        kind="set not null",
        column="note",
        edit=("note TEXT,", "note TEXT NOT NULL,"),
        done=("UPDATE t SET note = NULL",),
        field=lambda m: m.TextField(),
    ),
    "`size` becomes TEXT, was INTEGER": Change(
        kind="retype",
        column="size",
        value="Text",
        edit=("size INTEGER,", "size TEXT,"),
        done=("SELECT min(typeof(size) IN ('text', 'null')) FROM t",),
        field=lambda m: m.TextField(null=True),
    ),
    "`CHECK (size < 1000)` is added": Change(
        kind="add check",
        column="size",
        value="size < 1000",
        edit=("\n)", ",\n    CONSTRAINT size_ok CHECK (size < 1000)\n)"),
        done=("UPDATE t SET size = 5000",),
    ),
    "`spare` is dropped": Change(
        kind="drop column",
        column="spare",
        edit=("size INTEGER,\n    spare TEXT", "size INTEGER"),
        done=("SELECT count(*) = 0 FROM pragma_table_info('t') WHERE name = 'spare'",),
        allow=frozenset({"drop_column", "irreversible"}),
    ),
}


def task_of(feature: Feature, change: Change, path: Path) -> Task:
    """The change of a table that has ``feature``, in the terms of every tool."""
    wish = feature.schema().replace(*change.edit, 1)
    assert wish != feature.schema()

    def models(after: bool) -> Any:
        return model(feature, change if after else None)

    details = {"python": str}
    common = {"path": path, "table": "t", "wish": wish, "models": models, "details": details, "allow": change.allow}
    return Task(kind=change.kind, column=change.column, value=change.value, **common)


def model(feature: Feature, change: Change | None) -> Any:
    """Django's model of the table, after ``change`` when one is given."""
    meta: dict[str, Any] = {}

    def fields(m: Any) -> dict[str, Any]:
        more, options = feature.django(m)
        meta.update({key: list(value) for key, value in options.items()})
        found: dict[str, Any] = {"id": m.IntegerField(primary_key=True), "note": m.TextField(null=True)}
        found |= {"size": m.IntegerField(null=True), "spare": m.TextField(null=True), **more}
        if change and change.field:
            found[change.column] = change.field(m)
        elif change and change.kind == "drop column":
            del found[change.column]
        elif change:
            check = m.CheckConstraint(condition=m.Q(size__lt=1000), name="size_ok")
            meta.setdefault("constraints", []).append(check)
        return {name: one for name, one in found.items() if one is not None}

    return django_models("t", fields, meta)


# Seeing: plain sqlite3, one code for every tool.


def observe(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    foreign_keys_on(connection)
    connection.create_function("words", 1, lambda sql: re.sub(r'[\s"`\[\]()]', "", sql).lower())
    return connection


def answer(connection: sqlite3.Connection, look: str) -> Any:
    """What the statements of a look answer, the last one's rows sorted; undone afterwards."""
    connection.execute("BEGIN")
    try:
        rows: list[Any] = []
        for statement in look.split("; "):
            rows = connection.execute(statement).fetchall()
        return sorted(rows, key=repr)
    except sqlite3.Error as error:
        return type(error).__name__
    finally:
        connection.execute("ROLLBACK")


def answers(path: Path, looks: tuple[str, ...]) -> list[Any]:
    with closing(observe(path)) as connection:
        return [answer(connection, look) for look in looks]


def is_done(path: Path, change: Change) -> bool:
    """Whether what was asked for is there."""
    with closing(observe(path)) as connection:
        return all(answer(connection, look) in ("IntegrityError", [(1,)]) for look in change.done)


def contents(path: Path, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every object's text and every table's rows, by name."""
    with closing(observe(path)) as connection:
        found = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'sqlite_%'"))
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%USING%'")
        for (name,) in tables.fetchall():
            if not name.startswith("sqlite_"):
                found[f"{name} rows"] = sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
    return {name: fact for name, fact in found.items() if not name.removesuffix(" rows").startswith(but or ("\0",))}


# Judging.


@dataclass
class Column:
    """What was found of one tool."""

    cells: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    costs: Counter[str] = field(default_factory=Counter)  # of our plans


def judge(tool: Tool, feature: Feature, change: Change, name: str, column: Column) -> None:
    """Make the database, let the tool change it, look, and write down what became of the feature."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hard.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(feature.schema() + feature.content())
        before, looked = contents(path), answers(path, feature.looks)
        assert not is_done(path, change), "the change is there already"
        task = task_of(feature, change, path)
        tool.beforehand(task)
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                plan = tool.run(task)
        except CannotSay:
            column.cells.append("cannot be said")
            return
        except Exception as error:
            failed(error, path, before, tool, name, column)
            return
        column.costs.update([plan.cost] if plan else [])
        looks = answers(path, feature.looks)
        left = contents(path, tool.own_tables).keys() - before.keys()
        column.left |= {thing for thing in left if not thing.endswith(" rows") and "autoindex" not in thing}
        cell, note = verdict(looked, looks) if is_done(path, change) else ("**change not made**", "")
    column.cells.append(cell)
    if note:
        told = [f"; it warned: {words(one.message)}" for one in warned if "omitted" in str(one.message)]
        column.notes.append(f"{name}: {note}{''.join(told)}")


def failed(error: Exception, path: Path, before: dict[str, Any], tool: Tool, name: str, column: Column) -> None:
    after = contents(path, tool.own_tables)
    new = sorted(thing for thing in after.keys() - before.keys() if not thing.endswith(" rows"))
    column.notes.append(f"{name}: {type(error).__name__}: {words(error)}")
    column.left.update(thing for thing in new if "autoindex" not in thing)
    if after == before:
        column.cells.append("**fails**")
    elif new:
        column.cells.append("**fails, leaves** " + ", ".join(f"`{thing}`" for thing in new if "autoindex" not in thing))
    else:
        column.cells.append("**fails half-way**")


def words(message: object) -> str:
    """The beginning of a message on one line, without the SQL that some carry."""
    text = " ".join(str(message).partition("[SQL")[0].split()).removeprefix("(sqlite3.OperationalError) ")
    return f"`{text[:140]}{'…' if len(text) > 140 else ''}`" if text else ""


def verdict(before: list[Any], after: list[Any]) -> tuple[str, str]:
    """A cell for what the looks saw, and a note where they saw a difference."""
    different = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    if not different:
        return "kept", ""
    note = "; ".join(f"{said(old)} became {said(new)}" for old, new in different)
    if len(before) > 4:
        return f"**{len(different)} of {len(before)} looks differ**", note
    return "**lost**", note


def said(result: Any) -> str:
    if isinstance(result, str):
        return result
    text = ", ".join(" ".join(str(value) for value in row) for row in result)
    return f"`{text[:70]}{'…' if len(text) > 70 else ''}`" if text else "nothing"


def table(title: str, change: Change, tools: tuple[Tool, ...], features: dict[str, Feature]) -> str:
    """One change through every tool, as Markdown."""
    columns = [Column() for _ in tools]
    for name, feature in features.items():
        for tool, column in zip(tools, columns, strict=True):
            judge(tool, feature, change, name, column)
    rows = [[name, *cells] for name, *cells in zip(features, *(column.cells for column in columns), strict=True)]
    rows.append(["tables left behind", *(", ".join(f"`{t}`" for t in sorted(c.left)) or "none" for c in columns)])
    kept = [sum(cell == "kept" for cell in column.cells) for column in columns]
    rows.append(["**kept**", *(f"**{count} of {len(features)}**" for count in kept)])
    parts = [f"## {title}", markdown(["on the table", *(tool.title for tool in tools)], rows, numbers=False)]
    costs = ", ".join(f"{cost.value} {count}" for cost, count in columns[0].costs.items())
    parts.append(f"How ours went, by the cost of its plans: {costs}.")
    for tool, column in zip(tools, columns, strict=True):
        if column.notes:
            notes = "\n".join(f"- {note}" for note in column.notes)
            parts.append(f"<details><summary>What was seen of {tool.title}</summary>\n\n{notes}\n\n</details>")
    return "\n\n".join(parts)


INTRODUCTION = """# What a change costs a table

One change through each tool on a table that has one thing more than columns, and afterwards: is that thing still
there, and does it still do what it did? Made by `python benchmarks/peers.py --write`; anyone can run it
(`pip install -e '.[bench]'`).

- Every database is made anew, changed by one tool, and read with plain `sqlite3`: one code asks the same questions for
  every column of these tables. The questions are about behaviour (a trigger fires, a constraint refuses), so another
  spelling of the same thing is no loss. What a tool said when it failed, and what the looks saw, stands below.
- The peers are used as their documentation shows, with their defaults, foreign keys on as careful applications have
  them. Alembic *can* be handed what it does not reflect (`table_args`, `copy_from`); somebody has to know beforehand.
  Django builds tables from its models; each thing is in the model as fully as Django can say it (and Django carries
  out ON DELETE in Python, so a table made by Django has no such thing to lose).
- *fails* means that the change was not made and the database is as it was; *cannot be said*, that the tool has no
  words for such a change.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, help="only the first so many things on the table")
    parser.add_argument("--write", action="store_true", help="write docs/peers.md")
    arguments = parser.parse_args()
    tools = installed()
    chosen = dict(list(FEATURES.items())[: arguments.size]) | ({} if arguments.size else {ALL: EVERYTHING})
    parts = [INTRODUCTION.strip(), f"Run with {versions()}."]
    parts += [table(title, change, tools, chosen) for title, change in CHANGES.items()]
    text = "\n\n".join(parts) + "\n"
    if arguments.write:
        DOCUMENT.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
