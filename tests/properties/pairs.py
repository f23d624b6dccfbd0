"""One random pair of schemas, taken from A to B through the public face and judged by the oracle.

``python -m tests.properties.pairs SEED`` shows a pair, what was done with it and what was wrong.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sodaf_migrate import ExecutionError, MigrationApplier, MigrationError, MigrationExecutor, Schema, SyncOptions
from tests.generators.change import Pair, pair
from tests.generators.model import Model, Tab
from tests.generators.rows import rows
from tests.generators.spell import quote, script, statements
from tests.oracle import Snapshot, difference, integrity, rows_kept, schema_difference, snapshot
from tests.oracle.facts import rowid_word

_REFUSALS = Path(__file__).parents[2] / "docs" / "refusals.md"


#: The planner is told one of these: half of the time the library that is loaded. DROP COLUMN is sound since 3.35.5.
VERSIONS = (None, None, None, None, (3, 35, 0), (3, 35, 4), (3, 36, 0), (3, 38, 5))


@dataclass
class Outcome:
    """What became of a pair: ``status`` is applied, unchanged, refused or failed; ``problems`` says what was wrong."""

    seed: int
    kinds: tuple[str, ...]
    variant: str = ""
    status: str = ""
    detail: str = ""
    fitting: bool = True  # the rows of A fit B
    explained: bool = True  # a refusal has its heading in docs/refusals.md
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = f"pair {self.seed} {self.kinds} ({self.variant}): {self.status} {self.detail[:600]}"
        return "\n  ".join([head, *self.problems[:6]])


@dataclass(frozen=True)
class Site:
    """A pair as texts, with the choices that its seed makes."""

    made: Pair
    a: list[str]
    b: list[str]
    fitting: bool
    short_records: bool
    foreign_keys: bool
    wal: bool
    renames: dict[str, str]
    sqlite_version: tuple[int, int, int] | None  # what the planner is told to plan for, None for what is loaded

    @property
    def variant(self) -> str:
        """The choices that are counted."""
        version = ".".join(map(str, self.sqlite_version)) if self.sqlite_version else "loaded"
        journal, keys = "wal" if self.wal else "rollback", "keys on" if self.foreign_keys else "keys off"
        return f"{journal}, {keys}, {version}"

    @classmethod
    def of(cls, seed: int) -> Site:
        made, rng = pair(seed), random.Random(~seed)
        return cls(
            made=made,
            a=statements(made.a, rng),
            b=statements(made.b, rng),
            fitting=rng.random() < 0.9,
            short_records=rng.random() < 0.3,
            foreign_keys=rng.random() < 0.5,
            wal=rng.random() < 0.3,
            renames=declared(made) if rng.random() < 0.9 else {},
            sqlite_version=rng.choice(VERSIONS),
        )


def declared(made: Pair) -> dict[str, str]:
    """Renames as a caller declares them: "table" and "table.column" (the table as B calls it) to the new name."""
    found = {old.name: new.name for old, new in renamed_tables(made)}
    for old, new in same_tables(made, found):
        taken = {column.name.lower() for column in old.columns}
        for uid in made.renamed_columns:
            before, after = old.column(uid), new.column(uid)
            if not before or not after or "." in new.name + before.name + after.name:  # a dot parts table and column
                continue
            if before.name != after.name and after.name.lower() not in taken:
                found[f"{new.name}.{before.name}"] = after.name
    return found


def renamed_tables(made: Pair) -> Iterator[tuple[Tab, Tab]]:
    """Tables of A that B calls by a name that A has not."""
    taken = made.a.names()
    for old in made.a.tables:
        new = made.b.table(old.uid)
        if new is not None and new.name.lower() not in taken and "." not in old.name:
            yield old, new


def same_tables(made: Pair, renames: Mapping[str, str]) -> Iterator[tuple[Tab, Tab]]:
    """Tables that are one to a migration: of one name, or renamed as declared."""
    for old in made.a.tables:
        name = renames.get(old.name, old.name)
        new = next((table for table in made.b.tables if table.name.lower() == name.lower()), None)
        if new is not None:
            yield old, new


def same_columns(old: Tab, new: Tab, renames: Mapping[str, str]) -> dict[str, str]:
    """Columns with values on both sides, named before and after."""
    found = {}
    for before in old.plain:
        name = renames.get(f"{new.name}.{before.name}", before.name)
        after = next((column for column in new.plain if column.name.lower() == name.lower()), None)
        if after is not None:
            found[before.name] = after.name
    return found


# -- the database of A


def lay_out(site: Site, connection: sqlite3.Connection, rng: random.Random) -> None:
    """Schema A with rows; where the seed says so, its last column came later, so that old records are short."""
    late = late_column(site.made.a) if site.short_records else None
    first = [text for text in site.a if not text.startswith(("CREATE VIEW", "CREATE TRIGGER"))]
    if late is None:
        run(connection, first)
        rows(connection, rng)
    else:
        table, shorter = late
        run(connection, statements(shorter)[: len(first)])
        rows(connection, rng)
        run(connection, [f"ALTER TABLE {quote(table.name)} ADD COLUMN {definition(table)}"])
    if site.fitting:
        fit(site, connection)
    run(connection, site.a[len(first) :])
    for full in site.made.a.full_texts:
        connection.execute(f"INSERT INTO {quote(full.name)}({quote(full.name)}) VALUES ('rebuild')")
    if site.made.a.analysed:
        connection.execute("ANALYZE")


def run(connection: sqlite3.Connection, made: list[str]) -> None:
    for statement in made:
        connection.execute(statement)


def late_column(model: Model) -> tuple[Tab, Model] | None:
    """A table whose last column ALTER TABLE could have added, and the model as it was before."""
    for table in model.tables:
        column, shorter = table.columns[-1], model.copy()
        twin = shorter.table(table.uid)
        constant = column.default is None or not column.default.startswith(("(", "CURRENT"))
        if twin is None or len(table.plain) < 2 or column.generated or column.not_null or not constant:
            continue
        before = weight(shorter)
        twin.columns.pop()
        shorter.repair()
        if weight(shorter) == before - 1:
            return table, shorter
    return None


def weight(model: Model) -> int:
    """How many things there are, so that a column nobody needs can be told."""
    inside = (len(t.columns) + len(t.checks) + len(t.uniques) + bool(t.key) for t in model.tables)
    return model.count() + sum(inside)


def definition(table: Tab) -> str:
    """The last column's definition, in a statement of its own."""
    alone = Tab("t", [table.columns[-1]], strict=table.strict)
    text = statements(Model(tables=[alone]))[0]
    return text[text.index("(") + 1 : text.rindex(")")].strip()


# -- rows of A that B takes


def fit(site: Site, connection: sqlite3.Connection) -> None:
    """Delete the rows of A that a plain INSERT into B would refuse, or that would be orphans on either side."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as trial:
        run(trial, site.b[: len(site.made.b.tables)])
        run(trial, [statement for statement in site.b if statement.startswith("CREATE UNIQUE INDEX")])
        for _ in range(50):
            if not sum([refused(site, connection, trial), orphans(connection), orphans_of_b(site, connection, trial)]):
                return


def identity(connection: sqlite3.Connection, table: str) -> list[str]:
    """SQL that tells one row of a table from another: a name of its rowid, or its key; [] where there is neither."""
    word = rowid_word(connection.cursor(), table)
    keys = connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,)).fetchall()
    return [word] if word else [quote(name) for (name,) in keys]


def refused(site: Site, connection: sqlite3.Connection, trial: sqlite3.Connection) -> int:
    """Put every row of A into B anew; delete those that B refuses. Gives how many."""
    count = 0
    for table in site.made.b.tables:
        trial.execute(f"DELETE FROM {quote(table.name)}")
    for old, new in same_tables(site.made, site.renames):
        names = same_columns(old, new, site.renames)
        key = identity(connection, old.name)
        alias = new.rowid_alias.name if new.rowid_alias else None
        if not key:
            continue
        chosen = f"SELECT {', '.join([*key, *map(quote, names)])} FROM {quote(old.name)}"
        marks = ", ".join("?" * len(names))
        into = f"({', '.join(map(quote, names.values()))}) VALUES ({marks})" if names else " DEFAULT VALUES"
        for row in connection.execute(chosen).fetchall():
            values = dict(zip(names.values(), row[len(key) :], strict=True))
            try:
                if alias is not None and values.get(alias, 0) is None:
                    raise sqlite3.IntegrityError("the key would be made up")
                trial.execute(f"INSERT OR ABORT INTO {quote(new.name)}{into}", row[len(key) :])
            except (sqlite3.Error, UnicodeError):
                count += 1
                where = " AND ".join(f"{part} IS ?" for part in key)
                connection.execute(f"DELETE FROM {quote(old.name)} WHERE {where}", row[: len(key)])
    return count


def orphans(connection: sqlite3.Connection) -> int:
    """Empty a table of A that has orphans by now: of the row, or of the table where rows have no rowid."""
    found = connection.execute("PRAGMA foreign_key_check").fetchall()
    for table, rowid, _, _ in found:
        word = rowid_word(connection.cursor(), table)
        where = f"WHERE {word} = {rowid}" if word and rowid is not None else ""
        connection.execute(f"DELETE FROM {quote(table)} {where}")
    return len(found)


def orphans_of_b(site: Site, connection: sqlite3.Connection, trial: sqlite3.Connection) -> int:
    """Empty the tables of A whose rows are orphans in B."""
    found = {table for table, _, _, _ in trial.execute("PRAGMA foreign_key_check")}
    for old, new in same_tables(site.made, site.renames):
        if new.name in found:
            connection.execute(f"DELETE FROM {quote(old.name)}")
    return len(found)


# -- judging


def judge(seed: int, folder: Path) -> Outcome:
    """Make the database, sync it, and say what was wrong with that."""
    site = Site.of(seed)
    outcome = Outcome(seed, site.made.kinds, site.variant, fitting=site.fitting)
    path = folder / f"{seed}.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA journal_mode = {'WAL' if site.wal else 'DELETE'}")
        lay_out(site, connection, random.Random(seed))
        before = snapshot(connection)
        if integrity(connection):
            raise AssertionError(f"the generator made a broken database: {integrity(connection)}")
        connection.execute(f"PRAGMA foreign_keys = {int(site.foreign_keys)}")
        sync(site, connection, before, outcome)
    for file in folder.glob(f"{seed}.db*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()  # its backups stand in a folder
    return outcome


def sync(site: Site, connection: sqlite3.Connection, before: Snapshot, outcome: Outcome) -> None:
    options = SyncOptions(force=True, column_order="match", renames=site.renames, sqlite_version=site.sqlite_version)
    applier = MigrationApplier(connection, executor=MigrationExecutor(part=3))  # so that few rows make many parts
    try:
        applier.adopt_schema()
        wish = Schema.from_sql(script(site.b))
        result = applier.sync_schema(wish, options)
    except MigrationError as error:
        outcome.status = "failed" if isinstance(error, ExecutionError) else "refused"
        outcome.detail = f"{type(error).__name__}: {error}"
        outcome.explained = explained(error)
        outcome.problems += difference(before, seen(connection), ignore=["file"])
        return
    except Exception as error:
        outcome.status, outcome.detail = "failed", f"{type(error).__name__}: {error}"
        outcome.problems.append("an error that is none of the package's own")
        return
    outcome.status = "applied" if result.changed else "unchanged"
    outcome.problems += beyond(site.sqlite_version, result.sql)
    if connection.execute("PRAGMA foreign_keys").fetchone() != (int(site.foreign_keys),):
        outcome.problems.append("foreign_keys is not what it was")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal" if site.wal else "delete",):
        outcome.problems.append("journal_mode is not what it was")
    codes = {finding.code for finding in result.findings}
    after = seen(connection)
    if "NOT_NULL_PENDING" in codes:
        outcome.status = "pending"
    else:
        outcome.problems += schema_difference(after, fresh(site), ignore=["firing"])
    outcome.problems += integrity(connection)
    if site.fitting:
        outcome.problems += values_lost(site, before, after)
    try:
        again = applier.sync_schema(wish, options)
        if again.changed:
            outcome.problems.append(f"a second sync changes something: {again.sql}")
    except MigrationError as error:
        outcome.problems.append(f"a second sync fails: {type(error).__name__}: {error}")
    outcome.problems += difference(after, seen(connection))


def beyond(version: tuple[int, int, int] | None, statements: tuple[str, ...]) -> list[str]:
    """The statements that a library of that version does not have, or does wrong."""
    told = version or sqlite3.sqlite_version_info
    words = [r"ALTER TABLE .* ALTER ", r"ALTER TABLE .* (ADD|DROP) CONSTRAINT "] if told < (3, 53, 0) else []
    words += [r"ALTER TABLE .* DROP COLUMN "] if told < (3, 35, 5) else []
    words += [r"(?s).*pragma_(quick|integrity)_check\([^)]*, 'main'\)"] if told < (3, 37, 0) else []
    words += [r"(?s)(?!.* GROUP BY ).* HAVING "] if told < (3, 39, 0) else []
    found = [sql for sql in statements for word in words if re.match(word, sql)]
    return [f"{sql} does not work in {version}" for sql in found]


def seen(connection: sqlite3.Connection) -> Snapshot:
    """The database but for the package's own tables."""
    own = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'tabMigration%'"
    return snapshot(connection, skip=[name for (name,) in connection.execute(own).fetchall()])


def fresh(site: Site) -> Snapshot:
    """What B is when plain SQLite makes it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        run(connection, site.b)
        return snapshot(connection)


def values_lost(site: Site, before: Snapshot, after: Snapshot) -> list[str]:
    """Which values of columns that keep their type are not what they were."""
    columns: dict[str, list[str]] = {}
    names: dict[tuple[str, ...], str] = {}
    for old, new in same_tables(site.made, site.renames):
        names[old.name,] = new.name
        kept = columns[old.name] = []
        for one, other in same_columns(old, new, site.renames).items():
            a = next(column for column in old.columns if column.name == one)
            b = next(column for column in new.columns if column.name == other)
            unsure = a.type.upper() == "ANY" and old.strict != new.strict  # ANY is NUMERIC outside STRICT
            if a.type.upper() == b.type.upper() and not unsure:
                kept.append(one)
                names[old.name, one] = other
    return rows_kept(before, after, columns, names)


def explained(error: MigrationError) -> bool:
    """Whether docs/refusals.md has this error's class with a message like this one's."""
    said = re.sub(r"\s+", " ", _REFUSALS.read_text(encoding="utf-8"))
    for kind, messages in re.findall(r"`(\w+)`: ((?:\*[^*]+\*(?:, )?)+)", said):
        if kind == type(error).__name__:
            for message in re.findall(r"\*([^*]+)\*", messages):
                pattern = re.sub(r'…|"[^"]*"|\d+', ".*", message.rstrip("."))
                parts = map(re.escape, pattern.split(".*"))
                if re.match(".*".join(parts), str(error), re.DOTALL):
                    return True
    return False


def main(seeds: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder  # the keys of backups belong to the run
        for seed in seeds:
            site = Site.of(seed)
            print(f"-- A\n{script(site.a)}\n-- B\n{script(site.b)}")
            print(f"-- renames {site.renames}, fitting rows {site.fitting}, short records {site.short_records}")
            print(f"-- {site.variant}")
            print(judge(seed, Path(folder)))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
