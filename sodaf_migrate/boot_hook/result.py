"""What a start found and did; light, for a quiet start loads little more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["BootResult"]


class BootResult(NamedTuple):
    """What a start found and did; every field but ``quiet`` and ``seconds`` lists DocTypes.

    ``quiet``: nothing had changed since the last start, so nothing was looked at. ``refused`` maps a DocType to why it
    waits for a person (a danger, or a change that is not possible); ``older`` lists those whose definition is older
    than the one applied.
    """

    quiet: bool = False
    applied: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    refused: Mapping[str, str] = MappingProxyType({})
    older: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def in_step(self) -> bool:
        """Whether the tables are what the definitions ask for."""
        return not (self.pending or self.refused or self.older)
