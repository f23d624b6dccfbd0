"""``on_connect``: the site's own function that prepares every connection, found by its name."""

from __future__ import annotations

import importlib
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

from sodaf_migrate.errors import ConfigurationError, MigrationError

__all__ = ["function_of", "named"]


def named(value: Any) -> str:
    """``value`` where it is spelled "module:function"; raises ValueError saying what is expected."""
    module, _, function = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not (function.isidentifier() and all(part.isidentifier() for part in module.split("."))):
        raise ValueError('a function, written as "module:function"')
    return str(value)


def function_of(name: str, folder: str, source: str) -> Callable[[sqlite3.Connection], None]:
    """The function "module:function"; the module may lie in ``folder``, after all places where Python looks.

    It is code of the site, and runs as such. Raises ConfigurationError where it cannot be had.
    """
    if folder not in sys.path:
        sys.path.append(folder)  # last, so that nothing in it stands before an installed module of that name
    module, _, wanted = name.partition(":")
    try:
        function = getattr(importlib.import_module(module), wanted, None)
    except Exception as error:  # whatever the site's own code raises
        raise ConfigurationError(
            f'on_connect is "{name}" ({source}), but "{module}" cannot be imported: {type(error).__name__}: {error}',
            hint=f'Install the module, put it beside the configuration ("{folder}"), or set PYTHONPATH.',
        ) from error
    if not callable(function):
        raise ConfigurationError(
            f'on_connect is "{name}" ({source}), but "{module}" has no function "{wanted}"',
            hint="Define it to take one sqlite3.Connection, and to prepare it with the site's functions.",
        )

    def prepare(connection: sqlite3.Connection) -> None:
        try:
            function(connection)
        except MigrationError:
            raise
        except Exception as error:
            raise ConfigurationError(
                f'on_connect "{name}" ({source}) failed: {type(error).__name__}: {error}',
                hint="Mend that function: it is called with every connection that is opened.",
            ) from error

    return prepare
