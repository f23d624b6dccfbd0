"""What must be true of definitions together, and what one may want to know of how they point at each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sodaf_migrate.doctype.model import DocType
from sodaf_migrate.doctype.problems import Problem
from sodaf_migrate.schema.model import fold

__all__ = ["OWN_TABLES", "clashes", "doubts", "in_dependency_order", "targets"]

#: Tables of the tool itself and of all Singles, which no DocType may take.
OWN_TABLES = (
    "tabSingles",
    "tabMigrationHistory",
    "tabMigrationEvent",
    "tabMigrationSettled",
    "tabMigrationBackup",
    "tabMigrationStart",
)
# What the framework itself defines, and every definition may point at.
_BUILT_IN = frozenset({"DocType", "User", "Role", "Module Def", "File"})


def targets(doctype: DocType) -> tuple[str, ...]:
    """The DocTypes that its Link and Table fields point at, each once, sorted."""
    found = {
        field.options
        for field in doctype.fields
        if field.options and field.fieldtype in ("Link", "Table", "Table MultiSelect")
    }
    return tuple(sorted(found))


def clashes(doctypes: Iterable[DocType], files: Mapping[str, str]) -> Iterator[Problem]:
    """Two DocTypes that want one table, one index name or one former name, or the table of something else."""
    doctypes = tuple(doctypes)
    yield from _claimed_twice(doctypes, files)
    tables: dict[str, str] = {fold(name): "" for name in OWN_TABLES}
    indexes: dict[str, str] = {}
    for doctype in doctypes:
        if not doctype.has_table:
            continue
        first = tables.setdefault(fold(doctype.table), doctype.name)
        if first != doctype.name:
            yield _clash(doctype, files, "TABLE_CLASH", f'table "{doctype.table}"', first, "table_name")
        for index in doctype.indexes:
            if index.name:
                owner = indexes.setdefault(fold(index.name), doctype.name)
                if owner != doctype.name:
                    yield _clash(doctype, files, "INDEX_NAME_CLASH", f'index name "{index.name}"', owner, "name")


def _claimed_twice(doctypes: Iterable[DocType], files: Mapping[str, str]) -> Iterator[Problem]:
    """Two DocTypes that both say they were called the same: only one of them can be it under its new name."""
    claims: dict[str, str] = {}
    for doctype in doctypes:
        for old in doctype.old_name:
            first = claims.setdefault(fold(old), doctype.name)
            if first != doctype.name:
                yield Problem(
                    code="OLD_NAME_TWICE",
                    file=files.get(doctype.name, ""),
                    doctype=doctype.name,
                    message=f'DocTypes "{first}" and "{doctype.name}" both claim the old name "{old}"',
                    hint="Only one of them can be that DocType under its new name.",
                )


def _clash(doctype: DocType, files: Mapping[str, str], code: str, what: str, first: str, key: str) -> Problem:
    holder = f'DocType "{first}" ({files.get(first) or "given"})' if first else "the framework itself"
    return Problem(
        code=code,
        file=files.get(doctype.name, ""),
        doctype=doctype.name,
        message=f'DocType "{doctype.name}" wants the {what}, which belongs to {holder}',
        hint=f'Give one of them another "{key}".',
    )


def doubts(doctypes: Mapping[str, DocType], files: Mapping[str, str]) -> Iterator[Problem]:
    """What is probably a mistake, and yet no reason to refuse: targets that do not exist, defaults out of choice."""
    for doctype in doctypes.values():
        for field in doctype.fields:
            kind = field.fieldtype
            if kind == "Data" or not field.options:
                continue
            said = None
            if kind == "Link" and field.options not in doctypes and field.options not in _BUILT_IN:
                said = _unknown_target(field.options)
            elif kind in ("Table", "Table MultiSelect"):
                said = _child_doubt(doctypes.get(field.options), field.options)
            elif kind == "Dynamic Link" and doctype.field(field.options) is None:
                said = "TARGET_UNKNOWN", f'takes its DocType from field "{field.options}", which does not exist'
            elif kind == "Select" and isinstance(field.default, str) and field.default not in ("", *field.choices):
                said = "DEFAULT_NOT_A_CHOICE", f'has the default "{field.default}", which is none of its options'
            if said:
                yield Problem(
                    code=said[0],
                    file=files.get(doctype.name, ""),
                    doctype=doctype.name,
                    field=field.fieldname,
                    message=f'Field "{field.fieldname}" of DocType "{doctype.name}" {said[1]}',
                )


def _unknown_target(name: str) -> tuple[str, str]:
    return "TARGET_UNKNOWN", f'points at DocType "{name}", which is not among these definitions'


def _child_doubt(child: DocType | None, name: str) -> tuple[str, str] | None:
    if child is None:
        return _unknown_target(name)
    return None if child.istable else ("TARGET_NOT_A_CHILD", f'points at DocType "{name}", which is no child table')


def in_dependency_order(doctypes: Mapping[str, DocType]) -> tuple[str, ...]:
    """Names, what is pointed at before what points, ties by name; within a ring one of them has to come first."""
    ordered: dict[str, None] = {}
    entered: set[str] = set()
    for start in sorted(doctypes):
        trail = [(start, False)]
        while trail:  # not recursive: a chain of a thousand definitions is no reason to fail
            name, left = trail.pop()
            if left:
                ordered.setdefault(name)
            elif name not in entered:
                entered.add(name)
                trail.append((name, True))
                trail += [(target, False) for target in reversed(targets(doctypes[name])) if target in doctypes]
    return tuple(ordered)
