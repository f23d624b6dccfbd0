"""Definitions from files, folders, packages and databases, good and broken."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.doctype.problems import Problem
from sodaf_migrate.errors import DatabaseOpenError, DefinitionError

NOTE = {"name": "Note", "fields": [{"fieldname": "title", "fieldtype": "Data"}]}
MEMO = {**NOTE, "name": "Memo"}


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(DefinitionError) as caught:
        DocTypeEngine.from_directory(path)
    return caught.value.problems


@pytest.mark.parametrize("place", ["note.json", "note/note.json", "desk/doctype/note/note.json", "NOTE.JSON"])
def test_every_layout_is_read(tmp_path: Path, place: str) -> None:
    """A definition is found at any depth, and the engine knows its file."""
    write(tmp_path / place, NOTE)
    engine = DocTypeEngine.from_directory(tmp_path)
    assert engine.names() == ("Note",)
    assert engine.file_of("Note") == os.path.join(*place.split("/"))


def test_one_file(tmp_path: Path) -> None:
    """A path may name a single file."""
    write(tmp_path / "note.json", NOTE)
    assert DocTypeEngine.from_directory(str(tmp_path / "note.json")).names() == ("Note",)


def test_other_documents_are_skipped_with_a_note(tmp_path: Path) -> None:
    """What is no DocType is passed over, and said."""
    write(tmp_path / "package.json", {"name": "my-app", "version": "1.0"})
    write(tmp_path / "report.json", {"doctype": "Report", "name": "Sales"})
    write(tmp_path / "numbers.json", [1, 2])
    write(tmp_path / "note.json", NOTE)
    write(tmp_path / ".git" / "x.json", b"{")
    write(tmp_path / "node_modules" / "x.json", b"{")
    engine = DocTypeEngine.from_directory(tmp_path)
    assert engine.names() == ("Note",)
    assert engine.notes == (
        "numbers.json: skipped: a number is no DocType",
        "numbers.json: skipped: a number is no DocType",
        "package.json: skipped: no DocType (it has no list of fields)",
        'report.json: skipped: a document of kind "Report"',
    )


def test_a_file_may_hold_a_list(tmp_path: Path) -> None:
    """Fixtures are lists of documents."""
    write(tmp_path / "all.json", [NOTE, MEMO])
    assert DocTypeEngine.from_directory(tmp_path).names() == ("Memo", "Note")


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b'{"name": "Note",\n "fields": [}', "JSON_INVALID", "note.json: Invalid JSON at line 2, column 13: "),
        (b"", "JSON_INVALID", "note.json: Invalid JSON at line 1, column 1: expecting value"),
        (b"[" * 200_000, "JSON_INVALID", "note.json: Invalid JSON: it is nested too deeply"),
        (b'{"a": NaN}', "JSON_INVALID", "note.json: Invalid JSON: NaN is no JSON value"),
        (b'{"a": ' + b"1" * 5000 + b"}", "JSON_INVALID", "note.json: Invalid JSON: a number has too many digits"),
        (
            b'{"name": "Note", "fields": [{"fieldname": "a", "fieldname": "b"}]}',
            "JSON_DUPLICATE_KEY",
            'note.json: The key "fieldname" stands twice in one object',
        ),
        (b'{"name": "\xff"}', "FILE_NOT_UTF8", "note.json: The file is not UTF-8: byte 11 does not belong there"),
        ('{"name": "x"}'.encode("utf-16"), "FILE_NOT_UTF8", "note.json: The file is not UTF-8: byte 1"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, code: str, message: str) -> None:
    """A file that cannot be read as JSON is one problem that says where."""
    write(tmp_path / "note.json", content)
    (problem,) = problems_of(tmp_path)
    assert problem.code == code
    assert str(problem).startswith(message)
    assert problem.hint


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    write(tmp_path / "note.json", b"\xef\xbb\xbf" + json.dumps(NOTE).encode())
    assert DocTypeEngine.from_directory(tmp_path).names() == ("Note",)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """A link to nowhere is a problem, and the other files are still checked."""
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    write(tmp_path / "note.json", {"name": "", "fields": []})
    assert [problem.code for problem in problems_of(tmp_path)] == ["FILE_UNREADABLE", "NAME_INVALID"]


def test_the_same_doctype_in_two_files(tmp_path: Path) -> None:
    """Both files are named."""
    write(tmp_path / "a.json", NOTE)
    write(tmp_path / "b" / "note.json", NOTE)
    (problem,) = problems_of(tmp_path)
    assert problem.message == f'DocType "Note" is defined twice in "a.json" and "{os.path.join("b", "note.json")}"'


def test_problems_of_every_file_come_at_once(tmp_path: Path) -> None:
    """One run tells all that is wrong with a folder."""
    for number in range(5):
        write(tmp_path / f"{number}.json", {"name": f"N{number}", "fields": [{"fieldtype": "Data"}]})
    write(tmp_path / "x.json", b"{")
    assert [problem.file for problem in problems_of(tmp_path)] == ["x.json", *(f"{number}.json" for number in range(5))]


@pytest.mark.parametrize("path", ["missing", "a\0b", ""])
def test_no_folder(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there is one sentence with a way out; "" means the current one, as it does for open."""
    monkeypatch.chdir(tmp_path)
    if not path:
        assert DocTypeEngine.from_directory(path).notes == (".: holds no JSON file",)
        return
    with pytest.raises(DefinitionError, match="cannot be read") as caught:
        DocTypeEngine.from_directory(path)
    assert caught.value.hint


def test_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package is found by its dotted name, without an ``__init__`` too."""
    write(tmp_path / "someapp_x" / "__init__.py", b"")
    write(tmp_path / "someapp_x" / "doctypes" / "note.json", NOTE)
    monkeypatch.syspath_prepend(tmp_path)
    assert DocTypeEngine.from_package("someapp_x.doctypes").names() == ("Note",)
    sys.modules.pop("someapp_x", None)


@pytest.mark.parametrize("name", ["no_such_package_x", "no_such_package_x.y", "json.decoder", "", ".x", "a..b", "sys"])
def test_no_package(name: str) -> None:
    """A package that is not there, or has no folder, is one sentence."""
    with pytest.raises(DefinitionError, match="holds no definitions") as caught:
        DocTypeEngine.from_package(name)
    assert caught.value.hint


def test_database(tmp_path: Path) -> None:
    """Definitions kept in the database are read, faulty ones with the row they are in."""
    path = tmp_path / "site.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE tabDocType (name TEXT PRIMARY KEY, definition)")
    connection.executemany("INSERT INTO tabDocType VALUES (?, ?)", [(d["name"], json.dumps(d)) for d in (NOTE, MEMO)])
    connection.commit()
    before = path.read_bytes()
    assert DocTypeEngine.from_database(path).names() == ("Memo", "Note")
    assert DocTypeEngine.from_database(connection).file_of("Note") == "tabDocType[Note]"
    assert path.read_bytes() == before
    connection.executemany(
        "INSERT INTO tabDocType VALUES (?, ?)", [("A", None), ("B", "{"), ("C", b"\xff"), ("D", 1.5)]
    )
    connection.commit()
    with pytest.raises(DefinitionError) as caught:
        DocTypeEngine.from_database(path)
    connection.close()
    found = {problem.file: problem.code for problem in caught.value.problems}
    unreadable = {"tabDocType[A]": "FILE_UNREADABLE", "tabDocType[D]": "FILE_UNREADABLE"}
    assert found == {**unreadable, "tabDocType[B]": "JSON_INVALID", "tabDocType[C]": "FILE_NOT_UTF8"}


@pytest.mark.parametrize("sql", ["SELECT 1", "CREATE TABLE tabDocType (name TEXT, module TEXT)"])
def test_a_database_without_definitions(tmp_path: Path, sql: str) -> None:
    """A database that holds none says which table it lacks."""
    connection = sqlite3.connect(tmp_path / "site.db")
    connection.execute(sql)
    connection.execute("CREATE TABLE x (a)")
    connection.close()
    with pytest.raises(DefinitionError, match="holds no definitions") as caught:
        DocTypeEngine.from_database(tmp_path / "site.db")
    assert caught.value.hint is not None and "tabDocType" in caught.value.hint


def test_no_database(tmp_path: Path) -> None:
    """A database that is not there is the wire's matter."""
    with pytest.raises(DatabaseOpenError):
        DocTypeEngine.from_database(tmp_path / "none.db")
