"""A fault at every file operation: wholly old or wholly new, history agrees, and the next sync finishes the work."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import MigrationError
from sodaf_migrate.events import silent
from sodaf_migrate.testing.faults import Fault, every_fault, fail_at
from tests.stress.scenarios import DEEP, HARD, MODES, SCENARIOS, SEED, Stage, mark, staged

POINTS = 20
Tell = Callable[[Mapping[str, int]], None]

#: kind, sticky, reads: an error that passes, and a disk that is full for good.
FAULTS: list[tuple[Any, bool, bool]] = [("error", False, False), ("full", True, False)]
if DEEP:
    FAULTS += [("error", False, True), ("error", True, False), ("short", False, False), ("short", True, False)]


class Sweep:
    """Faults in one stage, one after another; files that were judged before are not judged again."""

    def __init__(self, stage: Stage, path: Path) -> None:
        self.stage, self.path = stage, path
        self.found: Counter[tuple[str, bool]] = Counter()
        self.known: dict[str, str] = {}

    def disturb(self, fault: Fault) -> None:
        """One run under the fault. Raises AssertionError unless the database is old or new and can be finished."""
        stage, path = self.stage, self.path
        stage.set(path)
        failed = False
        try:
            with fault:
                stage.ready.act(path, silent)
        except MigrationError:
            failed = True
        files = mark(path.parent)
        if files not in self.known:
            self.known[files] = self._judged(fault)
        verdict = self.known[files]
        assert failed or verdict == "new", f"{fault!r}: it was said to be done, and is not"
        self.found[verdict, failed] += 1

    def _judged(self, fault: Fault) -> str:
        stage, path = self.stage, self.path
        try:
            verdict = stage.judge(path)
            stage.ready.finish(path)
            assert stage.judge(path) == "new"
        except (AssertionError, MigrationError) as error:
            raise AssertionError(f"{stage.scenario.name}, {stage.mode}, {fault!r}: {error}") from error
        return verdict


@pytest.mark.parametrize(("kind", "sticky", "reads"), FAULTS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fault_at_every_operation(
    name: str, mode: str, kind: Any, sticky: bool, reads: bool, tmp_path: Path, tell: Tell
) -> None:
    """Each operation fails once, or no room is left from it on."""
    sweep = Sweep(staged(SCENARIOS[name], mode, DEEP), tmp_path / "site" / "site.db")
    for fault in every_fault(kind, sticky=sticky, reads=reads):
        sweep.disturb(fault)
    tell(figures(sweep))
    assert sweep.found["old", True] > 10
    assert sweep.found["new", False] >= 1


@pytest.mark.parametrize("name", HARD)
def test_faults_on_the_hard_table(name: str, tmp_path: Path, tell: Tell) -> None:
    """Twenty drawn points for each kind of change (all of them in a deep run)."""
    chance = random.Random(f"{SEED} {name}")
    for mode in MODES if DEEP else [chance.choice(MODES)]:
        sweep = Sweep(staged(HARD[name], mode, DEEP), tmp_path / "site" / "site.db")
        for fault in every(FAULTS) if DEEP else drawn(sweep, chance):
            sweep.disturb(fault)
        tell(figures(sweep))
        assert sweep.found["old", True] > 0


def every(faults: list[tuple[Any, bool, bool]]) -> Any:
    """All points of all kinds."""
    for kind, sticky, reads in faults:
        yield from every_fault(kind, sticky=sticky, reads=reads)


def drawn(sweep: Sweep, chance: random.Random) -> list[Fault]:
    """Twenty points of an undisturbed run, each with its kind of fault."""
    met = {}
    for kind in ("error", "full"):
        counting = fail_at(1_000_000, kind)  # type: ignore[arg-type]
        sweep.disturb(counting)
        met[kind] = counting.met
    sweep.found.clear()
    faults = []
    for _ in range(POINTS):
        kind: Any = chance.choice(["error", "full"])
        sticky = kind == "full" or chance.random() < 0.3
        faults.append(fail_at(chance.randint(1, met[kind]), kind, sticky=sticky))
    return faults


def figures(sweep: Sweep) -> dict[str, int]:
    """What came out, for the summary."""
    found = {f"{verdict}{' with an error' if failed else ''}": n for (verdict, failed), n in sweep.found.items()}
    return {"sweeps": 1, "points": sweep.found.total(), "different outcomes": len(sweep.known), **found}
