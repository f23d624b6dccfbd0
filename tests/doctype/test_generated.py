"""Whatever a definition holds, it is an engine or a DefinitionError: never a traceback."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.desired import SiteRules, wished
from sodaf_migrate.doctype.catalogue import FIELD_TYPES
from sodaf_migrate.doctype.documents import read_documents
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.doctype.loader import load_text
from sodaf_migrate.doctype.model import DocField, DocIndex, DocType
from sodaf_migrate.doctype.problems import Problem
from sodaf_migrate.errors import DefinitionError
from tests.generators.doctypes import doctypes

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "a", "x", "0", "1"])
)
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5
)
KEYS = st.sampled_from(
    [*DocField.model_fields, *DocType.model_fields, *DocIndex.model_fields, "custom_fields", "doctype"]
)
NAMES = st.sampled_from(["a", "b", "A", "name", "x y", "title"]) | st.text(max_size=6)
FIELDS = st.fixed_dictionaries(
    {"fieldname": NAMES, "fieldtype": st.sampled_from([*FIELD_TYPES, "Dat"])},
    optional={key: JUNK for key in DocField.model_fields if key not in ("fieldname", "fieldtype")},
)
INDEXES = st.fixed_dictionaries(
    {"fields": st.lists(NAMES | JUNK, max_size=3)}, optional={"where": JUNK, "unique": JUNK}
)
DOCUMENTS = st.fixed_dictionaries(
    {"name": NAMES, "fields": st.lists(FIELDS, max_size=4)},
    optional={"indexes": st.lists(INDEXES, max_size=2)}
    | {key: JUNK for key in DocType.model_fields if key not in ("name", "fields", "indexes")}
    | {"custom_fields": JUNK, "property_setters": JUNK, "field_order": JUNK},
)


def try_out(documents: list[Any]) -> DocTypeEngine | None:
    """The engine of the documents, every wish made; None when they are refused as they should be."""
    try:
        engine = DocTypeEngine.from_doctypes(documents)
    except DefinitionError as error:
        assert error.problems
        assert all(isinstance(problem, Problem) and problem.message for problem in error.problems)
        return None
    for name in engine.names():
        for required in ("definition", "database", "application"):
            wished(engine.get(name), SiteRules(required=required, link_foreign_keys=True), table_of=engine.table_of)
        assert len(engine.get(name).digest) == 64
    return engine


@given(st.lists(JUNK, max_size=3))
def test_any_json(documents: list[Any]) -> None:
    """Any values at all in the place of definitions."""
    try_out(documents)


@given(st.lists(DOCUMENTS, max_size=3))
def test_nearly_right_definitions(documents: list[Any]) -> None:
    """Definitions of the right shape with values of any kind."""
    try_out(documents)


@given(st.integers(0, 2**32))
def test_right_definitions(seed: int) -> None:
    """What is right by the rules is taken, and taken again from its models."""
    engine = try_out(doctypes(seed))
    assert engine is not None
    again = try_out([engine.get(name) for name in engine.names()])
    assert again is not None
    assert [again.get(name) for name in again.names()] == [engine.get(name) for name in engine.names()]


@given(st.integers(0, 2**32), st.data())
def test_right_definitions_with_one_wrong_value(seed: int, data: st.DataObject) -> None:
    """One value of a right folder replaced by junk."""
    documents = copy.deepcopy(doctypes(seed))
    document = data.draw(st.sampled_from(documents))
    places = [document, *document["fields"], *document.get("indexes", [])]
    data.draw(st.sampled_from(places))[data.draw(KEYS)] = data.draw(JUNK)
    try_out(documents)


@given(st.binary() | st.text().map(str.encode) | DOCUMENTS.map(lambda made: json.dumps(made).encode()))
def test_any_file(content: bytes) -> None:
    """Any bytes in the place of a file."""
    for document in load_text(content, "x.json"):
        assert document is not None


@given(JUNK)
def test_any_document_is_sorted(value: Any) -> None:
    """Any JSON value is a definition, a customisation, a note or a problem."""
    assert isinstance(list(read_documents(value, "x.json")), list)


def test_a_thousand_definitions(tmp_path: Path) -> None:
    """A thousand files of thirty fields load; the seconds are printed for whoever looks."""
    kinds = [name for name, kind in FIELD_TYPES.items() if not kind.target]
    fields = [
        {"fieldname": f"field_{at}", "fieldtype": kinds[at % len(kinds)], "label": f"Field {at}", "reqd": at % 3 == 0}
        for at in range(30)
    ]
    for number in range(1000):
        text = json.dumps({"doctype": "DocType", "name": f"D{number}", "istable": 1, "fields": fields})
        (tmp_path / f"{number}.json").write_text(text)
    started = time.perf_counter()
    engine = DocTypeEngine.from_directory(tmp_path)
    loaded = time.perf_counter()
    digests = {engine.get(name).digest for name in engine.names()}
    print(f"loaded in {loaded - started:.3f} s, digested in {time.perf_counter() - loaded:.3f} s")
    assert len(engine) == len(digests) == 1000
