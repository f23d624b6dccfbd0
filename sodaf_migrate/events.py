"""The two ways between the engine and the outside while it works: it tells what it does, and is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

__all__ = ["CancelToken", "Listener", "Progress", "Teller", "silent"]

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


class Teller:
    """A listener that the work can rely on: called by one thread at a time, and no more once it raised.

    Whoever looks on stops no migration: the first exception is logged, and that is all. What is no ``Exception``
    (KeyboardInterrupt, SystemExit) goes through, where it was the working thread that called. Inside ``repeating()``
    the newest progress is told again, with the seconds gone by, when nothing was told for ``every`` seconds.
    """

    def __init__(self, listener: Listener, *, every: float = 0.4, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener = listener
        self._every = every
        self._clock = clock
        self._turn = threading.Condition()  # guards all that follows
        self._is_broken = False
        self._blocks = 0
        self._newest: Progress | None = None
        self._began = self._told = 0.0

    @staticmethod
    def of(listener: Listener) -> Teller:
        """``listener`` itself where it is one already."""
        return listener if isinstance(listener, Teller) else Teller(listener)

    def __call__(self, progress: Progress) -> None:
        with self._turn:
            now, newest = self._clock(), self._newest
            if newest is None or _what(newest) != _what(progress):
                self._began = now
            self._newest = progress
            self._tell(now)

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens: else nothing need be counted for it."""
        return self._listener is not silent and not self._is_broken

    @contextmanager
    def repeating(self) -> Iterator[None]:
        """While the block runs, nothing lasts unheard; costs a thread, but for a listener that does not listen."""
        if self._listener is silent:
            yield
            return
        with self._turn:
            self._blocks += 1
            first = self._blocks == 1
        thread = threading.Thread(target=self._repeat, name="sodaf_migrate progress", daemon=True) if first else None
        try:
            if thread is not None:
                thread.start()
            yield
        finally:
            with self._turn:
                self._blocks -= 1
                self._newest = self._newest if self._blocks else None
                self._turn.notify_all()
            if thread is not None and not self._blocks:
                thread.join()

    def _tell(self, now: float) -> None:
        self._told = now
        if self._newest is None or self._is_broken:
            return
        try:
            self._listener(replace(self._newest, elapsed=max(self._newest.elapsed, now - self._began)))
        except Exception:
            self._is_broken = True
            logger.exception("the listener failed, and is told nothing more; the work goes on")

    def _repeat(self) -> None:
        with self._turn:
            while self._blocks:
                now = self._clock()
                if now - self._told >= self._every and self._newest is not None and self._newest.phase != "done":
                    self._tell(now)
                self._turn.wait(max(self._told + self._every - self._clock(), 0.01))


def _what(progress: Progress) -> tuple[str, str, str]:
    return progress.phase, progress.subject, progress.message


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
