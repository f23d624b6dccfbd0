"""A folder that must be empty again after each test: no plaintext is left anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where scratch files go."""
    found = tmp_path / "store"
    found.mkdir(mode=0o700)
    yield found
    assert list(found.iterdir()) == []
