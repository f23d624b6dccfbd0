"""SQL_SYNTAX: SQLite takes every statement, and none does what a plan must leave alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.errors import MigrationError, SchemaParseError, StatementError
from sodaf_migrate.plan import Finding, Severity, Statement
from sodaf_migrate.schema.model import fold
from sodaf_migrate.validate.look import Look
from sodaf_migrate.validate.trial import Doing

__all__ = ["sql_syntax"]

#: The first words of what a plan consists of. The wire begins and ends transactions and sets pragmas, nobody else.
_CHANGES = frozenset(("ALTER", "CREATE", "DELETE", "DROP", "INSERT", "REINDEX", "REPLACE", "UPDATE", "WITH"))
_CHECKS = frozenset(("SELECT", "WITH"))

#: What a statement refused by SQLite leads to, by the error's code; a row that is refused is no fault of the syntax.
_REFUSED = frozenset((StatementError.code, SchemaParseError.code))

_WRITES = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))


def sql_syntax(look: Look) -> Iterable[Finding]:
    """Each statement is one that a plan may hold, SQLite takes it where it stands, and it stays inside of main."""
    for step in look.plan.steps:
        for statement in (*step.up, *step.down):
            said = _not_allowed(statement)
            if said:
                yield _finding("STATEMENT_NOT_ALLOWED", step.target, f'step "{step.title}": {said}', _TAKE_OUT)
    trial = look.trial
    for error, way in ((trial.up_fault, "forward"), (trial.down_fault, "back")):
        if error is not None and error.details.get("cause", error.code) in _REFUSED:
            yield _refused(look, error, way)
    yield from dict.fromkeys(_outside(look, trial.doings))


_TAKE_OUT = "Take that statement out; a hook (before, after) may do such things."


def _finding(code: str, target: str, message: str, hint: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, target=target, message=message, hint=hint)


def _not_allowed(statement: Statement) -> str:
    """Why a plan may not hold this statement, by its first word alone; "" when it may."""
    try:
        tokens = tokenize(statement.sql)
    except SchemaParseError as error:
        return error.message
    first = tokens[0].word if tokens else ""
    shown = statement.sql if len(statement.sql) <= 60 else statement.sql[:57] + "…"
    if first not in (_CHECKS if statement.check is not None else _CHANGES):
        return f'"{shown}" is no statement of a {"check" if statement.check is not None else "change"}'
    if statement.catalogue and first != "UPDATE":
        return f'"{shown}" is no edit of the catalogue'
    return ""


def _refused(look: Look, error: MigrationError, way: str) -> Finding:
    return _finding(
        "STATEMENT_REFUSED",
        str(error.details.get("where", look.plan.doctype)),
        f"SQLite does not take a statement of the way {way}: {error.message}",
        "Make the plan again; if it was made by this version, please report it.",
    )


def _outside(look: Look, doings: Iterable[Doing]) -> Iterator[Finding]:
    titles = [step.title for step in look.plan.steps]
    views = {fold(view.name) for view in look.live.views}  # to drop a view is told as a DELETE from it
    known = views | {fold(temporary.name) for temporary in look.plan.temporary}
    for doing in doings:
        said = ""
        if doing.action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
            said = "attaches a database or lets one go"
        elif doing.action in _WRITES and doing.database == "temp" and not _is_known(doing.first or "", known):
            said = f'writes to "{doing.first}" of the database "{doing.database}"'
        if said:
            where = titles[doing.step] if doing.step is not None else "the way back"
            yield _finding("STATEMENT_OUTSIDE_MAIN", look.plan.doctype, f'"{where}" {said}', _TAKE_OUT)


def _is_known(name: str, views: set[str]) -> bool:
    return name.startswith("sqlite_") or fold(name) in views
