"""The command line, the file and the environment say how values are converted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sodaf_migrate import DefinitionError, DocTypeEngine
from sodaf_migrate.cli.main import main
from sodaf_migrate.config.load import load_site
from sodaf_migrate.errors import ConfigurationError
from tests.data.conftest import Things, field, thing


@pytest.fixture
def folder(things: Things, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the site, whose field shall become a Date."""
    things.start(thing(field("Data")), ["word", "31.12.2024", "2024-02-29"])
    home = things.path.parent
    (home / "doctypes").mkdir()
    (home / "doctypes" / "thing.json").write_text(json.dumps(thing(field("Date"))))
    (home / "sodaf.toml").write_text('database = "site.db"\ndate_formats = ["%d.%m.%Y"]\n')
    monkeypatch.chdir(home)
    return home


def run(*words: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as left:
        main(words)
    return int(left.value.code or 0)


def test_the_option(folder: Path, things: Things) -> None:
    """Without it the word is in the way; with it that becomes NULL, and the site's own date is read."""
    assert run("sync", "Thing", "--force") == 1
    assert run("dry-run", "Thing", "--force", "--on-conversion-error", "null", "--check") == 2
    assert run("diff", "Thing", "--on-conversion-error", "null") == 0
    assert run("sync", "--force", "--on-conversion-error", "null") == 0
    assert things.values() == [None, "2024-12-31", "2024-02-29"]
    assert run("sync", "--check") == 0


@pytest.mark.parametrize("way", ["file", "environment"])
def test_the_site(folder: Path, things: Things, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """The file and the environment say it for all calls."""
    if way == "file":
        with (folder / "sodaf.toml").open("a") as file:
            file.write('on_conversion_error = "keep"\n')
    else:
        monkeypatch.setenv("SODAF_ON_CONVERSION_ERROR", "keep")
    assert run("sync", "--force") == 0
    assert things.query("SELECT v, v__old FROM tabThing ORDER BY name")[0] == (None, "word")


def test_formats_in_the_environment(folder: Path) -> None:
    """Several are parted by semicolons, for numbers have commas."""
    given = {"SODAF_DATE_FORMATS": "%d.%m.%Y; %Y%m%d", "SODAF_NUMBER_FORMATS": "#,###.##;# ###,##"}
    site = load_site(environment=given)
    assert site.rules.date_formats == ("%d.%m.%Y", "%Y%m%d")
    assert site.rules.number_formats == ("#,###.##", "# ###,##")
    with pytest.raises(ConfigurationError, match="format of dates"):
        load_site(environment={"SODAF_DATE_FORMATS": "%d.%m"})
    with pytest.raises(ConfigurationError, match="on_conversion_error"):
        load_site(environment={"SODAF_ON_CONVERSION_ERROR": "guess"})


@pytest.mark.parametrize("where", ["field", "doctype"])
def test_a_policy_that_does_not_exist(where: str) -> None:
    """It is a mistake of the definition."""
    said = {"on_conversion_error": "guess"}
    made = thing(field("Data", **(said if where == "field" else {})), **(said if where == "doctype" else {}))
    with pytest.raises(DefinitionError, match='unknown on_conversion_error "guess"'):
        DocTypeEngine.from_doctypes([made])
