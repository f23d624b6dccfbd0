"""The stored files stay readable for ever, or are refused with the right error, in bounded memory."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from sodaf_migrate import errors
from sodaf_migrate.backup.container import BackupReader, outline, read_prologue
from sodaf_migrate.backup.keys import UNENCRYPTED, Key, KeyRing, passphrase_key
from tests.backup import make_vectors
from tests.oracle.container import read_container

VECTORS = Path(__file__).with_name("vectors")
INDEX: list[dict[str, Any]] = json.loads((VECTORS / "index.json").read_text(encoding="utf-8"))
GOOD = [entry for entry in INDEX if entry["error"] is None]
BAD = [entry for entry in INDEX if entry["error"] is not None]
SPREAD = 48  # MiB that refusing every bad file may add


def ring_of(entry: dict[str, Any]) -> KeyRing:
    """The keys that a vector is to be opened with."""
    if "passphrase" in entry:
        return KeyRing((passphrase_key(entry["passphrase"]),))
    if entry["key"]:
        return KeyRing((Key(bytes.fromhex(entry["key"])),))
    return KeyRing() if entry["file"] == "no-key.sdbk" else UNENCRYPTED


def read(entry: dict[str, Any], given: list[bytes]) -> BackupReader:
    """Reads a vector to its end; ``given`` takes the pieces."""
    with BackupReader(VECTORS / entry["file"], ring_of(entry)) as reader:
        given.extend(reader.chunks())
        return reader


def named(entry: dict[str, Any]) -> str:
    """A vector's name in the list of tests."""
    return str(entry["file"])


@pytest.mark.parametrize("entry", GOOD, ids=named)
def test_a_good_file_is_read(entry: dict[str, Any]) -> None:
    """Payload, trailer and what can be seen without the key, as on the day it was written."""
    given: list[bytes] = []
    reader = read(entry, given)
    payload = b"".join(given)
    assert (len(payload), hashlib.sha256(payload).hexdigest()) == (entry["size"], entry["sha256"])
    assert reader.manifest == {"sql": "CREATE TABLE tabCustomer(name TEXT)"}
    assert reader.trailer == {"rows": {"tabCustomer": 600}}
    seen = outline(VECTORS / entry["file"])
    assert (seen.plain_bytes, seen.chunks) == (len(payload), len(given))
    assert read_prologue(VECTORS / entry["file"]).created == "2026-01-31T09:30:00.000Z"


@pytest.mark.parametrize("entry", GOOD, ids=named)
def test_the_page_tells_how(entry: dict[str, Any]) -> None:
    """The reader that was written after the page alone finds the same."""
    key = entry.get("passphrase") or (bytes.fromhex(entry["key"]) if entry["key"] else None)
    found = read_container((VECTORS / entry["file"]).read_bytes(), key)
    given: list[bytes] = []
    reader = read(entry, given)
    assert (found.payload, found.manifest, found.trailer) == (b"".join(given), reader.manifest, reader.trailer)
    assert found.prologue["about"] == reader.prologue.about


@pytest.mark.parametrize("entry", BAD, ids=named)
def test_a_bad_file_is_refused(entry: dict[str, Any]) -> None:
    """With the right error, a hint, no key in its words, and nothing false given out."""
    given: list[bytes] = []
    with pytest.raises(errors.BackupError) as caught:
        read(entry, given)
    assert type(caught.value).__name__ == entry["error"], caught.value
    assert caught.value.hint and make_vectors.SECRET.hex() not in str(caught.value.to_dict())
    assert make_vectors.ROWS.startswith(b"".join(given))


def test_refusing_takes_little_memory() -> None:
    """A process that has read the good files hardly grows by refusing the bad ones: bombs, claims, absurd costs."""
    code = (
        "import resource\n"
        "from tests.backup.test_vectors import *\n"
        "def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "for entry in GOOD: read(entry, [])\n"
        "before = most()\n"
        "for entry in BAD:\n"
        "    with pytest.raises(errors.BackupError): read(entry, [])\n"
        "print(most() - before)\n"
    )
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert int(ran.stdout) < SPREAD


def test_a_bomb_is_one() -> None:
    """The bombs of the vectors would fill a gigabyte: otherwise their refusal would prove nothing."""
    assert zstandard.frame_content_size(make_vectors.zeros(told=True)) == make_vectors.BOMB == 1 << 30
    assert (VECTORS / "bomb-lying.sdbk").stat().st_size < 1 << 16


def test_the_script_makes_these_files(tmp_path: Path) -> None:
    """What the script makes today has the same names and errors as what is stored."""
    made = make_vectors.make(tmp_path)
    assert made == INDEX
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in VECTORS.iterdir() if path.suffix == ".sdbk"
    )


def test_a_good_file_shows_nothing_of_what_it_holds() -> None:
    """No row, no manifest and no key stands in an encrypted file; the public part does."""
    for entry in GOOD:
        data = (VECTORS / entry["file"]).read_bytes()
        if entry["file"] != "good-none.sdbk":
            assert not re.search(rb"CUST-\d|CREATE TABLE|\x28\xb5\x2f\xfd", data), entry["file"]
        assert make_vectors.SECRET not in data and b'"id":"' in data
