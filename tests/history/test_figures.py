"""Figures of steps: kept with each record, and read back as the pace of this site."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from sodaf_migrate import DocTypeEngine, MigrationApplier, SyncOptions
from sodaf_migrate.dialects.sqlite.effort import MODEL, Size, expected_seconds, size_of, work_of
from sodaf_migrate.history.figures import figures_text, pace
from sodaf_migrate.plan import Cost, Statement, Step
from sodaf_migrate.wire.open import memory_wire

FIELDS = [{"fieldname": "a", "fieldtype": "Data"}, {"fieldname": "b", "fieldtype": "Int"}]


def told(kind: str, seconds: float, expected: float, model: int = MODEL) -> str:
    """The figures of one step."""
    return figures_text([{"kind": kind, "seconds": seconds, "expected": expected}], model=model, waited=0.0)


def test_pace_is_the_sum_of_what_was_taken_over_what_was_expected() -> None:
    """By kind; long steps weigh more than short ones, and very short ones nothing."""
    recorded = [told("rebuild", 3.0, 1.0), told("rebuild", 1.0, 1.0), told("scan", 0.5, 1.0), told("scan", 0.001, 9.0)]
    assert pace(recorded, model=MODEL) == {"rebuild": 2.0, "scan": 0.5}


def test_pace_of_what_cannot_be_read_or_compared() -> None:
    """Other rates, broken texts and mishaps say nothing, or no more than may be."""
    odd = ["", "[]", '{"model": 1, "steps": [3, {"kind": 4}]}', told("scan", 1.0, 1.0, model=MODEL + 1)]
    assert pace(odd, model=MODEL) == {}
    assert pace([told("scan", 1e9, 1.0)], model=MODEL) == {"scan": 50.0}


def applier(path: Path, *more: dict[str, object]) -> MigrationApplier:
    """An applier of one DocType."""
    return MigrationApplier(path, DocTypeEngine.from_doctypes([{"name": "Big", "fields": [*FIELDS, *more]}]))


def test_every_step_leaves_its_figures(tmp_path: Path) -> None:
    """Kind, seconds, rows and bytes of each step are in the record, and the chain still holds."""
    path = tmp_path / "site.db"
    applier(path).sync_doctype("Big")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO tabBig(name, a) VALUES (?, 'x')", ((str(n),) for n in range(500)))
    indexed = applier(path, {"fieldname": "c", "fieldtype": "Data", "indexed": True})
    indexed.sync_doctype("Big", SyncOptions())
    figures = json.loads(str(indexed.history.get_migration_history()[-1].figures))
    assert figures["model"] == MODEL and figures["waited"] >= 0
    last = figures["steps"][-1]
    assert (last["kind"], last["target"], last["table_rows"]) == ("scan", "tabBig", 500)
    assert last["bytes"] > 500 and last["seconds"] > 0 and last["expected"] > 0
    assert indexed.history.verify() == ()


def test_estimates_take_the_pace_of_the_site(tmp_path: Path) -> None:
    """A site that was ten times as slow as expected is told ten times the seconds, and from where."""
    path = tmp_path / "site.db"
    applier(path).sync_doctype("Big")
    wanted = applier(path, {"fieldname": "c", "fieldtype": "Data", "indexed": True})
    default = wanted.dry_run("Big")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tabMigrationHistory SET figures = ?", (told("scan", 10.0, 1.0),))
    slow = wanted.dry_run("Big")
    assert (default.estimated_from, slow.estimated_from) == ("measured defaults", "rates of this site")
    assert round(slow.estimates[-1].seconds / default.estimates[-1].seconds) == 10
    assert slow.estimates[-1].source == "this site"


def test_sizes() -> None:
    """Rows are counted while they are few; of many, what ANALYZE counted; never more than fit the file."""
    with memory_wire() as wire:
        wire.run('CREATE TABLE "a ""b" (x TEXT, y BLOB, z AS (x || 1) VIRTUAL)')
        wire.run("CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID")
        wire.run("CREATE VIEW v AS SELECT 1")
        wire.run("CREATE VIRTUAL TABLE f USING fts5(t)")
        assert size_of(wire, 'a "b') == Size(0, 0, 0, 2)
        for n in range(50):
            wire.run('INSERT INTO "a ""b" (x, y) VALUES (?, zeroblob(94))', ("x" * (n % 10),))
            wire.run("INSERT INTO w VALUES (?, 1.5)", (str(n),))
        size = size_of(wire, 'A "B')
        assert size is not None and size.rows == 50 and 95 * 50 < size.bytes < 130 * 50
        assert size_of(wire, "w") is not None and size_of(wire, "v") is None and size_of(wire, "none") is None
        assert size_of(wire, "f") is None  # its rows are in tables of its own
        wire.run('INSERT INTO "a ""b" (rowid, x) VALUES (5000000, 1)')
        far = size_of(wire, 'a "b')
        held = wire.value("PRAGMA page_count") * wire.value("PRAGMA page_size")
        assert far is not None and far.rows >= 51 and far.bytes <= held  # far apart is not many
        wire.run("ANALYZE")
        assert size_of(wire, 'a "b').rows == 51  # type: ignore[union-attr]


def test_what_a_statement_does() -> None:
    """Each statement of a plan has its work; what is dearer takes longer."""
    works = {
        'ALTER TABLE main."t" RENAME TO "u"': "catalogue",
        'ALTER TABLE main."t" DROP COLUMN "c"': "write",
        'INSERT OR ABORT INTO main."t__rebuild1" ("a") SELECT "a" FROM main."t"': "copy",
        "DELETE FROM main.sqlite_sequence WHERE name = 't'": "catalogue",
        'CREATE UNIQUE INDEX "i" ON "t" ("a")': "index",
        'DROP TABLE main."t"': "drop",
        'UPDATE main."t" SET "a" = 1': "write",
    }
    assert {sql: work_of(Statement(sql=sql)) for sql in works} == works
    assert work_of(Statement(sql="SELECT 1 FROM a AS b JOIN c", check="x")) == "compare"
    assert work_of(Statement(sql="SELECT integrity_check FROM pragma_integrity_check('t')", check="x")) == "verify"
    small, large = Size(1_000, 100_000, 2, 5), Size(1_000_000, 100_000_000, 2, 5)
    for sql, work in works.items():
        step = Step(title="", target="t", cost=Cost.SCAN, reason="", up=(Statement(sql=sql),), down=())
        longer = expected_seconds(step, large) > 10 * expected_seconds(step, small)
        assert longer == (work != "catalogue"), sql
