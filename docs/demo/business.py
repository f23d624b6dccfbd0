"""Some thousand believable rows for the shipped DocTypes, written as an application would: with plain INSERTs.

Only the values are made up. Which columns there are is read from the definitions, so the rows keep fitting when the
definitions change; the seed is fixed, so every run of the demo tells the same story.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sodaf_migrate import DocField, DocType, DocTypeEngine

#: Rows of each DocType; of any other that has a table, a handful.
ROWS = {"Customer": 1200, "Address": 900, "Contact": 900, "Item": 400, "Item Price": 800, "Sales Order": 1500}
ROWS |= {"Sales Invoice": 1000, "Payment Entry": 700}
HANDFUL, ROWS_OF_A_CHILD = 12, 3

FIRST = ["Anna", "Ben", "Carla", "Elif", "Femi", "Hugo", "Kaito", "Lena", "Mehmet", "Nora", "Omar", "Rosa", "Sven"]
LAST = ["Okafor", "Lindqvist", "Moreau", "Tanaka", "Schäfer", "Rossi", "Novák", "Haddad", "O'Brien", "Yılmaz", "Nguyen"]
TRADE = ["Bakery", "Books", "Cycles", "Foods", "Gardens", "Hardware", "Interiors", "Lighting", "Optics", "Tools"]
CITY = ["Porto", "Łódź", "Malmö", "Lyon", "İzmir", "Cork", "Graz", "Kyoto", "Lagos", "Quito", "Utrecht", "Zürich"]
THING = ["Bolt", "Bracket", "Cable", "Hinge", "Kettle", "Lamp", "Mug", "Notebook", "Pulley", "Shelf", "Tray", "Valve"]
COLOUR = ["amber", "black", "blue", "copper", "green", "grey", "ivory", "red", "silver", "white"]
USERS = ["anna@example.com", "omar@example.com", "rosa@example.com"]
START = datetime(2025, 1, 6, 8, 0)


def fill(database: str, engine: DocTypeEngine, seed: int = 7) -> dict[str, int]:
    """Write the rows of every DocType, those first on which others depend. Returns how many of each."""
    connection = sqlite3.connect(database)
    try:
        with connection:
            shop = _Shop(connection, engine, random.Random(seed))
            for name in engine.names():
                shop.stock(engine.get(name))
        return dict(shop.counts)
    finally:
        connection.close()


class _Shop:
    def __init__(self, connection: sqlite3.Connection, engine: DocTypeEngine, chance: random.Random) -> None:
        self.connection, self.engine, self.chance = connection, engine, chance
        self.names: dict[str, list[Any]] = {}
        self.counts: dict[str, int] = {}
        self.serial = 0

    def stock(self, doctype: DocType) -> None:
        """All rows of one DocType; a child's rows come with their parents."""
        if doctype.is_virtual or doctype.istable:
            return
        if doctype.issingle:
            self._single(doctype)
            return
        for number in range(1, ROWS.get(doctype.name, HANDFUL) + 1):
            name = number if doctype.autoincrement else self._name(doctype, number)
            self._insert(doctype, name, number, {})
            for field in doctype.fields:
                if field.is_table:
                    self._children(doctype, name, field, number)

    def _children(self, parent: DocType, name: Any, field: DocField, number: int) -> None:
        child = self.engine.get(field.options or "")
        for place in range(1, self.chance.randint(1, 2 * ROWS_OF_A_CHILD - 1) + 1):
            family = {"parent": name, "parenttype": parent.name, "parentfield": field.fieldname, "idx": place}
            key = None if child.autoincrement else f"{self.chance.getrandbits(40):010x}"
            self._insert(child, key, number, family)

    def _insert(self, doctype: DocType, name: Any, number: int, extra: dict[str, Any]) -> None:
        created = START + timedelta(minutes=37 * number)
        stamp = created.strftime("%Y-%m-%d %H:%M:%S")
        row = {"name": name, "creation": stamp, "modified": stamp, "owner": "demo", "modified_by": "demo", **extra}
        row |= {field.fieldname: self._value(field, number, created) for field in doctype.column_fields}
        columns = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join("?" * len(row))
        table = doctype.table.replace('"', '""')
        self.connection.execute(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', list(row.values()))
        self.names.setdefault(doctype.name, []).append(name)
        self.counts[doctype.name] = self.counts.get(doctype.name, 0) + 1

    def _single(self, doctype: DocType) -> None:
        for field in doctype.column_fields:
            row = (doctype.name, field.fieldname, self._value(field, 1, START))
            self.connection.execute("INSERT INTO tabSingles (doctype, field, value) VALUES (?, ?, ?)", row)
        self.counts[doctype.name] = len(doctype.column_fields)

    def _name(self, doctype: DocType, number: int) -> str:
        if doctype.name in ROWS:
            initials = "".join(word[0] for word in doctype.name.split())
            return f"{initials}-{number:05}" if len(initials) > 1 else f"{doctype.name[:4].upper()}-{number:05}"
        return f"{doctype.name} {number}"

    def _value(self, field: DocField, number: int, created: datetime) -> Any:
        kind, chance = field.fieldtype, self.chance
        if kind == "Link":
            known = {"User": USERS, "DocType": ["Customer"]} | self.names
            needed = [f"{field.options} 1"] if field.required else [None]
            return chance.choice(known.get(field.options or "") or needed)
        if kind == "Dynamic Link":
            return chance.choice(self.names.get("Customer") or ["CUST-00001"])
        if kind == "Select":
            return chance.choice([choice for choice in field.choices if choice] or [None])
        if kind == "Check":
            return int(chance.random() < 0.3)
        if kind in ("Int", "Long Int"):
            return chance.randint(1, 60)
        if kind in ("Float", "Currency", "Percent", "Duration", "Rating"):
            return round(chance.uniform(1, 900), 2)
        if kind in ("Date", "Datetime", "Time"):
            moment = created + timedelta(days=chance.randint(0, 60))
            return moment.strftime({"Date": "%Y-%m-%d", "Datetime": "%Y-%m-%d %H:%M:%S", "Time": "%H:%M:%S"}[kind])
        if kind == "JSON":
            return "{}"
        return self._text(field, number)

    def _text(self, field: DocField, number: int) -> str | None:
        chance, name = self.chance, field.fieldname
        first, last = chance.choice(FIRST), chance.choice(LAST)
        made = {
            "email": f"{first}.{last}{number}@example.com".lower().replace("'", ""),
            "phone": f"+{chance.randint(30, 49)} {chance.randint(100, 999)} {chance.randint(10000, 99999)}",
            "mobile": f"+{chance.randint(30, 49)} 7{chance.randint(10, 99)} {chance.randint(100000, 999999)}",
            "city": chance.choice(CITY),
            "first_name": first,
            "last_name": last,
            "customer_name": f"{last} {chance.choice(TRADE)}",
            "item_name": f"{chance.choice(COLOUR)} {chance.choice(THING).lower()}",
            "postal": f"{chance.randint(1000, 99999):05}",
            "address_line1": f"{chance.randint(1, 99)} {last} Street",
        }
        if field.unique:
            self.serial += 1
            return f"{first}.{last}{self.serial}@example.com" if "email" in name else f"{field.label} {self.serial}"
        if name == "email" and number % 40 == 0:
            return ""  # a form that was left empty
        if name == "logo":
            return f"/files/logo-{number}.png" if number % 3 == 0 else None
        found = next((text for part, text in made.items() if part in name), None)
        if found is not None:
            return found
        if field.required or field.reqd:
            return f"{chance.choice(THING)} {number}"
        return None if chance.random() < 0.4 else chance.choice(THING)


def spread(counts: dict[str, int]) -> Iterator[str]:
    """How many rows of each, largest first."""
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        yield f"{count:,} {name}"
