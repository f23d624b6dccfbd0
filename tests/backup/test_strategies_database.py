"""The whole database: the same file by each way, beside writers, in any journal mode, and its chains."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate.backup.chain import page_index, why_full
from sodaf_migrate.backup.payload import Link
from sodaf_migrate.backup.restore import restore_table
from sodaf_migrate.backup.restore_database import one_table, restore_database, restore_into
from sodaf_migrate.backup.strategies.full_database import full_database
from sodaf_migrate.backup.strategies.incremental_database import changed_pages
from sodaf_migrate.backup.strategies.schema import schema_only
from sodaf_migrate.errors import BackupDamagedError, BackupError
from sodaf_migrate.wire.connection import Wire
from tests.backup.kit import Kept, database, facts, keep
from tests.oracle import difference

SHOP = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a, b TEXT)",
    "CREATE INDEX i ON t (b)",
    "CREATE VIEW v AS SELECT a FROM t",
    "CREATE TRIGGER g AFTER UPDATE ON t BEGIN SELECT 1; END",
    "CREATE VIRTUAL TABLE f USING fts5(x)",
    "INSERT INTO f VALUES ('words of it')",
    "WITH n(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM n WHERE n < 500)"
    " INSERT INTO t (a, b) SELECT randomblob(200), hex(randomblob(40)) FROM n",
    "PRAGMA user_version = 7",
)


@pytest.mark.parametrize("mode", ["delete", "wal", "truncate", "persist"])
@pytest.mark.parametrize("direct", [True, False])
def test_each_way_gives_the_same_database(tmp_path: Path, folder: Path, mode: str, direct: bool) -> None:
    """Read as a file or copied by SQLite: what comes back is what was there, in the journal mode it had."""
    path = tmp_path / "a.db"
    with database(path, [f"PRAGMA journal_mode = {mode}", *SHOP]) as wire:
        link = keep(wire, lambda look: full_database(look, folder=folder, direct=direct))
        assert link.source.manifest["way"] == ("file" if direct else "copy")
        restore_database([link], tmp_path / "b.db")
        assert (tmp_path / "b.db").stat().st_mode & 0o777 == 0o600
        ignored = ["file"] if mode in ("truncate", "persist") else []  # those are of a connection, not of a file
        assert difference(facts(path), facts(tmp_path / "b.db"), ignore=ignored) == []
        with closing(sqlite3.connect(tmp_path / "b.db")) as found:
            assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_reader_of_an_older_state_keeps_pages_in_the_log(tmp_path: Path, folder: Path) -> None:
    """In WAL mode frames that cannot be copied into the file are read where they are."""
    with database(tmp_path / "a.db", ["PRAGMA journal_mode = wal", *SHOP]) as wire:
        reader = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        wire.run("UPDATE t SET a = 'new'")
        link = keep(wire, lambda look: full_database(look, folder=folder))
        reader.close()
        assert link.source.manifest["way"] == "log"
        restore_database([link], tmp_path / "b.db")
        assert difference(facts(tmp_path / "a.db"), facts(tmp_path / "b.db")) == []


def test_a_database_in_memory(folder: Path, tmp_path: Path) -> None:
    """Its owner's connection alone can see it, also while it holds the lock."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for sql in SHOP:
        connection.execute(sql)
    with database_of(connection) as wire:
        link = keep(wire, lambda look: full_database(look, folder=folder))
    restore_database([link], tmp_path / "b.db")
    assert difference(facts(connection), facts(tmp_path / "b.db"), ignore=["file"]) == []
    connection.close()


def database_of(connection: sqlite3.Connection):  # type: ignore[no-untyped-def]
    """A wire to a caller's connection."""
    from sodaf_migrate.wire.open import open_wire

    return open_wire(connection)


def test_into_a_living_database(tmp_path: Path, folder: Path) -> None:
    """Other connections stay open and see the old state before and the new one after."""
    for mode in ("delete", "wal"):
        with database(tmp_path / f"{mode}.db", [f"PRAGMA journal_mode = {mode}", *SHOP]) as wire:
            other = sqlite3.connect(tmp_path / f"{mode}.db", isolation_level=None)
            before = facts(other)
            link = keep(wire, lambda look: full_database(look, folder=folder))
            wire.run("DELETE FROM t WHERE id > 9")
            wire.run("CREATE TABLE more (x)")
            assert other.execute("SELECT count(*) FROM t").fetchone() == (9,)
            restore_into(wire, [link], folder=folder)
            assert difference(before, facts(other)) == []
            other.close()


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_other_encodings(tmp_path: Path, folder: Path, encoding: str) -> None:
    """A database in UTF-16 comes back into itself, as a file, and one table of it."""
    with database(tmp_path / "a.db", [f"PRAGMA encoding = '{encoding}'", *SHOP]) as wire:
        before = facts(tmp_path / "a.db")
        link = keep(wire, lambda look: full_database(look, folder=folder, direct=False))
        wire.run("DELETE FROM t")
        with one_table([link], "t", folder) as table:
            restore_table(wire, [table], folder=folder)
        assert difference(before, facts(tmp_path / "a.db")) == []
        wire.run("DELETE FROM t")
        restore_into(wire, [link], folder=folder)
        assert difference(before, facts(tmp_path / "a.db")) == []
    restore_database([link], tmp_path / "b.db")
    assert difference(before, facts(tmp_path / "b.db")) == []


def test_a_file_is_never_replaced(tmp_path: Path, folder: Path) -> None:
    """Somebody may have it open."""
    with database(tmp_path / "a.db", SHOP) as wire:
        link = keep(wire, lambda look: full_database(look, folder=folder))
    with pytest.raises(BackupError, match="never replaced"):
        restore_database([link], tmp_path / "a.db")


def test_one_table_of_the_whole(tmp_path: Path, folder: Path) -> None:
    """A backup of everything brings back one table alone."""
    with database(tmp_path / "a.db", SHOP) as wire:
        before = facts(tmp_path / "a.db")
        link = keep(wire, lambda look: full_database(look, folder=folder))
        wire.run("DELETE FROM t WHERE id < 100")
        with one_table([link], "t", folder) as table:
            assert restore_table(wire, [table], folder=folder).inserted == 99
    assert difference(before, facts(tmp_path / "a.db")) == []


def edit(wire: Wire, chance: random.Random, number: int) -> None:
    """A random change of rows or schema."""
    low = chance.randrange(500)
    wire.run("UPDATE t SET a = ? WHERE id BETWEEN ? AND ?", (chance.random(), low, low + 5))
    wire.run("DELETE FROM t WHERE id BETWEEN ? AND ?", (low + 30, low + 30 + chance.randrange(40)))
    wire.run("INSERT INTO t (a, b) SELECT a, b || ? FROM t LIMIT ?", (number, chance.randrange(60)))
    what = chance.randrange(5)
    if what == 0:
        wire.run(f"ALTER TABLE t ADD COLUMN new{number} INTEGER DEFAULT {number}")
    elif what == 1:
        wire.run(f"CREATE TABLE other{number} AS SELECT * FROM t")
    elif what == 2:
        wire.run("VACUUM")
    elif what == 3:
        wire.run("DELETE FROM t WHERE id % 2")


def test_a_chain_of_eight_gives_each_state(tmp_path: Path, folder: Path) -> None:
    """A full backup and seven differences, through growth, shrinking and VACUUM: each gives its moment."""
    chance = random.Random(5)
    states, links = [], []
    with database(tmp_path / "a.db", ["PRAGMA journal_mode = wal", *SHOP]) as wire:
        for number in range(8):
            if links:
                edit(wire, chance, number)
                index = page_index(links)
                size = links[-1].source.manifest["page_size"]
                assert why_full([link.source.manifest for link in links], "database difference", size) == ""
                links.append(
                    keep(wire, lambda look, i=index, s=size: changed_pages(look, i, s, folder=folder), f"n{number}")
                )
            else:
                links.append(keep(wire, lambda look: full_database(look, folder=folder), "n0"))
            states.append(facts(tmp_path / "a.db"))
    assert "more than 8" in why_full([link.source.manifest for link in links], "database difference", size)
    for number, state in enumerate(states):
        restore_database(links[: number + 1], tmp_path / f"{number}.db")
        assert difference(state, facts(tmp_path / f"{number}.db")) == [], number
    small = links[1].source
    assert isinstance(small, Kept) and isinstance(links[0].source, Kept)
    assert len(small.data) < len(links[0].source.data)


def test_damage_in_a_chain_is_named(tmp_path: Path, folder: Path) -> None:
    """A link that is missing, or of another chain, shows at the end; one that cannot be read says its name."""
    links: list[Link] = []
    with database(tmp_path / "a.db", SHOP) as wire:
        links.append(keep(wire, lambda look: full_database(look, folder=folder), "first"))
        for name in ("second", "third"):
            wire.run("UPDATE t SET a = ? WHERE id BETWEEN ? AND ?", (name, len(links) * 100, len(links) * 100 + 50))
            index = page_index(links)
            links.append(keep(wire, lambda look, i=index: changed_pages(look, i, 4096, folder=folder), name))
    with pytest.raises(BackupDamagedError, match='"third" is damaged: the pages are not those'):
        restore_database([links[0], links[2]], tmp_path / "b.db")
    cut = links[1].source
    assert isinstance(cut, Kept)
    cut.data = cut.data[:9_000]
    with pytest.raises(BackupDamagedError, match='"second", on which "third" stands, is damaged'):
        restore_database(links, tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists() and not list(tmp_path.glob("*.tmp"))


def test_the_schema_alone(tmp_path: Path, folder: Path) -> None:
    """SCHEMA holds every stored text, in the order of creation, and no byte of a row."""
    with database(tmp_path / "a.db", SHOP) as wire:
        link = keep(wire, schema_only)
        own = keep(wire, lambda look: schema_only(look, "t"))
    texts = [item["sql"] for item in link.source.manifest["schema"]]
    assert texts[:5] == list(SHOP[:5])
    assert [item["name"] for item in own.source.manifest["schema"]] == ["t", "i", "g"]
    assert list(link.source.chunks()) == []
