"""A skipped test is a promise that nobody kept: only those of a short written list are let through.

``allowed_skips.txt`` has a line for each: the file of the tests, what the skip says, and why it may be.
"""

from __future__ import annotations

from pathlib import Path

import pytest

LIST = Path(__file__).with_name("allowed_skips.txt")

_others: list[str] = []


def allowed() -> list[tuple[str, str, str]]:
    """The list: file (relative to the checkout), how the message of the skip begins, the reason."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line.strip() and not line.startswith("#")]
    return [(file.strip(), message.strip(), reason.strip()) for file, message, reason in rows]


def is_allowed(file: str, message: str) -> bool:
    """Whether a skip of that file with that message is on the list."""
    return any(file == known and message.startswith(words) for known, words, _ in allowed())


def note(file: str, where: str, message: str) -> None:
    """Remember a skip that is not on the list."""
    if not is_allowed(file, message):
        _others.append(f"{where}: {message}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Look at each skip; a test that is expected to fail counts as one."""
    if report.skipped:
        note(report.nodeid.partition("::")[0], report.nodeid, _message(report))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Look at modules that are skipped whole."""
    if report.skipped:
        note(report.nodeid, report.nodeid, _message(report))


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that is good otherwise."""
    if _others and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which."""
    if _others:
        terminalreporter.section(f"skips that are not in {LIST.name}")
        for line in _others:
            terminalreporter.write_line(line)
