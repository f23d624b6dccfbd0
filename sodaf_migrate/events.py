"""The two ways between the engine and the outside while it works: it tells what it does, and is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["CancelToken", "Listener", "Progress", "harmless", "silent"]

logger = logging.getLogger("sodaf_migrate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One thing that is happening; ``done`` and ``total`` count ``unit``, ``total`` None when unknown.

    While something long goes on it is told again at least twice a second: ``elapsed`` are the seconds since the phase
    began, ``estimate`` the seconds that it is expected to take in all, None when nobody knows.
    """

    phase: str  # "read" | "compare" | "census" | "plan" | "lock" | "step" | "verify" | "record" | "commit" | "done"
    subject: str  # the DocType or table concerned
    message: str = ""
    done: int = 0
    total: int | None = None
    unit: str = "steps"
    elapsed: float = 0.0
    estimate: float | None = None


Listener = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """The listener that listens to nothing."""


def harmless(listener: Listener) -> Listener:
    """``listener``, called by one thread at a time, and no more once it raised: whoever looks on stops no migration.

    The first exception is logged. What is no ``Exception`` (KeyboardInterrupt, SystemExit) goes through.
    """
    if listener is silent or getattr(listener, "is_harmless", False):
        return listener
    turn, broken = threading.RLock(), threading.Event()

    def tell(progress: Progress) -> None:
        with turn:
            if broken.is_set():
                return
            try:
                listener(progress)
            except Exception:
                broken.set()
                logger.exception("the listener failed, and is told nothing more; the work goes on")

    tell.is_harmless = True  # type: ignore[attr-defined]
    return tell


class CancelToken:
    """Stops the work that it was given to: ``cancel()`` may be called from any thread, once and for all."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._cancelled = False
        self._waiting: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel()`` was called."""
        return self._cancelled

    @property
    def is_heard(self) -> bool:
        """Whether somebody works under this token just now."""
        return bool(self._waiting)

    def cancel(self) -> None:
        """Stop: a running statement within a second, everything rolled back; a COMMIT that has begun is finished."""
        with self._lock:
            self._cancelled = True
            waiting = tuple(self._waiting)
        for wake in waiting:
            wake()

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """While the block runs, ``cancel()`` also calls ``wake`` (in the thread that cancels)."""
        with self._lock:
            self._waiting.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._waiting.remove(wake)
