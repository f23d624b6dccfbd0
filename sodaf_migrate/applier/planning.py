"""From a comparison to a plan: ask the rows, weigh the answers, find the steps, say what is dangerous."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sodaf_migrate import __version__
from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.compare.engine import Comparison
from sodaf_migrate.compare.names import constraint_name, object_names
from sodaf_migrate.dialects.sqlite.census import questions, take_census
from sodaf_migrate.dialects.sqlite.names import literal
from sodaf_migrate.dialects.sqlite.planner import make_plan
from sodaf_migrate.dialects.sqlite.refill import Refill
from sodaf_migrate.dialects.sqlite.settle import Manner, Verdict, settle
from sodaf_migrate.dialects.sqlite.statistics import counted, statistics_tables
from sodaf_migrate.dialects.sqlite.transform import check_expressions, refuse_faults
from sodaf_migrate.errors import (
    DataLossRiskError,
    DiskFullError,
    MigrationError,
    StalePlanError,
    UnsupportedChangeError,
)
from sodaf_migrate.options import SyncOptions
from sodaf_migrate.plan import Finding, Hazard, Plan, Severity
from sodaf_migrate.results import DataLossRisk
from sodaf_migrate.schema.model import ObjectName, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Planning", "is_older", "refuse", "risks_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """Makes plans for one open database; ``whole`` where the wish is plain SQL."""

    wire: Wire
    options: SyncOptions
    whole: bool = False
    edits: bool = True  # False where a catalogue edit was found not to be safe
    backups: bool = False  # what is about to be lost will be backed up first
    refills: tuple[Refill, ...] = ()
    analysed: Sequence[Sequence[str | None]] = ()  # what ANALYZE had found before the migration that is taken back
    proved: Callable[[Plan, Comparison, Verdict], Plan] = lambda plan, comparison, verdict: plan

    def plan(self, comparison: Comparison, *, version: str, digest: str | None = None) -> Plan:
        """The plan for a comparison, with its hazards, findings and guards. Nothing is written.

        ``version`` and ``digest`` are those of the definition.
        """
        said = (
            *_kept_findings(comparison),
            *_rename_findings(comparison),
            *_late_renames(comparison, self.options.renames),
        )
        if self.options.keep_newer:
            said = (*_older(comparison, version, digest), *said)
        said = (*said, *_unused_transformers(comparison))
        fields = {"fields": dict(comparison.fields)}
        if not comparison.diff.has_changes:
            doctype = comparison.diff.doctype
            return Plan(doctype=doctype, version=version, diff=comparison.diff, findings=said, details=fields)
        refuse_taken_names(self.wire, comparison.diff)
        verdict = self.verdict(comparison)
        applied = comparison.memory.version
        if applied and _is_earlier(version, applied):
            verdict = _downgraded(verdict, version, applied)
        plan = make_plan(
            comparison.live,
            verdict,
            version=version,
            on_connect=self.wire.on_connect,
            statistics=statistics_tables(self.wire),
            analysed=self.analysed,
            edits=self.edits and self.wire.catalogue_is_open(),
            sqlite_version=self.options.sqlite_version,
        )
        owns, disowns = _ownership(comparison)
        declared = [list(rename) for rename in comparison.declared]
        applied_as = {
            "declared": declared,
            "spent": [list(one) for one in comparison.spent],
            "engine": __version__,
            "doctype_digest": digest,
        }
        details = {**plan.details, **fields, **applied_as, "analysed": counted(self.wire, plan.scope)}
        plan = replace(plan, owns=owns, disowns=disowns, findings=(*plan.findings, *said), details=details)
        return self.proved(plan, comparison, verdict)

    def verdict(self, comparison: Comparison) -> Verdict:
        """What of the diff can be made now, by the census."""
        diff = comparison.diff
        check_expressions(comparison.live, diff, self.wire.on_connect)
        refuse_faults(self.wire, comparison.live, diff)
        census = take_census(
            self.wire, questions(comparison.live, diff, allows=self.options.allows, refills=self.refills)
        )
        manner = Manner(whole=self.whole, backups=self.backups, owned=comparison.memory.owned, refills=self.refills)
        return settle(comparison.live, diff, census, allows=self.options.allows, manner=manner)


#: As many names as are worth a list in a query.
_FEW = 100


def refuse_taken_names(wire: Wire, diff: SchemaDiff) -> None:
    """Raise UnsupportedChangeError when something that stays has the name of a table or index that shall come.

    Tables, views, virtual tables and indexes share one set of names in a database.
    """
    changes: list[Any] = [*diff.tables, *diff.indexes, *diff.views, *diff.virtual_tables]
    pairs = [(change.old, change.new) for change in changes]
    leaving = {fold(old.name) for old, _ in pairs if old is not None}
    coming = {fold(new.name): new.name for _, new in pairs if new is not None and fold(new.name) not in leaving}
    kinds = "iif(type = 'table' AND rootpage = 0, 'virtual table', type)"
    taken = f"SELECT {kinds}, name, tbl_name FROM main.sqlite_schema WHERE type <> 'trigger'"
    if len(coming) <= _FEW:  # of a large database only those are fetched
        taken += f" AND name COLLATE NOCASE IN ({', '.join(map(literal, coming))})"
    for kind, name, home in wire.query(taken) if coming else ():
        if fold(name) in coming:
            what = f'an index on "{home}"' if kind == "index" else f"a {kind} that is not ours"
            raise UnsupportedChangeError(
                f'"{diff.doctype}" needs the name "{coming[fold(name)]}", but {what} has it already',
                hint="Rename or drop that one, or give the DocType another table_name (see docs/refusals.md).",
            )


#: Findings that are no fault of the plan, and the error of each.
_RAISED: dict[str, type[MigrationError]] = {
    "PLAN_STALE": StalePlanError,
    "GUARD_BROKEN": StalePlanError,
    "DISK_SPACE_SHORT": DiskFullError,
}


def refuse(plan: Plan, options: SyncOptions, *, back: bool = False) -> None:
    """Raise for what stands in a plan's way: DataLossRiskError for hazards, UnsupportedChangeError for errors, but
    StalePlanError for a plan of other times and DiskFullError for a full disk. ``back``: it takes a migration back."""
    subject = f'The migration of "{plan.doctype}"' if back else f'"{plan.doctype}"'
    done = "taken back" if back else "changed"
    errors = [finding for finding in plan.findings if finding.severity is Severity.ERROR]
    for finding in errors:
        if finding.code in _RAISED:
            codes = [error.code for error in errors]
            raise _RAISED[finding.code](finding.message, hint=finding.hint, details={"findings": codes})
    if errors:
        raise UnsupportedChangeError(
            f"{subject} cannot be {done}: " + "; ".join(finding.message for finding in errors),
            hint=errors[0].hint,
            details={"findings": [finding.code for finding in errors]},
        )
    refused = [hazard for hazard in plan.hazards if not options.allows(hazard.name, hazard.doctype, hazard.column)]
    if refused:
        risks = risks_of(refused, options)
        allow = " ".join(dict.fromkeys(f"--allow {hazard.allow}" for hazard in refused))
        raise DataLossRiskError(
            f"{subject} is not {done}, for data would be lost: " + "; ".join(map(str, refused)),
            risks=risks,
            hint=f"Look at it with a dry run. To accept it: {allow}",
        )


def risks_of(hazards: Iterable[Hazard], options: SyncOptions) -> tuple[DataLossRisk, ...]:
    """The hazards as callers see them, each saying whether this call allows it."""
    return tuple(
        DataLossRisk.from_hazard(hazard, allowed=options.allows(hazard.name, hazard.doctype, hazard.column))
        for hazard in hazards
    )


def _is_stamp(version: str) -> bool:
    """Whether a version is a time ("2026-01-31 12:00:00…") and so can be older than another."""
    return version[:4].isdigit() and version[4:5] == "-"


def _is_earlier(version: str, applied: str) -> bool:
    return _is_stamp(version) and _is_stamp(applied) and version < applied


def is_older(plan: Plan) -> bool:
    """Whether the definition behind the plan was found to be older than the one that is applied."""
    return any(finding.code == "OLDER_DEFINITION" for finding in plan.findings)


def _older(comparison: Comparison, version: str, digest: str | None) -> Iterable[Finding]:
    """That a worker which still has an earlier definition must not undo what a newer one applied.

    Stamps decide where both definitions have one; else history, which knows what was applied before.
    """
    memory = comparison.memory
    stamped = memory.version is not None and _is_stamp(version) and _is_stamp(memory.version)
    if memory.version is not None and (
        _is_earlier(version, memory.version) if stamped else digest in memory.superseded
    ):
        doctype = comparison.diff.doctype
        yield Finding(
            code="OLDER_DEFINITION",
            severity=Severity.WARNING,
            target=doctype,
            message=f'the definition of "{doctype}" ({version}) is older than the one applied ({memory.version})',
            hint="Bring the definitions up to date; to go back to the older one on purpose, use sync.",
        )


def _downgraded(verdict: Verdict, version: str, applied: str) -> Verdict:
    hazard = Hazard(
        name="downgrade",
        doctype=verdict.diff.doctype,
        column=None,
        message=f"the definition of {version} is older than the one applied ({applied})",
    )
    return replace(verdict, hazards=(*verdict.hazards, hazard))


def _ownership(comparison: Comparison) -> tuple[tuple[ObjectName, ...], tuple[ObjectName, ...]]:
    """What is ours once the plan is applied, and what history called ours and the plan takes away or renames."""
    diff = comparison.diff
    left = {fold(change.old.name) for change in diff.tables if change.old is not None}
    gone = {name for name in comparison.memory.owned if name.table in left}
    for column in diff.columns:
        if column.old is not None and (column.new is None or fold(column.new.name) != fold(column.old.name)):
            gone.add(ObjectName("column", fold(column.table), fold(column.old.name)))
    # In a swap or a chain the name of one column is what another is called from now on.
    gone -= {ObjectName("column", fold(c.table), fold(c.new.name)) for c in diff.renamed_columns if c.new is not None}
    things: list[tuple[str, Any]] = [("index", change) for change in diff.indexes]
    things += [("view", change) for change in diff.views] + [("trigger", change) for change in diff.triggers]
    for kind, change in things:
        if change.old is not None and (change.new is None or fold(change.new.name) != fold(change.old.name)):
            gone.add(ObjectName(kind, fold(getattr(change.old, "table", change.old.name)), fold(change.old.name)))
    constraints: list[Any] = [*diff.uniques, *diff.foreign_keys, *diff.checks]
    gone |= {constraint_name(change.table, change.old) for change in constraints if change.old is not None}
    after = object_names(comparison.wish) | (comparison.memory.owned - gone)
    return tuple(sorted(after)), tuple(sorted(gone - after))


def _kept_findings(comparison: Comparison) -> Iterable[Finding]:
    words = {"removed_field": "is no longer in the definition", "removed_table": "is no longer in the wish"}
    for kept in comparison.diff.kept:
        if kept.reason in words:
            name = kept.name
            yield Finding(
                code="KEPT_REMOVED_FIELD" if kept.reason == "removed_field" else "KEPT_REMOVED_TABLE",
                severity=Severity.INFO,
                target=f"{name.table}.{name.name}" if name.kind == "column" else name.name,
                message=f'{name.kind} "{name.name}" {words[kept.reason]}; it is kept with its values',
                hint="Allow drop_column (or drop_table) to let it go.",
            )
        else:
            yield Finding(
                code="KEPT_FOREIGN",
                severity=Severity.INFO,
                target=f"{kept.name.table}.{kept.name.name}",
                message=f'{kept.name.kind.replace("_", " ")} "{kept.name.name}" is not ours and stays as it is',
            )


def _rename_findings(comparison: Comparison) -> Iterable[Finding]:
    for table, old, new in comparison.diff.likely_renames:
        yield Finding(
            code="LIKELY_RENAME",
            severity=Severity.WARNING,
            target=f"{table}.{new}",
            message=f'"{old}" goes and "{new}" of the same type comes: was it renamed?',
            hint=f'If so, add "old_fieldname": "{old}" to the field "{new}".',
        )


def _unused_transformers(comparison: Comparison) -> Iterable[Finding]:
    for key in comparison.unused:
        yield Finding(
            code="TRANSFORMER_UNUSED",
            severity=Severity.WARNING,
            target=key,
            message=f'the transformer of "{key}" has nothing to do: the field is not new and does not change its type',
            hint="Leave it out; values of a field that keeps its type are changed with a hook.",
        )


def _late_renames(comparison: Comparison, asked: Mapping[str, str]) -> Iterable[Finding]:
    """Renames that were said too late: the new column is there already, and the old one still has its values."""
    now = {(fold(c.table), fold(c.old.name), fold(c.new.name)) for c in comparison.diff.columns if c.old and c.new}
    called = [(table.name, old, new) for table in comparison.wish.tables[:1] for old, new in asked.items()]
    for home, old, new in dict.fromkeys((*comparison.declared, *called)):
        there = comparison.live.table(home)
        if there is None or (home, old, new) in comparison.memory.renames or (fold(home), fold(old), fold(new)) in now:
            continue
        if there.column(old) is not None and there.column(new) is not None:
            yield Finding(
                code="RENAME_TARGET_EXISTS",
                severity=Severity.WARNING,
                target=f"{home}.{new}",
                message=f'"{old}" is not renamed to "{new}": both columns exist; neither is touched',
                hint=f'Move the values of "{old}" yourself before anything drops it.',
            )
