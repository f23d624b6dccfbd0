"""A sync is stopped from outside, and listeners that fail stop nothing."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import Any

import pytest

from sodaf_migrate import (
    CancelToken,
    ConfigurationError,
    DocTypeEngine,
    MigrationApplier,
    MigrationCancelledError,
    MigrationTimeoutError,
    Progress,
    SyncOptions,
)
from tests.founding.conftest import Site, customer

#: The hook of a site that never ends by itself.
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
WIDER = customer({"fieldname": "city", "fieldtype": "Data"})


def hang(connection: sqlite3.Connection, plan: Any) -> None:
    """Writes, then works for ever."""
    connection.execute('UPDATE "tabCustomer" SET phone = NULL')
    connection.execute(ENDLESS).fetchall()


def state(site: Site) -> list[tuple[Any, ...]]:
    """The rows of customers, and what history says last."""
    return site.query('SELECT name, phone FROM "tabCustomer"')


def last(site: Site) -> tuple[Any, ...]:
    """Status and error of the newest record."""
    return site.query("SELECT status, error FROM tabMigrationHistory ORDER BY rowid DESC LIMIT 1")[0]


def test_a_timeout(filled: Site) -> None:
    """The migration is rolled back, said to be late, and recorded as failed."""
    before = state(filled)
    with pytest.raises(MigrationTimeoutError, match=r"1 s"):  # long enough to get as far as the hook
        filled.applier(WIDER).sync_doctype("Customer", SyncOptions(timeout=1, before=hang))
    assert state(filled) == before and "city" not in filled.columns("tabCustomer")
    assert last(filled)[0] == "failed" and "1 s" in last(filled)[1]
    assert filled.applier(WIDER).sync_doctype("Customer", SyncOptions(timeout=60)).changed


@pytest.mark.parametrize("how", ["applier", "token"])
@pytest.mark.parametrize("lent", [False, True])
def test_cancel(filled: Site, how: str, lent: bool) -> None:
    """From another thread, by the applier or by a token of the caller's; also on the caller's connection."""
    before, token = state(filled), CancelToken()
    connection = sqlite3.connect(filled.path)
    applier = MigrationApplier(connection if lent else filled.path, DocTypeEngine.from_doctypes([WIDER]))
    timer: list[threading.Timer] = []

    def soon(connection: sqlite3.Connection, plan: Any) -> None:
        timer.append(threading.Timer(0.1, applier.cancel if how == "applier" else token.cancel))
        timer[0].start()
        hang(connection, plan)

    with pytest.raises(MigrationCancelledError):
        applier.sync_doctype("Customer", SyncOptions(before=soon, cancel=token))
    timer[0].join()
    assert not connection.in_transaction and state(filled) == before and last(filled)[0] == "failed"
    assert applier.sync_doctype("Customer").changed, "a later call is not cancelled"
    connection.close()


def test_cancel_ends_a_run(filled: Site) -> None:
    """What was committed stands, what was under way is rolled back, and nothing is tried after it."""
    names = ("Alpha", "Beta", "Customer", "Zulu")
    plain = [
        {"name": name, "fields": [{"fieldname": "a", "fieldtype": "Data"}]} for name in names if name != "Customer"
    ]
    applier = filled.applier(*plain, WIDER)
    began: list[str] = []

    def before(connection: sqlite3.Connection, plan: Any) -> None:
        began.append(plan.doctype)
        if len(began) == 2:
            applier.cancel()
            connection.execute(ENDLESS).fetchall()

    batch = applier.sync_all_doctypes(SyncOptions(before=before))
    assert len(began) == 2 and not batch.success
    assert [type(result.error) for result in batch.failed] == [MigrationCancelledError]
    assert [result.doctype for result in batch.successful] == began[:1] and len(batch.not_tried) == 2


def test_nothing_is_begun_after_cancel(filled: Site) -> None:
    """A call under a token that was cancelled before does nothing."""
    token = CancelToken()
    token.cancel()
    with pytest.raises(MigrationCancelledError):
        MigrationApplier(filled.path, DocTypeEngine.from_doctypes([WIDER]), cancel=token).sync_doctype("Customer")
    assert "city" not in filled.columns("tabCustomer")


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_must_leave_time(seconds: float) -> None:
    """No time at all is a mistake."""
    with pytest.raises(ConfigurationError):
        SyncOptions(timeout=seconds)


def test_a_listener_that_fails(filled: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It is told nothing more, that is logged once, and the migration is done."""
    heard: list[Progress] = []

    def listen(progress: Progress) -> None:
        heard.append(progress)
        if progress.phase == "step":
            raise ZeroDivisionError("the listener's own fault")

    with caplog.at_level(logging.ERROR, logger="sodaf_migrate"):
        assert filled.applier(WIDER, listener=listen).sync_doctype("Customer").changed
    assert heard[-1].phase == "step" and [line.message for line in caplog.records] == [
        "the listener failed, and is told nothing more; the work goes on"
    ]


def test_a_listener_may_cancel(filled: Site) -> None:
    """Whoever looks on may stop it."""
    appliers: list[MigrationApplier] = []

    def tell(progress: Progress) -> None:
        if progress.phase == "verify":
            appliers[0].cancel()

    appliers.append(filled.applier(WIDER, listener=tell))
    with pytest.raises(MigrationCancelledError):
        appliers[0].sync_doctype("Customer")
    assert "city" not in filled.columns("tabCustomer")
