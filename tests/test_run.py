"""What watches over a run of the tests has teeth: skips, and lines that nobody ran."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.covered import SPARE, WHOLE, is_enough, shortfalls
from tests.skips import allowed, is_allowed

ROOT = Path(__file__).resolve().parents[1]


def pytest_on(folder: Path, test: str, *arguments: str) -> tuple[int, str]:
    """How a run of that test ends, and what it prints."""
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(folder)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout


MARKED = "import pytest\n\n@pytest.mark.{}\ndef test_it():\n    assert {}\n"
UNMARKED = "import pytest\n\npytest.skip('later', allow_module_level=True)\n"


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("test", "ends"),
    [
        (MARKED.format("skip(reason='later')", True), 1),
        (MARKED.format("xfail", False), 1),
        (MARKED.format("usefixtures()", True), 0),
        (UNMARKED, 5),  # no test ran at all
    ],
)
def test_a_skip_that_is_not_on_the_list_fails_the_run(tmp_path: Path, test: str, ends: int, workers: str) -> None:
    """A run with it does not end well and says which, and one without does; also where workers share the tests."""
    code, told = pytest_on(tmp_path, test, "-p", "tests.skips", "-n", workers)
    assert code == ends, told
    assert ("skips that are not in allowed_skips.txt" in told) == bool(ends)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_lines_are_counted_where_tests_run(tmp_path: Path, workers: str) -> None:
    """Those that a test ran are known to the process that judges; here they are too few, and the good run fails."""
    test = "def test_it():\n    from sodaf_migrate import errors\n    assert errors\n"
    code, told = pytest_on(tmp_path, test, "-p", "tests.covered", "-n", workers)
    share = {room: float(percent) for percent, room in re.findall(r"([\d.]+) % of +\d+ (\w+)", told)}
    assert share["errors"] > 60 and share["execute"] == 0
    assert code == 1 and "1 passed" in told and "SHORT: less than 90 % of all lines were run" in told, told


def test_the_list_of_skips_is_of_today() -> None:
    """Each entry names a file that skips for that reason, and says why it may."""
    for file, message, reason in allowed():
        assert (ROOT / file).is_file() and len(reason.split()) > 3, file
        assert is_allowed(file, f"{message} and more") and not is_allowed("tests/other.py", message)
        text = (ROOT / file).read_text(encoding="utf-8")
        said = f'"{message}"' in text or 'skip(f"{error}")' in text
        assert said, f"{file} skips nothing with these words: {message}"


def test_lines_that_nobody_ran_fail_the_run() -> None:
    """Nine of ten lines suffice, but not where data is at stake; every such place is there."""
    assert shortfalls({"plan.py": (100, list(range(10))), "execute/room.py": (10, [])}) == []
    assert len(shortfalls({"plan.py": (100, list(range(11)))})) == 1
    assert not is_enough({"plan.py": (100, list(range(11)))})
    for missed in (SPARE, SPARE + 1):
        assert is_enough({"plan.py": (1000, []), "backup/store.py": (20, list(range(missed)))}) is (missed == SPARE)
    (told,) = shortfalls({"plan.py": (1000, []), "backup/store.py": (10, [2, 3, 4, 7])})
    assert told == "backup/store.py has to be run whole; not run: 2-4, 7"
    for name in WHOLE:
        assert (ROOT / "sodaf_migrate" / name).exists(), name
