"""A page as one session: its blocks are done in order, in one folder, as a reader would do them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import DocTypeEngine
from sodaf_migrate.config.load import load_site
from sodaf_migrate.doctype.engine import DocType
from tests.guides.blocks import ROOT, Block

#: Whether the pages shall be written anew (read before a session takes all such variables away).
WRITES = os.environ.get("SODAF_WRITE_GOLDEN") == "1"

#: What differs from run to run, and what stands for it when two outputs are compared.
UNSTABLE = (
    (r"run-[0-9a-f]+-[0-9a-f]{8}", "RUN"),
    (r"\d{8}T\d{6,12}(Z(-[0-9a-f]*)?)?…?", "ID"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?Z?", "WHEN"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b", "BACKUP"),
    (r"(\bunder )?\b[\d.,]+ (µs|ms|s|minutes?)\b", "TIME"),
    (r"\b[\d.,]+ (bytes|B|kB|KB|MB)\b", "SIZE"),
    (r"\d+(\.\d+)+ \(", "VERSION ("),
)
_ID = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}|\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b")


def stable(text: str) -> str:
    """The text without what differs from run to run; how it is wrapped and aligned depends on that too."""
    for pattern, word in UNSTABLE:
        text = re.sub(pattern, word, text)
    return re.sub(r"─+", "─", " ".join(text.split()))


def agrees(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; a line of three dots stands for any number of lines."""
    parts = [re.escape(stable(part)) for part in re.split(r"^ *…$", shown, flags=re.MULTILINE)]
    return re.fullmatch(" ?.* ?".join(parts), stable(printed), flags=re.DOTALL) is not None


def _held(place: str, shown: str, printed: str) -> None:
    """What a page shows against what was printed, unless the page is written anew."""
    assert WRITES or agrees(shown, printed), f"{place} shows\n{shown}\nprinted\n{printed}"


class Session:
    """Everything that a page does, from an empty folder. ``written`` has, by line, what was printed this time.

    A name in capitals that its Python gives a value is known to its shell too.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "library"
        self.folder.mkdir()
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._printed = ""
        self._ids: dict[str, str] = {}
        self.written: dict[int, str] = {}
        self._environment = _prepared(folder)
        monkeypatch.chdir(self.folder)
        monkeypatch.syspath_prepend(str(self.folder))
        for name in [name for name in os.environ if name.startswith("SODAF_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_CONFIG_HOME", self._environment["XDG_CONFIG_HOME"])

    def do(self, block: Block) -> None:
        """What a reader would do with one block."""
        if "not run" in block.notes:
            _reasoned(block)
        elif "same as" in block.notes:
            path = block.page.parent / block.notes["same as"]
            if not WRITES:
                assert block.text == path.read_text(encoding="utf-8"), f"{block.place} is not {path.name}"
            self.written[block.line] = path.read_text(encoding="utf-8")
        elif "file" in block.notes:
            path = self.folder / block.notes["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            _checked(block)
        elif "prints" in block.notes:
            assert WRITES or agrees(block.text, self._printed), (
                f"{block.place} shows\n{block.text}\nprinted:\n{self._printed}"
            )
            self.written[block.line] = block.text if "…" in block.text else self._printed
        else:
            {"sh": self._shell, "console": self._console, "python": self._python}.get(block.language, _checked)(block)

    def _shell(self, block: Block) -> None:
        """Lines that are typed; the last one ends as the page says."""
        done = self._run(self._with_ids(block.text))
        ends = int(block.notes.get("ends with", 0))
        assert done.returncode == ends, f"{block.place} ends with {done.returncode}, not {ends}\n{done.stdout}"

    def _console(self, block: Block) -> None:
        """Lines that are typed after ``$``, each with what it prints."""
        commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
        assert commands, f"{block.place} has no line that begins with $"
        again = []
        for command in commands:
            typed, _, shown = command.partition("\n")
            while typed.endswith("\\"):
                more, _, shown = shown.partition("\n")
                typed += "\n" + more
            done = self._run(self._with_ids(typed))
            ends = int(block.notes.get("ends with", 0)) if command is commands[-1] else 0
            assert done.returncode == ends, f"{block.place} {typed}\nends with {done.returncode}\n{done.stdout}"
            keep = "…" in (line.strip() for line in shown.splitlines())
            again.append(f"$ {self._with_ids(typed)}\n{shown if keep else done.stdout}")
            _held(f"{block.place} {typed}", shown, done.stdout)
            self._ids |= dict(zip(_ID.findall(shown), _ID.findall(done.stdout), strict=False))
        self.written[block.line] = "".join(again)

    def _python(self, block: Block) -> None:
        """Python, in one namespace for the page."""
        printed = io.StringIO()
        code = compile("\n" * (block.line - 1) + self._with_ids(block.text), str(block.page), "exec")
        raises = block.notes.get("raises")
        with contextlib.redirect_stdout(printed):
            try:
                exec(code, self._names)
            except Exception as error:
                if type(error).__name__ != raises:
                    raise AssertionError(f"{block.place}: {type(error).__name__}: {error}") from error
                raises = None
        assert raises is None, f"{block.place} does not raise {raises}"
        self._printed = printed.getvalue()

    def _with_ids(self, typed: str) -> str:
        """What is typed, with the ids of this run in the place of those that the page shows."""
        for shown, real in self._ids.items():
            typed = typed.replace(shown, real)
        return typed

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env=self._environment | {name: str(value) for name, value in self._names.items() if name.isupper()},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        done.stdout = done.stdout.replace(str(self.folder.parent), "/home/you")
        return done


def _prepared(folder: Path) -> dict[str, str]:
    """An environment in which ``sodaf-migrate`` and ``python`` are those under test, and keys are the session's own."""
    programs = folder / "programs"
    programs.mkdir()
    for name, call in (("sodaf-migrate", "-m sodaf_migrate"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
        (programs / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SODAF_", "PYTEST_"))}
    return kept | {
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "PYTHONWARNINGS": "error",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "COLUMNS": "80",
    }


def _checked(block: Block) -> None:
    """What is no command: it can be read, and means something to us."""
    if block.language == "json":
        _checked_json(block)
    elif block.language == "toml":
        name = "pyproject.toml" if "[tool." in block.text else "sodaf.toml"
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / name).write_text(block.text, encoding="utf-8")
            for site in load_site(folder, environment={}).sites:
                load_site(f"{folder}:{site}", environment={})
    elif block.language == "python":
        compile(block.text, block.place, "exec")
    else:
        raise AssertionError(f'{block.place}: nobody knows how to run "{block.language}"; a drawing says what holds it')


def _reasoned(block: Block) -> None:
    """Why a block is not run: some words, and a test that it names is there."""
    reason = block.notes["not run"]
    assert len(reason.split()) > 3, f"{block.place}: say why it is not run"
    for name in re.findall(r"tests/[\w/]+(?:\.py)?", reason):
        assert (ROOT / name).exists(), f"{block.place}: {name}"


def _checked_json(block: Block) -> None:
    """JSON, and where it is a definition, or a field of one, one that is taken."""
    document = json.loads(block.text)
    if isinstance(document, dict) and "fieldtype" in document:
        document = {"name": "Shown", "fields": [document]}
    if isinstance(document, dict) and "fields" in document:
        unknown = set(document) - set(DocType.model_fields) - {"is_single", "is_child", "title_field", "description"}
        assert not unknown, f"{block.place}: {unknown}"
        DocTypeEngine.from_doctypes([document])  # raises what is wrong with it
