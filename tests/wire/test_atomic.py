"""All or nothing, however deep and however it ends."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.errors import ConstraintError, DatabaseError, StatementError, TransactionOpenError
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import memory_wire, open_wire


def rows(wire: Wire) -> list[int]:
    """The ids in ``t``."""
    return [id for (id,) in wire.query("SELECT id FROM t ORDER BY id")]


def test_commit_and_rollback(path: Path) -> None:
    """What ends well is there for others; what raises is not, and the error comes out unchanged."""
    with open_wire(path) as wire:
        with wire.atomic():
            wire.run("DELETE FROM t WHERE id = 1")
        with pytest.raises(ZeroDivisionError), wire.atomic():
            wire.run("DELETE FROM t")
            raise ZeroDivisionError
        assert not wire.in_transaction
    with open_wire(path) as other:
        assert rows(other) == [2, 3]


@given(st.recursive(st.booleans(), lambda inner: st.tuples(st.booleans(), st.lists(inner, max_size=4)), max_leaves=12))
def test_nested_failures(tree: object) -> None:
    """Of any tree of nested blocks, some failing, exactly those survive that no failing block is around."""

    class Fails(Exception):
        pass

    written: list[int] = []

    def play(wire: Wire, node: object) -> list[int]:
        good, children = (node, []) if isinstance(node, bool) else node  # type: ignore[misc]
        kept: list[int] = []
        try:
            with wire.atomic():
                written.append(len(written))
                mine = written[-1]
                wire.run("INSERT INTO t VALUES (?)", (mine,))
                kept = [mine, *(id for child in children for id in play(wire, child))]
                if not good:
                    raise Fails
        except Fails:
            return []
        return kept

    with memory_wire() as wire:
        wire.run("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        expected = play(wire, tree)
        assert rows(wire) == sorted(expected) and not wire.in_transaction


@pytest.mark.parametrize("nested", [False, True])
def test_keyboard_interrupt(path: Path, nested: bool) -> None:
    """Ctrl-C inside takes everything back and comes out."""
    with open_wire(path) as wire:
        with pytest.raises(KeyboardInterrupt), wire.atomic():
            wire.run("DELETE FROM t")
            if nested:
                with wire.atomic():
                    os.kill(os.getpid(), signal.SIGINT)
                    signal.sigtimedwait([], 0.01)
            os.kill(os.getpid(), signal.SIGINT)
        assert not wire.in_transaction and rows(wire) == [1, 2, 3]


def test_sqlite_ended_the_transaction(path: Path) -> None:
    """After ON CONFLICT ROLLBACK nothing more is executed, even when somebody swallows the error."""
    with open_wire(path) as wire:
        with pytest.raises(DatabaseError, match="has ended while it was still needed"), wire.atomic():
            wire.run("DELETE FROM t WHERE id = 3")
            with pytest.raises(ConstraintError):
                wire.run("INSERT OR ROLLBACK INTO t (a) VALUES ('x')")
            wire.run("DELETE FROM t")
        assert rows(wire) == [1, 2, 3]


def test_sqlite_ended_it_inside_a_savepoint(path: Path) -> None:
    """The first error is the one that comes out, not a failing ROLLBACK TO."""
    with open_wire(path) as wire:
        with pytest.raises(ConstraintError, match="UNIQUE"), wire.atomic(), wire.atomic():
            wire.run("INSERT OR ROLLBACK INTO t (a) VALUES ('x')")
        assert not wire.in_transaction and rows(wire) == [1, 2, 3]


def test_a_hook_ended_the_transaction(path: Path) -> None:
    """A commit behind our back is found at the latest when we commit."""
    with open_wire(path) as wire:
        with pytest.raises(DatabaseError, match="has ended"), wire.atomic():
            wire.connection.commit()
        with pytest.raises(DatabaseError, match="has ended"), wire.atomic(), wire.atomic():
            wire.connection.execute("ROLLBACK")
        with wire.atomic():
            wire.run("DELETE FROM t WHERE id = 1")
        assert rows(wire) == [2, 3]


def test_half_a_savepoint_dooms_the_whole(path: Path) -> None:
    """A part that cannot be taken back alone takes everything with it."""
    with open_wire(path) as wire:
        with pytest.raises(DatabaseError, match="could not be rolled back") as caught, wire.atomic():
            with pytest.raises(ZeroDivisionError) as inner, wire.atomic():
                wire.run("DELETE FROM t")
                wire.connection.execute("RELEASE sodaf_1")
                raise ZeroDivisionError
            assert "ROLLBACK TO sodaf_1 failed too" in inner.value.__notes__[0]
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert rows(wire) == [1, 2, 3]


def test_a_failing_commit(path: Path) -> None:
    """A COMMIT that SQLite refuses is rolled back when the transaction is still open."""
    with open_wire(path) as wire:
        wire.run("CREATE TABLE c (t_id REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)")
        with wire.pragmas(foreign_keys=1):
            with pytest.raises(ConstraintError, match="FOREIGN KEY"), wire.atomic():
                wire.run("INSERT INTO c VALUES (99)")
            assert not wire.in_transaction and wire.query("SELECT * FROM c") == []


def test_transaction_words_are_refused(path: Path) -> None:
    """No statement may begin or end a transaction, however it is dressed."""
    texts = [
        "COMMIT",
        " ;/* x */ -- y\n end",
        "rollback to sodaf_1",
        "SAVEPOINT a",
        "Release a",
        "begin exclusive",
        "\ufeffCOMMIT",
        "/* COMMIT */",
    ]
    with open_wire(path) as wire, wire.atomic():
        for text in texts[:-1]:
            with pytest.raises(StatementError, match="by the engine alone"):
                wire.run(text)
        assert wire.run(texts[-1]) == 0
        assert wire.in_transaction
        assert wire.value("SELECT 'x' AS \"commit\"") == "x"


def test_snapshot(path: Path) -> None:
    """One look stays one look; it cannot become a writing transaction."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    with open_wire(path) as wire:
        with wire.snapshot():
            assert rows(wire) == [1, 2, 3]
            other.execute("DELETE FROM t")
            with wire.snapshot():
                assert rows(wire) == [1, 2, 3]
            assert wire.in_transaction
            with pytest.raises(TransactionOpenError, match="snapshot"), wire.atomic():
                pass
        assert not wire.in_transaction and rows(wire) == []
        with wire.atomic(), wire.snapshot():
            wire.run("INSERT INTO t (id) VALUES (7)")
        assert rows(wire) == [7]
        with pytest.raises(ZeroDivisionError), wire.snapshot():
            raise ZeroDivisionError
        assert not wire.in_transaction
    other.close()


def test_a_foreign_transaction_is_not_joined(path: Path) -> None:
    """What a hook began is not ours to commit."""
    with open_wire(path) as wire:
        wire.connection.execute("BEGIN")
        with pytest.raises(TransactionOpenError, match="somebody else"), wire.atomic():
            pass
        assert wire.in_transaction
        wire.connection.execute("ROLLBACK")


def test_threads(path: Path) -> None:
    """Writers of several threads wait for one another and lose nothing."""

    def work() -> None:
        with open_wire(path) as wire:
            for _ in range(20):
                with wire.atomic():
                    count = wire.value("SELECT count(*) FROM t")
                    wire.run("INSERT INTO t (a) VALUES (?)", (f"n{count}",))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_wire(path, readonly=True) as wire:
        assert wire.value("SELECT count(*) FROM t") == 83
