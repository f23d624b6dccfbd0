"""Which constructs a model has, by name, so that a test can count that none is missing from the examples."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.generators.make import ODD, WORDS
from tests.generators.model import Col, Foreign, Ind, Key, Model, Tab, Trig
from tests.generators.names import kind_of_name

#: Every name that ``constructs`` can give; each stands for one line of what SQLite's schemas can hold.
CONSTRUCTS = frozenset(
    """type integer|type text|type real|type numeric|type blob|type none|type words|type sized|type odd|type quoted
    key alias|key autoincrement|key text|key composite|key inline desc|key part desc|key int|key none|key conflict
    key named|key collated|without rowid|strict|strict without rowid
    not null|not null conflict|not null named
    default number|default signed|default string|default quote|default double-quoted|default word|default expression
    default clock|default boolean|default null|default blob|collate
    check|check named|check unnamed|check qualified|check double-quoted|check commented
    unique|unique composite|unique conflict|unique named|unique collated|unique desc
    foreign key|foreign action|foreign deferrable|foreign self|foreign composite|foreign named|foreign implied
    foreign match|generated stored|generated virtual
    name rowid|name keyword|name space|name unicode|name quoted|comment
    index|index unique|index partial|index expression|index collated|index desc|index composite
    view|view star|view on view|trigger before|trigger after|trigger insert|trigger update|trigger delete
    trigger update of|trigger when|trigger raise|instead of|full text|statistics""".replace("\n    ", "|").split("|")
)


def constructs(model: Model) -> set[str]:
    """The names from CONSTRUCTS of what the model has."""
    found = {name for table in model.tables for name in of_table(table)}
    found |= {name for index in model.indexes for name in of_index(index)}
    found |= {name for trigger in model.triggers for name in of_trigger(trigger)}
    for view in model.views:
        found.add("view")
        found |= {"view star"} if view.body[0] == "SELECT * FROM " else set()
        found |= (
            {"view on view"} if any(part[0] == "view" for part in view.body if not isinstance(part, str)) else set()
        )
    found |= {"full text"} if model.full_texts else set()
    return found | ({"statistics"} if model.analysed else set())


def of_table(table: Tab) -> Iterator[str]:
    for column in table.columns:
        yield from of_column(column)
    if table.key is None:
        yield "key none"
    else:
        yield from of_key(table, table.key)
    for key in table.uniques:
        yield from of_unique(key)
    for check in table.checks:
        text = "".join(part for part in check.expression if isinstance(part, str))
        yield from ("check", "check named" if check.name else "check unnamed")
        if any(part[0] == "table" for part in check.expression if not isinstance(part, str)):
            yield "check qualified"
        if '"' in text:
            yield "check double-quoted"
        if "/*" in text:
            yield "check commented"
    for foreign in table.foreign:
        yield from of_foreign(table, foreign)
    options = [*(["without rowid"] if table.without_rowid else []), *(["strict"] if table.strict else [])]
    yield from options
    if len(options) == 2:
        yield "strict without rowid"
    if table.commented:
        yield "comment"
    yield from (f"name {kind}" for kind in map(kind_of_name, [table.name, *(c.name for c in table.columns)]) if kind)


def of_column(column: Col) -> Iterator[str]:
    yield f"type {affinity(column.type)}"
    if "(" in column.type:
        yield "type sized"
    if column.type in WORDS:
        yield "type words"
    if column.type in ODD:
        yield "type odd"
    if '"' in column.type:
        yield "type quoted"
    if column.not_null:
        yield "not null"
        yield from ["not null conflict"] if column.not_null_conflict else []
        yield from ["not null named"] if column.not_null_name else []
    if column.default is not None:
        yield f"default {kind_of_default(column.default)}"
    if column.collation:
        yield "collate"
    if column.generated is not None:
        yield "generated stored" if column.stored else "generated virtual"


def affinity(declared: str) -> str:
    """SQLite's affinity of a declared type, "none" for no type."""
    folded = declared.upper()
    rules = (("INT", "integer"), ("CHAR|CLOB|TEXT", "text"), ("BLOB", "blob"), ("REAL|FLOA|DOUB", "real"))
    if not folded:
        return "none"
    return next((name for words, name in rules if re.search(words, folded)), "numeric")


def kind_of_default(text: str) -> str:
    if text.startswith("'"):
        return "quote" if "''" in text[1:-1] or '"' in text else "string"
    rules = (
        (r"\(", "expression"),
        (r"CURRENT_", "clock"),
        (r"TRUE|FALSE", "boolean"),
        (r"NULL", "null"),
        (r"x'", "blob"),
        (r'"', "double-quoted"),
        (r"[a-z]", "word"),
        (r"[-+]", "signed"),
    )
    return next((name for words, name in rules if re.match(words, text)), "number")


def of_key(table: Tab, key: Key) -> Iterator[str]:
    first = table.column(key.parts[0].column or 0)
    if len(key.parts) > 1:
        yield "key composite"
    elif key.must_inline:
        yield "key inline desc"
    elif key.autoincrement:
        yield "key autoincrement"
    elif table.rowid_alias is not None:
        yield "key alias"
    elif first is not None and affinity(first.type) == "text":
        yield "key text"
    elif first is not None and first.type == "INT":
        yield "key int"
    if any(part.descending for part in key.parts) and not key.must_inline:
        yield "key part desc"
    yield from ["key conflict"] if key.conflict else []
    yield from ["key named"] if key.name else []
    yield from ["key collated"] if any(part.collation for part in key.parts) else []


def of_unique(key: Key) -> Iterator[str]:
    yield "unique"
    yield from ["unique composite"] if len(key.parts) > 1 else []
    yield from ["unique conflict"] if key.conflict else []
    yield from ["unique named"] if key.name else []
    yield from ["unique collated"] if any(part.collation for part in key.parts) else []
    yield from ["unique desc"] if any(part.descending for part in key.parts) else []


def of_foreign(table: Tab, key: Foreign) -> Iterator[str]:
    yield "foreign key"
    yield from ["foreign action"] if key.on_delete or key.on_update else []
    yield from ["foreign deferrable"] if key.deferrable else []
    yield from ["foreign self"] if key.table == table.uid else []
    yield from ["foreign composite"] if len(key.columns) > 1 else []
    yield from ["foreign named"] if key.name else []
    yield from ["foreign implied"] if not key.referenced else []
    yield from ["foreign match"] if key.match else []


def of_index(index: Ind) -> Iterator[str]:
    yield "index"
    yield from ["index unique"] if index.unique else []
    yield from ["index partial"] if index.where else []
    yield from ["index expression"] if any(part.expression for part in index.parts) else []
    yield from ["index collated"] if any(part.collation for part in index.parts) else []
    yield from ["index desc"] if any(part.descending for part in index.parts) else []
    yield from ["index composite"] if len(index.parts) > 1 else []


def of_trigger(trigger: Trig) -> Iterator[str]:
    if trigger.timing == "INSTEAD OF":
        yield "instead of"
        return
    yield f"trigger {trigger.timing.lower()}"
    yield f"trigger {trigger.event.lower()}"
    yield from ["trigger update of"] if trigger.of else []
    yield from ["trigger when"] if trigger.when else []
    yield from ["trigger raise"] if any("RAISE" in str(statement[0]) for statement in trigger.body) else []
