"""A site to run the command line on, and the command line itself, in this process."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.cli.main import main

CUSTOMER = {
    "name": "Customer",
    "fields": [
        {"fieldname": "customer_name", "fieldtype": "Data", "required": True, "default": "Nobody"},
        {"fieldname": "phone", "fieldtype": "Data"},
        {"fieldname": "fax", "fieldtype": "Data"},
        {"fieldname": "credit_limit", "fieldtype": "Data"},
    ],
}
ITEM = {"name": "Item", "fields": [{"fieldname": "item_name", "fieldtype": "Data", "indexed": True}]}


@dataclass(frozen=True)
class Answer:
    """How one call of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the JSON document that it is."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shop:
    """A site in a folder of its own."""

    folder: Path
    run: Callable[..., Answer]

    def define(self, *definitions: dict[str, Any]) -> None:
        """Write definitions over those that are there."""
        for definition in definitions:
            path = self.folder / "doctypes" / f"{definition['name'].lower()}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(definition), encoding="utf-8")

    def change(self, name: str, *fields: dict[str, Any], without: tuple[str, ...] = ()) -> None:
        """Edit one definition: replace or add fields, and take some out."""
        path = self.folder / "doctypes" / f"{name.lower()}.json"
        definition = json.loads(path.read_text(encoding="utf-8"))
        mine = {field["fieldname"]: field for field in definition["fields"]}
        mine |= {field["fieldname"]: field for field in fields}
        definition["fields"] = [field for key, field in mine.items() if key not in without]
        self.define(definition)

    def execute(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement as the application would."""
        connection = sqlite3.connect(self.folder / "site.db")
        try:
            with connection:
                return connection.execute(sql, parameters).fetchall()
        finally:
            connection.close()


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The command line as a function."""

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return Answer(code=int(ended.value.code or 0), out=captured.out, err=captured.err)

    return run


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., Answer]) -> Iterator[Shop]:
    """A configured site with two DocTypes and no database yet."""
    monkeypatch.chdir(tmp_path)
    for variable in ("SODAF_DATABASE", "SODAF_DOCTYPES", "SODAF_SITE", "SODAF_ALLOW"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "sodaf.toml").write_text('database = "site.db"\ndoctypes = "doctypes"\nlock_timeout = 0.2\n')
    shop = Shop(folder=tmp_path, run=call)
    shop.define(CUSTOMER, ITEM)
    yield shop
