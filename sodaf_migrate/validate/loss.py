"""DATA_LOSS_RISK: what of the rows is not as it was, and whether somebody was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sodaf_migrate.dialects.sqlite.live_names import LiveNames
from sodaf_migrate.dialects.sqlite.samples import Sample
from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.schema.model import Table, fold
from sodaf_migrate.validate.look import Look

__all__ = ["data_loss_risk", "hazard_findings", "not_back"]


def data_loss_risk(look: Look) -> Iterable[Finding]:
    """Rows on the shadow that go or change although no hazard says so; hazards are allowed or refused by name."""
    trial = look.trial
    if trial.before is None or trial.after is None or not look.samples:
        return
    for sample in look.samples:
        yield from _compared(look, sample)
    for table, count in trial.left_behind:
        yield _finding(table, f'{count} rows of "{table}" would not follow the rename', count)


def hazard_findings(look: Look) -> Iterator[Finding]:
    """What the plan's hazards put at risk: a note where the call allows it, a warning where it does not."""
    for hazard in look.plan.hazards:
        allowed = look.allows(hazard.name, hazard.doctype, hazard.column)
        yield Finding(
            code="DATA_LOSS_RISK",
            severity=Severity.INFO if allowed else Severity.WARNING,
            target=hazard.doctype + (f".{hazard.column}" if hazard.column else ""),
            message=f"{hazard}" + (", as this call allows" if allowed else ""),
            hint="" if allowed else f"Look at those rows; to accept it: --allow {hazard.allow}",
            rows=hazard.rows,
        )


def _finding(table: str, message: str, rows: int | None = None) -> Finding:
    return Finding(
        code="ROWS_WOULD_CHANGE",
        severity=Severity.ERROR,
        target=table,
        message=f"{message}, and no hazard says so",
        hint="Make the plan again; if it was made by this version, please report it.",
        rows=rows,
    )


def _compared(look: Look, sample: Sample) -> Iterator[Finding]:
    """Rows of one table, before and after the way up, but for what the verdict says is lost or changed."""
    trial = look.trial
    assert trial.before is not None and trial.after is not None
    table = trial.before.schema.table(sample.table)
    before = trial.before.rows.get(fold(sample.table))
    if table is None or before is None or fold(table.name) in _moved_between(look):
        return
    later = _later_table(look, table.name)
    after, there = trial.after.rows.get(fold(later)), trial.after.schema.table(later)
    if any(c.new is None and c.old and fold(c.old.name) == fold(table.name) for c in look.plan.diff.tables):
        after = None  # another table may take its name
    gone, spoiled = _said_lost(look, table.name)
    if after is None or there is None:
        if not gone >= set(range(len(before.rows))):
            yield _finding(table.name, f'the rows of "{table.name}" would go', len(before.rows))
        return
    if (after.sequence or 0) < (before.sequence or 0):
        yield _finding(table.name, f'numbers that rows of "{table.name}" had would be given again')
    pairs = _columns(look, table, there, later)
    old = {place: row for place, row in enumerate(before.rows) if place not in gone}
    if any(not each.column and fold(each.table) == fold(later) for each in look.plan.temporary):
        after = _without_new(after, before)  # whole rows come back from a backup
    yield from _differences(table.name, pairs, spoiled, (before, old), after, _same_keys(look, table, there))


def _without_new(after: Sample, before: Sample) -> Sample:
    by_key = after.keys is not None and before.keys is not None
    known: set[Any] = set((before.keys if by_key else before.rows) or ())
    places = [place for place, one in enumerate((after.keys if by_key else after.rows) or ()) if one in known]
    keys = tuple(after.keys[place] for place in places) if after.keys is not None else None
    return replace(after, rows=tuple(after.rows[place] for place in places), keys=keys)


def _moved_between(look: Look) -> set[str]:
    """The tables, folded, between which rows of a DocType move that becomes a Single or is none any more."""
    return {fold(name) for change in look.plan.diff.moves for name in (change.table, change.singles)}


def _said_lost(look: Look, table: str) -> tuple[set[int], dict[str, set[int]]]:
    """The places of rows that go, and by folded column of those whose value changes, as the verdict has it."""
    gone: set[int] = set()
    spoiled: dict[str, set[int]] = {}
    for loss, places in look.trial.lost:
        if fold(loss.table) != fold(table):
            continue
        if not loss.columns:
            gone |= places
        for column in loss.columns:
            spoiled.setdefault(fold(column), set()).update(places)
    return gone, spoiled


def _later_table(look: Look, name: str) -> str:
    for change in look.plan.diff.tables:
        if change.old is not None and change.new is not None and fold(change.old.name) == fold(name):
            return change.new.name
    return name


def _columns(look: Look, before: Table, after: Table, later: str) -> list[tuple[str, str]]:
    """(before, after) for each column whose values have to arrive as they were."""
    diff = look.plan.diff
    names = LiveNames(look.live, diff)
    changes = {
        fold(names.column(change.table, change.old.name) or change.old.name): change
        for change in diff.columns
        if change.old is not None and fold(change.table) in (fold(later), fold(before.name))
    }
    followed = {fold(change.column) for change in diff.rows if fold(change.table) in (fold(later), fold(before.name))}
    followed |= {fold(each.column) for each in look.plan.temporary if fold(each.table) == fold(before.name)}
    renamed = {
        fold(change.old.name): change.new.name
        for change in diff.renamed_columns
        if change.old and change.new and fold(change.table) in (fold(later), fold(before.name))
    }
    found = []
    for column in before.columns:
        new_name = renamed.get(fold(column.name), column.name)
        new = after.column(new_name)
        if column.generated is not None or new is None or new.generated is not None or fold(new_name) in followed:
            continue
        change = changes.get(fold(column.name))
        if change is not None and (change.new is None or change.fields is not None):
            continue
        if new.type != column.type or before.strict != after.strict:
            continue
        found.append((column.name, new.name))
    return found


def _same_keys(look: Look, before: Table, after: Table) -> bool:
    """Whether a row is still found by its rowid."""
    if before.without_rowid or after.without_rowid:
        return False
    keys = [t.primary_key.columns if t.primary_key and t.primary_key.rowid_alias else () for t in (before, after)]
    return keys[0] == keys[1] or not keys[1]


def _differences(
    table: str,
    pairs: list[tuple[str, str]],
    spoiled: Mapping[str, set[int]],
    old: tuple[Sample, dict[int, Any]],
    new: Sample,
    by_key: bool,
) -> Iterator[Finding]:
    before, rows = old
    befores = [before.columns.index(name) for name, _ in pairs]
    afters = [new.columns.index(name) for _, name in pairs]
    masked = [spoiled.get(fold(name), set()) for name, _ in pairs]
    if by_key and before.keys is not None and new.keys is not None:
        arrived = dict(zip(new.keys, new.rows, strict=True))
        expected = {before.keys[place]: (place, row) for place, row in rows.items()}
        lost = [key for key in expected if key not in arrived]
        come = [key for key in arrived if key not in expected]
        if lost or come:
            yield _finding(
                table, f'{len(lost)} sample rows of "{table}" would go and {len(come)} come', len(lost) or None
            )
        for (name, _), b, a, places in zip(pairs, befores, afters, masked, strict=True):
            wrong = [
                key
                for key, (place, row) in expected.items()
                if key in arrived and place not in places and row[b] != arrived[key][a]
            ]
            if wrong:
                yield _finding(table, f'values of "{table}.{name}" would be others', len(wrong))
        return
    kept = [number for number, places in enumerate(masked) if not places]
    was = Counter(tuple(row[befores[n]] for n in kept) for row in rows.values())
    now = Counter(tuple(row[afters[n]] for n in kept) for row in new.rows)
    if was != now:
        count = max((was - now).total(), (now - was).total())
        yield _finding(table, f'{count} sample rows of "{table}" would be others', count)


def not_back(look: Look) -> Iterator[str]:
    """The tables whose sample rows are not what they were after the way up and down; what only a backup brings back,
    and what a rename of a key moved, aside."""
    before, back = look.trial.before, look.trial.back
    assert before is not None and back is not None
    if not look.trial.back_with_rows:
        return
    names = LiveNames(look.live, look.plan.diff)
    brought = {fold(each.table) for each in look.plan.temporary if each.is_rows}  # which go again, or stay
    converted = {
        fold(names.column(change.table, change.old.name) or "")
        for change in look.plan.diff.columns
        if change.old is not None and change.fields is not None  # converted by what the fields mean: not promised back
    }
    for table in before.schema.tables:
        was, now = before.rows.get(fold(table.name)), back.rows.get(fold(table.name))
        gone, spoiled = _said_lost(look, table.name)
        if was is None or now is None or gone or not was.rows or set(was.columns) != set(now.columns):
            continue
        if fold(table.name) in _moved_between(look) | brought:
            continue
        kept = [name for name in was.columns if fold(name) not in {*spoiled, *converted}]
        if _chosen(was, kept) != _chosen(now, kept):
            yield table.name


def _chosen(sample: Sample, columns: list[str]) -> Counter[Any]:
    places = [sample.columns.index(name) for name in columns]
    return Counter(tuple(row[place] for place in places) for row in sample.rows)
