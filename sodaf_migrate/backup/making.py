"""One backup from a look at the database to a file that is on disk and was read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sodaf_migrate.backup.chain import blamed, page_index, why_full
from sodaf_migrate.backup.check import check_chunks, is_good, prove_identity
from sodaf_migrate.backup.container import BackupReader, BackupWriter, Prologue, new_prologue, outline
from sodaf_migrate.backup.describe import MIGRATION, REASON, RECORDS, created_of, described
from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.keys import KeyRing
from sodaf_migrate.backup.payload import Link, Payload
from sodaf_migrate.backup.retention import chain_of
from sodaf_migrate.backup.snapshot import Snapshot, ordinary_table
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.backup.strategies.column import lost_values
from sodaf_migrate.backup.strategies.full_database import full_database
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.backup.strategies.incremental_database import changed_pages
from sodaf_migrate.backup.strategies.incremental_table import changed_rows, why_no_difference
from sodaf_migrate.backup.strategies.schema import schema_only
from sodaf_migrate.backup.subjects import Subject
from sodaf_migrate.backup.writer import encrypting
from sodaf_migrate.errors import BackupDamagedError, BackupKeyError
from sodaf_migrate.events import Listener, Progress
from sodaf_migrate.options import BackupOptions
from sodaf_migrate.plan import Loss

__all__ = ["Workshop", "opened_chain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Everything that making needs. The caller holds the store (``store.writing()``) and the snapshot."""

    store: BackupStore
    ring: KeyRing
    options: BackupOptions
    listener: Listener
    check: Callable[[], None]  # raises when the work shall stop
    now: datetime
    marks: Mapping[str, Any]  # what ``about`` tells for ``subjects.marks_of``

    # The kinds.

    def full(self, snapshot: Snapshot, subject: Subject, *, told: str = "") -> BackupInfo:
        """A table with everything around it, or the whole database."""
        folder = self.store.scratch
        if subject.table is None:
            self._check_room(snapshot)
            with full_database(snapshot, folder=folder, told=self._copying) as payload:
                return self.write(payload, subject, "FULL", told=told)
        with full_table(snapshot, subject.table, folder=folder) as payload:
            return self.write(payload, subject, "FULL", told=told)

    def schema(self, snapshot: Snapshot, subject: Subject) -> BackupInfo:
        """The stored statements alone."""
        with schema_only(snapshot, subject.table) as payload:
            return self.write(payload, subject, "SCHEMA")

    def losses(self, snapshot: Snapshot, subject: Subject, losses: Sequence[Loss]) -> BackupInfo:
        """The keys, the values that are about to be lost, and what will stand in their place."""
        with lost_values(snapshot, losses, folder=self.store.scratch) as payload:
            return self.write(payload, subject, "COLUMN")

    def incremental(self, snapshot: Snapshot, subject: Subject, infos: Sequence[BackupInfo]) -> BackupInfo:
        """What changed since the newest good backup of the same; a full one where nothing can be built on."""
        chain = _newest_chain(subject, infos)
        bad = next((info for info in chain if not is_good(info, self.store)), None)
        if bad is not None:
            return self.full(snapshot, subject, told=f"a full one: {_short(bad)} of its chain is damaged or missing")
        try:
            with opened_chain(chain, self.store, self.ring) as links:
                why = self._why_full(snapshot, subject, links)
                if not why:
                    return self._difference(snapshot, subject, links)
        except (BackupDamagedError, BackupKeyError) as error:
            why = error.message
        return self.full(snapshot, subject, told=f"a full one: {why}")

    def _why_full(self, snapshot: Snapshot, subject: Subject, links: Sequence[Link]) -> str:
        manifests = [link.source.manifest for link in links]
        kind = "database difference" if subject.table is None else "table difference"
        page_size = int(snapshot.wire.value("PRAGMA main.page_size"))
        why = why_full(manifests, kind, page_size, longest=self.options.longest_chain)
        if why or subject.table is None:
            return why
        return why_no_difference(ordinary_table(snapshot.wire, subject.table), manifests[-1])

    def _difference(self, snapshot: Snapshot, subject: Subject, links: Sequence[Link]) -> BackupInfo:
        folder, last = self.store.scratch, links[-1].source
        assert isinstance(last, BackupReader)
        if subject.table is not None:
            with changed_rows(snapshot, subject.table, links, folder=folder) as payload:
                return self.write(payload, subject, "INCREMENTAL", parent=last.prologue)
        self._check_room(snapshot)
        index = page_index(links)
        page_size = int(last.manifest["page_size"])
        with changed_pages(snapshot, index, page_size, folder=folder, told=self._copying) as payload:
            return self.write(payload, subject, "INCREMENTAL", parent=last.prologue)

    # The file.

    def write(
        self, payload: Payload, subject: Subject, type: str, *, parent: Prologue | None = None, told: str = ""
    ) -> BackupInfo:
        """Writes, syncs, and reads back a backup: when this returns, it is whole, on disk, and opens with its key.

        Raises BackupError and its kin, and DiskFullError; then no file of it is left.
        """
        prologue = self._prologue(payload, subject, type, parent)
        name = self.store.name_for(prologue.id, prologue.type, created_of(prologue))
        checksum = self._stream(payload, prologue, subject, name)
        try:
            info = described(self.store, name, checksum=checksum)
            check_chunks(info, self.store, self.ring, self.listener)
        except BaseException:
            self.store.delete(name)  # what cannot be read back is no backup, and must not look like one
            raise
        return replace(info, told=told)

    def _stream(self, payload: Payload, prologue: Prologue, subject: Subject, name: str) -> str:
        path, options, done = self.store.path_for(name), self.options, 0
        writer = BackupWriter(
            path, prologue, self.ring, level=options.level, threads=options.threads, files=self.store.files
        )
        with writer:
            writer.manifest(payload.manifest)
            for block in payload.stream:
                writer.write(block)
                done += len(block)
                self._tell(subject, done, payload.size)
                self.check()
            return writer.finish(payload.trailer).sha256

    def _prologue(self, payload: Payload, subject: Subject, type: str, parent: Prologue | None) -> Prologue:
        made_for = {MIGRATION: subject.migration_id, REASON: subject.reason}
        about = {
            **subject.about,
            **self.marks,
            **_public(payload.manifest),
            **{name: told for name, told in made_for.items() if told},
        }
        prologue = new_prologue(
            type=type,
            scope=subject.scope,
            doctype=subject.doctype or None,
            parent=parent,
            about=about,
            now=lambda: self.now,
        )
        return encrypting(prologue, self.ring)

    def _check_room(self, snapshot: Snapshot) -> None:
        pages, size = (int(snapshot.wire.value(f"PRAGMA main.{name}")) for name in ("page_count", "page_size"))
        self.store.check_room(pages * size)

    def _copying(self, done: int, total: int) -> None:
        self.listener(Progress(phase="copy", subject="the database", done=done, total=total, unit="bytes"))

    def _tell(self, subject: Subject, done: int, total: int | None) -> None:
        who = subject.doctype or "the database"
        self.listener(Progress(phase="backup", subject=who, done=done, total=total, unit="bytes"))


@contextmanager
def opened_chain(chain: Sequence[BackupInfo], store: BackupStore, ring: KeyRing) -> Iterator[list[Link]]:
    """The backups of a chain, opened, oldest first, while the block runs.

    Raises what BackupReader raises, DiskFullError where there is no room for what they hold, and BackupDamagedError
    where the first has a parent that is not there, or a file is another backup than it should be.
    """
    if chain and chain[0].parent is not None:
        raise BackupDamagedError(
            f'Backup "{chain[-1].id}" cannot be used: its parent "{chain[0].parent}" is not in the store',
            hint="Put the parent back into the store, or use an earlier backup.",
        )
    size, files = 0, store.files
    for info in chain:
        with blamed(info.id, chain[-1].id):
            size += outline(store.path_of(info.name), files=files).plain_bytes
    store.check_room(size)
    with ExitStack() as stack:
        links: list[Link] = []
        before: BackupReader | None = None
        for info in chain:
            with blamed(info.id, chain[-1].id):
                reader = stack.enter_context(BackupReader(store.path_of(info.name), ring, files=files))
            prove_identity(info, reader.prologue, before.prologue if before else None)
            links.append(Link(info.id, reader))
            before = reader
        yield links


def _newest_chain(subject: Subject, infos: Sequence[BackupInfo]) -> tuple[BackupInfo, ...]:
    """The newest backup that a difference could be built on, after all that it is built on; () where there is none."""
    listed = [info for info in infos if info.state != "unlisted"]
    mine = [
        info
        for info in listed
        if (info.scope, info.doctype) == (subject.scope, subject.doctype) and info.type in ("FULL", "INCREMENTAL")
    ]
    return chain_of(mine[-1], listed) if mine else ()


def _public(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What of a manifest may be read without the key: names, statements and counts, never a value of a row."""
    found = {name: manifest[name] for name in ("kind", "sqlite_version", "schema") if name in manifest}
    table, parts = manifest.get("table"), manifest.get("parts")
    if isinstance(table, Mapping):
        found |= {"table": table["name"], "columns": list(table["columns"]), RECORDS: table["rows"]}
    if isinstance(parts, Sequence):
        found["parts"] = [{name: part[name] for name in ("table", "columns", "rows")} for part in parts]
        found[RECORDS] = sum(part["rows"] for part in parts)
    return found


def _short(info: BackupInfo) -> str:
    return info.id[:12]
