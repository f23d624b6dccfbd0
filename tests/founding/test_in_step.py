"""What was found in step is passed over; not where the call now allows more than the last one did."""

from __future__ import annotations

import pytest

from sodaf_migrate import SyncOptions
from tests.founding.conftest import Site, customer

ALLOWED = [{"allow": {"drop_column"}}, {"allow": {"drop_column:Customer.phone"}}, {"force": True}]


@pytest.mark.parametrize("more", ALLOWED, ids=str)
def test_a_kept_column_goes_when_it_may(filled: Site, more: dict[str, object]) -> None:
    """Two runs kept it and found nothing else to do; the third may let it go, and does."""
    applier = filled.applier(customer(phone=None))
    assert applier.sync_all_doctypes().success and not applier.sync_all_doctypes().changed
    assert "phone" in filled.columns("tabCustomer")
    assert applier.sync_all_doctypes(SyncOptions(**more)).changed  # type: ignore[arg-type]
    assert "phone" not in filled.columns("tabCustomer")
    assert not applier.sync_all_doctypes(SyncOptions(**more)).changed  # type: ignore[arg-type]


def test_columns_follow_the_definition_when_they_shall(filled: Site) -> None:
    """Another order is in step, until a call asks for that of the definition."""
    definition = customer()
    turned = {**definition, "fields": definition["fields"][::-1]}
    applier = filled.applier(turned)
    assert not applier.sync_all_doctypes().changed
    assert applier.sync_all_doctypes(SyncOptions(column_order="match")).changed
    assert [name for name in filled.columns("tabCustomer") if name in ("phone", "credit")] == ["credit", "phone"]
