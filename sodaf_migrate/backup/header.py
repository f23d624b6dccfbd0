"""The header of a backup: opening, prologue, slots, checksum, seal.

The checksum needs no key and finds damage; the seal is made with the file key and finds forgery.
"""

from __future__ import annotations

import hmac
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sodaf_migrate.backup.cipher import NO_KEY, WRAPPED_BYTES, header_mac, key_id, unwrapped, wrapped
from sodaf_migrate.backup.kdf import Kdf, parse_kdf
from sodaf_migrate.backup.keys import Key, KeyRing
from sodaf_migrate.backup.prologue import PROLOGUE_LIMIT, UNENCRYPTED_ALGORITHM, Prologue, canonical, parse_prologue
from sodaf_migrate.errors import (
    BackupDamagedError,
    BackupKeyMissingError,
    BackupKeyWrongError,
    BackupTruncatedError,
    BackupUnencryptedError,
    BackupVersionError,
    NotABackupError,
)

__all__ = ["MAGIC", "OPENING", "SLOTS_LIMIT", "Header", "Slot", "encode_header", "lock", "parse_header", "unlock"]

MAGIC = b"SODAFBK"
_VERSION = 1
#: Magic, version, lengths of prologue and slots, CRC-32 of what stands before it.
OPENING = struct.Struct(">7sBIII")
SLOTS_LIMIT = 1 << 16
_MOST_SLOTS, _MOST_PASSPHRASES = 32, 8
_SUM_BYTES = _MAC_BYTES = 32
_AGAIN = "Take another copy of the backup, and check the device."


@dataclass(frozen=True, slots=True)
class Slot:
    """The file key, wrapped by the key whose public name is ``kid``; ``kdf`` says how a passphrase becomes that key."""

    kid: str
    kdf: Kdf | None
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the chunks; ``size`` is where they begin. ``covered`` is what ``mac`` seals."""

    prologue: Prologue
    slots: tuple[Slot, ...]
    covered: bytes
    mac: bytes

    @property
    def size(self) -> int:
        """Bytes of the whole header."""
        return len(self.covered) + len(self.mac)


def lock(ring: KeyRing, file_key: bytes, prologue: Prologue) -> tuple[Slot, ...]:
    """A slot for each key of the ring that writes; none for a backup that is not encrypted."""
    return tuple(_slot(key, file_key, prologue) for key in ring.keys[: ring.writers])


def _slot(key: Key, file_key: bytes, prologue: Prologue) -> Slot:
    secret = key.for_slot(key.kdf)
    assert secret is not None
    return Slot(key_id(secret), key.kdf, wrapped(secret, file_key, prologue))


def encode_header(prologue: Prologue, slots: tuple[Slot, ...], file_key: bytes) -> bytes:
    """The bytes of a header, sealed with the file key. Raises ValueError for more slots than a file may have."""
    passphrases = sum(slot.kdf is not None for slot in slots)
    if len(slots) > _MOST_SLOTS or passphrases > _MOST_PASSPHRASES:
        raise ValueError(f"a backup has at most {_MOST_SLOTS} keys, {_MOST_PASSPHRASES} of them passphrases")
    block = canonical(
        [
            {"kid": slot.kid, "kdf": slot.kdf.to_dict() if slot.kdf else None, "wrapped": slot.wrapped.hex()}
            for slot in slots
        ]
    )
    opening = OPENING.pack(MAGIC, _VERSION, len(prologue.encoded), len(block), 0)[:-4]
    covered = opening + zlib.crc32(opening).to_bytes(4, "big") + prologue.encoded + block
    covered += sha256(covered).digest()
    return covered + header_mac(file_key, covered)


def parse_header(read: Callable[[int, int], bytes]) -> Header:
    """The header of the file that ``read(length, offset)`` reads from (fewer bytes only where it ends).

    Nothing larger than 64 KiB is asked for. Raises NotABackupError, BackupVersionError, BackupTruncatedError,
    BackupDamagedError. Who has no key yet knows only that it is undamaged, not who wrote it.
    """
    opening = read(OPENING.size, 0)
    _check_magic(opening)
    _need(opening, OPENING.size)
    _, _, prologue_size, slots_size, crc = OPENING.unpack(opening)
    if crc != zlib.crc32(opening[:-4]):
        raise BackupDamagedError("the first bytes of the backup are damaged", hint=_AGAIN)
    if prologue_size > PROLOGUE_LIMIT or slots_size > SLOTS_LIMIT:
        raise BackupDamagedError(
            f"the backup claims a header of {prologue_size + slots_size} bytes, more than any has", hint=_AGAIN
        )
    size = prologue_size + slots_size + _SUM_BYTES + _MAC_BYTES
    rest = read(size, OPENING.size)
    _need(rest, size)
    covered = opening + rest[:-_MAC_BYTES]
    if not hmac.compare_digest(sha256(covered[:-_SUM_BYTES]).digest(), covered[-_SUM_BYTES:]):
        raise BackupDamagedError("the header of the backup is damaged: its checksum does not fit", hint=_AGAIN)
    prologue = parse_prologue(rest[:prologue_size])
    slots = _parse_slots(rest[prologue_size : prologue_size + slots_size])
    if (prologue.alg == UNENCRYPTED_ALGORITHM) != (not slots):
        raise BackupDamagedError("the backup has keys and no encryption, or the other way round", hint=_AGAIN)
    return Header(prologue, slots, covered, rest[-_MAC_BYTES:])


def unlock(header: Header, ring: KeyRing) -> bytes:
    """The file key, with the seal of the header proved by it.

    Raises BackupKeyMissingError without any key, BackupKeyWrongError where none of them fits, BackupUnencryptedError
    where the ring does not allow that, BackupDamagedError where the fitting slot or the seal was altered.
    """
    if header.prologue.alg == UNENCRYPTED_ALGORITHM:
        if not ring.unencrypted:
            raise BackupUnencryptedError(
                "the backup is not encrypted, so anybody could have written or altered it",
                hint="Where you trust the place that it comes from, allow unencrypted backups by name.",
            )
        file_key = NO_KEY
    else:
        file_key = _file_key(header, ring)
    if not hmac.compare_digest(header_mac(file_key, header.covered), header.mac):
        raise BackupDamagedError("the header of the backup was altered: its seal does not fit", hint=_AGAIN)
    return file_key


def _file_key(header: Header, ring: KeyRing) -> bytes:
    named = ", ".join(slot.kid if slot.kdf is None else "a passphrase" for slot in header.slots)
    if not ring.keys:
        raise BackupKeyMissingError(
            f"the backup is locked with a key ({named}), and no key is configured",
            hint="Set SODAF_BACKUP_KEY, SODAF_BACKUP_KEY_FILE or SODAF_BACKUP_PASSPHRASE, or put the key file back.",
        )
    # Raw keys first: they cost nothing to try, a passphrase a fifth of a second.
    for slot in sorted(header.slots, key=lambda slot: slot.kdf is not None):
        for key in ring.keys:
            secret = key.for_slot(slot.kdf)
            if secret is None or not hmac.compare_digest(key_id(secret), slot.kid):
                continue
            file_key = unwrapped(secret, slot.wrapped, header.prologue)
            if file_key is None:
                raise BackupDamagedError(f'the slot of the key "{slot.kid}" was altered', hint=_AGAIN)
            return file_key
    raise BackupKeyWrongError(
        f"the backup is locked with another key ({named}) than the configured ones "
        f"({', '.join(key.id for key in ring.keys)})",
        hint="Configure the key that wrote it; older keys may stand below the newest in the key file.",
    )


def _parse_slots(block: bytes) -> tuple[Slot, ...]:
    try:
        document = json.loads(block)
        if not isinstance(document, list) or len(document) > _MOST_SLOTS:
            raise ValueError("is no list, or too long")
        slots = tuple(_parse_slot(item) for item in document)
        if sum(slot.kdf is not None for slot in slots) > _MOST_PASSPHRASES:
            raise ValueError("has too many passphrases")
    except (ValueError, RecursionError) as exc:
        why = str(exc) if type(exc) is ValueError else "is no JSON"
        raise BackupDamagedError(f"the list of keys of the backup is not sound: it {why}", hint=_AGAIN) from exc
    return slots


def _parse_slot(item: Any) -> Slot:
    if not isinstance(item, dict) or item.keys() != {"kid", "kdf", "wrapped"}:
        raise ValueError("has a slot of an unknown shape")
    kid, kdf, box = item["kid"], item["kdf"], item["wrapped"]
    if not (_hexadecimal(kid, 16) and _hexadecimal(box, 2 * WRAPPED_BYTES) and isinstance(kdf, (dict, type(None)))):
        raise ValueError("has a slot of an unknown shape")
    return Slot(kid, parse_kdf(kdf) if kdf is not None else None, bytes.fromhex(box))


def _hexadecimal(value: Any, length: int) -> bool:
    return isinstance(value, str) and len(value) == length and not set(value) - set("0123456789abcdef")


def _check_magic(opening: bytes) -> None:
    if not (opening.startswith(MAGIC) or MAGIC.startswith(opening)):
        raise NotABackupError("the file is no backup of sodaf-migrate", hint="Backups end in .sdbk.")
    if len(opening) > len(MAGIC):
        version = opening[len(MAGIC)]
        if version > _VERSION:
            raise BackupVersionError(
                f"the backup has format {version}, but this version reads up to {_VERSION}",
                hint="Read it with the version of sodaf-migrate that wrote it, or a later one.",
            )
        if version != _VERSION:
            raise BackupDamagedError("the first bytes of the backup are damaged", hint=_AGAIN)


def _need(data: bytes, length: int) -> None:
    if len(data) < length:
        raise BackupTruncatedError(
            "the backup ends within its header", hint="It was cut off while written or copied: take another copy."
        )
