"""Names for tables, columns and the rest: mostly plain, some that only quoting can carry."""

from __future__ import annotations

import random
from collections.abc import Collection

PLAIN = [
    "id",
    "code",
    "title",
    "amount",
    "qty",
    "price",
    "status",
    "note",
    "owner",
    "created",
    "parent",
    "kind",
    "label",
    "flag",
    "total",
    "rate",
    "due",
    "city",
    "email",
    "phone",
    "first",
    "last",
    "rank",
    "weight",
    "colour",
    "size",
    "batch",
    "path",
    "body",
    "state",
]
KEYWORDS = [
    "order",
    "group",
    "select",
    "table",
    "index",
    "check",
    "default",
    "references",
    "where",
    "key",
    "desc",
    "values",
    "unique",
]
SPACED = ["first name", "unit price", " lead", "a  b", "tab\tbed"]
UNICODE = ["naïve", "名前", "Ünïcode", "É", "é", "ß", "Ω2", "😀"]
QUOTED = [
    'quo"te',
    "it's",
    "x.y",
    "br]acket",
    "back`tick",
    "semi;colon",
    "-- dash",
    "/* c */",
    "1st",
    "per%cent",
    "(p)",
    "a,b",
    "$d",
    "Mixed",
]
ROWIDS = ["rowid", "_rowid_", "oid", "ROWID"]
TABLES = [
    "customer",
    "item",
    "sales_order",
    "invoice",
    "ledger",
    "t",
    "u",
    "tabCustomer",
    "tabSales Order",
    "Price List",
    "stock",
]


def pick_name(rng: random.Random, taken: Collection[str], pool: str = "column") -> str:
    """A name that is not in ``taken`` (folded names)."""
    free = {name.lower() for name in taken}
    while True:
        name = _pick(rng, pool)
        if name.lower() not in free:
            return name
        name = f"{name}{rng.randrange(100)}"
        if name.lower() not in free:
            return name


def _pick(rng: random.Random, pool: str) -> str:
    draw = rng.random()
    if pool == "column" and draw < 0.012:
        return rng.choice(ROWIDS)
    for limit, names in ((0.06, KEYWORDS), (0.10, SPACED), (0.14, UNICODE), (0.21, QUOTED)):
        if draw < limit:
            return rng.choice(names)
    return rng.choice(PLAIN if pool == "column" else TABLES)


def kind_of_name(name: str) -> str | None:
    """What is odd about a name: rowid, keyword, space, unicode, quoted; None for a plain one."""
    folded = name.lower()
    if folded in ("rowid", "_rowid_", "oid"):
        return "rowid"
    if folded in KEYWORDS:
        return "keyword"
    if not name.isascii():
        return "unicode"
    if any(char.isspace() for char in name):
        return "space"
    return None if name.replace("_", "a").isalnum() and not name[0].isdigit() else "quoted"
