"""Code of the site's own prepares every connection of every command."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate.cli.main import main

MODULE = """
import pathlib

def connect(connection):
    connection.create_collation("SITES", lambda a, b: (a > b) - (a < b))
    connection.create_function("sites", 1, str.casefold, deterministic=True)
    file = connection.execute("PRAGMA database_list").fetchone()[2]
    with (pathlib.Path(__file__).parent / "opened.txt").open("a") as log:
        log.write((pathlib.Path(file).name or "memory") + "\\n")

def broken(connection):
    raise KeyError("no such thing")

def driver(connection):
    connection.execute("SELECT sites_that_is_not_there()")

value = 7
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A site whose schema needs a collation and a function, with rows; the module's name is of this test alone."""
    monkeypatch.chdir(tmp_path)
    module = f"prepare_{abs(hash(tmp_path))}"
    (tmp_path / f"{module}.py").write_text(MODULE.replace("\\\\", "\\"))
    (tmp_path / "sodaf.toml").write_text(f'database = "site.db"\non_connect = "{module}:connect"\n')
    (tmp_path / "doctypes").mkdir()
    definition(tmp_path, "Data")
    with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
        connection.create_collation("SITES", lambda a, b: (a > b) - (a < b))
        connection.create_function("sites", 1, str.casefold, deterministic=True)
        connection.executescript(
            'CREATE TABLE "tabThing" (name TEXT PRIMARY KEY, v TEXT, own TEXT COLLATE SITES);'
            'CREATE INDEX by_own ON "tabThing" (own); CREATE INDEX by_sites ON "tabThing" (sites(own));'
            "INSERT INTO \"tabThing\" VALUES ('a', '1', 'x'), ('b', '2', 'Y');"
        )
    yield tmp_path
    (tmp_path / "opened.txt").unlink(missing_ok=True)


def definition(folder: Path, kind: str) -> None:
    """The DocType with its one field of that type."""
    thing = {"name": "Thing", "fields": [{"fieldname": "v", "fieldtype": kind}]}
    (folder / "doctypes" / "thing.json").write_text(json.dumps(thing))


def run(*words: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as left:
        main(words)
    return int(left.value.code or 0)


def last_migration(folder: Path) -> str:
    """The id of the migration that was applied last."""
    with closing(sqlite3.connect(folder / "site.db")) as connection:
        sql = "SELECT id FROM tabMigrationHistory WHERE status = 'applied' ORDER BY id DESC"
        return str(connection.execute(sql).fetchone()[0])


def test_every_command_over_a_schema_that_needs_it(folder: Path) -> None:
    """Forward, back, backups, restores and looks; the live file, readers and copies in memory are prepared."""
    assert run("sync", "--force") == 0
    definition(folder, "Int")
    assert run("dry-run") == 0
    assert run("sync", "--force") == 0
    assert run("backup", "create", "Thing") == 0
    assert run("backup", "create") == 0
    assert run("backup", "verify", "--deep") == 0
    assert run("rollback", last_migration(folder), "--yes") == 0
    for words in (("status",), ("history",), ("diff",), ("doctor",), ("backup", "list")):
        assert run(*words) == 0, words
    opened = (folder / "opened.txt").read_text().split()
    assert {"site.db", "memory"} <= set(opened)


def test_without_it_the_schema_cannot_be_handled(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the fixture needs is needed indeed."""
    (folder / "sodaf.toml").write_text('database = "site.db"\n')
    assert run("sync", "--force") == 1
    assert "SITES" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("no_such_module_at_all:connect", "cannot be imported: ModuleNotFoundError"),
        ("{}:missing", 'has no function "missing"'),
        ("{}:value", 'has no function "value"'),
        ("{}:broken", "failed: KeyError"),
        ("{}:driver", "failed: OperationalError"),
        ("connect", 'but must be a function, written as "module:function"'),
        ("a b:connect", 'but must be a function, written as "module:function"'),
    ],
)
def test_what_cannot_be_had_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    """Named with where it was said; the option counts before the file."""
    module = next(path.stem for path in folder.glob("prepare_*.py"))
    assert run("status", "--on-connect", given.format(module)) == 64
    told = " ".join(capsys.readouterr().err.split())
    assert said in told and "argument" in told and "Traceback" not in told


def test_a_definition_names_no_code(folder: Path) -> None:
    """The key in a definition is kept and ignored, like any other that is unknown."""
    thing = {"name": "Thing", "on_connect": "no_such_module_at_all:connect", "fields": []}
    (folder / "doctypes" / "thing.json").write_text(json.dumps(thing))
    assert run("status") == 0
