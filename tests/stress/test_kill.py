"""Kill -9 at random moments of a long migration, with a writer beside it: nothing half done, no row lost."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.testing.beside import busy_writer
from sodaf_migrate.testing.processes import kill_at_random
from tests.stress.scenarios import DEEP, MODES, REBUILT, SEED, farm, history
from tests.stress.work import sync_schema

KILLS = 150 if DEEP else 20  # in each journal mode
ROWS = 8_000
INSERT = "INSERT INTO farm(code, note) VALUES ('written', ?1)"


def contents(path: Path) -> tuple[str, list[Any], list[Any]]:
    """The text of the table, its rows of before, and the numbers that the writer wrote."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (text,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'farm'").fetchone()
        rows = connection.execute("SELECT * FROM farm WHERE code IS NOT 'written' ORDER BY id").fetchall()
        written = connection.execute("SELECT note FROM farm WHERE code = 'written' ORDER BY id").fetchall()
    return text, rows, [int(number) for (number,) in written]


@pytest.mark.parametrize("mode", MODES)
def test_killed_at_random(mode: str, tmp_path: Path, tell: Callable[[Mapping[str, int]], None]) -> None:
    """The writer goes on after the death, what it committed is there, and the next sync finishes the work."""
    chance, template, path = random.Random(f"{SEED} {mode}"), tmp_path / "template.db", tmp_path / "site" / "site.db"
    farm(template, mode, ROWS)
    old_text, rows, _ = contents(template)
    old_history, within, found = history(template), 0.0, Counter[str]()
    for number in range(KILLS + 1):
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir()
        shutil.copyfile(template, path)
        with busy_writer(path, INSERT, pause=0.002) as writer:
            if number == 0:  # undisturbed, to know how long it takes
                began = time.monotonic()
                assert not kill_at_random(partial(sync_schema, path, REBUILT.text), within=600.0).killed
                within = time.monotonic() - began
                new_text, _, _ = contents(path)
                new_history = history(path)
                assert new_text != old_text and len(new_history) == len(old_history) + 1
                continue
            ended = kill_at_random(partial(sync_schema, path, REBUILT.text), within=within, chance=chance)
            writer.wait_for(writer.done + 3)
        text, kept, written = contents(path)
        assert text in (old_text, new_text)
        assert history(path) == (old_history if text == old_text else new_history)
        assert kept == rows
        assert written == list(range(len(written))) and writer.done <= len(written) <= writer.done + 1
        assert ended.killed or text == new_text
        assert sync_schema(path, REBUILT.text) == (text == old_text)
        assert contents(path) == (new_text, rows, written)
        found[f"{'killed' if ended.killed else 'done before'}, {'old' if text == old_text else 'new'}"] += 1
    tell({"kills": KILLS, **found})
    assert found["killed, old"] > 0
