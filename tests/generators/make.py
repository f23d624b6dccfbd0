"""Random schemas: ``schema(seed)`` gives the same model for the same number, for ever."""

from __future__ import annotations

import random

from tests.generators.model import (
    CheckModel,
    Col,
    Expr,
    Foreign,
    FullText,
    Ind,
    Key,
    KeyPart,
    Model,
    Part,
    Tab,
    Trig,
    Vue,
)
from tests.generators.names import kind_of_name, pick_name

INTEGERS = ["INTEGER", "INT", "BIGINT", "SMALLINT", "TINYINT", "INT8", "MEDIUMINT(5)"]
TEXTS = ["TEXT", "VARCHAR(20)", "VARCHAR(140)", "CHAR(3)", "CLOB", "NVARCHAR(100)"]
REALS = ["REAL", "FLOAT", "DOUBLE", "FLOAT(7,3)"]
NUMERICS = ["NUMERIC", "DECIMAL(10,2)", "DECIMAL(18,6)", "NUMERIC(5)"]
ODD = ["BOOLEAN", "DATE", "DATETIME", "STRING", "JSON", "POINT", "UUID", '"my type"', "ANY", "XYZ(1)", "MONEY"]
WORDS = [
    "UNSIGNED BIG INT",
    "DOUBLE PRECISION",
    "VARYING CHARACTER(255)",
    "NATIVE CHARACTER(70)",
    "LONG RAW",
    "TIMESTAMP WITH TIME ZONE",
]
STRICT_TYPES = ["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"]

CONFLICTS = ["ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"]
COLLATIONS = ["NOCASE", "RTRIM", "BINARY"]
ACTIONS = ["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"]
DEFERRALS = ["DEFERRABLE INITIALLY DEFERRED", "DEFERRABLE INITIALLY IMMEDIATE", "DEFERRABLE", "NOT DEFERRABLE"]

NUMBER_DEFAULTS = [
    "0",
    "1",
    "42",
    "-3",
    "+7",
    "1.5",
    "-0.25",
    "1e3",
    "0x1F",
    "9223372036854775807",
    "-9223372036854775808",
]
TEXT_DEFAULTS = [
    "''",
    "'x'",
    "'it''s'",
    "'a \"b\"'",
    "'名前'",
    "'-- no comment'",
    "'CHECK (1)'",
    '"quoted"',
    "word",
    "'12'",
    "'1.50'",
]
OTHER_DEFAULTS = ["NULL", "x'00ff'", "TRUE", "FALSE", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME"]
EXPRESSIONS = [
    "(1 + 2)",
    "(lower('ABC'))",
    "('a' || 'b')",
    "(-(3))",
    "(abs(-5) * 2)",
    "(datetime('now'))",
    "(CASE WHEN 1 THEN 2 END)",
]


def schema(seed: int | random.Random, *, tables: int = 4, full_text: float = 0.05, analysed: float = 0.05) -> Model:
    """A model of 1 to ``tables`` tables with what stands on them.

    ``full_text`` and ``analysed`` are the shares of schemas that have an FTS5 table and statistics. The same seed gives
    the same names and texts (its uids differ from call to call).
    """
    rng = random.Random(seed) if isinstance(seed, int) else seed
    model = Model()
    for _ in range(rng.choices(range(1, tables + 1), weights=[4, 4, 2, 1][:tables])[0]):
        model.tables.append(make_table(rng, model))
    for table in list(model.tables):
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
            add_foreign(rng, model, table)
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        add_index(rng, model)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
        add_view(rng, model)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        add_trigger(rng, model)
    if rng.random() < full_text:
        add_full_text(rng, model)
    model.analysed = rng.random() < analysed
    model.repair()
    return model


# -- tables


def make_table(rng: random.Random, model: Model) -> Tab:
    """A table with a key, columns and constraints of its own, not yet in the model."""
    table = Tab(pick_name(rng, model.names(), "table"), [], strict=rng.random() < 0.12, commented=rng.random() < 0.15)
    for _ in range(rng.choice((2, 2, 3, 3, 4, 5, 6))):
        table.columns.append(make_column(rng, table))
    add_key(rng, table)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        add_unique(rng, table)
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        add_check(rng, table)
    if rng.random() < 0.2:
        add_generated(rng, table)
    if table.key and rng.random() < 0.15 and not table.key.must_inline:
        table.without_rowid = True
        table.key.autoincrement = False
    return table


def make_column(rng: random.Random, table: Tab) -> Col:
    """A column with type, NOT NULL, DEFAULT and COLLATE, not yet in the table."""
    column = Col(pick_name(rng, {column.name for column in table.columns}), pick_type(rng, table.strict))
    if rng.random() < 0.25:
        set_not_null(rng, column)
    if rng.random() < 0.4:
        column.default = pick_default(rng, column.type, table.strict)
    if rng.random() < 0.12:
        column.collation = rng.choice(COLLATIONS)
    return column


def pick_type(rng: random.Random, strict: bool) -> str:
    if strict:
        return rng.choice(STRICT_TYPES)
    return rng.choice(
        rng.choice((INTEGERS, INTEGERS, TEXTS, TEXTS, TEXTS, REALS, NUMERICS, ODD, WORDS, ["BLOB"], [""]))
    )


def set_not_null(rng: random.Random, column: Col) -> None:
    column.not_null = True
    column.not_null_conflict = rng.choice(CONFLICTS) if rng.random() < 0.2 else ""
    column.not_null_name = f"nn_{rng.randrange(9)}" if rng.random() < 0.15 else None


def pick_default(rng: random.Random, declared: str, strict: bool) -> str:
    """A DEFAULT that suits the type where that matters (STRICT), any other elsewhere."""
    if strict and declared in ("INT", "INTEGER"):
        return rng.choice(["0", "1", "42", "-3", "(1 + 2)", "TRUE"])
    if strict and declared == "BLOB":
        return rng.choice(["x'00ff'", "NULL"])
    if strict and declared == "REAL":
        return rng.choice(["0", "1.5", "-0.25"])
    if strict and declared == "TEXT":
        return rng.choice([*TEXT_DEFAULTS, "CURRENT_TIMESTAMP"])
    number = any(word in declared for word in ("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC"))
    usual = NUMBER_DEFAULTS if number else TEXT_DEFAULTS
    return rng.choice(rng.choice((usual, usual, NUMBER_DEFAULTS, TEXT_DEFAULTS, OTHER_DEFAULTS, EXPRESSIONS)))


def add_key(rng: random.Random, table: Tab) -> None:
    """A primary key of some kind, or none."""
    kind = rng.choice(
        ["alias"] * 5 + ["autoincrement"] * 3 + ["text"] * 3 + ["composite"] * 2 + ["desc", "int", "none", "none"]
    )
    column = rng.choice(table.plain)
    key = Key([KeyPart(column.uid)])
    if kind == "none":
        return
    if kind in ("alias", "autoincrement", "desc"):
        column.type, column.collation, column.default = "INTEGER", None, None
        key.autoincrement = kind == "autoincrement"
        key.must_inline = kind == "desc"
        key.parts[0].descending = kind == "desc" or (not key.autoincrement and rng.random() < 0.1)
    elif kind == "int":
        column.type = "INT"
    elif kind == "text":
        column.type = "TEXT" if table.strict else rng.choice(TEXTS)
    else:
        chosen = rng.sample(table.plain, min(len(table.plain), rng.choice((2, 2, 3))))
        key.parts = [KeyPart(column.uid, descending=rng.random() < 0.2) for column in chosen]
        if rng.random() < 0.2:
            key.parts[0].collation = rng.choice(COLLATIONS)
    key.conflict = rng.choice(CONFLICTS) if rng.random() < 0.1 else ""
    key.name = f"pk_{rng.randrange(9)}" if rng.random() < 0.15 else None
    table.key = key


def add_unique(rng: random.Random, table: Tab) -> bool:
    """A UNIQUE constraint over columns that no other key has in the same set."""
    free = [column for column in table.columns if not column.stored]
    chosen = rng.sample(free, min(len(free), rng.choice((1, 1, 1, 2))))
    keys = [*table.uniques, *([table.key] if table.key else [])]
    if any({part.column for part in key.parts} == {column.uid for column in chosen} for key in keys):
        return False
    parts = [KeyPart(column.uid) for column in chosen]
    if rng.random() < 0.15:
        parts[0].collation = rng.choice(COLLATIONS)
    if rng.random() < 0.15:
        parts[-1].descending = True
    conflict = rng.choice(CONFLICTS) if rng.random() < 0.25 else ""
    table.uniques.append(Key(parts, conflict, f"uq_{rng.randrange(9)}" if rng.random() < 0.2 else None))
    return True


def add_check(rng: random.Random, table: Tab) -> None:
    table.checks.append(
        CheckModel(check_expression(rng, table), f"ck_{rng.randrange(99)}" if rng.random() < 0.4 else None)
    )


def check_expression(rng: random.Random, table: Tab) -> Expr:
    """A condition that most rows satisfy."""
    column, other = rng.choice(table.columns), rng.choice(table.columns)
    a: Part = ("column", column.uid)
    b: Part = ("column", other.uid)
    number = rng.randrange(100)
    forms: list[Expr] = [
        [a, f" > -1{number}000000000"],
        ["length(", a, f") < 1{number}00"],
        [a, " IS NULL OR ", a, f" <> 'never {number}'"],
        [a, f' <> "no such {number}"'],
        [a, f" NOT IN ('it''s {number}', -77)"],
        ["coalesce(", a, ", ", b, f", 0) IS NOT {number}000001"],
        [a, " IS NOT ", b, f" OR {number} >= 0"],
        [("table", table.uid), ".", a, f" IS NOT 'gone {number}'"],
        ["typeof(", a, f") <> 'x{number}' /* ) */"],
        [a, f" BETWEEN 0 AND 1{number}00 OR ", a, " IS NULL OR typeof(", a, ") <> 'integer'"],
    ]
    return rng.choice(forms)


def add_generated(rng: random.Random, table: Tab) -> Col:
    """A generated column at the end of the table."""
    column = Col(pick_name(rng, {column.name for column in table.columns}), pick_type(rng, False))
    expression = generated_expression(rng, table)
    column.generated, column.stored = expression, rng.random() < 0.5
    if table.strict:
        column.type = "ANY"
    if rng.random() < 0.1:
        column.collation = "NOCASE"
    table.columns.append(column)
    return column


def generated_expression(rng: random.Random, table: Tab) -> Expr:
    a: Part = ("column", rng.choice(table.plain).uid)
    b: Part = ("column", rng.choice(table.plain).uid)
    forms: list[Expr] = [
        [a, f" * {rng.randrange(2, 9)}"],
        [a, f" || '-{rng.randrange(99)}'"],
        ["length(", a, ")"],
        ["coalesce(", a, ", ", b, ", 'none')"],
        ["upper(", a, ") || lower(", b, ")"],
        ["CASE WHEN ", a, " IS NULL THEN 0 ELSE 1 END"],
    ]
    return rng.choice(forms)


def add_foreign(rng: random.Random, model: Model, table: Tab) -> bool:
    """A foreign key to a key of some table, itself included, with columns of its own where that fits better."""
    parent = rng.choice(model.tables)
    if rng.random() < 0.2:
        parent = table
    keys = [
        key
        for key in [*([parent.key] if parent.key else []), *parent.uniques]
        if all(p.collation is None for p in key.parts)
    ]
    if not keys:
        return False
    key = rng.choice(keys)
    targets = [parent.column(part.column or 0) for part in key.parts]
    columns = []
    for target in targets:
        assert target is not None
        taken = {c.name for c in [*table.columns, *columns]}
        column = Col(pick_name(rng, taken), target.type or ("ANY" if table.strict else ""))
        if table.strict and column.type not in STRICT_TYPES:
            column.type = "ANY"
        columns.append(column)
    generated = next((at for at, c in enumerate(table.columns) if c.generated is not None), len(table.columns))
    table.columns[generated:generated] = columns
    implied = key is parent.key and rng.random() < 0.25
    made = Foreign([column.uid for column in columns], parent.uid, [] if implied else [t.uid for t in targets if t])
    set_actions(rng, made)
    made.match = rng.choice(["FULL", "SIMPLE"]) if rng.random() < 0.08 else ""
    made.name = f"fk_{rng.randrange(99)}" if rng.random() < 0.25 else None
    table.foreign.append(made)
    return True


def set_actions(rng: random.Random, key: Foreign) -> None:
    key.on_delete = rng.choice(ACTIONS) if rng.random() < 0.5 else ""
    key.on_update = rng.choice(ACTIONS) if rng.random() < 0.3 else ""
    key.deferrable = rng.choice(DEFERRALS) if rng.random() < 0.3 else ""


# -- what stands on tables


def add_index(rng: random.Random, model: Model) -> Ind:
    table = rng.choice(model.tables)
    name = pick_name(rng, model.names(), "table") if rng.random() < 0.1 else f"ix_{rng.randrange(10_000)}"
    while name in model.names():
        name += "x"
    chosen = rng.sample(table.columns, min(len(table.columns), rng.choice((1, 1, 2, 3))))
    parts = [KeyPart(column.uid, descending=rng.random() < 0.15) for column in chosen]
    if rng.random() < 0.2:
        parts[0] = KeyPart(expression=index_expression(rng, table))
    if rng.random() < 0.15:
        parts[-1].collation = rng.choice(COLLATIONS)
    index = Ind(name, table.uid, parts, unique=rng.random() < 0.2)
    if rng.random() < 0.25:
        index.where = condition(rng, ("column", rng.choice(table.columns).uid))
    model.indexes.append(index)
    return index


def index_expression(rng: random.Random, table: Tab) -> Expr:
    a: Part = ("column", rng.choice(table.columns).uid)
    forms: list[Expr] = [
        ["lower(", a, ")"],
        ["length(", a, ")"],
        [a, f" || 'x{rng.randrange(9)}'"],
        ["coalesce(", a, ", '')"],
        ["substr(", a, ", 1, 3)"],
        [a, " IS NULL"],
    ]
    return rng.choice(forms)


def condition(rng: random.Random, a: Part) -> Expr:
    number = rng.randrange(100)
    forms: list[Expr] = [[a, " IS NOT NULL"], [a, f" > {number}"], [a, f" = 'v{number}' OR ", a, " IS NULL"]]
    return rng.choice(forms)


def add_view(rng: random.Random, model: Model) -> Vue:
    name = pick_name(rng, model.names(), "table") if rng.random() < 0.1 else f"v_{rng.randrange(10_000)}"
    while name in model.names():
        name += "x"
    usable = [view for view in model.views if view.outputs]
    if usable and rng.random() < 0.5:
        view = view_on_view(rng, name, rng.choice(usable))
    else:
        view = view_on_table(rng, name, rng.choice(model.tables))
    model.views.append(view)
    return view


def view_on_table(rng: random.Random, name: str, table: Tab) -> Vue:
    if rng.random() < 0.15:
        return Vue(name, ["SELECT * FROM ", ("table", table.uid)], [("column", c.uid) for c in table.columns])
    body: Expr = ["SELECT "]
    outputs: list[Part] = []
    for at, column in enumerate(rng.sample(table.columns, rng.randint(1, min(3, len(table.columns))))):
        reference: Part = ("column", column.uid)
        body += [", " if at else "", reference]
        if rng.random() < 0.5:
            outputs.append(f"out{at}")
            body.append(f" AS out{at}")
        else:
            outputs.append(reference)
    body += [" FROM ", ("table", table.uid)]
    if rng.random() < 0.4:
        body += [" WHERE ", *condition(rng, ("column", rng.choice(table.columns).uid))]
    return Vue(name, body, outputs)


def view_on_view(rng: random.Random, name: str, view: Vue) -> Vue:
    at = rng.randrange(len(view.outputs))
    reference: Part = ("output", view.uid, at)
    if rng.random() < 0.3:
        return Vue(name, ["SELECT count(", reference, ") AS n FROM ", ("view", view.uid)], ["n"])
    return Vue(
        name, ["SELECT ", reference, " FROM ", ("view", view.uid), " WHERE ", *condition(rng, reference)], [reference]
    )


def journal(model: Model) -> Tab:
    """The table that triggers write to."""
    found = next((table for table in model.tables if table.name == "journal"), None)
    if found is None:
        found = Tab("journal", [Col("what", "TEXT"), Col("value")])
        model.tables.append(found)
    return found


def add_trigger(rng: random.Random, model: Model) -> Trig | None:
    log = journal(model)
    name = f"tr_{rng.randrange(10_000)}"
    while name in model.names():
        name += "x"
    views = [view for view in model.views if view.outputs]
    if views and rng.random() < 0.35:
        trigger = trigger_on_view(rng, name, rng.choice(views), log)
    else:
        tables = [table for table in model.tables if table is not log]
        if not tables:
            return None
        trigger = trigger_on_table(rng, name, rng.choice(tables), log)
    trigger.each_row = rng.random() < 0.3
    model.triggers.append(trigger)
    return trigger


def insertion(rng: random.Random, log: Tab, value: Expr) -> Expr:
    columns: list[Part] = [("column", log.plain[0].uid), ("column", log.plain[-1].uid)]
    said = f"'event {rng.randrange(100)}'" if rng.random() < 0.8 else f'"event {rng.randrange(100)}"'
    return ["INSERT INTO ", ("table", log.uid), "(", columns[0], ", ", columns[1], f") VALUES ({said}, ", *value, ")"]


def trigger_on_view(rng: random.Random, name: str, view: Vue, log: Tab) -> Trig:
    event = rng.choice(["INSERT", "UPDATE", "DELETE"])
    value: Expr = ["OLD." if event == "DELETE" else "NEW.", ("output", view.uid, 0)]
    return Trig(name, ("view", view.uid), "INSTEAD OF", event, [insertion(rng, log, value)])


def trigger_on_table(rng: random.Random, name: str, table: Tab, log: Tab) -> Trig:
    event = rng.choice(["INSERT", "UPDATE", "DELETE"])
    row = "OLD." if event == "DELETE" or (event == "UPDATE" and rng.random() < 0.3) else "NEW."
    column: Part = ("column", rng.choice(table.columns).uid)
    body = [insertion(rng, log, [row, column])]
    if rng.random() < 0.2:
        first: Part = ("column", table.plain[0].uid)
        body.append(["UPDATE ", ("table", table.uid), " SET ", first, " = ", first, " WHERE 0"])
    if rng.random() < 0.2:
        body.insert(0, ["SELECT RAISE(ABORT, 'not so; no') WHERE ", row, column, f" = 'forbidden {rng.randrange(9)}'"])
    trigger = Trig(name, ("table", table.uid), rng.choice(["BEFORE", "AFTER"]), event, body)
    if event == "UPDATE" and rng.random() < 0.6:
        trigger.of = [c.uid for c in rng.sample(table.plain, rng.randint(1, min(2, len(table.plain))))]
    if rng.random() < 0.35:
        trigger.when = [row, *condition(rng, column)] if rng.random() < 0.7 else [row, column, " IS NOT 'quiet'"]
        if " OR " in "".join(part for part in trigger.when if isinstance(part, str)):
            trigger.when = [row, column, " IS NOT NULL"]
    return trigger


def add_full_text(rng: random.Random, model: Model) -> FullText | None:
    """An external-content FTS5 table over the plainly named columns of a table with rowids."""
    for table in rng.sample(model.tables, len(model.tables)):
        named = [c for c in table.plain if kind_of_name(c.name) is None and c.name.lower() not in ("rank", "rowid")]
        if named and not table.without_rowid and all(kind_of_name(c.name) != "rowid" for c in table.columns):
            full = FullText(f"fts_{rng.randrange(10_000)}", table.uid, [column.uid for column in named[:3]])
            model.full_texts.append(full)
            return full
    return None
