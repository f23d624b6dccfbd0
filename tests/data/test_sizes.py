"""How large a table is taken to be."""

from __future__ import annotations

from tests.data.conftest import Things, field, thing


def test_rowids_far_apart_are_few_rows(things: Things) -> None:
    """Two rows at both ends of the numbers need no disk that nobody has."""
    things.start({**thing(field("Data")), "autoname": "autoincrement"}, [])
    things.query("INSERT INTO tabThing(name, v) VALUES (-9223372036854775807, '1'), (9223372036854775806, '2')")
    assert things.change({**thing(field("Int")), "autoname": "autoincrement"}).changed
    assert sorted(things.values()) == [1, 2]
