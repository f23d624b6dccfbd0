"""The guide for framework authors is true: its example is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import sodaf_migrate
from sodaf_migrate.testing import beside, check, disk, faults, files, log, power, processes, statements

ROOT = Path(sodaf_migrate.__file__).parent.parent
GUIDE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


def test_the_example_passes(tmp_path: Path) -> None:
    """The example of the guide, put in a file, is three tests that pass."""
    (example,) = re.findall(r"^```python\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "test_site.py").write_text(example)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_site.py"]
    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout


def test_everything_is_told() -> None:
    """Each name that the kit gives out has its place in the guide; values that it only returns need none."""
    returned = {"Beside", "Ended", "Entry", "FailingConnection", "Fault", "HISTORY", "Log", "PowerLoss", "State"}
    for module in (beside, check, disk, faults, files, log, power, processes, statements):
        for name in set(module.__all__) - returned - {"process_context"}:
            assert f"`{name}" in GUIDE, name
        assert f"`{module.__name__}`" in GUIDE, module.__name__
