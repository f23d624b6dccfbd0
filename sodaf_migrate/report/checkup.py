"""The health of a site, line by line."""

from __future__ import annotations

from collections.abc import Sequence

from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.report.lines import Line, Style, counted

__all__ = ["checkup_lines"]

_MARKS: dict[Severity, tuple[str, Style]] = {
    Severity.INFO: ("ok", "good"),
    Severity.WARNING: ("warning", "warn"),
    Severity.ERROR: ("error", "bad"),
}


def checkup_lines(database: str, findings: Sequence[Finding]) -> list[Line]:
    """The sum, then each finding with what to do; in the order of the look."""
    wrong = sum(finding.severity is not Severity.INFO for finding in findings)
    said = f"{counted(wrong, 'thing')} to look after" if wrong else "all is well"
    lines = [Line(f"{database}: {said}", "bad" if wrong else "good"), Line()]
    for finding in findings:
        mark, style = _MARKS[finding.severity]
        lines.append(Line(f"{mark}: {finding.message}", style))
        lines += [Line(finding.hint, "", 4, hang=0)] if finding.hint else []
    return lines
