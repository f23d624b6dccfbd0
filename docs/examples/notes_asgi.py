"""Notes over ASGI, without a framework: `uvicorn notes_asgi:app`. The tables are in step before it serves."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

from sodaf_migrate import lifespan

DOCTYPES = Path(__file__).with_name("doctypes")


class Notes:
    """The application: the ASGI protocols "lifespan" and "http"."""

    def __init__(self, database, doctypes=DOCTYPES):
        self.database = database
        self.state = SimpleNamespace()  # where the result of the start is kept
        self.lifespan = lifespan(database, doctypes)  # in Starlette and FastAPI: Starlette(lifespan=lifespan(…))

    async def __call__(self, scope, receive, send):
        await {"lifespan": self.live, "http": self.answer}[scope["type"]](receive, send)

    async def live(self, receive, send):
        assert (await receive())["type"] == "lifespan.startup"
        try:
            async with self.lifespan(self):
                await send({"type": "lifespan.startup.complete"})
                assert (await receive())["type"] == "lifespan.shutdown"
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})

    async def answer(self, receive, send):
        body = json.dumps(await asyncio.to_thread(self.notes)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    def notes(self):
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute("SELECT name, title FROM tabNote ORDER BY name").fetchall()


app = Notes(os.environ.get("NOTES_DATABASE", "notes.db"))
