"""The statements that SQLite stores, read: one name for each kind."""

from __future__ import annotations

from sodaf_migrate.dialects.sqlite.parse_column import Clause
from sodaf_migrate.dialects.sqlite.parse_head import (
    TriggerHead,
    ViewHead,
    VirtualHead,
    parse_index,
    parse_trigger,
    parse_view,
    parse_virtual_table,
)
from sodaf_migrate.dialects.sqlite.parse_table import Element, ParsedTable, parse_table

__all__ = [
    "Clause",
    "Element",
    "ParsedTable",
    "TriggerHead",
    "ViewHead",
    "VirtualHead",
    "parse_index",
    "parse_table",
    "parse_trigger",
    "parse_view",
    "parse_virtual_table",
]
