"""A pytest plugin (``-p tests.covered``) that measures which lines the tests run, and wants enough.

Lines, not branches; nothing is left out, and what only a child process of a test runs does not count. Where tests run
in several workers (``-n 2``), each hands its lines to the process that leads them, which judges.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import coverage
import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "sodaf_migrate"

#: Per cent of all lines.
LEAST = 90.0

#: What every line has to be run of: it writes, keeps, or brings back what people entrusted to it.
WHOLE = ("execute/", "backup/", "applier/rollback.py", "applier/returning.py", "dialects/sqlite/refill.py")

#: So many of those lines may be missed by one run, which are named all the same: some are run only by who comes second.
SPARE = 10

_measured = coverage.Coverage(data_file=None, source=[str(PACKAGE)], branch=False)
_measured.set_option("run:disable_warnings", ["no-data-collected"])  # who leads workers runs nothing; none is 0 %
_told: list[str] = []


def pytest_load_initial_conftests() -> None:
    """Begin before anything of the package is imported."""
    _measured.start()


def pytest_configure(config: pytest.Config) -> None:
    """Begin in a worker: it takes its plugins after its first conftest.py, which must import nothing of the package."""
    if hasattr(config, "workerinput"):
        _measured.start()


def lines_run() -> dict[str, list[int]]:
    """By path: the numbers of the lines that this process ran."""
    data = _measured.get_data()
    return {path: sorted(data.lines(path) or ()) for path in data.measured_files()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker ran; of one that died nothing comes, and its test has failed."""
    _measured.get_data().add_lines(getattr(node, "workeroutput", {}).get("covered", {}))


def missed() -> dict[str, tuple[int, list[int]]]:
    """By path below the package: how many lines there are, and those that were not run."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        _, lines, _, left, _ = _measured.analysis2(str(path))
        found[path.relative_to(PACKAGE).as_posix()] = (len(lines), list(left))
    return found


def shortfalls(found: dict[str, tuple[int, list[int]]]) -> list[str]:
    """What is not covered as it has to be, in words."""
    told = [] if _most(found) else [f"less than {LEAST:g} % of all lines were run"]
    for name, (_, numbers) in found.items():
        if numbers and name.startswith(WHOLE):
            told.append(f"{name} has to be run whole; not run: {_ranges(numbers)}")
    return told


def is_enough(found: dict[str, tuple[int, list[int]]]) -> bool:
    """Whether a run may pass."""
    return _most(found) and sum(len(left) for name, (_, left) in found.items() if name.startswith(WHOLE)) <= SPARE


def _most(found: dict[str, tuple[int, list[int]]]) -> bool:
    lines, left = sum(count for count, _ in found.values()), sum(len(left) for _, left in found.values())
    return left * 100 <= lines * (100 - LEAST)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Count, and fail a run that is good otherwise; a worker only says what it ran."""
    _measured.stop()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["covered"] = lines_run()
        return
    found = missed()
    by_room: Counter[str] = Counter()
    left_by_room: Counter[str] = Counter()
    for name, (count, left) in found.items():
        room = name.partition("/")[0].removesuffix(".py")
        for key in (room, "all"):
            by_room[key] += count
            left_by_room[key] += len(left)
    rooms = sorted(by_room, key=lambda room: (room == "all", room))
    _told.extend(f"{_per_cent(by_room[room], left_by_room[room])} of {by_room[room]:6} {room}" for room in rooms)
    short = shortfalls(found)
    _told.extend(f"SHORT: {words}" for words in short)
    if not is_enough(found) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _ranges(numbers: list[int]) -> str:
    """[3, 4, 5, 9] as "3-5, 9"."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ", ".join("-".join(map(str, pair)) for pair in found)


def _per_cent(count: int, left: int) -> str:
    return f"{100 * (count - left) / count if count else 100:6.1f} %"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figure of each room, and of all."""
    terminalreporter.section("lines that were run")
    for line in _told:
        terminalreporter.write_line(line)
