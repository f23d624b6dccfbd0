"""What tables and columns are called in the database now, for a diff that speaks of them after its renames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sodaf_migrate.compare.changes import ColumnChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.edit import constant_text
from sodaf_migrate.dialects.sqlite.lexer import RESERVED, Token, tokenize
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.schema.model import Column, ForeignKey, Schema, Sql, Table, fold

__all__ = ["LiveNames", "with_columns"]

#: Words that may stand in an expression and are no name there, though SQLite takes them for one elsewhere.
_KEYWORDS = RESERVED | frozenset(["CAST", "END", "GLOB", "LIKE", "MATCH", "REGEXP", "TRUE", "FALSE"])


class LiveNames:
    """Finds live tables and columns by the names that they will have."""

    def __init__(self, live: Schema, diff: SchemaDiff) -> None:
        self.diff = diff
        self._live = live
        self._tables: dict[str, str] = {}
        self._columns: dict[tuple[str, str], str] = {}
        self._later: dict[tuple[str, str], str] = {}
        if diff.is_reverse:  # then it speaks of everything as it is called now
            return
        self._tables = {fold(c.new.name): c.old.name for c in diff.tables if c.old and c.new}
        for change in diff.renamed_columns:
            if change.old and change.new:
                self._columns[fold(change.table), fold(change.new.name)] = change.old.name
                self._later[fold(change.table), fold(change.old.name)] = change.new.name

    def table(self, name: str) -> Table | None:
        """The live table that will be called ``name``, None when it does not exist yet."""
        return self._live.table(self._tables.get(fold(name), name))

    def column(self, table: str, name: str) -> str | None:
        """The live name of the column that will be called ``name``, None when it does not exist yet."""
        there = self.table(table)
        live = self._columns.get((fold(table), fold(name)), name)
        if there is None or there.column(live) is None:
            return None
        renamed_away = {fold(old) for (home, _), old in self._columns.items() if home == fold(table)}
        if fold(live) in renamed_away and (fold(table), fold(name)) not in self._columns:
            return None  # that column will be called otherwise; this one is new
        return live

    def later(self, table: str, column: str) -> str:
        """What a live column will be called; ``table`` is the table's name to come."""
        return self._later.get((fold(table), fold(column)), column)

    def goes(self, table: str, column: str) -> bool:
        """Whether a live column is dropped; ``table`` is the table's name to come."""
        gone = (c for c in self.diff.columns if c.new is None and c.old is not None and fold(c.table) == fold(table))
        return any(self.column(table, c.old.name) == column for c in gone if c.old is not None)

    def referenced(self, key: ForeignKey) -> list[str | None]:
        """The live names of the columns that a foreign key refers to, None for one that does not exist yet.

        [] where its table does not exist yet, or will have no key."""
        there = self.table(key.table)
        if there is None:
            return []
        if key.referenced:
            return [self.column(key.table, name) for name in key.referenced]
        changed = [c.new for c in self.diff.primary_keys if fold(c.table) == fold(key.table)]
        if changed:
            return [self.column(key.table, name) for name in changed[0].columns] if changed[0] is not None else []
        return list(there.primary_key.columns) if there.primary_key is not None else []

    def spelled(self, table: str, expression: str) -> str:
        """``expression``, which speaks of columns as they will be called, over the live row."""
        there = self.table(table)
        moved = {} if there is None else {fold(self.later(table, c.name)): c.name for c in there.columns}
        moved = {later: live for later, live in moved.items() if later != fold(live)}
        return with_columns(expression, {later: quote(live) for later, live in moved.items()})

    def computed(self, change: ColumnChange) -> str | None:
        """What the values of an ordinary column give way to when it becomes a generated one; None when it does not."""
        old, new = change.old, change.new
        if old is None or new is None or old.generated is not None or new.generated is None:
            return None
        return self.spelled(change.table, new.generated.expression.text)

    def as_called_later(self, table: str, come: dict[str, Column]) -> str | None:
        """The live rows under the names to come, as a source for SELECT; None where nothing is called otherwise.

        ``come`` are the new columns by folded name: they hold their constant default, or NULL.
        """
        there = self.table(table)
        if there is None:
            return None
        if not come and fold(there.name) == fold(table) and not any(home == fold(table) for home, _ in self._columns):
            return None
        back = {fold(old): new for (home, new), old in self._columns.items() if home == fold(table)}
        parts = [f"{quote(c.name)} AS {quote(back.get(fold(c.name), c.name))}" for c in there.columns]
        for column in come.values():
            constant = isinstance(column.default, Sql) and not column.default.text.startswith("(")
            value = constant_text(column.default) if constant and isinstance(column.default, Sql) else "NULL"
            parts.append(f"{value} AS {quote(column.name)}")
        return f"(SELECT {', '.join(parts)} FROM main.{quote(there.name)}) AS {quote(table)}"


def with_columns(expression: str, instead: Mapping[str, str]) -> str:
    """``expression`` with SQL in the place of the columns that are keys of ``instead`` (folded)."""
    tokens = tokenize(expression) if instead else ()
    parts: list[str] = []
    last = 0
    for place, token in enumerate(tokens):
        new = instead.get(fold(token.name)) if token.kind == "quoted" or _names_column(tokens, place) else None
        if new is not None:
            parts += [expression[last : token.start], new]
            last = token.end
    return "".join(parts) + expression[last:]


def _names_column(tokens: Sequence[Token], place: int) -> bool:
    """Whether a bare word is a column's name: no keyword, function, type or collation."""
    token = tokens[place]
    before = tokens[place - 1] if place else None
    after = tokens[place + 1].text if place + 1 < len(tokens) else ""
    if token.kind != "word" or token.word in _KEYWORDS or after in ("(", "."):
        return False
    return before is None or (before.text != "." and before.word not in ("AS", "COLLATE"))
