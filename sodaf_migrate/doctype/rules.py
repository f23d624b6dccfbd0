"""What must be true of one definition. Each rule is a small function that says all it finds; none stops another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from sodaf_migrate.doctype.catalogue import FIELD_TYPES, FieldType, nearest_types
from sodaf_migrate.doctype.defaults import Misfit, static_default, storable
from sodaf_migrate.doctype.model import DocField, DocIndex, DocType
from sodaf_migrate.doctype.problems import Problem
from sodaf_migrate.doctype.standard import RESERVED_NAMES, TREE_NAMES, leading, trailing
from sodaf_migrate.doctype.where import where_fault
from sodaf_migrate.options import POLICIES
from sodaf_migrate.schema.model import fold

__all__ = ["FIELD_RULES", "GIVEN_RULES", "RULES", "faults"]

_MAX_NAME_BYTES = 63  # PostgreSQL's limit, the smallest of the databases that a definition may meet
_MAX_LENGTH = 1_000_000_000  # SQLite's longest text
_MAX_PRECISION = 18
_ON_DELETE = frozenset({"CASCADE", "RESTRICT", "SET NULL", "SET DEFAULT", "NO ACTION"})
# A field of one of these types may stand in the form without a name.
_NAMELESS = frozenset({"Section Break", "Column Break", "Tab Break", "Fold", "Heading", "Button", "HTML", "Image"})


def faults(doctype: DocType, file: str = "") -> list[Problem]:
    """Everything that is wrong with one effective definition, whatever the others say."""
    found = [problem for rule in RULES for problem in rule(doctype, file)]
    for field in doctype.fields:
        kind = FIELD_TYPES.get(field.fieldtype)
        if kind is None:
            found.append(_unknown_type(doctype, field, file))
        else:
            for field_rule in _rules_for(field):
                problem = field_rule(doctype, field, kind)
                if problem is not None:
                    found.append(_problem(doctype, file, *problem, field=field.fieldname))
    return found


def _rules_for(field: DocField) -> tuple[FieldRule, ...]:
    given = field.model_fields_set & _RULED
    if not given:
        return FIELD_RULES
    return FIELD_RULES + tuple(rule for attribute, rule in GIVEN_RULES if attribute in given)


def _problem(doctype: DocType, file: str, code: str, message: str, hint: str, field: str = "") -> Problem:
    return Problem(code=code, message=message, hint=hint, file=file, doctype=doctype.name, field=field)


def _unknown_type(doctype: DocType, field: DocField, file: str) -> Problem:
    nearest = nearest_types(field.fieldtype)
    meant = "Did you mean " + " or ".join(f'"{name}"' for name in nearest) + "?"
    return _problem(
        doctype,
        file,
        "FIELD_TYPE_UNKNOWN",
        f'{_of(doctype, field)} has the unknown type "{field.fieldtype}"',
        meant if nearest else "Known types: " + ", ".join(FIELD_TYPES) + ".",
        field.fieldname,
    )


def _of(doctype: DocType, field: DocField) -> str:
    return f'Field "{field.fieldname or field.label or ""}" of DocType "{doctype.name}"'


# One field: (code, message, hint) or None. Thirty thousand fields pass here at a start, so they are plain functions.

_Found: TypeAlias = tuple[str, str, str] | None
FieldRule: TypeAlias = Callable[[DocType, DocField, FieldType], _Found]


def fieldname_is_well_formed(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    name = field.fieldname
    if not name:
        if kind.name in _NAMELESS:
            return None
        return ("FIELDNAME_MISSING", f"{_of(doctype, field)} ({kind.name}) has no fieldname", 'Add "fieldname".')
    size = len(name) if name.isascii() else len(name.encode("utf-8", "replace"))
    if size <= _MAX_NAME_BYTES and name.isidentifier():
        return None
    if kind.name in _NAMELESS:
        return None  # it names nothing in a database
    suggestion = "".join(char if char.isalnum() else "_" for char in name.strip().lower())[:40]
    return (
        "FIELDNAME_ILL_FORMED",
        f"{_of(doctype, field)} has a name that is no fieldname",
        f"Letters, digits and underscores, no digit first, at most {_MAX_NAME_BYTES} bytes: for example "
        f'"{suggestion if suggestion.isidentifier() else "field_" + suggestion}".',
    )


def fieldname_is_free(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    if field.fieldname.lower() not in RESERVED_NAMES or kind.name in _NAMELESS:
        return None
    return (
        "FIELDNAME_RESERVED",
        f"{_of(doctype, field)} has a reserved name",
        f'Every table has or may get that column; call the field "{field.fieldname}_value", say.',
    )


def target_is_named(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    if not kind.target or (field.options and field.options.strip()):
        return None
    wanted = "the field that holds the DocType's name" if kind.name == "Dynamic Link" else "a DocType"
    return (
        "TARGET_MISSING",
        f'{_of(doctype, field)} is a {kind.name} without a target: "options" is empty',
        f'Put {wanted} into "options".',
    )


def length_is_sane(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    if field.length is None or 0 <= field.length <= _MAX_LENGTH:
        return None
    what = "negative" if field.length < 0 else "too large"
    return (
        "LENGTH_INVALID",
        f"{_of(doctype, field)} has a length that is {what}: {field.length}",
        f'Give a length from 1 to {_MAX_LENGTH}, or leave "length" out.',
    )


def precision_is_sane(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    if field.precision is None or 0 <= field.precision <= _MAX_PRECISION:
        return None
    return (
        "PRECISION_INVALID",
        f"{_of(doctype, field)} has a precision of {field.precision}",
        f'Give 0 to {_MAX_PRECISION} digits behind the point, or leave "precision" out.',
    )


def default_fits(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    if field.default is None or not kind.has_column:
        return None
    try:
        static_default(field)
    except Misfit as misfit:
        return (
            "DEFAULT_MISFIT",
            f"{_of(doctype, field)} ({kind.name}) has a default that does not fit: {_shown(field.default)}",
            f"It takes {misfit}.",
        )
    return None


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return f'"{text[:60]}"' + ("…" if len(text) > 60 else "")


def on_delete_is_known(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    rule = field.on_delete
    if rule is None or " ".join(rule.upper().split()) in _ON_DELETE:
        return None
    return (
        "ON_DELETE_UNKNOWN",
        f'{_of(doctype, field)} has the unknown on_delete rule "{rule}"',
        "Known rules: " + ", ".join(sorted(_ON_DELETE)) + ".",
    )


def policy_is_known(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    return _unknown_policy(_of(doctype, field), field.on_conversion_error)


def _unknown_policy(said: str, policy: str | None) -> _Found:
    if policy is None or policy in POLICIES:
        return None
    known = ", ".join(f'"{known}"' for known in POLICIES)
    return "CONVERSION_POLICY_UNKNOWN", f'{said} has the unknown on_conversion_error "{policy}"', f"Known: {known}."


def transform_is_one_expression(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    fault = where_fault(field.transform or "") if (field.transform or "").strip() else "it is empty"
    if field.transform is None or fault is None:
        return None
    said = f"{_of(doctype, field)} has a transform that is no single SQL expression: {fault}"
    return "TRANSFORM_INVALID", said, 'Give one expression over the fields of the row: {"sql": "trim(phone)"}.'


def column_is_there_for_unique(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    return _without_column(doctype, field, kind, "unique") if field.unique else None


def column_is_there_for_indexed(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    return _without_column(doctype, field, kind, "indexed") if field.wants_index and not field.unique else None


def _without_column(doctype: DocType, field: DocField, kind: FieldType, wish: str) -> _Found:
    if field.has_column:
        return None
    reason = "is virtual" if field.is_virtual else f"({kind.name}) keeps no value of its own"
    return (
        "INDEX_WITHOUT_COLUMN",
        f"{_of(doctype, field)} {reason}, so it cannot be {wish}",
        f'Take "{wish}" off the field.',
    )


def old_names_are_usable(doctype: DocType, field: DocField, kind: FieldType) -> _Found:
    for old in field.old_fieldname:
        fault = _name_fault(old)
        if fault:
            return (
                "OLD_NAME_INVALID",
                f"{_of(doctype, field)} has an old_fieldname that {fault}",
                "Give the name of the column as it was.",
            )
    return None


#: Rules of every field.
FIELD_RULES: tuple[FieldRule, ...] = (fieldname_is_well_formed, fieldname_is_free, target_is_named)

#: Rules of a field that gives the attribute; most fields give none of them.
GIVEN_RULES: tuple[tuple[str, FieldRule], ...] = (
    ("length", length_is_sane),
    ("precision", precision_is_sane),
    ("default", default_fits),
    ("on_delete", on_delete_is_known),
    ("on_conversion_error", policy_is_known),
    ("transform", transform_is_one_expression),
    ("unique", column_is_there_for_unique),
    ("indexed", column_is_there_for_indexed),
    ("search_index", column_is_there_for_indexed),
    ("old_fieldname", old_names_are_usable),
)
_RULED = frozenset(attribute for attribute, _ in GIVEN_RULES)


# One definition.


def _name_fault(name: str) -> str | None:
    if not name.strip():
        return "is empty"
    if name.isascii() and "\0" not in name:
        return None
    try:
        storable(name)
    except Misfit:
        return "holds NUL or half a character"
    return None


def names_are_usable(doctype: DocType, file: str) -> Iterator[Problem]:
    """Any text is a name of a DocType or table, but what SQLite cannot store or keeps for itself."""
    for what, name in (("name", doctype.name), ("table_name", doctype.table_name), ("modified", doctype.modified)):
        fault = None if name is None else _name_fault(name)
        if fault:
            yield _problem(
                doctype, file, "NAME_INVALID", f"The {what} of DocType {doctype.name!r} {fault}", f'Change "{what}".'
            )
    if doctype.table.lower().startswith("sqlite_"):
        yield _problem(
            doctype,
            file,
            "NAME_INVALID",
            f'The table "{doctype.table}" of DocType "{doctype.name}" has a name that SQLite keeps for itself',
            'Choose a table_name that does not begin with "sqlite_".',
        )
    for old in doctype.old_name:
        fault = _name_fault(old)
        if fault:
            yield _problem(
                doctype,
                file,
                "OLD_NAME_INVALID",
                f'DocType "{doctype.name}" has an old_name that {fault}',
                "Give the name of the DocType as it was.",
            )


def fieldnames_differ(doctype: DocType, file: str) -> Iterator[Problem]:
    """Case aside, for accented letters too: the next reader cannot tell them apart even where SQL can."""
    seen: dict[str, DocField] = {}
    for field in doctype.fields:
        if field.fieldname:
            first = seen.setdefault(field.fieldname.lower(), field)
            if first is not field:
                case = "" if first.fieldname == field.fieldname else f' and "{first.fieldname}", the same but for case'
                yield _problem(
                    doctype,
                    file,
                    "FIELDNAME_TWICE",
                    f'DocType "{doctype.name}" has two fields called "{field.fieldname}"{case}',
                    f"One is a {first.fieldtype}, the other a {field.fieldtype}: rename one of them.",
                    field.fieldname,
                )


def old_fieldnames_differ(doctype: DocType, file: str) -> Iterator[Problem]:
    """One old column can become only one new one."""
    claims: dict[str, str] = {}
    for field in doctype.fields:
        for old in field.old_fieldname:
            first = claims.setdefault(old.lower(), field.fieldname)
            if first != field.fieldname:
                yield _problem(
                    doctype,
                    file,
                    "OLD_FIELDNAME_TWICE",
                    f'Fields "{first}" and "{field.fieldname}" of DocType "{doctype.name}" both claim the old '
                    f'fieldname "{old}"',
                    "Only one of them can be the field under its new name.",
                    field.fieldname,
                )


def indexes_have_columns(doctype: DocType, file: str) -> Iterator[Problem]:
    """Every part of every index is a column, once, and the condition is one expression."""
    if not doctype.indexes:
        return
    known = [field for field in doctype.fields if field.fieldtype in FIELD_TYPES and field.fieldname]
    columns = {fold(column.name) for column in (*leading(doctype), *trailing(doctype, known))}
    columns |= {fold(field.fieldname) for field in known if field.has_column}
    columns |= {fold(field.fieldname) for field in doctype.fields if field.fieldtype not in FIELD_TYPES}
    fields = {fold(field.fieldname) for field in doctype.fields}
    for index in doctype.indexes:
        said = f'An index of DocType "{doctype.name}" ({", ".join(part.field for part in index.fields)})'
        for code, message, hint in _index_faults(index, columns, fields):
            yield _problem(doctype, file, code, f"{said} {message}", hint)


def _index_faults(index: DocIndex, columns: set[str], fields: set[str]) -> Iterator[tuple[str, str, str]]:
    if not index.fields:
        yield "INDEX_EMPTY", "names no field", 'List its fields in "fields".'
    for part in index.fields:
        if fold(part.field) in fields - columns:
            hint = "Index a field that keeps its value in the table."
            yield "INDEX_WITHOUT_COLUMN", f'names field "{part.field}", which has no column', hint
        elif fold(part.field) not in columns:
            yield "INDEX_FIELD_UNKNOWN", f'names an unknown field "{part.field}"', "Correct the name, or add the field."
    names = [fold(part.field) for part in index.fields]
    if len(set(names)) < len(names):
        yield "INDEX_FIELD_TWICE", "names a field twice", "Name each field once."
    fault = None if index.where is None else where_fault(index.where) or _name_fault(index.where)
    if fault:
        yield "INDEX_WHERE_INVALID", f"has a condition that is no single SQL expression: {fault}", 'Correct "where".'
    if index.name is not None and (_name_fault(index.name) or index.name.lower().startswith("sqlite_")):
        yield "NAME_INVALID", f"has an unusable name {index.name!r}", 'Leave "name" out, and one is made for it.'


def on_delete_of_doctype_is_known(doctype: DocType, file: str) -> Iterator[Problem]:
    rule = doctype.on_delete
    if rule is not None and " ".join(rule.upper().split()) not in _ON_DELETE:
        yield _problem(
            doctype,
            file,
            "ON_DELETE_UNKNOWN",
            f'DocType "{doctype.name}" has the unknown on_delete rule "{rule}"',
            "Known rules: " + ", ".join(sorted(_ON_DELETE)) + ".",
        )


def policy_of_doctype_is_known(doctype: DocType, file: str) -> Iterator[Problem]:
    found = _unknown_policy(f'DocType "{doctype.name}"', doctype.on_conversion_error)
    if found is not None:
        yield _problem(doctype, file, *found)


def kinds_agree(doctype: DocType, file: str) -> Iterator[Problem]:
    """A Single has one row and no table, so it can be neither a child nor a tree."""
    if doctype.issingle and (doctype.istable or doctype.is_tree):
        other = "a child table" if doctype.istable else "a tree"
        yield _problem(
            doctype,
            file,
            "KINDS_DISAGREE",
            f'DocType "{doctype.name}" is both a Single and {other}',
            "Take one of the two flags away.",
        )
    parent = doctype.tree_parent
    if doctype.is_tree and (not parent.isidentifier() or fold(parent) in RESERVED_NAMES.union(TREE_NAMES)):
        yield _problem(
            doctype,
            file,
            "FIELDNAME_ILL_FORMED",
            f'DocType "{doctype.name}" is a tree whose parent field would be called "{parent}"',
            'Give a proper name in "nsm_parent_field".',
        )


RULES = (
    names_are_usable,
    fieldnames_differ,
    old_fieldnames_differ,
    indexes_have_columns,
    on_delete_of_doctype_is_known,
    policy_of_doctype_is_known,
    kinds_agree,
)
