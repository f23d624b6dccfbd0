"""What a migration took away comes back when it is taken back; what people wrote since stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import (
    BackupOptions,
    DataLossRiskError,
    DocTypeEngine,
    MigrationApplier,
    MigrationResult,
    PlanRefusedError,
    RollbackOptions,
    Schema,
    SyncOptions,
)
from sodaf_migrate.errors import BackupError, MigrationError
from tests.oracle import difference, snapshot

OURS = ("tabMigrationHistory", "tabMigrationEvent", "tabMigrationSettled", "tabMigrationBackup", "tabMigrationStart")
EVERYTHING = RollbackOptions(force=True)


class Site:
    """One DocType, "Thing", whose definition changes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "site.db"

    def applier(self, *fields: dict[str, Any], **more: Any) -> MigrationApplier:
        """An applier with this definition."""
        engine = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": list(fields), **more}])
        return MigrationApplier(self.path, engine)

    def sync(self, *fields: dict[str, Any], **options: Any) -> MigrationResult:
        """The definition applied, whatever it costs."""
        options.setdefault("force", True)
        return self.applier(*fields).sync_doctype("Thing", SyncOptions(**options))

    def back(self, result: MigrationResult, options: RollbackOptions = EVERYTHING) -> MigrationResult:
        """A migration taken back."""
        assert result.migration_id is not None
        return self.applier().rollback_migration(result.migration_id, options)

    def run(self, *statements: str) -> None:
        """Statements on the site, committed."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, columns: str = "name, code", table: str = "tabThing") -> list[tuple[Any, ...]]:
        """The rows by name, each value with its storage class where it is code."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()

    def snapshot(self) -> Any:
        """Everything but the tool's own tables."""
        with closing(sqlite3.connect(self.path)) as connection:
            return snapshot(connection, skip=OURS)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site without a table yet."""
    return Site(tmp_path)


def field(fieldname: str = "code", fieldtype: str = "Data", **more: Any) -> dict[str, Any]:
    """One field."""
    return {"fieldname": fieldname, "fieldtype": fieldtype, **more}


def insert(values: Iterable[str]) -> list[str]:
    """A row for each value, called a, b, c…"""
    return [
        f"INSERT INTO tabThing (name, code) VALUES ('{chr(97 + place)}', {value})" for place, value in enumerate(values)
    ]


CASES: dict[str, tuple[dict[str, Any], dict[str, Any] | None, tuple[str, ...], dict[str, Any]]] = {
    "dropped": (field(), None, ("'x'", "NULL", "''", "x'00ff'", "'a' || char(0) || 'b'", "9223372036854775807"), {}),
    "dropped with a default": (field(default="d"), None, ("'x'", "NULL", "'d'"), {}),
    "dropped, NOT NULL": (field(required=True), None, ("'x'", "''"), {}),
    "text to whole number": (field(), field(fieldtype="Int"), ("'007'", "'12'", "' 5 '", "''", "NULL"), {}),
    "words to NULL": (field(), field(fieldtype="Int"), ("'word'", "'12'"), {"on_conversion_error": "null"}),
    "words to the default": (
        field(),
        field(fieldtype="Int", default="4"),
        ("'word'", "'4'"),
        {"on_conversion_error": "default"},
    ),
    "words kept beside": (
        field(),
        field(fieldtype="Int"),
        ("'word'", "'12'", "'013'"),
        {"on_conversion_error": "keep"},
    ),
    "days kept beside a blank": (
        field(fieldtype="Date"),
        field(fieldtype="Select", options="x"),
        ("'2026-01-31'", "''", "NULL"),
        {"on_conversion_error": "keep"},
    ),
    "text to yes and no": (field(), field(fieldtype="Check"), ("'yes'", "'no'", "'1'", "NULL"), {}),
    "real to whole number": (field(fieldtype="Float"), field(fieldtype="Int"), ("12.5", "3.0", "-0.0", "NULL"), {}),
    "whole number to text": (field(fieldtype="Int"), field(), ("5", "9007199254740993", "'odd'", "NULL"), {}),
    "a moment to its time": (
        field(fieldtype="Datetime"),
        field(fieldtype="Time"),
        ("'2026-01-31 10:20:30'", "'2026-02-28 00:00:00'", "NULL"),
        {},
    ),
    "a day to a moment": (field(fieldtype="Date"), field(fieldtype="Datetime"), ("'2026-01-31'", "NULL"), {}),
    "blanks under a unique": (field(), field(unique=True), ("''", "''", "NULL", "'x'"), {}),
    "rows that repeat": (field(), field(unique=True), ("'x'", "'x'", "'x'", "'y'", "NULL"), {}),
    "nulls filled": (field(), field(required=True, default="d"), ("NULL", "'x'", "'d'"), {}),
    "renamed and retyped": (
        field(),
        field("number", "Int", old_fieldname="code"),
        ("'007'", "'12'", "''"),
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_up_and_down_gives_every_value_back(site: Site, name: str) -> None:
    """Bit for bit, with storage class and rowid, and the schema too."""
    before, after, values, options = CASES[name]
    site.sync(before, field("other"))
    site.run(*insert(values), "UPDATE tabThing SET other = name")
    was = site.snapshot()
    kept = () if after is None else (after,)
    result = site.sync(*kept, field("other"), **options)
    assert difference(was, site.snapshot()) != []
    back = site.back(result)
    assert difference(was, site.snapshot(), ignore={"statistics"}) == []
    assert back.rollback_info is not None and back.rollback_info.conflicts == 0
    assert not site.sync(before, field("other")).changed


NAMES_MOVE: dict[str, dict[str, str]] = {
    "swap": {"a": "b", "b": "a"},
    "chain": {"b": "a", "c": "b"},
    "chain with a new first": {"a": "", "b": "a", "c": "b"},
    "ring of three": {"a": "b", "b": "c", "c": "a"},
}


@pytest.mark.parametrize("moves", NAMES_MOVE.values(), ids=NAMES_MOVE)
def test_names_that_change_places_go_back(site: Site, moves: dict[str, str]) -> None:
    """Nothing warns of a rename that is made; back again, the columns are ours under the names they had."""
    held = [name for name in "abc" if name in moves.values()] + ["a"] * ("a" not in moves.values())
    site.sync(*map(field, held))
    site.run(f"INSERT INTO tabThing (name, {', '.join(held)}) VALUES ('x', {', '.join(map(repr, held))})")
    was = site.snapshot()
    after = [field(new, **({"old_fieldname": old} if old else {})) for new, old in moves.items()]
    result = site.sync(*after, force=False)
    assert result.warnings == ()
    assert site.rows(", ".join(moves)) == [tuple(old or None for old in moves.values())]
    assert not site.sync(*after, force=False).changed
    site.back(result, RollbackOptions())
    assert difference(was, site.snapshot(), ignore={"statistics"}) == []
    site.sync(allow={"drop_column"})  # only ours go by that
    with closing(sqlite3.connect(site.path)) as connection:
        left = {row[1] for row in connection.execute("PRAGMA table_info(tabThing)")}
    assert left.isdisjoint(held)


def test_the_three_ways_of_a_row(site: Site) -> None:
    """Untouched: the original; changed since: kept and counted; inserted since: kept; deleted since: stays away."""
    site.sync(field())
    site.run(*insert(["'007'", "'008'", "'009'"]))
    result = site.sync(field(fieldtype="Int"))
    site.run(
        "UPDATE tabThing SET code = 80 WHERE name = 'b'",
        "DELETE FROM tabThing WHERE name = 'c'",
        "INSERT INTO tabThing (name, code) VALUES ('d', 4)",
    )
    back = site.back(result)
    assert site.rows() == [("a", "007"), ("b", "80"), ("d", "4")]
    assert back.rollback_info is not None
    info = back.rollback_info
    assert (info.refilled_rows, info.conflicts, info.gone) == (1, 1, 1)


def test_what_was_kept_goes_back_where_nothing_was_written_since(site: Site) -> None:
    """It needs no leave; a value written since stays, and then the kept one would be lost."""
    site.sync(field())
    site.run(*insert(["'word'", "'12'", "'other'"]))
    was = site.snapshot()
    result = site.sync(field(fieldtype="Int"), on_conversion_error="keep", force=False)
    site.back(result, RollbackOptions())
    assert difference(was, site.snapshot(), ignore={"statistics"}) == []
    result = site.sync(field(fieldtype="Int"), on_conversion_error="keep", force=False)
    site.run("UPDATE tabThing SET code = 77 WHERE name = 'a'")
    with pytest.raises(DataLossRiskError, match=r"code__old.*\(1 row\)"):
        site.back(result, RollbackOptions())
    site.back(result)
    assert site.rows() == [("a", "77"), ("b", "12"), ("c", "other")]


def test_a_dropped_column_comes_back_beside_new_rows(site: Site) -> None:
    """A row that came since holds the default of the column."""
    site.sync(field(default="d"), field("other"))
    site.run(*insert(["'x'", "NULL"]))
    result = site.sync(field("other"))
    site.run("INSERT INTO tabThing (name) VALUES ('c')")
    site.back(result)
    assert site.rows() == [("a", "x"), ("b", None), ("c", "d")]


def test_what_does_not_convert_back_stays_and_the_rest_comes_back(site: Site) -> None:
    """A time has no date: one that somebody wrote since stays, the others get their moment back from the backup."""
    site.sync(field(fieldtype="Datetime"))
    site.run(*insert(["'2026-01-31 10:20:30'", "'2026-02-01 11:00:00'"]))
    result = site.sync(field(fieldtype="Time"))
    site.run("UPDATE tabThing SET code = '12:00:00' WHERE name = 'b'")
    back = site.back(result, RollbackOptions())
    assert site.rows() == [("a", "2026-01-31 10:20:30"), ("b", "12:00:00")]
    assert back.rollback_info is not None and back.rollback_info.conflicts == 1


def test_deleted_rows_come_back_unless_their_key_is_taken(site: Site) -> None:
    """What stands in their place now stays."""
    site.sync(field())
    site.run(*insert(["'x'", "'x'", "'x'"]))
    kept = {name for name, _ in site.rows()}
    result = site.sync(field(unique=True))
    (left,) = {name for name, _ in site.rows()}
    first, second = sorted(kept - {left})
    site.run(f"INSERT INTO tabThing (name, code) VALUES ('{first}', 'mine')")
    back = site.back(result)
    assert dict(site.rows()) == {left: "x", first: "mine", second: "x"}
    assert back.rollback_info is not None
    assert (back.rollback_info.refilled_rows, back.rollback_info.conflicts) == (1, 1)


def test_what_the_way_back_loses_is_named_and_backed_up(site: Site) -> None:
    """A column that the migration had added holds values by now."""
    site.sync(field())
    result = site.sync(field(), field("extra"))
    site.run("INSERT INTO tabThing (name, extra) VALUES ('a', 'precious')")
    with pytest.raises(DataLossRiskError, match="extra"):
        site.back(result, RollbackOptions())
    back = site.back(result)
    assert back.backup_path is not None and Path(back.backup_path).exists()
    assert back.migration_id is not None
    again = site.applier().rollback_migration(back.migration_id, EVERYTHING)  # and the way back itself is taken back
    assert again.success
    assert site.rows("name, extra") == [("a", "precious")]


def test_a_dropped_table_comes_back_with_rows_rowids_and_sequence(tmp_path: Path) -> None:
    """And with its indexes and triggers."""
    path = tmp_path / "site.db"
    text = """
        CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, size INT, twice INT AS (size * 2) STORED);
        CREATE INDEX log_what ON log (what);
        CREATE TABLE other (a TEXT);
        CREATE TRIGGER told AFTER INSERT ON log BEGIN INSERT INTO other VALUES (new.what); END;
    """
    applier = MigrationApplier(path)
    applier.sync_schema(Schema.from_sql(text))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO log (id, what, size) VALUES (3, 'x', 1), (9, NULL, 2), (20, 'gone', 3)")
        connection.execute("DELETE FROM log WHERE id = 20")
        was = snapshot(connection, skip=OURS)
    result = applier.sync_schema(Schema.from_sql("CREATE TABLE other (a TEXT)"), SyncOptions(force=True))
    assert result.migration_id is not None
    applier.rollback_migration(result.migration_id, EVERYTHING)
    with closing(sqlite3.connect(path)) as connection:
        assert difference(was, snapshot(connection, skip=OURS)) == []


def test_several_are_taken_back_one_by_one(site: Site) -> None:
    """By number of steps, to a migration, or a whole run; each point has its rows of the time."""
    states = []
    results = []
    for number, kind in enumerate(("Data", "Int", "Float", "Data")):
        results.append(site.sync(field(fieldtype=kind)))
        site.run(f"INSERT INTO tabThing (name, code) VALUES ('r{number}', '{number:03}')")
        states.append(site.rows("name"))
    applier = site.applier()
    with pytest.raises(PlanRefusedError, match=str(results[-1].migration_id)):
        site.back(results[1])
    done = applier.rollback(steps=1, options=EVERYTHING)
    assert [result.status for result in done.results] == ["rolled_back"]
    done = applier.rollback(to=results[0].migration_id, options=EVERYTHING)
    assert len(done.results) == 2 and done.success
    assert site.rows() == [("r0", "000"), ("r1", "1"), ("r2", "2"), ("r3", "3")]


def test_without_its_backup_a_migration_is_not_half_taken_back(site: Site) -> None:
    """A backup that is damaged, gone, or locked by another key stops the way back before anything is touched."""
    site.sync(field())
    site.run(*insert(["'007'"]))
    result = site.sync(field(fieldtype="Int"))
    assert result.backup_path is not None
    path = Path(result.backup_path)
    content = path.read_bytes()
    was = site.snapshot()
    for spoiled in (content[:-40] + bytes([content[-40] ^ 1]) + content[-39:], content[: len(content) // 2], None):
        if spoiled is None:
            path.unlink()
        else:
            path.write_bytes(spoiled)
        with pytest.raises(BackupError):
            site.back(result)
        assert difference(was, site.snapshot()) == []
    path.write_bytes(content)
    site.back(result)
    assert site.rows() == [("a", "007")]


def test_no_backup_no_loss(site: Site, tmp_path: Path) -> None:
    """Where the backup cannot be written nothing is changed, and the error says so."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder would be")
    site.sync(field())
    site.run(*insert(["'007'"]))
    was = site.snapshot()
    engine = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": [field(fieldtype="Int")]}])
    applier = MigrationApplier(site.path, engine, backup_options=BackupOptions(directory=blocked))
    with pytest.raises(MigrationError):
        applier.sync_doctype("Thing", SyncOptions(force=True))
    assert difference(was, site.snapshot()) == []


def test_a_database_in_memory_is_told_that_nothing_can_be_backed_up() -> None:
    """Without a folder for backups a loss has to be called irreversible; with one, it comes back."""
    connection = sqlite3.connect(":memory:")
    before = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": [field()]}])
    after = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": [field(fieldtype="Int")]}])
    MigrationApplier(connection, before).sync_doctype("Thing")
    connection.execute("INSERT INTO tabThing (name, code) VALUES ('a', '007')")
    connection.commit()
    with pytest.raises(DataLossRiskError, match="irreversible"):
        MigrationApplier(connection, after).sync_doctype("Thing", SyncOptions(allow={"lossy_conversion"}))
    forced = MigrationApplier(connection, after).sync_doctype("Thing", SyncOptions(force=True))
    assert any("no backup of them is taken" in warning for warning in forced.warnings)
    connection.close()


def test_a_database_in_memory_with_a_folder_for_backups_comes_back(tmp_path: Path) -> None:
    """There is no second connection to it: the backup is taken on the one that there is."""
    connection = sqlite3.connect(":memory:")
    options = BackupOptions(directory=tmp_path / "backups")
    for kind in ("Data", "Int"):
        engine = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": [field(fieldtype=kind)]}])
        applier = MigrationApplier(connection, engine, backup_options=options)
        result = applier.sync_doctype("Thing", SyncOptions(allow={"lossy_conversion"}))
        if kind == "Data":
            connection.execute("INSERT INTO tabThing (name, code) VALUES ('a', '007')")
            connection.commit()
    assert connection.execute("SELECT code FROM tabThing").fetchall() == [(7,)]
    applier.rollback_migration(result.migration_id)
    assert connection.execute("SELECT code FROM tabThing").fetchall() == [("007",)]
    connection.close()


@pytest.mark.parametrize("since", ["DELETE FROM tabThing WHERE name = 'c'", "UPDATE tabThing SET code = 'other'"])
def test_rows_that_repeat_come_back_whatever_became_of_the_one_that_stayed(site: Site, since: str) -> None:
    """That they could not go the same way again is no reason to keep them away."""
    site.sync(field())
    site.run(*insert(["'x'", "'x'", "'x'"]))
    result = site.sync(field(unique=True))
    site.run(since)
    site.back(result)
    assert [row for row in site.rows() if row[0] != "c"] == [("a", "x"), ("b", "x")]


def test_rows_that_repeat_come_back_under_a_constraint_of_the_table(site: Site) -> None:
    """As with an index, where the one that stayed is another now."""
    site.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)")
    site.run("INSERT INTO t VALUES (1, 'a', 'b'), (2, 'a', 'b')")
    wish = Schema.from_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, UNIQUE (a, b))")
    result = site.applier().sync_schema(wish, SyncOptions(force=True))
    site.run("UPDATE t SET b = 'new'")
    site.back(result)
    assert site.rows("id, a, b", "t") == [(1, "a", "b"), (2, "a", "new")]


def test_whole_numbers_that_no_double_holds(site: Site) -> None:
    """What the declared type alone made of them is known as theirs, and not as a change since."""
    site.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (9007199254740993), ('x'), (NULL)")
    result = site.applier().sync_schema(Schema.from_sql("CREATE TABLE t (a REAL)"), SyncOptions(force=True))
    back = site.back(result)
    assert site.rows("rowid, a", "t") == [(1, 1), (2, 9007199254740993), (3, "x"), (4, None)]
    assert back.rollback_info is not None and back.rollback_info.conflicts == 0


ODD = [
    "1",
    "1.5",
    "'x'",
    "'007'",
    "'1e3'",
    "' 5 '",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "1e300",
    "0.1",
    "''",
    "'9007199254740993'",
    "'9223372036854775808'",
    "x'31'",
    "NULL",
    "9e999",
    "'12.0'",
    "'0x10'",
    "123456789012345678.0",
    "'1.50'",
]


@pytest.mark.parametrize(
    ("before", "after"),
    [(a, b) for a in ("INT", "REAL", "TEXT", "NUMERIC", "") for b in ("INT", "REAL", "TEXT", "") if a != b],
)
def test_declared_types_there_and_back(site: Site, before: str, after: str) -> None:
    """What only the declared type makes of odd values is backed up; back, none is said to be lost, and none is."""
    site.run(f"CREATE TABLE t (id INTEGER PRIMARY KEY, a {before})")
    site.run(*(f"INSERT INTO t (a) VALUES ({value})" for value in ODD))
    was = site.rows("id, a, typeof(a)", "t")
    wish = Schema.from_sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, a {after})")
    result = site.applier().sync_schema(wish, SyncOptions(force=True))
    site.back(result, RollbackOptions())
    assert site.rows("id, a, typeof(a)", "t") == was


def test_a_text_that_a_real_column_would_round_is_told(site: Site) -> None:
    """Its double is another number; one that is only spelled otherwise then is not."""
    site.run("CREATE TABLE t (a TEXT)", "INSERT INTO t VALUES ('9007199254740993'), ('1'), ('1.5'), ('2.0')")
    with pytest.raises(DataLossRiskError, match=r"\(1 row\)"):
        site.applier().sync_schema(Schema.from_sql("CREATE TABLE t (a REAL)"))
