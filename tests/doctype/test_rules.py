"""Each rule, by the problem it tells: code, sentence and way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.doctype.problems import Problem
from sodaf_migrate.errors import DefinitionError

TITLE = {"fieldname": "title", "fieldtype": "Data"}


def field(**given: Any) -> dict[str, Any]:
    return {"fieldname": "x", "fieldtype": "Data", **given}


def note(*fields: Any, **given: Any) -> dict[str, Any]:
    return {"name": "Note", "fields": list(fields), **given}


def problems(*documents: Any) -> tuple[Problem, ...]:
    with pytest.raises(DefinitionError) as caught:
        DocTypeEngine.from_doctypes(documents)
    assert all(isinstance(problem, Problem) for problem in caught.value.problems)
    return caught.value.problems


FIELD_CASES = [
    (field(fieldtype="Date Time"), "FIELD_TYPE_UNKNOWN", 'has the unknown type "Date Time"', '"Datetime"'),
    (field(fieldtype="data"), "FIELD_TYPE_UNKNOWN", 'has the unknown type "data"', '"Data"'),
    (field(fieldtype="Zzzzzz"), "FIELD_TYPE_UNKNOWN", 'has the unknown type "Zzzzzz"', "Known types: Data,"),
    (field(fieldname=""), "FIELDNAME_MISSING", "has no fieldname", 'Add "fieldname"'),
    (field(fieldname="unit price"), "FIELDNAME_ILL_FORMED", "is no fieldname", '"unit_price"'),
    (field(fieldname="2nd"), "FIELDNAME_ILL_FORMED", "is no fieldname", '"field_2nd"'),
    (field(fieldname='a"; DROP TABLE x'), "FIELDNAME_ILL_FORMED", "is no fieldname", "Letters, digits"),
    (field(fieldname="a\0b"), "FIELDNAME_ILL_FORMED", "is no fieldname", "Letters, digits"),
    (field(fieldname="\ud800"), "FIELDNAME_ILL_FORMED", "is no fieldname", "Letters, digits"),
    (field(fieldname="x" * 64), "FIELDNAME_ILL_FORMED", "is no fieldname", "63 bytes"),
    (field(fieldname="é" * 32), "FIELDNAME_ILL_FORMED", "is no fieldname", "63 bytes"),
    (field(fieldname="Modified_By"), "FIELDNAME_RESERVED", "has a reserved name", "Modified_By_value"),
    (field(fieldname="parenttype"), "FIELDNAME_RESERVED", "has a reserved name", "column"),
    (field(fieldname="rowid"), "FIELDNAME_RESERVED", "has a reserved name", "column"),
    (field(fieldtype="Link"), "TARGET_MISSING", 'is a Link without a target: "options" is empty', "a DocType"),
    (field(fieldtype="Table", options=" "), "TARGET_MISSING", "is a Table without a target", "a DocType"),
    (field(fieldtype="Dynamic Link"), "TARGET_MISSING", "is a Dynamic Link without a target", "the field that holds"),
    (field(length=-1), "LENGTH_INVALID", "has a length that is negative: -1", "1 to 1000000000"),
    (field(length=10**12), "LENGTH_INVALID", "has a length that is too large", "1 to 1000000000"),
    (field(fieldtype="Float", precision=19), "PRECISION_INVALID", "has a precision of 19", "0 to 18"),
    (field(fieldtype="Currency", precision="-2"), "PRECISION_INVALID", "has a precision of -2", "0 to 18"),
    (field(fieldtype="Int", default="many"), "DEFAULT_MISFIT", 'does not fit: "many"', "takes a number"),
    (field(fieldtype="Int", default="1.5"), "DEFAULT_MISFIT", 'does not fit: "1.5"', "a whole number"),
    (field(fieldtype="Int", default=2**63), "DEFAULT_MISFIT", "does not fit", "64 bits"),
    (field(fieldtype="Int", default="1" * 5000), "DEFAULT_MISFIT", "does not fit", "number"),
    (field(fieldtype="Float", default="1e400"), "DEFAULT_MISFIT", 'does not fit: "1e400"', "a number"),
    (field(fieldtype="Float", default="1_000"), "DEFAULT_MISFIT", 'does not fit: "1_000"', "a number"),
    (field(fieldtype="Float", default=10**400), "DEFAULT_MISFIT", "does not fit", "64-bit float"),
    (field(fieldtype="Check", default=2), "DEFAULT_MISFIT", 'does not fit: "2"', "0 or 1"),
    (field(fieldtype="Check", default="maybe"), "DEFAULT_MISFIT", "does not fit", "a number"),
    (field(fieldtype="Date", default="31.12.2024"), "DEFAULT_MISFIT", "does not fit", "2024-12-31"),
    (field(fieldtype="Date", default="2024-13-01"), "DEFAULT_MISFIT", "does not fit", "2024-12-31"),
    (field(fieldtype="Date", default=20241231), "DEFAULT_MISFIT", "does not fit", "2024-12-31"),
    (field(fieldtype="Datetime", default="soon"), "DEFAULT_MISFIT", "does not fit", "Today or now"),
    (field(fieldtype="Time", default="25:00"), "DEFAULT_MISFIT", "does not fit", "23:59:59"),
    (field(fieldtype="JSON", default="{a}"), "DEFAULT_MISFIT", "does not fit", "valid JSON"),
    (field(default="a\0b"), "DEFAULT_MISFIT", "does not fit", "NUL"),
    (field(default="\ud800"), "DEFAULT_MISFIT", "does not fit", "surrogates"),
    (field(default={"a": 1}), "DEFAULT_MISFIT", "does not fit", "takes text"),
    (field(fieldtype="Link", options="Note", on_delete="vanish"), "ON_DELETE_UNKNOWN", '"vanish"', "CASCADE"),
    (field(fieldtype="Section Break", unique=True), "INDEX_WITHOUT_COLUMN", "cannot be unique", 'Take "unique" off'),
    (field(fieldtype="Table", options="Note", indexed=True), "INDEX_WITHOUT_COLUMN", "cannot be indexed", "Take"),
    (field(is_virtual=True, search_index=1), "INDEX_WITHOUT_COLUMN", "is virtual", "Take"),
    (field(old_fieldname="a\0b"), "OLD_NAME_INVALID", "old_fieldname that holds NUL", "as it was"),
    (field(fieldname=7), "PROPERTY_WRONG_KIND", '"fields.0.fieldname": 7', "a text"),
    (field(length="long"), "PROPERTY_WRONG_KIND", '"fields.0.length"', "a whole number"),
    (field(reqd="perhaps"), "PROPERTY_WRONG_KIND", '"fields.0.reqd"', "true or false"),
    (field(old_fieldname=[1]), "PROPERTY_WRONG_KIND", "old_fieldname", "a text"),
    ({"fieldname": "x"}, "PROPERTY_MISSING", 'lacks "fields.0.fieldtype"', 'Add "fieldtype"'),
    ("x", "PROPERTY_WRONG_KIND", '"fields.0"', "an object"),
    (None, "PROPERTY_WRONG_KIND", '"fields.0"', "an object"),
]


@pytest.mark.parametrize(("given", "code", "message", "hint"), FIELD_CASES)
def test_field(given: Any, code: str, message: str, hint: str) -> None:
    """One bad field gives exactly its problem, and the sentence names the DocType."""
    (problem,) = problems(note(TITLE, given)) if not isinstance(given, dict) else problems(note(given))
    assert problem.code == code
    assert message.replace("fields.0", "fields.1" if not isinstance(given, dict) else "fields.0") in problem.message
    assert hint in problem.hint
    assert problem.doctype == "Note"
    assert '"Note"' in problem.message
    assert problem.message.count("\n") == 0


DOCTYPE_CASES = [
    (note(name=""), "NAME_INVALID", "is empty"),
    (note(name=" \t"), "NAME_INVALID", "is empty"),
    (note(name="a\0b"), "NAME_INVALID", "holds NUL"),
    (note(name="\udfff"), "NAME_INVALID", "half a character"),
    (note(table_name="SQLite_stat9"), "NAME_INVALID", "SQLite keeps for itself"),
    (note(table_name="a\0b"), "NAME_INVALID", "The table_name of DocType 'Note' holds NUL"),
    (note(modified="2024\udfff"), "NAME_INVALID", "The modified of DocType 'Note' holds"),
    (note(TITLE, indexes=[{"fields": ["title"], "where": "title = '\ud800'"}]), "INDEX_WHERE_INVALID", "half a char"),
    (note(old_name=["Memo", " "]), "OLD_NAME_INVALID", "an old_name that is empty"),
    (note(TITLE, {**TITLE, "fieldname": "TITLE"}), "FIELDNAME_TWICE", '"TITLE" and "title", the same but for case'),
    (note(TITLE, {**TITLE, "fieldtype": "Section Break"}), "FIELDNAME_TWICE", 'two fields called "title"'),
    (
        note({**TITLE, "old_fieldname": "head"}, field(old_fieldname=["top", "head"])),
        "OLD_FIELDNAME_TWICE",
        'Fields "title" and "x" of DocType "Note" both claim the old fieldname "head"',
    ),
    (note(TITLE, indexes=[{"fields": []}]), "INDEX_EMPTY", "names no field"),
    (note(TITLE, indexes=[{"fields": ["titel"]}]), "INDEX_FIELD_UNKNOWN", 'names an unknown field "titel"'),
    (note(TITLE, indexes=[{"fields": ["parent"]}]), "INDEX_FIELD_UNKNOWN", 'names an unknown field "parent"'),
    (
        note(field(fieldtype="HTML"), indexes=[{"fields": ["x"]}]),
        "INDEX_WITHOUT_COLUMN",
        'names field "x", which has no column',
    ),
    (note(TITLE, indexes=[{"fields": ["title", "Title desc"]}]), "INDEX_FIELD_TWICE", "names a field twice"),
    (note(TITLE, indexes=[{"fields": ["title"], "where": "1; DROP TABLE x"}]), "INDEX_WHERE_INVALID", "a semicolon"),
    (note(TITLE, indexes=[{"fields": ["title"], "where": "title = 'x"}]), "INDEX_WHERE_INVALID", "is not closed"),
    (note(TITLE, indexes=[{"fields": ["title"], "where": "1) OR (1"}]), "INDEX_WHERE_INVALID", "parentheses"),
    (note(TITLE, indexes=[{"fields": ["title"], "where": "1 -- x"}]), "INDEX_WHERE_INVALID", "a comment"),
    (note(TITLE, indexes=[{"fields": ["title"], "where": "title = ?"}]), "INDEX_WHERE_INVALID", "a parameter"),
    (note(TITLE, indexes=[{"fields": ["title"], "name": "sqlite_x"}]), "NAME_INVALID", "unusable name 'sqlite_x'"),
    (note(TITLE, indexes=["title"]), "PROPERTY_WRONG_KIND", '"indexes.0"'),
    (note(TITLE, indexes=[{}]), "PROPERTY_MISSING", '"indexes.0.fields"'),
    (note(TITLE, on_delete="explode"), "ON_DELETE_UNKNOWN", '"explode"'),
    (note(issingle=1, istable=1), "KINDS_DISAGREE", "both a Single and a child table"),
    (note(issingle=1, is_tree=1), "KINDS_DISAGREE", "both a Single and a tree"),
    (note(is_tree=1, nsm_parent_field="par ent"), "FIELDNAME_ILL_FORMED", '"par ent"'),
    (note(is_tree=1, nsm_parent_field="old_parent"), "FIELDNAME_ILL_FORMED", '"old_parent"'),
    (note(table_name="tabsingles"), "TABLE_CLASH", "belongs to the framework itself"),
    (note(name="MigrationHistory"), "TABLE_CLASH", "belongs to the framework itself"),
    ({"fields": []}, "PROPERTY_MISSING", 'lacks "name"'),
    ({"name": 5, "fields": []}, "PROPERTY_WRONG_KIND", '"name": 5'),
    ({"name": "Note", "fields": {"a": 1}}, "PROPERTY_WRONG_KIND", '"fields"'),
    ("Note", "DEFINITION_NOT_AN_OBJECT", "must be a JSON object, not text"),
    (None, "DEFINITION_NOT_AN_OBJECT", "not null"),
]


@pytest.mark.parametrize(("given", "code", "message"), DOCTYPE_CASES)
def test_doctype(given: Any, code: str, message: str) -> None:
    """One bad definition gives exactly its problem, with a way out."""
    (problem,) = problems(given)
    assert problem.code == code
    assert message in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("first", "second", "code", "message"),
    [
        (note(), note(), "DOCTYPE_TWICE", 'DocType "Note" is defined twice'),
        (note(), note(name="note"), "TABLE_CLASH", 'wants the table "tabnote", which belongs to DocType "Note"'),
        (note(), note(name="Memo", table_name="TABNOTE"), "TABLE_CLASH", 'wants the table "TABNOTE"'),
        (
            note(TITLE, indexes=[{"fields": ["title"], "name": "by_title"}]),
            note(TITLE, name="Memo", indexes=[{"fields": ["title"], "name": "By_Title"}]),
            "INDEX_NAME_CLASH",
            'wants the index name "By_Title", which belongs to DocType "Note"',
        ),
    ],
)
def test_two_doctypes(first: Any, second: Any, code: str, message: str) -> None:
    """Two definitions that cannot live in one database give one problem that names both."""
    (problem,) = problems(first, second)
    assert (problem.code, message in problem.message, bool(problem.hint)) == (code, True, True)


def test_all_problems_come_at_once() -> None:
    """Nothing that is wrong hides what else is wrong, in one definition or in several."""
    found = problems(
        note({"fieldname": "a", "fieldtype": "Dat"}, field(length=-1, default={}), field(fieldname="owner")),
        {"name": "Memo", "fields": [{"fieldname": 1, "fieldtype": "Data"}]},
        note(),
        7,
    )
    assert sorted(problem.code for problem in found) == sorted(
        [
            "DEFINITION_NOT_AN_OBJECT",
            "FIELD_TYPE_UNKNOWN",
            "LENGTH_INVALID",
            "DEFAULT_MISFIT",
            "FIELDNAME_RESERVED",
            "PROPERTY_WRONG_KIND",
            "DOCTYPE_TWICE",
        ]
    )


def test_the_error_counts_and_shows_the_first() -> None:
    """The error is one sentence with the number of problems, and carries them as text for machines."""
    with pytest.raises(DefinitionError) as caught:
        DocTypeEngine.from_doctypes([note(field(length=-1), field(fieldname="y", length=-2))])
    error = caught.value
    assert str(error).startswith("The definitions have 2 problems; the first: Field ")
    assert error.details["problems"] == [str(problem) for problem in error.problems]
    assert error.hint is not None and "the other 1" in error.hint


WARNINGS = [
    (field(fieldtype="Link", options="Custmer"), 'points at DocType "Custmer", which is not among these definitions'),
    (field(fieldtype="Table", options="Row"), 'points at DocType "Row", which is not among these definitions'),
    (field(fieldtype="Table", options="Note"), 'points at DocType "Note", which is no child table'),
    (field(fieldtype="Dynamic Link", options="kind"), 'takes its DocType from field "kind", which does not exist'),
    (field(fieldtype="Select", options="A\nB", default="C"), 'has the default "C", which is none of its options'),
]


@pytest.mark.parametrize(("given", "message"), WARNINGS)
def test_doubts_are_warnings(given: Any, message: str) -> None:
    """What may be a mistake is said, and refuses nothing."""
    engine = DocTypeEngine.from_doctypes([note(given)])
    (warning,) = engine.warnings
    assert warning == f'Field "x" of DocType "Note" {message}'
    assert engine.warnings_of("Note") == (warning,)
    assert engine.warnings_of("Memo") == ()


@pytest.mark.parametrize(
    "name", ["Rob'); DROP TABLE x;--", 'a "quoted" one', "顧客", " spaced ", "a/../b", "%s", "select"]
)
def test_hostile_names_are_names(name: str) -> None:
    """Names of DocTypes and tables are data: nearly any text is one."""
    engine = DocTypeEngine.from_doctypes([note(TITLE, name=name), note(TITLE, table_name=name)])
    assert engine.get(name).table == f"tab{name}"
    assert engine.get("Note").table == name


@pytest.mark.parametrize("name", ["order", "group", "select", "größe", "名前", "_x", "x1", "A", "oid", "é" * 31])
def test_good_fieldnames(name: str) -> None:
    """Words of SQL and letters of any script are fieldnames."""
    assert DocTypeEngine.from_doctypes([note(field(fieldname=name))]).get("Note").field(name)


def test_layout_needs_no_name() -> None:
    """Breaks without a name stand in many old definitions, several to a form."""
    breaks = [{"fieldtype": "Column Break"}, {"fieldtype": "Section Break", "label": "Not a name"}] * 2
    assert len(DocTypeEngine.from_doctypes([note(*breaks)]).get("Note").fields) == 4


def test_standard_columns_can_be_indexed() -> None:
    """An index may name columns that no field asks for."""
    made = note(istable=1, is_submittable=1, indexes=[{"fields": ["parent", "idx"]}, {"fields": ["amended_from"]}])
    assert DocTypeEngine.from_doctypes([made]).get("Note").indexes


def test_values_of_a_wrong_kind_hide_no_other_fault() -> None:
    """Every problem of a definition is told at once, each once, and none that only another one makes."""
    fields: list[Any] = [
        {"fieldname": "a", "fieldtype": "Intt"},
        {"fieldname": "b"},
        {"fieldname": "c", "fieldtype": "Dat", "length": "long"},
        {"fieldname": "d", "fieldtype": "Link", "options": 5},
        {"fieldname": 7, "fieldtype": "Data"},
        "e",
    ]
    document = {"name": "Odd", "fields": fields, "indexes": [{"fields": ["b", "c"]}, {"fields": 5}], "module": 3}
    with pytest.raises(DefinitionError) as caught:
        DocTypeEngine.from_doctypes([document])
    found = sorted((problem.code, problem.field) for problem in caught.value.problems)
    wrong = [("PROPERTY_WRONG_KIND", field) for field in ("", "", "", "", "c", "d")]
    assert found == [("FIELD_TYPE_UNKNOWN", "a"), ("FIELD_TYPE_UNKNOWN", "c"), ("PROPERTY_MISSING", "b"), *wrong]


def test_a_definition_without_a_usable_name_is_told_by_its_file(tmp_path: Path) -> None:
    """Not as the DocType "", and what else is wrong with it is told too."""
    field = {"fieldname": "a", "fieldtype": "Intt", "old_fieldname": 5}
    (tmp_path / "odd.json").write_text(json.dumps({"name": 7, "fields": [field]}))
    with pytest.raises(DefinitionError) as caught:
        DocTypeEngine.from_directory(tmp_path)
    said = {str(problem): problem.hint for problem in caught.value.problems}
    assert said['odd.json: The definition has a wrong value for "name": 7'] == "It has to be a text."
    old = 'odd.json: Field "a" of the definition has a wrong value for "fields.0.old_fieldname": 5'
    assert said[old] == "It has to be a text, or a list of texts."
    assert 'odd.json: Field "a" of DocType "odd.json" has the unknown type "Intt"' in said
    assert len(said) == 3


def test_long_names_are_shortened() -> None:
    """In the sentence, whichever part says it; a sentence between two short names is none."""
    name = "x" * 1000
    with pytest.raises(DefinitionError) as caught:
        DocTypeEngine.from_doctypes([{"name": name, "fields": [{"fieldname": "a", "fieldtype": "Intt"}]}])
    assert len(str(caught.value)) < 300 and len(str(caught.value.problems[0])) < 250
    assert f'"{"x" * 60}…{"x" * 20}"' in str(caught.value)
    between = f'"a" {"and " * 80}"b"'
    assert str(DefinitionError(between)) == between
