"""Notes over WSGI: python notes_wsgi.py [database], then http://127.0.0.1:8000/. GET lists them, POST adds one."""

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from wsgiref.simple_server import make_server

from sodaf_migrate import boot

DOCTYPES = Path(__file__).with_name("doctypes")


class Notes:
    """The application; its tables are in step before the first request."""

    def __init__(self, database, doctypes=DOCTYPES):
        self.database = database
        self.boot = boot(database, doctypes)
        if self.boot.refused:  # a person has to decide: serve nothing that would meet an unexpected table
            raise SystemExit("\n".join(f"{name}: {why}" for name, why in self.boot.refused.items()))

    def __call__(self, environ, start_response):
        with closing(sqlite3.connect(self.database)) as connection, connection:
            if environ["REQUEST_METHOD"] == "POST":
                note = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
                connection.execute("INSERT INTO tabNote (name, title, body) VALUES (:name, :title, :body)", note)
            rows = connection.execute("SELECT name, title FROM tabNote ORDER BY name").fetchall()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(rows).encode()]


if __name__ == "__main__":
    with make_server("127.0.0.1", 8000, Notes(sys.argv[1] if len(sys.argv) > 1 else "notes.db")) as server:
        server.serve_forever()
