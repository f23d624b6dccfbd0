"""Somebody writes between the look and the lock: what the plan relied on is counted again, and it is made anew."""

from __future__ import annotations

import pytest

from sodaf_migrate import DataLossRiskError, Progress
from tests.founding.conftest import Site, customer


class Writer:
    """A listener that commits one row, from another connection, when the plan waits for its lock."""

    def __init__(self, site: Site, sql: str) -> None:
        self.site, self.sql, self.done = site, sql, False

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "lock" and not self.done:
            self.done = True
            self.site.query(self.sql)


def test_a_null_that_comes_too_late_delays_not_null(filled: Site) -> None:
    """A row without the value, committed after the census, leaves the column nullable instead of breaking anything."""
    filled.query("UPDATE \"tabCustomer\" SET phone = '1' WHERE phone IS NULL")
    required = customer(phone={"fieldname": "phone", "fieldtype": "Data", "required": 1})
    writer = Writer(filled, "INSERT INTO \"tabCustomer\"(name) VALUES ('Late')")
    result = filled.applier(required, listener=writer).sync_doctype("Customer")
    assert writer.done and not result.changed
    assert [finding.code for finding in result.findings] == ["NOT_NULL_PENDING"]
    assert filled.columns("tabCustomer")["phone"][1] == 0
    assert filled.query('SELECT count(*) FROM "tabCustomer"') == [(3,)]


def test_a_duplicate_that_comes_too_late_is_refused(filled: Site) -> None:
    """A row that repeats another, committed after the census, makes the new plan refuse what the first one did not."""
    unique = customer(credit={"fieldname": "credit", "fieldtype": "Int", "unique": 1})
    writer = Writer(filled, "INSERT INTO \"tabCustomer\"(name, credit) VALUES ('Late', 5)")
    with pytest.raises(DataLossRiskError, match="drop_duplicates"):
        filled.applier(unique, listener=writer).sync_doctype("Customer")
    assert writer.done
    assert filled.query("SELECT count(*) FROM pragma_index_list('tabCustomer') WHERE origin = 'c'") == [(0,)]


def test_a_column_added_meanwhile_is_seen(filled: Site) -> None:
    """A change of the schema after the look makes the plan anew; both changes stand at the end."""
    writer = Writer(filled, 'ALTER TABLE "tabCustomer" ADD COLUMN by_hand TEXT')
    wider = customer({"fieldname": "city", "fieldtype": "Data"})
    assert filled.applier(wider, listener=writer).sync_doctype("Customer").changed
    assert {"by_hand", "city"} <= set(filled.columns("tabCustomer"))
