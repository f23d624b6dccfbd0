"""Rows that stay although no definition speaks of them any more: told with their number, and left where they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sodaf_migrate.desired import SINGLES_TABLE
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.schema.model import fold

__all__ = ["left_over"]


def left_over(session: Any) -> Iterator[Finding]:
    """What stayed of DocTypes and Table fields that were removed; nothing is written."""
    yield from _tables(session)
    for name in session.engine.names():
        if session.engine.get(name).istable:
            yield from _child_rows(session, name)


def _tables(session: Any) -> Iterator[Finding]:
    """Tables of DocTypes that history knows and nobody defines; wishes in plain SQL have no fields there."""
    engine: DocTypeEngine = session.engine
    defined = {fold(SINGLES_TABLE), *(fold(engine.get(name).table) for name in engine.names())}
    for doctype, (standing, _) in sorted(session.history.overview().items()):
        if doctype in engine or not standing.fields:
            continue
        for owned in sorted(standing.owned):
            if owned.kind == "table" and owned.table not in defined and (table := _called(session, owned.table)):
                yield Finding(
                    code="KEPT_REMOVED_DOCTYPE",
                    severity=Severity.INFO,
                    target=table,
                    message=f'the DocType "{doctype}" has no definition any more; its table "{table}" stays',
                    hint="Name it as old_name of the DocType that takes its place, or drop the table yourself.",
                    rows=session.wire.value(f"SELECT count(*) FROM main.{quote(table)}"),
                )


def _child_rows(session: Any, child: str) -> Iterator[Finding]:
    """Rows of a child DocType that belong to a field which does not hold that child."""
    engine: DocTypeEngine = session.engine
    table = _called(session, engine.get(child).table)
    columns = session.wire.query("SELECT lower(name) FROM pragma_table_info(?, 'main')", (table,)) if table else ()
    if not {"parenttype", "parentfield"} <= {name for (name,) in columns}:
        return
    fields = {(parent.name, field.fieldname) for parent, field in engine.parents_of(child)}
    sql = (
        f"SELECT parenttype, parentfield, count(*) FROM main.{quote(table)}"
        " WHERE parenttype <> '' AND parentfield <> '' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    for parent, field, rows in session.wire.query(sql):
        if (parent, field) not in fields:
            why = _why(engine, parent, field)
            yield Finding(
                code="KEPT_CHILD_ROWS",
                severity=Severity.INFO,
                target=table,
                message=f'rows of "{child}" stay that belong to the field "{field}" of "{parent}", {why}',
                hint="Say old_fieldname where the field has another name now, or delete the rows yourself.",
                rows=rows,
            )


def _why(engine: DocTypeEngine, parent: str, field: str) -> str:
    if parent not in engine:
        return "which has no definition"
    there = engine.get(parent).field(field)
    if there is None or not there.is_table:
        return "which has no such Table field"
    return f'which holds "{there.options}"'


def _called(session: Any, table: str) -> str:
    """The table's name as it is spelled in the database, "" where it is not there."""
    sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE"
    return session.wire.value(sql, (table,)) or ""
