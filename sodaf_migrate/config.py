"""The configured site: arguments over environment (``SODAF_*``) over ``sodaf.toml`` over defaults.

``sodaf.toml``, or the table ``[tool.sodaf]`` of ``pyproject.toml``, is looked for in the working folder and then in
each folder above it; the first one found counts. Paths in a file are relative to that file.
"""

from __future__ import annotations

import difflib
import math
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.options import POLICIES, BackupOptions, DryRunOptions, OnConversionError, SyncOptions

if TYPE_CHECKING:
    from sodaf_migrate.desired import SiteRules

__all__ = ["ENVIRONMENT", "SETTINGS", "Setting", "Site", "load_site"]

#: What every environment variable of ours begins with.
ENVIRONMENT = "SODAF_"


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
    Setting(name="date_formats", meaning="how texts spell dates and times", parse=_formats("moments")),
    Setting(name="number_formats", meaning="how texts spell numbers", parse=_formats("numbers")),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site's settings; ``sources`` says for each where its value comes from. ``lock_timeout`` is in seconds."""

    database: str | None = None
    doctypes: str = "doctypes"
    backups: str | None = None
    lock_timeout: float = 30.0
    required: Literal["definition", "database", "application"] = "definition"
    link_foreign_keys: bool = False
    allow: frozenset[str] = frozenset()
    column_order: Literal["ignore", "match"] = "ignore"
    on_conversion_error: OnConversionError = "refuse"
    date_formats: tuple[str, ...] = ()
    number_formats: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def rules(self) -> SiteRules:
        """What the site asks of every definition."""
        from sodaf_migrate.desired import SiteRules  # brings pydantic, which --help and config show do without

        return SiteRules(
            required=self.required,
            link_foreign_keys=self.link_foreign_keys,
            on_conversion_error=self.on_conversion_error,
            date_formats=self.date_formats,
            number_formats=self.number_formats,
        )

    def database_path(self) -> str:
        """The database. Raises ConfigurationError when none is configured."""
        if self.database is None:
            raise ConfigurationError(
                "no database is configured",
                hint='Give --database PATH, set SODAF_DATABASE, or write database = "site.db" into sodaf.toml.',
            )
        return self.database

    def sync_options(self, **more: Any) -> SyncOptions:
        """The site's options for a sync, with ``more`` over them."""
        return SyncOptions(**{**self._options(), **more})

    def dry_run_options(self, **more: Any) -> DryRunOptions:
        """The site's options for a dry run, with ``more`` over them."""
        return DryRunOptions(**{**self._options(), **more})

    def backup_options(self, **more: Any) -> BackupOptions:
        """The site's options for backups, with ``more`` over them."""
        return BackupOptions(**{"directory": self.backups, "lock_timeout": self.lock_timeout, **more})

    def _options(self) -> dict[str, Any]:
        return {"allow": self.allow, "lock_timeout": self.lock_timeout, "column_order": self.column_order}

    def to_dict(self) -> dict[str, Any]:
        """Each setting as ``{"value": …, "source": …}``."""
        values = {part.name: getattr(self, part.name) for part in fields(self) if part.name != "sources"}
        return {
            name: {
                "value": sorted(value) if isinstance(value, frozenset) else value,
                "source": self.sources.get(name, "default"),
            }
            for name, value in values.items()
        }


def load_site(
    site: str | os.PathLike[str] | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    **arguments: Any,
) -> Site:
    """The site that the arguments, the environment and the nearest configuration file describe.

    ``site`` is a folder, or a configuration file, to take instead of the working folder and those above it; an
    argument that is None was not given. Raises ConfigurationError for an unknown key, a value that does not fit, or a
    file that cannot be read, naming where it stands.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    given = site or environment.get(ENVIRONMENT + "SITE")
    path = _configuration(Path(given) if given else None)
    layers = [_from_file(path) if path else {}, _from_environment(environment), _from_arguments(arguments)]
    for layer in layers:
        for name, (value, source) in layer.items():
            values[name] = _parsed(_BY_NAME[name], value, source)
            sources[name] = source
    return Site(**values, sources=sources)


_Layer = dict[str, tuple[Any, str]]


def _from_arguments(arguments: Mapping[str, Any]) -> _Layer:
    _refuse_unknown(arguments, "the arguments")
    return {name: (value, "argument") for name, value in arguments.items() if value is not None}


def _from_environment(environment: Mapping[str, str]) -> _Layer:
    # The framework may have SODAF_ variables of its own: only a near miss of one of ours is taken for a mistake.
    for variable in sorted(environment):
        name = variable.removeprefix(ENVIRONMENT).lower()
        if variable.startswith(ENVIRONMENT) and name not in _BY_NAME and _nearest(name, 0.85):
            _refuse_unknown([name], "the environment", lambda known: ENVIRONMENT + known.upper())
    found = {setting.name: setting for setting in SETTINGS if environment.get(setting.variable)}
    return {name: (environment[setting.variable], setting.variable) for name, setting in found.items()}


def _from_file(path: Path) -> _Layer:
    table = _tables(path)
    _refuse_unknown(table, str(path))
    layer: _Layer = {}
    for name, value in table.items():
        anchored = _BY_NAME[name].is_path and isinstance(value, str) and value and path.parent != Path(".")
        layer[name] = (str(path.parent / value) if anchored else value, str(path))
    return layer


def _configuration(site: Path | None) -> Path | None:
    if site is not None and site.is_file():
        return site
    if site is not None:
        found = _in_folder(site)
        if found is None:
            raise ConfigurationError(
                f'"{site}" holds no configuration: neither sodaf.toml nor a pyproject.toml with [tool.sodaf] is there',
                hint="Give the folder that holds sodaf.toml, or the file itself.",
            )
        return found
    here = Path.cwd()
    for folder in (here, *here.parents):
        found = _in_folder(folder)
        if found is not None:
            return Path(found.name) if folder == here else found
    return None


def _in_folder(folder: Path) -> Path | None:
    own, shared = folder / "sodaf.toml", folder / "pyproject.toml"
    if own.is_file():
        return own
    return shared if shared.is_file() and "[tool.sodaf]" in _read(shared) else None


def _tables(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f'"{path}" is no valid TOML: {exc}', hint="Correct the file at that line.") from exc
    table = document.get("tool", {}).get("sodaf", {}) if path.name == "pyproject.toml" else document
    return dict(table)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f'"{path}" cannot be read: {exc}', hint="Check the file and its permissions.") from exc


def _parsed(setting: Setting, value: Any, source: str) -> Any:
    try:
        return setting.parse(value)
    except ValueError as exc:
        raise ConfigurationError(
            f'"{setting.name}" is {value!r} in {source}, but must be {exc}',
            hint=f'"{setting.name}" is {setting.meaning}.',
        ) from exc


def _refuse_unknown(keys: Iterable[str], source: str, spell: Callable[[str], str] = str) -> None:
    for name in keys:
        if name not in _BY_NAME:
            near = _nearest(name, 0.6)
            raise ConfigurationError(
                f'"{spell(name)}" in {source} is no setting',
                hint=f'Did you mean "{spell(near)}"?' if near else "Known settings: " + ", ".join(map(spell, _BY_NAME)),
            )


def _nearest(name: str, cutoff: float) -> str | None:
    return next(iter(difflib.get_close_matches(name.lower(), list(_BY_NAME), n=1, cutoff=cutoff)), None)
