"""Any result as terminal text or JSON, a report also as Markdown or HTML; colour only where a terminal is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.config.site import Site
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.report.html import html_of
from sodaf_migrate.report.lines import WIDTH, Line, Style, pieces, text_of
from sodaf_migrate.report.markdown import markdown_of
from sodaf_migrate.report.outcome import batch_lines, error_lines, result_lines
from sodaf_migrate.report.preview import diff_report, dry_run_report
from sodaf_migrate.report.sections import Report, told_lines
from sodaf_migrate.report.standing import history_report, migration_lines, site_lines, status_report
from sodaf_migrate.report.words import said
from sodaf_migrate.results import (
    BatchMigrationResult,
    DryRunResult,
    Migration,
    MigrationHistory,
    MigrationResult,
    StatusReport,
    plain,
)

__all__ = ["report_of", "to_html", "to_json", "to_lines", "to_markdown", "to_text", "write_lines"]

_RICH: dict[Style, str] = {
    "title": "bold",
    "good": "green",
    "warn": "yellow",
    "bad": "bold red",
    "quiet": "dim",
    "code": "cyan",
}


def report_of(value: Any, *, sql: bool | None = None, limit: int | None = None) -> Report | None:
    """The report of a dry run, a diff (or a tuple of either), a status or a history; None for any other result.

    ``sql`` None shows the statements where one DocType is told; ``limit`` is how many migrations of a history.
    """
    many = isinstance(value, tuple)
    values = value if many else (value,)
    if values and isinstance(values[0], DryRunResult):
        return dry_run_report(values, many=many, sql=bool(sql) if many else sql is not False)
    if values and isinstance(values[0], SchemaDiff):
        return diff_report(values, many=many)
    if isinstance(value, StatusReport):
        return status_report(value)
    if isinstance(value, MigrationHistory):
        return history_report(value, limit=limit)
    return Report(title="there are no DocTypes", style="") if value == () else None


def to_lines(value: Any, *, sql: bool | None = None, limit: int | None = None) -> list[Line]:
    """The lines of any result for a terminal; ``sql`` and ``limit`` as in ``report_of``."""
    report = report_of(value, sql=sql, limit=limit)
    if report is not None:
        return told_lines(report)
    for kind, tell in _TELL:
        if isinstance(value, kind):
            return tell(value)
    raise TypeError(f"no report for {type(value).__name__}")


_TELL: tuple[tuple[type, Callable[[Any], list[Line]]], ...] = (
    (MigrationResult, result_lines),
    (BatchMigrationResult, batch_lines),
    (Migration, migration_lines),
    (Site, site_lines),
    (MigrationError, error_lines),
)


def to_markdown(value: Any, *, sql: bool | None = None, limit: int | None = None) -> str:
    """The Markdown of a dry run, a diff, a status or a history; the SQL is always there, folded away."""
    return markdown_of(_reported(value, sql=sql is not False, limit=limit))


def to_html(value: Any, *, sql: bool | None = None) -> str:
    """The HTML page of a dry run or a diff."""
    return html_of(_reported(value, sql=sql is not False))


def _reported(value: Any, *, sql: bool, limit: int | None = None) -> Report:
    report = report_of(value, sql=sql, limit=limit)
    if report is None:
        raise TypeError(f"no report for {type(value).__name__}")
    return report


def to_text(value: Any, *, width: int = WIDTH, sql: bool | None = None, limit: int | None = None) -> str:
    """The plain text of any result."""
    return text_of(to_lines(value, sql=sql, limit=limit), width)


def to_json(value: Any) -> str:
    """The JSON document of any result, ended by a newline; a dry run and a diff also carry their changes in words."""
    return json.dumps(_document(value), indent=2, ensure_ascii=False, default=str) + "\n"


def _document(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_document(item) for item in value]
    document = plain(value)
    diff = value if isinstance(value, SchemaDiff) else getattr(value, "diff", None)
    if isinstance(diff, SchemaDiff) and isinstance(document, Mapping):
        return {**document, "summary": list(said(diff))}
    return document


def write_lines(lines: list[Line], stream: TextIO) -> None:
    """Write ``lines`` to ``stream``: with colour on a terminal (NO_COLOR respected), plain elsewhere."""
    if stream.isatty() and not os.environ.get("NO_COLOR"):
        _paint(lines, stream)
    else:
        stream.write(text_of(lines))


def _paint(lines: list[Line], stream: TextIO) -> None:
    from rich.console import Console  # heavy, and of no use to a pipe
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for line in lines:
        for row in pieces(line, max(WIDTH, console.width)):
            console.print(Text(row, style=_RICH.get(line.style, "")))
