"""The container of a backup, "SDBK" version 1, under one name; ``docs/backup-format.md`` fixes every byte of it."""

from __future__ import annotations

from sodaf_migrate.backup.prologue import Parent, Prologue, new_prologue
from sodaf_migrate.backup.reader import BackupReader, Outline, outline, read_prologue
from sodaf_migrate.backup.rotate import rotate
from sodaf_migrate.backup.writer import BackupWriter, Written

__all__ = [
    "BackupReader",
    "BackupWriter",
    "Outline",
    "Parent",
    "Prologue",
    "Written",
    "new_prologue",
    "outline",
    "read_prologue",
    "rotate",
]
