"""The commands that only look: dry-run, diff, status, history, config show."""

from __future__ import annotations

import re

import click

from sodaf_migrate.cli.exits import Exit, exit_of
from sodaf_migrate.cli.names import check_names
from sodaf_migrate.cli.site import (
    answer,
    check_option,
    chosen,
    complete_history,
    doctype_argument,
    format_of,
    hazard_options,
    open_applier,
    output_option,
    renames_of,
    site_of,
    site_options,
    sql_option,
)
from sodaf_migrate.errors import UnknownDocTypeError
from sodaf_migrate.options import OnConversionError
from sodaf_migrate.report.standing import verified_lines

#: What ids of migrations look like; no DocType is called so.
_ID = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")

__all__ = ["config", "diff", "dry_run", "history", "look", "status"]


@click.command(name="dry-run")
@doctype_argument
@hazard_options
@check_option
@sql_option
@output_option
@site_options
@click.pass_context
def dry_run(
    context: click.Context,
    named: tuple[str, ...],
    every: bool,
    allow: tuple[str, ...],
    force: bool,
    rename: tuple[str, ...],
    on_conversion_error: OnConversionError | None,
    check: bool,
    sql: bool | None,
    output: str | None,
) -> int:
    """Tell what a sync would do, and change nothing.

    Every change in words, how it would be made and at what cost, what stands in its way, what is kept, and the SQL.

    \b
    Examples:
      sodaf-migrate dry-run
      sodaf-migrate dry-run Customer --format html --output plan.html
      sodaf-migrate dry-run --check   # for CI: 2 when something is pending
    """
    return look(context, named, every, allow, force, rename, on_conversion_error, check=check, sql=sql, output=output)


def look(
    context: click.Context,
    named: tuple[str, ...],
    every: bool,
    allow: tuple[str, ...],
    force: bool,
    rename: tuple[str, ...],
    on_conversion_error: OnConversionError | None,
    *,
    check: bool,
    sql: bool | None,
    output: str | None = None,
) -> int:
    """The dry run that ``dry-run`` and ``sync --check`` answer with."""
    site = site_of(context)
    allowed = site.allow | frozenset(allow)
    options = site.dry_run_options(
        allow=allowed,
        force=force,
        renames=renames_of(rename),
        on_conversion_error=on_conversion_error,
        script=format_of(context) == "sql",
    )
    applier = open_applier(context, site)
    names = chosen(applier.engine.names(), named, every)
    check_names(applier, names or applier.engine.names(), allow, options)
    found = applier.dry_run_all(options, names=names)
    answer(context, found[0] if len(names) == 1 else found, sql=sql, output=output)
    errors = [result.error for result in found if result.error is not None and not result.refused_risks]
    if errors:
        return exit_of(errors[0])
    return Exit.PENDING if check and any(result.changed for result in found) else Exit.DONE


@click.command()
@doctype_argument
@hazard_options
@check_option
@output_option
@site_options
@click.pass_context
def diff(
    context: click.Context,
    named: tuple[str, ...],
    every: bool,
    allow: tuple[str, ...],
    force: bool,
    rename: tuple[str, ...],
    on_conversion_error: OnConversionError | None,
    check: bool,
    output: str | None,
) -> int:
    """Show how the tables differ from their DocTypes, in words.

    \b
    Examples:
      sodaf-migrate diff Customer
      sodaf-migrate diff --format markdown
    """
    site = site_of(context)
    options = site.sync_options(
        allow=site.allow | frozenset(allow),
        force=force,
        renames=renames_of(rename),
        on_conversion_error=on_conversion_error,
    )
    applier = open_applier(context, site)
    names = chosen(applier.engine.names(), named, every)
    check_names(applier, names or applier.engine.names(), allow, options)
    found = tuple(applier.plan(name, options).diff for name in names or applier.engine.names())
    answer(context, found[0] if len(names) == 1 else found, output=output)
    return Exit.PENDING if check and any(difference.has_changes for difference in found) else Exit.DONE


@click.command()
@check_option
@output_option
@site_options
@click.pass_context
def status(context: click.Context, check: bool, output: str | None) -> int:
    """Show how each DocType stands: in step, pending, drifted, and what could not be tightened yet.

    \b
    Examples:
      sodaf-migrate status
      sodaf-migrate status --check --format json
    """
    site = site_of(context)
    report = open_applier(context, site).status(lock_timeout=site.lock_timeout)
    answer(context, report, output=output)
    errors = [entry.error for entry in report.doctypes if entry.error is not None]
    if errors:
        return exit_of(errors[0])
    return Exit.PENDING if check and report.pending else Exit.DONE


@click.command()
@click.argument("what", metavar="[DOCTYPE|ID]", required=False, shell_complete=complete_history)
@click.option("--id", "migration_id", metavar="ID", help="Show one migration in full, as the ID alone does.")
@click.option("--limit", type=click.IntRange(min=1), help="How many: the latest (20; in JSON all).")
@click.option("--verify", is_flag=True, help="Check that no record was altered, cut or taken out.")
@output_option
@site_options
@click.pass_context
def history(
    context: click.Context,
    what: str | None,
    migration_id: str | None,
    limit: int | None,
    verify: bool,
    output: str | None,
) -> int:
    """Show what was done to the site, latest first: all of it, one DocType's, or one migration in full.

    --verify follows the chain of events from its beginning, checks their seals with the backup key, and holds it
    against what the newest backups tell of it.

    \b
    Examples:
      sodaf-migrate history Customer
      sodaf-migrate history 20260131T120000123456Z-9f3ac1d2
      sodaf-migrate history --verify
    """
    site = site_of(context)
    migration_id = migration_id or (what if what and _ID.fullmatch(what) else None)
    if (verify or migration_id) and format_of(context) == "markdown":
        raise click.UsageError("one migration and --verify are told in text or json")
    if verify or migration_id:
        applier = open_applier(context, site, definitions=False)
        if migration_id:
            answer(context, applier.get_migration(migration_id, lock_timeout=site.lock_timeout), output=output)
            return Exit.DONE
        problems = applier.verify_history(lock_timeout=site.lock_timeout)
        answer(context, problems, lines=verified_lines(problems), output=output)
        return Exit.ERROR if problems else Exit.DONE
    applier = open_applier(context, site)
    try:
        found = applier.get_migration_history(what, lock_timeout=site.lock_timeout)
    except UnknownDocTypeError as error:
        said = f'"{what}" is neither a DocType nor the id of a migration'
        raise UnknownDocTypeError(said, hint=error.hint) from error
    if limit is not None and format_of(context) == "json":
        told = found.to_dict()
        answer(context, {**told, "migrations": told["migrations"][-limit:]}, output=output)
    else:
        answer(context, found, limit=limit or 20, output=output)
    return Exit.DONE


@click.group(no_args_is_help=False)
def config() -> None:
    """The site's settings."""


@config.command()
@site_options
@click.pass_context
def show(context: click.Context) -> int:
    """Show each setting, its value, and where the value comes from.

    \b
    Examples:
      sodaf-migrate config show
      sodaf-migrate --site shop config show
    """
    answer(context, site_of(context))
    return Exit.DONE
