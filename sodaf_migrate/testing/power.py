"""Power loss: what may be on the disk when the current fails between two operations of a log.

The model is that of a disk with a write cache under a file system that keeps the order of its folder operations:
what was synced is there; of what was not, any part may be: each write whole, absent, torn between 512-byte sectors or
with rubbish in some of them, and of the changes to the names in a folder the first few.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.testing.log import Entry, Log
from sodaf_migrate.testing.watch import Operation

__all__ = ["PowerLoss", "power_loss_states", "power_losses"]

_SECTOR = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLoss:
    """What is left on the disk: the files by their path below the folder of the log.

    ``at`` operations had been done; ``fate`` says what became of what was not synced: "none", "all", "random 0"….
    """

    at: int
    fate: str
    files: dict[str, bytes] = field(repr=False)

    @property
    def digest(self) -> str:
        """Equal for states of the same files."""
        whole = hashlib.blake2b(digest_size=16)
        for name, data in self.files.items():
            whole.update(f"{name} {len(data)}\0".encode() + data)
        return whole.hexdigest()

    @contextmanager
    def materialised(self, within: str | os.PathLike[str] | None = None) -> Iterator[Path]:
        """A new folder (in the folder ``within``) that holds these files while the block runs."""
        with tempfile.TemporaryDirectory(dir=within) as folder:
            for name, data in self.files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            yield Path(folder)


def power_loss_states(log: Log, *, at: int, draws: int = 3, seed: int = 0) -> tuple[PowerLoss, ...]:
    """The states after a power loss when ``at`` operations were done: none, all and ``draws`` random ones.

    "none": nothing of what was not synced; "all": all of it. States of equal files are given once. Raises
    ConfigurationError for a moment that is not in the log.
    """
    if not 0 <= at <= len(log):
        raise ConfigurationError(
            f'The log has no moment "{at}": it has {len(log)} operations', hint="Choose one from 0 to len(log)."
        )
    disk = _Disk(log)
    for entry in log.entries[:at]:
        disk.do(entry)
    return tuple(disk.states(at, draws, seed))


def power_losses(log: Log, *, draws: int = 3, seed: int = 0) -> Iterator[PowerLoss]:
    """The states of ``power_loss_states`` for every moment of the log, from 0 to its end.

    The same files may be left at several moments: ``digest`` tells, so that a verdict need be found only once.
    """
    disk = _Disk(log)
    yield from disk.states(0, draws, seed)
    for at, entry in enumerate(log.entries, 1):
        disk.do(entry)
        yield from disk.states(at, draws, seed)


class _Disk:
    """A disk on which a log is done again: what is safe, and what is still in its cache."""

    def __init__(self, log: Log) -> None:
        self.folder = str(log.folder)
        self.safe = {inode: bytearray(data) for inode, data in log.before.items()}
        self.cached: dict[int, list[Operation]] = {inode: [] for inode in log.before}
        self.names = dict(log.first_names)
        self.moves: dict[str, list[tuple[Operation, int]]] = {}

    def do(self, entry: Entry) -> None:
        operation = entry.operation
        if operation.kind in ("write", "truncate"):
            self.cached[entry.inode].append(operation)
        elif operation.kind == "sync":
            for done in self.cached[entry.inode]:
                _apply(self.safe[entry.inode], done)
            self.cached[entry.inode].clear()
        elif operation.kind == "sync_folder":
            for move in self.moves.pop(operation.path, []):
                _move(self.names, *move)
        else:
            self.moves.setdefault(os.path.dirname(operation.target or operation.path), []).append(
                (operation, entry.inode)
            )

    def states(self, at: int, draws: int, seed: int) -> Iterator[PowerLoss]:
        fates = ["none", "all", *(f"random {number}" for number in range(draws))]
        given: set[str] = set()
        for fate in fates:
            loss = PowerLoss(at=at, fate=fate, files=self._files(fate, random.Random(f"{seed} {at} {fate}")))
            if (digest := loss.digest) not in given:
                given.add(digest)
                yield loss

    def _files(self, fate: str, chance: random.Random) -> dict[str, bytes]:
        names = dict(self.names)
        for moves in self.moves.values():
            kept = {"none": 0, "all": len(moves)}.get(fate)
            for move in moves[: chance.randint(0, len(moves)) if kept is None else kept]:
                _move(names, *move)
        return {
            os.path.relpath(path, self.folder): self._content(inode, fate, chance)
            for path, inode in sorted(names.items())
        }

    def _content(self, inode: int, fate: str, chance: random.Random) -> bytes:
        content = bytearray(self.safe[inode])
        if fate != "none":
            for done in self.cached[inode]:
                if fate == "all" or (happens := chance.choice(("kept", "lost", "torn", "rubbish"))) == "kept":
                    _apply(content, done)
                elif happens != "lost":
                    _spoil(content, done, happens == "rubbish", chance)
        return bytes(content)


def _apply(content: bytearray, done: Operation) -> None:
    if done.kind == "truncate":
        del content[done.offset :]
    else:
        if len(content) < done.offset:
            content.extend(bytes(done.offset - len(content)))
        content[done.offset : done.offset + done.length] = done.data


def _spoil(content: bytearray, done: Operation, rubbish: bool, chance: random.Random) -> None:
    """Some sectors of a write are there, others not; with ``rubbish`` some hold anything. A truncation is whole."""
    if done.kind == "truncate":
        return
    start = 0
    while start < done.length:
        end = min(done.length, start + _SECTOR - (done.offset + start) % _SECTOR)
        part, fate = done.data[start:end], chance.random()
        if rubbish and fate < 0.3:
            part, fate = chance.randbytes(len(part)), 0.0
        if fate < 0.5:
            part_done = Operation(
                kind="write", role=done.role, path=done.path, offset=done.offset + start, length=len(part), data=part
            )
            _apply(content, part_done)
        start = end


def _move(names: dict[str, int], operation: Operation, inode: int) -> None:
    if operation.kind == "create":
        names[operation.path] = inode
    elif operation.kind == "delete":
        names.pop(operation.path, None)
    else:
        if operation.kind == "rename":
            names.pop(operation.path, None)
        names[operation.target] = inode
