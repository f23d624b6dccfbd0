"""Values and rows that come back from a backup while a migration is taken back: plain SQL inside the plan.

What comes back stands in a TEMP table of the connection that carries out the plan, so that conversions can prefer it:
a row that still holds what the migration made of it gets its original back, a row changed since is converted like any
other. Columns ``k0``, ``k1``… of the TEMP table hold the key, ``value`` the original and ``became`` what the migration
put in its place; its rowid is the live row's, where that has one, so that both are read in one order and no key is
looked up. A TEMP table of whole rows has ``c0``, ``c1``… for its columns, and their rowids where they had one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sodaf_migrate.compare.changes import MoveChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.copies import any_of, insert_select
from sodaf_migrate.dialects.sqlite.edit import constant_text
from sodaf_migrate.dialects.sqlite.missing_rows import bring_back, make_marks
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.singles import in_column, last_value
from sodaf_migrate.plan import Guard, Loss, Temporary
from sodaf_migrate.schema.model import Column, Sql, Table, fold

__all__ = ["Refill", "put_values", "refilled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """One loss with the TEMP table ``source`` that brings it back; ``columns`` are those of whole rows.

    ``waiting`` counts the rows in it: of values, only those whose row is there and still holds what it became, where
    that can be asked (``loss.became``). ``rowids`` says whether whole rows come with theirs, ``sequence`` what number
    AUTOINCREMENT had reached in their table. ``move``, of the way forward, made a row of these values of a Single.
    """

    loss: Loss
    source: str
    columns: tuple[str, ...] = ()
    waiting: int = 0
    rowids: bool = True
    sequence: int | None = None
    move: MoveChange | None = None

    @property
    def is_rows(self) -> bool:
        """Whether whole rows come back."""
        return not self.loss.columns

    @property
    def is_return(self) -> bool:
        """Whether the values belong to a column that comes back."""
        return not self.is_rows and not self.loss.new_columns[0]

    @property
    def marks(self) -> str:
        """The TEMP table that says which of the rows come back."""
        return f"{self.source}_marks"

    @property
    def temporaries(self) -> tuple[Temporary, ...]:
        """The TEMP tables, empty, as a plan tells of them."""
        columns = self.held if self.is_rows else [*self.keys, "value", "became"]
        create = f"CREATE TEMP TABLE {quote(self.source)} ({', '.join(columns)})"
        loss = self.loss
        if self.is_rows:
            marks = Temporary(name=self.marks, create=make_marks(self.marks), table=loss.table)
            return Temporary(name=self.source, create=create, table=loss.table), marks
        column = loss.new_columns[0] or loss.columns[0]
        return (Temporary(name=self.source, create=create, table=loss.new_table, key=loss.new_key, column=column),)

    @property
    def index(self) -> tuple[str, ...]:
        """The statement that makes the TEMP table quick to look into, once it is full; () where its rowid is."""
        if not self.is_rows and self.loss.rowid:
            return ()
        places = {fold(name): held for name, held in zip(self.columns, self.held, strict=True)}
        keys = [places[fold(name)] for name in self.loss.key] or self.held[:1] if self.is_rows else self.keys
        return (f"CREATE INDEX temp.{quote(self.source + '_key')} ON {quote(self.source)} ({', '.join(keys)})",)

    @property
    def drops(self) -> tuple[str, ...]:
        """The statements that take all of it away."""
        return tuple(f"DROP TABLE IF EXISTS temp.{quote(each.name)}" for each in self.temporaries)

    @property
    def held(self) -> list[str]:
        """The columns of the TEMP table of rows, in the order of ``columns``: a name of the table's might be taken."""
        return [f"c{number}" for number in range(len(self.columns))]

    @property
    def keys(self) -> list[str]:
        """The key columns of the TEMP table of values."""
        return [f"k{number}" for number in range(len(self.loss.key) or 1)]

    def fill_rows(self, payload: str, values: Sequence[str]) -> tuple[str, ...]:
        """The statements that fill the TEMP table of rows from ``payload``, whose columns are ``values``."""
        taken = [f"p.{value}" for value in values]
        source = f"FROM {payload} AS p WHERE 1"
        return insert_select(f"temp.{quote(self.source)}", self.held, taken, source, rowid=("rowid", "p.rowid"))

    @property
    def is_always(self) -> bool:
        """Whether values come back whatever their rows hold now."""
        return self.is_return or not self.loss.became[0]

    def pairs(self, payload: str, keys: Sequence[str]) -> tuple[str, ...]:
        """FROM and WHERE for the rows ``p`` of ``payload`` with the live rows ``t`` that they are, found by ``keys``.

        First those that have the rowid they had, in its order; then, if that were not all, those that have another.
        """
        source, live = f"FROM {payload} AS p", f"main.{quote(self.loss.new_table)}"
        if not self.loss.rowid:
            return (f"{source} CROSS JOIN {live} AS t WHERE {self._same('t', keys)}",)
        # NOT INDEXED: by rowid, although an index of the key holds all that is asked for.
        there = f"{source} CROSS JOIN {live} AS t NOT INDEXED WHERE t.{self.loss.rowid} = p.rowid"
        if not self.loss.new_key:
            return (there,)
        found = f"s.{self.loss.rowid} = p.rowid AND {self._same('s', keys)}"
        same = f"SELECT 1 FROM {live} AS s NOT INDEXED WHERE {found}"
        return (
            f"{there} AND {self._same('t', keys)}",
            f"{source} CROSS JOIN {live} AS t WHERE {self._same('t', keys)} AND NOT EXISTS ({same})",
        )

    def fill(self, pairs: str, value: str, became: str, differs: str = "1") -> str:
        """The statement that fills the TEMP table with what of ``pairs`` still applies, and meets ``differs``.

        ``value`` and ``became`` are columns of the payload.
        """
        # The plus takes the column's lack of affinity away, so that the live column's applies: 7 is what '7' became.
        held = "1" if self.is_always else f"t.{quote(self.loss.new_columns[0])} IS +p.{became} COLLATE BINARY"
        into, found = [*self.keys, "value", "became"], [*self._live("t"), f"p.{value}", f"p.{became}"]
        if self.loss.rowid:
            into, found = ["rowid", *into], [f"t.{self.loss.rowid}", *found]
        return (
            f"INSERT OR IGNORE INTO temp.{quote(self.source)} ({', '.join(into)}) SELECT {', '.join(found)}"
            f" {pairs} AND {held} AND ({differs})"
        )

    def _same(self, alias: str, keys: Sequence[str]) -> str:
        # The live column's collation and affinity decide which row it was, as they do for its own index.
        return " AND ".join(f"{mine} IS +p.{theirs}" for mine, theirs in zip(self._live(alias), keys, strict=True))

    @property
    def taken(self) -> str:
        """The query for the number of whole rows that cannot come back: their key is taken, or their value changed."""
        if self.move is not None:
            return f"SELECT count(*) FROM temp.{quote(self.source)} AS r WHERE NOT {self.still}"
        places = {fold(name): held for name, held in zip(self.columns, self.held, strict=True)}
        pairs = [(quote(name), f"r.{places[fold(name)]}") for name in self.loss.key] or [("rowid", "r.rowid")]
        joined = " AND ".join(f"t.{live} IS {mine}" for live, mine in pairs)
        there = f"EXISTS (SELECT 1 FROM main.{quote(self.loss.table)} AS t WHERE {joined})"
        return f"SELECT count(*) FROM temp.{quote(self.source)} AS r WHERE {there}"

    @property
    def still(self) -> str:
        """The condition that a value ``r`` of a Single still is what the row made of it holds, or the row has gone."""
        assert self.move is not None
        home = f"main.{quote(self.move.table)}"
        _, field, _ = self.held
        same = [
            f"r.{field} = {literal(column.name)} AND t.{quote(column.name)} IS"
            f" {in_column(self.move, column, self.moved_from(column))} COLLATE BINARY"
            for column in self.move.columns
        ]
        return f"(NOT EXISTS (SELECT 1 FROM {home}) OR EXISTS (SELECT 1 FROM {home} AS t WHERE {any_of(same)}))"

    def moved_from(self, column: Column) -> str:
        """Of the values of a Single, the one that the migration put into ``column``."""
        assert self.move is not None
        return last_value(self.move, column, f"temp.{quote(self.source)}", self.held)

    def held_of(self, name: str) -> str | None:
        """What a column of whole rows is called in the TEMP table; None where they had none of that name."""
        return dict(zip(map(fold, self.columns), self.held, strict=True)).get(fold(name))

    def guard(self) -> Guard | None:
        """What has to hold under the lock: no row that gets its original back was changed meanwhile, or moved."""
        if self.is_rows or (self.is_always and not (self.loss.rowid and self.loss.new_key)):
            return None
        rows, live = f"temp.{quote(self.source)} AS r", f"main.{quote(self.loss.new_table)} AS t"
        if not self.is_always:
            value = f"t.{quote(self.loss.new_columns[0])} IS +r.became COLLATE BINARY"
            sql = f"SELECT count(*) FROM {rows} JOIN {live} ON {self._found('t')} WHERE {value}"
            return Guard(
                sql=sql, expected=self.waiting, meaning=f'rows of "{self.loss.new_table}" that get values back'
            )
        # By the live column's own collation first, which has an index; one that is gone has no value to come to.
        key = " AND ".join(f"{mine} IS +r.{theirs}" for mine, theirs in zip(self._live("t"), self.keys, strict=True))
        elsewhere = f"EXISTS (SELECT 1 FROM {live} WHERE {key} AND {self._same_key('t')})"
        here = f"EXISTS (SELECT 1 FROM {live} NOT INDEXED WHERE {self._found('t')})"
        sql = f"SELECT count(*) FROM {rows} WHERE NOT {here} AND {elsewhere}"
        return Guard(sql=sql, expected=0, meaning=f'rows of "{self.loss.new_table}" that have another rowid by now')

    def is_for(self, table: str, column: str) -> bool:
        """Whether it brings values of a column back that stays, named as before the way back."""
        return not self.is_rows and (fold(self.loss.new_table), fold(self.loss.new_columns[0])) == (
            fold(table),
            fold(column),
        )

    def returns(self, table: str, column: str) -> bool:
        """Whether it brings the values of a column back that had gone."""
        return self.is_return and (fold(self.loss.new_table), fold(self.loss.columns[0])) == (fold(table), fold(column))

    @property
    def there(self) -> str:
        """The condition for rows of the table that get a value back."""
        return f"EXISTS (SELECT 1 {self._match()})"

    def expression(self, otherwise: str) -> str:
        """What the column gets: its original where that comes back, else ``otherwise``."""
        return f"CASE WHEN {self.there} THEN (SELECT r.value {self._match()}) ELSE {otherwise} END"

    def bring_back(self, table: Table) -> tuple[str, ...]:
        """The statements that put whole rows into ``table``, once it is as it was when they went."""
        return bring_back(
            table,
            self.marks,
            f"temp.{quote(self.source)}",
            self.columns,
            self.loss.key,
            rowids=self.rowids,
            sequence=self.sequence,
        )

    def _match(self) -> str:
        return f"FROM temp.{quote(self.source)} AS r WHERE {self._found(quote(self.loss.new_table))}"

    def _found(self, alias: str) -> str:
        """The condition that the row ``r`` of the TEMP table belongs to a live row."""
        if not self.loss.rowid:
            return self._same_key(alias)
        rowid = f"r.rowid = {alias}.{self.loss.rowid}"
        return f"{rowid} AND {self._same_key(alias)}" if self.loss.new_key else rowid

    def _same_key(self, alias: str) -> str:
        pairs = zip(self.keys, self._live(alias), strict=True)
        return " AND ".join(f"r.{theirs} IS {mine} COLLATE BINARY" for theirs, mine in pairs)

    def _live(self, alias: str) -> list[str]:
        """The key in the live table, named as before the way back."""
        return [f"{alias}.{quote(name)}" for name in self.loss.new_key] or [f"{alias}.{self.loss.rowid}"]


def put_values(refills: Sequence[Refill]) -> str:
    """The statement that puts values of columns of one table back where they are: all at once, for one may be a key."""
    loss = refills[0].loss
    table = quote(loss.new_table)
    names = [quote(refill.loss.new_columns[0]) for refill in refills]
    settings = ", ".join(f"{name} = {refill.expression(name)}" for name, refill in zip(names, refills, strict=True))
    if loss.rowid:  # no other row is even read
        rows = [f"{loss.rowid} IN (SELECT rowid FROM temp.{quote(refill.source)})" for refill in refills]
    else:
        rows = [refill.there for refill in refills]
    return f"UPDATE main.{table} SET {settings} WHERE {any_of(rows)}"


def refilled(
    diff: SchemaDiff, values: Mapping[tuple[str, str], str], refills: Iterable[Refill]
) -> Iterator[tuple[tuple[str, str], str]]:
    """What the columns get that values come back to, by (folded table, folded column); ``values`` else."""
    for refill in refills:
        if refill.is_rows:
            continue
        table, name = refill.loss.new_table, refill.loss.new_columns[0]
        changes = [change for change in diff.columns if change.new is not None and fold(change.table) == fold(table)]
        if refill.is_return:
            come = [c.new for c in changes if c.old is None and c.new and refill.returns(table, c.new.name)]
            for column in come:
                default = column.default
                nothing = constant_text(default) if isinstance(default, Sql) else "NULL"
                yield (fold(table), fold(column.name)), refill.expression(nothing)
        else:
            key = (fold(table), fold(name))
            yield key, refill.expression(values.get(key, quote(name)))
