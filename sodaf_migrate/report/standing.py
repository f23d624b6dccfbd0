"""How things stand: the reports of a site's status, of its history, and of its configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import unified_diff

from sodaf_migrate.compare.drift import Drift
from sodaf_migrate.config.site import Site
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.history.chain import Problem
from sodaf_migrate.report.lines import Line, Style, counted, duration, heading, table
from sodaf_migrate.report.preview import findings_section, refill_words
from sodaf_migrate.report.sections import Entry, Note, Page, Report, Section
from sodaf_migrate.report.words import said, sign, words
from sodaf_migrate.results import DocTypeStatus, Migration, MigrationHistory, RollbackInfo, StatusReport

__all__ = ["history_report", "migration_lines", "site_lines", "status_report", "verified_lines"]

_STATES: dict[str, tuple[int, str, Style]] = {
    "error": (0, "error", "bad"),
    "drift": (1, "drift", "warn"),
    "pending": (2, "pending", "warn"),
    "in_step": (3, "in step", "good"),
}
_STATUS: dict[str, Style] = {"failed": "bad", "running": "warn", "rolled_back": "warn"}


def status_report(report: StatusReport) -> Report:
    """A site's status: errors, drift, pending, in step, and what stands without being a change."""
    rows = sorted(report.doctypes, key=lambda status: _STATES[status.state][0])
    errors = tuple(_error(status.doctype, status.error) for status in rows if status.error is not None)
    drift = tuple(_drift(status.doctype, found) for status in rows for found in status.drift)
    heads = ("DocType", "state", "changes", "last applied")
    subject, verdict = _summary(report)
    page = Page(
        subject=subject,
        verdict=verdict,
        style="good" if report.in_step else "warn",
        sections=(
            Section(key="doctypes", heads=heads, rows=tuple(map(_state_row, rows)), keep=("state",)),
            Section(key="errors", title="Errors", entries=errors),
            Section(key="drift", title="Changed by hand", entries=drift),
            findings_section(report.standing),
        ),
    )
    return Report(pages=(page,))


def _error(subject: str, error: MigrationError) -> Entry:
    notes = (Note(f"hint: {error.hint}"),) if error.hint else ()
    return Entry(mark=f"{subject}:", text=error.message, style="bad", notes=notes)


def _drift(subject: str, drift: Drift) -> Entry:
    """What was changed by hand: in words, and the lines of the stored text that went and came."""
    notes = [Note(f"{sign(change)} {words(change, subject)}") for change in drift.diff.changes] if drift.diff else []
    before, after = (drift.before or "").splitlines(), (drift.after or "").splitlines()
    if drift.diff is None or not notes:
        changed = list(unified_diff(before, after, lineterm="", n=0))[2:]
        notes += [Note(row, "code") for row in changed if not row.startswith("@@")]
    return Entry(mark=f"{subject}:", text=str(drift), style="warn", notes=tuple(notes))


def history_report(history: MigrationHistory, *, limit: int | None = None) -> Report:
    """The migrations on record, latest first; at most ``limit`` of them."""
    stats = ", ".join(
        f"{count} {status.replace('_', ' ')}" for status, count in history.stats.items() if status != "total"
    )
    found = tuple(reversed(history.migrations))[:limit]
    if not found:
        return Report(pages=(Page(subject="", verdict="no migration is on record", style=""),))
    left = len(history.migrations) - len(found)
    page = Page(
        subject=counted(len(history.migrations), "migration"),
        verdict=stats,
        sections=(
            Section(
                key="migrations",
                heads=("when (UTC)", "DocType", "status", "rows", "id"),
                rows=tuple(map(_migration_row, found)),
                keep=("when (UTC)", "status", "id"),
            ),
        ),
    )
    return Report(pages=(page,), quiet=f"and {left} earlier" if left else "")


def migration_lines(migration: Migration) -> list[Line]:
    """One migration in full: what it changed, and its SQL both ways."""
    style = _STATUS.get(migration.status, "good")
    lines = [Line(f"{migration.doctype}: {migration.status.replace('_', ' ')}", style)]
    facts = {
        "id": migration.id,
        "when": migration.timestamp,
        "by": migration.applied_by,
        "run": migration.run_id,
        "takes back": migration.reverses,
        "hooks": ", ".join(f"{name} {hook}" for name, hook in migration.hooks.items()),
        "version": migration.version,
        "description": migration.description,
        "rows": None if migration.affected_rows is None else f"{migration.affected_rows:,}",
        "time": None if migration.execution_time is None else duration(migration.execution_time / 1000),
        "backup": migration.backup_path,
        "error": migration.error,
        "taken back": _taken_back(migration.rollback_info),
    }
    lines += [Line(f"{name:12} {value}", "", 2, hang=13) for name, value in facts.items() if value]
    lines += heading("Changes") if migration.diff and migration.diff.has_changes else []
    lines += [Line(sentence, "", 2) for sentence in said(migration.diff)] if migration.diff else []
    for title, statements in (("SQL", migration.sql), ("SQL of the way back", migration.rollback_sql)):
        lines += heading(title) if statements else []
        lines += [Line(row, "code", 2, whole=True) for statement in statements for row in f"{statement};".splitlines()]
    return lines


def _taken_back(info: RollbackInfo | None) -> str:
    if info is None or info.rolled_back_by is None:
        return ""
    told = "; ".join(refill_words(info))
    return f"{_when(info.rolled_back_at)} by {info.rolled_back_by}" + (f"; {told}" if told else "")


#: What is no sign of tampering: something that is needed for the check was not there.
_UNCHECKED = ("locked", "unread")


def verified_lines(problems: Iterable[Problem]) -> list[Line]:
    """What ``history --verify`` found: signs of tampering, and apart from them what could not be checked."""
    found = tuple(problems)
    if not found:
        return [Line("the history is whole: every record carries the hash of the one before", "good")]
    wrong = [problem for problem in found if problem.code not in _UNCHECKED]
    unchecked = [problem for problem in found if problem.code in _UNCHECKED]
    lines = [Line(f"{counted(len(wrong), 'problem')} in the history", "bad")] if wrong else []
    lines += [Line(f"- {problem}", "bad", 2) for problem in wrong]
    if any(problem.code == "cut" for problem in wrong):
        hint = "A database that was put back from a backup also lacks its later events: then nothing was tampered with."
        lines.append(Line(f"hint: {hint}"))
    lines += [Line("what could not be checked" if wrong else "the history could not be checked whole", "warn")] * bool(
        unchecked
    )
    lines += [Line(f"- {problem}", "warn", 2) for problem in unchecked]
    if any(problem.code == "locked" for problem in unchecked):
        lines.append(Line("hint: Give the key that sealed it: `keys show-path` tells where keys are looked for."))
    return lines


def site_lines(site: Site) -> list[Line]:
    """Each setting with its value and where it comes from."""
    settings = site.to_dict()
    rows: list[tuple[Style, tuple[str, ...]]] = [
        ("", (name, _shown(setting["value"]), setting["source"])) for name, setting in settings.items()
    ]
    return table(("setting", "value", "comes from"), rows)


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)


def _summary(report: StatusReport) -> tuple[str, str]:
    counts = {state: sum(status.state == state for status in report.doctypes) for state in _STATES}
    parts = [f"{count} {_STATES[state][1]}" for state, count in counts.items() if count]
    failed = f", {report.failed} failed" if report.failed else ""
    record = f"{counted(report.applied, 'migration')} applied{failed}"
    record = "there is no database yet" if report.new_database else record
    name = os.path.basename(report.database)  # a whole path would push the news off the line
    return name, f"{', '.join(parts) or 'no DocTypes'}; {record}"


def _state_row(status: DocTypeStatus) -> tuple[Style, tuple[str, ...]]:
    _, words, style = _STATES[status.state]
    changes = str(status.changes) if status.changes else ""
    return style, (status.doctype, words, changes, _when(status.last_applied))


def _migration_row(migration: Migration) -> tuple[Style, tuple[str, ...]]:
    rows = "" if migration.affected_rows is None else f"{migration.affected_rows:,}"
    status = "rollback" if migration.reverses and migration.status == "applied" else migration.status.replace("_", " ")
    cells = (_when(migration.timestamp), migration.doctype, status, rows, migration.id)
    return _STATUS.get(migration.status, ""), cells


def _when(timestamp: str | None) -> str:
    return timestamp[:16].replace("T", " ") if timestamp else ""
