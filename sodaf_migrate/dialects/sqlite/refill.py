"""Values and rows that come back from a backup while a migration is taken back: plain SQL inside the plan.

What comes back stands in a TEMP table of the connection that carries out the plan, so that conversions can prefer it:
a row that still holds what the migration made of it gets its original back, a row changed since is converted like any
other. Columns ``k0``, ``k1``… of the TEMP table hold the key, ``value`` the original and ``became`` what the migration
put in its place; a TEMP table of whole rows has ``c0``, ``c1``… for its columns, and their rowids where they had one.
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
    def index(self) -> str:
        """The statement that makes the TEMP table quick to look into, once it is full."""
        places = {fold(name): held for name, held in zip(self.columns, self.held, strict=True)}
        keys = [places[fold(name)] for name in self.loss.key] or self.held[:1] if self.is_rows else self.keys
        return f"CREATE INDEX temp.{quote(self.source + '_key')} ON {quote(self.source)} ({', '.join(keys)})"

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

    def fill(self, payload: str, keys: Sequence[str], value: str, became: str) -> str:
        """The statement that fills the TEMP table with what still applies; the rest names columns of ``payload``."""
        # The plus takes the column's lack of affinity away, so that the live column's applies: 7 is what '7' became.
        always = self.is_return or not self.loss.became[0]
        held = "1" if always else f"t.{quote(self.loss.new_columns[0])} IS +p.{became} COLLATE BINARY"
        return (
            f"INSERT INTO temp.{quote(self.source)} SELECT {', '.join(self._live('t'))}, p.{value}, p.{became}"
            f" {self._pairs(payload, keys)} WHERE {held}"
        )

    def found(self, payload: str, keys: Sequence[str]) -> str:
        """The query for the number of rows of ``payload`` whose row is still there."""
        return f"SELECT count(*) {self._pairs(payload, keys)}"

    def _pairs(self, payload: str, keys: Sequence[str]) -> str:
        # The live column's collation and affinity decide which row it was, as they do for its own index.
        joined = " AND ".join(f"{mine} IS +p.{theirs}" for mine, theirs in zip(self._live("t"), keys, strict=True))
        return f"FROM {payload} AS p CROSS JOIN main.{quote(self.loss.new_table)} AS t ON {joined}"

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
        """The condition that a value ``r`` of a Single still is what the row made of it holds; true of other rows.

        Also where that row has gone: then all its values come back.
        """
        if self.move is None:
            return "1"
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
        """What has to hold under the lock: no row that gets its original back was changed meanwhile."""
        if self.is_rows or self.is_return or not self.loss.became[0]:
            return None
        joined = " AND ".join(
            f"{mine} IS r.{theirs} COLLATE BINARY" for mine, theirs in zip(self._live("t"), self.keys, strict=True)
        )
        sql = (
            f"SELECT count(*) FROM temp.{quote(self.source)} AS r JOIN main.{quote(self.loss.new_table)} AS t"
            f" ON {joined} WHERE t.{quote(self.loss.new_columns[0])} IS +r.became COLLATE BINARY"
        )
        return Guard(sql=sql, expected=self.waiting, meaning=f'rows of "{self.loss.new_table}" that get values back')

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
        pairs = zip(self.keys, self._live(quote(self.loss.new_table)), strict=True)
        joined = " AND ".join(f"r.{theirs} IS {mine} COLLATE BINARY" for theirs, mine in pairs)
        return f"FROM temp.{quote(self.source)} AS r WHERE {joined}"

    def _live(self, alias: str) -> list[str]:
        """The key in the live table, named as before the way back."""
        return [f"{alias}.{quote(name)}" for name in self.loss.new_key] or [f"{alias}.{self.loss.rowid}"]


def put_values(refills: Sequence[Refill]) -> str:
    """The statement that puts values of columns of one table back where they are: all at once, for one may be a key."""
    table = quote(refills[0].loss.new_table)
    names = [quote(refill.loss.new_columns[0]) for refill in refills]
    settings = ", ".join(f"{name} = {refill.expression(name)}" for name, refill in zip(names, refills, strict=True))
    return f"UPDATE main.{table} SET {settings} WHERE {any_of([refill.there for refill in refills])}"


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
