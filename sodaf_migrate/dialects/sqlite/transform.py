"""Own transformers as SQLite runs them: proved before a row is read, and every row that they fail on named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from sodaf_migrate.compare.changes import ColumnChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.live_names import LiveNames
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.shadow import shadow_of
from sodaf_migrate.errors import ConfigurationError, SchemaParseError, StatementError, UnsupportedChangeError
from sodaf_migrate.schema.model import Schema, Table
from sodaf_migrate.wire.connection import OnConnect, Wire

__all__ = ["check_expressions", "fault_name", "python_functions", "refuse_faults", "transformed"]

_CACHED = 4096  # values; each is asked for several times, by the census, the guards and the change itself


def transformed(change: ColumnChange) -> str | None:
    """What a transformer makes of the column, as SQL over the row as it will be called; None without one."""
    said, new = change.treatment, change.new
    if new is None or new.generated is not None:
        return None
    if said.function:
        return f"{said.function}({quote(new.name)})"
    return f"({said.transform})" if said.transform else None


def fault_name(function: str) -> str:
    """The SQL function that gives what ``function`` fails with, NULL where it does not."""
    return f"{function}_fault"


def python_functions(made: Mapping[str, Callable[[Any], Any]]) -> dict[str, Callable[[Any], Any]]:
    """``made`` by SQL name, each remembering what it gave, and beside each the one that tells its faults."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name, function in made.items():
        remembering = lru_cache(maxsize=_CACHED, typed=True)(function)
        found[name] = remembering
        found[fault_name(name)] = _fault_of(remembering)
    return found


def _fault_of(function: Callable[[Any], Any]) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        try:
            given = function(value)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if isinstance(given, int) and not -(2**63) <= given < 2**63:
            return f"{given} does not fit in 64 bits"
        if given is None or isinstance(given, (int, float, str, bytes)):
            return None
        return f"{type(given).__name__} is no value that SQLite keeps"

    return fault


def check_expressions(live: Schema, diff: SchemaDiff, on_connect: OnConnect | None) -> None:
    """Raise ConfigurationError for a transformer that is not one deterministic expression over its own row.

    An expression index may be made of just that (expridx.html, section 1.1), so SQLite is asked to make one.
    """
    names = LiveNames(live, diff)
    for change in diff.columns:
        there = names.table(change.table)
        if not change.treatment.transform or there is None or change.new is None:
            continue
        try:
            with shadow_of(Schema(tables=(there,)), on_connect) as shadow:
                text = names.spelled(change.table, change.treatment.transform)
                shadow.run(f"CREATE INDEX main.sodaf_trial ON {quote(there.name)} ((({text}) IS NULL))")
        except (StatementError, SchemaParseError) as error:
            reason = error.details.get("reason", error.message)
            raise ConfigurationError(
                f'The transformer of "{change.table}.{change.new.name}" is no expression over its row: {reason}',
                hint="It may name the row's own fields and deterministic functions; no subquery, aggregate or table.",
                details={"sql": change.treatment.transform},
            ) from error


def refuse_faults(wire: Wire, live: Schema, diff: SchemaDiff) -> None:
    """Raise UnsupportedChangeError for the first row, named by its key, on which a transformer fails."""
    names = LiveNames(live, diff)
    for change in diff.columns:
        there, value = names.table(change.table), transformed(change)
        if there is None or value is None or change.new is None:
            continue
        said = _failing(wire, there, change, names.spelled(change.table, value))
        if said is not None:
            raise UnsupportedChangeError(
                f'The transformer of "{change.table}.{change.new.name}" fails on the row {said}',
                hint="Mend the transformer, or that row; nothing was changed (see docs/refusals.md).",
            )


def _failing(wire: Wire, there: Table, change: ColumnChange, value: str) -> str | None:
    key, table = ", ".join(_key(there)), f"main.{quote(there.name)}"
    function = change.treatment.function
    if function:
        fault = f"{fault_name(function)}{value.removeprefix(function)}"
        row = wire.row(f"SELECT {fault}, {key} FROM {table} WHERE {fault} IS NOT NULL LIMIT 1")
        return None if row is None else f"{_shown(row[1:])}: {row[0]}"
    try:
        wire.value(f"SELECT count({value}) FROM {table}")
    except StatementError as error:
        place = _first_failing(wire, there, value, wire.value(f"SELECT count(*) FROM {table}"))
        row = wire.row(f"SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {place}")
        return f"{_shown(row or ())}: {error.details.get('reason', error.message)}"
    return None


def _first_failing(wire: Wire, there: Table, value: str, rows: int) -> int:
    """The place, in the order of the key, of the first row on which ``value`` cannot be computed."""
    low, high = 0, rows - 1  # the first failing row is between them
    while low < high:
        middle = (low + high) // 2
        part = (
            f"SELECT {value} AS v FROM main.{quote(there.name)} ORDER BY {', '.join(_key(there))}"
            f" LIMIT {middle - low + 1} OFFSET {low}"
        )
        try:
            wire.value(f"SELECT count(v) FROM ({part})")
            low = middle + 1
        except StatementError:
            high = middle
    return low


def _key(there: Table) -> list[str]:
    if there.primary_key is not None:
        return [quote(name) for name in there.primary_key.columns]
    return [rowid_name(there) or quote(there.columns[0].name)]


def _shown(values: Iterable[Any]) -> str:
    return ", ".join(map(repr, values))
