"""Differences that cannot follow on what is there, rows that cannot find their place: each is said, none guessed."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.chain import _Pages, attached_payload, page_index, why_full
from sodaf_migrate.backup.check import Found
from sodaf_migrate.backup.file_reading import file_bytes
from sodaf_migrate.backup.files import FileOps
from sodaf_migrate.backup.keys import Key, KeyRing
from sodaf_migrate.backup.listing import found
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.backup.originals import Originals
from sodaf_migrate.backup.prologue import Parent, new_prologue, parse_prologue
from sodaf_migrate.backup.rehearsal import rehearse
from sodaf_migrate.backup.restore import restore_table
from sodaf_migrate.backup.restore_database import one_table, restore_database, restore_into
from sodaf_migrate.backup.strategies.column import lost_values
from sodaf_migrate.backup.strategies.full_database import full_database
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.backup.strategies.incremental_database import NUMBER_BYTES, changed_pages
from sodaf_migrate.backup.strategies.incremental_table import changed_rows
from sodaf_migrate.errors import BackupDamagedError, BackupError, StatementError, UnknownBackupError
from sodaf_migrate.events import Progress
from sodaf_migrate.options import PruneOptions
from sodaf_migrate.plan import Loss
from sodaf_migrate.wire.open import open_wire
from tests.backup.kit import Kept, database, facts, keep
from tests.oracle import difference


def test_why_a_full_one_is_made() -> None:
    """A chain of another kind, and pages of another size, carry no difference."""
    table, pages = {"kind": "table"}, {"kind": "database", "page_size": 4096}
    assert why_full([table], "database difference", 4096) == "the chain is of another kind"
    assert why_full([pages], "database difference", 8192) == "the database has pages of another size now"
    assert why_full([pages], "database difference", 4096) == ""


def test_a_chain_in_the_wrong_order(tmp_path: Path, folder: Path) -> None:
    """A difference first, a full one second, or nothing at all: the restore says what it needs."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]) as wire:
        full = keep(wire, lambda look: full_table(look, "t", folder=folder), "full")
        wire.run("INSERT INTO t VALUES (2)")
        later = keep(wire, lambda look: changed_rows(look, "t", [full], folder=folder), "later")
        for chain in ([later], [full, full]):
            with pytest.raises(BackupError, match=r'is a "table.*" where a "table.*" has to be') as caught:
                restore_table(wire, chain, folder=folder)
            assert caught.value.hint and "oldest first" in caught.value.hint
        with pytest.raises(BackupError, match="without any backup gives nothing"):
            page_index([])


def test_a_database_that_is_cut_short(tmp_path: Path, folder: Path) -> None:
    """The number of its pages and of its bytes have to agree."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a)"]) as wire:
        link = keep(wire, lambda look: full_database(look, folder=folder), "full")
    assert isinstance(link.source, Kept)
    link.source.data = link.source.data[:-4096]
    with pytest.raises(BackupDamagedError, match="which are not its"):
        restore_database([link], tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()


def test_pages_of_another_size(tmp_path: Path, folder: Path) -> None:
    """No difference follows, and no database in WAL mode takes them: it could not change its own size."""
    small = ["PRAGMA page_size = 1024", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]
    with database(tmp_path / "a.db", small) as wire:
        link = keep(wire, lambda look: full_database(look, folder=folder))
        index = page_index([link])
        with pytest.raises(BackupError, match="have 1024 bytes now and 4096 in the parent"):
            keep(wire, lambda look: changed_pages(look, index, 4096, folder=folder))
    with database(tmp_path / "b.db", ["PRAGMA journal_mode = wal", "CREATE TABLE other (b)"]) as wire:
        before = facts(tmp_path / "b.db")
        with pytest.raises(BackupError, match='mode "wal" keeps') as caught:
            restore_into(wire, [link], folder=folder)
        assert caught.value.hint and difference(before, facts(tmp_path / "b.db")) == []
        wire.run("PRAGMA journal_mode = delete")
        restore_into(wire, [link], folder=folder)
        assert wire.query("SELECT a FROM t") == [(1,)]


def test_a_database_in_memory_takes_a_backup(tmp_path: Path, folder: Path) -> None:
    """It has no readers to wait for; what it held is shown before it is overwritten."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]) as wire:
        link = keep(wire, lambda look: full_database(look, folder=folder))
    seen = []
    memory = sqlite3.connect(":memory:")
    memory.execute("CREATE TABLE was (b)")
    with closing(memory), open_wire(memory) as wire:
        names = "SELECT name FROM sqlite_schema"
        restore_into(wire, [link], folder=folder, before=lambda look: seen.append(look.wire.value(names)))
        assert (seen, wire.query("SELECT a FROM t")) == (["was"], [(1,)])


def test_a_difference_of_many_pages(tmp_path: Path, folder: Path) -> None:
    """More of them than go through memory at a time."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]) as wire:
        full = keep(wire, lambda look: full_database(look, folder=folder), "full")
        with wire.atomic():
            for _ in range(200):
                wire.run("INSERT INTO t VALUES (?)", (random.Random(3).randbytes(20_000),))
        state = facts(tmp_path / "a.db")
        later = keep(wire, lambda look: changed_pages(look, page_index([full]), 4096, folder=folder), "later")
    restore_database([full, later], tmp_path / "b.db")
    assert difference(state, facts(tmp_path / "b.db")) == []


def test_one_table_of_a_whole_has_an_end_too(tmp_path: Path, folder: Path) -> None:
    """What is taken out of a backup of all is a source like any other."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]) as wire:
        link = keep(wire, lambda look: full_database(look, folder=folder))
    with one_table([link], "t", folder) as table:
        assert b"".join(table.source.chunks()) and table.source.manifest["table"]["rows"] == 1
        assert isinstance(table.source.trailer, dict)


def test_rows_that_nothing_tells_apart(tmp_path: Path, folder: Path) -> None:
    """No key, and all three names of the rowid are columns: no difference, and no restore over live rows."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a, b)", "INSERT INTO t VALUES (1, 2)"]) as wire:
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
        wire.run("DROP TABLE t")
        wire.run("CREATE TABLE t (a, rowid, oid, _rowid_)")
        wire.run("INSERT INTO t VALUES (9, 1, 1, 1)")
        with pytest.raises(BackupError, match="its columns use all of rowid, _rowid_ and oid as names"):
            keep(wire, lambda look: changed_rows(look, "t", [link], folder=folder))
        with pytest.raises(BackupError, match="no key and no rowid is in both") as caught:
            restore_table(wire, [link], folder=folder)
        assert caught.value.hint and wire.query("SELECT a FROM t") == [(9,)]


def test_a_key_that_changed(tmp_path: Path, folder: Path) -> None:
    """Rows of a WITHOUT ROWID table are known by their key alone."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a, b, PRIMARY KEY (a)) WITHOUT ROWID"]) as wire:
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
        wire.run("DROP TABLE t")
        wire.run("CREATE TABLE t (a, b, PRIMARY KEY (b)) WITHOUT ROWID")
        with pytest.raises(BackupError, match="its primary key was another one then"):
            keep(wire, lambda look: changed_rows(look, "t", [link], folder=folder))


def test_a_trigger_that_cannot_be_made_any_more(tmp_path: Path, folder: Path) -> None:
    """The table and its rows come back; what named something that is gone is told."""
    shop = ["CREATE TABLE t (a)", "CREATE INDEX i ON t (upside_down(a))"]
    with database(tmp_path / "a.db", shop[:1]) as wire:
        wire.connection.create_function("upside_down", 1, lambda value: value, deterministic=True)
        wire.run(shop[1])
        wire.run("INSERT INTO t VALUES (1)")
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
    with database(tmp_path / "b.db") as wire:
        report = restore_table(wire, [link], folder=folder)
        assert wire.query("SELECT a FROM t") == [(1,)]
        assert any('index "i" was not made: no such function' in note for note in report.notes)


def test_children_of_a_key_that_is_none(tmp_path: Path, folder: Path) -> None:
    """A foreign key that points to no key was broken before; the restore does not trip over it."""
    shop = [
        "CREATE TABLE t (a)",
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE child (x REFERENCES t (a))",
        "INSERT INTO child VALUES (5)",
    ]
    with database(tmp_path / "a.db", shop) as wire:
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
        wire.run("UPDATE t SET a = 2")
        assert restore_table(wire, [link], folder=folder).overwritten == 1
        assert wire.query("SELECT a FROM t") == [(1,)]


@pytest.fixture
def manager(tmp_path: Path) -> MigrationBackupManager:
    """The backups of a database with one table."""
    with database(tmp_path / "site.db", ["CREATE TABLE tabItem (name TEXT PRIMARY KEY, n)"]) as wire:
        wire.run("INSERT INTO tabItem VALUES ('a', 1), ('b', 2)")
    return MigrationBackupManager(tmp_path / "site.db", ring=KeyRing((Key(bytes(range(32))),)))


def test_the_whole_database_step_by_step(manager: MigrationBackupManager, tmp_path: Path) -> None:
    """An incremental backup of it stands on the full one, and gives the later state."""
    full = manager.create_backup()
    with database(tmp_path / "site.db") as wire:
        wire.run("INSERT INTO tabItem VALUES ('c', 3)")
    later = manager.create_backup(type="INCREMENTAL")
    assert (later.type, later.parent) == ("INCREMENTAL", full.id)
    manager.restore_from_backup(later.id, database=tmp_path / "copy.db")
    with database(tmp_path / "copy.db") as wire:
        assert wire.query("SELECT name FROM tabItem ORDER BY 1") == [("a",), ("b",), ("c",)]


def test_values_have_no_other_place_to_go(manager: MigrationBackupManager, tmp_path: Path) -> None:
    """A COLUMN backup goes back where it was; a dry run of that changes nothing."""
    made = manager.create_column_backup("Item", ["n"])
    with database(tmp_path / "site.db") as wire:
        wire.run("UPDATE tabItem SET n = 7 WHERE name = 'a'")
    with pytest.raises(BackupError, match="go back where they were"):
        manager.restore_from_backup(made.id, into="other")
    assert manager.restore_from_backup(made.id, dry_run=True).dry_run
    with database(tmp_path / "site.db") as wire:
        assert wire.query("SELECT n FROM tabItem ORDER BY name") == [(7,), (2,)]


def test_an_id_that_is_not_enough(manager: MigrationBackupManager) -> None:
    """Two backups whose ids begin alike are not told apart by that beginning."""
    made = manager.create_backup("Item")
    alike = replace(made, id=made.id[:8] + "f" * 24)
    assert found(made.id[:8], [made]) is made and found(made.id, [made, alike]) is made
    with pytest.raises(UnknownBackupError, match="2 backups have ids that begin with") as caught:
        found(made.id[:8], [made, alike])
    assert caught.value.hint


def test_what_a_prune_tells(manager: MigrationBackupManager) -> None:
    """As plain values too: each backup, and why it stays."""
    made = manager.create_backup("Item")
    told = manager.prune(PruneOptions(max_count=0), dry_run=True).to_dict()
    assert (told["dry_run"], told["deleted"], told["freed"]) == (True, [], 0)
    assert [(each["id"], bool(each["reason"])) for each in told["kept"]] == [(made.id, True)]
    assert json.loads(json.dumps(told)) == told


def test_a_backup_that_cannot_be_read_back_is_none(manager: MigrationBackupManager) -> None:
    """The disk took the bytes and gives others: no file stays that looks like a backup, and nothing is on record."""

    class Forgetful(FileOps):
        """Reads zeros where the sealed chunks are."""

        def read(self, descriptor: int, length: int, offset: int) -> bytes:
            """What was written, but not from the second kilobyte on."""
            data = super().read(descriptor, length, offset)
            return data if offset < 1024 else bytes(len(data))

    broken = MigrationBackupManager(manager.store.directory.with_suffix(""), ring=manager.ring, files=Forgetful())
    with pytest.raises(BackupDamagedError):
        broken.create_backup("Item")
    assert broken.store.names() == () and broken.list_backups() == ()


def test_a_catalogue_of_another_make(manager: MigrationBackupManager, tmp_path: Path) -> None:
    """A table of its name with other columns is named, with what to do; any other fault of SQLite stays what it is."""
    with database(tmp_path / "site.db", ["CREATE TABLE tabMigrationBackup (what)"]):
        pass
    with pytest.raises(BackupError, match="catalogue of backups cannot be read: no such column"):
        manager.list_backups()
    with database(tmp_path / "site.db", ["DROP TABLE tabMigrationBackup"]) as wire:
        wire.run("CREATE VIEW tabMigrationBackup AS SELECT unheard_of(1)")
    with pytest.raises(StatementError, match="unheard_of"):
        manager.list_backups()


def test_values_that_cannot_find_their_rows(tmp_path: Path, folder: Path) -> None:
    """A key with NULLs in it, and rowids that are not kept: no backup of such values is made; it says what helps."""
    rows = ["CREATE TABLE t (k TEXT PRIMARY KEY, a)", "INSERT INTO t VALUES (NULL, 1), (NULL, 2)"]
    loss = Loss(table="t", columns=("a",), became=("NULL",), key=("k",), rowid=False)
    with database(tmp_path / "a.db", rows) as wire:
        with pytest.raises(BackupError, match="would not find their rows again") as caught:
            keep(wire, lambda look: lost_values(look, [loss], folder=folder))
        assert caught.value.hint and "primary key" in caught.value.hint


def test_a_restored_database_that_sqlite_finds_damaged(tmp_path: Path, folder: Path) -> None:
    """An index without one of its entries is no error for a reader, and is found all the same."""
    rows = ["CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2), (3)", "CREATE INDEX i ON t (a)"]
    with database(tmp_path / "a.db", rows) as wire:
        root = wire.value("SELECT rootpage FROM sqlite_schema WHERE name = 'i'")
        link = keep(wire, lambda look: full_database(look, folder=folder))
    source = link.source
    assert isinstance(source, Kept)
    cells = (root - 1) * 4096 + 3
    assert source.data[cells : cells + 2] == b"\x00\x03"
    source.data = source.data[:cells] + b"\x00\x02" + source.data[cells + 2 :]
    found = Found([])
    rehearse([link], folder, found)
    assert found.damaged and any("damaged" in words for words in found.problems)


def test_a_process_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system starts none, the file is not read that way; where it fails, the backup does too."""
    path = tmp_path / "a.db"
    with database(path, ["CREATE TABLE t (a)"]):
        pass
    pages = path.stat().st_size // 4096
    with file_bytes(path, 4096, pages) as blocks:
        assert blocks is not None and b"".join(blocks) == path.read_bytes()
    with (
        file_bytes(path, 4096, 2 * pages) as blocks,
        pytest.raises(BackupError, match="could not be read by the process"),
    ):
        assert blocks is not None
        list(blocks)
    monkeypatch.setattr("sys.executable", str(tmp_path / "no python here"))
    with file_bytes(path, 4096, pages) as blocks:
        assert blocks is None


def test_values_whose_rows_are_gone_are_counted(manager: MigrationBackupManager, tmp_path: Path) -> None:
    """What has no row to go back to stays in the backup, and the answer says how much."""
    made = manager.create_column_backup("Item", ["n"])
    with database(tmp_path / "site.db", ["DELETE FROM tabItem WHERE name = 'a'", "UPDATE tabItem SET n = 9"]):
        pass
    told = manager.restore_from_backup(made.id).told
    assert any("have no row, or no column, to go back to" in words for words in told), told


def test_a_parent_that_is_spelled_wrong(manager: MigrationBackupManager) -> None:
    """A difference names its parent by two hexadecimal numbers, and nothing else is believed to be one."""
    said = new_prologue(type="INCREMENTAL", scope="table", doctype="Item", parent=Parent("ab" * 16, "cd" * 32))
    assert parse_prologue(said.encoded) == said
    for good, wrong in (("ab" * 16, "xy" * 16), ("cd" * 32, "CD" * 32)):
        with pytest.raises(BackupDamagedError, match="does not say what a prologue says"):
            parse_prologue(said.encoded.replace(good.encode(), wrong.encode()))


def test_a_file_that_is_cut_while_it_is_read(manager: MigrationBackupManager, tmp_path: Path) -> None:
    """It was whole when it was opened: that it is not any more is seen at the chunk that is missing."""
    with database(tmp_path / "site.db", ["INSERT INTO tabItem VALUES ('long', randomblob(50000))"]):
        pass
    made = manager.create_backup("Item")

    class Cut(FileOps):
        """The last kilobyte is gone for every read that follows the first look."""

        def read(self, descriptor: int, length: int, offset: int) -> bytes:
            """Half of anything long."""
            data = super().read(descriptor, length, offset)
            return data[: len(data) // 2] if length > 1000 and offset > 1000 else data

    reader = MigrationBackupManager(str(manager.store.directory)[: -len(".backups")], ring=manager.ring, files=Cut())
    (problem,) = reader.verify_backup(made.id).problems
    assert "ends within chunk" in problem


def test_a_copy_is_told_as_it_goes(
    manager: MigrationBackupManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no other process can be had, SQLite copies the database first: the listener hears of it."""
    heard: list[Progress] = []
    path = tmp_path / "site.db"
    with database(path, ["INSERT INTO tabItem VALUES ('big', zeroblob(3000000))"]):
        pass
    monkeypatch.setattr("sys.executable", "")
    made = MigrationBackupManager(path, ring=manager.ring, listener=heard.append).create_backup()
    copied = [progress for progress in heard if progress.phase == "copy"]
    assert copied and copied[-1].done == copied[-1].total and copied[-1].unit == "bytes"
    assert manager.verify_backup(made.id, level=2).ok


def test_a_backup_that_is_not_needed_and_cannot_go(
    manager: MigrationBackupManager, caplog: pytest.LogCaptureFixture
) -> None:
    """The change that it was made for failed: that its file stays is logged, and hides no other error."""
    made = manager.create_backup("Item")

    class Stuck(FileOps):
        """Takes no name away."""

        def unlink(self, path: Path) -> None:
            """Refused by the system."""
            raise PermissionError(13, "Permission denied")

    stuck = MigrationBackupManager(str(manager.store.directory)[: -len(".backups")], ring=manager.ring, files=Stuck())
    stuck.discard([made])
    assert "is not needed and could not be deleted" in caplog.text and manager.store.names() == (made.name,)
    manager.discard([made])
    assert manager.store.names() == ()


def test_values_whose_table_is_gone(tmp_path: Path, folder: Path) -> None:
    """A way back does not look for them elsewhere: there is no place to put them, and the hint says what to do."""
    rows = ["CREATE TABLE t (k INTEGER PRIMARY KEY, a)", "INSERT INTO t VALUES (1, 'x')"]
    after: dict[str, Any] = {"new_table": "t", "new_columns": ("a",), "new_key": ("k",)}
    loss = Loss(table="t", columns=("a",), became=("NULL",), key=("k",), rowid=True, **after)
    with database(tmp_path / "a.db", rows) as wire:
        link = keep(wire, lambda look: lost_values(look, [loss], folder=folder))
        wire.run("DROP TABLE t")
        with attached_payload(wire, link, folder):
            originals = Originals(wire, link.source.manifest)
            with pytest.raises(BackupError, match='"t", whose values would come back, is not there') as caught:
                originals.look()
            originals.drop()
        assert caught.value.hint


def test_an_index_in_several_blocks() -> None:
    """That of a large database comes in as many as it needs."""
    page = (1).to_bytes(NUMBER_BYTES, "big") + b"contents"
    pages = _Pages(iter([page[:5], page[5:] + bytes(NUMBER_BYTES) + b"in", b"de", b"x"]), 8)
    assert list(pages) == [(1, b"contents")] and pages.index == b"index"
