"""The SQL script: run by the ``sqlite3`` shell alone it does what the sync does, or nothing at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import DocTypeEngine, DryRunOptions, MigrationApplier, MigrationError, Schema, SyncOptions
from sodaf_migrate.report.script import to_script
from tests.hard.test_hard_table import CHANGES, OURS, ROWS, TABLE, edited, make
from tests.oracle import difference, snapshot
from tests.report.shell import emulated, run_script

DEEP = os.environ.get("SODAF_TEST_DEEP") == "1"
FIELDS = [
    {"fieldname": "title", "fieldtype": "Data", "required": True, "default": "it's"},
    {"fieldname": "phone", "fieldtype": "Data"},
    {"fieldname": "days", "fieldtype": "Data"},
]
LATER = [
    FIELDS[0],
    {"fieldname": "mobile", "fieldtype": "Data", "old_fieldname": "phone", "indexed": True},
    {"fieldname": "days", "fieldtype": "Int"},
]
FORCED = DryRunOptions(force=True, script=True)


def applier(path: Path, fields: list[dict[str, Any]], **more: Any) -> MigrationApplier:
    """An applier of one DocType with a name that is no plain word."""
    return MigrationApplier(path, DocTypeEngine.from_doctypes([{"name": "Odd Thing", "fields": fields}]), **more)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A database with the first form of the DocType and some rows."""
    path = tmp_path / "site.db"
    applier(path, FIELDS).sync_doctype("Odd Thing")
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = [("a", "1", "7"), ("b", None, "012"), ("c", "3", None)]
        connection.executemany('INSERT INTO "tabOdd Thing"(name, phone, days) VALUES (?, ?, ?)', rows)
    return path


def dump(path: Path) -> list[str]:
    """Everything in a database, as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def execute(path: Path, sql: str) -> None:
    """Run one statement beside the tool."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)


def script_for(path: Path, fields: list[dict[str, Any]] = LATER) -> str:
    """The script of the change to ``fields``."""
    return to_script(applier(path, fields).dry_run("Odd Thing", FORCED))


@pytest.mark.parametrize("name", CHANGES if DEEP else sorted(CHANGES)[::3])
def test_the_hard_table(name: str, tmp_path: Path) -> None:
    """Each kind of change of the table with everything on it: the shell leaves just what the sync leaves."""
    change = CHANGES[name]
    path, synced = tmp_path / "hard.db", tmp_path / "synced.db"
    make(path, TABLE, ROWS, ";\n".join(change.get("before", []))).close()
    MigrationApplier(path).adopt_schema()
    shutil.copy(path, synced)
    order: Any = "ignore" if change.get("ignore_order") else "match"
    wish, allow = Schema.from_sql(edited(change)), frozenset(change.get("allow", ()))
    look = DryRunOptions(allow=allow, column_order=order, script=True)
    told = MigrationApplier(path).dry_run_schema(wish, look)
    assert (told.no_script, told.error) == ("", None)
    assert run_script(to_script(told), path) == (0, "")
    MigrationApplier(synced).sync_schema(wish, SyncOptions(allow=allow, column_order=order))
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(synced)) as other:
        assert difference(snapshot(other, skip=OURS), snapshot(one, skip=OURS)) == []
        assert one.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    again = MigrationApplier(path)
    assert not again.sync_schema(wish, SyncOptions(allow=allow, column_order=order)).changed
    assert again.history.verify() == ()


def test_it_leaves_schema_rows_and_record_as_the_sync_does(filled: Path, tmp_path: Path) -> None:
    """Rename, retype and index by the shell: status in step, the history whole, the record that of a sync."""
    synced = tmp_path / "synced.db"
    shutil.copy(filled, synced)
    assert run_script(script_for(filled), filled) == (0, "")
    later = applier(filled, LATER)
    assert later.status().in_step and later.history.verify() == ()
    assert not later.sync_doctype("Odd Thing").changed
    applier(synced, LATER).sync_doctype("Odd Thing", SyncOptions(force=True))
    with closing(sqlite3.connect(filled)) as one, closing(sqlite3.connect(synced)) as other:
        assert difference(snapshot(other, skip=OURS), snapshot(one, skip=OURS)) == []
    mine, theirs = later.history.get_migration_history()[-1], applier(synced, LATER).history.get_migration_history()[-1]
    for column in ("doctype", "version", "sql", "rollback_sql", "status", "from_digest", "to_digest", "objects"):
        assert getattr(mine, column) == getattr(theirs, column), column
    later.rollback_migration(mine.id)
    assert later.history.verify() == ()


def test_the_first_sync_of_all_into_an_empty_file(tmp_path: Path) -> None:
    """Every shipped DocType in one script, on a database that is not there yet, which the dry run does not make."""
    path = tmp_path / "new.db"
    engine = DocTypeEngine.from_directory(Path(__file__).parents[2] / "doctypes")
    results = MigrationApplier(path, engine).dry_run_all(DryRunOptions(script=True))
    assert not path.exists()
    assert run_script(to_script(results), path) == (0, "")
    assert MigrationApplier(path, engine).status().in_step
    assert MigrationApplier(path, engine).history.verify() == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('ALTER TABLE "tabOdd Thing" ADD COLUMN by_hand TEXT', "the schema was changed"),
        ('CREATE INDEX mine ON "tabOdd Thing" (title)', "the schema was changed"),
        ('CREATE VIEW v AS SELECT phone FROM "tabOdd Thing"', "the schema was changed"),
        ('CREATE TRIGGER t AFTER INSERT ON "tabOdd Thing" BEGIN SELECT 1; END', "the schema was changed"),
        ("UPDATE \"tabOdd Thing\" SET days = 'soon' WHERE name = 'c'", "values"),
        (
            "INSERT INTO tabMigrationEvent SELECT seq + 1, timestamp, kind, migration_id, doctype, facts, layout, seal,"
            " previous, hash FROM tabMigrationEvent ORDER BY seq DESC LIMIT 1",
            "another migration was made",
        ),
    ],
    ids=["column", "index", "view", "trigger", "row", "history"],
)
def test_on_a_database_changed_since_it_changes_nothing(filled: Path, change: str, words: str) -> None:
    """Whatever was done to the schema, the rows or the history meanwhile: one reason, and all is as before."""
    script = script_for(filled)
    execute(filled, change)
    before = dump(filled)
    code, said = run_script(script, filled)
    assert code == 1 and words in said, said
    assert dump(filled) == before


def test_without_the_shell(filled: Path) -> None:
    """The runner that stands in for the shell, where there is none, comes to the same."""
    script = script_for(filled)
    assert emulated(script, filled) == (0, "")
    assert applier(filled, LATER).status().in_step
    before = dump(filled)
    code, said = emulated(script, filled)
    assert code == 1 and "another migration was made" in said
    assert dump(filled) == before


def test_twice_is_once(filled: Path) -> None:
    """The same script a second time finds the history ahead of it."""
    script = script_for(filled)
    assert run_script(script, filled)[0] == 0
    before = dump(filled)
    assert run_script(script, filled)[0] == 1
    assert dump(filled) == before


def test_other_changes_do_not_matter(filled: Path) -> None:
    """A table that has nothing to do with it, and new rows that keep every guard, are no reason to stop."""
    script = script_for(filled)
    execute(filled, "CREATE TABLE other (a)")
    execute(filled, "INSERT INTO \"tabOdd Thing\"(name, days) VALUES ('d', '9')")
    assert run_script(script, filled) == (0, "")


ODD = 'x\'); DROP TABLE "a"; --'


def odd(path: Path, text: str) -> MigrationApplier:
    """An applier of a DocType whose name, table and default are as hostile as they may be."""
    fields = [{"fieldname": "note", "fieldtype": "Data", "default": text}]
    definition = {"name": ODD, "fields": fields, "table_name": "odd\"'\n.quit"}
    return MigrationApplier(path, DocTypeEngine.from_doctypes([definition]))


@pytest.mark.parametrize("run", [run_script, emulated], ids=["shell", "emulated"])
def test_hostile_names_and_texts(tmp_path: Path, run: Callable[[str, Path], tuple[int, str]]) -> None:
    """Quotes, line ends, dots and statements in names and defaults stay what they are."""
    path = tmp_path / "site.db"
    hostile = odd(path, 'it\'s "so";\n.quit\n-- no\nend;')
    assert run(to_script(hostile.dry_run(ODD, FORCED)), path) == (0, "")
    assert hostile.status().in_step and hostile.history.verify() == ()


@pytest.mark.parametrize("text", ["a\r\nb", "a\n/\nb", "a\nGO\nb"])
def test_what_the_shell_would_read_otherwise(tmp_path: Path, text: str) -> None:
    """The shell takes CR before LF away, and ends a statement at a line "/" or "go": then there is no script."""
    assert "is read otherwise by the shell" in odd(tmp_path / "site.db", text).dry_run(ODD, FORCED).no_script


def test_temporary_things_are_no_script(filled: Path) -> None:
    """A TEMP trigger of the caller's connection is not there in the shell; the reason is a sentence, and raised."""
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute('CREATE TEMP TRIGGER t AFTER INSERT ON "tabOdd Thing" BEGIN SELECT 1; END')
        connection.commit()
        engine = DocTypeEngine.from_doctypes([{"name": "Odd Thing", "fields": LATER}])
        told = MigrationApplier(connection, engine).dry_run("Odd Thing", FORCED)
    with pytest.raises(MigrationError, match='"Odd Thing" has no script: temporary views or triggers') as refused:
        to_script(told)
    assert refused.value.hint


def test_what_python_brings_is_no_script(filled: Path) -> None:
    """A collation of the site is not there in the shell."""

    def prepare(connection: sqlite3.Connection) -> None:
        connection.create_collation("SITE", lambda a, b: (a > b) - (a < b))

    with closing(sqlite3.connect(filled)) as connection, connection:
        prepare(connection)
        connection.execute('CREATE INDEX mine ON "tabOdd Thing" (title COLLATE SITE)')
    told = applier(filled, LATER, on_connect=prepare).dry_run("Odd Thing", FORCED)
    assert "SITE" in told.no_script and told.script is None


def test_refused_and_in_step(filled: Path) -> None:
    """What a sync would refuse is refused; what is in step is an empty script."""
    with pytest.raises(MigrationError):
        to_script(applier(filled, LATER).dry_run("Odd Thing", DryRunOptions(script=True)))
    told = applier(filled, FIELDS).dry_run("Odd Thing", DryRunOptions(script=True))
    assert to_script(told) == "-- In step: there is nothing to do.\n"
