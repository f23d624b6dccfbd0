"""What would change, told before it does: the reports of a difference and of a dry run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.plan import Cost, Estimate, Finding, Loss, Severity, Statement, Step
from sodaf_migrate.report.lines import Style, counted, duration, in_step, size
from sodaf_migrate.report.sections import Entry, Note, Page, Report, Section
from sodaf_migrate.report.words import kept, likely_rename, sign, words
from sodaf_migrate.results import DataLossRisk, DryRunResult, RollbackInfo

__all__ = ["diff_report", "dry_run_report", "findings_section", "loss_words", "refill_words", "risk_entry"]

_COST = {
    Cost.INSTANT: "no row is touched",
    Cost.SCAN: "rows are read, none is written",
    Cost.IN_PLACE: "rows are updated where they are",
    Cost.REBUILD: "the table is copied",
}
#: Findings that say what ``kept`` and ``likely_renames`` of the diff say: these have a part of their own.
_TOLD_APART = frozenset({"KEPT_FOREIGN", "KEPT_REMOVED_FIELD", "KEPT_REMOVED_TABLE", "LIKELY_RENAME"})
_SEVERITY: dict[Severity, Style] = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: ""}
#: A longer condition says nothing to a person.
_READABLE = 60
_SIGNS: dict[str, Style] = {"+": "good", "-": "bad", "~": "warn"}


def diff_report(diffs: Sequence[SchemaDiff], *, many: bool) -> Report:
    """The difference of one DocType, or of ``many``, where those in step share one line at the end."""
    told = [diff for diff in diffs if diff.has_changes or diff.kept or diff.likely_renames] if many else list(diffs)
    changed = sum(diff.has_changes for diff in diffs)
    quiet = [diff.doctype for diff in diffs if diff not in told]
    return Report(
        pages=tuple(map(_diff_page, told)),
        title=f"{changed} of {counted(len(diffs), 'DocType')} would change" if many else "",
        quiet=in_step(quiet) if quiet else "",
    )


def _diff_page(diff: SchemaDiff) -> Page:
    return Page(
        subject=diff.doctype,
        verdict=counted(len(diff.changes), "change") if diff.has_changes else "in step",
        style="title" if diff.has_changes else "good",
        sections=(Section(key="changes", entries=_changes(diff)), *_left_alone(diff)),
    )


def dry_run_report(results: Sequence[DryRunResult], *, many: bool, sql: bool) -> Report:
    """The dry run of one DocType, or of ``many``: those that would be refused first, those in step in one line."""
    if not many:
        return Report(pages=tuple(_page(result, sql=sql) for result in results))
    back = any(result.rollback_info is not None for result in results)
    told = list(results) if back else sorted(filter(_tells, results), key=lambda result: result.success)
    quiet = [result.doctype for result in results if result not in told]
    changed, refused = sum(result.changed for result in results), sum(not result.success for result in results)
    title = f"{changed} of {counted(len(results), 'DocType')} would change"
    if back:
        title = f"{counted(len(results), 'migration')} to take back, the newest first"
    title += f", {refused} would be refused" if refused else ""
    title += "; there is no database yet, a sync creates it" if any(result.new_database for result in results) else ""
    return Report(
        pages=tuple(_page(result, sql=sql, alone=False) for result in told),
        title=title,
        style="bad" if refused else "title",
        quiet=in_step(quiet) if quiet else "",
    )


def _tells(result: DryRunResult) -> bool:
    diff = result.diff
    left_alone = diff is not None and (diff.kept or diff.likely_renames)
    return bool(result.changed or not result.success or result.findings or left_alone)


def _page(result: DryRunResult, *, sql: bool, alone: bool = True) -> Page:
    """One DocType: what stands in the way, what changes and how, what was found, what stays, the SQL."""
    refused = [risk for risk in result.data_loss_risks if not risk.allowed]
    allowed = [risk for risk in result.data_loss_risks if risk.allowed]
    findings = [finding for finding in result.findings if finding.code not in _TOLD_APART]
    diff = result.diff
    return Page(
        subject=result.doctype + (f", back from {result.rollback_info.migration_id}" if result.rollback_info else ""),
        verdict=_verdict(result, alone=alone),
        style="bad" if not result.success else "title" if result.changed else "good",
        sections=(
            Section(key="error", entries=_error(result)),
            Section(key="refused", title="Refused unless allowed by name", entries=tuple(map(risk_entry, refused))),
            Section(key="allowed", title="Dangers that are allowed", entries=tuple(map(risk_entry, allowed))),
            Section(key="changes", title="Changes", entries=_changes(diff) if diff is not None else ()),
            Section(key="back", title="What comes back", entries=_returns(result)),
            Section(key="how", title=_how_title(result), entries=_how(result)),
            Section(key="backup", title="Only a backup can bring back", entries=_losses(result)),
            findings_section(findings),
            *(_left_alone(diff) if diff is not None else ()),
            *(_sql(result) if sql else ()),
        ),
    )


def _verdict(result: DryRunResult, *, alone: bool) -> str:
    if not result.changed:
        return "in step, nothing to do" if result.success else "would be refused"
    count = counted(len(result.diff.changes) if result.diff else len(result.sql), "change")
    new = "; there is no database yet, a sync creates it" if alone and result.new_database else ""
    if not result.success:
        dangers = len(result.refused_risks)
        why = f": {counted(dangers, 'danger')} not allowed" if dangers else ""
        return f"{count}, would be refused{why}{new}"
    time = f", about {duration(result.estimated_time)}" if result.estimated_time else ""
    return f"{count}, would be {'taken back' if result.rollback_info else 'made'}{time}{new}"


def _error(result: DryRunResult) -> tuple[Entry, ...]:
    if result.error is None or result.refused_risks:  # the dangers say it better, one by one
        return ()
    notes = (Note(f"hint: {result.error.hint}"),) if result.error.hint else ()
    return (Entry(mark="error:", text=result.error.message, style="bad", notes=notes),)


def risk_entry(risk: DataLossRisk) -> Entry:
    """One danger with its rows, samples, and the option that accepts it."""
    rows = "" if risk.affected_rows is None else f" ({counted(risk.affected_rows, 'row')})"
    notes = [Note("such as " + ", ".join(risk.samples))] if risk.samples else []
    ways = (*risk.mitigations,) or ((f"allow it by name: {risk.allow}",) if risk.allow else ())
    if not risk.allowed:
        notes += [Note(way.replace("allow it by name: ", "--allow "), "code") for way in ways]
    text = f"{risk.target}: {risk.description}{rows}"
    return Entry(mark=risk.code, text=text, style="warn" if risk.allowed else "bad", notes=tuple(notes))


def findings_section(findings: Iterable[Finding]) -> Section:
    """What the rules have to say, errors first."""
    order = list(Severity)
    found = sorted(findings, key=lambda finding: -order.index(finding.severity))
    return Section(key="findings", title="Findings", entries=tuple(map(_finding, found)))


def _finding(finding: Finding) -> Entry:
    unsaid = finding.rows is not None and f"{finding.rows}" not in finding.message
    rows = f" ({counted(finding.rows or 0, 'row')})" if unsaid else ""
    return Entry(
        mark=f"{finding.severity.value} {finding.code}",
        text=f"{finding.target}: {finding.message}{rows}",
        style=_SEVERITY[finding.severity],
        notes=(Note(finding.hint),) if finding.hint else (),
    )


def _changes(diff: SchemaDiff) -> tuple[Entry, ...]:
    found = [(sign(change), words(change, diff.doctype)) for change in diff.changes]
    return tuple(Entry(mark=mark, text=text, style=_SIGNS[mark]) for mark, text in found)


def _returns(result: DryRunResult) -> tuple[Entry, ...]:
    """What a rollback brings back from the backup of its migration, and what its plan does not say."""
    if result.rollback_info is None:
        return ()
    told = {finding.message for finding in result.findings}
    notes = [Entry(text=text, style="warn") for text in result.warnings if text not in told]
    return (*(Entry(text=text) for text in refill_words(result.rollback_info)), *notes)


def refill_words(info: RollbackInfo) -> tuple[str, ...]:
    """What comes back from a backup, and what does not, with the reason; () where nothing of it is in one."""
    words = [f"{counted(info.refilled_rows, 'value or row', 'values or rows')} from the backup"]
    words += [f"{counted(info.conflicts, 'row')} changed since, kept as they are"] if info.conflicts else []
    words += [f"{counted(info.gone, 'value')} of rows that are gone"] if info.gone else []
    return tuple(words) if info.refilled_rows or len(words) > 1 else ()


def _how_title(result: DryRunResult) -> str:
    if result.plan is None:
        return ""
    parts = [_COST[result.plan.cost]]
    parts += [f"about {counted(result.estimated_affected_rows, 'row')}"] if result.estimated_affected_rows else []
    if result.estimated_time:
        source = f" ({result.estimated_from})" if result.estimated_from else ""
        parts.append(f"{duration(result.estimated_time)}{source}")
    parts += [f"{size(result.extra_disk)} of disk meanwhile"] if result.extra_disk else []
    return f"How, the cheapest safe way: {', '.join(parts)}"


def _how(result: DryRunResult) -> tuple[Entry, ...]:
    steps = result.plan.steps if result.plan is not None else ()
    found = [_step(step, estimate) for step, estimate in zip_longest(steps, result.estimates[: len(steps)])]
    if result.uninterruptible_time >= 1:
        text = f"of it, {duration(result.uninterruptible_time)} cannot be interrupted (DROP TABLE, COMMIT)"
        found.append(Entry(text=text))
    return tuple(found)


def _step(step: Step, estimate: Estimate | None) -> Entry:
    notes = []
    if estimate is not None and estimate.rows:
        weight = f"{counted(estimate.rows, 'row')}, {size(estimate.bytes)}, {duration(estimate.seconds)}"
        notes.append(Note(weight, "quiet"))
    if step.irreversible:
        notes.append(Note(f"not undone by a rollback: {step.irreversible}", "warn"))
    text = step.title + (f": {step.reason}" if step.reason else "")
    return Entry(mark=f"[{step.cost.value}]", text=text, notes=tuple(notes))


def _losses(result: DryRunResult) -> tuple[Entry, ...]:
    return tuple(Entry(text=loss_words(loss)) for loss in result.losses)


def loss_words(loss: Loss) -> str:
    """What only a backup can bring back, in words."""
    what = ", ".join(f'"{name}"' for name in loss.columns)
    text = f'the values of {what} in "{loss.table}"' if what else f'the rows of "{loss.table}"'
    if len(loss.where) > _READABLE:
        return f"{text} that the change alters"
    return f"{text} where {loss.where}" if loss.where else text


def _left_alone(diff: SchemaDiff) -> tuple[Section, ...]:
    renames = [likely_rename(rename, diff.doctype) for rename in diff.likely_renames]
    perhaps = tuple(
        Entry(text=said, style="warn", notes=(Note(f"declare it: {line}", "code"),)) for said, line in renames
    )
    stays = tuple(Entry(text=kept(item, diff.doctype)) for item in diff.kept)
    return (
        Section(key="renames", title="Perhaps a rename", entries=perhaps),
        Section(key="kept", title="Kept as it is", entries=stays),
    )


def _sql(result: DryRunResult) -> tuple[Section, ...]:
    up, down = [Statement(sql=sql) for sql in result.sql], [Statement(sql=sql) for sql in result.rollback_sql]
    if result.plan is not None:
        up = [statement for step in result.plan.steps for statement in step.up]
        down = [statement for step in reversed(result.plan.steps) for statement in step.down]
    return (
        Section(key="sql", title="SQL", code=tuple(map(_spelled, up))),
        Section(key="way_back", title="SQL of the way back", code=tuple(map(_spelled, down))),
    )


def _spelled(statement: Statement) -> str:
    """A statement, or in words what a check makes sure of: its query is long and changes nothing."""
    if statement.check:
        return f"-- checked here, else rolled back: {' '.join(statement.check.split())}"
    return statement.sql.rstrip().rstrip(";") + ";"
