"""What is published works where nothing else is: built, installed into an empty environment, and used from there."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import sodaf_migrate
from tests.guides.blocks import blocks_of

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> str:
    """What a command prints; it has to end well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SODAF_"))}
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    return folder


def test_the_wheel_holds_the_package_alone(built: Path) -> None:
    """Every module, the mark that it is typed, and nothing of tests or documents."""
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sodaf_migrate").rglob("*.py")}
    assert names == modules | {"sodaf_migrate/py.typed"}


def test_the_source_is_whole(built: Path) -> None:
    """Somebody who has only the source distribution can run the tests."""
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("Makefile", "CHANGELOG.md", "docs/tour.md", "tests/test_package.py", "doctypes/customer.json"):
        assert name in names, name


def test_the_readme_in_an_empty_environment(built: Path, tmp_path: Path) -> None:
    """The wheel with what it requires and no more; then the README, on the DocTypes that the checkout ships."""
    (wheel,) = built.glob("*.whl")
    home, site = tmp_path / "venv", tmp_path / "site"
    venv.create(home, with_pip=True)
    run(home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    (site / "doctypes").parent.mkdir()
    (site / "doctypes").symlink_to(ROOT / "doctypes")
    environment = {"PATH": f"{home}/bin:/usr/bin:/bin", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert sodaf_migrate.__version__ in run("sodaf-migrate", "--version", folder=site, **environment)
    for block in blocks_of(ROOT / "README.md"):
        if block.language in ("sh", "python") and "not run" not in block.notes and "shutil" not in block.text:
            (site / "block").write_text(block.text)
            run({"sh": "bash", "python": "python"}[block.language], "block", folder=site, **environment)
    assert (site / "site.db").stat().st_size > 100_000
