"""One fault of a definition, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from sodaf_migrate.errors import shortened

__all__ = ["Problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault: where it is (any of file, doctype, field may be ""), a stable ``code``, one sentence, the way out."""

    code: str
    message: str
    hint: str = ""
    file: str = ""
    doctype: str = ""
    field: str = ""

    def __str__(self) -> str:
        place = f"{self.file}: " if self.file else ""
        return f"{place}{shortened(self.message)}"
