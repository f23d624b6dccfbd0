"""Progress on a terminal: one line that comes and goes on standard error, and nothing anywhere else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from sodaf_migrate.events import Listener, Progress, silent
from sodaf_migrate.report.lines import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

__all__ = ["listener_of", "stop_progress"]

_STOP = "sodaf_migrate.stop_progress"


def listener_of(context: click.Context, *, quiet: bool) -> Listener:
    """The listener for this call: a status line, a bar for bytes, where a person looks on, else silence."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return silent
    from rich.console import Console  # heavy, and of no use to a pipe

    shown = _Shown(Console(stderr=True))
    context.meta[_STOP] = shown.stop
    context.find_root().call_on_close(shown.stop)
    return shown.listen


def stop_progress(context: click.Context) -> None:
    """Take the status line away, before the answer is written where it stands."""
    context.meta.get(_STOP, lambda: None)()


class _Shown:
    """One line at a time: words for what is counted otherwise, a bar with the time left for bytes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")
        self._bar: Bar | None = None
        self._about = ("", "")

    def listen(self, progress: Progress) -> None:
        """Shows what is happening."""
        if progress.unit == "bytes" and progress.total:
            self._bytes(progress)
            return
        from rich.markup import escape

        self._stop_bar()
        self._status.update(escape(_told(progress)))
        self._status.start()

    def stop(self) -> None:
        """Takes everything away."""
        self._status.stop()
        self._stop_bar()

    def _bytes(self, progress: Progress) -> None:
        about = (progress.phase, progress.subject)
        if self._bar is None or about != self._about:
            self._status.stop()
            self._stop_bar()
            self._bar, self._about = _bar(self._console), about
            self._bar.add_task(visible(f"{progress.phase} {progress.subject}"), total=progress.total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=progress.done, total=progress.total)

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _bar(console: Console) -> Bar:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    # Without markup: a DocType may have brackets in its name.
    words = TextColumn("{task.description}", markup=False)
    return Bar(words, BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console, transient=True)


def _told(progress: Progress) -> str:
    total = f" {progress.done:,} of {progress.total:,} {progress.unit}" if progress.total else ""
    message = f": {progress.message}" if progress.message else ""
    return visible(f"{progress.subject}  {progress.phase}{total}{message}{_lasting(progress)}")


def _lasting(progress: Progress) -> str:
    if progress.elapsed < 1:
        return ""
    about = f" of about {progress.estimate:,.0f}" if progress.estimate and progress.estimate >= 1 else ""
    return f" ({progress.elapsed:,.0f}{about} s)"
