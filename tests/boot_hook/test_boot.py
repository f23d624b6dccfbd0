"""A start: quiet where nothing changed, safe changes made, dangers left to people, old workers told."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import (
    BootResult,
    ConfigurationError,
    DataLossRiskError,
    DefinitionError,
    MigrationApplier,
    boot,
    init_app,
    lifespan,
)
from sodaf_migrate.history.tables import TABLES

HEAVY = (
    *("pydantic", "sqlglot", "sqlite_utils", "cryptography", "zstandard", "click", "rich"),
    *("dataclasses", "logging", "sodaf_migrate.wire.connection"),
)


def write(folder: Path, name: str, *fields: dict[str, Any], **more: Any) -> Path:
    """One definition file."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name.lower()}.json"
    path.write_text(json.dumps({"name": name, "fields": list(fields), **more}), encoding="utf-8")
    return path


def data(fieldname: str, fieldtype: str = "Data", **more: Any) -> dict[str, Any]:
    """One field."""
    return {"fieldname": fieldname, "fieldtype": fieldtype, **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two definitions."""
    write(tmp_path / "doctypes", "Alpha", data("code"))
    write(tmp_path / "doctypes", "Beta", data("code"), data("amount", "Currency"))
    return tmp_path / "doctypes"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Where the database will be."""
    return tmp_path / "site.db"


def columns(site: Path, table: str) -> list[str]:
    """The column names of a table."""
    with sqlite3.connect(site) as connection:
        found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
    connection.close()
    return [name for (name,) in found]


def run(site: Path, *statements: str) -> None:
    """Statements on the site, committed."""
    connection = sqlite3.connect(site)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_the_first_start_makes_the_tables_and_the_next_is_quiet(site: Path, folder: Path) -> None:
    """The second start looks at nothing but the files' outside and one row."""
    first = boot(site, folder)
    assert (first.quiet, first.in_step, set(first.applied)) == (False, True, {"Alpha", "Beta"})
    second = boot(site, folder)
    assert (second.quiet, second.in_step, second.applied) == (True, True, ())


def test_a_quiet_start_writes_nothing_and_loads_nothing_heavy(site: Path, folder: Path) -> None:
    """Byte for byte, and none of the libraries that take long to import."""
    boot(site, folder)
    before = site.read_bytes()
    code = (
        "import sys; from sodaf_migrate import boot\n"
        f"assert boot({str(site)!r}, {str(folder)!r}).quiet\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
    assert site.read_bytes() == before


def test_a_changed_file_is_applied(site: Path, folder: Path) -> None:
    """Only what changed, and the next start is quiet again."""
    boot(site, folder)
    write(folder, "Alpha", data("code"), data("extra"))
    assert boot(site, folder).applied == ("Alpha",)
    assert "extra" in columns(site, "tabAlpha")
    assert boot(site, folder).quiet


@pytest.mark.parametrize("kind", ["new file", "file gone", "file renamed"])
def test_files_that_come_and_go_are_noticed(site: Path, folder: Path, kind: str) -> None:
    """A start is quiet only while the folder holds the very same files."""
    boot(site, folder)
    if kind == "new file":
        write(folder, "Gamma", data("code"))
    elif kind == "file gone":
        (folder / "beta.json").unlink()
    else:
        (folder / "beta.json").rename(folder / "other.json")
    result = boot(site, folder)
    assert not result.quiet
    assert result.applied == (("Gamma",) if kind == "new file" else ())


@pytest.mark.parametrize("how", ["in place", "by another file"])
def test_a_file_of_the_same_size_and_time_but_other_content_is_noticed(site: Path, folder: Path, how: str) -> None:
    """The change time tells of a file written in place, the inode of one put in its place."""
    path = write(folder, "Alpha", data("code"), data("aaaa"))
    boot(site, folder)
    state = path.stat()
    text = path.read_text().replace("aaaa", "bbbb")
    if how == "in place":
        path.write_text(text)
    else:
        other = folder.parent / "other.json"
        other.write_text(text)
        os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
        other.replace(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    assert not boot(site, folder).quiet
    assert "bbbb" in columns(site, "tabAlpha")


def test_a_touched_file_with_the_same_content_stays_quiet(site: Path, folder: Path) -> None:
    """A checkout gives every file a new time: the content decides, and the new look is kept."""
    boot(site, folder)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert boot(site, folder).quiet
    before = site.read_bytes()
    assert boot(site, folder).quiet
    assert site.read_bytes() == before


def test_a_schema_changed_by_hand_is_noticed(site: Path, folder: Path) -> None:
    """Somebody dropped a column: the next start looks again, and mends it."""
    boot(site, folder)
    run(site, 'ALTER TABLE "tabAlpha" DROP COLUMN code')
    assert boot(site, folder).applied == ("Alpha",)
    assert "code" in columns(site, "tabAlpha")


def test_what_loses_something_waits_for_a_person(site: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and told, the rest is applied, and every start says it again."""
    boot(site, folder)
    run(site, "INSERT INTO tabAlpha (name, code) VALUES ('a', 'word')")
    write(folder, "Alpha", data("code", "Int"))
    write(folder, "Beta", data("code"), data("amount", "Currency"), data("more"))
    for _ in range(2):
        caplog.clear()
        result = boot(site, folder)
        assert set(result.refused) == {"Alpha"}
        assert not result.in_step and not result.quiet
        assert any("Alpha" in record.getMessage() for record in caplog.records)
    assert "more" in columns(site, "tabBeta")


def test_a_danger_can_stop_the_start(site: Path, folder: Path) -> None:
    """With on_hazard "fail" the error comes once everything else is done."""
    boot(site, folder)
    run(site, "INSERT INTO tabAlpha (name, code) VALUES ('a', '007')")
    write(folder, "Alpha", data("code", "Int"))
    write(folder, "Beta", data("code"), data("amount", "Currency"), data("more"))
    with pytest.raises(DataLossRiskError, match="lossy_conversion"):
        boot(site, folder, on_hazard="fail")
    assert "more" in columns(site, "tabBeta")


def test_check_changes_nothing(site: Path, folder: Path) -> None:
    """It tells what waits, and leaves every byte."""
    boot(site, folder)
    write(folder, "Alpha", data("code"), data("extra"))
    before = site.read_bytes()
    result = boot(site, folder, mode="check")
    assert (result.pending, result.applied, result.in_step) == (("Alpha",), (), False)
    assert site.read_bytes() == before


def test_off_does_not_even_look(tmp_path: Path) -> None:
    """Neither the database nor the definitions need exist."""
    assert boot(tmp_path / "none.db", tmp_path / "none", mode="off").quiet
    assert not (tmp_path / "none.db").exists()


def test_an_older_definition_is_left_alone_by_its_stamp(site: Path, folder: Path) -> None:
    """In a rolling deploy a worker with the older files must not undo what a newer one did."""
    old = write(folder, "Alpha", data("code"), modified="2026-01-01 00:00:00").read_text()
    boot(site, folder)
    write(folder, "Alpha", data("code", "Int"), modified="2026-02-01 00:00:00")
    assert boot(site, folder).applied == ("Alpha",)
    (folder / "alpha.json").write_text(old)
    result = boot(site, folder)
    assert (result.older, result.applied, result.in_step) == (("Alpha",), (), False)
    with sqlite3.connect(site) as connection:
        (kind,) = connection.execute("SELECT type FROM pragma_table_info('tabAlpha') WHERE name = 'code'").fetchone()
    connection.close()
    assert kind == "INTEGER"


def test_an_older_definition_is_left_alone_by_history(site: Path, folder: Path) -> None:
    """Without stamps, history knows that this one was applied before the one in force."""
    old = (folder / "alpha.json").read_text()
    boot(site, folder)
    write(folder, "Alpha", data("code", "Int"))
    assert boot(site, folder).applied == ("Alpha",)
    (folder / "alpha.json").write_text(old)
    assert boot(site, folder).older == ("Alpha",)
    write(folder, "Alpha", data("code", "Float"))  # a third one is new, and applied
    assert boot(site, folder).applied == ("Alpha",)


def test_a_standing_finding_keeps_the_site_from_being_taken_for_settled(site: Path, folder: Path) -> None:
    """A column waits for its last NULL: when it is filled, no file and no schema has changed."""
    boot(site, folder)
    run(site, "INSERT INTO tabAlpha (name) VALUES ('a')")
    write(folder, "Alpha", data("code", required=True))
    assert boot(site, folder).warnings
    run(site, "UPDATE tabAlpha SET code = 'x'")
    assert boot(site, folder).applied == ("Alpha",)
    assert boot(site, folder).quiet


def test_a_broken_definition_and_a_wrong_word_are_said(site: Path, folder: Path) -> None:
    """Neither is a reason to start as if nothing were wrong."""
    (folder / "alpha.json").write_text("{")
    with pytest.raises(DefinitionError):
        boot(site, folder)
    with pytest.raises(ConfigurationError, match="sometimes"):
        boot(site, folder, mode="sometimes")  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="no_such_package"):
        boot(site, "no_such_package")


def test_the_applications_own_connection_is_used_and_given_back(site: Path, folder: Path) -> None:
    """Row factory and open cursor rules are those of every caller's connection."""
    connection = sqlite3.connect(site)
    connection.row_factory = sqlite3.Row
    assert boot(connection, folder).applied
    assert boot(connection, folder).quiet
    assert connection.row_factory is sqlite3.Row
    assert not connection.in_transaction
    connection.close()


def test_a_package_and_definitions_in_memory_will_do(
    site: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is in files can be quiet."""
    package = tmp_path / "some_app_of_ours"
    package.mkdir()
    (package / "__init__.py").touch()
    write(package / "doctypes", "Alpha", data("code"))
    monkeypatch.syspath_prepend(tmp_path)
    assert boot(site, "some_app_of_ours").applied == ("Alpha",)
    assert boot(site, "some_app_of_ours").quiet
    listed = [{"name": "Delta", "fields": [data("code")]}]
    assert boot(site, listed).applied == ("Delta",)
    assert not boot(site, listed).quiet
    assert boot(site, listed).in_step


def test_two_releases_side_by_side_are_both_quiet(site: Path, folder: Path, tmp_path: Path) -> None:
    """Each folder is remembered for itself, and remembering one does not unsettle the other."""
    other = tmp_path / "release-2"
    for path in folder.iterdir():
        (tmp_path / "release-2").mkdir(exist_ok=True)
        (other / path.name).write_bytes(path.read_bytes())
    boot(site, folder)
    boot(site, other)
    assert boot(site, folder).quiet and boot(site, other).quiet


def test_its_own_table_is_no_part_of_what_is_compared(site: Path, folder: Path) -> None:
    """The tool's tables are not reported as somebody else's."""
    boot(site, folder)
    engine = __import__("sodaf_migrate").DocTypeEngine.from_directory(folder)
    assert "tabMigrationStart" in TABLES
    assert not MigrationApplier(site, engine).sync_all_doctypes().warnings


def test_an_asgi_application_boots_in_its_lifespan(site: Path, folder: Path) -> None:
    """In a worker thread, before the application serves."""

    class App:
        state = type("State", (), {})()

    async def serve() -> BootResult:
        app = App()
        async with lifespan(site, folder)(app):
            return app.state.boot  # type: ignore[attr-defined, no-any-return]

    assert set(asyncio.run(serve()).applied) == {"Alpha", "Beta"}


def test_a_flask_like_application_boots_from_its_configuration(site: Path, folder: Path) -> None:
    """The mode may come from there too."""

    class App:
        config = {"SODAF_DATABASE": site, "SODAF_DOCTYPES": folder}  # noqa: RUF012
        extensions: dict[str, Any] = {}  # noqa: RUF012

    app = App()
    assert init_app(app).applied and app.extensions["sodaf_migrate"].in_step
    app.config["SODAF_BOOT_MODE"] = "check"
    write(folder, "Alpha", data("code"), data("extra"))
    assert init_app(app).pending == ("Alpha",)


def test_a_folder_that_is_not_there_is_not_called_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without a slash may be either: the message says both, and no database is made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DefinitionError, match="There is no folder") as caught:
        boot("site.db", "definitions")
    assert str(tmp_path / "definitions") in str(caught.value) and "Check the path" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []
