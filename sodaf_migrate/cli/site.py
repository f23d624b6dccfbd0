"""What every command shares: the options that name the site, the tools made from them, and the way to answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from sodaf_migrate.cli.output import write_file
from sodaf_migrate.cli.progress import listener_of, stop_progress
from sodaf_migrate.config.load import load_site
from sodaf_migrate.config.site import Site
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.events import CancelToken
from sodaf_migrate.options import POLICIES
from sodaf_migrate.report.lines import Line, text_of
from sodaf_migrate.report.render import to_html, to_json, to_lines, to_markdown, to_text, write_lines
from sodaf_migrate.report.script import to_script

if TYPE_CHECKING:
    from sodaf_migrate.applier.applier import MigrationApplier
    from sodaf_migrate.doctype.engine import DocTypeEngine

__all__ = [
    "FORMATS",
    "Command",
    "answer",
    "answers_json",
    "applied_by_option",
    "check_option",
    "chosen",
    "complete_doctype",
    "complete_history",
    "complete_migration",
    "doctype_argument",
    "engine_of",
    "format_of",
    "hazard_options",
    "number",
    "open_applier",
    "output_option",
    "renames_of",
    "site_of",
    "site_options",
    "sql_option",
    "timeout_option",
]

Command = TypeVar("Command", bound=Callable[..., Any])

_META = "sodaf_migrate."

FORMATS = ("text", "json", "markdown", "html", "sql")

#: What commands answer in beside text and JSON.
_MORE_FORMATS = {"dry-run": ("markdown", "html", "sql"), **dict.fromkeys(("diff", "status", "history"), ("markdown",))}


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a site option for all commands of this call: it may stand before the command's name or behind it."""
    if value not in (None, False, ()):
        context.meta[_META + str(parameter.name)] = value


def number(name: str, **limits: Any) -> click.FloatRange:
    """The kind of an option that takes a number, which errors call ``name``."""
    kind = click.FloatRange(**limits)
    kind.name = name
    return kind


def _site_option(*names: str, **more: Any) -> Callable[[Command], Command]:
    return click.option(*names, expose_value=False, callback=_remember, is_eager=True, **more)


_SITE_OPTIONS = (
    _site_option("--database", metavar="PATH", help="The SQLite file to keep in step."),
    _site_option("--site", metavar="NAME|PATH", help="A site by its name in sodaf.toml, or that file or its folder."),
    _site_option("--doctypes", metavar="DIR", help="The folder of definitions."),
    _site_option("--on-connect", metavar="MODULE:FUNCTION", help="Your function that prepares every connection."),
    _site_option(
        "--lock-timeout",
        type=number("number of seconds"),
        metavar="SECONDS",
        help="How long to wait for other writers.",
    ),
    _site_option("--format", type=click.Choice(FORMATS), help="How to answer (text)."),
    _site_option("--debug", is_flag=True, help="Show the traceback of an error."),
)


def site_options(command: Command) -> Command:
    """Add the options that every command takes."""
    for option in reversed(_SITE_OPTIONS):
        command = option(command)
    return command


def hazard_options(command: Command) -> Command:
    """Add ``--allow``, ``--force``, ``--rename`` and ``--on-conversion-error``."""
    rename = click.option(
        "--rename", multiple=True, metavar="OLD:NEW", help="A column that has a new name (repeatable)."
    )
    force = click.option("--force", is_flag=True, help="Allow every danger.")
    allow = click.option(
        "--allow",
        multiple=True,
        metavar="DANGER",
        help="A danger to allow by name, such as drop_column:Customer.fax (repeatable).",
    )
    policy = click.option(
        "--on-conversion-error",
        type=click.Choice(POLICIES),
        help="What becomes of values that a field's new type would lose or cannot take.",
    )
    return allow(force(rename(policy(command))))


#: ``--timeout``: for how long one migration may go on.
timeout_option = click.option(
    "--timeout",
    type=number("number of seconds", min=0, min_open=True),
    metavar="SECONDS",
    help="Stop a migration that takes longer, and roll it back.",
)

#: ``--applied-by``: who it is.
applied_by_option = click.option("--applied-by", metavar="NAME", help="Who does it, for the history (you).")

#: ``--check``: look only, and say by the exit code whether changes are pending.
check_option = click.option(
    "--check", is_flag=True, help="Change nothing; exit 2 when changes are pending, 0 when not."
)

#: ``--sql / --no-sql``: show the statements or not.
sql_option = click.option("--sql/--no-sql", default=None, help="Show the SQL (shown when one DocType is named).")


#: ``--output``: write the answer into a file.
output_option = click.option("--output", metavar="FILE", help="Write the answer into a file instead.")


def complete_doctype(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """The names of DocTypes that begin with what was typed, for a shell."""
    try:
        return [name for name in engine_of(site_of(context)).names() if name.startswith(typed)]
    except Exception:  # a shell's completion has nobody to tell
        return []


def complete_history(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The names of DocTypes, and the ids of migrations, that begin with what was typed, for a shell."""
    names = [CompletionItem(name) for name in complete_doctype(context, parameter, typed)]
    return [*names, *complete_migration(context, parameter, typed)]


def complete_migration(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The ids of migrations in force that begin with what was typed, the newest first, for a shell."""
    try:
        from sodaf_migrate.history.manager import MigrationHistoryManager

        records = MigrationHistoryManager(site_of(context).database_path()).get_migration_history()
    except Exception:  # a shell's completion has nobody to tell
        return []
    known = [each for each in reversed(records) if each.status == "applied" and each.reverses is None]
    return [CompletionItem(each.id, help=each.doctype) for each in known if each.id.startswith(typed)]


def doctype_argument(command: Command) -> Command:
    """Add ``[DOCTYPE]…`` and ``--all``."""
    every = click.option("--all", "every", is_flag=True, help="Every DocType (also when none is named).")
    argument = click.argument("named", metavar="[DOCTYPE]...", nargs=-1, shell_complete=complete_doctype)
    return argument(every(command))


def _given(context: click.Context, name: str) -> Any:
    return context.meta.get(_META + name)


def site_of(context: click.Context, **more: Any) -> Site:
    """The configured site, with this call's options over it, and ``more`` settings. Raises ConfigurationError.

    Raises click.UsageError for a format that the command does not answer in, before anything is done.
    """
    name = context.command.name or ""
    formats = ("text", "json", *_MORE_FORMATS.get(name, ()))
    if format_of(context) not in formats:
        raise click.UsageError(f"{name} does not answer in {format_of(context)}, but in {', '.join(formats)}")
    names = ("database", "doctypes", "on_connect", "lock_timeout")
    site = load_site(_given(context, "site"), **{name: _given(context, name) for name in names}, **more)
    if site.format != "text" and _given(context, "format") is None:
        context.meta[_META + "format"] = site.format
    return site


def format_of(context: click.Context) -> str:
    """What the answer is to be written in, one of FORMATS."""
    return str(_given(context, "format") or "text")


def answers_json(context: click.Context) -> bool:
    """Whether the answer is to be JSON."""
    return format_of(context) == "json"


def engine_of(site: Site) -> DocTypeEngine:
    """The site's definitions. Raises DefinitionError with every problem of the folder."""
    from sodaf_migrate.doctype.engine import DocTypeEngine  # brings pydantic, which --help does without

    return DocTypeEngine.from_directory(site.definitions())


def open_applier(context: click.Context, site: Site, *, definitions: bool = True) -> MigrationApplier:
    """An applier for the site, that tells its progress on a terminal.

    Without ``definitions`` none are read: what concerns history alone works also where they are broken.
    """
    database = site.database_path()  # before the rest: without a database nothing else matters
    from sodaf_migrate.applier.applier import MigrationApplier

    listener = listener_of(context, quiet=answers_json(context))
    token = context.find_object(CancelToken)
    engine = engine_of(site) if definitions else None
    if engine is not None and engine.notes:
        write_lines([Line(f"note: {note}", "quiet") for note in engine.notes], sys.stderr)
    return MigrationApplier(
        database,
        engine,
        listener=listener,
        on_connect=site.preparing,
        site_rules=site.rules,
        cancel=token,
        backup_options=site.backup_options(),
        permissions=site.permissions,
        applied_by=site.applied_by,
    )


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


def answer(
    context: click.Context,
    value: Any,
    *,
    sql: bool | None = None,
    limit: int | None = None,
    lines: list[Line] | None = None,
    output: str | None = None,
) -> None:
    """Write a result to standard output, or into the file ``output``, in the format that was asked for.

    ``lines`` are what to say as text where the value has no report of its own.
    """
    stop_progress(context)
    kind = format_of(context)
    if kind == "text" and output is None:
        write_lines(to_lines(value, sql=sql, limit=limit) if lines is None else lines, sys.stdout)
        return
    if kind == "text":
        text = to_text(value, sql=sql, limit=limit) if lines is None else text_of(lines)
    elif kind == "markdown":
        text = to_markdown(value, sql=sql, limit=limit)
    elif kind == "html":
        text = to_html(value, sql=sql)
    else:
        text = to_script(value) if kind == "sql" else to_json(value)
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text, never=site_of(context).database)
