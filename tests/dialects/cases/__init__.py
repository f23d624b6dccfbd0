"""Statements, one a block; a line of five equals signs parts them."""

from __future__ import annotations

from pathlib import Path


def blocks(name: str) -> list[str]:
    """The statements of one file of this folder."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [block.removesuffix("\n") for block in text.split("=====\n")]
