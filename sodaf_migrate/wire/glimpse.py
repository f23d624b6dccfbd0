"""One row of a database file, with as little as can be: what an application asks at every start."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

__all__ = ["glimpse"]


def glimpse(path: str, sql: str, params: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The first row that a query gives, read only and without waiting; None where there is none.

    Also where the file, or the look at it, is not as it should be: whoever then opens it properly sees, and tells.
    """
    if not os.path.isfile(path):
        return None
    escaped = os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        connection = sqlite3.connect(f"file:{escaped}?mode=ro", uri=True, timeout=0)
        try:
            row: tuple[Any, ...] | None = connection.execute(sql, params).fetchone()
            return row
        finally:
            connection.close()
    except (sqlite3.Error, ValueError):
        return None
