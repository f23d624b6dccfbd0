"""The same commands below sqlite-utils: ``sqlite-utils sodaf sync``."""

from __future__ import annotations

import click
from sqlite_utils import hookimpl

__all__ = ["register_commands"]


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Called by sqlite-utils when it starts."""

    @cli.command(name="sodaf", add_help_option=False, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def sodaf(arguments: tuple[str, ...]) -> None:
        """Keep tables in step with their DocType definitions (sodaf-migrate)."""
        from sodaf_migrate.cli.main import main  # only when asked for: every call of sqlite-utils loads this module

        main(arguments, name="sqlite-utils sodaf")
