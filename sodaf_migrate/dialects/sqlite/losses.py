"""What a settled diff takes away that only a backup can bring back, in the names of the state before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sodaf_migrate.compare.changes import ColumnChange, OptionChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.carry import conversion_of
from sodaf_migrate.dialects.sqlite.conversion import Outcome
from sodaf_migrate.dialects.sqlite.convert import not_back, taken_as
from sodaf_migrate.dialects.sqlite.live_names import LiveNames
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.singles import moved_values
from sodaf_migrate.plan import Loss
from sodaf_migrate.schema.model import Schema, Table, fold

__all__ = ["losses", "repeated", "rows_lost", "values_lost"]

Expressions = Mapping[tuple[str, str], str]

#: Values that converting back would not bring back as they were.
_NOT_KEPT = (Outcome.ONE_WAY, Outcome.LOSSY, Outcome.IMPOSSIBLE)


def losses(live: Schema, diff: SchemaDiff, values: Expressions, fills: Expressions) -> tuple[Loss, ...]:
    """Every value and row that goes; ``values`` and ``fills`` by (folded table, folded column) as after the renames.

    Rows that a cleaning deletes are not among them (see ``rows_lost``), nor are rows of virtual tables.
    """
    names = LiveNames(live, diff)
    found: list[Loss] = []
    strict = {fold(change.table): change.new for change in diff.options if change.option == "strict"}
    for change in diff.columns:
        there = names.table(change.table)
        if there is not None and change.old is not None:
            later = strict.get(fold(change.table), there.strict)
            found += _of_column(there, change, names, values, fills, later)
    for option in diff.options:
        there = names.table(option.table)
        if option.option == "strict" and there is not None:
            found += _of_strictness(there, option, diff, names)
    for table in diff.tables:
        there = live.table(table.old.name) if table.old is not None and table.new is None else None
        if there is not None:
            found.append(rows_lost(there))
    return (*found, *_moved(live, diff))


def _moved(live: Schema, diff: SchemaDiff) -> Iterator[Loss]:
    """What moves is spelled otherwise where it goes; a way back is not taken back."""
    for move in diff.moves if not diff.is_reverse else ():
        there = live.table(move.table if move.new == "values" else move.singles)
        if there is not None:
            yield rows_lost(there, "" if move.new == "values" else moved_values(move))


def rows_lost(there: Table, where: str = "") -> Loss:
    """Whole rows of a live table that go."""
    return Loss(table=there.name, where=where, key=_key(there), rowid=rowid_name(there) or "")


def values_lost(there: Table, table: str, column: str, became: str, where: str, names: LiveNames) -> Loss:
    """Values of a live column that give way to ``became``; ``table`` is the table's name after the plan."""
    key, rowid = _finder(there, table, names)
    return Loss(
        table=there.name,
        columns=(column,),
        became=(became,),
        where=where,
        key=key,
        new_table=table,
        new_columns=(names.later(table, column),),
        new_key=tuple(names.later(table, each) for each in key),
        rowid=rowid,
    )


def _finder(there: Table, table: str, names: LiveNames) -> tuple[tuple[str, ...], str]:
    """(columns, rowid) by which a row is found again after the plan: its key where that stays, else the rowid where
    that is kept, else the key that comes; () and "" where nothing does."""
    diff, own = names.diff, _key(there)
    coming = next((c.new for c in diff.primary_keys if fold(c.table) == fold(table) and c.new is not None), None)
    found = [names.column(table, name) for name in coming.columns] if coming is not None else []
    after = tuple(name for name in found if name is not None)
    later = {change.option: change.new for change in diff.options if fold(change.table) == fold(table)}
    becomes_rowid = coming is not None and coming.rowid_alias and after
    kept = not later.get("without_rowid", there.without_rowid) and not becomes_rowid
    rowid = (rowid_name(there) or "") if kept else ""
    if own and not any(names.goes(table, name) for name in own):
        return own, rowid
    if rowid or not after or len(after) < len(found):
        return (), rowid
    return after, rowid


def _of_column(
    there: Table, change: ColumnChange, names: LiveNames, values: Expressions, fills: Expressions, strict: bool
) -> Iterator[Loss]:
    assert change.old is not None
    live = names.column(change.table, change.old.name)
    if live is None or change.old.generated is not None:
        return
    if change.new is None:
        # A column that comes back holds its default, so a NULL beside a default has to be brought back too.
        where = f"{quote(live)} IS NOT NULL" if change.old.default is None else ""
        gone = values_lost(there, change.table, live, "", where, names)
        yield replace(gone, new_columns=("",))
        return
    name = (fold(change.table), fold(change.new.name))
    computed = names.computed(change)
    if computed is not None:
        replaced = f"{quote(live)} IS NOT ({computed}) COLLATE BINARY"
        yield values_lost(there, change.table, live, computed, replaced, names)
    elif name in values:
        value = f"coalesce({values[name]}, {fills[name]})" if name in fills else values[name]
        became = names.spelled(change.table, value)
        where = _changes(change, quote(live), became)
        if name in fills:
            where = f"({where or 0}) OR {quote(live)} IS NULL"
        if where:
            yield values_lost(there, change.table, live, became, where, names)
    elif "type" in change.aspects and change.new.generated is None:
        lost = not_back(quote(live), change.old.type, change.new.type, strict=(there.strict, strict))
        if lost:
            became = taken_as(quote(live), change.new.type, strict=strict)
            yield values_lost(there, change.table, live, became, lost, names)
    if name in fills and name not in values:
        yield values_lost(there, change.table, live, fills[name], f"{quote(live)} IS NULL", names)


def _of_strictness(there: Table, change: OptionChange, diff: SchemaDiff, names: LiveNames) -> Iterator[Loss]:
    """A column of type ANY keeps what it is given in a STRICT table, and converts it in any other."""
    changed = {names.column(c.table, c.old.name) for c in diff.columns if c.old and fold(c.table) == fold(change.table)}
    for column in there.columns:
        if column.generated is None and column.name not in changed:
            own = quote(column.name)
            lost = not_back(own, column.type, column.type, strict=(change.old, change.new))
            if lost:
                yield values_lost(there, change.table, column.name, own, lost, names)


def _key(table: Table) -> tuple[str, ...]:
    return table.primary_key.columns if table.primary_key is not None else ()


def _changes(change: ColumnChange, column: str, became: str) -> str:
    """The condition for rows whose value the reverse conversion would not give back; "" where there are none."""
    differs = f"({became}) IS NOT +{column} COLLATE BINARY OR typeof({became}) <> typeof({column})"
    found = conversion_of(change, column)
    if found is None:  # an own transformer, say, of which nobody knows the way back
        return differs
    lost = found.where(*_NOT_KEPT)
    return f"({lost}) AND ({differs})" if lost else ""


def repeated(there: Table, condition: str, groups: tuple[str, ...]) -> str:
    """The condition for all but the most recently modified row of each group; among equals, the one that came last."""
    recent = "coalesce(\"modified\", '') DESC, " if there.column("modified") else ""
    names = there.primary_key.columns if there.without_rowid and there.primary_key else ()
    own = ", ".join(map(quote, names)) or "rowid"
    last = ", ".join(f"{name} DESC" for name in (map(quote, names) if names else ("rowid",)))
    ranked = (
        f"SELECT {own}, row_number() OVER (PARTITION BY {', '.join(groups)} ORDER BY {recent}{last}) AS n"
        f" FROM main.{quote(there.name)} WHERE {condition}"
    )
    return f"({own}) IN (SELECT {own} FROM ({ranked}) WHERE n > 1)"
