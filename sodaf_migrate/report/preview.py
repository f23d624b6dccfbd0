"""What would change, told before it does: the reports of a difference and of a dry run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.plan import Cost, Finding, Plan, Severity, Statement
from sodaf_migrate.report.lines import Line, Style, counted, duration, heading, in_step
from sodaf_migrate.report.words import kept, likely_rename, sign, words
from sodaf_migrate.results import DataLossRisk, DryRunResult

__all__ = ["diff_lines", "diffs_lines", "dry_run_lines", "dry_runs_lines", "findings_lines", "risk_lines"]

_COST = {
    Cost.INSTANT: "no row is touched",
    Cost.SCAN: "rows are read, none is written",
    Cost.IN_PLACE: "rows are updated where they are",
    Cost.REBUILD: "the table is copied",
}
#: Findings that say what ``kept`` and ``likely_renames`` of the diff say: these have a part of their own.
_TOLD_APART = frozenset({"KEPT_FOREIGN", "KEPT_REMOVED_FIELD", "KEPT_REMOVED_TABLE", "LIKELY_RENAME"})
_SEVERITY: dict[Severity, Style] = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: ""}
_SIGNS: dict[str, Style] = {"+": "good", "-": "bad", "~": "warn"}


def diff_lines(diff: SchemaDiff) -> list[Line]:
    """One DocType's difference: what has to change, what looks like a rename, what is kept."""
    if not diff.has_changes:
        return [Line(f"{diff.doctype}: in step", "good"), *_likely_renames(diff), *_kept(diff)]
    title = Line(f"{diff.doctype}: {counted(len(diff.changes), 'change')}", "title")
    return [title, *_change_lines(diff), *_likely_renames(diff), *_kept(diff)]


def diffs_lines(diffs: Iterable[SchemaDiff]) -> list[Line]:
    """The differences of many DocTypes, those in step in one line at the end."""
    found = tuple(diffs)
    told = [diff for diff in found if diff.has_changes or diff.kept or diff.likely_renames]
    quiet = [diff.doctype for diff in found if diff not in told]
    changed = sum(diff.has_changes for diff in found)
    lines = [Line(f"{changed} of {counted(len(found), 'DocType')} would change", "title")]
    for diff in told:
        lines += [Line(), *diff_lines(diff)]
    return lines + _in_step(quiet)


def dry_run_lines(result: DryRunResult, *, sql: bool = True) -> list[Line]:
    """One DocType's dry run: what stands in the way, what changes and how, what stays, the SQL."""
    lines = [_headline(result)]
    if result.error is not None and not result.refused_risks:  # the dangers say it better, one by one
        lines += [Line(f"error: {result.error.message}", "bad", 2)]
        lines += [Line(f"hint: {result.error.hint}", "", 2)] if result.error.hint else []
    lines += _risks(result.data_loss_risks)
    lines += findings_lines(finding for finding in result.findings if finding.code not in _TOLD_APART)
    if result.diff is not None:
        lines += [*heading("Changes"), *_change_lines(result.diff)] if result.diff.has_changes else []
        lines += _likely_renames(result.diff)
    lines += _how(result.plan)
    lines += _kept(result.diff) if result.diff is not None else []
    return lines + (_sql(result) if sql else [])


def dry_runs_lines(results: Iterable[DryRunResult], *, sql: bool = False) -> list[Line]:
    """The dry runs of many DocTypes: those that would be refused first, those in step in one line at the end."""
    found = tuple(results)
    quiet = [result.doctype for result in found if not _tells(result)]
    told = sorted(filter(_tells, found), key=lambda result: result.success)
    changed = sum(result.changed for result in found)
    title = f"{changed} of {counted(len(found), 'DocType')} would change"
    refused = sum(not result.success for result in found)
    lines = [Line(title + (f", {refused} would be refused" if refused else ""), "bad" if refused else "title")]
    for result in told:
        lines += [Line(), *dry_run_lines(result, sql=sql)]
    return lines + _in_step(quiet)


def risk_lines(risk: DataLossRisk) -> list[Line]:
    """One danger with its rows, samples, and the option that accepts it."""
    rows = "" if risk.affected_rows is None else f" ({counted(risk.affected_rows, 'row')})"
    lines = [Line(f"{risk.code} {risk.target}: {risk.description}{rows}", "warn" if risk.allowed else "bad", 2)]
    if risk.samples:
        lines.append(Line("such as " + ", ".join(risk.samples), "", 4))
    ways = (*risk.mitigations,) or ((f"allow it by name: {risk.allow}",) if risk.allow else ())
    if not risk.allowed:
        lines += [Line(way.replace("allow it by name: ", "--allow "), "code", 4) for way in ways]
    return lines


def findings_lines(findings: Iterable[Finding]) -> list[Line]:
    """What the rules have to say, errors first."""
    order = list(Severity)
    found = sorted(findings, key=lambda finding: -order.index(finding.severity))
    lines = heading("Findings") if found else []
    for finding in found:
        unsaid = finding.rows is not None and str(finding.rows) not in finding.message
        rows = f" ({counted(finding.rows or 0, 'row')})" if unsaid else ""
        text = f"{finding.severity.value} {finding.code} {finding.target}: {finding.message}{rows}"
        lines.append(Line(text, _SEVERITY[finding.severity], 2))
        lines += [Line(finding.hint, "", 4, hang=0)] if finding.hint else []
    return lines


def _tells(result: DryRunResult) -> bool:
    diff = result.diff
    left_alone = diff is not None and (diff.kept or diff.likely_renames)
    return bool(result.changed or not result.success or result.findings or left_alone)


def _headline(result: DryRunResult) -> Line:
    if not result.changed and result.success:
        return Line(f"{result.doctype}: in step, nothing to do", "good")
    count = len(result.diff.changes) if result.diff else len(result.sql)
    cost = f", {_COST[result.plan.cost]}" if result.plan and result.plan.steps else ""
    rows = f", about {counted(result.estimated_affected_rows, 'row')}" if result.estimated_affected_rows else ""
    source = f" ({result.estimated_from})" if result.estimated_from else ""
    time = f", {duration(result.estimated_time)}{source}" if result.estimated_time else ""
    refused = "" if result.success else "; as it stands it would be refused"
    style: Style = "title" if result.success else "bad"
    return Line(f"{result.doctype}: {counted(count, 'change')}{cost}{rows}{time}{refused}", style)


def _risks(risks: tuple[DataLossRisk, ...]) -> list[Line]:
    refused = [risk for risk in risks if not risk.allowed]
    allowed = [risk for risk in risks if risk.allowed]
    lines = heading("Refused unless allowed by name") if refused else []
    for risk in refused:
        lines += risk_lines(risk)
    lines += heading("Dangers that are allowed") if allowed else []
    for risk in allowed:
        lines += risk_lines(risk)
    return lines


def _change_lines(diff: SchemaDiff) -> Iterator[Line]:
    for change in diff.changes:
        mark = sign(change)
        yield Line(f"{mark} {words(change, diff.doctype)}", _SIGNS[mark], 2)


def _how(plan: Plan | None) -> list[Line]:
    if plan is None or not plan.steps:
        return []
    lines = heading("How, the cheapest safe way")
    for step in plan.steps:
        lines.append(Line(f"[{step.cost.value}] {step.title}" + (f": {step.reason}" if step.reason else ""), "", 2))
        if step.irreversible:
            lines.append(Line(f"not undone by a rollback: {step.irreversible}", "warn", 4))
    return lines


def _likely_renames(diff: SchemaDiff) -> list[Line]:
    lines = heading("Perhaps a rename") if diff.likely_renames else []
    for rename in diff.likely_renames:
        said, line = likely_rename(rename, diff.doctype)
        lines += [Line(said, "warn", 2), Line(f"declare it: {line}", "code", 4)]
    return lines


def _kept(diff: SchemaDiff) -> list[Line]:
    lines = heading("Kept as it is") if diff.kept else []
    return lines + [Line(kept(item, diff.doctype), "", 2) for item in diff.kept]


def _sql(result: DryRunResult) -> list[Line]:
    if result.plan is None:
        return [*_statements("SQL", result.sql), *_statements("SQL of the way back", result.rollback_sql)]
    steps = result.plan.steps
    up = [_spelled(statement) for step in steps for statement in step.up]
    down = [_spelled(statement) for step in reversed(steps) for statement in step.down]
    return [*_statements("SQL", up), *_statements("SQL of the way back", down)]


def _spelled(statement: Statement) -> str:
    """A statement, or in words what a check makes sure of: its query is long and changes nothing."""
    return f"-- checked here, else rolled back: {statement.check}" if statement.check else statement.sql


def _statements(title: str, statements: Sequence[str]) -> Iterator[Line]:
    yield from heading(title) if statements else []
    for statement in statements:
        end = "" if statement.startswith("--") else ";"
        for row in (statement.rstrip().rstrip(";") + end).splitlines():
            yield Line(row, "code", 2, whole=True)


def _in_step(names: list[str]) -> list[Line]:
    return [Line(), Line(in_step(names), "good")] if names else []
