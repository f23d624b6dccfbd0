"""What a record tells of the world around it: the time, the user, the machine; each may be replaced by a caller."""

from __future__ import annotations

import getpass
import platform
import secrets
import sqlite3
from datetime import UTC, datetime
from typing import Any

__all__ = ["environment", "now", "suffix", "user"]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def suffix() -> str:
    """Eight random hexadecimal digits, that tell apart what began at the same time."""
    return secrets.token_hex(4)


def user() -> str | None:
    """The name of the operating system's user, None for one without a name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def environment() -> dict[str, Any]:
    """The versions in use, and the machine."""
    return {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "host": platform.node()}
