"""The keys of the configuration: what each is called, means, and takes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from sodaf_migrate.config.connecting import named
from sodaf_migrate.options import POLICIES, SyncOptions
from sodaf_migrate.permissions import MigrationPermissions

__all__ = ["BY_NAME", "ENVIRONMENT", "PERMISSIONS", "SETTINGS", "Setting"]

#: What every environment variable of ours begins with.
ENVIRONMENT = "SODAF_"

#: The keys of ``[permissions]``.
PERMISSIONS = tuple(part.name for part in fields(MigrationPermissions))


def _text(value: Any) -> str:
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise ValueError("a text that is not empty")
    return str(os.fspath(value))


def _seconds(value: Any) -> float:
    try:
        seconds = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError("a number of seconds, 0 or more")
    return seconds


def _limit(value: Any) -> float:
    seconds = _seconds(value)
    if not seconds > 0:
        raise ValueError("a number of seconds above 0")
    return seconds


def _level(value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= 19:
        raise ValueError("a whole number from 1 to 19")
    return int(text)


def _flag(value: Any) -> bool:
    flags = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    flag = value if isinstance(value, bool) else flags.get(str(value).lower())
    if flag is None:
        raise ValueError("true or false")
    return flag


def _names(value: Any) -> frozenset[str]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, (list, tuple, set, frozenset)) or not all(isinstance(name, str) for name in names):
        raise ValueError("a list of texts")
    found = frozenset(name.strip() for name in names if name.strip())
    SyncOptions(allow=found)  # raises the ConfigurationError that names the unknown hazard
    return found


def _one_of(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError("one of " + ", ".join(f'"{choice}"' for choice in choices))
        return str(value)

    return parse


def _formats(kind: str) -> Callable[[Any], tuple[str, ...]]:
    """A list of formats, separated by semicolons in a text: numbers have commas, dates may have blanks."""

    def parse(value: Any) -> tuple[str, ...]:
        formats = value.split(";") if isinstance(value, str) else value
        if not isinstance(formats, (list, tuple)) or not all(isinstance(text, str) for text in formats):
            raise ValueError("a list of texts")
        found = tuple(text.strip() for text in formats if text.strip())
        if found:
            from sodaf_migrate.dialects.sqlite.conversion_formats import SiteFormats

            SiteFormats(**{kind: found})  # raises the ConfigurationError that says what is wrong with it
        return found

    return parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of the configuration; ``parse`` raises ValueError saying what it expects."""

    name: str
    meaning: str
    parse: Callable[[Any], Any]
    is_path: bool = False

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return ENVIRONMENT + self.name.upper()


SETTINGS = (
    Setting(name="database", meaning="the SQLite file to keep in step", parse=_text, is_path=True),
    Setting(name="doctypes", meaning="the folder of definitions", parse=_text, is_path=True),
    Setting(name="backups", meaning="the folder of the backups", parse=_text, is_path=True),
    Setting(
        name="on_connect",
        meaning="the function of the site's own code, as module:function, that prepares every connection",
        parse=named,
    ),
    Setting(name="lock_timeout", meaning="seconds to wait for other writers", parse=_seconds),
    Setting(
        name="required",
        meaning="who guards required fields",
        parse=_one_of("definition", "database", "application"),
    ),
    Setting(name="link_foreign_keys", meaning="whether Link fields become foreign keys", parse=_flag),
    Setting(name="allow", meaning="hazards that need no asking", parse=_names),
    Setting(
        name="column_order", meaning="whether columns follow the definition's order", parse=_one_of("ignore", "match")
    ),
    Setting(
        name="on_conversion_error",
        meaning="what becomes of values that a field's new type would lose or cannot take",
        parse=_one_of(*POLICIES),
    ),
    Setting(
        name="transaction",
        meaning="whether each migration is a transaction of its own, or the whole run is one",
        parse=_one_of("migration", "run"),
    ),
    Setting(name="stop_on_error", meaning="whether the first DocType that fails ends the run", parse=_flag),
    Setting(name="timeout", meaning="seconds after which a migration is stopped and rolled back", parse=_limit),
    Setting(name="applied_by", meaning="who history says it was", parse=_text),
    Setting(name="backup_key_file", meaning="the file with the key of the backups", parse=_text, is_path=True),
    Setting(name="backup_level", meaning="how hard backups are compressed", parse=_level),
    Setting(name="encrypt", meaning="whether backups are encrypted", parse=_flag),
    Setting(name="format", meaning="how the command line answers", parse=_one_of("text", "json")),
    Setting(name="date_formats", meaning="how texts spell dates and times", parse=_formats("moments")),
    Setting(name="number_formats", meaning="how texts spell numbers", parse=_formats("numbers")),
)

#: The settings by their names.
BY_NAME = {setting.name: setting for setting in SETTINGS}
