"""Random DocType definitions as plain dicts, in both spellings, and random edits of them.

``doctypes(seed)`` gives a folder's worth that is right by the rules of definitions: each default fits its type, each
target is named, no name is taken twice. ``edited(seed, documents)`` gives what a developer would have made of them.
"""

from __future__ import annotations

import copy
import random
from typing import Any

Document = dict[str, Any]

TEXT = "Data|Small Text|Select|Link|Dynamic Link|Password|Read Only|Color|Phone|Autocomplete|Icon|Barcode|Attach"
FIELD_TYPES = {
    "text": [*TEXT.split("|"), "Attach Image"],
    "long": ["Text", "Long Text", "Text Editor", "Code", "Markdown Editor", "HTML Editor", "Geolocation", "Signature"],
    "json": ["JSON"],
    "integer": ["Int", "Long Int"],
    "check": ["Check"],
    "number": ["Float", "Currency", "Percent", "Duration", "Rating"],
    "date": ["Date"],
    "datetime": ["Datetime"],
    "time": ["Time"],
    "table": ["Table", "Table MultiSelect"],
    "layout": ["Section Break", "Column Break", "Tab Break", "Fold", "Heading", "Button", "HTML", "Image"],
}
_FAMILY = {name: family for family, names in FIELD_TYPES.items() for name in names}
_NAMES = [
    "title",
    "code",
    "status",
    "amount",
    "qty",
    "rate",
    "posting_date",
    "due",
    "note",
    "remark",
    "colour",
    "email",
    "phone",
    "group",
    "order",
    "select",
    "table",
    "index",
    "customer",
    "item",
    "weight",
    "discount",
    "total",
    "flag",
    "enabled",
    "city",
    "country",
    "tax_id",
    "lead_time",
    "größe",
    "straße",
    "名前",
    "_hidden",
    "Mixed",
    "x",
]
_DEFAULTS: dict[str, list[Any]] = {
    "text": [
        "",
        "Open",
        "it's",
        'say "hi"',
        "名前",
        "--",
        "1",
        "007",
        5,
        "CURRENT_TIMESTAMP",
        "NULL",
        "x'00'",
        "a\nb",
        "null",
        "(1 + 2)",
    ],
    "long": ["", "<p>it's</p>", "long ; text", "{{ doc.name }}"],
    "json": ["", "{}", '{"a": [1, "it\'s"]}', "[]", {"a": 1}, [1, 2]],
    "integer": ["", 0, 7, -3, "42", "-1", 2**53 + 1, "0", True],
    "check": ["", 0, 1, "0", "1", True, False],
    "number": ["", 0, 1.5, "0.1", "-2.50", "1e3", 100, "99.90"],
    "date": ["", "Today", "2024-02-29", "today"],
    "datetime": ["", "now", "Now", "2024-02-29 13:45:00"],
    "time": ["", "now", "08:30:00"],
}
_DYNAMIC = ["__user", ":company", "eval:doc.x", "Today", "now"]
DOCTYPE_NAMES = [
    "Customer",
    "Sales Order",
    "Item",
    "It's",
    "Größe",
    "Price List",
    "Task",
    'Quo"te',
    "Order",
    "Note",
    "Ledger Entry",
]
KINDS_OF_DOCTYPE = ("normal", "child", "single", "tree", "submittable", "virtual", "autoincrement", "seen")


def doctypes(seed: int | random.Random, count: int | None = None) -> list[Document]:
    """A folder of 1 to 5 definitions (or ``count``) that link to each other; the same for the same seed."""
    rng = random.Random(seed) if isinstance(seed, int) else seed
    names = rng.sample(DOCTYPE_NAMES, count or rng.choice((1, 1, 2, 3, 5)))
    kinds = {name: rng.choices(KINDS_OF_DOCTYPE, weights=[5, 2, 1, 1, 1, 1, 1, 1])[0] for name in names}
    return [document(rng, name, kinds) for name in names]


def document(rng: random.Random, name: str, kinds: dict[str, str]) -> Document:
    """One definition; ``kinds`` are all names of the folder with their kind, for the targets of links."""
    frappe = rng.random() < 0.4
    made: Document = {"name": name, "module": rng.choice(["Core", "Selling"]), "fields": []}
    if frappe:
        made["doctype"] = "DocType"
    said: Any = 1 if frappe else True
    flags = {"child": "istable", "single": "issingle", "tree": "is_tree", "submittable": "is_submittable"}
    flags |= {"virtual": "is_virtual", "seen": "track_seen"}
    if kinds[name] in flags:
        made[flags[kinds[name]]] = said
    if kinds[name] == "autoincrement":
        made["autoname"] = "autoincrement"
    if rng.random() < 0.08 and kinds[name] not in ("single", "virtual"):
        made["table_name"] = f"my {name}"
    for _ in range(rng.choice((0, 1, 2, 4, 8, 14))):
        made["fields"].append(field(rng, made, kinds))
    if frappe:
        made["field_order"] = [one["fieldname"] for one in made["fields"]]
    if rng.random() < 0.35 and kinds[name] not in ("single", "virtual"):
        add_index(rng, made)
    return made


def columns(made: Document) -> list[Document]:
    """The fields of a definition that keep a value."""
    return [
        one
        for one in made["fields"]
        if _FAMILY[one["fieldtype"]] not in ("table", "layout") and not one.get("is_virtual")
    ]


def free_name(rng: random.Random, made: Document) -> str:
    taken = {str(one["fieldname"]).lower() for one in made["fields"]}
    name = rng.choice(_NAMES)
    while name.lower() in taken:
        name = f"{rng.choice(_NAMES)}_{rng.randrange(1000)}"
    return name


def field(rng: random.Random, made: Document, kinds: dict[str, str]) -> Document:
    """A field that is not yet in ``made``."""
    every = [name for names in FIELD_TYPES.values() for name in names]
    one: Document = {"fieldname": free_name(rng, made), "fieldtype": rng.choice(every), "label": "Some label"}
    set_type(rng, made, one, one["fieldtype"], kinds)
    return one


def set_type(rng: random.Random, made: Document, one: Document, fieldtype: str, kinds: dict[str, str]) -> None:
    """Give the field a type with everything that belongs to it, and take away what does not fit any more."""
    for key in ("options", "default", "length", "precision", "unique", "indexed", "search_index", "required", "reqd"):
        one.pop(key, None)
    for key in ("is_virtual", "not_nullable", "on_delete"):
        one.pop(key, None)
    one["fieldtype"] = fieldtype
    family = _FAMILY[fieldtype]
    yes: Any = 1 if "doctype" in made else True
    children = [name for name, kind in kinds.items() if kind == "child"]
    targets = {"Link": list(kinds), "Table": children or list(kinds), "Table MultiSelect": children or list(kinds)}
    if fieldtype in targets:
        one["options"] = rng.choice(targets[fieldtype])
    elif fieldtype == "Dynamic Link":
        one["options"] = next(
            (str(other["fieldname"]) for other in made["fields"] if other is not one), "reference_type"
        )
    elif fieldtype == "Select":
        one["options"] = "Open\nit's\nClosed"
    if family in ("table", "layout"):
        return
    set_default(rng, one)
    if family == "text" and rng.random() < 0.4:
        one["length"] = rng.choice([0, 1, 20, 140, 1000])
    if fieldtype in ("Float", "Currency", "Percent") and rng.random() < 0.4:
        one["precision"] = rng.choice([0, 2, 6, "3", 9])
    if rng.random() < 0.25:
        one[rng.choice(["reqd", "not_nullable"]) if "doctype" in made else "required"] = yes
    if family not in ("long", "json"):
        if rng.random() < 0.12:
            one["unique"] = yes
        if rng.random() < 0.2:
            one["search_index" if "doctype" in made else "indexed"] = yes
    if rng.random() < 0.05 and not any(one.get(key) for key in ("unique", "search_index", "indexed")):
        one["is_virtual"] = yes


def set_default(rng: random.Random, one: Document) -> None:
    one.pop("default", None)
    family = _FAMILY[one["fieldtype"]]
    if one["fieldtype"] == "Select":
        one["default"] = rng.choice(["", "Open", "it's"])
    elif rng.random() < 0.45:
        one["default"] = rng.choice(_DYNAMIC if rng.random() < 0.15 and family == "text" else _DEFAULTS[family])


def add_index(rng: random.Random, made: Document) -> bool:
    """A composite, partial, unique or descending index over fields that have columns."""
    usable = [str(one["fieldname"]) for one in columns(made)]
    if not usable:
        return False
    chosen = rng.sample(usable, min(len(usable), rng.choice((1, 2, 2, 3))))
    parts: list[Any] = [f"{name} desc" if rng.random() < 0.2 and name.isascii() else name for name in chosen]
    index: Document = {"fields": parts}
    if rng.random() < 0.25:
        index["unique"] = True
    if rng.random() < 0.25:
        index["where"] = f'"{chosen[0]}" IS NOT NULL'
    indexes = made.setdefault("indexes", [])
    if any(other["fields"] == parts for other in indexes):
        return False
    indexes.append(index)
    return True


# -- edits


def edited(
    seed: int | random.Random, documents: list[Document], edits: int = 5
) -> tuple[list[Document], tuple[str, ...]]:
    """The folder after 1 to ``edits`` random edits, and their kinds (from EDITS). ``documents`` is left as it is."""
    rng = random.Random(seed) if isinstance(seed, int) else seed
    made = copy.deepcopy(documents)
    kinds = {one["name"]: kind_of(one) for one in made}
    done: list[str] = []
    for _ in range(rng.randint(1, edits) * 3):
        kind = rng.choice(EDITS)
        if edit(rng, rng.choice(made), kind, kinds):
            done.append(kind)
        if len(done) >= edits:
            break
    return made, tuple(done)


EDITS = (
    "add field",
    "remove field",
    "rename field",
    "rename field by list",
    "retype",
    "default",
    "length",
    "required",
    "unique",
    "indexed",
    "add index",
    "drop index",
    "move field",
    "swap names",
    "submittable",
    "track seen",
)


def kind_of(made: Document) -> str:
    flags = {"istable": "child", "issingle": "single", "is_tree": "tree", "is_virtual": "virtual"}
    return next((kind for flag, kind in flags.items() if made.get(flag)), "normal")


def edit(rng: random.Random, made: Document, kind: str, kinds: dict[str, str]) -> bool:
    """One edit of one definition; False when it does not apply."""
    fields = made["fields"]
    if kind == "add field":
        fields.insert(rng.randrange(len(fields) + 1), field(rng, made, kinds))
    elif kind in ("submittable", "track seen"):
        if kinds[made["name"]] in ("single", "virtual"):
            return False
        key = "is_submittable" if kind == "submittable" else "track_seen"
        made[key] = not made.get(key)
    elif kind == "add index":
        return kinds[made["name"]] not in ("single", "virtual") and add_index(rng, made)
    elif kind == "drop index":
        if not made.get("indexes"):
            return False
        made["indexes"].pop(rng.randrange(len(made["indexes"])))
    elif not columns(made):
        return False
    else:
        return edit_field(rng, made, rng.choice(columns(made)), kind, kinds)
    return True


def edit_field(rng: random.Random, made: Document, one: Document, kind: str, kinds: dict[str, str]) -> bool:
    fields, yes = made["fields"], 1 if "doctype" in made else True
    family = _FAMILY[one["fieldtype"]]
    if kind == "remove field":
        fields.remove(one)
        forget(made, str(one["fieldname"]))
    elif kind in ("rename field", "rename field by list"):
        if str(one["fieldname"]) in claimed(made):
            return False
        old, one["fieldname"] = str(one["fieldname"]), free_name(rng, made)
        one["old_fieldname"] = old if kind == "rename field" else [f"older_{old}", old]
        rename(made, {old: one["fieldname"]})
    elif kind == "swap names":
        other = rng.choice(columns(made))
        if other is one or claimed(made):
            return False
        one["fieldname"], other["fieldname"] = other["fieldname"], one["fieldname"]
        one["old_fieldname"], other["old_fieldname"] = other["fieldname"], one["fieldname"]
        rename(made, {one["fieldname"]: other["fieldname"], other["fieldname"]: one["fieldname"]})
    elif kind == "retype":
        every = [name for name, its in _FAMILY.items() if its not in ("table", "layout")]
        set_type(rng, made, one, rng.choice(every), kinds)
        if one.get("is_virtual"):
            forget(made, str(one["fieldname"]))
    elif kind == "default":
        set_default(rng, one)
    elif kind == "length":
        if family != "text":
            return False
        one["length"] = rng.choice([1, 20, 140, 500])
    elif kind == "move field":
        fields.remove(one)
        fields.insert(rng.randrange(len(fields) + 1), one)
    else:
        keys = {"required": "required", "unique": "unique", "indexed": "indexed"}
        if family in ("long", "json"):
            return False
        one[keys[kind]] = False if one.get(keys[kind]) else yes
    return True


def claimed(made: Document) -> set[str]:
    """The names that some field says it had before: nobody else may say so too."""
    said = [one.get("old_fieldname", []) for one in made["fields"]]
    return {name for names in said for name in ([names] if isinstance(names, str) else names)}


def forget(made: Document, name: str) -> None:
    """Take a field out of the indexes that name it."""
    made["indexes"] = [index for index in made.get("indexes", []) if name not in named(index)]


def named(index: Document) -> set[str]:
    where = index.get("where")
    return {part.removesuffix(" desc") for part in index["fields"]} | ({where.split('"')[1]} if where else set())


def rename(made: Document, names: dict[str, str]) -> None:
    """Follow renamed fields into indexes, Dynamic Links and the order."""
    for index in made.get("indexes", []):
        parts = [(part.removesuffix(" desc"), " desc" if part.endswith(" desc") else "") for part in index["fields"]]
        index["fields"] = [names.get(name, name) + order for name, order in parts]
        if "where" in index:
            name = index["where"].split('"')[1]
            index["where"] = f'"{names.get(name, name)}" IS NOT NULL'
    for one in made["fields"]:
        if one["fieldtype"] == "Dynamic Link":
            one["options"] = names.get(one["options"], one["options"])
