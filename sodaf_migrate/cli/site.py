"""What every command shares: the options that name the site, the tools made from them, and the way to answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sodaf_migrate.config import Site, load_site
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.report.lines import Line
from sodaf_migrate.report.render import to_json, to_lines, write_lines

if TYPE_CHECKING:
    database = site.database_path()  # before the rest: without a database nothing else matters
    from sodaf_migrate.applier.applier import MigrationApplier
    from sodaf_migrate.cli.progress import listener_of

    return MigrationApplier(database, engine_of(site), listener=listener_of(context), site_rules=site.rules)


def chosen(applier_names: Iterable[str], named: tuple[str, ...], every: bool) -> tuple[str, ...]:
    """The named DocTypes in dependency order; none for all. Raises click.UsageError for names beside ``--all``."""
    if every and named:
        raise click.UsageError("name DocTypes or give --all, not both")
    order = {name: place for place, name in enumerate(applier_names)}
    return tuple(sorted(dict.fromkeys(named), key=lambda name: order.get(name, -1)))


def renames_of(given: tuple[str, ...]) -> dict[str, str]:
    """``--rename old:new`` as a mapping. Raises ConfigurationError."""
    renames = {}
    for entry in given:
        old, colon, new = entry.partition(":")
        if not (old and colon and new):
            raise ConfigurationError(f'"{entry}" is no rename', hint="Write it as --rename old_name:new_name.")
        renames[old] = new
    return renames


def answer(context: click.Context, value: Any, *, sql: bool | None = None, lines: list[Line] | None = None) -> None:
    """Write a result to standard output in the format that was asked for."""
    if answers_json(context):
        sys.stdout.write(to_json(value))
    else:
        write_lines(to_lines(value, sql=sql) if lines is None else lines, sys.stdout)
