"""Random changes: ``pair(seed)`` gives a schema A, a schema B made from it (or not), and what was done to it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.generators import make
from tests.generators.constructs import affinity
from tests.generators.model import Foreign, Ind, Key, KeyPart, Model, Tab, Trig, Vue
from tests.generators.names import pick_name

_STRICT = {"integer": "INTEGER", "real": "REAL", "text": "TEXT", "blob": "BLOB"}


@dataclass
class Pair:
    """Schema ``a``, schema ``b``, and the kinds of change between them (``("independent",)`` for unrelated ones)."""

    seed: int
    a: Model
    b: Model
    kinds: tuple[str, ...] = ()
    renamed_columns: list[int] = field(default_factory=list)  # uids

    def column_renames(self) -> dict[tuple[str, str], str]:
        """(table in A, column in A) to the column's name in B, for columns that changes of this pair renamed."""
        found = {}
        for uid in self.renamed_columns:
            old, new = self.a.table_of(uid), self.b.table_of(uid)
            if old is not None and new is not None and old.name == new.name:
                before, after = old.column(uid), new.column(uid)
                if before is not None and after is not None and before.name != after.name:
                    found[old.name, before.name] = after.name
        return found


def pair(seed: int, *, changes: int = 5, independent: float = 0.1, full_text: float = 0.05) -> Pair:
    """A pair from one number: 1 to ``changes`` random changes, or with the share ``independent`` another schema."""
    rng = random.Random(seed)
    a = make.schema(rng, full_text=full_text)
    if rng.random() < independent:
        return Pair(seed, a, make.schema(rng, full_text=full_text), ("independent",))
    made = Pair(seed, a, a.copy())
    weights = [1, 2, 2, 1, 1, 1, 1, 1][:changes]
    for _ in range(rng.choices(range(1, len(weights) + 1), weights=weights)[0]):
        change(rng, made)
    return made


def change(rng: random.Random, made: Pair) -> str:
    """Change ``made.b`` in one random way that applies to it; gives the kind."""
    names = list(KINDS)
    while True:
        kind = rng.choices(names, weights=[KINDS[name][0] for name in names])[0]
        trial = made.b.copy()
        renamed = KINDS[kind][1](rng, trial)
        if renamed is False or renamed is None:
            continue
        trial.repair()
        if not trial.tables:
            continue
        made.b = trial
        made.kinds = (*made.kinds, kind)
        if renamed is not True:
            made.renamed_columns.append(renamed)
        return kind


Result = bool | int | None  # whether it applied; the uid of a column when one was renamed


def pick(rng: random.Random, model: Model) -> Tab:
    return rng.choice(model.tables)


# -- columns


def add_column(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    column = make.make_column(rng, table)
    if rng.random() < 0.7 and column.not_null and column.default in (None, "NULL"):
        column.default = make.pick_default(rng, column.type, table.strict)
    at = len(table.columns) if rng.random() < 0.7 else rng.randrange(len(table.columns) + 1)
    table.columns.insert(at, column)
    return True


def drop_column(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    if len(table.plain) < 2:
        return False
    table.columns.remove(rng.choice(table.columns))
    return True


def rename_column(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    column = rng.choice(table.columns)
    column.name = pick_name(rng, {other.name for other in table.columns})
    return column.uid


def recase_column(rng: random.Random, model: Model) -> Result:
    column = rng.choice(pick(rng, model).columns)
    if column.name.swapcase() == column.name or not column.name.isascii():
        return False
    column.name = column.name.swapcase()
    return True


def retype(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    column = rng.choice(table.columns)
    column.type = "ANY" if table.strict and column.generated else make.pick_type(rng, table.strict)
    return True


def resize(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    column = rng.choice(table.columns)
    same = {"text": make.TEXTS, "integer": make.INTEGERS, "real": make.REALS, "numeric": make.NUMERICS}
    pool = [kind for kind in same.get(affinity(column.type), []) if kind != column.type]
    if table.strict or not pool:
        return False
    column.type = rng.choice(pool)
    return True


def set_not_null(rng: random.Random, model: Model) -> Result:
    column = rng.choice(pick(rng, model).columns)
    if column.not_null:
        return False
    make.set_not_null(rng, column)
    return True


def drop_not_null(rng: random.Random, model: Model) -> Result:
    columns = [column for table in model.tables for column in table.columns if column.not_null]
    if not columns:
        return False
    rng.choice(columns).not_null = False
    return True


def set_default(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    column = rng.choice(table.plain)
    column.default = make.pick_default(rng, column.type, table.strict)
    return True


def drop_default(rng: random.Random, model: Model) -> Result:
    columns = [column for table in model.tables for column in table.columns if column.default is not None]
    if not columns:
        return False
    rng.choice(columns).default = None
    return True


def set_collation(rng: random.Random, model: Model) -> Result:
    column = rng.choice(pick(rng, model).columns)
    column.collation = rng.choice([c for c in [None, *make.COLLATIONS] if c != column.collation])
    return True


def move_column(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    order = list(table.columns)
    rng.shuffle(order)
    changed = [c.uid for c in order] != [c.uid for c in table.columns]
    table.columns = order
    return changed


def add_generated(rng: random.Random, model: Model) -> Result:
    make.add_generated(rng, pick(rng, model))
    return True


def change_generated(rng: random.Random, model: Model) -> Result:
    found = [(table, column) for table in model.tables for column in table.columns if column.generated is not None]
    if not found:
        return False
    table, column = rng.choice(found)
    if rng.random() < 0.5:
        column.stored = not column.stored
    else:
        column.generated = make.generated_expression(rng, table)
    return True


# -- constraints


def add_check(rng: random.Random, model: Model) -> Result:
    make.add_check(rng, pick(rng, model))
    return True


def drop_check(rng: random.Random, model: Model) -> Result:
    tables = [table for table in model.tables if table.checks]
    if not tables:
        return False
    checks = rng.choice(tables).checks
    checks.remove(rng.choice(checks))
    return True


def change_check(rng: random.Random, model: Model) -> Result:
    tables = [table for table in model.tables if table.checks]
    if not tables:
        return False
    table = rng.choice(tables)
    rng.choice(table.checks).expression = make.check_expression(rng, table)
    return True


def add_unique(rng: random.Random, model: Model) -> Result:
    return make.add_unique(rng, pick(rng, model))


def drop_unique(rng: random.Random, model: Model) -> Result:
    tables = [table for table in model.tables if table.uniques]
    if not tables:
        return False
    uniques = rng.choice(tables).uniques
    uniques.remove(rng.choice(uniques))
    return True


def add_foreign(rng: random.Random, model: Model) -> Result:
    return make.add_foreign(rng, model, pick(rng, model))


def some_foreign(rng: random.Random, model: Model) -> tuple[Tab, Foreign] | None:
    found = [(table, key) for table in model.tables for key in table.foreign]
    return rng.choice(found) if found else None


def drop_foreign(rng: random.Random, model: Model) -> Result:
    found = some_foreign(rng, model)
    if found is None:
        return False
    found[0].foreign.remove(found[1])
    return True


def change_foreign(rng: random.Random, model: Model) -> Result:
    found = some_foreign(rng, model)
    if found is None:
        return False
    before = (found[1].on_delete, found[1].on_update, found[1].deferrable)
    make.set_actions(rng, found[1])
    return (found[1].on_delete, found[1].on_update, found[1].deferrable) != before


def change_key(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    if table.without_rowid:
        return False
    table.key = None
    make.add_key(rng, table)
    return True


def toggle_autoincrement(rng: random.Random, model: Model) -> Result:
    tables = [table for table in model.tables if table.rowid_alias is not None]
    keys = [key for table in tables if (key := table.key) is not None and not any(p.descending for p in key.parts)]
    if not keys:
        return False
    key: Key = rng.choice(keys)
    key.autoincrement = not key.autoincrement
    return True


# -- table options and tables


def strict_on(rng: random.Random, model: Model) -> Result:
    table = pick(rng, model)
    if table.strict:
        return False
    table.strict = True
    for column in table.columns:
        alias = table.rowid_alias is column
        if column.type not in make.STRICT_TYPES or column.generated is not None:
            column.type = "ANY" if column.generated is not None else _STRICT.get(affinity(column.type), "ANY")
        if alias:
            column.type = "INTEGER"
    return True


def strict_off(rng: random.Random, model: Model) -> Result:
    tables = [table for table in model.tables if table.strict]
    if not tables:
        return False
    rng.choice(tables).strict = False
    return True


def without_rowid_on(rng: random.Random, model: Model) -> Result:
    tables = [t for t in model.tables if t.key and not t.without_rowid and not t.key.must_inline]
    if not tables:
        return False
    table = rng.choice(tables)
    table.without_rowid = True
    assert table.key is not None
    table.key.autoincrement = False
    return True


def without_rowid_off(rng: random.Random, model: Model) -> Result:
    tables = [table for table in model.tables if table.without_rowid]
    if not tables:
        return False
    rng.choice(tables).without_rowid = False
    return True


def add_table(rng: random.Random, model: Model) -> Result:
    model.tables.append(make.make_table(rng, model))
    return True


def drop_table(rng: random.Random, model: Model) -> Result:
    if len(model.tables) < 2:
        return False
    model.tables.remove(pick(rng, model))
    return True


def rename_table(rng: random.Random, model: Model) -> Result:
    pick(rng, model).name = pick_name(rng, model.names(), "table")
    return True


# -- indexes, views, triggers


def add_index(rng: random.Random, model: Model) -> Result:
    make.add_index(rng, model)
    return True


def drop_index(rng: random.Random, model: Model) -> Result:
    if not model.indexes:
        return False
    model.indexes.remove(rng.choice(model.indexes))
    return True


def change_index(rng: random.Random, model: Model) -> Result:
    if not model.indexes:
        return False
    index: Ind = rng.choice(model.indexes)
    table = model.table(index.table)
    assert table is not None
    if rng.random() < 0.3:
        index.unique = not index.unique
    elif rng.random() < 0.5:
        new = make.condition(rng, ("column", rng.choice(table.columns).uid))
        index.where = None if index.where else new
    else:
        index.parts = [KeyPart(rng.choice(table.columns).uid, descending=rng.random() < 0.5)]
    return True


def add_view(rng: random.Random, model: Model) -> Result:
    make.add_view(rng, model)
    return True


def drop_view(rng: random.Random, model: Model) -> Result:
    if not model.views:
        return False
    model.views.remove(rng.choice(model.views))
    return True


def change_view(rng: random.Random, model: Model) -> Result:
    used = {part[1] for view in model.views for part in view.body if not isinstance(part, str) and part[0] == "view"}
    views = [view for view in model.views if view.uid not in used]
    if not views:
        return False
    view: Vue = rng.choice(views)
    new = make.view_on_table(rng, view.name, pick(rng, model))
    changed = view.body != new.body
    view.body, view.outputs = new.body, new.outputs
    return changed


def add_trigger(rng: random.Random, model: Model) -> Result:
    return make.add_trigger(rng, model) is not None


def drop_trigger(rng: random.Random, model: Model) -> Result:
    if not model.triggers:
        return False
    model.triggers.remove(rng.choice(model.triggers))
    return True


def change_trigger(rng: random.Random, model: Model) -> Result:
    if not model.triggers:
        return False
    trigger: Trig = rng.choice(model.triggers)
    if rng.random() < 0.5 and trigger.timing != "INSTEAD OF":
        trigger.timing = "BEFORE" if trigger.timing == "AFTER" else "AFTER"
    else:
        trigger.body.append(["SELECT ", f"'changed {rng.randrange(99)}'"])
    return True


#: Every kind of change with its weight and the function that makes it.
KINDS: dict[str, tuple[float, Callable[[random.Random, Model], Result]]] = {
    "add column": (4, add_column),
    "drop column": (3, drop_column),
    "rename column": (3, rename_column),
    "recase column": (1, recase_column),
    "retype": (3, retype),
    "resize": (2, resize),
    "set not null": (2, set_not_null),
    "drop not null": (2, drop_not_null),
    "set default": (2, set_default),
    "drop default": (2, drop_default),
    "collation": (2, set_collation),
    "column order": (1.5, move_column),
    "add generated": (1.5, add_generated),
    "change generated": (3, change_generated),
    "add check": (2, add_check),
    "drop check": (2, drop_check),
    "change check": (1.5, change_check),
    "add unique": (2, add_unique),
    "drop unique": (2, drop_unique),
    "add foreign key": (2, add_foreign),
    "drop foreign key": (2, drop_foreign),
    "change foreign key": (2, change_foreign),
    "change key": (1.5, change_key),
    "autoincrement": (2, toggle_autoincrement),
    "strict on": (1.5, strict_on),
    "strict off": (3, strict_off),
    "without rowid on": (1.5, without_rowid_on),
    "without rowid off": (2, without_rowid_off),
    "add table": (1.5, add_table),
    "drop table": (1.5, drop_table),
    "rename table": (1.5, rename_table),
    "add index": (2, add_index),
    "drop index": (2, drop_index),
    "change index": (2, change_index),
    "add view": (1.5, add_view),
    "drop view": (2, drop_view),
    "change view": (2, change_view),
    "add trigger": (1.5, add_trigger),
    "drop trigger": (2, drop_trigger),
    "change trigger": (2, change_trigger),
}
