"""Finding the settings: arguments over environment (``SODAF_*``) over ``sodaf.toml`` over defaults.

``sodaf.toml``, or the table ``[tool.sodaf]`` of ``pyproject.toml``, is looked for in the working folder and then in
each folder above it; the first one found counts. Paths in a file are relative to that file. A table ``[sites.NAME]`` in
it holds what one of several sites has of its own, ``[permissions]`` what may be done here.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sodaf_migrate.config.settings import BY_NAME, ENVIRONMENT, PERMISSIONS, SETTINGS, Setting
from sodaf_migrate.config.site import Site
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.permissions import MigrationPermissions

__all__ = ["load_site"]

#: Variables that hold a secret: that they are set is told, never what they hold.
_SECRETS = ("SODAF_BACKUP_KEY", "SODAF_BACKUP_PASSPHRASE")

_TABLES = ("sites", "permissions")


def load_site(
    site: str | os.PathLike[str] | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    **arguments: Any,
) -> Site:
    """The site that the arguments, the environment and the nearest configuration file describe.

    ``site`` is the name of a table ``[sites.NAME]``, a folder or file to take instead of the nearest, or both as
    "PATH:NAME". What the table of a site that was named here holds counts before the environment. An argument that is
    None was not given. Raises ConfigurationError for an unknown key, a value that does not fit, or a file that cannot
    be read, naming where it stands.
    """
    given = site or environment.get(ENVIRONMENT + "SITE")
    path, name = _located(os.fspath(given)) if given else (_nearest_file(), None)
    table = _read_table(path) if path else {}
    sites = table.get("sites", {})
    base = _from_file({key: value for key, value in table.items() if key != "sites"}, path, str(path))
    own = _from_file(sites[name], path, f"{path} [sites.{name}]") if name else {}
    outside = _from_environment(environment)
    layers = [base, outside, own] if site else [base, own, outside]
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    permissions = MigrationPermissions()
    for layer in [*layers, _from_arguments(arguments)]:
        for key, (value, source) in layer.items():
            sources[key] = source
            if key == "permissions":
                permissions = value
            elif key.startswith("permissions."):
                permissions = _allowed(permissions, key.partition(".")[2], value, source)
            else:
                values[key] = _parsed(BY_NAME[key], value, source)
    secrets = tuple(variable for variable in _SECRETS if environment.get(variable))
    folder = str((path.parent if path else Path()).absolute())
    return Site(**values, permissions=permissions, sources=sources, sites=tuple(sites), secrets=secrets, folder=folder)


def _allowed(permissions: MigrationPermissions, name: str, value: Any, source: str) -> MigrationPermissions:
    """``permissions`` with one of its keys set. Raises ConfigurationError."""
    names = isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
    if (name == "allowed_doctypes" and not names) or (name != "allowed_doctypes" and not isinstance(value, bool)):
        wanted = "a list of DocTypes" if name == "allowed_doctypes" else "true or false"
        raise ConfigurationError(
            f'"permissions.{name}" is {value!r} in {source}, but must be {wanted}',
            hint='Write for example can_rollback = false, or allowed_doctypes = ["Item"].',
        )
    more: dict[str, Any] = {name: value}
    return replace(permissions, **more)


_Layer = dict[str, tuple[Any, str]]


def _from_arguments(arguments: Mapping[str, Any]) -> _Layer:
    _refuse_unknown([name for name in arguments if name != "permissions"], "the arguments", BY_NAME)
    return {name: (value, "argument") for name, value in arguments.items() if value is not None}


def _from_environment(environment: Mapping[str, str]) -> _Layer:
    # The framework may have SODAF_ variables of its own: only a near miss of one of ours is taken for a mistake.
    for variable in sorted(environment):
        name = variable.removeprefix(ENVIRONMENT).lower()
        if variable.startswith(ENVIRONMENT) and name not in BY_NAME and _nearest(name, 0.85):
            _refuse_unknown([name], "the environment", BY_NAME, lambda known: ENVIRONMENT + known.upper())
    found = {setting.name: setting for setting in SETTINGS if environment.get(setting.variable)}
    return {name: (environment[setting.variable], setting.variable) for name, setting in found.items()}


def _from_file(table: Mapping[str, Any], path: Path | None, source: str) -> _Layer:
    _refuse_unknown([name for name in table if name != "permissions"], source, [*BY_NAME, *_TABLES])
    layer: _Layer = {}
    for name, value in table.items():
        if name == "permissions":
            _refuse_unknown(value, f"{source} [permissions]", PERMISSIONS)
            layer |= {f"permissions.{key}": (item, source) for key, item in value.items()}
            continue
        anchored = path is not None and BY_NAME[name].is_path and isinstance(value, str) and value
        away = path is not None and path.parent != Path(".")
        layer[name] = (str(path.parent / value) if path is not None and anchored and away else value, source)
    return layer


def _located(given: str) -> tuple[Path | None, str | None]:
    """The configuration file and the name of the site in it that ``given`` means. Raises ConfigurationError."""
    nearest = _nearest_file()
    names = tuple(_read_table(nearest).get("sites", {})) if nearest else ()
    if given in names:
        return nearest, given
    if os.path.exists(given):
        return _configuration(Path(given)), None
    place, colon, name = given.rpartition(":")
    if colon and os.path.exists(place):
        path = _configuration(Path(place))
        names = tuple(_read_table(path).get("sites", {}))
        if name in names:
            return path, name
        given = name
    near = next(iter(difflib.get_close_matches(given, names, n=1)), None)
    hint = f'Did you mean "{near}"?' if near else "The configuration has these sites: " + ", ".join(names)
    raise ConfigurationError(
        f'There is no site "{given}": neither a table [sites.{given}] nor a folder or file of that name',
        hint=hint if names else "Give the folder that holds sodaf.toml, or the file itself.",
    )


def _configuration(site: Path) -> Path:
    found = site if site.is_file() else _in_folder(site)
    if found is None:
        raise ConfigurationError(
            f'"{site}" holds no configuration: neither sodaf.toml nor a pyproject.toml with [tool.sodaf] is there',
            hint="Give the folder that holds sodaf.toml, or the file itself.",
        )
    return found


def _nearest_file() -> Path | None:
    try:
        here = Path.cwd()
    except FileNotFoundError as exc:
        raise ConfigurationError(
            "The working folder is not there any more", hint="Change into a folder that is there, and call again."
        ) from exc
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


def _read_table(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f'"{path}" is no valid TOML: {exc}', hint="Correct the file at that line.") from exc
    table = document.get("tool", {}).get("sodaf", {}) if path.name == "pyproject.toml" else document
    for name, inner in [(name, table.get(name, {})) for name in _TABLES] + list(_dicts(table.get("sites"))):
        if not isinstance(inner, dict):
            raise ConfigurationError(
                f'"{name}" in {path} is no table', hint=f"Write it as [{name}] with keys below it."
            )
    return dict(table)


def _dicts(sites: Any) -> Iterable[tuple[str, Any]]:
    return ((f"sites.{name}", inner) for name, inner in sites.items()) if isinstance(sites, dict) else ()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a mark
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f'"{path}" is not UTF-8', hint="Save the file as UTF-8.") from exc
    except OSError as exc:
        said = f'"{path}" cannot be read: {exc.strerror}'
        raise ConfigurationError(said, hint="Check the file and its permissions.") from exc


def _parsed(setting: Setting, value: Any, source: str) -> Any:
    try:
        return setting.parse(value)
    except ValueError as exc:
        raise ConfigurationError(
            f'"{setting.name}" is {value!r} in {source}, but must be {exc}',
            hint=f'"{setting.name}" is {setting.meaning}.',
        ) from exc


def _refuse_unknown(keys: Iterable[str], source: str, known: Iterable[str], spell: Callable[[str], str] = str) -> None:
    known = tuple(known)
    for name in keys:
        if name not in known:
            near = _nearest(name, 0.6, known)
            raise ConfigurationError(
                f'"{spell(name)}" in {source} is no setting',
                hint=f'Did you mean "{spell(near)}"?' if near else "Known settings: " + ", ".join(map(spell, known)),
            )


def _nearest(name: str, cutoff: float, known: Iterable[str] = tuple(BY_NAME)) -> str | None:
    return next(iter(difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=cutoff)), None)
