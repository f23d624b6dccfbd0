"""Which values a change of declared type would alter, as SQL conditions over the stored values.

The rules are SQLite's own (datatype3.html, "Type Affinity" and "Column Affinity Conversion"; stricttables.html): a
copy into a column of another affinity converts text that looks like a number, renders numbers as text, and leaves
alone what does not convert.
"""

from __future__ import annotations

from sodaf_migrate.dialects.sqlite.types import affinity

__all__ = ["altered", "misfits", "not_back", "stored_as", "taken_as"]


#: The least whole number: as a double it is exact, and yet no numeric column makes it whole again.
_LEAST = "(-9223372036854775807 - 1)"


def altered(
    column: str, old_type: str, new_type: str, *, strict: tuple[bool, bool] = (False, False), words: bool = True
) -> str | None:
    """A condition that is true for stored values that the new type would not give back as they were.

    ``column`` is the quoted column; ``strict`` says whether the table was and will be STRICT. None when no value can
    be concerned: both types have one affinity, or the new one converts nothing. A text that is no number keeps its
    place in a numeric column, and counts unless ``words`` is False: the field's new type is not what its value is.
    """
    before, after = affinity(old_type, strict=strict[0]), affinity(new_type, strict=strict[1])
    if before == after or after == "BLOB":
        return None
    if after == "TEXT":
        # 3.40 and 3.54 render some reals with different digits; only those that read back equal are safe.
        return f"typeof({column}) = 'real' AND CAST(CAST({column} AS TEXT) AS REAL) <> {column}"
    number = f"CAST({column} AS NUMERIC)"
    text = f"typeof({column}) = 'text'" if words else _is_number(column)
    if after == "REAL":
        whole = (
            f"typeof({number}) = 'integer' AND CAST({number} AS TEXT) = {column} AND CAST({number} AS REAL) = {number}"
        )
        changed = f"{_no_real(column)} AND NOT ({whole})"
        return f"({text} AND {changed}) OR (typeof({column}) = 'integer' AND CAST({column} AS REAL) <> {column})"
    # The column makes a real of any size whole where it can, which CAST does with small ones alone.
    whole = f"typeof({number}) = 'real' AND CAST({number} AS INTEGER) = {number}"
    return f"{text} AND (CAST({number} AS TEXT) <> {column} OR ({whole}))"


def _is_number(column: str) -> str:
    # The comparison gives the text numeric affinity, as a numeric column does.
    return f"typeof({column}) = 'text' AND {column} = CAST({column} AS NUMERIC)"


def _no_real(column: str) -> str:
    return f"CAST(CAST({column} AS REAL) AS TEXT) <> {column}"


def not_back(column: str, old_type: str, new_type: str, *, strict: tuple[bool, bool] = (False, False)) -> str | None:
    """A condition that is true for values that the old type would not bring back from what the new one makes of them.

    A column without affinity converts nothing, so there every value is lost that takes another storage class; None
    when no value can be concerned.
    """
    before, after = affinity(old_type, strict=strict[0]), affinity(new_type, strict=strict[1])
    if before not in ("BLOB", after) and after == "REAL":
        back = f"CAST({column} AS REAL) <> {column} OR {column} = {_LEAST}"
        return f"({_is_number(column)} AND {_no_real(column)}) OR (typeof({column}) = 'integer' AND ({back}))"
    if before != "BLOB" or after == "BLOB":
        return altered(column, old_type, new_type, strict=strict, words=False)
    if after == "TEXT":
        return f"typeof({column}) IN ('integer', 'real')"
    moved = "'integer'" if after == "REAL" else f"'real' AND {column} = CAST({column} AS INTEGER)"
    return f"({_is_number(column)}) OR (typeof({column}) = {moved})"


def taken_as(column: str, new_type: str, *, strict: bool = False) -> str:
    """What a column of the new type holds once it was given the value of ``column``, for a comparison with it.

    Beside a column SQLite converts texts by its affinity, but leaves a whole number whole that a REAL column rounded.
    """
    if affinity(new_type, strict=strict) != "REAL":
        return column
    number = f"typeof({column}) = 'integer' OR ({_is_number(column)})"
    return f"CASE WHEN {number} THEN CAST({column} AS REAL) ELSE {column} END"


def stored_as(column: str, old_type: str, new_type: str, *, strict: tuple[bool, bool] = (False, False)) -> str | None:
    """What a column of the new type makes of the value of ``column``, to be compared with another such; None where
    every value stays what it is."""
    before, after = affinity(old_type, strict=strict[0]), affinity(new_type, strict=strict[1])
    if before == after or after == "BLOB":
        return None
    if after == "REAL":
        return taken_as(column, new_type, strict=strict[1])
    if after == "TEXT":
        return f"CASE WHEN typeof({column}) IN ('integer', 'real') THEN CAST({column} AS TEXT) ELSE {column} END"
    return f"CASE WHEN {_is_number(column)} THEN CAST({column} AS NUMERIC) ELSE {column} END"


def misfits(column: str, new_type: str) -> str | None:
    """A condition that is true for values that a column of a STRICT table would refuse; None for ANY."""
    kind = new_type.upper()
    if kind == "ANY":
        return None
    if kind == "BLOB":
        return f"typeof({column}) NOT IN ('blob', 'null')"
    if kind == "TEXT":
        return f"typeof({column}) = 'blob'"
    # The comparison gives the text numeric affinity, which is just what the column would do; CAST takes any prefix.
    number = f"typeof({column}) = 'text' AND {column} <> CAST({column} AS NUMERIC)"
    if kind == "REAL":
        return f"typeof({column}) = 'blob' OR ({number})"
    fraction = f"typeof({column}) = 'real' AND CAST({column} AS INTEGER) <> {column}"
    text_fraction = f"typeof({column}) = 'text' AND typeof(CAST({column} AS NUMERIC)) <> 'integer'"
    return f"typeof({column}) = 'blob' OR ({number}) OR ({fraction}) OR ({text_fraction})"
