"""The example applications start, serve, follow their definitions, and refuse to start on a wrong one."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sqlite3
import threading
import urllib.request
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.guides.blocks import ROOT

EXAMPLES = ROOT / "docs" / "examples"


def loaded(name: str) -> ModuleType:
    """One of the example modules."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def doctypes(tmp_path: Path) -> Path:
    """A copy of the definitions, to be edited."""
    return Path(shutil.copytree(EXAMPLES / "doctypes", tmp_path / "doctypes"))


def edit(doctypes: Path, **changes: Any) -> None:
    """Add fields to Note, or with None take them out."""
    path = doctypes / "note.json"
    definition = json.loads(path.read_text())
    fields = {field["fieldname"]: field for field in definition["fields"]} | changes
    definition["fields"] = [field for field in fields.values() if field]
    path.write_text(json.dumps(definition))


class Silent(WSGIRequestHandler):
    """Writes no log on standard error."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def served(app: Any, *requests: dict[str, str] | None) -> list[Any]:
    """What the application answers over real sockets; None asks for the list, a dict is posted."""
    answers = []
    with make_server("127.0.0.1", 0, app, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            for note in requests:
                data = None if note is None else json.dumps(note).encode()
                with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", data, timeout=30) as answer:
                    answers.append(json.load(answer))
        finally:
            server.shutdown()
            thread.join()
    return answers


def test_wsgi(tmp_path: Path, doctypes: Path) -> None:
    """Served over HTTP; a second start is quiet, one with a new field brings it, and the notes are there."""
    module, database = loaded("notes_wsgi"), tmp_path / "notes.db"
    app = module.Notes(database, doctypes)
    assert app.boot.applied == ("Note",)
    assert served(app, None, {"name": "1", "title": "Milk", "body": ""}) == [[], [["1", "Milk"]]]
    assert module.Notes(database, doctypes).boot.quiet
    edit(doctypes, colour={"fieldname": "colour", "fieldtype": "Color"})
    app = module.Notes(database, doctypes)
    assert app.boot.applied == ("Note",) and served(app, None) == [[["1", "Milk"]]]


def test_wsgi_waits_for_a_person(tmp_path: Path, doctypes: Path) -> None:
    """A change that would lose something ends the start with the reason, and the rows are as they were."""
    module, database = loaded("notes_wsgi"), tmp_path / "notes.db"
    served(module.Notes(database, doctypes), {"name": "1", "title": "Milk", "body": "two litres"})
    edit(doctypes, body={"fieldname": "body", "fieldtype": "Int"})
    with pytest.raises(SystemExit, match=r"Note: .*two litres"):
        module.Notes(database, doctypes)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT body FROM tabNote").fetchall() == [("two litres",)]


async def driven(app: Any) -> tuple[list[str], list[Any]]:
    """What a server of ASGI would see: the events of a lifetime, and the answer to one request."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    events, answers = [(await outbox.get())["type"]], []
    if events == ["lifespan.startup.complete"]:
        await app({"type": "http"}, inbox.get, outbox.put)
        assert (await outbox.get())["status"] == 200
        answers.append(json.loads((await outbox.get())["body"]))
        await inbox.put({"type": "lifespan.shutdown"})
        events.append((await outbox.get())["type"])
    await life
    return events, answers


def test_asgi(tmp_path: Path, doctypes: Path) -> None:
    """Started, asked, and ended as a server would; the result of the start is in its state."""
    app = loaded("notes_asgi").Notes(tmp_path / "notes.db", doctypes)
    events, answers = asyncio.run(driven(app))
    assert (events, answers) == (["lifespan.startup.complete", "lifespan.shutdown.complete"], [[]])
    assert app.state.boot.applied == ("Note",)


def test_asgi_that_cannot_start(tmp_path: Path, doctypes: Path) -> None:
    """A broken definition is told to the server, which then serves nothing."""
    edit(doctypes, colour={"fieldname": "colour", "fieldtype": "Colour of the rainbow"})
    app = loaded("notes_asgi").Notes(tmp_path / "notes.db", doctypes)
    assert asyncio.run(driven(app)) == (["lifespan.startup.failed"], [])
