"""The command that looks at the health of a site, and says what to do."""

from __future__ import annotations

import click

from sodaf_migrate.cli.exits import Exit
from sodaf_migrate.cli.site import answer, open_applier, site_of, site_options
from sodaf_migrate.errors import ConfigurationError, DefinitionError, MigrationError
from sodaf_migrate.report.checkup import checkup_lines

__all__ = ["doctor"]


@click.command()
@site_options
@click.pass_context
def doctor(context: click.Context) -> int:
    """Look at the health of the site: each part with what was found, and what to do. Changes nothing.

    The database and its disk, locks, the keys and the newest backup, the history and its seals, the backups that
    applied migrations need, what a crash left behind, the definitions, drift. Ends with 1 when something has to be
    done.

    \b
    Examples:
      sodaf-migrate doctor
      sodaf-migrate doctor --format json
    """
    site = site_of(context)
    broken: MigrationError | None = None
    try:
        applier = open_applier(context, site)
    except (DefinitionError, ConfigurationError) as error:
        broken, applier = error, open_applier(context, site, definitions=False)
    from sodaf_migrate.applier.doctor import checkup  # brings cryptography, which --help does without

    found = checkup(applier, definitions=broken, lock_timeout=site.lock_timeout)
    answer(context, found, lines=checkup_lines(found.database, found.findings))
    return Exit.DONE if found.ok else Exit.ERROR
