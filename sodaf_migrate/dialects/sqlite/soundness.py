"""What SQLite's own checks of a database say of damage, told apart from what they say of rules."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["damage"]

_OF_A_RULE = re.compile(r"\S+ value in |CHECK constraint failed in ")


def damage(messages: Iterable[str]) -> list[str]:
    """Those lines of ``integrity_check`` or ``quick_check`` that tell of damage; none for "ok".

    A row that keeps no rule of its table is as somebody wrote it, and no damage. And it is not always true: in a
    WITHOUT ROWID table whose key is not in front, the check of SQLite 3.40 looks at the NOT NULL and the type of
    another column.
    """
    return [words for words in messages if words != "ok" and not _OF_A_RULE.match(words)]
