"""What there is to say about backups: lists, one in full, what a check found, what was pruned or restored, and keys."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from sodaf_migrate.backup.info import BackupInfo, Pruned, Rebuilt, RestoreResult, Rotated, VerifyResult
from sodaf_migrate.report.lines import Line, Style, counted, duration, heading, table

__all__ = [
    "SHORT",
    "backup_lines",
    "backups_lines",
    "bytes_of",
    "made_lines",
    "pruned_lines",
    "rebuilt_lines",
    "restored_lines",
    "rotated_lines",
    "verified_backups_lines",
]

#: How much of an id is shown in tables; commands take any beginning that only one backup has.
SHORT = 12

_UNITS = ("bytes", "KB", "MB", "GB", "TB")
_STATES: dict[str, Style] = {"missing": "bad", "changed": "bad", "unlisted": "warn"}


def bytes_of(size: int) -> str:
    """ "812 bytes", "3.4 MB": powers of a thousand."""
    value, unit = float(size), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{size} {'byte' if size == 1 else 'bytes'}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def backups_lines(infos: Sequence[BackupInfo]) -> list[Line]:
    """The backups there are, latest first."""
    if not infos:
        return [Line("there are no backups")]
    total = bytes_of(sum(info.size for info in infos))
    lines = [Line(f"{counted(len(infos), 'backup')}, {total}", "title"), Line()]
    heads = ("when (UTC)", "of", "type", "rows", "size", "for", "id")
    lines += table(heads, map(_row, reversed(infos)), keep=["when (UTC)", "type", "size", "id"])
    worst = [info for info in infos if info.state in _STATES]
    lines += [Line()] if worst else []
    return lines + [Line(f"{info.id[:SHORT]}: {_state(info)}", _STATES[info.state]) for info in worst]


def made_lines(info: BackupInfo) -> list[Line]:
    """A backup that was made just now."""
    rows = "" if info.record_count is None else f", {counted(info.record_count, 'row')}"
    lines = [Line(f"{_of(info)}: {info.type} backup{rows}, {bytes_of(info.size)}, verified  {info.id}", "good")]
    lines += [Line(info.path, "", 2, whole=True)]
    lines += [Line(info.told, "warn", 2)] if info.told else []
    return lines + ([] if info.encrypted else [_UNENCRYPTED])


_UNENCRYPTED = Line("it is not encrypted: whoever has the file reads every row of it", "warn", 2)


def backup_lines(info: BackupInfo) -> list[Line]:
    """One backup in full, as far as it can be told without its key."""
    facts = {
        "id": info.id,
        "when": info.created_at,
        "scope": info.scope,
        "rows": None if info.record_count is None else f"{info.record_count:,}",
        "size": bytes_of(info.size),
        "hash": info.checksum,
        "encrypted": "yes" if info.encrypted else "no",
        "built on": info.parent,
        "migration": info.migration_id,
        "file": info.path,
        "state": _state(info),
    }
    lines = [Line(f"{_of(info)}: {info.type}", _STATES.get(info.state, "title"))]
    lines += [Line(f"{name:10} {value}", "", 2, hang=11) for name, value in facts.items() if value]
    shown = _public(info.about)
    lines += heading("What it tells without its key") if shown else []
    return lines + [Line(f"{name}: {value}", "", 2) for name, value in shown]


def verified_backups_lines(results: Sequence[VerifyResult]) -> list[Line]:
    """What a check of some backups found, the bad ones first."""
    if not results:
        return [Line("there are no backups")]
    bad = [result for result in results if not result.ok]
    read, seconds = sum(result.bytes_read for result in results), sum(result.seconds for result in results)
    how = {0: "the hash of each file", 1: "every chunk", 2: "a restore of each"}[results[0].level]
    summary = f"{counted(len(results), 'backup')} checked ({how}, {bytes_of(read)}, {duration(seconds)})"
    damaged = sum(result.damaged for result in bad)
    locked = sum(result.locked and not result.damaged for result in bad)
    counts = {"damaged": damaged, "locked with another key": locked, "not to be told": len(bad) - damaged - locked}
    verdict = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "all good"
    lines = [Line(f"{summary}: {verdict}", "bad" if bad else "good")]
    for result in bad:
        lines += [Line(f"{result.id[:SHORT]}: {problem}", "bad", 2) for problem in result.problems]
    return lines


def pruned_lines(pruned: Pruned) -> list[Line]:
    """What retention deleted or would delete, and how much stays for which reason."""
    verb = "would be deleted" if pruned.dry_run else "deleted"
    if not pruned.deleted:
        lines = [Line(f"nothing {'would be' if pruned.dry_run else 'was'} deleted", "good")]
    else:
        lines = [Line(f"{counted(len(pruned.deleted), 'backup')} {verb}, {bytes_of(pruned.freed)}", "warn"), Line()]
        heads = ("when (UTC)", "of", "type", "rows", "size", "for", "id")
        lines += table(heads, map(_row, pruned.deleted), keep=["when (UTC)", "type", "size", "id"])
    reasons: dict[str, int] = {}
    for _, reason in pruned.kept:
        reasons[reason] = reasons.get(reason, 0) + 1
    lines += [Line(), Line(f"{counted(len(pruned.kept), 'backup')} kept", "title")] if reasons else []
    return lines + [Line(f"{count} {reason}", "", 2) for reason, count in sorted(reasons.items())]


def restored_lines(result: RestoreResult) -> list[Line]:
    """What a restore did or would do, in rows, with everything that was considered on the way."""
    counts = {
        "inserted": result.inserted,
        "overwritten": result.updated,
        "deleted": result.deleted,
        "as they are": result.unchanged,
        "left alone, not in the backup": result.kept,
        "left alone, changed since": result.conflicts,
    }
    rows = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "no rows"
    rows = "all of it" if result.whole else rows
    verb = "would be restored" if result.dry_run else "restored"
    lines = [Line(f"{result.target} {verb} from {result.backup_id[:SHORT]}: {rows}", "" if result.dry_run else "good")]
    lines += [Line(f"- {sentence}", "warn", 2) for sentence in result.told]
    safety = result.safety_backup
    return lines + ([Line(f"what was there before is in the backup {safety}", "", 2)] if safety else [])


def rebuilt_lines(rebuilt: Rebuilt) -> list[Line]:
    """What the catalogue and the files have in common, and what was or would be corrected."""
    parts = (
        (rebuilt.added, "not in the catalogue"),
        (rebuilt.removed, "in the catalogue without a file"),
        (rebuilt.changed, "in the catalogue otherwise"),
    )
    wrong = sum(len(infos) for infos, _ in parts)
    done = f"the catalogue is as the files say: {counted(rebuilt.total, 'backup')}"
    told = f"{counted(wrong, 'row')} of the catalogue {'is' if wrong == 1 else 'are'} not as the files say"
    lines = [Line(told if wrong and rebuilt.dry_run else done, "warn" if wrong and rebuilt.dry_run else "good")]
    lines += [Line(f"{info.id[:SHORT]}  {_of(info)}: was {words}", "", 2) for infos, words in parts for info in infos]
    if rebuilt.strangers:
        many = counted(len(rebuilt.strangers), "backup")
        lines += [Line(f"{many} of another database in the same store: not listed, and restored by id", "warn", 2)]
    return lines + [Line(f"{name}: {why}", "bad", 2) for name, why in rebuilt.unreadable]


def rotated_lines(rotated: Rotated) -> list[Line]:
    """Which backups open with the new key now."""
    lines = [Line(f"{counted(len(rotated.rotated), 'backup')} open with the key {rotated.key} now", "good")]
    lines += [Line(f"the key file is {rotated.key_file}: keep a copy of it in another place", "warn", 2)] * bool(
        rotated.key_file
    )
    return lines + [Line(f"{backup_id[:SHORT]}: {why}", "bad", 2) for backup_id, why in rotated.failed]


def _row(info: BackupInfo) -> tuple[Style, tuple[str, ...]]:
    rows = "" if info.record_count is None else f"{info.record_count:,}"
    when = info.created_at[:16].replace("T", " ")
    reason = info.reason or info.migration_id or "on demand"
    return _STATES.get(info.state, ""), (
        when,
        _of(info),
        info.type,
        rows,
        bytes_of(info.size),
        reason,
        info.id[:SHORT],
    )


def _of(info: BackupInfo) -> str:
    return "the database" if info.scope == "database" else info.doctype


def _state(info: BackupInfo) -> str:
    name = os.path.basename(info.path)
    return {
        "missing": f"its file is not in the store ({name})",
        "changed": f"its file has another size than when it was written ({name})",
        "unlisted": "the catalogue has no row of it",
    }.get(info.state, "")


def _public(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    plain = {name: value for name, value in about.items() if isinstance(value, (str, int, float))}
    return [(name, str(value)) for name, value in sorted(plain.items()) if "\n" not in str(value)]
