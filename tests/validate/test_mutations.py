"""Planted faults: real plans are spoiled by operators, and the rules name every fault; without any one rule, some pass.

``SODAF_TEST_DEEP=1`` plants every fault that there is in every plan, instead of some of each kind.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from sodaf_migrate import (
    DryRunOptions,
    Finding,
    Look,
    MigrationApplier,
    MigrationError,
    MigrationExecutor,
    MigrationValidator,
    Plan,
    Schema,
    Severity,
)
from sodaf_migrate.dialects.sqlite.shadow import shadow_of
from sodaf_migrate.validate import trial
from sodaf_migrate.validate.validator import RULES, Rule
from tests.generators.spell import script
from tests.hard.test_hard_table import CHANGES, ROWS, TABLE, edited, make
from tests.oracle import Snapshot, snapshot
from tests.properties.pairs import Site, lay_out
from tests.validate.operators import OPERATORS

DEEP = os.environ.get("SODAF_TEST_DEEP") == "1"
FIRST = int(os.environ.get("SODAF_TEST_SEED", "0"))
OF_EACH = 10_000 if DEEP else 6  # mutants of an operator
OF_PLAN = 10_000 if DEEP else 1  # of those from one plan
PAIRS = 200 if DEEP else 25

#: Where the hard table's changes have none of a kind: what the wish is, and what is there.
PARENT = """
CREATE TABLE parent(id INTEGER PRIMARY KEY, code TEXT); CREATE UNIQUE INDEX parent_code ON parent(code);
CREATE UNIQUE INDEX parent_id ON parent(code, id);
CREATE TABLE child(id INTEGER PRIMARY KEY, code TEXT REFERENCES parent(code), a, b,
    FOREIGN KEY (a, b) REFERENCES parent(id, code));
"""
PLAIN = """
CREATE TABLE rows(body TEXT, note TEXT, n INT); CREATE TABLE beside(a);
INSERT INTO rows(rowid, body, note, n) VALUES (3, 'a', 'x', 1), (7, 'b', 'y', 2), (20, 'c', 'z', 3);
"""


@dataclass
class Planted:
    """What became of the mutants: by operator, for each the rules that named it by an error."""

    named: dict[str, list[frozenset[str]]] = field(default_factory=lambda: defaultdict(list))
    said: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unnamed: list[str] = field(default_factory=list)


class Planter(MigrationValidator):
    """Plants faults in each plan that it is given, while the database is open; finds nothing itself."""

    def __init__(self, planted: Planted) -> None:
        super().__init__()
        self.planted, self.plan = planted, ""

    def validate(self, look: Look) -> tuple[Finding, ...]:
        wrong = errors(RULES, look)
        if wrong and self.plan.startswith("pair"):  # a fault of its own, for which a sync refuses it
            return ()
        assert not wrong, (self.plan, wrong)
        self.look = look
        for name, operator in OPERATORS.items():
            for number, mutant in enumerate(operator(look)):
                if number >= OF_PLAN or len(self.planted.named[name]) >= OF_EACH:
                    break
                self.hold_up(name, mutant)
        return ()

    def hold_up(self, name: str, mutant: Look) -> None:
        found = {rule.__name__: errors((rule,), mutant) for rule in RULES}
        self.planted.named[name].append(frozenset(rule for rule, said in found.items() if said))
        self.planted.said[name].update(finding.code for said in found.values() for finding in said)
        if not any(found.values()) and not is_harmless(self.look, mutant):
            self.planted.unnamed.append(f"{name} in {self.plan}: {mutant.plan.sql}")


def is_harmless(look: Look, mutant: Look) -> bool:
    """Whether spoiled statements do just what the sound ones do, forward and back, by what the oracle sees."""
    if (look.plan.sql, look.plan.rollback_sql) == (mutant.plan.sql, mutant.plan.rollback_sql):
        return False
    return outcome(look, look.plan) == outcome(look, mutant.plan) is not None


def outcome(look: Look, plan: Plan) -> tuple[Snapshot, Snapshot] | None:
    """Everything that is there after the way up, and after the way back; None where one of them fails."""
    fill = partial(trial._fill, look.live, look.samples)
    with shadow_of(look.live, look.on_connect, statistics=look.statistics, fill=fill) as shadow:
        try:
            for step in trial._free_of_counts(plan).steps:
                MigrationExecutor().execute_migration_sql(shadow, step.up)
            up = snapshot(shadow.connection)
            MigrationExecutor().execute_rollback_sql(shadow, plan)
        except MigrationError:
            return None
        return up, snapshot(shadow.connection)


def errors(rules: tuple[Rule, ...], look: Look) -> list[Finding]:
    return [f for f in MigrationValidator(rules).validate(look) if f.severity is Severity.ERROR]


def plans(folder: Path, planter: Planter) -> Iterator[str]:
    """Real plans: of the hard table's changes, of random pairs, and of a few small tables."""
    for name, change in CHANGES.items():
        path = folder / f"{name}.db"
        make(path, TABLE, ROWS, ";\n".join(change.get("before", []))).close()
        order = "ignore" if change.get("ignore_order") else "match"
        options = DryRunOptions(allow=frozenset(change.get("allow", ())), column_order=order)
        yield from planned(name, path, edited(change), options, planter)
    for number, (before, after) in enumerate(
        [
            (PARENT, PARENT.replace("CREATE UNIQUE INDEX parent_code ON parent(code);", "")),
            (PARENT, PARENT.replace("CREATE UNIQUE INDEX parent_id ON parent(code, id);", "")),
            (PARENT, PARENT.partition(" CREATE UNIQUE")[0] + PARENT[PARENT.index("CREATE TABLE child") :]),
            (PLAIN, PLAIN.replace("n INT", "n BLOB")),
            (PLAIN, PLAIN.replace("note TEXT", "note TEXT UNIQUE")),
            (PLAIN, PLAIN.replace("n INT", "n INT, o TEXT DEFAULT (lower('X'))")),
        ]
    ):
        path = folder / f"small{number}.db"
        make(path, before).close()
        wish = after.partition("INSERT")[0]
        yield from planned(f"small {number}", path, wish, DryRunOptions(force=True, column_order="match"), planter)
    for seed in range(FIRST, FIRST + PAIRS):
        site = Site.of(seed)
        path = folder / f"{seed}.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            lay_out(site, connection, random.Random(seed))
        options = DryRunOptions(force=True, column_order="match", renames=site.renames)
        yield from planned(f"pair {seed}", path, script(site.b), options, planter)


def planned(name: str, path: Path, wish: str, options: DryRunOptions, planter: Planter) -> Iterator[str]:
    planter.plan = name
    applier = MigrationApplier(path, validator=planter)
    applier.adopt_schema()
    applier.dry_run_schema(Schema.from_sql(wish), options)
    path.unlink()
    yield name


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Every operator on real plans, until it was applied often enough."""
    found = Planted()
    planter = Planter(found)
    for _ in plans(tmp_path_factory.mktemp("plans"), planter):
        if all(len(found.named[name]) >= OF_EACH for name in OPERATORS):
            break
    return found


def test_every_fault_is_named(planted: Planted) -> None:
    """No mutant passes."""
    assert not planted.unnamed, "\n".join(planted.unnamed[:10])


def test_every_operator_was_applied(planted: Planted) -> None:
    """Fifty kinds of faults, each of them often enough to count."""
    assert len(OPERATORS) >= 50
    seldom = {name: len(planted.named[name]) for name in OPERATORS if len(planted.named[name]) < 3}
    assert not seldom, (seldom, {name: dict(codes) for name, codes in planted.said.items()})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_rule_can_be_left_out(rule: Rule, planted: Planted) -> None:
    """Without any one rule some mutant passes that all of them together refuse."""
    alone = [name for name, found in planted.named.items() if frozenset({rule.__name__}) in found]
    assert alone, rule.__name__
