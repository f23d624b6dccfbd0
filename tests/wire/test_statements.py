"""The five ways of running a statement."""

from __future__ import annotations

from sodaf_migrate.wire.open import memory_wire


def test_query_row_and_value() -> None:
    """All rows, the first, its first column; None where there is none."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE t (a, b)")
        assert wire.query("SELECT * FROM t") == [] and wire.row("SELECT * FROM t") is None
        assert wire.value("SELECT a FROM t") is None
        wire.run("INSERT INTO t VALUES (?, ?), (3, 4)", (1, 2))
        assert wire.query("SELECT * FROM t") == [(1, 2), (3, 4)]
        assert wire.row("SELECT * FROM t") == (1, 2) and wire.value("SELECT b FROM t WHERE a = :a", {"a": 3}) == 4
        wire.run("DROP TABLE t")  # no unfinished read is left


def test_run_counts_rows() -> None:
    """The rows changed; nothing for what changes none, also when it returns rows."""
    with memory_wire() as wire:
        assert wire.run("CREATE TABLE t (a)") == 0
        assert wire.run("INSERT INTO t VALUES (1), (2), (3)") == 3
        assert wire.run("UPDATE t SET a = 0 WHERE a > 1") == 2
        assert wire.run("INSERT INTO t VALUES (9) RETURNING a") == 1
        assert wire.run("SELECT * FROM t") == 0 and wire.run("DELETE FROM t") == 4


def test_stream() -> None:
    """Rows come as they are read; leaving early frees the table."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE t (a)")
        wire.run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) INSERT INTO t SELECT i FROM n"
        )
        assert [a for (a,) in wire.stream("SELECT a FROM t")] == list(range(1, 1001))
        rows = wire.stream("SELECT a FROM t WHERE a > ?", (500,))
        assert next(rows) == (501,)
        rows.close()  # type: ignore[attr-defined]
        wire.run("DROP TABLE t")
