"""One question to the live rows, as values and as SQL."""

from __future__ import annotations

from dataclasses import dataclass

from sodaf_migrate.dialects.sqlite.names import quote

__all__ = ["SAMPLES", "Question"]

#: How many values of each kind are shown to people.
SAMPLES = 5


#: Each kind in words.
_MEANINGS = {
    "rows": "rows in the table",
    "nulls": "rows without a value",
    "holds": "rows that hold the old default",
    "values": "values in the column that goes",
    "altered": "values that would not read back as they are",
    "computed": "values that give way to computed ones",
    "misfits": "values that do not fit",
    "impossible": "values that do not convert",
    "keyless": "rows without a key",
    "longer": "values longer than the new length",
    "violators": "rows that break the CHECK",
    "orphans": "rows without a parent",
    "orphaned": "rows whose parent would go",
    "duplicates": "rows that repeat another",
    "blanks": "blanks",
    "taken": "rows that already hold the new name",
    "moving": "rows that move",
    "meeting": "rows where others move to",
    "required": "values that a row must have",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How many rows of the live ``table`` meet ``condition``; ``kind`` says what that would mean.

    ``about`` is the column, index or constraint under its name after any rename. Kinds: rows, nulls, values (that a
    dropped column holds), holds (the old default), altered, computed (otherwise, by a column that becomes generated),
    misfits, longer, violators, orphans, orphaned (by the change), keyless, moving, meeting, required (of a row that
    becomes a Single's values, or the reverse), follow, taken (rows of a rename), duplicates and blanks (``groups``
    holds the grouping).
    """

    kind: str
    table: str  # its live name
    about: str
    condition: str = "1"
    show: str | None = None  # the expression whose values are shown
    groups: tuple[str, ...] = ()
    source: str | None = None  # the rows as they will be called, where the condition speaks of names to come

    @property
    def meaning(self) -> str:
        """What is counted, in words."""
        about = f" ({self.about})" if self.about else ""
        return f'{_MEANINGS[self.kind]} of "{self.table}"{about}'

    @property
    def rows(self) -> str:
        """What stands behind FROM."""
        return self.source or f"main.{quote(self.table)}"

    @property
    def count_sql(self) -> str:
        """The query that answers, on its own."""
        table = self.rows
        if not self.groups:
            return f"SELECT count(*) FROM {table} WHERE {self.condition}"
        keys = ", ".join(self.groups)
        inner = f"SELECT count(*) AS n FROM {table} WHERE {self.condition} GROUP BY {keys} HAVING count(*) > 1"
        changed = "sum(n)" if self.kind == "blanks" else "sum(n) - count(*)"  # one of those that repeat stays as it is
        return f"SELECT coalesce({changed}, 0) FROM ({inner})"

    @property
    def sample_sql(self) -> str | None:
        """Up to five of the values concerned."""
        table = self.rows
        if self.groups:
            keys = ", ".join(self.groups)
            return (
                f"SELECT {keys}, count(*) FROM {table} WHERE {self.condition}"
                f" GROUP BY {keys} HAVING count(*) > 1 ORDER BY count(*) DESC LIMIT {SAMPLES}"
            )
        if self.show is None:
            return None
        return f"SELECT DISTINCT {self.show} FROM {table} WHERE {self.condition} LIMIT {SAMPLES}"
