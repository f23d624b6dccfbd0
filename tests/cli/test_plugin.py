"""The same program below sqlite-utils, and the scripts that make shells complete."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sodaf_migrate.cli.main import program
from tests.cli.conftest import Shop
from tests.cli.test_terminal import COMMAND, environment


@pytest.fixture
def utils(shop: Shop) -> dict[str, str]:
    """An environment in which sqlite-utils finds the entry point of the package, as it would once installed."""
    info = shop.folder / "plugins" / "sodaf_migrate-9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sodaf-migrate-under-test\nVersion: 9\n")
    (info / "entry_points.txt").write_text("[sqlite_utils]\nsodaf = sodaf_migrate.cli.plugin\n")
    kept = environment()
    return kept | {"PYTHONPATH": f"{info.parent}:{kept['PYTHONPATH']}"}


def test_below_sqlite_utils(shop: Shop, utils: dict[str, str]) -> None:
    """Options, answers, errors and exit codes are the same; help and hints name the program as it was called."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "sqlite_utils", "sodaf", *arguments]
        return subprocess.run(call, cwd=shop.folder, env=utils, capture_output=True, text=True, check=False)

    done = run("sync")
    assert (done.returncode, done.stdout.startswith("2 DocTypes: 2 changed")) == (0, True), done.stderr
    assert run("status", "--check").returncode == 0
    wrong = run("sync", "--nonsense")
    assert wrong.returncode == 64 and "sqlite-utils sodaf sync --help" in wrong.stderr
    assert "Usage: sqlite-utils sodaf" in run("--help").stdout


def test_the_entry_point_is_declared() -> None:
    """The package says where sqlite-utils finds it."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert '[project.entry-points.sqlite_utils]\nsodaf = "sodaf_migrate.cli.plugin"' in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shop: Shop, shell: str, tmp_path: Path) -> None:
    """Each is printed whole, and the shell takes it, where it is installed."""
    answer = shop.run("completion", shell)
    assert answer.code == 0 and "_SODAF_MIGRATE_COMPLETE" in answer.out
    if found := shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(answer.out)
        subprocess.run([found, "-n", str(script)], check=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sodaf-migrate rollback 2", "migration"),
        ("sodaf-migrate rollback --to 2", "migration"),
        ("sodaf-migrate history Cu", "Customer"),
        ("sodaf-migrate history 2", "migration"),
        ("sodaf-migrate backup inspect ", "backup"),
        ("sodaf-migrate backup create It", "Item"),
        ("sodaf-migrate doc", "doctor"),
    ],
)
def test_what_is_completed(shop: Shop, words: str, expected: str) -> None:
    """Names of DocTypes, ids of migrations and backups, commands."""
    shop.run("sync")
    ids = {"backup": shop.run("backup", "create", "--format", "json").json["id"]}
    ids["migration"] = shop.run("history", "--format", "json").json["migrations"][-1]["id"]
    asked = environment(_SODAF_MIGRATE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    found = subprocess.run(COMMAND, cwd=shop.folder, capture_output=True, text=True, env=asked, check=True)
    assert f"plain,{ids.get(expected, expected)}\n" in found.stdout


def _leaves(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += _leaves(command, (*path, name))
        else:
            found.append(((*path, name), command))
    return found


@pytest.mark.parametrize(
    ("path", "command"), _leaves(program), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_help_has_examples_that_can_be_parsed(path: tuple[str, ...], command: click.Command) -> None:
    """Each begins with the command it is about, and takes its words."""
    text = command.help or ""
    lines = [line.strip() for line in text.partition("Examples:")[2].splitlines() if line.strip()]
    assert lines
    for line in lines:
        words = line.partition("#")[0].partition(">")[0].split()
        assert words[0] == "sodaf-migrate"
        words = words[3:] if words[1] == "--site" else words[1:]
        assert tuple(words[: len(path)]) == path
        command.make_context(path[-1], words[len(path) :], resilient_parsing=False).close()
