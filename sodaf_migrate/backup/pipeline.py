"""Work for several threads whose results come out in the order in which it was handed in, a few at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["Pipeline", "default_threads"]

T = TypeVar("T")


def default_threads() -> int:
    """As many as there are processors for us, at most 4: more would cost memory and find the disk busy."""
    return min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class Pipeline(Generic[T]):
    """Up to ``threads + 1`` pieces of work are under way or wait to be taken; with one thread it is done at once."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._flying: deque[Future[T]] = deque()

    def push(self, work: Callable[[], T]) -> Iterator[T]:
        """Hands in ``work`` and gives what is due before more may come. Raises what the work raised."""
        if self._threads <= 1:
            yield work()
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="sodaf-backup")
        self._flying.append(self._pool.submit(work))
        while len(self._flying) > self._threads:
            yield self._flying.popleft().result()

    def run(self, works: Iterator[Callable[[], T]]) -> Iterator[T]:
        """The results of ``works`` in order. Where finding the next work fails, what came before is given out first, or
        fails first: which fault is told does not hang on the number of threads.
        """
        while True:
            try:
                work = next(works, None)
            except Exception:
                yield from self.drain()
                raise
            if work is None:
                yield from self.drain()
                return
            yield from self.push(work)

    def drain(self) -> Iterator[T]:
        """What is still under way, in order."""
        while self._flying:
            yield self._flying.popleft().result()

    def close(self) -> None:
        """Ends the threads; work that has not begun is dropped."""
        self._flying.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
