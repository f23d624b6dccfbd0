"""A plan in the words of the ``sqlite3`` shell: what it has to find, what it does, and what it has to leave.

The shell has no variables and no branches: whatever must hold is a CHECK of a TEMP table, whose constraint is named
after it; a row that breaks it rolls the transaction back and, by ``.bail on``, ends the run with that name as message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.plan import Plan, Statement
from sodaf_migrate.schema.model import fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Script", "Stored", "left", "must", "spoken", "stored_objects", "text_literal", "unchanged", "unspeakable"]

#: type, name, tbl_name and sql, as sqlite_schema has them.
Stored = tuple[str, str, str, str]

_COLUMNS = "type, name, tbl_name, sql"
_OURS = "sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_BUMP = "sodaf_script_bump"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The statements of one migration for the shell, each with its semicolon, in the order in which they run."""

    before: tuple[str, ...]
    change: tuple[str, ...]
    after: tuple[str, ...]
    record: tuple[str, ...]
    edits_catalogue: bool = False
    head: tuple[int, str] = (0, "")  # the count and the hash of the events that it has to find

    @property
    def guard(self) -> str:
        """The statements that make sure that nobody wrote into the history meanwhile."""
        count, seal = self.head
        there = "EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = 'tabMigrationEvent')"
        if not count:
            return must("the history has begun since this script was made", f"NOT {there}")
        newest = "SELECT seq || ' ' || hash FROM main.\"tabMigrationEvent\" ORDER BY seq DESC LIMIT 1"
        return must("another migration was made since this script was", f"({newest}) IS {literal(f'{count} {seal}')}")


def must(meaning: str, condition: str) -> str:
    """The statements that end everything with ``meaning`` unless ``condition`` is true."""
    told = " ".join(meaning.split())
    return (
        f"CREATE TEMP TABLE sodaf_must (ok CONSTRAINT {quote(told)} CHECK (ok IS 1));\n"
        f"INSERT OR ROLLBACK INTO temp.sodaf_must SELECT {condition};\n"
        "DROP TABLE temp.sodaf_must;"
    )


def text_literal(text: str) -> str:
    """``text`` as a literal that the shell leaves as it is: it takes a carriage return at the end of a line away."""
    if "\r" not in text:
        return literal(text)
    mark = "␍"
    while mark in text:
        mark += "␍"
    return f"replace({literal(text.replace(chr(13), mark))}, {literal(mark)}, char(13))"


def stored_objects(wire: Wire, names: Collection[str], hidden: Iterable[str]) -> tuple[Stored, ...]:
    """Every object that stands on ``names`` or whose text holds one of them, as it is stored; SQLite searches."""
    return tuple(tuple(row) for row in wire.query(f"{_about(names, hidden)} ORDER BY rowid"))


def unchanged(objects: Sequence[Stored], names: Collection[str], hidden: Iterable[str]) -> tuple[str, ...]:
    """The checks that ``stored_objects`` still gives just ``objects``, and the triggers in the order they fire in."""
    told = "the schema was changed since this script was made"
    about = _about(names, hidden)
    checks = [must(told, f"(SELECT count(*) FROM ({about})) = {len(objects)}")]
    if objects:
        checks.append(must(told, f"NOT EXISTS ({about} EXCEPT {_values(objects)})"))
    triggers = [name for kind, name, _, _ in objects if kind == "trigger"]
    if len(triggers) > 1:
        found = f"SELECT name FROM ({about} ORDER BY rowid) WHERE type = 'trigger'"
        order = f"(SELECT group_concat(name, char(10)) FROM ({found}))"
        checks.append(must(told, f"{order} IS {text_literal(chr(10).join(triggers))}"))
    return tuple(checks)


def left(objects: Sequence[Stored], gone: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The checks that each of ``objects`` is there with just its text, and none of ``gone`` (type, name) is."""
    told = "the tables did not become what the plan promised"
    checks = []
    if objects:
        checks.append(must(told, f"NOT EXISTS ({_values(objects)} EXCEPT SELECT {_COLUMNS} FROM main.sqlite_schema)"))
    for kind, name in gone:
        row = f"SELECT 1 FROM main.sqlite_schema WHERE type = {literal(kind)} AND name = {text_literal(name)}"
        checks.append(must(told, f"NOT EXISTS ({row})"))
    return tuple(checks)


def spoken(plan: Plan, statement: Statement) -> str:
    """One statement of a plan for the shell, ended by its semicolon."""
    if statement.check is not None:
        return must(f"{plan.doctype}: {statement.check}", f"NOT EXISTS ({statement.sql})")
    if statement.catalogue:
        # The shell cannot add one to schema_version; making and dropping a table does, and RESET reads all anew.
        return (
            f"PRAGMA writable_schema = ON;\n{statement.sql};\n"
            f"CREATE TABLE main.{_BUMP} (x);\nDROP TABLE main.{_BUMP};\nPRAGMA writable_schema = RESET;"
        )
    ended = f"{statement.sql};"
    return ended if sqlite3.complete_statement(ended) else f"{statement.sql}\n;"


def unspeakable(statement: Statement) -> bool:
    """Whether the shell would read the statement otherwise: lines "/" and "go" end one, and CR LF becomes LF."""
    if statement.catalogue:  # its lines stand in a literal, where only the carriage return is in danger
        return "\r\n" in statement.sql
    return "\r\n" in statement.sql or any(line.strip().lower() in ("/", "go") for line in statement.sql.split("\n"))


def _about(names: Collection[str], hidden: Iterable[str]) -> str:
    folded = sorted({fold(name) for name in names})
    plain = all(not set("\"'`]") & set(name) for name in folded)
    # A quote inside a name is doubled in a text: then everything is looked at.
    one = " OR ".join(f"instr(lower(sql), {text_literal(name)})" for name in folded) if plain else "1"
    on = ", ".join(text_literal(name) for name in folded)
    away = ", ".join(text_literal(fold(name)) for name in hidden)
    where = f"{_OURS} AND lower(tbl_name) NOT IN ({away}) AND (lower(tbl_name) IN ({on}) OR {one or '0'})"
    return f"SELECT {_COLUMNS} FROM main.sqlite_schema WHERE {where}"


def _values(objects: Sequence[Stored]) -> str:
    return "VALUES " + ",\n  ".join(f"({', '.join(map(text_literal, row))})" for row in objects)
