"""What was done: the reports of one sync, of a run over many DocTypes, and of an error."""

from __future__ import annotations

from collections.abc import Iterable

from sodaf_migrate.errors import DataLossRiskError, DefinitionError, MigrationError
from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.report.lines import Line, Style, counted, duration, table
from sodaf_migrate.report.preview import findings_section, refill_words
from sodaf_migrate.report.sections import section_lines
from sodaf_migrate.report.words import sign, words
from sodaf_migrate.results import BatchMigrationResult, DataLossRisk, MigrationResult

__all__ = ["batch_lines", "error_lines", "result_lines"]


def result_lines(result: MigrationResult) -> list[Line]:
    """One DocType's sync, applied migration or rollback."""
    if not result.success:
        lines = [Line(f"{result.doctype}: {result.status}; schema and rows are as before", "bad")]
        lines += error_lines(result.error, indent=2) if result.error else []
        return lines + ([] if result.error else [Line(error, "bad", 2) for error in result.errors])
    lines = [_headline(result)]
    if result.diff is not None:
        lines += [Line(f"{sign(change)} {words(change, result.doctype)}", "", 2) for change in result.diff.changes]
    if result.rollback_info is not None:
        lines += [Line(f"came back: {text}", "", 2) for text in refill_words(result.rollback_info)]
    lines += [Line(f"backup: {path}", "", 2, whole=True) for path in (result.backup_path or "").splitlines()]
    told = {finding.message for finding in result.findings}
    lines += [Line(f"warning: {warning}", "warn", 2) for warning in result.warnings if warning not in told]
    return lines + _findings(_pressing(result))


def batch_lines(batch: BatchMigrationResult) -> list[Line]:
    """A run over many DocTypes: the sum, then failures, then what was not tried, what was changed, what was found."""
    lines = [_sum(batch)]
    for result in batch.failed:
        lines += [Line(), *result_lines(result)]
    lines += [Line(), Line("not tried: " + ", ".join(batch.not_tried), "warn")] if batch.not_tried else []
    for result in batch.successful:
        if result.rollback_info is not None:
            lines += [Line(f"{result.doctype}: came back: {text}") for text in refill_words(result.rollback_info)]
            backups = (result.backup_path or "").splitlines()
            lines += [Line(f"{result.doctype}: backup: {path}", whole=True) for path in backups]
    if batch.successful:
        heads = ("DocType", "changes", "rows", "time", "migration")
        lines += [Line(), *table(heads, map(_row, batch.successful), keep=["migration"])]
    told = {f"{result.doctype}: {finding.message}" for result in batch.results for finding in result.findings}
    lines += [Line(f"warning: {warning}", "warn") for warning in batch.warnings if warning not in told]
    return lines + _findings(finding for result in batch.results for finding in _pressing(result))


def error_lines(error: MigrationError, *, indent: int = 0) -> list[Line]:
    """One sentence, every problem or danger under it, and the hint."""
    if isinstance(error, DefinitionError) and len(error.problems) > 1:
        return _problem_lines(error, indent)
    lines = [Line(f"error: {error.message}", "bad", indent)]
    if isinstance(error, DataLossRiskError):
        samples = [risk for risk in error.risks if isinstance(risk, DataLossRisk) and risk.samples]
        lines += [Line(f"{risk.target}: such as {', '.join(risk.samples)}", "", indent + 2) for risk in samples]
    return lines + ([Line(f"hint: {error.hint}", "", indent)] if error.hint else [])


def _problem_lines(error: DefinitionError, indent: int) -> list[Line]:
    """Every problem with its own hint; that the sentence names the first is for those who see nothing else."""
    said = error.message.removesuffix(f"; the first: {error.problems[0]}")
    lines = [Line(f"error: {said}", "bad", indent)]
    for problem in error.problems:
        hint = getattr(problem, "hint", "")
        lines += [Line(f"- {problem}", "bad", indent + 2)] + ([Line(hint, "", indent + 4)] if hint else [])
    own = error.hint if said == error.message else None  # else it is the first problem's
    return lines + ([Line(f"hint: {own}", "", indent)] if own else [])


def _findings(findings: Iterable[Finding]) -> list[Line]:
    section = findings_section(findings)
    return [] if section.is_empty else list(section_lines(section))


def _pressing(result: MigrationResult) -> tuple[Finding, ...]:
    """What somebody has to look at; the rest is for the dry run."""
    return tuple(finding for finding in result.findings if finding.severity is not Severity.INFO)


def _headline(result: MigrationResult) -> Line:
    if not result.changed:
        return Line(f"{result.doctype}: in step, nothing to do", "good")
    changes = f", {counted(len(result.diff.changes), 'change')}" if result.diff is not None else ""
    rows = f", {counted(result.affected_rows, 'row')}" if result.affected_rows else ""
    record = f"  {result.migration_id}" if result.migration_id else ""
    status = result.status.replace("_", " ")
    return Line(f"{result.doctype}: {status}{changes}{rows}, {duration(result.execution_time / 1000)}{record}", "good")


def _sum(batch: BatchMigrationResult) -> Line:
    parts = [f"{len(batch.successful)} changed", f"{len(batch.skipped)} in step"]
    parts += [f"{len(batch.failed)} failed"] if batch.failed else []
    parts += [f"{len(batch.not_tried)} not tried"] if batch.not_tried else []
    total = len(batch.results) + len(batch.not_tried)
    if any(result.rollback_info is not None for result in batch.results):
        parts = [f"{len(batch.successful)} taken back", *parts[2:]]
        verdict: Style = "good" if batch.success else "bad"
        return Line(f"{counted(total, 'migration')}: {', '.join(parts)} ({duration(batch.total_time)})", verdict)
    style: Style = "good" if batch.success else "bad"
    if batch.success and not batch.changed:
        return Line(f"{counted(total, 'DocType')} in step, nothing to do ({duration(batch.total_time)})", style)
    return Line(f"{counted(total, 'DocType')}: {', '.join(parts)} ({duration(batch.total_time)})", style)


def _row(result: MigrationResult) -> tuple[Style, tuple[str, ...]]:
    changes = str(len(result.diff.changes)) if result.diff is not None else str(len(result.sql))
    time = duration(result.execution_time / 1000)
    return "", (result.doctype, changes, f"{result.affected_rows:,}", time, result.migration_id or "")
