"""Is there room on the disk for what a plan writes? Asked before its first change, for a full disk ends it half way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from sodaf_migrate.dialects.sqlite.effort import disk_needed, size_of
from sodaf_migrate.errors import DiskFullError
from sodaf_migrate.plan import Cost, Plan
from sodaf_migrate.wire.connection import Wire

__all__ = ["Free", "check_room", "free_bytes", "sorting_folder"]

#: The bytes that are free for us in a folder.
Free = Callable[[Path], int]

#: The sizes are estimates from samples.
_MARGIN = 1.2
_IN_MEMORY = 2  # PRAGMA temp_store


def free_bytes(folder: Path) -> int:
    """The bytes that are free for this user on the file system of ``folder``."""
    return shutil.disk_usage(folder).free


def check_room(wire: Wire, plan: Plan, *, free: Free = free_bytes) -> None:
    """Raises DiskFullError when the copies, indexes and logs of ``plan`` will not fit; nothing was changed then.

    Looked at are ``max_page_count``, the file system of the database, and the one on which SQLite sorts for indexes.
    """
    sizes = {step.target: size_of(wire, step.target) for step in plan.steps if step.cost is not Cost.INSTANT}
    if not any(sizes.values()):
        return
    wal = str(wire.value("PRAGMA main.journal_mode")).lower() == "wal"
    needed = [disk_needed(step, sizes.get(step.target), wal=wal) for step in plan.steps]
    page, unused = (int(wire.value(f"PRAGMA main.{name}")) for name in ("page_size", "freelist_count"))
    growth = int(sum(needed) * _MARGIN) - page * unused
    _check_pages(wire, sum(needed), page, unused)
    if wire.path is None or growth <= 0:
        return
    folder, sorting = wire.path.parent, sorting_folder()
    indexed = [size.index_bytes for size in sizes.values() if size is not None and size.indexes]
    sorted_bytes = 2 * max(indexed, default=0)  # runs, and the runs that they are merged into
    if sorting is None or wire.value("PRAGMA temp_store") == _IN_MEMORY:
        sorted_bytes = 0
    elif os.stat(sorting).st_dev == os.stat(folder).st_dev:
        growth, sorted_bytes = growth + sorted_bytes, 0
    _check_folder(wire, folder, growth, free)
    if sorting is not None:
        _check_folder(wire, sorting, sorted_bytes, free)


def sorting_folder(environment: Iterable[str | None] | None = None) -> Path | None:
    """Where SQLite puts what it sorts (sqlite.org/tempfiles.html §5); None where no such folder can be written."""
    if environment is None:
        environment = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"))
    folders = (Path(name) for name in (*environment, "/var/tmp", "/usr/tmp", "/tmp", ".") if name)
    return next((folder for folder in folders if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)), None)


def _check_pages(wire: Wire, needed: int, page: int, unused: int) -> None:
    most, used = (int(wire.value(f"PRAGMA main.{name}")) for name in ("max_page_count", "page_count"))
    if used - unused + needed // page > most:
        raise DiskFullError(
            f'"{wire.name}" may have {most} pages, and the change needs about {used - unused + needed // page}',
            hint="Raise max_page_count; nothing was changed.",
            details={"max_page_count": most, "page_count": used, "needed_bytes": needed},
        )


def _check_folder(wire: Wire, folder: Path, needed: int, free: Free) -> None:
    there = free(folder)
    if needed > there:
        raise DiskFullError(
            f'The change of "{wire.name}" needs about {_megabytes(needed)} in "{folder}", and {_megabytes(there)} are'
            " free",
            hint="Free disk space there and try again; nothing was changed.",
            details={"folder": str(folder), "needed_bytes": needed, "free_bytes": there},
        )


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.1f} MB" if number >= 1e5 else f"{number:,} bytes"
