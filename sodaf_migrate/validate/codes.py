"""The codes of what the rules find; docs/findings.md has a heading for each."""

from __future__ import annotations

__all__ = ["CODES"]

CODES = frozenset(
    (
        "DATA_LOSS_RISK",
        "DEFINITION_NAMES_FIELD",
        "DISK_SPACE_SHORT",
        "FETCH_FROM_BROKEN",
        "FTS_CONTENT_CHANGES",
        "GUARD_BROKEN",
        "GUARD_MISSING",
        "HAZARD_UNKNOWN",
        "HAZARD_UNSAID",
        "JOURNAL_THERE",
        "LINK_TO_FORMER_NAME",
        "LOSS_UNSAID",
        "OWNERSHIP_WRONG",
        "PARENT_KEY_LOST",
        "PLAN_SCOPE_WRONG",
        "PLAN_STALE",
        "READERS_THERE",
        "ROWIDS_GO",
        "ROWS_WOULD_CHANGE",
        "SHADOW_DOWN_FAILED",
        "SHADOW_DOWN_WRONG",
        "SHADOW_NOT_MADE",
        "SHADOW_NOT_THE_WISH",
        "SHADOW_OUTSIDE_SCOPE",
        "SHADOW_UP_FAILED",
        "STATEMENT_NOT_ALLOWED",
        "STATEMENT_OUTSIDE_MAIN",
        "STATEMENT_REFUSED",
        "STEP_OF_ANOTHER_TABLE",
        "STEP_TAKES_LONG",
        "TEXT_BECOMES_COLUMN",
        "TRIGGER_NEVER_FIRES",
        "VIEW_CHANGES_SHAPE",
        "VIEW_NAMES_COLUMN",
        "WAY_BACK_MISSING",
        "WAY_BACK_NEEDS_BACKUP",
    )
)
