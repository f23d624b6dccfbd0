"""Any result as terminal text or as JSON; colour only where the stream is a terminal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.config import Site
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.report.lines import WIDTH, Line, Style, pieces, text_of
from sodaf_migrate.report.outcome import batch_lines, error_lines, result_lines
from sodaf_migrate.report.preview import diff_lines, diffs_lines, dry_run_lines, dry_runs_lines
from sodaf_migrate.report.standing import history_lines, migration_lines, site_lines, status_lines
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

__all__ = ["to_json", "to_lines", "to_text", "write_lines"]

_RICH: dict[Style, str] = {
    "title": "bold",
    "good": "green",
    "warn": "yellow",
    "bad": "bold red",
    "quiet": "dim",
    "code": "cyan",
}


def to_lines(value: Any, *, sql: bool | None = None) -> list[Line]:
    """The report of any result, or of a tuple of dry runs or diffs; ``sql`` None shows it where one DocType is told."""
    many = isinstance(value, tuple)
    of = value[0] if many and value else value
    if isinstance(of, DryRunResult):
        return dry_runs_lines(value, sql=bool(sql)) if many else dry_run_lines(value, sql=sql is not False)
    if isinstance(of, SchemaDiff):
        return diffs_lines(value) if many else diff_lines(value)
    for kind, tell in _TELL:
        if isinstance(value, kind):
            return tell(value)
    if value == ():
        return [Line("there are no DocTypes")]
    raise TypeError(f"no report for {type(value).__name__}")


_TELL: tuple[tuple[type, Callable[[Any], list[Line]]], ...] = (
    (MigrationResult, result_lines),
    (BatchMigrationResult, batch_lines),
    (StatusReport, status_lines),
    (MigrationHistory, history_lines),
    (Migration, migration_lines),
    (Site, site_lines),
    (MigrationError, error_lines),
)


def to_text(value: Any, *, width: int = WIDTH, sql: bool | None = None) -> str:
    """The plain text of any result."""
    return text_of(to_lines(value, sql=sql), width)


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
