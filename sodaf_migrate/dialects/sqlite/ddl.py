"""Data definition in SQLite's words: new statements from values, and stored texts edited."""

from __future__ import annotations

from sodaf_migrate.dialects.sqlite.redraw import redraw, rename_table_text, retarget_index
from sodaf_migrate.dialects.sqlite.render import (
    column_definition,
    constraint_definition,
    create_index,
    create_table,
)

__all__ = [
    "column_definition",
    "constraint_definition",
    "create_index",
    "create_table",
    "redraw",
    "rename_table_text",
    "retarget_index",
]
