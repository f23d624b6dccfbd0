"""How much was tried, told at the end of the run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

import pytest

from tests.stress.scenarios import SEED

_told: defaultdict[str, Counter[str]] = defaultdict(Counter)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[Mapping[str, int]], None]:
    """A function that adds up figures of this test and its like for the summary of the run."""
    return lambda figures: _told[request.function.__name__].update(Counter(figures))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests told."""
    if _told:
        terminalreporter.section(f"stress, SODAF_TEST_SEED={SEED}")
        for name, figures in _told.items():
            terminalreporter.write_line(f"{name}: {', '.join(f'{number} {word}' for word, number in figures.items())}")
