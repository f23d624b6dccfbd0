"""What a caller may ask for: frozen, keyword-only values with the defaults that lose nothing."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.events import CancelToken

__all__ = [
    "HAZARDS",
    "POLICIES",
    "BackupOptions",
    "DryRunOptions",
    "OnConversionError",
    "PruneOptions",
    "RollbackOptions",
    "SyncOptions",
    "Transformer",
    "allows",
    "function_name",
]

#: A SQL expression over the row, or a function from the old value to the new one.
Transformer: TypeAlias = str | Callable[[Any], Any]

#: What becomes of values that a field's new type would lose or cannot take.
OnConversionError: TypeAlias = Literal["refuse", "null", "default", "keep"]
POLICIES: tuple[OnConversionError, ...] = ("refuse", "null", "default", "keep")

#: Every danger that must be allowed by name before a plan that has it is applied.
HAZARDS = (
    "drop_column",
    "drop_table",
    "lossy_conversion",
    "shrink_length",
    "fill_nulls",
    "blank_to_null",
    "drop_duplicates",
    "irreversible",
    "foreign_object_change",
    "downgrade",
)


def function_name(key: str) -> str:
    """The SQL function that the Python transformer of "DocType.field" is registered as."""
    return f"sodaf_{hashlib.sha256(key.lower().encode()).hexdigest()[:16]}"


def allows(allow: frozenset[str], hazard: str, doctype: str, column: str | None = None) -> bool:
    """Whether ``allow`` names ``hazard`` for all, for this DocType (``h:DocType``) or this column (``h:DocType.c``)."""
    names = {hazard, f"{hazard}:{doctype}".lower()}
    if column is not None:
        names.add(f"{hazard}:{doctype}.{column}".lower())
    return not names.isdisjoint(entry.lower() for entry in allow)


def _no_hazard(entry: str) -> ConfigurationError:
    from difflib import get_close_matches  # only a mistake needs it

    name, colon, target = entry.partition(":")
    near = get_close_matches(name.lower(), HAZARDS, n=1)
    known = "Known hazards: " + ", ".join(HAZARDS)
    hint = f'Did you mean "{near[0]}{colon}{target}"? {known}' if near else known
    return ConfigurationError(f'"{entry}" is not a hazard that can be allowed', hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """How ``sync_*`` behaves. Times are seconds.

    ``allow`` names hazards ("drop_column", "drop_column:Customer", "drop_column:Customer.legacy"); ``force`` allows
    all. ``renames`` maps old column names to new ones for this call. ``column_order`` "match" also makes the order of
    columns follow the wish (a rebuild). ``on_conversion_error`` says what becomes of values that a field's new type
    would lose or cannot take: "refuse" the plan, make them "null", take the field's "default", or "keep" them in a
    column ``<field>__old``; None leaves that to the field, its DocType and the site. ``date_formats`` and
    ``number_formats`` are spellings to read besides ISO 8601 and plain numbers, None those of the site. ``keep_newer``
    leaves a DocType alone whose definition, as history shows, is older than the one applied (its result is "older").
    ``timeout`` bounds each migration from the look at its table to COMMIT (a run in one transaction as a whole),
    ``cancel`` stops all of the call from another thread; what was done is rolled back.
    ``transformers`` gives fields ("Customer.phone") their own way of carrying values over where their type changes: an
    SQL expression over the row, or a function of one value. ``sqlite_version`` plans for an older library than the
    one loaded.
    ``before`` and ``after`` are called inside the transaction with (connection, plan), ``on_error`` after its rollback
    with (plan, error). Raises ConfigurationError for an unknown hazard, and a timeout that is not above zero.
    """

    allow: frozenset[str] = frozenset()
    force: bool = False
    renames: Mapping[str, str] = field(default_factory=dict)
    column_order: Literal["ignore", "match"] = "ignore"
    on_conversion_error: OnConversionError | None = None
    date_formats: Sequence[str] | None = None
    number_formats: Sequence[str] | None = None
    transformers: Mapping[str, Transformer] = field(default_factory=dict)
    sqlite_version: tuple[int, int, int] | None = None
    transaction: Literal["migration", "run"] = "migration"
    continue_on_error: bool = True
    lock_timeout: float = 30.0
    timeout: float | None = None
    cancel: CancelToken | None = None
    keep_newer: bool = False
    applied_by: str | None = None
    description: str = ""
    before: Callable[[Any, Any], None] | None = None
    after: Callable[[Any, Any], None] | None = None
    on_error: Callable[[Any, BaseException], None] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "allow", frozenset(self.allow))
        if self.on_conversion_error not in (None, *POLICIES):
            raise ConfigurationError(
                f'"{self.on_conversion_error}" is nothing that can be done with a value that does not convert',
                hint='Use "refuse", "null", "default" or "keep".',
            )
        _check_timeout(self.timeout)
        for entry in sorted(self.allow):
            if entry.partition(":")[0] not in HAZARDS:
                raise _no_hazard(entry)

    @property
    def hooks(self) -> dict[str, str]:
        """The callables that have a hand in it, by the names that history keeps: {"before": "site.hooks.fill"}."""
        named = {key: how for key, how in self.transformers.items() if callable(how)}
        given = {"before": self.before, "after": self.after, "on_error": self.on_error, **named}
        return {name: _name_of(hook) for name, hook in given.items() if hook is not None}

    def allows(self, hazard: str, doctype: str, column: str | None = None) -> bool:
        """Whether this call may do what ``hazard`` names to that DocType or column."""
        return self.force or allows(self.allow, hazard, doctype, column)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunOptions:
    """How ``dry_run`` looks ahead; ``allow`` and ``renames`` as in SyncOptions."""

    allow: frozenset[str] = frozenset()
    force: bool = False
    renames: Mapping[str, str] = field(default_factory=dict)
    column_order: Literal["ignore", "match"] = "ignore"
    on_conversion_error: OnConversionError | None = None
    date_formats: Sequence[str] | None = None
    number_formats: Sequence[str] | None = None
    transformers: Mapping[str, Transformer] = field(default_factory=dict)
    keep_newer: bool = False
    lock_timeout: float = 30.0
    script: bool = False  # also make the SQL script for the sqlite3 shell

    def as_sync(self) -> SyncOptions:
        """The sync that this dry run previews."""
        return SyncOptions(
            allow=self.allow,
            force=self.force,
            renames=self.renames,
            column_order=self.column_order,
            on_conversion_error=self.on_conversion_error,
            date_formats=self.date_formats,
            number_formats=self.number_formats,
            transformers=self.transformers,
            keep_newer=self.keep_newer,
            lock_timeout=self.lock_timeout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackOptions:
    """How ``rollback_migration`` behaves; ``allow`` names the hazards of the way back, the rest as in SyncOptions."""

    allow: frozenset[str] = frozenset()
    force: bool = False
    lock_timeout: float = 30.0
    timeout: float | None = None
    cancel: CancelToken | None = None
    applied_by: str | None = None

    def __post_init__(self) -> None:
        _check_timeout(self.timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOptions:
    """Where and how backups are kept. Times are seconds.

    ``directory`` is the store, None the folder "<database>.backups" beside the database. ``key`` is given by the caller
    (32 bytes, their text, or the path of a key file), None looks in the environment and in the user's key file.
    ``encrypt`` False writes files that anybody can read, and anybody could have written: such are read only with it, or
    with ``read_unencrypted``. ``level`` is zstd's, 1 (fast) to 19 (small). ``timeout`` ends a backup that takes longer.
    An incremental backup becomes a full one when its chain would be longer than ``longest_chain``. Raises
    ConfigurationError for a value that does not fit.
    """

    directory: str | os.PathLike[str] | None = None
    key: bytes | str | os.PathLike[str] | None = field(default=None, repr=False)
    encrypt: bool = True
    read_unencrypted: bool = False
    level: int = 3
    threads: int | None = None
    timeout: float = 3600.0
    lock_timeout: float = 30.0
    longest_chain: int = 8

    def __post_init__(self) -> None:
        _in_range("level", self.level, 1, 19)
        _in_range("longest_chain", self.longest_chain, 1, 64)
        _in_range("timeout", self.timeout, 0, math.inf)
        _in_range("lock_timeout", self.lock_timeout, 0, math.inf)
        if self.threads is not None:
            _in_range("threads", self.threads, 1, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOptions:
    """Which backups retention may delete: those that any of the limits given is over.

    ``max_age`` in days; ``max_count`` chains of each table, and of the whole database; ``max_size`` bytes in all, the
    oldest go first. ``forgotten`` also gives up backups of migrations that history has no record of, and files that the
    catalogue does not list. Without a limit nothing is deleted. Raises ConfigurationError for a limit below zero.
    """

    max_age: float | None = None
    max_count: int | None = None
    max_size: int | None = None
    forgotten: bool = False

    def __post_init__(self) -> None:
        for name in ("max_age", "max_count", "max_size"):
            value = getattr(self, name)
            if value is not None:
                _in_range(name, value, 0, math.inf)


def _name_of(hook: Callable[..., Any]) -> str:
    module = getattr(hook, "__module__", type(hook).__module__)
    return f"{module}.{getattr(hook, '__qualname__', type(hook).__qualname__)}"


def _in_range(name: str, value: float, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        limit = f"{least} or more" if most == math.inf else f"from {least} to {most}"
        raise ConfigurationError(f'"{name}" is {value!r}, but must be {limit}', hint="Give a number within the limits.")


def _check_timeout(seconds: float | None) -> None:
    if seconds is not None and not seconds > 0:
        raise ConfigurationError(
            f'"{seconds}" seconds is no time in which a migration could be done',
            hint="Give a timeout above zero, or none for as long as it takes.",
        )
