"""The commands that bring a site forward: sync, adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sodaf_migrate.cli.confirm import can_ask, confirm, yes_option
from sodaf_migrate.cli.exits import Exit, exit_of, exit_of_batch
from sodaf_migrate.cli.look import look
from sodaf_migrate.cli.names import check_names
from sodaf_migrate.cli.site import (
    answer,
    answers_json,
    applied_by_option,
    check_option,
    chosen,
    doctype_argument,
    hazard_options,
    open_applier,
    renames_of,
    site_of,
    site_options,
    timeout_option,
)
from sodaf_migrate.options import DryRunOptions, OnConversionError
from sodaf_migrate.report.lines import Line, counted, table
from sodaf_migrate.report.render import to_lines

if TYPE_CHECKING:
    from sodaf_migrate.applier.applier import MigrationApplier

__all__ = ["adopt", "sync"]


@click.command()
@doctype_argument
@hazard_options
@check_option
@click.option("--stop-on-error", is_flag=True, help="Try no further DocType after one that failed.")
@timeout_option
@click.option(
    "--transaction", type=click.Choice(["migration", "run"]), help="One for each DocType (migration), or for the run."
)
@applied_by_option
@click.option("--description", default="", metavar="TEXT", help="Why, for the history.")
@yes_option
@site_options
@click.pass_context
def sync(
    context: click.Context,
    named: tuple[str, ...],
    every: bool,
    allow: tuple[str, ...],
    force: bool,
    rename: tuple[str, ...],
    on_conversion_error: OnConversionError | None,
    check: bool,
    stop_on_error: bool,
    timeout: float | None,
    transaction: str | None,
    applied_by: str | None,
    description: str,
    yes: bool,
) -> int:
    """Bring tables in step with their DocTypes.

    All DocTypes when none is named. A change that would lose data is refused, with the option that allows it.

    \b
    Examples:
      sodaf-migrate sync
      sodaf-migrate sync Customer --rename phone:mobile
      sodaf-migrate sync --allow drop_column:Customer.fax
    """
    if check:
        return look(context, named, every, allow, force, rename, on_conversion_error, check=True, sql=False)
    site = site_of(context)
    how: dict[str, Any] = {
        "allow": site.allow | frozenset(allow),
        "force": force,
        "renames": renames_of(rename),
        "on_conversion_error": on_conversion_error,
    }
    given: dict[str, Any] = {
        "continue_on_error": False if stop_on_error else None,
        "timeout": timeout,
        "transaction": transaction,
        "applied_by": applied_by,
    }
    options = site.sync_options(
        **how,
        description=description,
        **{key: value for key, value in given.items() if value is not None},
    )
    applier = open_applier(context, site)
    names = chosen(applier.engine.names(), named, every)
    check_names(applier, names or applier.engine.names(), allow, options)
    if not yes and (options.force or options.allow) and can_ask(context):
        _ask(context, applier, names, site.dry_run_options(**how))
    if len(names) == 1:
        result = applier.sync_doctype(names[0], options)
        answer(context, result)
        return Exit.DONE if result.success else exit_of(result.error)
    batch = applier.sync_all_doctypes(options, names=names)
    answer(context, batch)
    return exit_of_batch(batch)


def _ask(context: click.Context, applier: MigrationApplier, names: tuple[str, ...], options: DryRunOptions) -> None:
    """Show what the dangers that are allowed would take away, and ask; nothing where none would."""
    found = tuple(result for result in applier.dry_run_all(options, names=names) if result.success)
    risky = tuple(result for result in found if result.data_loss_risks)
    if risky:
        lines = to_lines(risky, sql=False)
        confirm(context, lines, f"{counted(len(risky), 'DocType')} would lose something", yes=False)


@click.command()
@doctype_argument
@site_options
@click.pass_context
def adopt(context: click.Context, named: tuple[str, ...], every: bool) -> int:
    """Take a live site over: what is there and wished becomes ours. Writes only history.

    All DocTypes when none is named.

    \b
    Examples:
      sodaf-migrate adopt
      sodaf-migrate adopt Customer Item
    """
    site = site_of(context)
    applier = open_applier(context, site)
    names = chosen(applier.engine.names(), named, every) or applier.engine.names()
    adopted = applier.adopt(*names, lock_timeout=site.lock_timeout)
    if answers_json(context):
        answer(context, adopted)
        return Exit.DONE
    total = sum(len(objects) for objects in adopted.values())
    lines = [Line(f"{counted(total, 'object')} of {counted(len(adopted), 'DocType')} adopted", "good"), Line()]
    lines += table(("DocType", "adopted"), [("", (name, str(len(objects)))) for name, objects in adopted.items()])
    answer(context, adopted, lines=lines)
    return Exit.DONE
