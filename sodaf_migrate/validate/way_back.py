"""ROLLBACK_POSSIBILITY: what of a plan cannot come back, or only with a backup."""

from __future__ import annotations

from collections.abc import Iterable

from sodaf_migrate.plan import Cost, Finding, Severity, Step
from sodaf_migrate.schema.model import fold
from sodaf_migrate.validate.look import Look

__all__ = ["rollback_possibility"]


def rollback_possibility(look: Look) -> Iterable[Finding]:
    """Each step has a way back or says what does not come back; what needs a backup is named."""
    losing = [step for step in look.plan.steps if any("" in loss.became or not loss.columns for loss in step.losses)]
    if losing and not any(step.irreversible for step in look.plan.steps):
        yield _finding(
            "WAY_BACK_MISSING",
            Severity.ERROR,
            losing[0],
            f'step "{losing[0].title}" loses {_lost(losing[0])}, and no step says that it cannot come back',
            "Make the plan again; if it was made by this version, please report it.",
        )
    for step in look.plan.steps:
        brings_rows = look.plan.temporary and step.cost is Cost.IN_PLACE  # from a backup, and planned anew next time
        if step.up and not step.down and not step.irreversible and not brings_rows:
            yield _finding(
                "WAY_BACK_MISSING",
                Severity.ERROR,
                step,
                f'step "{step.title}" has no way back and does not say why',
                "Make the plan again; if it was made by this version, please report it.",
            )
        if step.irreversible:
            yield _finding(
                "WAY_BACK_NEEDS_BACKUP",
                Severity.INFO,
                step,
                f"only a backup brings back {step.irreversible}",
                "",
            )
    yield from _rowids(look)


def _rowids(look: Look) -> Iterable[Finding]:
    """Rowids are in no backup: rows are found again by their keys, and those that had none are numbered anew."""
    diff = look.plan.diff
    if diff.is_reverse:
        return
    gone = {fold(c.table): c.table for c in diff.options if c.option == "without_rowid" and c.new}
    for key in diff.primary_keys:
        if key.new is not None and key.new.rowid_alias and not (key.old is not None and key.old.rowid_alias):
            gone[fold(key.table)] = key.table
    for table in gone.values():
        yield Finding(
            code="ROWIDS_GO",
            severity=Severity.WARNING,
            target=table,
            message=f'the rowids of "{table}" go, and a rollback does not bring them back: it numbers the rows anew',
            hint="It matters only where something outside of the database refers to rows by rowid.",
        )


def _finding(code: str, severity: Severity, step: Step, message: str, hint: str) -> Finding:
    return Finding(code=code, severity=severity, target=step.target, message=message, hint=hint)


def _lost(step: Step) -> str:
    return ", ".join(f'{", ".join(loss.columns) or "rows"} of "{loss.table}"' for loss in step.losses)
