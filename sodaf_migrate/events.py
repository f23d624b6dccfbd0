"""The one way the engine tells the outside what it is doing: values handed to a callable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Listener", "Progress", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One thing that is happening; ``done`` and ``total`` count ``unit``, ``total`` None when unknown."""

    phase: str  # "read" | "compare" | "census" | "plan" | "lock" | "step" | "verify" | "record" | "commit" | "done"
    subject: str  # the DocType or table concerned
    message: str = ""
    done: int = 0
    total: int | None = None
    unit: str = "steps"


Listener = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """The listener that listens to nothing."""
