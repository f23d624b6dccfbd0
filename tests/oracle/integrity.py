"""What SQLite's own checks find, without what they only imagine."""

from __future__ import annotations

import re
import sqlite3

from tests.oracle.facts import plain, quote


def integrity(connection: sqlite3.Connection) -> list[str]:
    """The complaints of integrity_check and foreign_key_check, [] when there is none.

    SQLite 3.40.1 looks at the wrong column of a WITHOUT ROWID table whose key is not its first column, and then says
    "TEXT value in t.a" or "NULL value in t.a" of good rows (a fresh table with one row inserted shows it). Of such
    tables those lines are left out, and NULLs looked for here.
    """
    with plain(connection) as cursor:
        keyed = [row[0] for row in cursor.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND wr")]
        imagined = re.compile("[A-Za-z-]+ value in ({})\\.".format("|".join(map(re.escape, keyed or ["\0"]))))
        said = [row[0] for row in cursor.execute("PRAGMA integrity_check") if not imagined.match(row[0])]
        found = [f"integrity_check: {line}" for line in said if line != "ok"]
        found += [f"NULL in {name}: {column}" for name in keyed for column in _nulls(cursor, name)]
        return found + [f"foreign_key_check: {row}" for row in cursor.execute("PRAGMA foreign_key_check")]


def _nulls(cursor: sqlite3.Cursor, table: str) -> list[str]:
    """The NOT NULL columns that hold a NULL."""
    columns = cursor.execute('SELECT name FROM pragma_table_xinfo(?) WHERE "notnull"', (table,)).fetchall()
    counted = f"SELECT count(*) FROM {quote(table)} WHERE {{}} IS NULL"
    return [name for (name,) in columns if cursor.execute(counted.format(quote(name))).fetchone()[0]]
