"""Many DocTypes in one transaction: all of them, or none; and what was left out is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sodaf_migrate import (
    BatchMigrationResult,
    ExecutionError,
    MigrationCancelledError,
    MigrationTimeoutError,
    PlanRefusedError,
    SyncOptions,
)
from sodaf_migrate.applier.run import refuse_entangled
from sodaf_migrate.plan import Cost, Loss, Plan, Step
from tests.founding.conftest import Definition, Site

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
NAMES = ("Alpha", "Beta", "Gamma")


def doctype(name: str, *more: str, **changes: Any) -> Definition:
    """A definition with some Data fields."""
    fields: list[Definition] = [{"fieldname": field, "fieldtype": "Data"} for field in ("a", *more)]
    return {"name": name, "fields": fields, **changes}


def whole(site: Site, *definitions: Definition, **options: Any) -> BatchMigrationResult:
    """Sync them in one transaction."""
    return site.applier(*definitions).sync_all_doctypes(SyncOptions(transaction="run", **options))


def tables(site: Site) -> set[str]:
    """The tables of DocTypes that are there."""
    return {
        name
        for (name,) in site.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'tab%'")
        if not name.startswith("tabMigration")
    }


def failing(name: str, how: Callable[[sqlite3.Connection], object] | None = None) -> Callable[..., None]:
    """A hook that fails for one DocType."""

    def hook(connection: sqlite3.Connection, plan: Any) -> None:
        if plan.doctype == name:
            (how or (lambda connection: 1 / 0))(connection)

    return hook


def recorded(site: Site) -> list[tuple[str, str]]:
    """DocType and status of each record."""
    return site.query("SELECT doctype, status FROM tabMigrationHistory ORDER BY rowid")


def test_all_of_them(site: Site) -> None:
    """Every DocType is there, each with its record of one run, and the next run finds nothing to do."""
    batch = whole(site, *map(doctype, NAMES))
    assert batch.success and [result.doctype for result in batch.successful] == list(NAMES)
    assert tables(site) == {f"tab{name}" for name in NAMES}
    assert site.query("SELECT count(*), count(DISTINCT run_id) FROM tabMigrationHistory") == [(3, 1)]
    assert not any(result.changed for result in whole(site, *map(doctype, NAMES)).results)


def test_several_singles(site: Site) -> None:
    """They share a table that the first of them makes: the plans of the others are made again."""
    singles = [doctype(name, issingle=1) for name in NAMES]
    assert whole(site, *singles).success and tables(site) == {"tabSingles"}


def test_one_that_fails_takes_all_back(site: Site) -> None:
    """Nothing stands but the record of the failure."""
    batch = whole(site, *map(doctype, NAMES), before=failing("Beta"), continue_on_error=False)
    assert not batch.success and [type(result.error) for result in batch.failed] == [ExecutionError]
    assert not batch.successful and batch.not_tried == ("Alpha", "Gamma")
    assert tables(site) == set() and recorded(site) == [("Beta", "failed")]


def test_one_that_fails_is_left_out(site: Site) -> None:
    """With continue_on_error a savepoint takes it back alone; its failure is on record."""
    batch = whole(site, *map(doctype, NAMES), before=failing("Beta"))
    assert [result.doctype for result in batch.successful] == ["Alpha", "Gamma"] and not batch.not_tried
    assert tables(site) == {"tabAlpha", "tabGamma"}
    assert recorded(site) == [("Alpha", "applied"), ("Gamma", "applied"), ("Beta", "failed")]


def test_refused_before_the_first_write(site: Site) -> None:
    """A danger in the last one is found before the first one is begun."""
    whole(site, *map(doctype, NAMES))
    site.query("INSERT INTO tabGamma(name, a) VALUES ('x', 'word')")
    number = {"name": "Gamma", "fields": [{"fieldname": "a", "fieldtype": "Int"}]}
    began: list[str] = []
    changed = [doctype("Alpha", "b"), doctype("Beta", "b"), number]
    options: dict[str, Any] = {"before": lambda connection, plan: began.append(plan.doctype)}
    batch = whole(site, *changed, **options, continue_on_error=False)
    assert not began and isinstance(batch.failed[0].error, PlanRefusedError)
    assert batch.not_tried == ("Alpha", "Beta") and "b" not in site.columns("tabAlpha")
    assert [result.doctype for result in whole(site, *changed).successful if result.changed] == ["Alpha", "Beta"]


@pytest.mark.parametrize("keep_going", [True, False])
def test_a_timeout_takes_all_back(site: Site, keep_going: bool) -> None:
    """The seconds are for the run: nothing of it stays, whoever was at work when they were over."""
    hang = failing("Beta", lambda connection: connection.execute(ENDLESS).fetchall())
    batch = whole(site, *map(doctype, NAMES), before=hang, timeout=0.3, continue_on_error=keep_going)
    assert [type(result.error) for result in batch.failed] == [MigrationTimeoutError]
    assert tables(site) == set() and batch.not_tried == ("Alpha", "Gamma") and recorded(site) == [("Beta", "failed")]


def test_cancel_takes_all_back(site: Site) -> None:
    """As an interrupted statement that writes does: SQLite ends the whole transaction by itself."""
    applier = site.applier(*map(doctype, NAMES))

    def hook(connection: sqlite3.Connection, plan: Any) -> None:
        if plan.doctype == "Gamma":
            applier.cancel()
            connection.execute(f"CREATE TABLE x AS {ENDLESS}")

    batch = applier.sync_all_doctypes(SyncOptions(transaction="run", before=hook))
    assert [type(result.error) for result in batch.failed] == [MigrationCancelledError]
    assert tables(site) == set() and batch.not_tried == ("Alpha", "Beta")


def test_rows_that_an_earlier_one_changes(site: Site) -> None:
    """Where the way back of one needs rows of a table that another changes first, it is refused, naming both."""
    whole(site, doctype("Alpha"))
    earlier = site.applier(doctype("Alpha", "b")).plan("Alpha")
    loss = Loss(table="TABALPHA", columns=("a",), became=("",))
    step = Step(title="x", target="tabAlpha", cost=Cost.IN_PLACE, reason="", up=(), down=(), losses=(loss,))
    later = Plan(doctype="Beta", version="1", diff=earlier.diff, steps=(step,))
    with pytest.raises(PlanRefusedError, match=r'"Beta" cannot be changed .* with "Alpha".*"tabalpha"') as caught:
        refuse_entangled(later, {"Alpha": earlier})
    assert caught.value.hint and caught.value.details["doctypes"] == ["Alpha", "Beta"]
    refuse_entangled(later, {"Alpha": replace(earlier, steps=())})
    refuse_entangled(replace(later, steps=()), {"Alpha": earlier})
