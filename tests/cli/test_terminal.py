"""What is different on a terminal: colour, progress that comes and goes, and completion."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import sodaf_migrate
from sodaf_migrate.events import Progress
from sodaf_migrate.report.lines import Line
from sodaf_migrate.report.render import write_lines
from tests.cli.conftest import Shop

COMMAND = [sys.executable, "-m", "sodaf_migrate"]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def environment(**more: str) -> dict[str, str]:
    """That of a plain terminal."""
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    path = str(Path(sodaf_migrate.__file__).parents[1])
    return kept | {"PYTHONPATH": path, "TERM": "xterm-256color", **more}


def on_a_terminal(*arguments: str, cwd: Path, typed: bytes = b"", **more: str) -> str:
    """What a person sees who runs the command, and types."""
    above, below = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, stdin=below, stdout=below, stderr=below, env=environment(**more)
    )
    os.close(below)
    os.write(above, typed)
    seen = bytearray()
    try:
        while part := os.read(above, 65536):
            seen += part
    except OSError:  # Linux says so when the other side has closed
        pass
    finally:
        os.close(above)
        process.wait()
    return seen.decode()


def test_colour_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour goes to a terminal, unless NO_COLOR is set, and never to a pipe."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        write_lines([Line("done [bold]not markup[/bold]", "good")], stream)
    assert "\x1b[32m" in terminal.getvalue() and "[bold]not markup[/bold]" in terminal.getvalue()
    assert pipe.getvalue() == "done [bold]not markup[/bold]\n"
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    write_lines([Line("done", "good")], plain)
    assert plain.getvalue() == "done\n"


def test_progress_comes_and_goes(shop: Shop) -> None:
    """A person sees the answer in colour, below a status line that is taken away again."""
    seen = on_a_terminal("sync", cwd=shop.folder)
    assert "\x1b[32m2 DocTypes: 2 changed" in seen
    assert seen.rstrip().endswith(seen.split("\x1b[32m2 DocTypes", 1)[1].rstrip()[-20:])
    assert "\x1b[?25h" in seen or "\x1b[?25l" not in seen  # a cursor that was hidden is shown again


def test_dumb_terminal(shop: Shop) -> None:
    """A terminal that cannot move its cursor gets no status line."""
    seen = on_a_terminal("sync", cwd=shop.folder, TERM="dumb", NO_COLOR="1")
    assert "\x1b" not in seen
    assert "2 DocTypes: 2 changed" in seen


def test_progress_in_words() -> None:
    """What the status line says."""
    from sodaf_migrate.cli.progress import _told

    counted = Progress(phase="step", subject="Customer", message="copy", done=1000, total=2500, unit="rows")
    assert _told(counted) == "Customer  step 1,000 of 2,500 rows: copy"
    assert _told(Progress(phase="lock", subject="a\x1bb")) == "a\\x1bb  lock"
    assert _told(Progress(phase="verify", subject="Customer", elapsed=3.2)) == "Customer  verify (3 s)"
    assert _told(replace(counted, elapsed=61, estimate=1200)).endswith("rows: copy (61 of about 1,200 s)")


def test_completion(shop: Shop) -> None:
    """The shell completes commands and names of DocTypes."""
    script = subprocess.run(
        COMMAND, capture_output=True, text=True, env=environment(_SODAF_MIGRATE_COMPLETE="zsh_source"), check=True
    )
    assert "sodaf-migrate" in script.stdout
    asked = environment(_SODAF_MIGRATE_COMPLETE="bash_complete", COMP_WORDS="sodaf-migrate sync Cu", COMP_CWORD="2")
    found = subprocess.run(COMMAND, cwd=shop.folder, capture_output=True, text=True, env=asked, check=True)
    assert found.stdout == "plain,Customer\n"
