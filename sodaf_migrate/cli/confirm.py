"""Asking before something goes: only a person at a terminal is asked, everybody else has to say it beforehand."""

from __future__ import annotations

import sys

import click

from sodaf_migrate.cli.progress import stop_progress
from sodaf_migrate.cli.site import answers_json
from sodaf_migrate.errors import DataLossRiskError, MigrationCancelledError
from sodaf_migrate.report.lines import Line
from sodaf_migrate.report.render import write_lines

__all__ = ["can_ask", "confirm", "yes_option"]

#: ``--yes``: what would be asked is agreed to.
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def can_ask(context: click.Context) -> bool:
    """Whether a person is there to be asked: at a terminal, and not waiting for JSON."""
    return not answers_json(context) and sys.stdin.isatty() and sys.stderr.isatty()


def confirm(context: click.Context, lines: list[Line], would: str, yes: bool) -> None:
    """Show ``lines`` and ask before rows or files go; ``would`` says what in a sentence.

    Raises DataLossRiskError where nobody is there to be asked, MigrationCancelledError for a no.
    """
    if yes:
        return
    stop_progress(context)
    if not can_ask(context):
        raise DataLossRiskError(would, hint="Look at it with --dry-run, then give --yes.")
    write_lines(lines, sys.stderr)
    if not click.confirm("Go on?", err=True):
        raise MigrationCancelledError("Not done, as you answered; nothing was changed")
