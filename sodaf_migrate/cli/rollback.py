"""The command that takes migrations back."""

from __future__ import annotations

from typing import Any

import click

from sodaf_migrate.cli.confirm import confirm, yes_option
from sodaf_migrate.cli.exits import Exit, exit_of, exit_of_batch
from sodaf_migrate.cli.site import (
    answer,
    applied_by_option,
    complete_migration,
    open_applier,
    site_of,
    site_options,
    timeout_option,
)
from sodaf_migrate.report.lines import counted
from sodaf_migrate.report.render import to_lines
from sodaf_migrate.results import DryRunResult

__all__ = ["rollback"]


@click.command()
@click.argument("migration_id", metavar="[ID]", required=False, shell_complete=complete_migration)
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="The last N migrations instead of one by its ID."
)
@click.option(
    "--to", metavar="ID", help="All that came after this one, which stays.", shell_complete=complete_migration
)
@click.option("--run", metavar="ID", help="All of one run; `history ID` tells the run of a migration.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done, what comes back, what would be lost.")
@click.option(
    "--allow", multiple=True, metavar="DANGER", help="A danger of the way back to allow by name (repeatable)."
)
@click.option("--force", is_flag=True, help="Allow every danger, but not to go back without the backup.")
@timeout_option
@applied_by_option
@yes_option
@site_options
@click.pass_context
def rollback(
    context: click.Context,
    migration_id: str | None,
    steps: int | None,
    to: str | None,
    run: str | None,
    dry_run: bool,
    allow: tuple[str, ...],
    force: bool,
    timeout: float | None,
    applied_by: str | None,
    yes: bool,
) -> int:
    """Take migrations back, the newest first: one by its ID, or several.

    What a migration took away comes back from its backup. Rows that were changed since keep what they have. What the
    way back itself would lose is told and asked about, and backed up first.

    \b
    Examples:
      sodaf-migrate rollback --steps 1 --dry-run
      sodaf-migrate rollback 20260131T120000123456Z-9f3ac1d2
      sodaf-migrate rollback --to 20260131T120000123456Z-9f3ac1d2 --yes
    """
    which: dict[str, Any] = {"steps": steps, "to": to, "run": run}
    if sum(given is not None for given in (migration_id, steps, to, run)) != 1:
        raise click.UsageError("give the ID of one migration, or one of --steps, --to and --run")
    site = site_of(context)
    given: dict[str, Any] = {"timeout": timeout, "applied_by": applied_by}
    options = site.rollback_options(
        allow=site.allow | frozenset(allow), force=force, **{key: value for key, value in given.items() if value}
    )
    applier = open_applier(context, site, definitions=False)  # the way back stands in the history
    if dry_run or not yes:
        found = applier.dry_run_rollback(migration_id, **which, options=options)
        if dry_run:
            answer(context, found if migration_id is None else found[0])
            errors = [each.error for each in found if each.error is not None and not each.refused_risks]
            return exit_of(errors[0]) if errors else Exit.DONE
        _ask(context, found)
    if migration_id is None:
        batch = applier.rollback(**which, options=options)
        answer(context, batch)
        return exit_of_batch(batch)
    result = applier.rollback_migration(migration_id, options=options)
    answer(context, result)
    return Exit.DONE if result.success else exit_of(result.error)


def _ask(context: click.Context, found: tuple[DryRunResult, ...]) -> None:
    """Show what the way back would lose, and ask. What is refused anyway is not asked about: it says so itself."""
    if found and not found[0].success:
        return
    losing = [each for each in found if each.data_loss_risks]
    if losing:
        what = ", ".join(dict.fromkeys(f'"{each.doctype}"' for each in losing))
        would = f"{counted(len(found), 'migration')} would be taken back, and values or rows of {what} would go"
        confirm(context, to_lines(found, sql=False), would, yes=False)
