"""What SQLite's own checks find, without what they only imagine."""

from __future__ import annotations

import re
import sqlite3

from tests.oracle.facts import plain


def integrity(connection: sqlite3.Connection) -> list[str]:
    """The complaints of integrity_check and foreign_key_check, [] when there is none.

    SQLite 3.40.1 looks at the wrong column of a WITHOUT ROWID table whose key is not its first column, and then says
    "TEXT value in t.a" or "NUMERIC value in t.a" of good rows (a fresh table with one row inserted shows it). Those are
    left out.
    """
    with plain(connection) as cursor:
        keyed = [row[0] for row in cursor.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND wr")]
        imagined = re.compile("(TEXT|NUMERIC) value in ({})\\.".format("|".join(map(re.escape, keyed or ["\0"]))))
        said = [row[0] for row in cursor.execute("PRAGMA integrity_check") if not imagined.match(row[0])]
        found = [] if said == ["ok"] else [f"integrity_check: {line}" for line in said]
        return found + [f"foreign_key_check: {row}" for row in cursor.execute("PRAGMA foreign_key_check")]
