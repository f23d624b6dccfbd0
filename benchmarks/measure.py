"""What the benchmarks share: a step run in a fresh interpreter, the machine in one line, tables in Markdown."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

PEERS = ("alembic", "sqlalchemy", "django", "sqlite-utils")


def version(package: str) -> str | None:
    """The installed version of a package, None when it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions() -> str:
    """What was run, for the heading of a table."""
    here = [f"{name} {version(name)}" for name in ("sodaf-migrate", *PEERS) if version(name)]
    return ", ".join([*here, f"SQLite {sqlite3.sqlite_version}", f"Python {platform.python_version()}"])


def machine() -> str:
    """The processor and how busy it was: figures from a shared machine are read as ratios."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} × {model or platform.machine()}, {platform.system()}{load}"


def child(script: str, *arguments: object) -> Any:
    """Run ``script`` with these arguments in a fresh interpreter; what it printed last, read as JSON."""
    command = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory() -> int:
    """The most memory this process ever held, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("this kernel does not tell VmHWM")


def held_memory() -> int:
    """The memory this process holds now, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]], numbers: bool = True) -> str:
    """A Markdown table; columns after the first are aligned to the right when they hold numbers."""
    rule = ["---"] + ["---:" if numbers else "---"] * (len(head) - 1)
    lines = [head, rule, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def seconds(value: float) -> str:
    """A duration as one reads it."""
    if value < 0.01:
        return f"{value * 1000:.2f} ms"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def ratio(value: float, base: float) -> str:
    """How many times ``base`` it is."""
    times = value / base
    return f"{times:.2f}" if times < 10 else f"{times:,.0f}"
