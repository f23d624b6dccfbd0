"""The golden conversion tables: odd values through real columns, and how they are written down.

``SODAF_WRITE_GOLDEN=1 python -m pytest tests/dialects/test_conversion.py`` writes them, and the tables of
``docs/conversions.md``, anew.
"""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from sodaf_migrate.dialects.sqlite.conversion import Conversion, SiteFormats, conversion
from sodaf_migrate.dialects.sqlite.types import declared
from sodaf_migrate.doctype.catalogue import FIELD_TYPES, Storage
from sodaf_migrate.doctype.model import DocField
from sodaf_migrate.typemap import neutral_type

#: One field type for each kind of value that a column can hold.
REPRESENTATIVES = {
    Storage.TEXT: "Data",
    Storage.LONG_TEXT: "Long Text",
    Storage.JSON: "JSON",
    Storage.INTEGER: "Int",
    Storage.CHECK: "Check",
    Storage.NUMBER: "Float",
    Storage.DATE: "Date",
    Storage.DATETIME: "Datetime",
    Storage.TIME: "Time",
}
KINDS = [name for storage, name in REPRESENTATIVES.items() if storage is not Storage.LONG_TEXT]
WITH_COLUMN = [name for name, kind in FIELD_TYPES.items() if kind.has_column]

ODD: tuple[Any, ...] = (
    *(None, "", " ", "0", "1", "5", "-5", "+5", "-0", "007", "00", " 5 ", "5\n", "12.0", "12.", ".5", "12.5", "0.10"),
    *("1e3", "1.5e-3", "1e400", "1,000", "1.000,5", "1_000", "0x10", "1 000", "٣", "½", "5\0", "inf", "nan"),
    *(
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "0.30000000000000004",
        "3.14159265358979323846",
    ),
    *("true", "YES", "off", "n", "hello", "Ärger ✓", '{"a": [1]}', "[1,", '"x"', "null"),
    *("2024-02-29", "2023-02-29", "0000-01-01", "2024-1-5", "20240105", "31.12.2024", "01/02/2024", " 2024-02-29"),
    *("2024-02-29 10:20:30", "2024-02-29 00:00:00", "2024-02-29T10:20", "2024-02-29 10:20:30.123456"),
    *("2024-02-29 10:20:30.1234567", "2024-02-29T10:20:30Z", "2024-02-29 10:20:30+02:00", "2024-02-29 24:00:00"),
    *("2024-02-29 10:20:60", "10:20:30", "10:20", "9:05:00", "23:59:59.5", "24:00", "10:20:30+01", "now", "today"),
    *(0, 1, -1, 7, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 20240105),
    *(0.0, 1.0, -2.0, 0.1, 12.5, -12.5, 1e15, 1e20, 2.0**63, 1e300, 1e-7, 0.1 + 0.2, float("inf"), float("-inf")),
    *(b"", b"5", b"\xff\x00"),
)

SITE = SiteFormats(
    moments=("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y%m%d", "%d.%m.%Y %H:%M", "%H.%M"), numbers=("#.###,##", "#,###.##")
)
LOCAL: tuple[Any, ...] = (
    *("31.12.2024", "1.2.2024", "29.02.2023", "31.12.24", "01/02/2024", "12/31/2024", "31/12/2024", "02/02/2024"),
    *(
        "20240105",
        "20241305",
        "31.12.2024 00:00",
        "31.12.2024 9:05",
        "31.12.2024 24:00",
        "9.30",
        "10.20",
        " 31.12.2024 ",
    ),
    *(
        "2024-12-31",
        "1.234,56",
        "1.234.567",
        "1,234,567.5",
        "1.234",
        "1,234",
        "12.34.567",
        "1234,5",
        "-1.000,5",
        "1,5,0",
    ),
    *("1.234.567,8,9", "007,5", "1e3", "5", 20240105, 20241305, 20240105.0),
)
OPTIONS = ("Open", "Closed", "1", "12.5")


def column(field_type: str) -> str:
    """The declared type of a column of that field."""
    neutral = neutral_type(DocField(fieldname="f", fieldtype=field_type))
    assert neutral is not None
    return declared(neutral)


def outcomes(
    connection: sqlite3.Connection, values: Iterable[Any], old: str, pair: Conversion
) -> Iterator[tuple[str, str, str]]:
    """What is stored, the outcome, and the value it becomes, once for all values that are stored alike."""
    connection.execute(f'CREATE TEMP TABLE odd (n INTEGER PRIMARY KEY, "v" {column(old)})')
    connection.executemany('INSERT INTO odd ("v") VALUES (?)', [(value,) for value in values])
    query = f'SELECT "v", {pair.verdict}, {pair.value} FROM odd ORDER BY n'
    seen: set[str] = set()
    for stored, verdict, value in connection.execute(query).fetchall():
        if (shown := show(stored)) not in seen:
            seen.add(shown)
            yield shown, (verdict or "null").replace("_", " "), show(value)
    connection.execute("DROP TABLE odd")


def show(value: Any) -> str:
    """A value with its storage class, in a width that keeps the columns apart."""
    name = {type(None): "null", str: "text", int: "integer", float: "real", bytes: "blob"}[type(value)]
    text = ascii(value) if isinstance(value, str) else repr(value)
    return "NULL" if value is None else f"{text} {name}"


def table(connection: sqlite3.Connection, values: Iterable[Any], old: str, new: str, **given: Any) -> str:
    """One pair of types: a heading, and a line for each stored value."""
    extra = "".join(f", {name} {value}" for name, value in given.items() if name != "formats")
    return f"== {old} -> {new}{extra}\n" + "".join(lines(connection, values, old, new, **given))


def lines(connection: sqlite3.Connection, values: Iterable[Any], old: str, new: str, **given: Any) -> list[str]:
    """One pair's lines."""
    pair = conversion(old, new, '"v"', **given)
    if pair.trivial:
        return ["   every value stays as it is\n"]
    found = outcomes(connection, values, old, pair)
    return [f"   {stored:<38} {verdict:<11} {value}".rstrip() + "\n" for stored, verdict, value in found]


def from_one(connection: sqlite3.Connection, old: str) -> str:
    """The golden text of one source type: to every kind of value but its own.

    What differs from Data's lines is told alone, where there are such. A text that came from a type it does not
    belong to does not come back by itself: there, no line of Data's is "kept".
    """
    return "\n".join(f"== {old} -> {new}\n{_told(connection, old, new)}" for new in KINDS if new != old)


def _told(connection: sqlite3.Connection, old: str, new: str) -> str:
    # How a real number becomes text, and a NUL a number, on its way into a column depends on the SQLite version.
    texts = [value for value in ODD if not isinstance(value, float)]
    numbers = [value for value in ODD if value != "5\0"]
    own = lines(connection, texts if column(old) == "TEXT" else numbers, old, new)
    if old == "Data" or new == "Data":
        return "".join(own)
    usual = lines(connection, texts, "Data", new)
    head = f"   like Data -> {new}"
    if old != "JSON":
        usual = [line.replace(" kept    ", " one way ") for line in usual]
        head += ", where nothing is kept"
    differing = [line for line in own if line not in usual]
    return head + (", but for\n" if differing else "\n") + "".join(differing)


def by_the_site(connection: sqlite3.Connection) -> str:
    """The golden text of the site's formats."""
    pairs = [("Data", new) for new in ("Int", "Float", "Check", "Date", "Datetime", "Time")]
    return "\n".join(table(connection, LOCAL, old, new, formats=SITE) for old, new in [*pairs, ("Int", "Date")])


def by_limits(connection: sqlite3.Connection) -> str:
    """The golden text of lengths and options."""
    short = (
        "",
        "five5",
        "six666",
        "äöüäö",
        "äöüäöü",
        12345,
        123456,
        b"123456",
        "Open",
        "open",
        " Open",
        1,
        2,
        b"1",
        None,
    )
    texts, numbers = (*short, "12345\0", "1234\0", "Open\0", "12.5"), (*short, 1.25, 12.345, 1e300, 1.0, 12.5)
    values = {"Data": texts, "Long Text": texts, "Int": numbers, "Float": numbers}
    sizes = [table(connection, values[old], old, "Data", length=5) for old in values]
    lists = [table(connection, values[old], old, "Select", options=OPTIONS) for old in values]
    return "\n".join([*sizes, *lists])


_MARK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHOWN = {
    "text": ("Data", ("Int", "Float", "Check"), ODD[1 : ODD.index("hello") + 1]),
    "moments": ("Data", ("Date", "Datetime", "Time"), ("", *ODD[ODD.index("2024-02-29") : ODD.index(0)])),
    "json": (
        "Data",
        ("JSON",),
        ("", "5", "007", "12.50", "hello", '"hello"', '{"a": [1]}', "[1,", "null", "2024-02-29"),
    ),
    "int": ("Int", ("Check", "Float", "Data"), (0, 1, 7, -1, 2**53, 2**53 + 1, 2**63 - 1, "word")),
    "float": ("Float", ("Int", "Check", "Data"), (1.0, 12.5, -12.5, 0.1, 0.1 + 0.2, 1e15, 1e20, 1e-7, float("inf"))),
    "date": ("Date", ("Datetime", "Data", "Time"), ("2024-02-29", "", "word")),
    "datetime": ("Datetime", ("Date", "Time", "Data"), ("2024-02-29 00:00:00", "2024-02-29 10:20:30.123456", "")),
    "site": ("Data", ("Date", "Datetime", "Float"), LOCAL[:8] + LOCAL[10:12] + LOCAL[17:26]),
}


def documented(connection: sqlite3.Connection, text: str) -> str:
    """The page with its tables as the code gives them."""
    return _MARK.sub(lambda mark: mark[1] + _markdown(connection, mark[2]) + mark[3], text)


def _markdown(connection: sqlite3.Connection, name: str) -> str:
    old, news, values = _SHOWN[name]
    formats = SITE if name == "site" else SiteFormats()
    columns = [list(outcomes(connection, values, old, conversion(old, new, '"v"', formats=formats))) for new in news]
    lines = [f"| {old} | {' | '.join(f'→ {new}' for new in news)} |", "| --- " * (len(news) + 1) + "|"]
    for row in zip(*columns, strict=True):
        cells = [_cell(verdict, value) for _, verdict, value in row]
        lines.append(f"| `{_plain(row[0][0])}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(verdict: str, value: str) -> str:
    words = {"kept": "", "one way": "", "lossy": ", lossy"}
    return f"`{_plain(value)}`{words[verdict]}" if verdict in words else "–"


def _plain(shown: str) -> str:
    """A shown value without the name of its class, and with its letters."""
    text = shown.rsplit(" ", 1)[0]
    return (repr(ast.literal_eval(text)) if text.startswith(("'", '"')) else text).replace("|", "\\|")
