"""Chains: a full backup and the differences built on it, put together to one state again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sodaf_migrate.backup.pages import HASH_BYTES, index_of, root_of
from sodaf_migrate.backup.payload import PAYLOAD, ROWS, Link
from sodaf_migrate.backup.scratch import Place, Scratch, scratch_file
from sodaf_migrate.backup.strategies.incremental_database import NUMBER_BYTES
from sodaf_migrate.dialects.sqlite.merges import merge
from sodaf_migrate.errors import BackupDamagedError, BackupError
from sodaf_migrate.wire.attach import attached
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import scratch_wire

__all__ = [
    "LONGEST",
    "attached_payload",
    "attached_rows",
    "blamed",
    "check_encoding",
    "page_index",
    "put_database",
    "put_payload",
    "why_full",
]

#: How many backups a chain may have before the next one has to be full: each is read to go back to the last.
LONGEST = 8


def why_full(manifests: Sequence[Mapping[str, Any]], kind: str, page_size: int, *, longest: int = LONGEST) -> str:
    """Why no difference of ``kind`` may follow on a chain with these manifests, oldest first; "" when one may."""
    if not manifests:
        return "there is no full backup to build on"
    if len(manifests) >= longest:
        return f"its chain would have more than {longest} backups"
    if manifests[0]["kind"] != kind.removesuffix(" difference") or any(m["kind"] != kind for m in manifests[1:]):
        return "the chain is of another kind"
    if kind == "database difference" and manifests[-1]["page_size"] != page_size:
        return "the database has pages of another size now"
    return ""


def put_payload(link: Link, scratch: Scratch) -> None:
    """Writes the payload of one backup into an empty scratch file. Raises what reading it raises."""
    for block in link.source.chunks():
        scratch.write(block)


@contextmanager
def attached_payload(wire: Wire, link: Link, folder: Place, *, alias: str = PAYLOAD) -> Iterator[None]:
    """The payload of one backup as the database ``alias`` of ``wire`` while the block runs.

    Enter it before the transaction (``atomic``) that uses it and leave it after: see ``wire.attach.attached``. The
    plaintext is in a file without a name, and nothing of it is used before all of it is proved.
    """
    with scratch_file(folder) as scratch, attached(wire, scratch.path, alias):
        # SQLite has the empty file open; it finds the bytes there as if another process had committed them.
        scratch.hide()
        put_payload(link, scratch)
        check_encoding(wire, link)
        yield


@contextmanager
def attached_rows(wire: Wire, links: Sequence[Link], folder: Place, *, alias: str = PAYLOAD) -> Iterator[None]:
    """The rows of a table as the last of the chain has them, as the payload of a FULL one, while the block runs.

    Its table ``rows`` has the columns of the last manifest. To be entered and left as ``attached_payload``. Raises
    BackupDamagedError that names the backup at fault, BackupError for a chain of another kind.
    """
    _check_kinds(links, "table")
    encoding = str(links[0].source.manifest["encoding"])
    with (
        scratch_file(folder) as scratch,
        scratch_wire(scratch.path, encoding=encoding, watch=wire.watch) as own,
        attached(wire, scratch.path, alias),
    ):
        scratch.hide()
        with _blamed(links, 0):
            put_payload(links[0], scratch)
        check_encoding(wire, links[-1])
        for place in range(1, len(links)):
            with _blamed(links, place):
                _merge(own, links[place - 1], links[place], folder)
        yield


def _merge(own: Wire, before: Link, link: Link, folder: Place) -> None:
    manifest = link.source.manifest
    with attached_payload(own, link, folder), own.atomic():
        for sql in merge(
            manifest["table"], manifest["matched"], len(before.source.manifest["table"]["columns"]), PAYLOAD
        ):
            own.run(sql)
        found, expected = own.value(f"SELECT count(*) FROM main.{ROWS}"), manifest["table"]["rows"]
        if found != expected:
            raise BackupDamagedError(
                f"the chain gives {found} rows where there were {expected}",
                hint="It does not stand on the backup that is before it: restore an earlier one.",
            )


def put_database(links: Sequence[Link], scratch: Scratch) -> None:
    """Writes the file of the database as the last of the chain has it, byte for byte, into an empty scratch file.

    Raises BackupDamagedError that names the backup at fault, or the last where the whole is not what it was.
    """
    _check_kinds(links, "database")
    page_size = int(links[0].source.manifest["page_size"])
    with _blamed(links, 0):
        put_payload(links[0], scratch)
        _check_size(scratch, links[0])
    for place in range(1, len(links)):
        with _blamed(links, place):
            source = links[place].source
            for number, page in _Pages(source.chunks(), page_size):
                scratch.write(page, (number - 1) * page_size)
            scratch.truncate(int(source.manifest["pages"]) * page_size)
    if len(links) > 1:
        with _blamed(links, len(links) - 1):
            _check_root(links[-1], index_of(scratch.blocks(), page_size), page_size)


def page_index(links: Sequence[Link]) -> bytearray:
    """The hashes of all pages as the last backup of the chain has them; it alone is read, to its end."""
    _check_kinds(links, "database")
    last = links[-1].source
    page_size = int(last.manifest["page_size"])
    with _blamed(links, len(links) - 1):
        if len(links) == 1:
            return index_of(last.chunks(), page_size)
        pages = _Pages(last.chunks(), page_size)
        for _ in pages:
            pass
        _check_root(links[-1], pages.index, page_size)
        return pages.index


class _Pages:
    """(number, page) of each changed page of a difference; ``index`` after the last."""

    def __init__(self, chunks: Iterator[bytes], page_size: int) -> None:
        self._chunks, self._page_size = chunks, page_size
        self._held = bytearray()
        self.index = bytearray()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while number := int.from_bytes(self._take(NUMBER_BYTES), "big"):
            yield number, self._take(self._page_size)
        self.index, self._held = self._held, bytearray()
        for block in self._chunks:
            self.index += block

    def _take(self, length: int) -> bytes:
        while len(self._held) < length:
            block = next(self._chunks, None)
            if block is None:
                raise BackupDamagedError("the changed pages end too early", hint="Take another copy of the backup.")
            self._held += block
        taken = bytes(self._held[:length])
        del self._held[:length]
        return taken


def _check_kinds(links: Sequence[Link], kind: str) -> None:
    for place, link in enumerate(links):
        wanted = f"{kind} difference" if place else kind
        found = link.source.manifest.get("kind")
        if found != wanted:
            raise BackupError(
                f'Backup "{link.name}" is a "{found}" where a "{wanted}" has to be',
                hint="Give a full backup and then its differences, oldest first.",
            )
    if not links:
        raise BackupError("A chain without any backup gives nothing", hint="Give at least a full backup.")


def _check_size(scratch: Scratch, link: Link) -> None:
    manifest = link.source.manifest
    if scratch.size != int(manifest["pages"]) * int(manifest["page_size"]):
        raise BackupDamagedError(
            f"it holds {scratch.size} bytes, which are not its {manifest['pages']} pages", hint="Take another copy."
        )


def _check_root(link: Link, index: bytearray, page_size: int) -> None:
    trailer = link.source.trailer
    if len(index) != HASH_BYTES * int(trailer["pages"]) or root_of(index, page_size) != trailer["root"]:
        raise BackupDamagedError(
            "the pages are not those that the database had",
            hint="It does not stand on the backup that is before it: restore an earlier one.",
        )


def check_encoding(wire: Wire, link: Link) -> None:
    """Raises BackupError where the texts of a backup are encoded otherwise than those of the database."""
    found, held = wire.value("PRAGMA main.encoding"), link.source.manifest["encoding"]
    if found != held:
        raise BackupError(
            f'Backup "{link.name}" holds text as {held} and "{wire.name}" as {found}, which SQLite cannot mix',
            hint=f"Restore it into a new database, or into one whose encoding is {held}.",
        )


@contextmanager
def blamed(name: str, last: str) -> Iterator[None]:
    """Damage found inside is said of the backup ``name``, on which ``last`` stands."""
    try:
        yield
    except BackupDamagedError as error:
        role = f', on which "{last}" stands,' if name != last else ""
        raise type(error)(
            f'Backup "{name}"{role} is damaged: {error.message}',
            hint=error.hint,
            details={**error.details, "backup": name},
        ) from error


def _blamed(links: Sequence[Link], place: int) -> AbstractContextManager[None]:
    return blamed(links[place].name, links[-1].name)
