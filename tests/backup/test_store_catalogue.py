"""The catalogue of backups in the database: rows as written, rows that somebody altered, and other people's tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup import catalogue
from sodaf_migrate.backup.container import BackupWriter, new_prologue
from sodaf_migrate.backup.describe import created_of, described
from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.keys import UNENCRYPTED, KeyRing, generate_key
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.errors import BackupDamagedError, BackupError
from sodaf_migrate.history.tables import CATALOGUE, is_internal
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import memory_wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    """An empty database in memory."""
    with memory_wire() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> BackupStore:
    """An empty store."""
    return BackupStore(tmp_path / "store")


def written(store: BackupStore, ring: KeyRing, **more: Any) -> BackupInfo:
    """A real backup file in the store."""
    values = {"type": "FULL", "scope": "table", "doctype": "Customer", **more}
    if not ring.keys:
        values["alg"] = "NONE"
    prologue = new_prologue(**values)
    name = store.name_for(prologue.id, prologue.type, created_of(prologue))
    with store.writing(), BackupWriter(store.path_for(name), prologue, ring, threads=1) as writer:
        writer.manifest({})
        writer.write(b"rows")
        done = writer.finish({})
    return described(store, name, checksum=done.sha256)


def test_what_is_written_is_read(wire: Wire, store: BackupStore) -> None:
    """Every value comes back, of encrypted and of readable backups, and the file alone says the same again."""
    about = {"records": 7, "migration": "m1", "parts": [{"table": 'a"b', "columns": ["\u00e4"], "rows": 7}]}
    infos = [
        written(store, KeyRing((generate_key(),)), about=about, type="COLUMN"),
        written(store, UNENCRYPTED, doctype=None, scope="database"),
    ]
    catalogue.ready(wire)
    for info in infos:
        catalogue.add_row(wire, info)
    found = catalogue.rows(wire, store.directory)
    assert sorted(found, key=lambda info: info.id) == sorted(infos, key=lambda info: info.id)
    assert [described(store, info.name) for info in infos] == infos
    assert (infos[0].record_count, infos[0].migration_id, infos[0].encrypted) == (7, "m1", True)
    assert (infos[1].doctype, infos[1].encrypted, infos[1].record_count) == ("", False, None)


def test_no_table_is_an_empty_catalogue(wire: Wire, store: BackupStore) -> None:
    """Before the first backup there are none, and nothing is written to say so."""
    assert catalogue.rows(wire, store.directory) == ()
    assert catalogue.statuses(wire) == {}
    assert wire.query("SELECT name FROM sqlite_schema") == []


def test_the_catalogue_is_no_part_of_the_schema() -> None:
    """Like the history's own tables it is neither compared nor reported."""
    assert is_internal(CATALOGUE) and is_internal(CATALOGUE.upper())


def test_a_table_of_somebody_else(wire: Wire, store: BackupStore) -> None:
    """Another table of the name is left alone and said."""
    wire.run(f'CREATE TABLE "{CATALOGUE}" (id, mine)')
    with pytest.raises(BackupError, match="not the catalogue"):
        catalogue.ready(wire)
    with pytest.raises(BackupError, match="cannot be read"):
        catalogue.rows(wire, store.directory)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("about", "["),
        ("about", "[" * 100_000),
        ("about", "[1]"),
        ("about", b"{}"),
        ("about", json.dumps({"a": "x" * (1 << 20)})),
        ("size", -1),
        ("size", "large"),
        ("created_at", "yesterday"),
        ("created_at", "2026-01-01"),
        ("checksum", b"\x00"),
        ("name", 7.5),
    ],
)
def test_altered_rows(
    wire: Wire, store: BackupStore, column: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A row that makes no sense is left out and logged with the way out; it never gives a wrong answer."""
    catalogue.ready(wire)
    catalogue.add_row(wire, written(store, UNENCRYPTED))
    wire.run(f'UPDATE "{CATALOGUE}" SET {column} = ?', (value,))
    # INTEGER and TEXT columns keep what does not convert; a number in a TEXT column is text, and no name of ours.
    if column == "name":
        (info,) = catalogue.rows(wire, store.directory)
        with pytest.raises(BackupError):
            store.path_of(info.name)
        return
    assert catalogue.rows(wire, store.directory) == () and catalogue.newest(wire) == ()
    assert "cannot be read" in caplog.text and "--rebuild" in caplog.text


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "a/../../b.sdbk", ".."])
def test_a_row_leads_nowhere_else(wire: Wire, store: BackupStore, name: str) -> None:
    """A path that somebody wrote into the catalogue is never followed."""
    catalogue.ready(wire)
    catalogue.add_row(wire, written(store, UNENCRYPTED))
    wire.run(f'UPDATE "{CATALOGUE}" SET name = ?', (name,))
    (info,) = catalogue.rows(wire, store.directory)
    with pytest.raises(BackupError):
        store.path_of(info.name)
    outside = store.directory.parent / "b.sdbk"
    outside.touch()
    with store.alone(), suppress(BackupError):
        store.delete(info.name)
    assert outside.exists()


def test_a_renamed_file_is_found_out(store: BackupStore) -> None:
    """A file under the name of another backup is refused: the public part says which one it is."""
    one, two = written(store, UNENCRYPTED), written(store, UNENCRYPTED)
    store.path_of(one.name).replace(store.path_of(two.name))
    with pytest.raises(BackupDamagedError, match="another one"):
        described(store, two.name)
