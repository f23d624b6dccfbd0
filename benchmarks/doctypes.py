"""Many DocTypes at once: how long the first sync, a sync that finds nothing and a dry run take.

    python benchmarks/doctypes.py [--size 1000] [--repeat 3]

``size`` DocTypes of 30 fields and two indexes each. Beside them the floor, below which nobody who looks can be:
parsing the JSON files, and one query for each kind of object (columns, indexes, foreign keys). And Alembic's
``compare_metadata`` of the same tables, where it is installed. Every figure is the best of ``repeat`` runs, each in a
fresh interpreter, imports not counted, all of a round before the next round. A large database is slow to ALTER whoever
asks: the bare statements stand beside the syncs that need them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from measure import child, machine, markdown, peak_memory, ratio, seconds, version, versions

FIELDS = [
    *[("Data", {"length": 140})] * 5,
    *[("Data", {})] * 3,
    *[("Int", {"default": "0"})] * 3,
    *[("Check", {})] * 4,
    *[("Currency", {})] * 3,
    *[("Float", {"precision": 3})] * 2,
    *[("Date", {})] * 2,
    *[("Datetime", {})] * 2,
    *[("Select", {"options": "Draft\nOpen\nClosed", "default": "Draft"})] * 2,
    *[("Small Text", {})] * 2,
    *[("Text Editor", {})] * 1,
    *[("Link", {})] * 1,
]

COLUMNS = "SELECT m.name, p.* FROM sqlite_schema m, pragma_table_xinfo(m.name) p WHERE m.type = 'table'"
INDEXES = (
    "SELECT m.name, l.*, p.* FROM sqlite_schema m, pragma_index_list(m.name) l, pragma_index_xinfo(l.name) p "
    "WHERE m.type = 'table'"
)
KEYS = "SELECT m.name, p.* FROM sqlite_schema m, pragma_foreign_key_list(m.name) p WHERE m.type = 'table'"


def definition(number: int, size: int, extra: bool = False) -> dict[str, Any]:
    """One DocType of 30 fields (31 with ``extra``), one field indexed, one index over two."""
    fields: list[dict[str, Any]] = []
    for place, (kind, more) in enumerate(FIELDS):
        field = {"fieldname": f"field_{place:02}", "label": f"Field {place}", "fieldtype": kind, **more}
        if kind == "Link":
            field["options"] = f"Thing {(number + 1) % size:04}"
        fields.append(field)
    fields[0]["required"] = True
    fields[5]["indexed"] = True
    if extra:
        fields.append({"fieldname": "field_extra", "label": "Extra", "fieldtype": "Data"})
    indexes = [{"fields": ["field_08", "field_00"]}]
    return {"name": f"Thing {number:04}", "module": "Bench", "fields": fields, "indexes": indexes}


def write_definitions(folder: Path, size: int, changed: Callable[[int], bool]) -> None:
    folder.mkdir()
    for number in range(size):
        text = json.dumps(definition(number, size, changed(number)), indent=1)
        (folder / f"thing_{number:04}.json").write_text(text)


# What is timed, each in a process of its own. A step prints its seconds by name.


def timed(work: Callable[[], Any], into: dict[str, Any], name: str) -> Any:
    began = time.perf_counter()
    result = work()
    into[name] = time.perf_counter() - began
    return result


def floor(folder: Path, database: Path) -> dict[str, Any]:
    """Parsing the files, and one query for each kind of object."""
    into: dict[str, Any] = {}

    def parse() -> list[Any]:
        return [json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))]

    def ask() -> int:
        with closing(sqlite3.connect(database)) as connection:
            return sum(len(connection.execute(query).fetchall()) for query in (COLUMNS, INDEXES, KEYS))

    timed(parse, into, "parse")
    timed(ask, into, "ask")
    return into


def bare(work: str, _folder: Path, database: Path) -> dict[str, Any]:
    """The statements alone, as SQLite runs them: a transaction each, as durable as ours."""
    into: dict[str, Any] = {"load": 0.0}
    with closing(sqlite3.connect(database)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'tabThing%'")]
        if work == "bare create":
            asked = "SELECT tbl_name, sql FROM sqlite_schema WHERE sql NOT NULL AND tbl_name LIKE 'tabThing%'"
            texts: dict[str, list[str]] = {name: [] for name in tables}
            for name, sql in connection.execute(asked):
                texts[name].append(sql)
            scripts = list(texts.values())
        else:
            scripts = [[f'ALTER TABLE "{name}" ADD COLUMN "field_extra" TEXT'] for name in tables]
    target = database.with_name("bare.db") if work == "bare create" else database
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = EXTRA")
        timed(lambda: [in_transaction(connection, script) for script in scripts], into, "work")
    into["changed"] = len(scripts)
    return into


def in_transaction(connection: sqlite3.Connection, script: list[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in script:
        connection.execute(statement)
    connection.execute("COMMIT")


def ours(work: str, folder: Path, database: Path) -> dict[str, Any]:
    """A sync or a dry run of everything; loading the definitions is counted, importing the package is not."""
    from sodaf_migrate import DocTypeEngine, MigrationApplier

    into: dict[str, Any] = {"memory before": peak_memory()}
    engine = timed(lambda: DocTypeEngine.from_directory(folder), into, "load")
    applier = MigrationApplier(database, engine)
    if work == "dry run":
        results = timed(applier.dry_run_all, into, "work")
        into["changed"] = sum(1 for result in results if result.changed)
        failures = [result.errors for result in results if not result.success]
    else:
        batch = timed(applier.sync_all_doctypes, into, "work")
        into["changed"] = sum(1 for result in batch.results if result.changed)
        failures = list(batch.errors)
    assert not failures, failures[:3]
    into["memory"] = peak_memory()
    return into


def alembic(folder: Path, database: Path) -> dict[str, Any]:
    """Alembic's comparison of the same tables, its models made beforehand."""
    import sqlalchemy as sa
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    into: dict[str, Any] = {}
    metadata = timed(lambda: models(sa, folder), into, "load")

    def ours_alone(_object: Any, name: str, kind: str, *_rest: Any) -> bool:
        return not (kind == "table" and name.startswith("tabMigration"))

    def compare() -> list[Any]:
        with sa.create_engine(f"sqlite:///{database}").connect() as connection:
            options = {"compare_type": True, "compare_server_default": True, "include_object": ours_alone}
            return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    into["changed"] = len(timed(compare, into, "work"))
    return into


def models(sa: Any, folder: Path) -> Any:
    """The tables of the DocTypes as SQLAlchemy models."""
    kinds = {"Data": sa.Text, "Int": sa.Integer, "Check": sa.Integer, "Currency": sa.REAL}
    metadata = sa.MetaData()
    for path in sorted(folder.rglob("*.json")):
        doctype = json.loads(path.read_bytes())
        table = sa.Table("tab" + doctype["name"], metadata, *standard_columns(sa))
        for field in doctype["fields"]:
            kind: Any = kinds.get(field["fieldtype"], sa.Text)
            if field["fieldtype"] == "Float":
                kind = sa.DECIMAL(18, field["precision"])
            if "length" in field:
                kind = sa.VARCHAR(field["length"])
            more: dict[str, Any] = {"nullable": not field.get("required")}
            if field["fieldtype"] == "Check":
                more = {"nullable": False, "server_default": sa.text("0")}
            elif field["fieldtype"] == "Int":
                more["server_default"] = sa.text("0")
            elif "default" in field:
                more["server_default"] = field["default"]
            table.append_column(sa.Column(field["fieldname"], kind, **more))
        for names in (["field_05"], ["field_08", "field_00"]):
            sa.Index(f"ix_{table.name}.{','.join(names)}", *(table.c[name] for name in names))
    return metadata


def standard_columns(sa: Any) -> Iterator[Any]:
    yield sa.Column("name", sa.Text, primary_key=True, nullable=True)  # as SQLite has it
    for name in ("creation", "modified", "modified_by", "owner"):
        yield sa.Column(name, sa.Text)
    for name in ("docstatus", "idx"):
        yield sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))


def forget(database: Path) -> dict[str, Any]:
    """Drop what is remembered of DocTypes in step, so that the next sync has to look at everything."""
    from sodaf_migrate import MigrationHistoryManager

    MigrationHistoryManager(database).forget()
    return {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000, help="how many DocTypes (1000)")
    parser.add_argument("--repeat", type=int, default=3, help="how many rounds, of which the best counts (3)")
    parser.add_argument("--step", nargs=3, metavar=("NAME", "FOLDER", "DATABASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(one_step(*arguments.step)))
        return
    with tempfile.TemporaryDirectory() as place:
        print(report(Path(place), arguments.size, arguments.repeat))


def one_step(name: str, folder: str, database: str) -> dict[str, Any]:
    steps: dict[str, Callable[[Path, Path], dict[str, Any]]] = {"floor": floor, "alembic": alembic}
    if name == "forget":
        return forget(Path(database))
    if name.startswith("bare"):
        return bare(name, Path(folder), Path(database))
    return steps[name](Path(folder), Path(database)) if name in steps else ours(name, Path(folder), Path(database))


def rounds(place: Path, size: int, repeat: int) -> dict[str, list[dict[str, Any]]]:
    """All measurements, by name, one of each in each round."""
    write_definitions(place / "same", size, lambda number: False)
    write_definitions(place / "one", size, lambda number: number == size // 2)
    write_definitions(place / "all", size, lambda number: True)
    found: dict[str, list[dict[str, Any]]] = {}

    def measure(label: str, step: str, folder: str, database: Path) -> None:
        found.setdefault(label, []).append(child(__file__, "--step", step, place / folder, database))

    for number in range(repeat):
        site, copy = place / f"site{number}.db", place / "copy.db"
        measure("first sync", "sync", "same", site)
        measure("floor", "floor", "same", site)
        measure("remembered", "sync", "same", site)
        child(__file__, "--step", "forget", place / "same", site)
        measure("cold", "sync", "same", site)
        measure("dry run", "dry run", "same", site)
        measure("dry run all", "dry run", "all", site)
        if version("alembic"):
            measure("alembic", "alembic", "same", site)
        measure("bare create", "bare create", "same", site)
        (place / "bare.db").unlink()
        shutil.copyfile(site, copy)
        measure("bare alter", "bare alter", "same", copy)
        for label, folder in (("one changed", "one"), ("all changed", "all")):
            shutil.copyfile(site, copy)
            measure(label, "sync", folder, copy)
    return found


LABELS = {
    "remembered": "sync, nothing changed",
    "cold": "sync, nothing changed, nothing remembered",
    "one changed": "sync, one DocType has one field more",
    "first sync": "first sync, all tables made",
    "bare create": "— the same CREATE statements alone, a transaction for each DocType",
    "all changed": "sync, every DocType has one field more",
    "bare alter": "— the same ALTER statements alone, a transaction for each DocType",
    "dry run": "dry run of all, nothing changed",
    "dry run all": "dry run of all, every DocType has one field more",
    "alembic": "Alembic: compare_metadata, nothing changed",
}


def report(place: Path, size: int, repeat: int) -> str:
    found = rounds(place, size, repeat)
    best = {label: {key: min(run[key] for run in runs) for key in runs[0]} for label, runs in found.items()}
    base = best["floor"]["parse"] + best["floor"]["ask"]
    rows = [
        ["floor: the JSON parsed", seconds(best["floor"]["parse"]), "", "", ""],
        ["floor: every column, index and key asked for", seconds(best["floor"]["ask"]), "", "", ""],
        ["**floor**", seconds(base), "1.00", "", ""],
    ]
    for label, title in LABELS.items():
        if label in best:
            told = best[label]
            whole = min(run["load"] + run["work"] for run in found[label])
            rows.append([title, seconds(whole), ratio(whole, base), seconds(told["load"]), f"{told['changed']:,}"])
    head = [f"{size:,} DocTypes of {len(FIELDS)} fields", "seconds", "× floor", "of it definitions", "changes found"]
    grown = max(run["memory"] - run["memory before"] for runs in found.values() for run in runs if "memory" in run)
    notes = f"{versions()}; {machine()}; best of {repeat}. Ours grew by at most {grown / 1e6:.0f} MB."
    return f"{markdown(head, rows)}\n\n{notes}"


if __name__ == "__main__":
    main()
