"""A pytest plugin with the fixture ``tell``: figures of the tests, added up and told at the end of the run."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

import pytest

_told: defaultdict[str, Counter[str]] = defaultdict(Counter)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[Mapping[str, int]], None]:
    """A function that adds up figures of this test and its like for the summary of the run."""
    return lambda figures: request.node.user_properties.append(("told", dict(figures)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add what a test told: its report comes from whatever worker ran it."""
    if report.when == "teardown":
        for _, figures in (told for told in report.user_properties if told[0] == "told"):
            _told[report.location[2].partition("[")[0]].update(figures)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print it, with the seed that makes the same again."""
    if _told:
        terminalreporter.section(f"tried, SODAF_TEST_SEED={os.environ.get('SODAF_TEST_SEED', '0')}")
        for name, figures in _told.items():
            terminalreporter.write_line(f"{name}: {', '.join(f'{number} {word}' for word, number in figures.items())}")
