"""Who may do what to which DocTypes: a frozen value that every door asks before it opens anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from sodaf_migrate.errors import MigrationPermissionError

__all__ = ["Action", "MigrationPermissions"]

#: What can be allowed: to apply, to roll back, to make backups, to restore them, to look at history and backups.
Action = Literal["apply", "rollback", "backup", "restore", "view_history"]

_WORDS = {
    "apply": "change tables",
    "rollback": "roll migrations back",
    "backup": "make or delete backups",
    "restore": "restore backups",
    "view_history": "look at the history",
}

_WHERE = "It stands in [permissions] of sodaf.toml, or in the MigrationPermissions that the application gives."


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationPermissions:
    """What the holder may do; everything unless said otherwise.

    ``allowed_doctypes`` None means all; else what concerns any other DocType, or the whole database, is refused.
    """

    can_apply: bool = True
    can_rollback: bool = True
    can_backup: bool = True
    can_restore: bool = True
    can_view_history: bool = True
    allowed_doctypes: Collection[str] | None = None

    def __post_init__(self) -> None:
        if self.allowed_doctypes is not None:
            object.__setattr__(self, "allowed_doctypes", frozenset(self.allowed_doctypes))

    def allows(self, action: Action, doctype: str | None = None) -> bool:
        """Whether ``action`` is allowed, on one DocType or (None) on no DocType in particular."""
        if not getattr(self, f"can_{action}"):
            return False
        return doctype is None or self.allowed_doctypes is None or doctype in self.allowed_doctypes

    def require(self, action: Action, doctypes: Iterable[str] = (), *, whole: bool = False) -> None:
        """Raise MigrationPermissionError unless ``action`` is allowed on each of ``doctypes``.

        ``whole`` says that it concerns all of the database, which nobody may touch who is held to some DocTypes.
        """
        words = _WORDS[action]
        if not self.allows(action):
            raise MigrationPermissionError(
                f'It is not allowed to {words}: "can_{action}" is false', hint=_WHERE, details={"action": action}
            )
        refused = [name for name in doctypes if not self.allows(action, name)]
        if refused or (whole and self.allowed_doctypes is not None):
            what = ", ".join(f'"{name}"' for name in refused) if refused else "the whole database"
            raise MigrationPermissionError(
                f'It is not allowed to {words} of {what}: "allowed_doctypes" says of which',
                hint=f"Name a DocType that is among them. {_WHERE}",
                details={"action": action, "doctypes": refused},
            )
