"""The prologue of a backup: what anybody may read without a key, and what never changes after it was written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from sodaf_migrate.errors import BackupDamagedError, BackupError, BackupVersionError

__all__ = [
    "ALGORITHMS",
    "CHUNK",
    "CHUNK_LIMITS",
    "PROLOGUE_LIMIT",
    "SCOPES",
    "TYPES",
    "UNENCRYPTED_ALGORITHM",
    "Parent",
    "Prologue",
    "canonical",
    "json_object",
    "new_prologue",
    "parse_prologue",
]

#: The largest prologue, in bytes.
PROLOGUE_LIMIT = 1 << 16
#: Bytes of payload in a chunk, and the least and most that a file may have.
CHUNK = 4 << 20
CHUNK_LIMITS = (64, 16 << 20)

TYPES = ("FULL", "COLUMN", "SCHEMA", "INCREMENTAL")
SCOPES = ("database", "table")
UNENCRYPTED_ALGORITHM = "NONE"
ALGORITHMS = ("A256GCM", "C20P", UNENCRYPTED_ALGORITHM)
_COMPRESSION = "zstd"
_PLAIN = ("id", "created", "type", "scope", "doctype", "alg", "comp", "chunk", "salt")

_HEX16 = re.compile(r"[0-9a-f]{32}")
_HEX32 = re.compile(r"[0-9a-f]{64}")
_CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parent:
    """The backup that an incremental one builds on: its id, and the SHA-256 of its prologue in hexadecimal."""

    id: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Prologue:
    """Who, when, what: ``about`` is public (names and counts, never values of rows).

    ``created`` is UTC in ISO 8601 ending in "Z"; ``id`` and ``salt`` are 16 random bytes in hexadecimal; ``chunk`` is
    in bytes. ``omitted`` names what stood in ``about`` but had no room within 64 KiB: only the key shows it, for it is
    kept with the manifest.
    """

    id: str
    created: str
    type: str
    scope: str
    doctype: str | None
    parent: Parent | None
    alg: str
    comp: str
    chunk: int
    salt: str
    about: Mapping[str, Any] = field(default_factory=dict)
    omitted: tuple[str, ...] = ()

    @cached_property
    def encoded(self) -> bytes:
        """The bytes in the file: canonical JSON."""
        return canonical(
            {
                **{name: getattr(self, name) for name in _PLAIN},
                "parent": {"id": self.parent.id, "sha256": self.parent.sha256} if self.parent else None,
                "about": {name: value for name, value in self.about.items() if name not in self.omitted},
                "omitted": list(self.omitted),
            }
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes in the file, in hexadecimal: what a child names its parent by."""
        return sha256(self.encoded).hexdigest()


def new_prologue(
    *,
    type: str,
    scope: str,
    doctype: str | None,
    parent: Prologue | Parent | None = None,
    about: Mapping[str, Any] | None = None,
    alg: str = "A256GCM",
    chunk: int = CHUNK,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    random: Callable[[int], bytes] = os.urandom,
) -> Prologue:
    """The prologue of a backup that is about to be written; ``about`` holds plain JSON values.

    Raises ValueError for a type, scope, alg or chunk that the format does not have, or a parent where none belongs;
    BackupError where even without ``about`` it has more than 64 KiB.
    """
    for name, value, known in (("type", type, TYPES), ("scope", scope, SCOPES), ("alg", alg, ALGORITHMS)):
        if value not in known:
            raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(known)}")
    if not CHUNK_LIMITS[0] <= chunk <= CHUNK_LIMITS[1]:
        raise ValueError(f"chunk is {chunk}, but must be {CHUNK_LIMITS[0]} to {CHUNK_LIMITS[1]} bytes")
    if (parent is not None) != (type == "INCREMENTAL"):
        raise ValueError("a parent belongs to an INCREMENTAL backup, and to no other")
    prologue = Prologue(
        id=random(16).hex(),
        created=now().astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
        type=type,
        scope=scope,
        doctype=doctype,
        parent=Parent(parent.id, parent.digest) if isinstance(parent, Prologue) else parent,
        alg=alg,
        comp=_COMPRESSION,
        chunk=chunk,
        salt=random(16).hex(),
        about=json.loads(canonical(dict(about or {}))),  # as a reader will see it: tuples become lists
    )
    return replace(prologue, omitted=_without_room(prologue))


def _without_room(prologue: Prologue) -> tuple[str, ...]:
    """The largest parts of ``about``, as many as have to go for the rest to fit."""
    omitted: list[str] = []
    sizes = {name: len(canonical(value)) for name, value in prologue.about.items()}
    for name in (*sorted(sizes, key=lambda name: (-sizes[name], name)), None):
        length = len(replace(prologue, omitted=tuple(sorted(omitted))).encoded)
        if length <= PROLOGUE_LIMIT:
            break
        if name is None:
            raise BackupError(
                f"what a backup says publicly has {length} bytes, but at most {PROLOGUE_LIMIT} have room",
                hint="Give a shorter name to what is backed up.",
            )
        omitted.append(name)
    return tuple(sorted(omitted))


def parse_prologue(encoded: bytes) -> Prologue:
    """The prologue in ``encoded``. Raises BackupDamagedError, or BackupVersionError for words of a later version."""
    document = json_object(encoded, "the prologue")
    for name, known in (("type", TYPES), ("scope", SCOPES), ("alg", ALGORITHMS), ("comp", (_COMPRESSION,))):
        if isinstance(document.get(name), str) and document[name] not in known:
            raise BackupVersionError(
                f'the backup has the {name} "{document[name][:40]}", which this version does not know',
                hint="Read it with the version of sodaf-migrate that wrote it, or a later one.",
            )
    prologue = _prologue(document)
    if prologue is None or prologue.encoded != encoded:
        raise BackupDamagedError(
            "the prologue of the backup does not say what a prologue says", hint="Take another copy of the backup."
        )
    return prologue


def _prologue(document: Mapping[str, Any]) -> Prologue | None:
    """The prologue that the document spells; None where a part is missing, left over, or of another kind."""
    parent, omitted = document.get("parent"), document.get("omitted")
    if parent is not None:
        if not isinstance(parent, dict) or parent.keys() != {"id", "sha256"}:
            return None
        if not (_spells(_HEX16, parent["id"]) and _spells(_HEX32, parent["sha256"])):
            return None
    chunk = document.get("chunk")
    sound = (
        document.keys() == Prologue.__dataclass_fields__.keys()
        and _spells(_HEX16, document["id"])
        and _spells(_HEX16, document["salt"])
        and _spells(_CREATED, document["created"])
        and all(isinstance(document[name], str) for name in ("type", "scope", "alg", "comp"))
        and isinstance(document["doctype"], (str, type(None)))
        and isinstance(chunk, int)
        and CHUNK_LIMITS[0] <= chunk <= CHUNK_LIMITS[1]
        and isinstance(document["about"], dict)
        and isinstance(omitted, list)
        and all(isinstance(name, str) for name in omitted)
        and (parent is not None) == (document["type"] == "INCREMENTAL")
    )
    if not sound:
        return None
    values = {**document, "parent": Parent(**parent) if parent else None, "omitted": tuple(omitted or ())}
    return Prologue(**values)


def _spells(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def canonical(value: Any) -> bytes:
    """``value`` as the one JSON text that stands for it: ASCII, keys sorted, no blanks. Raises ValueError."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")).encode("ascii")


def json_object(text: bytes, what: str) -> dict[str, Any]:
    """The JSON object in ``text``. Raises BackupDamagedError where there is none, naming it as ``what``."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BackupDamagedError(f"{what} of the backup is no JSON object", hint="Take another copy of the backup.")
    return value


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
