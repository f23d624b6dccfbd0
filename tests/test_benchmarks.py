"""The benchmarks run, at toy sizes; how long anything took is nowhere a condition."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))

TOY = {
    "doctypes.py": (["--size", "3", "--repeat", "1"], ["| **floor** |", "| first sync, all tables made |"]),
    "peers.py": (["--size", "1"], ["| own trigger | kept |", "| **kept** | **1 of 1** |"]),
    "boot.py": (["--size", "3", "--repeat", "3"], ["| quiet start |", "more for the hook"]),
    "memory.py": (["--size", "20"], ["| rebuild |", "| conversion |"]),
    "backup.py": (
        ["--size", "400000"],
        ["| whole database, FULL |", "| verify --deep |", "| roll back a dropped column |", "a gigabyte"],
    ),
    "alter.py": (["--size", "5", "20", "--only", "add column", "reorder columns"], ["| add column | instant |", "MB"]),
}


@pytest.mark.parametrize("script", TOY)
def test_runs(script: str) -> None:
    """Each script makes its tables at a toy size, with whatever peers are installed."""
    arguments, expected = TOY[script]
    command = [sys.executable, str(FOLDER / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in expected:
        assert words in done.stdout


def test_every_script_is_run_here() -> None:
    """A new benchmark is run by these tests too."""
    mains = {path.name for path in SCRIPTS if '__name__ == "__main__"' in path.read_text(encoding="utf-8")}
    assert mains == set(TOY)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_duration_is_asserted(path: Path) -> None:
    """No assertion of a benchmark depends on a clock, or on a name that holds what a clock said."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    clocks = {"perf_counter", "monotonic", "process_time", "time", "getloadavg"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and words(node.value) & clocks:
            clocks |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    asserted = [node for node in ast.walk(tree) if isinstance(node, ast.Assert) and words(node) & clocks]
    assert [node.lineno for node in asserted] == []


def words(node: ast.AST) -> set[str]:
    """Every name and attribute below a node."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def test_the_table_of_peers_is_of_today() -> None:
    """docs/peers.md has a row for each thing that the script puts on a table: else run it again with --write."""
    text = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    tree = ast.parse((FOLDER / "hard.py").read_text(encoding="utf-8"))
    (features,) = (node.value for node in tree.body if isinstance(node, ast.AnnAssign) and words(node) >= {"FEATURES"})
    assert isinstance(features, ast.Dict)
    names = [key.value for key in features.keys if isinstance(key, ast.Constant)]
    assert names and [name for name in names if f"\n| {name} | kept |" not in text] == []
