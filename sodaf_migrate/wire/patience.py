"""How long, and in which rhythm, a statement waits for somebody else's lock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Patience"]

_FIRST, _LONGEST = 0.002, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Waits of growing length, with jitter so that workers that start together do not meet again. Times are seconds.

    Waiting happens here and not in SQLite's busy handler, so that an interrupt from the keyboard acts at once.
    """

    timeout: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def pauses(self) -> Iterator[float]:
        """Sleeps, then yields the seconds waited so far; ends when ``timeout`` is used up."""
        started, pause = self.clock(), _FIRST
        while (left := started + self.timeout - self.clock()) > 0:
            self.sleep(min(left, pause * (0.5 + self.random())))
            yield self.clock() - started
            pause = min(pause * 2, _LONGEST)
