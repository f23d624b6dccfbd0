"""Foreign keys, views and triggers: what was whole is whole, and what was broken before does not count."""

from __future__ import annotations

import pytest

from sodaf_migrate.compare.changes import ColumnChange, ForeignKeyChange, PrimaryKeyChange, SchemaDiff, TableChange
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.errors import ExecutionError
from sodaf_migrate.execute.compiles import broken_objects, newly_broken
from sodaf_migrate.execute.executor import MigrationExecutor
from sodaf_migrate.execute.keys import concerned, may_break_keys, new_violations, violations
from sodaf_migrate.plan import Cost, Plan, Statement, Step
from sodaf_migrate.schema.model import Column, PrimaryKey, Table
from sodaf_migrate.wire.connection import Wire
from tests.execute.conftest import Records, any_table_changed, plan_for, step

LOSE = step("DELETE FROM customer WHERE id = 1", title="lose a parent", cost=Cost.IN_PLACE)


def test_a_new_orphan(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """A child whose parent a step takes away stops it."""
    with pytest.raises(ExecutionError, match='1 row of "sale" would have no parent in "customer"') as caught:
        executor.execute_migration(wire, plan_for(wire, LOSE), record=records)
    assert caught.value.hint and wire.value("SELECT count(*) FROM customer") == 3 and not records


def test_old_orphans(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """Orphans that were there before are nobody's fault; one more is."""
    wire.run("INSERT INTO sale VALUES (12, 99), (13, 98)")
    harmless = step("UPDATE customer SET phone = 'x'", cost=Cost.IN_PLACE)
    executor.execute_migration(wire, plan_for(wire, harmless), record=records)
    with pytest.raises(ExecutionError, match='1 row of "sale"'):
        executor.execute_migration(wire, plan_for(wire, LOSE), record=records)
    swap = step(
        "UPDATE sale SET customer_id = 1 WHERE id = 12",
        "UPDATE sale SET customer_id = 97 WHERE id = 10",
        cost=Cost.IN_PLACE,
    )
    with pytest.raises(ExecutionError, match='1 row of "sale"'):  # as many as before, but another one
        executor.execute_migration(wire, plan_for(wire, swap), record=records)


def test_old_orphans_in_a_renamed_table(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """They are the same orphans under new names of table and columns."""
    wire.run("INSERT INTO sale VALUES (12, 99)")
    live = read_schema(wire, around=("sale", "customer"))
    old, parent = live.table("sale"), live.table("customer")
    assert old is not None and parent is not None
    diff = SchemaDiff(
        doctype="Customer",
        tables=(
            TableChange(old=old, new=Table(name="order", columns=())),
            TableChange(old=parent, new=Table(name="buyer", columns=())),
        ),
        columns=(ColumnChange(table="order", old=Column(name="customer_id"), new=Column(name="buyer_id")),),
    )
    steps = step(
        'ALTER TABLE sale RENAME TO "order"',
        "ALTER TABLE customer RENAME TO buyer",
        'ALTER TABLE "order" RENAME COLUMN customer_id TO buyer_id',
    )
    plan = plan_for(wire, steps, scope=("sale", "order", "customer", "buyer"), diff=diff)
    executor.execute_migration(wire, plan, record=records)
    assert len(records) == 1


def test_many_orphans_are_counted(wire: Wire) -> None:
    """Beyond ten thousand only their number is kept, and one more is still found."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n LIMIT 10050)"
    wire.run(f"{numbers} INSERT INTO sale SELECT i, 777 FROM n")
    before = violations(wire, ["sale"])
    assert len(before["sale"] or ()) == 1
    wire.run("INSERT INTO sale VALUES (50, 778)")
    found = new_violations(before, violations(wire, ["sale"]), SchemaDiff(doctype="C"))
    assert found == ['1 row of "sale" would have no parent in "customer"']


def test_rows_without_rowids(wire: Wire) -> None:
    """A WITHOUT ROWID child is counted, and so is a child whose key, and with it its rowids, changes."""
    wire.run("CREATE TABLE w (k TEXT PRIMARY KEY, c REFERENCES customer (id)) WITHOUT ROWID")
    wire.run("INSERT INTO w VALUES ('a', 98)")
    before = violations(wire, ["w", "sale"])
    wire.run("UPDATE w SET k = 'b'")
    diff = SchemaDiff(doctype="C")
    assert new_violations(before, violations(wire, ["w"]), diff) == []
    wire.run("INSERT INTO w VALUES ('c', 97)")
    assert len(new_violations(before, violations(wire, ["w"]), diff)) == 1
    wire.run("INSERT INTO sale VALUES (12, 99)")
    before = violations(wire, ["sale"])
    wire.run("UPDATE sale SET id = 55 WHERE id = 12")
    after = violations(wire, ["sale"])
    rekeyed = SchemaDiff(
        doctype="C", primary_keys=(PrimaryKeyChange(table="sale", old=None, new=PrimaryKey(parts=())),)
    )
    assert new_violations(before, after, diff) and not new_violations(before, after, rekeyed)


def test_keys_that_point_to_no_key(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """A mismatch that was there before is left; one that a step makes is not."""
    wire.run("CREATE TABLE odd (n REFERENCES customer (phone))")
    harmless = step("UPDATE customer SET name = 'x'", cost=Cost.IN_PLACE)
    executor.execute_migration(wire, plan_for(wire, harmless), record=records)
    wire.run("DROP TABLE odd")
    wire.run("CREATE UNIQUE INDEX u ON customer (phone)")
    wire.run("CREATE TABLE odd (n REFERENCES customer (phone))")
    bad = step("DROP INDEX u")
    plan = plan_for(wire, bad, diff=any_table_changed(wire))
    with pytest.raises(ExecutionError, match='foreign keys of "odd" point to columns that are no key'):
        executor.execute_migration(wire, plan, record=records)


def test_which_tables_are_looked_at(wire: Wire) -> None:
    """Those in scope with keys of their own, and the children of those in scope."""
    wire.run("CREATE TABLE free (a)")
    wire.run("CREATE TABLE far (a REFERENCES free)")
    schema = read_schema(wire)
    assert concerned(schema, ["CUSTOMER"]) == ("sale",) and concerned(schema, ["sale"]) == ("sale",)
    assert concerned(schema, ["free"]) == ("far",) and concerned(schema, ["done"]) == ()


def test_a_new_column_needs_no_look_at_rows() -> None:
    """A scan of whole tables would make an instant change slow."""

    def look(cost: Cost = Cost.INSTANT, **diff: object) -> bool:
        one = step("SELECT 1", cost=cost)
        return may_break_keys(Plan(doctype="C", version="1", diff=SchemaDiff(doctype="C", **diff), steps=(one,)))  # type: ignore[arg-type]

    def column(old: Column | None, new: Column | None) -> dict[str, object]:
        return {"columns": (ColumnChange(table="t", old=old, new=new),)}

    a, b = Column(name="a"), Column(name="b")
    assert not look() and not look(**column(None, a)) and not look(**column(a, Column(name="a", not_null=True)))
    assert look(Cost.REBUILD) and look(**column(a, None)) and look(**column(a, b))
    assert look(**column(a, Column(name="a", collation="NOCASE")))
    assert look(foreign_keys=(ForeignKeyChange(table="t", old=None, new=None),))


@pytest.mark.parametrize(
    "extra",
    [
        "CREATE VIEW v AS SELECT phone FROM customer",
        "CREATE TEMP VIEW v AS SELECT phone FROM main.customer",
        "CREATE TRIGGER x AFTER UPDATE OF name ON customer BEGIN INSERT INTO done VALUES (old.phone); END",
        "CREATE TRIGGER x BEFORE DELETE ON done BEGIN UPDATE customer SET phone = 1; END",
        "CREATE TEMP TRIGGER x AFTER INSERT ON main.sale BEGIN SELECT phone FROM customer; END",
    ],
)
def test_what_compiled_must_compile(wire: Wire, records: Records, executor: MigrationExecutor, extra: str) -> None:
    """A view or trigger that a step breaks, TEMP ones too, stops it with its name."""
    for sql in ("DROP TRIGGER log_sale", extra):
        wire.run(sql)
    # an edit of the catalogue, since ALTER TABLE would find some of these itself
    stored = (
        wire.value("SELECT sql FROM sqlite_schema WHERE name = 'customer'")
        .replace("phone", "mobile")
        .replace("'", "''")
    )
    edit = Statement(sql=f"UPDATE main.sqlite_schema SET sql = '{stored}' WHERE name = 'customer'", catalogue=True)
    bad = Step(title="edit", target="customer", cost=Cost.INSTANT, reason="", up=(edit,), down=())
    with pytest.raises(ExecutionError, match=r"no longer works: .*phone"):
        executor.execute_migration(wire, plan_for(wire, bad), record=records)
    assert wire.value("SELECT count(phone) FROM customer") == 2


def test_what_was_broken_before(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """A view, or a trigger, that never worked is no reason to stop."""
    wire.run("CREATE VIEW broken AS SELECT missing FROM customer")
    wire.run("CREATE TRIGGER also AFTER DELETE ON customer BEGIN SELECT missing FROM nowhere; END")
    executor.execute_migration(wire, plan_for(wire, step("ALTER TABLE customer ADD COLUMN c1")), record=records)
    assert len(records) == 1


def test_probes_run_nothing(wire: Wire) -> None:
    """INSTEAD OF triggers and generated columns are probed too, and not a row changes."""
    wire.run("CREATE TABLE g (a, b AS (a + 1), c AS (a + 2) STORED)")
    wire.run("CREATE TRIGGER g_t AFTER UPDATE ON g BEGIN DELETE FROM g; END")
    for event in ("INSERT", "UPDATE", "DELETE"):
        wire.run(f"CREATE TRIGGER buyers_{event} INSTEAD OF {event} ON buyers BEGIN DELETE FROM customer; END")
    wire.run("CREATE TEMP VIEW mine AS SELECT 1 AS one")
    wire.run("CREATE TEMP TRIGGER mine_t INSTEAD OF UPDATE ON mine BEGIN SELECT 1; END")
    before = wire.connection.total_changes
    assert broken_objects(wire, read_schema(wire)) == {} and wire.connection.total_changes == before
    wire.run("CREATE TRIGGER bad INSTEAD OF DELETE ON buyers BEGIN SELECT missing FROM nowhere; END")
    found = broken_objects(wire, read_schema(wire))
    assert list(found) == [("DELETE trigger on", "buyers")] and "nowhere" in found[("DELETE trigger on", "buyers")]
    assert newly_broken(found, found) == [] and len(newly_broken({}, found)) == 1
