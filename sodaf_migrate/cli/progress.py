"""Progress on a terminal: one line that comes and goes on standard error, and nothing anywhere else."""

from __future__ import annotations

import os
import sys

import click

from sodaf_migrate.events import Listener, Progress, silent
from sodaf_migrate.report.lines import visible

__all__ = ["listener_of", "stop_progress"]

_STOP = "sodaf_migrate.stop_progress"


def listener_of(context: click.Context, *, quiet: bool) -> Listener:
    """The listener for this call: a status line where a person looks on, else silence."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return silent
    from rich.console import Console  # heavy, and of no use to a pipe
    from rich.markup import escape

    status = Console(stderr=True).status("")
    context.meta[_STOP] = status.stop
    context.find_root().call_on_close(status.stop)

    def listen(progress: Progress) -> None:
        status.update(escape(_told(progress)))
        status.start()

    return listen


def stop_progress(context: click.Context) -> None:
    """Take the status line away, before the answer is written where it stands."""
    context.meta.get(_STOP, lambda: None)()


def _told(progress: Progress) -> str:
    total = f" {progress.done:,} of {progress.total:,} {progress.unit}" if progress.total else ""
    message = f": {progress.message}" if progress.message else ""
    return visible(f"{progress.subject}  {progress.phase}{total}{message}")
