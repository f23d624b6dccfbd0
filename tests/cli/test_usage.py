"""Wrong usage, wrong configuration, and every other way in which a call ends without having worked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from sodaf_migrate.cli import main as entry
from sodaf_migrate.cli.exits import Exit, exit_of, exit_of_batch
from sodaf_migrate.errors import (
    ConfigurationError,
    DataLossRiskError,
    DefinitionError,
    LockHeldError,
    MigrationError,
    MigrationPermissionError,
    UnknownDocTypeError,
    UnknownMigrationError,
)
from sodaf_migrate.results import BatchMigrationResult, MigrationResult
from tests.cli.conftest import Answer, Shop

Call = Callable[..., Answer]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["config"], "missing command", "`sodaf-migrate config --help`"),
        (["--format", "text"], "missing command", "`sodaf-migrate --help`"),
        (["stats"], "no such command 'stats'", "`sodaf-migrate --help`"),
        (["sync", "--alow", "x"], "--alow", "`sodaf-migrate sync --help`"),
        (["rollback"], "give the ID of one migration", "`sodaf-migrate rollback --help`"),
        (["rollback", "x", "--steps", "1"], "or one of --steps, --to and --run", "`sodaf-migrate rollback --help`"),
        (["status", "--format", "xml"], "'xml' is not one of", "`sodaf-migrate status --help`"),
        (["sync", "--all", "Customer"], "name DocTypes or give --all, not both", "--help"),
        (["sync", "--allow", "everything"], '"everything" is not a hazard', "Known hazards: drop_column"),
        (["sync", "--rename", "a"], '"a" is no rename', "--rename old_name:new_name"),
        (["sync", "--lock-timeout", "-1"], '"lock_timeout" is -1.0', "seconds to wait"),
        (["sync", "Custommer"], "Custommer", "Customer"),
        (["rollback", "nothing-like-it"], "nothing-like-it", ""),
    ],
)
def test_wrong_usage(shop: Shop, arguments: list[str], message: str, hint: str) -> None:
    """Wrong usage is one sentence and a hint on standard error, and ends with 64."""
    shop.run("sync")
    answer = shop.run(*arguments)
    assert answer.code == 64
    assert answer.out == ""
    first, *rest = answer.err.splitlines()
    assert first.startswith("error: ")
    assert message in answer.err and hint in " ".join(rest)
    assert "Traceback" not in answer.err


def test_no_database(call: Call, tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a database the hint says the three ways to name one."""
    monkeypatch.chdir(str(tmp_path))
    answer = call("status")
    assert answer.code == 64
    assert "no database is configured" in answer.err
    assert "--database PATH" in answer.err and "SODAF_DATABASE" in answer.err


def test_errors_as_json(shop: Shop) -> None:
    """With JSON asked for, the error is a document on standard output too, wherever the option stands."""
    for arguments in (["--format", "json", "status"], ["status", "--format=json"]):
        answer = shop.run(*arguments, "--database", "nowhere/site.db")
        assert answer.code == 1
        assert answer.json["error"]["code"] == "DATABASE_NOT_OPENED"
        assert answer.err.startswith("error: ")


def test_debug_shows_the_traceback(shop: Shop) -> None:
    """A traceback comes with --debug and never without."""
    assert "Traceback" in shop.run("status", "--database", "nowhere/site.db", "--debug").err
    assert "Traceback" not in shop.run("status", "--database", "nowhere/site.db").err


def test_a_fault_of_ours(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a bug ends with one sentence and a hint."""

    def broken(arguments: list[str], name: str) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(entry, "_called", broken)
    answer = call("status")
    assert (answer.code, answer.err.splitlines()[0]) == (1, "error: ZeroDivisionError: oh")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, click.Abort])
def test_interrupted(call: Call, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]) -> None:
    """Ctrl-C ends with 130."""

    def interrupted(arguments: list[str], name: str) -> None:
        raise stop

    monkeypatch.setattr(entry, "_called", interrupted)
    answer = call("sync")
    assert (answer.code, answer.err) == (130, "interrupted\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MigrationError("x"), 1),
        (DefinitionError("x"), 1),
        (UnknownDocTypeError("x"), 64),
        (UnknownMigrationError("x"), 64),
        (ConfigurationError("x"), 64),
        (MigrationPermissionError("x"), 1),
        (DataLossRiskError("x"), 3),
        (LockHeldError("x"), 5),
    ],
)
def test_exit_codes(error: MigrationError, code: int) -> None:
    """Each kind of error has its number."""
    assert exit_of(error) == code


def test_exit_codes_of_a_run() -> None:
    """A run that did part of its work says so; one that did nothing ends as its errors agree."""
    done = MigrationResult(success=True, changed=True, doctype="A", status="applied")
    quiet = MigrationResult(success=True, changed=False, doctype="B", status="unchanged")
    risky = MigrationResult.from_error("C", DataLossRiskError("x"))
    locked = MigrationResult.from_error("D", LockHeldError("x"))
    cases = [
        ((done, quiet), Exit.DONE),
        ((done, risky), Exit.PARTLY),
        ((quiet, risky), Exit.REFUSED),
        ((locked,), Exit.LOCKED),
        ((risky, locked), Exit.ERROR),
    ]
    for results, code in cases:
        assert exit_of_batch(BatchMigrationResult(run_id="r", results=results)) == code


def test_help_names_every_command(call: Call) -> None:
    """The help of the whole and of each command works and ends with 0."""
    text = call("--help").out
    for name in entry.program.commands:
        assert f"  {name} " in text
        answer = call(name, "--help")
        assert answer.code == 0 and "Usage: sodaf-migrate" in answer.out


def test_nothing_at_all(call: Call) -> None:
    """Called without anything, the program tells what it can do."""
    answer = call()
    assert answer.code == 0 and answer.out.startswith("Usage: sodaf-migrate")


def test_version(call: Call) -> None:
    """The version is that of the package."""
    from sodaf_migrate import __version__

    assert __version__ in call("--version").out


def test_module_and_weight() -> None:
    """``python -m sodaf_migrate --help`` works, and loads neither pydantic nor sqlglot nor rich."""
    script = (
        "import sys\nfrom sodaf_migrate.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('HEAVY', sorted({'pydantic', 'sqlglot', 'rich', 'sqlite_utils'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    helped = subprocess.run([sys.executable, "-m", "sodaf_migrate", "-h"], capture_output=True, text=True, check=True)
    assert helped.stdout.startswith("Usage: sodaf-migrate")


def test_a_reader_that_leaves_early() -> None:
    """``sodaf-migrate --help | head -1`` ends without a word of complaint."""
    command = f"{sys.executable} -m sodaf_migrate --help | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_locale_that_cannot_spell(shop: Shop) -> None:
    """Arrows and names are spelled out where the output's encoding lacks them."""
    command = [sys.executable, "-m", "sodaf_migrate", "config", "show", "--database", "bäckerei→.db"]
    done = subprocess.run(
        command, capture_output=True, env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": _path()}, check=True
    )
    assert rb"b\xe4ckerei\u2192.db" in done.stdout


def _path() -> str:
    import sodaf_migrate

    return str(__import__("pathlib").Path(sodaf_migrate.__file__).parents[1])
