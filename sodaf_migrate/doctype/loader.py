"""Where definitions come from: a file, a folder, a package, a database. Every fault is a value, never a traceback."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from sodaf_migrate.doctype.documents import Document, Note, read_documents
from sodaf_migrate.doctype.folder import json_files
from sodaf_migrate.doctype.problems import Problem
from sodaf_migrate.errors import DefinitionError, StatementError
from sodaf_migrate.wire.open import Target, open_wire

__all__ = ["CATALOGUE_TABLE", "load_database", "load_directory", "load_file", "load_package"]

#: The table that ``load_database`` reads: ``name`` and ``definition``, a JSON document as a file would hold it.
CATALOGUE_TABLE = "tabDocType"


def load_directory(path: str | os.PathLike[str]) -> tuple[Document, ...]:
    """Every document in the JSON files under ``path`` (or in the one file it names), in the order of their paths.

    Any depth is read, so ``customer.json``, ``customer/customer.json`` and ``selling/doctype/customer/customer.json``
    are all found; hidden folders are not entered. Raises DefinitionError when ``path`` cannot be read at all.
    """
    root = Path(path)
    try:
        if root.is_file():
            return tuple(load_file(root, root.name))
        if not root.is_dir():
            raise FileNotFoundError(f"no such file or directory: {root}")
        files = sorted(entry.path for entry in json_files(os.fspath(root)))
    except (OSError, ValueError) as error:
        raise DefinitionError(
            f'The folder of definitions "{root}" cannot be read: {_reason(error)}',
            hint="Give the folder that holds the DocTypes' JSON files.",
        ) from error
    base = len(os.fspath(root)) + 1
    found = [document for file in files for document in load_file(file, file[base:])]
    return tuple(found) if files else (Note(str(root), "holds no JSON file"),)


def load_file(path: str | os.PathLike[str], shown: str) -> Iterator[Document]:
    """The documents of one file, which problems and notes call ``shown``."""
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as error:
        yield Problem(
            code="FILE_UNREADABLE",
            file=shown,
            message=f"The file cannot be read: {_reason(error)}",
            hint="Check that it exists and that this user may read it.",
        )
        return
    yield from load_text(content, shown)


def load_text(content: bytes, shown: str) -> Iterator[Document]:
    """The documents of one file's bytes: UTF-8, with or without a byte order mark."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Problem(
            code="FILE_NOT_UTF8",
            file=shown,
            message=f"The file is not UTF-8: byte {error.start + 1} does not belong there",
            hint="Save the file as UTF-8.",
        )
        return
    value = _parsed(text, shown)
    if isinstance(value, Problem):
        yield value
    else:
        yield from read_documents(value, shown)


def _parsed(text: str, shown: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
    except _DuplicateKey as error:
        return Problem(
            code="JSON_DUPLICATE_KEY",
            file=shown,
            message=f'The key "{error}" stands twice in one object',
            hint="JSON keeps only one of them, and not everybody the same: take one out.",
        )
    except json.JSONDecodeError as error:
        where, what = f" at line {error.lineno}, column {error.colno}", error.msg[:1].lower() + error.msg[1:]
        hint = "The file is empty." if not text.strip() else "Look for a missing comma, quote or bracket just before."
    except RecursionError:
        where, what, hint = "", "it is nested too deeply", "A definition needs only a few levels."
    except ValueError as error:
        what = "a number has too many digits" if "integer string conversion" in str(error) else str(error)
        where, hint = "", "Write the value as JSON allows it."
    return Problem(code="JSON_INVALID", file=shown, message=f"Invalid JSON{where}: {what}", hint=hint)


class _DuplicateKey(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKey(next(name for name in names if names.count(name) > 1))
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def load_package(package: str) -> tuple[Document, ...]:
    """Every document in the folder of an importable package. Raises DefinitionError when there is none."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError, AttributeError) as error:
        raise _no_package(package, str(error)) from error
    folders = [place for place in (spec.submodule_search_locations or ()) if os.path.isdir(place)] if spec else []
    if spec is None or not folders:
        raise _no_package(package, "no package of that name has a folder" if spec else "no module has that name")
    return tuple(document for folder in folders for document in load_directory(folder))


def _no_package(package: str, reason: str) -> DefinitionError:
    return DefinitionError(
        f'The package "{package}" holds no definitions that can be read: {reason}',
        hint="Give the dotted name of an installed package whose folder holds the JSON files.",
    )


def load_database(target: Target) -> tuple[Document, ...]:
    """Every document in the table ``tabDocType`` (columns ``name``, ``definition``) of a database, read only.

    Raises DefinitionError when the table is missing or has other columns, DatabaseError when it cannot be opened.
    """
    with open_wire(target, readonly=True) as wire:
        try:
            rows = wire.query('SELECT t.name, t.definition FROM "tabDocType" AS t ORDER BY t.name')
        except StatementError as error:
            raise DefinitionError(
                f'The database "{wire.name}" holds no definitions: {error.message}',
                hint=f'Keep each DocType as one JSON document in table "{CATALOGUE_TABLE}" (name, definition), '
                "or read the definitions from a folder.",
            ) from error
    return tuple(document for name, content in rows for document in _row(name, content))


def _row(name: Any, content: Any) -> Iterator[Document]:
    shown = f"{CATALOGUE_TABLE}[{name}]"
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    if not isinstance(content, bytes):
        yield Problem(
            code="FILE_UNREADABLE",
            file=shown,
            message="The row holds no definition",
            hint='Put the JSON document into the column "definition".',
        )
        return
    yield from load_text(content, shown)
