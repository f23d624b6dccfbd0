"""``sodaf-migrate``: choose options, call the library, show the answer, end with the right number."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import click

from sodaf_migrate import __version__
from sodaf_migrate.cli.backup import backup
from sodaf_migrate.cli.change import adopt, sync
from sodaf_migrate.cli.completion import completion
from sodaf_migrate.cli.doctor import doctor
from sodaf_migrate.cli.exits import Exit, exit_of
from sodaf_migrate.cli.interrupts import cancelling
from sodaf_migrate.cli.keys import keys
from sodaf_migrate.cli.look import config, diff, dry_run, history, status
from sodaf_migrate.cli.rollback import rollback
from sodaf_migrate.cli.site import site_options
from sodaf_migrate.config.load import load_site
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.events import CancelToken
from sodaf_migrate.report.outcome import error_lines
from sodaf_migrate.report.render import to_json, write_lines

__all__ = ["main", "program"]


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@site_options
@click.version_option(version=__version__)
def program() -> None:
    """Keep tables in step with their DocType definitions, and never lose a row doing it.

    \b
    Settings come from options, then SODAF_* variables, then sodaf.toml.
    Exit codes: 0 done, 1 error, 2 changes pending (--check), 3 refused for
    a danger, 4 partly done, 5 locked, 64 wrong usage or configuration,
    130 interrupted.
    """


for _command in (sync, dry_run, diff, status, history, rollback, adopt, backup, keys, doctor, config, completion):
    program.add_command(_command)


def main(arguments: Sequence[str] | None = None, *, name: str = "sodaf-migrate") -> None:
    """Run the command line and exit; never with a traceback, unless ``--debug`` asks for it.

    ``name`` is how help and hints call the program.
    """
    for name_of_stream in ("stdout", "stderr"):  # one that the caller closed (`>&-`) is None
        if getattr(sys, name_of_stream) is None:
            setattr(sys, name_of_stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name that the locale cannot spell is no reason to die
    # What the library logs is in the answer already; without a handler Python would write it to standard error, too.
    logging.getLogger("sodaf_migrate").addHandler(logging.NullHandler())
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments), name))


def _run(arguments: list[str], name: str) -> int:
    debug, code = "--debug" in arguments, int(Exit.ERROR)
    try:
        code = int(_called(arguments, name) or Exit.DONE)
        sys.stdout.flush()  # while an error of it can still be told
        return code
    except click.UsageError as error:
        _say(_usage(error), arguments)
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return Exit.INTERRUPTED
    except MigrationError as error:
        _trace(debug)
        _say(error, arguments)
        return exit_of(error)
    except BrokenPipeError:  # `| head`: whoever asked has seen enough
        _lose_answers()
        return code
    except OSError as error:
        if error.filename is None:  # everything else that is opened or written has a name
            _lose_answers()
            said = f"The answer could not be written: {error.strerror}"
            _say(
                MigrationError(said, hint="What was asked for is done; `status` and `history` tell how it stands."), ()
            )
            return Exit.ERROR
        return _fault(error, arguments)
    except Exception as error:
        return _fault(error, arguments)


def _fault(error: Exception, arguments: Sequence[str]) -> int:
    """The last door: whatever else goes wrong is a fault of ours."""
    _trace("--debug" in arguments)
    kind = type(error).__name__
    hint = "This is a fault in sodaf-migrate; --debug shows where."
    _say(MigrationError(f"{kind}: {error}", hint=hint), arguments)
    return Exit.ERROR


def _lose_answers() -> None:
    """Let standard output, which takes nothing any more, lead nowhere, so that the end of the program is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _called(arguments: list[str], name: str) -> Any:
    token, words = CancelToken(), arguments or ["--help"]
    with cancelling(token):
        return program.main(args=words, prog_name=name, standalone_mode=False, obj=token)


def _usage(error: click.UsageError) -> MigrationError:
    path = error.ctx.command_path if error.ctx else "sodaf-migrate"
    message = error.format_message().rstrip(".")
    return MigrationError(message[:1].lower() + message[1:], hint=f"`{path} --help` shows what it takes.")


def _asks_json(arguments: Sequence[str]) -> bool:
    if any(word == "--format" or word.startswith("--format=") for word in arguments):
        return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)
    if os.environ.get("SODAF_FORMAT"):
        return os.environ["SODAF_FORMAT"] == "json"
    named = [word.removeprefix("--site=") for word in arguments if word.startswith("--site=")]
    named += [word for option, word in pairwise(arguments) if option == "--site"]
    try:
        return load_site(named[-1] if named else None).format == "json"
    except MigrationError:  # the command itself will say what is wrong with the configuration
        return False


def _say(error: MigrationError, arguments: Sequence[str]) -> None:
    """The error for people on standard error; with JSON asked for, also the document that a program waits for."""
    if _asks_json(arguments):
        sys.stdout.write(to_json({"error": error.to_dict()}))
    write_lines(error_lines(error), sys.stderr)


def _trace(debug: bool) -> None:
    if debug:
        traceback.print_exc()
