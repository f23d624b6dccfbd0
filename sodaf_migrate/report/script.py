"""A dry run as an SQL script: ``sqlite3 site.db < script.sql`` does what the sync would do, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sodaf_migrate.dialects.sqlite.script import Script
from sodaf_migrate.errors import PlanRefusedError
from sodaf_migrate.report.lines import counted, visible
from sodaf_migrate.report.preview import loss_words
from sodaf_migrate.report.words import said
from sodaf_migrate.results import DryRunResult

__all__ = ["to_script"]

#: What the executor sets, too: see ``execute.executor``.
_SETTINGS = (
    "PRAGMA foreign_keys = OFF;",
    "PRAGMA legacy_alter_table = OFF;",
    "PRAGMA recursive_triggers = OFF;",
    "PRAGMA ignore_check_constraints = OFF;",
    "PRAGMA synchronous = EXTRA;",
)


def to_script(value: DryRunResult | Sequence[DryRunResult]) -> str:
    """The script of one dry run, or of many, which run in one transaction.

    Raises the error that refuses the sync, and PlanRefusedError for a plan that no script can carry out.
    """
    results = (value,) if isinstance(value, DryRunResult) else tuple(value)
    for result in results:
        if result.error is not None:
            raise result.error
        if result.no_script:
            raise PlanRefusedError(result.no_script, hint="Run it with `sodaf-migrate sync` instead.")
    scripts = [result.script for result in results if result.script is not None]
    if len(scripts) != sum(result.changed for result in results):
        raise PlanRefusedError(
            "The dry run was made without its script", hint="Ask for it: DryRunOptions(script=True)."
        )
    return "".join(f"{line}\n" for line in (*_head(results), *(_body(scripts) if scripts else ())))


def _head(results: Sequence[DryRunResult]) -> Iterator[str]:
    changed = [result for result in results if result.changed]
    if not changed:
        yield "-- In step: there is nothing to do."
        return
    yield f"-- {counted(len(changed), 'DocType')} to migrate: " + _plain(", ".join(r.doctype for r in changed))
    yield "-- Run it with nothing but the shell of SQLite 3.35 or later:  sqlite3 site.db < this-file"
    yield "-- All of it is one transaction. Where the database was changed since, it ends with the reason and changes"
    yield "-- nothing. Settings are those of the shell's connection, and end with it."
    for result in changed:
        yield f"-- {_plain(result.doctype)}:"
        yield from (f"--   {_plain(sentence)}" for sentence in (said(result.diff) if result.diff else ()))
        for loss in result.losses:
            yield f"--   NO BACKUP is taken by a script of {_plain(loss_words(loss))}; make one before."


def _body(scripts: Sequence[Script]) -> Iterator[str]:
    yield ".bail on"
    yield ".timeout 30000"
    if any(script.edits_catalogue for script in scripts):
        yield ".dbconfig defensive off"
    yield from _SETTINGS
    yield "BEGIN IMMEDIATE;"
    yield scripts[0].guard  # each next one follows on the one before it
    for title, part in (("What has to be as it was", "before"), ("The change", "change"), ("What it led to", "after")):
        yield f"-- {title}."
        for script in scripts:
            yield from getattr(script, part)
    yield "-- The record, in the chain of the history."
    for script in scripts:
        yield from script.record
    yield "COMMIT;"


def _plain(text: str) -> str:
    """``text`` for a comment: in one line, whatever is in it."""
    return visible(text)
