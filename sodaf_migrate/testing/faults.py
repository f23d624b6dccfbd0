"""Faults of the disk: the n-th file operation fails, the disk is full, a write is cut short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from types import TracebackType

from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.testing.shim import shimmed
from sodaf_migrate.testing.watch import Operation, Verdict, watching

__all__ = ["Fault", "every_fault", "fail_at"]

_NEED_ROOM = {"write", "create", "shm"}
_LOOKS = {"read", "size"}


class Fault:
    """A fault in waiting; a context manager for one run.

    ``met`` counts the operations that it could have struck, ``struck`` those that it did; ``first`` is the first of
    these.
    """

    def __init__(self, at: int, kind: Verdict, *, sticky: bool, reads: bool) -> None:
        self.at, self.kind, self.sticky, self.reads = at, kind, sticky, reads
        self.met = 0
        self.struck = 0
        self.first: Operation | None = None
        self._stack = ExitStack()

    def __repr__(self) -> str:
        lasting = " and from then on" if self.sticky else ""
        where = f": {self.first.kind} of {self.first.path or 'a temporary file'}" if self.first else ""
        return f"<{self.kind} at operation {self.at}{lasting}{where}>"

    def __enter__(self) -> Fault:
        with ExitStack() as stack:
            stack.enter_context(shimmed())
            stack.enter_context(watching(self))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def meets(self, operation: Operation) -> Verdict | None:
        """Counts the operation if it is of those that can be struck, and strikes when it is its turn."""
        if not self._concerns(operation):
            return None
        self.met += 1
        if self.met < self.at or (self.met > self.at and not self.sticky):
            return None
        self.struck += 1
        self.first = self.first or operation
        return self.kind

    def done(self, operation: Operation) -> None:
        """Nothing is kept of what went well."""

    def _concerns(self, operation: Operation) -> bool:
        if self.kind == "short":
            return operation.kind == "write"
        if self.kind == "full":
            return operation.kind in _NEED_ROOM
        return self.reads or operation.kind not in _LOOKS


def fail_at(n: int, kind: Verdict = "error", *, sticky: bool = False, reads: bool = False) -> Fault:
    """A context manager in which the ``n``-th file operation (from 1) fails; ``sticky``: and all after it.

    "error": it fails with an I/O error. "full": there is no room for it; only operations that need room count.
    "short": a write is half done, then there is no room; only writes count. ``reads`` counts reads and size queries
    too, which only "error" strikes. Only connections that are opened inside are seen.
    Raises ConfigurationError where the SQLite library cannot be reached (at entry).
    """
    if n < 1 or kind not in ("error", "full", "short"):
        raise ConfigurationError(
            f'There is no fault "{kind}" at operation {n}',
            hint='Operations are counted from 1; kinds: "error", "full", "short".',
        )
    return Fault(n, kind, sticky=sticky, reads=reads)


def every_fault(kind: Verdict = "error", *, sticky: bool = False, reads: bool = False) -> Iterator[Fault]:
    """``fail_at(1)``, ``fail_at(2)``…, to be entered one after another, until a run ends before its fault is reached.

    The last one does not strike: its run is the undisturbed one. Raises ConfigurationError when a fault was not
    entered or its block did nothing, for then nothing would have been tested.
    """
    for n in count(1):
        fault = fail_at(n, kind, sticky=sticky, reads=reads)
        yield fault
        if fault.met == 0:
            raise ConfigurationError(
                f"{fault!r} met no file operation",
                hint="Enter each fault with a with statement, and open the database inside it.",
            )
        if not fault.struck:
            return
