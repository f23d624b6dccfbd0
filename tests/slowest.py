"""A pytest plugin (``-p tests.slowest``) that tells how long each test file took, slowest first."""

from __future__ import annotations

from collections import Counter

import pytest

SHOWN = 15

_seconds: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add set-up, call and tear-down to the file's time."""
    _seconds[report.location[0]] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the slowest files and the sum."""
    terminalreporter.section("slowest test files")
    for path, seconds in _seconds.most_common(SHOWN):
        terminalreporter.write_line(f"{seconds:8.2f} s  {path}")
    terminalreporter.write_line(f"{_seconds.total():8.2f} s  all {len(_seconds)} files")
