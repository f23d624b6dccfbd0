"""How things stand: the reports of a site's status, of its history, and of its configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable

from sodaf_migrate.config import Site
from sodaf_migrate.report.lines import Line, Style, counted, duration, heading, table
from sodaf_migrate.report.outcome import error_lines
from sodaf_migrate.report.preview import findings_lines
from sodaf_migrate.report.words import said
from sodaf_migrate.results import DocTypeStatus, Migration, MigrationHistory, StatusReport

__all__ = ["history_lines", "migration_lines", "site_lines", "status_lines", "verified_lines"]

_STATES: dict[str, tuple[int, str, Style]] = {
    "error": (0, "error", "bad"),
    "drift": (1, "drift", "warn"),
    "pending": (2, "pending", "warn"),
    "in_step": (3, "in step", "good"),
}
_STATUS: dict[str, Style] = {"failed": "bad", "running": "warn", "rolled_back": "warn"}


def status_lines(report: StatusReport) -> list[Line]:
    """A site's status: errors, drift, pending, in step, and what stands without being a change."""
    rows = sorted(report.doctypes, key=lambda status: _STATES[status.state][0])
    lines = [_summary(report)]
    lines += [Line(), *table(("DocType", "state", "changes", "last applied"), map(_state_row, rows))] if rows else []
    for status in rows:
        lines += [Line(f"{status.doctype} drifted: {sentence}", "warn") for sentence in status.drift]
        lines += [Line(), Line(status.doctype, "title"), *error_lines(status.error, indent=2)] if status.error else []
    return lines + findings_lines(report.standing)


def history_lines(history: MigrationHistory, *, limit: int | None = None) -> list[Line]:
    """The migrations on record, latest first; at most ``limit`` of them."""
    stats = ", ".join(
        f"{count} {status.replace('_', ' ')}" for status, count in history.stats.items() if status != "total"
    )
    found = tuple(reversed(history.migrations))[:limit]
    if not found:
        return [Line("no migration is on record")]
    left = len(history.migrations) - len(found)
    lines = [Line(f"{counted(len(history.migrations), 'migration')}: {stats}", "title"), Line()]
    lines += table(
        ("when (UTC)", "DocType", "status", "rows", "id"),
        map(_migration_row, found),
        keep=["when (UTC)", "status", "id"],
    )
    return lines + ([Line(f"and {left} earlier", "quiet")] if left else [])


def migration_lines(migration: Migration) -> list[Line]:
    """One migration in full: what it changed, and its SQL both ways."""
    style = _STATUS.get(migration.status, "good")
    lines = [Line(f"{migration.doctype}: {migration.status.replace('_', ' ')}", style)]
    facts = {
        "id": migration.id,
        "when": migration.timestamp,
        "by": migration.applied_by,
        "run": migration.run_id,
        "version": migration.version,
        "description": migration.description,
        "rows": None if migration.affected_rows is None else f"{migration.affected_rows:,}",
        "time": None if migration.execution_time is None else duration(migration.execution_time / 1000),
        "backup": migration.backup_path,
        "error": migration.error,
    }
    lines += [Line(f"{name:12} {value}", "", 2, hang=13) for name, value in facts.items() if value]
    lines += heading("Changes") if migration.diff and migration.diff.has_changes else []
    lines += [Line(sentence, "", 2) for sentence in said(migration.diff)] if migration.diff else []
    for title, statements in (("SQL", migration.sql), ("SQL of the way back", migration.rollback_sql)):
        lines += heading(title) if statements else []
        lines += [Line(row, "code", 2, whole=True) for statement in statements for row in f"{statement};".splitlines()]
    return lines


def verified_lines(problems: Iterable[object]) -> list[Line]:
    """What ``history --verify`` found."""
    found = [str(problem) for problem in problems]
    if not found:
        return [Line("the history is whole: every record carries the hash of the one before", "good")]
    return [
        Line(f"{counted(len(found), 'problem')} in the history", "bad"),
        *(Line(f"- {text}", "bad", 2) for text in found),
    ]


def site_lines(site: Site) -> list[Line]:
    """Each setting with its value and where it comes from."""
    settings = site.to_dict()
    rows: list[tuple[Style, tuple[str, ...]]] = [
        ("", (name, _shown(setting["value"]), setting["source"])) for name, setting in settings.items()
    ]
    return table(("setting", "value", "comes from"), rows)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)


def _summary(report: StatusReport) -> Line:
    counts = {state: sum(status.state == state for status in report.doctypes) for state in _STATES}
    parts = [f"{count} {_STATES[state][1]}" for state, count in counts.items() if count]
    failed = f", {report.failed} failed" if report.failed else ""
    record = f"{counted(report.applied, 'migration')} applied{failed}"
    style: Style = "good" if report.in_step else "warn"
    name = os.path.basename(report.database)  # a whole path would push the news off the line
    return Line(f"{name}: {', '.join(parts) or 'no DocTypes'}; {record}", style)


def _state_row(status: DocTypeStatus) -> tuple[Style, tuple[str, ...]]:
    _, words, style = _STATES[status.state]
    changes = str(status.changes) if status.changes else ""
    return style, (status.doctype, words, changes, _when(status.last_applied))


def _migration_row(migration: Migration) -> tuple[Style, tuple[str, ...]]:
    rows = "" if migration.affected_rows is None else f"{migration.affected_rows:,}"
    status = migration.status.replace("_", " ")
    cells = (_when(migration.timestamp), migration.doctype, status, rows, migration.id)
    return _STATUS.get(migration.status, ""), cells


def _when(timestamp: str | None) -> str:
    return timestamp[:16].replace("T", " ") if timestamp else ""
