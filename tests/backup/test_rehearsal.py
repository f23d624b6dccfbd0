"""A rehearsed restore finds what the seals cannot: a backup that says one thing of itself and holds another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.check import Found
from sodaf_migrate.backup.payload import Link
from sodaf_migrate.backup.rehearsal import rehearse
from sodaf_migrate.backup.strategies.column import lost_values
from sodaf_migrate.backup.strategies.full_database import full_database
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.backup.strategies.schema import schema_only
from sodaf_migrate.plan import Loss
from tests.backup.kit import Kept, database, keep

SHOP = (
    "CREATE TABLE item (name TEXT PRIMARY KEY, price REAL, note TEXT)",
    "CREATE INDEX by_price ON item (price)",
    "INSERT INTO item VALUES ('a', 1.5, 'x'), ('b', NULL, 'y'), ('c', 3, NULL)",
)
LOSS = Loss(table="item", columns=("note",), became=("NULL",), key=("name",), rowid=True)


STRATEGIES: dict[str, Callable[[Any, Path], Any]] = {
    "table": lambda look, folder: full_table(look, "item", folder=folder),
    "database": lambda look, folder: full_database(look, folder=folder),
    "column": lambda look, folder: lost_values(look, [LOSS], folder=folder),
    "schema": lambda look, folder: schema_only(look, "item"),
}


def told(link: Link, folder: Path) -> tuple[str, ...]:
    """What a rehearsal says of a backup; it counts as damaged exactly where something is wrong."""
    found = Found([])
    rehearse([link], folder, found)
    assert found.damaged == bool(found.problems)
    return tuple(found.problems)


@pytest.fixture
def link(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> tuple[Link, Kept]:
    """One backup of the named kind, and what is kept of it."""
    with database(tmp_path / "a.db", SHOP) as wire:
        made = keep(wire, lambda look: STRATEGIES[request.param](look, folder))
    assert isinstance(made.source, Kept)
    return made, made.source


@pytest.mark.parametrize("link", STRATEGIES, indirect=True)
def test_what_is_good(link: tuple[Link, Kept], folder: Path) -> None:
    """Nothing is said of it, and nothing stays behind in the folder."""
    assert told(link[0], folder) == ()


@pytest.mark.parametrize("link", ["table"], indirect=True)
def test_a_table_with_another_number_of_rows(link: tuple[Link, Kept], folder: Path) -> None:
    """Its manifest counts more than it holds."""
    link[1].manifest["table"]["rows"] += 1
    assert "3 rows were restored where 4 were backed up" in told(link[0], folder)


@pytest.mark.parametrize("link", ["column"], indirect=True)
def test_values_of_another_number_of_rows(link: tuple[Link, Kept], folder: Path) -> None:
    """So do its parts."""
    link[1].manifest["parts"][0]["rows"] += 1
    (words,) = told(link[0], folder)
    assert 'of "item" are there where' in words


@pytest.mark.parametrize("link", ["database"], indirect=True)
def test_a_database_with_another_schema(link: tuple[Link, Kept], folder: Path) -> None:
    """The stored statements are held against those that were backed up."""
    link[1].manifest["schema"] = link[1].manifest["schema"][1:]
    assert told(link[0], folder) == ("the restored schema is not the one that was backed up",)


@pytest.mark.parametrize("link", ["database"], indirect=True)
def test_a_database_that_was_damaged_when_it_was_backed_up(link: tuple[Link, Kept], folder: Path) -> None:
    """The backup is whole, and what is in it is not: SQLite's own check says so."""
    link[1].data = link[1].data[:4099] + b"\xff\xff" + link[1].data[4101:]  # how many cells the second page has
    found = told(link[0], folder)
    assert found and any("damaged" in words or "malformed" in words for words in found)


@pytest.mark.parametrize("link", ["table"], indirect=True)
def test_what_cannot_be_restored_at_all(link: tuple[Link, Kept], folder: Path) -> None:
    """An error of the restore is what the rehearsal found."""
    link[1].manifest["schema"][0]["sql"] = "CREATE TABLE item (name TEXT PRIMARY KEY CHECK (name = 'a'), price, note)"
    (words,) = told(link[0], folder)
    assert "CHECK" in words or "constraint" in words


@pytest.mark.parametrize("kind", ["table", "database"])
def test_a_key_that_is_not_in_front(tmp_path: Path, folder: Path, kind: str) -> None:
    """SQLite's check finds NULL there where none is: that is no damage."""
    made = "CREATE TABLE item (note, price INT, name TEXT, PRIMARY KEY (name, note)) WITHOUT ROWID"
    with database(tmp_path / "a.db", (made, "INSERT INTO item VALUES ('x', NULL, 'a')")) as wire:
        link = keep(wire, lambda look: STRATEGIES[kind](look, folder))
    assert told(link, folder) == ()


def test_rows_that_keep_no_rule(tmp_path: Path, folder: Path) -> None:
    """They are in the backup as they were: the backup is good."""
    broken = ("PRAGMA ignore_check_constraints = 1", "INSERT INTO item VALUES (-1)")
    with database(tmp_path / "a.db", ("CREATE TABLE item (n CHECK (n > 0))", *broken)) as wire:
        link = keep(wire, lambda look: full_database(look, folder=folder))
    assert told(link, folder) == ()
