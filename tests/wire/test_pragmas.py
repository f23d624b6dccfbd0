"""Session pragmas: set, read back, restored."""

from __future__ import annotations

from pathlib import Path

import pytest

from sodaf_migrate.errors import DatabaseError, StatementError
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire
from sodaf_migrate.wire.pragma import same_value, set_pragma


def values(wire: Wire) -> list[int]:
    """The pragmas that these tests set."""
    return [wire.value(f"PRAGMA {name}") for name in ("foreign_keys", "synchronous", "recursive_triggers")]


@pytest.mark.parametrize("fails", [False, True])
def test_set_and_restored(path: Path, fails: bool) -> None:
    """Numbers and words, back to what they were, after an error too."""
    with open_wire(path) as wire:
        before = values(wire)
        try:
            with wire.pragmas(foreign_keys=1, synchronous="EXTRA", recursive_triggers="on"):
                assert values(wire) == [1, 3, 1]
                with wire.pragmas(foreign_keys=0):
                    assert values(wire) == [0, 3, 1]
                assert values(wire) == [1, 3, 1]
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert values(wire) == before


def test_not_inside_a_transaction(path: Path) -> None:
    """What SQLite silently ignores inside a transaction is found by reading back; what has its value may stay."""
    with open_wire(path) as wire, wire.atomic():
        with wire.pragmas(foreign_keys=0):
            pass
        with pytest.raises(DatabaseError, match="inside a transaction") as caught, wire.pragmas(foreign_keys=1):
            pytest.fail("entered")
        assert caught.value.hint
        with pytest.raises(StatementError, match="inside a transaction"), wire.pragmas(synchronous="OFF"):
            pytest.fail("entered")


def test_an_earlier_one_is_restored_when_a_later_one_fails(path: Path) -> None:
    """Half of the settings is none of them."""
    with open_wire(path) as wire:
        with pytest.raises(DatabaseError, match="no_such_pragma"), wire.pragmas(recursive_triggers=1, no_such_pragma=1):
            pytest.fail("entered")
        assert wire.value("PRAGMA recursive_triggers") == 0


def test_restoring_never_masks(path: Path) -> None:
    """An error of the block comes out although the pragma could not be restored; that is noted on it."""
    with open_wire(path) as wire, pytest.raises(ZeroDivisionError) as caught, wire.pragmas(foreign_keys=1):
        wire.connection.execute("BEGIN")
        raise ZeroDivisionError
    assert "foreign_keys was not restored" in caught.value.__notes__[0]


def test_only_plain_words() -> None:
    """A name or value that is no plain word never becomes SQL."""
    for name, value in (("a; DROP TABLE t", 1), ("foreign_keys", "1; x"), ("", 1), ("a", "ü")):
        with pytest.raises(ValueError, match="not a plain word"):
            set_pragma(name, value)
    assert same_value("foreign_keys", 1, True) and same_value("synchronous", 3, "extra")
    assert not same_value("foreign_keys", None, 0)
