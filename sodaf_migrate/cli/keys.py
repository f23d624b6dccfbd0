"""The commands about keys: make one, change it, see which backups it opens, and where it is. None shows a key."""

from __future__ import annotations

import os
from pathlib import Path

import click

from sodaf_migrate.cli.backup import manager_of, store_option
from sodaf_migrate.cli.exits import Exit
from sodaf_migrate.cli.site import answer, site_of, site_options
from sodaf_migrate.errors import BackupKeyError, ConfigurationError
from sodaf_migrate.report import backups as told
from sodaf_migrate.report.lines import Line, counted

__all__ = ["keys"]

_KEEP = Line("Keep a copy of it in another place: without it nobody can read the backups.", "", 2)


@click.group(no_args_is_help=False)
def keys() -> None:
    """The keys of the backups: generate, rotate, check, show-path."""


@keys.command()
@click.option("--file", "path", metavar="PATH", help="The key file to make (the user's own).")
@site_options
@click.pass_context
def generate(context: click.Context, path: str | None) -> int:
    """Make a key file with a new key (mode 0600). A file that is there is never written over.

    \b
    Examples:
      sodaf-migrate keys generate
      sodaf-migrate keys generate --file /etc/shop/backup.key
    """
    from sodaf_migrate.backup.keys import generate_key, write_key_file

    target = Path(path).absolute() if path else _configured(context)
    key = generate_key()
    if not write_key_file(target, (key,)):
        raise ConfigurationError(
            f'There is a key file "{target}" already, and it stays as it is',
            hint="`keys rotate` changes its key; --file makes another one.",
        )
    lines = [Line(f"made {target}, key {key.id}", "good"), _KEEP]
    locks = _locks_of_the_site(context)
    if locks is not None:
        said = f"It opens none of the site's backups so far, which are locked with another key ({locks})"
        lines.append(Line(f"{said}; keep that one too, below it in the file.", "warn", 2))
    answer(context, {"file": str(target), "key": key.id, "locked_with": locks}, lines=lines)
    return Exit.DONE


@keys.command()
@click.option("--to", "path", metavar="PATH", help="The key file with the key to change to, instead of a new key.")
@store_option
@site_options
@click.pass_context
def rotate(context: click.Context, path: str | None, store: str | None) -> int:
    """Lock all backups with another key; what they hold is not encrypted anew.

    A new key is put first into the key file in use, where the old one stays below it for copies that are elsewhere.

    \b
    Examples:
      sodaf-migrate keys rotate
      sodaf-migrate keys rotate --to /etc/shop/new.key
    """
    from sodaf_migrate.backup.keys import KeyRing, add_key, generate_key, read_key_file

    manager = manager_of(context, store)
    manager.list_backups()  # a wrong path is told before a key is changed
    if path is not None:
        file, fresh = Path(path).absolute(), read_key_file(Path(path))
    else:
        file, fresh = _file_in_use(context), (generate_key(),)
        add_key(file, fresh[0])  # before any backup needs it: a stop in between locks nobody out
    rotated = manager.rotate_keys(KeyRing(fresh), key_file=str(file))
    answer(context, rotated, lines=told.rotated_lines(rotated))
    return Exit.PARTLY if rotated.failed and rotated.rotated else Exit.ERROR if rotated.failed else Exit.DONE


@keys.command()
@store_option
@site_options
@click.pass_context
def check(context: click.Context, store: str | None) -> int:
    """See whether the configured keys open every backup. Reads only the head of each.

    \b
    Examples:
      sodaf-migrate keys check
    """
    manager = manager_of(context, store)
    ring = [key.id for key in manager.ring.keys]
    locked = manager.locked_backups()
    total = len(manager.list_backups())
    found = {"keys": ring, "backups": total, "locked": [{"id": info.id, "reason": why} for info, why in locked]}
    lines = [Line(f"{counted(len(ring), 'key')} configured: {', '.join(ring) or 'none'}", "title")]
    if locked:
        lines.append(Line(f"{len(locked)} of {counted(total, 'backup')} cannot be opened", "bad"))
        lines += [Line(f"{info.id[: told.SHORT]}: {why}", "bad", 2) for info, why in locked]
    else:
        lines.append(Line(f"all of {counted(total, 'backup')} can be opened", "good"))
    answer(context, found, lines=lines)
    return Exit.ERROR if locked else Exit.DONE


@keys.command(name="show-path")
@site_options
@click.pass_context
def show_path(context: click.Context) -> int:
    """Tell where the keys come from: variables that are set, else the key file. Never the keys.

    \b
    Examples:
      sodaf-migrate keys show-path
    """
    variables = _variables()
    path = _configured(context)
    found = {"variables": variables, "file": str(path), "exists": path.exists()}
    lines = [Line(f"the environment gives keys: {', '.join(variables)}", "title")] if variables else []
    if not variables or "SODAF_BACKUP_KEY_FILE" in variables:
        state = "" if path.exists() else " (not there yet)"
        lines.append(Line(f"{path}{state}", "title" if path.exists() else "warn", whole=True))
    answer(context, found, lines=lines)
    return Exit.DONE


def _variables() -> list[str]:
    from sodaf_migrate.backup.keys import KEY_VARIABLES

    return [name for name in KEY_VARIABLES if os.environ.get(name)]


def _locks_of_the_site(context: click.Context) -> str | None:
    """The key that the site's newest backup is locked with, where a site is configured and has backups."""
    from sodaf_migrate.backup.first_key import locked_with

    if site_of(context).database is None:
        return None
    return locked_with(manager_of(context, None).store)


def _configured(context: click.Context) -> Path:
    """The key file of the site, else the user's own."""
    from sodaf_migrate.backup.keys import key_file

    given = site_of(context).backup_key_file
    return Path(given).absolute() if given else key_file()


def _file_in_use(context: click.Context) -> Path:
    """The one key file that the configured keys come from. Raises BackupKeyError when they come from elsewhere."""
    variables = _variables()
    if variables and variables != ["SODAF_BACKUP_KEY_FILE"]:
        raise BackupKeyError(
            f"The keys come from the environment ({', '.join(variables)}), which this program cannot change",
            hint="Make a key file with `keys generate --file PATH`, `keys rotate --to PATH`, then set the variable.",
        )
    path = _configured(context)
    if not path.exists():
        raise BackupKeyError(f'There is no key file "{path}" to change', hint="`keys generate` makes one.")
    return path
