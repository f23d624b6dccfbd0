"""Names are data: whatever a definition holds, the schema holds exactly that, and nothing else happens anywhere."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from sodaf_migrate import BackupOptions, DocTypeEngine, MigrationApplier, RollbackOptions, SyncOptions
from sodaf_migrate.backup.keys import generate_key
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.history.tables import TABLES
from sodaf_migrate.report.render import to_html, to_json, to_markdown, to_text

EXAMPLES = 400 if os.environ.get("SODAF_TEST_DEEP") == "1" else 60
KEY = generate_key().encoded()
BACKUP = re.compile(r"\d{8}T\d{6}Z-(full|column|schema|incremental)-[0-9a-f]{32}\.sdbk|\.lock")

PIECES = (
    *("'; DROP TABLE canary; --", '"; DROP TABLE canary; --', "`;--", "]; DROP TABLE canary; --", "') --", '")--'),
    *("../../etc/passwd", "/tmp/x", "..", "a/b", "C:\\x", "file:x?mode=memory", "%s%n", "{0.__class__}", "${HOME}"),
    *("$(touch pwned)", "`touch pwned`", "<script>alert(1)</script>", "[bold]x[/bold]", "|x|", "\x1b[31m", "\u202e"),
    *("a\nb", "a\r\nb", "\t", "\x00", "é", "ẞ", "名前", "🦆", "\ud800", " ", "", "select", "Table", "rowid", "main.x"),
    *("sqlite_x", "tabMigrationHistory", "canary", "x'", 'x"', "x''y", 'x""y', "-- x", "/* x", "*/", ";", "?1", ":a"),
)
HOSTILE = st.one_of(
    st.sampled_from(PIECES),
    st.lists(st.sampled_from(PIECES), min_size=2, max_size=3).map("".join),
    st.text(max_size=12),
)
#: What rules of definitions let through oftener, so that it comes further.
NAMES = st.one_of(st.sampled_from([piece for piece in PIECES if piece.isprintable() and piece.strip()]), HOSTILE)
FIELDS = st.lists(
    st.fixed_dictionaries(
        {
            "fieldname": st.one_of(st.sampled_from(["a", "b", "select", "order"] * 4), HOSTILE),
            "fieldtype": st.sampled_from(["Data", "Data", "Select", "Text", "Int"]),
        },
        optional={
            "label": HOSTILE,
            "default": HOSTILE,
            "options": HOSTILE,
            "description": HOSTILE,
            "unique": st.booleans(),
        },
    ),
    min_size=1,
    max_size=2,
)
DEFINITIONS = st.fixed_dictionaries(
    {"name": NAMES, "fields": FIELDS},
    optional={
        "table_name": NAMES,
        "module": HOSTILE,
        "indexes": st.lists(st.fixed_dictionaries({"fields": st.just(["a"]), "where": HOSTILE}), max_size=1),
    },
)


class Site:
    """A database with a canary, and an applier on it."""

    def __init__(self, folder: Path, definition: dict[str, Any]) -> None:
        self.folder, self.path = folder, folder / "inside" / "site.db"
        self.path.parent.mkdir()
        self.read("CREATE TABLE canary (x); INSERT INTO canary VALUES ('sings')")
        options = BackupOptions(key=KEY)
        self.applier = MigrationApplier(self.path, DocTypeEngine.from_doctypes([definition]), backup_options=options)

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query gives, or several statements leave behind."""
        with closing(sqlite3.connect(self.path)) as connection:
            if ";" in sql:
                connection.executescript(sql)
                return []
            return connection.execute(sql).fetchall()

    def tables(self) -> set[str]:
        """Every table that is not the tool's own, nor SQLite's."""
        found = {name for (name,) in self.read("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")}
        return {name for name in found if name not in TABLES and not name.startswith("sqlite_")}

    def strangers(self) -> list[str]:
        """Files that are neither the database nor in the store, or have no name of ours."""
        found = []
        for path in self.folder.rglob("*"):
            place = str(path.relative_to(self.folder))
            known = ("inside", "inside/site.db", "inside/site.db-journal", "inside/site.db.backups")
            kept = path.parent.name == "site.db.backups" and BACKUP.fullmatch(path.name)
            if place not in known and not kept:
                found.append(place)
        return found


def reported(value: Any) -> None:
    """Every format takes it, and none of them lets a name act."""
    text, page = to_text(value), to_html(value)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\ud800-\udfff]", text)
    assert "<script" not in page and "\x1b" not in page
    to_markdown(value).encode("utf-8", "surrogatepass")
    to_json(value)


@settings(max_examples=EXAMPLES, deadline=None)
@given(DEFINITIONS)
@example({"name": "'; DROP TABLE canary; --", "fields": [{"fieldname": "a", "fieldtype": "Data", "default": "');--"}]})
@example({"name": "A", "table_name": 'x"; DROP TABLE canary', "fields": [{"fieldname": "a", "fieldtype": "Data"}]})
def test_nothing_but_what_the_definition_says(definition: dict[str, Any]) -> None:
    """Taken or refused whole: looked at, synced, reported, backed up, read back from history, and taken back."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            site = Site(Path(folder), definition)
        except MigrationError as error:
            event("refused as a definition")
            assert error.message and "Traceback" not in str(error.to_dict())
            return
        walk(site, definition)
        assert site.read("SELECT x FROM canary") == [("sings",)]
        assert site.strangers() == [] and not Path("pwned").exists()


def walk(site: Site, definition: dict[str, Any]) -> None:
    """The whole life of one definition."""
    applier, name = site.applier, str(definition["name"])
    doctype = applier.engine.get(name)
    try:
        told = applier.dry_run(name)
        reported(told)
        done = applier.sync_doctype(name, SyncOptions(applied_by=name, description=name))
    except MigrationError as error:
        event(f"refused: {error.code}")
        assert site.tables() == {"canary"} and error.message
        return
    event("synced")
    assert site.tables() == {"canary", doctype.table}
    held = [column for (column,) in site.read(f"SELECT name FROM pragma_table_info({literal(doctype.table)})")]
    assert [column for column in held if column not in STANDARD] == [f.fieldname for f in doctype.column_fields]
    assert not applier.sync_doctype(name).changed
    table = '"' + doctype.table.replace('"', '""') + '"'
    site.read(f"INSERT INTO {table} (name) VALUES ('row');")
    for field in doctype.column_fields:
        if field.fieldtype == "Data" and isinstance(field.default, str) and (value := default(site, table, field)):
            assert value == field.default
    made = applier.backups.create_backup(doctype.table)
    assert applier.backups.verify_backup(made.id).ok and applier.backups.inspect(made.id).doctype == made.doctype
    reported(applier.dry_run(name))
    history = applier.get_migration_history(name)
    assert [entry.doctype for entry in history.migrations] == [name] and applier.verify_history() == ()
    to_text(history), to_json(history), to_text(applier.get_migration(str(done.migration_id)))
    applier.rollback_migration(str(done.migration_id), RollbackOptions(force=True))
    assert site.tables() == {"canary"}


STANDARD = ("name", "creation", "modified", "modified_by", "owner", "docstatus", "idx")


def literal(text: str) -> str:
    """A text as SQL has it, without a statement's end in it: that would make the query a script."""
    return "char(" + ",".join(str(ord(char)) for char in text) + ")" if text else "''"


def default(site: Site, table: str, field: Any) -> Any:
    """What a column was given in a row that did not name it."""
    column = '"' + field.fieldname.replace('"', '""') + '"'
    with closing(sqlite3.connect(site.path)) as connection:
        return connection.execute(f"SELECT {column} FROM {table}").fetchone()[0]


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(st.one_of(HOSTILE, st.text(max_size=200)))
def test_hostile_ids(name: str) -> None:
    """An id of a migration or a backup, and a name of a table to restore into, opens nothing that is not there."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), {"name": "Thing", "fields": [{"fieldname": "a", "fieldtype": "Data"}]})
        site.applier.sync_doctype("Thing")
        made = site.applier.backups.create_backup("Thing")
        calls = (
            lambda: site.applier.rollback_migration(name),
            lambda: site.applier.get_migration(name),
            lambda: site.applier.backups.inspect(name) if name != made.id[: len(name)] else None,
            lambda: site.applier.backups.create_backup(name),
            lambda: site.applier.backups.restore_from_backup(made.id, into=name),
        )
        for call in calls:
            try:
                call()
            except MigrationError as error:
                assert error.message
        assert site.read("SELECT x FROM canary") == [("sings",)]
        assert site.tables() - {name} <= {"canary", "tabThing", f"tab{name}"}
        assert site.strangers() == []
