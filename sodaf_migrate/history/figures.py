"""The figures of each step that was carried out: they say how fast this site's machine is, and feed the estimates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sodaf_migrate.history.record import canonical
from sodaf_migrate.history.store import rows_of
from sodaf_migrate.history.tables import HISTORY
from sodaf_migrate.wire.connection import Wire

__all__ = ["figures_text", "pace", "recorded_figures"]

#: Steps that were done in less than this many seconds say more of the moment than of the machine.
_SHORTEST = 0.02
#: A pace beyond these is a mishap (a laptop that slept), not a machine.
_SLOWEST, _FASTEST = 50.0, 0.02


def figures_text(steps: Iterable[Mapping[str, Any]], *, model: int, waited: float) -> str:
    """The JSON that a record keeps: seconds ``waited`` for the lock, and each step's own figures.

    A step has its title, target, kind (its cost class), seconds, changed rows, table_rows, bytes and the seconds
    ``expected`` by the measured rates numbered ``model``.
    """
    return canonical({"model": model, "waited": waited, "steps": [dict(step) for step in steps]})


def recorded_figures(wire: Wire, *, limit: int = 50) -> tuple[str, ...]:
    """The figures of the newest migrations that have any, as ``figures_text`` wrote them."""
    sql = f"SELECT figures FROM {HISTORY} WHERE figures IS NOT NULL ORDER BY rowid DESC LIMIT ?"
    return tuple(text for (text,) in rows_of(wire, sql, (limit,)))


def pace(recorded: Iterable[str], *, model: int) -> dict[str, float]:
    """How many times the expected seconds this site's steps of each kind took, by their recorded figures.

    Nothing is said of a kind that never took long enough here; what cannot be read is left out.
    """
    took: dict[str, float] = {}
    expected: dict[str, float] = {}
    for text in recorded:
        for step in _steps(text, model):
            kind, seconds, wanted = step.get("kind"), _number(step.get("seconds")), _number(step.get("expected"))
            if isinstance(kind, str) and min(seconds, wanted) >= _SHORTEST:
                took[kind] = took.get(kind, 0.0) + seconds
                expected[kind] = expected.get(kind, 0.0) + wanted
    return {kind: min(max(took[kind] / expected[kind], _FASTEST), _SLOWEST) for kind in took}


def _steps(text: str, model: int) -> list[dict[str, Any]]:
    try:
        figures = json.loads(text)
    except ValueError:
        return []
    if not isinstance(figures, dict) or figures.get("model") != model:
        return []
    return [step for step in figures.get("steps", ()) if isinstance(step, dict)]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
