"""DocTypeEngine: every definition of an application, checked, merged and known by name."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from sodaf_migrate.doctype.documents import (
    Definition,
    Document,
    FieldAddition,
    Note,
    PropertyOverride,
    customisations,
    read_documents,
)
from sodaf_migrate.doctype.effective import merge, validated
from sodaf_migrate.doctype.loader import load_database, load_directory, load_package
from sodaf_migrate.doctype.model import DocField, DocType
from sodaf_migrate.doctype.problems import Problem
from sodaf_migrate.doctype.relations import clashes, doubts, in_dependency_order
from sodaf_migrate.doctype.rules import faults
from sodaf_migrate.errors import DefinitionError, UnknownDocTypeError
from sodaf_migrate.wire.open import Target

__all__ = ["DocTypeEngine"]


class DocTypeEngine:
    """The effective DocTypes of one application. Make one with a ``from_…`` method; it never changes afterwards."""

    def __init__(self, documents: Iterable[Document]) -> None:
        """Merge and check what was loaded. Raises DefinitionError with every problem of every definition."""
        effective = _Effective(documents)
        if effective.problems:
            raise _refusal(effective.problems)
        doubtful = tuple(doubts(effective.doctypes, effective.files))
        order = in_dependency_order(effective.doctypes)
        self._doctypes = {name: effective.doctypes[name] for name in order}
        self._files = effective.files
        self._doubts = (*effective.stray, *doubtful)
        self.notes: tuple[str, ...] = tuple(str(note) for note in effective.notes)
        self.warnings: tuple[str, ...] = tuple(str(doubt) for doubt in self._doubts)
        self._parents: dict[str, list[tuple[DocType, DocField]]] | None = None

    @classmethod
    def from_directory(cls, path: str | os.PathLike[str]) -> DocTypeEngine:
        """The definitions under a folder, at any depth, or in one file. Raises DefinitionError."""
        with _collector_paused():
            return cls(load_directory(path))

    @classmethod
    def from_doctypes(cls, doctypes: Iterable[Mapping[str, Any] | DocType]) -> DocTypeEngine:
        """The definitions given, Custom Field and Property Setter documents among them. Raises DefinitionError."""
        plain = (_plain(item) for item in doctypes)
        return cls(document for item in plain for document in read_documents(item, expected=True))

    @classmethod
    def from_package(cls, package: str) -> DocTypeEngine:
        """The definitions in the folder of an importable package ("app.doctypes"). Raises DefinitionError."""
        return cls(load_package(package))

    @classmethod
    def from_database(cls, database: Target) -> DocTypeEngine:
        """The definitions in table ``tabDocType`` (name, definition). Raises DefinitionError or DatabaseError."""
        return cls(load_database(database))

    def names(self) -> tuple[str, ...]:
        """Every name, targets of Link and Table fields before what points at them where possible, ties by name."""
        return tuple(self._doctypes)

    def get(self, name: str) -> DocType:
        """The effective DocType of that name. Raises UnknownDocTypeError with the nearest names in its hint."""
        try:
            return self._doctypes[name]
        except (KeyError, TypeError):
            raise self._unknown(name) from None

    def _unknown(self, name: object) -> UnknownDocTypeError:
        lowered = {known.lower(): known for known in self._doctypes}
        nearest = [lowered[match] for match in get_close_matches(str(name).lower(), lowered, n=3, cutoff=0.6)]
        here, count = "`sodaf-migrate status` lists the definitions", len(self._doctypes)
        known = f"{here} ({count})." if count else "No definition was loaded at all."
        meant = "Did you mean " + " or ".join(f'"{match}"' for match in nearest) + "?"
        return UnknownDocTypeError(f'There is no DocType "{name}"', hint=meant if nearest else known)

    def __contains__(self, name: object) -> bool:
        return name in self._doctypes

    def __len__(self) -> int:
        return len(self._doctypes)

    def file_of(self, name: str) -> str:
        """The file that defines a DocType, "" when none does. Raises UnknownDocTypeError."""
        return self._files[self.get(name).name]

    def warnings_of(self, name: str) -> tuple[str, ...]:
        """The warnings about one DocType."""
        return tuple(str(doubt) for doubt in self._doubts if doubt.doctype == name)

    def table_of(self, name: str) -> str | None:
        """The table of a DocType, None when it has none or no definition has that name."""
        doctype = self._doctypes.get(name)
        return doctype.table if doctype is not None and doctype.has_table else None

    def parents_of(self, child: str) -> tuple[tuple[DocType, DocField], ...]:
        """Every DocType with a Table field of that child DocType, and the field."""
        if self._parents is None:
            found = defaultdict(list)
            for doctype in self._doctypes.values():
                for field in doctype.fields:
                    if field.is_table and field.options:
                        found[field.options].append((doctype, field))
            self._parents = dict(found)
        return tuple(self._parents.get(child, ()))

    def dynamic_links(self) -> tuple[tuple[DocType, DocField, DocField], ...]:
        """Every (DocType, Dynamic Link field, field that holds the target's DocType)."""
        return tuple(
            (doctype, field, holder)
            for doctype in self._doctypes.values()
            for field in doctype.column_fields
            if field.fieldtype == "Dynamic Link" and (holder := doctype.field(field.options or "")) is not None
        )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A thousand definitions are a million new objects and no ring: looking for rings is a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _plain(item: Any) -> Any:
    return item.model_dump(exclude_unset=True) if isinstance(item, DocType) else item


def _refusal(problems: list[Problem]) -> DefinitionError:
    count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
    more = "" if len(problems) == 1 else "; the first"
    first = problems[0]
    hint = first.hint if len(problems) == 1 else f"{first.hint} Then see the other {len(problems) - 1}.".strip()
    return DefinitionError(f"The definitions have {count}{more}: {first}", problems=problems, hint=hint or None)


class _Effective:
    """One pass over the documents: what they define, and everything that is wrong with it."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.doctypes: dict[str, DocType] = {}
        self.files: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.stray: list[Problem] = []
        self.notes: list[Note] = []
        self._definitions: list[Definition] = []
        self._additions: defaultdict[str, list[FieldAddition]] = defaultdict(list)
        self._overrides: defaultdict[str, list[PropertyOverride]] = defaultdict(list)
        for document in documents:
            self._sort(document)
        known = {name for item in self._definitions if isinstance(name := item.raw.get("name"), str)}
        for definition in self._definitions:
            self._define(definition)
        self.problems += clashes(self.doctypes.values(), self.files)
        self.stray += _stray((*self._additions.items(), *self._overrides.items()), known)

    def _sort(self, document: Document) -> None:
        if isinstance(document, Definition):
            self._definitions.append(document)
            if "custom_fields" in document.raw or "property_setters" in document.raw:
                for change in customisations(document.raw, document.file, document.raw.get("name")):
                    self._sort(change)
        elif isinstance(document, FieldAddition):
            self._additions[document.target].append(document)
        elif isinstance(document, PropertyOverride):
            self._overrides[document.target].append(document)
        elif isinstance(document, Note):
            self.notes.append(document)
        else:
            self.problems.append(document)

    def _define(self, definition: Definition) -> None:
        name = definition.raw.get("name")
        key = name if isinstance(name, str) else ""
        raw, problems = merge(definition, self._additions.get(key, []), self._overrides.get(key, []))
        doctype, wrong = validated(raw, definition.file)
        self.problems += [*problems, *wrong]
        if doctype is None:
            return
        self.problems += faults(doctype, definition.file)
        if doctype.name != name:
            return  # it has none
        if doctype.name in self.doctypes:
            self.problems.append(_twice(doctype.name, self.files[doctype.name], definition.file))
            return
        self.doctypes[doctype.name] = doctype
        self.files[doctype.name] = definition.file


def _twice(name: str, first: str, second: str) -> Problem:
    where = f' in "{first}" and "{second}"' if first and second else ""
    return Problem(
        code="DOCTYPE_TWICE",
        file=second,
        doctype=name,
        message=f'DocType "{name}" is defined twice{where}',
        hint="Delete one, or give it another name.",
    )


def _stray(changes: Iterable[tuple[str, list[Any]]], known: set[str]) -> Iterable[Problem]:
    """Customisations of DocTypes that are not there: those of an application that this site does not have."""
    for target, items in changes:
        if target not in known:
            yield Problem(
                code="TARGET_UNKNOWN",
                file=items[0].file,
                doctype=target,
                message=f'DocType "{target}" is customised ({len(items)} times), but not among these definitions',
            )
