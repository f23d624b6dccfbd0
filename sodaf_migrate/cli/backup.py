"""The commands about backups: make, look at, check, restore, give up old ones, and put the catalogue right."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from sodaf_migrate.cli.confirm import confirm, yes_option
from sodaf_migrate.cli.exits import Exit
from sodaf_migrate.cli.progress import listener_of
from sodaf_migrate.cli.site import (
    Command,
    answer,
    answers_json,
    complete_doctype,
    engine_of,
    number,
    site_of,
    site_options,
)
from sodaf_migrate.errors import ConfigurationError, DatabaseOpenError, MigrationError
from sodaf_migrate.events import CancelToken
from sodaf_migrate.options import PruneOptions
from sodaf_migrate.report import backups as told
from sodaf_migrate.report.lines import Line
from sodaf_migrate.report.render import write_lines
from sodaf_migrate.wire.open import is_new

if TYPE_CHECKING:
    from sodaf_migrate.backup.manager import MigrationBackupManager
    from sodaf_migrate.doctype.engine import DocTypeEngine

__all__ = ["backup", "manager_of", "store_option"]

_NEW_MACHINE = "Where the database is lost, name an empty one, and its backups with --store DIR (docs/backups.md)."
_FACTORS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}

store_option = click.option("--store", metavar="DIR", help="The folder of the backups.")
_dry_run_option = click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
_unencrypted_option = click.option("--unencrypted", is_flag=True, help="Also read backups that are not encrypted.")


def _backup_options(command: Command) -> Command:
    return store_option(site_options(command))


def manager_of(
    context: click.Context,
    store: str | None,
    *,
    engine: DocTypeEngine | None = None,
    makes: bool = False,
    **more: Any,
) -> MigrationBackupManager:
    """The backups of the configured site; ``makes``: the folder that was named need not be there yet.

    Raises ConfigurationError when no database is configured, or there is no such folder.
    """
    if store is not None and not makes and not os.path.isdir(store):
        raise ConfigurationError(f'There is no folder "{store}" (--store)', hint="Give the folder of the backups.")
    site = site_of(context, backups=store)
    try:
        database = site.database_path()
    except ConfigurationError as error:
        raise ConfigurationError(error.message, hint=f"{error.hint} {_NEW_MACHINE}") from error
    if not makes and is_new(database):
        raise DatabaseOpenError(f'There is no database file "{database}"', hint=f"Check the path. {_NEW_MACHINE}")
    from sodaf_migrate.backup.manager import MigrationBackupManager  # brings cryptography, which --help does without

    listener = listener_of(context, quiet=answers_json(context))
    token = context.find_object(CancelToken)
    options = site.backup_options(**{name: value for name, value in more.items() if value is not None})
    permissions = site.permissions
    return MigrationBackupManager(
        database,
        options,
        listener=listener,
        on_connect=site.preparing,
        cancel=token,
        permissions=permissions,
        engine=engine,
    )


def complete_backup(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The ids of backups that begin with what was typed, the newest first, for a shell."""
    try:
        infos = manager_of(context, context.params.get("store")).list_backups()
    except Exception:  # a shell's completion has nobody to tell
        return []
    return [CompletionItem(each.id, help=each.doctype) for each in reversed(infos) if each.id.startswith(typed)]


@click.group(no_args_is_help=False)
def backup() -> None:
    """Backups: make, list, check, restore, prune."""


@backup.command()
@click.argument("doctype", required=False, shell_complete=complete_doctype)
@click.option(
    "--type",
    "kind",
    type=click.Choice(["full", "incremental", "schema", "column"]),
    help="What to keep (full; column with --column).",
)
@click.option("--column", "columns", multiple=True, metavar="NAME", help="Only this column, with the key (repeatable).")
@click.option("--level", type=click.IntRange(1, 19), help="How hard to compress (3).")
@click.option("--unencrypted", is_flag=True, help="Write a file that anybody can read.")
@_backup_options
@click.pass_context
def create(
    context: click.Context,
    doctype: str | None,
    kind: str | None,
    columns: tuple[str, ...],
    level: int | None,
    unencrypted: bool,
    store: str | None,
) -> int:
    """Make a backup of one DocType's table, or of the whole database when none is named.

    It is checked, every byte of it, before it counts.

    \b
    Examples:
      sodaf-migrate backup create
      sodaf-migrate backup create Customer --type incremental
      sodaf-migrate backup create Customer --column phone
    """
    if bool(columns) != (kind == "column") and ((columns and kind is not None) or kind == "column"):
        raise click.UsageError("--column and --type column go together")
    if columns and doctype is None:
        raise click.UsageError("name the DocType of the columns")
    named: dict[str, Any] = {"engine": _engine(context)} if doctype is not None else {}
    plain = False if unencrypted else None
    manager = manager_of(context, store, makes=True, level=level, encrypt=plain, **named)
    if columns:
        info = manager.create_column_backup(str(doctype), columns)
    else:
        info = manager.create_backup(doctype, type=(kind or "full").upper())
    _tell_new_key(manager)
    answer(context, info, lines=told.made_lines(info))
    return Exit.DONE


@backup.command(name="list")
@click.argument("doctype", required=False, shell_complete=complete_doctype)
@_backup_options
@click.pass_context
def list_(context: click.Context, doctype: str | None, store: str | None) -> int:
    """List the backups, latest first: of one DocType, or all.

    \b
    Examples:
      sodaf-migrate backup list
      sodaf-migrate backup list Customer --format json
    """
    named: dict[str, Any] = {"engine": _engine(context)} if doctype is not None else {}
    manager = manager_of(context, store, **named)
    infos = manager.list_backups(doctype)
    answer(context, infos, lines=told.backups_lines(infos))
    damaged = _unlisted(manager) if doctype is None else ()
    if damaged:
        write_lines([Line(f"damaged: {name}: {why}", "bad") for name, why in damaged], sys.stderr)
    return Exit.DONE


@backup.command()
@click.argument("backup_id", metavar="ID", shell_complete=complete_backup)
@_backup_options
@click.pass_context
def inspect(context: click.Context, backup_id: str, store: str | None) -> int:
    """Show one backup as its file describes it. Needs no key.

    \b
    Examples:
      sodaf-migrate backup inspect 44218e92
    """
    info = manager_of(context, store).inspect(backup_id)
    answer(context, info, lines=told.backup_lines(info))
    return Exit.DONE


@backup.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=complete_backup)
@click.option("--hash-only", is_flag=True, help="Only compare each file's hash with the catalogue. Needs no key.")
@click.option("--deep", is_flag=True, help="Also restore each into a scratch database and compare.")
@_unencrypted_option
@_backup_options
@click.pass_context
def verify(
    context: click.Context, ids: tuple[str, ...], hash_only: bool, deep: bool, unencrypted: bool, store: str | None
) -> int:
    """Check backups, all of them when none is named: every byte, with all that they are built on.

    \b
    Examples:
      sodaf-migrate backup verify
      sodaf-migrate backup verify 44218e92 --deep
    """
    if hash_only and deep:
        raise click.UsageError("give --hash-only or --deep, not both")
    manager = manager_of(context, store, read_unencrypted=unencrypted)
    level = 0 if hash_only else 2 if deep else 1
    names = ids or tuple(info.id for info in manager.list_backups())
    results = tuple(manager.verify_backup(name, level=level) for name in names)
    results += () if ids else tuple(_damaged(name, why, level) for name, why in _unlisted(manager))
    answer(context, results, lines=told.verified_backups_lines(results))
    return Exit.DONE if all(result.ok for result in results) else Exit.ERROR


def _unlisted(manager: MigrationBackupManager) -> tuple[tuple[str, str], ...]:
    """Files of the store that are damaged so that they cannot even be listed, each with the reason."""
    from sodaf_migrate.backup.listing import unreadable

    return unreadable(manager.store, manager.list_backups())


def _damaged(name: str, why: str, level: int) -> Any:
    from sodaf_migrate.backup.info import VerifyResult

    return VerifyResult(
        id=name.rpartition("-")[2].partition(".")[0], level=level, ok=False, problems=(f"{name}: {why}",), damaged=True
    )


@backup.command()
@click.argument("backup_id", metavar="ID", shell_complete=complete_backup)
@click.option("--into", metavar="TABLE", help="Into this table, made anew, instead of the one it came from.")
@click.option("--into-database", metavar="PATH", help="Into this database file, made anew.")
@click.option("--exact", is_flag=True, help="Also delete rows that the backup does not have.")
@click.option("--allow-orphans", is_flag=True, help="Also where rows would lose the row that they point to.")
@_unencrypted_option
@_dry_run_option
@yes_option
@_backup_options
@click.pass_context
def restore(
    context: click.Context,
    backup_id: str,
    into: str | None,
    into_database: str | None,
    exact: bool,
    allow_orphans: bool,
    unencrypted: bool,
    dry_run: bool,
    yes: bool,
    store: str | None,
) -> int:
    """Put a backup back, in one transaction: over the live rows, into another table, or into another database.

    What would be overwritten is told first, and backed up.

    \b
    Examples:
      sodaf-migrate backup restore 44218e92 --dry-run
      sodaf-migrate backup restore 44218e92 --into tabCustomer_old
      sodaf-migrate backup restore 44218e92 --into-database copy.db
    """
    named: dict[str, Any] = {"engine": _engine(context)} if into is not None else {}
    manager = manager_of(context, store, read_unencrypted=unencrypted, **named)
    target: dict[str, Any] = {
        "into": into,
        "database": into_database,
        "exact": exact,
        "allow_orphans": allow_orphans,
    }
    if dry_run or not yes:
        preview = manager.restore_from_backup(backup_id, dry_run=True, **target)
        if dry_run:
            answer(context, preview, lines=told.restored_lines(preview))
            return Exit.DONE
        lost = preview.updated + preview.deleted
        if lost or (preview.whole and into_database is None):
            what = preview.target
            what = f"{what} would be replaced" if preview.whole else f"{lost:,} rows of {what} would go"
            confirm(context, told.restored_lines(preview), what, yes)
    result = manager.restore_from_backup(backup_id, **target)
    answer(context, result, lines=told.restored_lines(result))
    return Exit.DONE


@backup.command()
@click.option("--older-than", type=number("number of days"), metavar="DAYS", help="Those older than this.")
@click.option("--keep", type=int, metavar="N", help="Those beyond the newest N of each table, and of the database.")
@click.option("--max-size", metavar="SIZE", help="The oldest, until all take at most SIZE (500M, 20G).")
@click.option("--forgotten", is_flag=True, help="Also those that history or the catalogue does not know.")
@_dry_run_option
@yes_option
@_backup_options
@click.pass_context
def prune(
    context: click.Context,
    older_than: float | None,
    keep: int | None,
    max_size: str | None,
    forgotten: bool,
    dry_run: bool,
    yes: bool,
    store: str | None,
) -> int:
    """Delete old backups by age, number or size; never one that an applied migration needs to go back.

    \b
    Examples:
      sodaf-migrate backup prune --keep 10 --dry-run
      sodaf-migrate backup prune --older-than 90 --max-size 20G --yes
    """
    limits = PruneOptions(max_age=older_than, max_count=keep, max_size=_size(max_size), forgotten=forgotten)
    if (older_than, keep, max_size) == (None, None, None):
        raise click.UsageError("give --older-than, --keep or --max-size")
    manager = manager_of(context, store)
    preview = manager.prune(limits, dry_run=True)
    if dry_run or not preview.deleted:
        answer(context, preview, lines=told.pruned_lines(preview))
        return Exit.DONE
    confirm(context, told.pruned_lines(preview), f"{len(preview.deleted)} backups would be deleted", yes)
    pruned = manager.prune(limits)
    answer(context, pruned, lines=told.pruned_lines(pruned))
    return Exit.DONE


@backup.command()
@click.option("--rebuild", is_flag=True, help="Write the catalogue anew from the files.")
@_backup_options
@click.pass_context
def catalogue(context: click.Context, rebuild: bool, store: str | None) -> int:
    """Compare the catalogue with the files of the store, and with --rebuild make it what the files say.

    \b
    Examples:
      sodaf-migrate backup catalogue
      sodaf-migrate backup catalogue --rebuild
    """
    rebuilt = manager_of(context, store).rebuild_catalogue(dry_run=not rebuild)
    answer(context, rebuilt, lines=told.rebuilt_lines(rebuilt))
    differs = bool(rebuilt.added or rebuilt.removed or rebuilt.changed)
    return Exit.ERROR if rebuilt.unreadable or (differs and not rebuild) else Exit.DONE


def _engine(context: click.Context) -> DocTypeEngine | None:
    """The definitions, which say what table each DocType has; None where they are not sound."""
    try:
        return engine_of(site_of(context))
    except MigrationError:  # a backup is worth more than sound definitions
        return None


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    number, factor = text.strip().upper().removesuffix("B"), 1
    if number[-1:] in _FACTORS and number[-1:]:
        number, factor = number[:-1], _FACTORS[number[-1]]
    try:
        return int(float(number) * factor)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f'"{text}" is no size', hint="Give bytes, or a number with K, M, G or T.") from error


def _tell_new_key(manager: MigrationBackupManager) -> None:
    """Say once that a key file was made: whoever loses it loses the backups."""
    if manager.ring.made is not None:
        made = [
            Line(f"a key for the backups was made: {manager.ring.made}", "warn"),
            Line("Keep a copy of it in another place: without it nobody can read the backups.", "", 2),
        ]
        write_lines(made, sys.stderr)
