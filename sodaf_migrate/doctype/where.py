"""Whether a condition of a partial index is one expression that cannot end its statement and begin another."""

from __future__ import annotations

import re

__all__ = ["where_fault"]

_TOKEN = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])"""
    r"""|(?P<comment>--|/\*)|(?P<open>\()|(?P<close>\))|(?P<end>;|\0)|(?P<loose>['"`\[])|(?P<bind>[?@$#]|:(?=\w))""",
    re.DOTALL,
)
_FAULTS = {
    "comment": "it holds a comment",
    "end": "it holds a semicolon or NUL",
    "loose": "a quotation mark is not closed",
    "bind": "it holds a parameter, which an index cannot have",
}


def where_fault(text: str) -> str | None:
    """Why ``text`` is no single SQL expression, or None. Whether SQLite understands it shows when it is created."""
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind in _FAULTS:
            return _FAULTS[kind]
        depth += (kind == "open") - (kind == "close")
        if depth < 0:
            break
    return None if depth == 0 else "its parentheses do not match"
