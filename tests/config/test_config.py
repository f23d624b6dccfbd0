"""The configured site: what overrides what, where each value comes from, and every mistake with its way out."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.config.load import load_site
from sodaf_migrate.config.settings import PERMISSIONS, SETTINGS
from sodaf_migrate.config.site import Site
from sodaf_migrate.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults(folder: Path) -> None:
    """Without anything, every value is the default and says so."""
    site = load_site(environment={})
    assert (site.database, site.doctypes, site.lock_timeout, site.allow) == (None, "doctypes", 30.0, frozenset())
    assert {entry["source"] for entry in site.to_dict().values()} == {"default"}
    permissions = [f"permissions.{name}" for name in PERMISSIONS]
    assert list(site.to_dict()) == [*(setting.name for setting in SETTINGS), *permissions]
    assert set(permissions) | {setting.name for setting in SETTINGS} == {
        *(part.name for part in fields(Site) if part.compare and part.name != "permissions"),
        *permissions,
    }


def test_arguments_over_environment_over_file(folder: Path) -> None:
    """Each layer overrides the one below, and is named as the source."""
    (folder / "sodaf.toml").write_text('database = "a.db"\nlock_timeout = 1\nrequired = "database"\n')
    site = load_site(environment={"SODAF_DATABASE": "b.db", "SODAF_LOCK_TIMEOUT": "2"}, database="c.db")
    assert (site.database, site.lock_timeout, site.required) == ("c.db", 2.0, "database")
    assert site.sources == {"database": "argument", "lock_timeout": "SODAF_LOCK_TIMEOUT", "required": "sodaf.toml"}
    assert site.rules.required == "database"


def test_file_of_a_folder_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest file above counts, and its paths are relative to it."""
    (folder / "sodaf.toml").write_text('database = "site.db"\ndoctypes = "defs"\n')
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "er")
    site = load_site(environment={})
    assert (site.database, site.doctypes) == (str(folder / "site.db"), str(folder / "defs"))


def test_pyproject(folder: Path) -> None:
    """[tool.sodaf] of pyproject.toml is read; a pyproject.toml without it is passed over."""
    (folder / "pyproject.toml").write_text('[tool.sodaf]\ndatabase = "p.db"\n')
    (folder / "sub").mkdir()
    (folder / "sub" / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert load_site(environment={}).database == "p.db"
    with pytest.raises(ConfigurationError, match="holds no configuration"):
        load_site(folder / "sub", environment={})


def test_given_site(folder: Path) -> None:
    """A site is named as a folder, as a file, or by SODAF_SITE."""
    (folder / "one").mkdir()
    (folder / "one" / "sodaf.toml").write_text('database = "x.db"\n')
    wanted = str(Path("one", "x.db"))
    assert load_site("one", environment={}).database == wanted
    assert load_site(Path("one", "sodaf.toml"), environment={}).database == wanted
    assert load_site(environment={"SODAF_SITE": "one"}).database == wanted


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('databse = "x"', '"databse" in sodaf.toml is no setting', 'Did you mean "database"?'),
        ('zzzzqq = "x"', '"zzzzqq" in sodaf.toml is no setting', "Known settings: database, doctypes"),
        ("lock_timeout = -1", '"lock_timeout" is -1 in sodaf.toml, but must be a number of seconds', "wait"),
        ("lock_timeout = true", '"lock_timeout" is True in sodaf.toml, but must be a number of seconds', "wait"),
        ("database = 3", '"database" is 3 in sodaf.toml, but must be a text', "SQLite file"),
        ('required = "yes"', """"required" is 'yes' in sodaf.toml, but must be one of "definition\"""", "required"),
        ('link_foreign_keys = "maybe"', "but must be true or false", "Link"),
        ("allow = [1]", "but must be a list of texts", "hazards"),
        ('allow = ["drop_everything"]', '"drop_everything" is not a hazard', "drop_column"),
        ("a = = 1", '"sodaf.toml" is no valid TOML', "Correct"),
    ],
)
def test_mistakes_in_the_file(folder: Path, text: str, message: str, hint: str) -> None:
    """Each mistake is named with its place, and the hint says what would be right."""
    (folder / "sodaf.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_site(environment={})
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_file_that_is_no_text(folder: Path) -> None:
    """A file that is no UTF-8 is a mistake like any other."""
    (folder / "sodaf.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load_site(environment={})


def test_near_miss_in_the_environment(folder: Path) -> None:
    """A variable that nearly is ours is a mistake; any other with the prefix belongs to the framework."""
    with pytest.raises(ConfigurationError) as caught:
        load_site(environment={"SODAF_DATABSE": "x"})
    assert caught.value.hint == 'Did you mean "SODAF_DATABASE"?'
    assert load_site(environment={"SODAF_SECRET_KEY": "x", "SODAF_TEST_DEEP": "1"}).database is None


def test_unknown_argument() -> None:
    """An argument that is no setting is refused with the nearest name."""
    with pytest.raises(ConfigurationError) as caught:
        load_site(environment={}, lock_timout=1)
    assert caught.value.hint == 'Did you mean "lock_timeout"?'


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("SODAF_LINK_FOREIGN_KEYS", "Yes", "link_foreign_keys", True),
        ("SODAF_LINK_FOREIGN_KEYS", "0", "link_foreign_keys", False),
        ("SODAF_ALLOW", "drop_column, fill_nulls:Customer", "allow", {"drop_column", "fill_nulls:Customer"}),
        ("SODAF_COLUMN_ORDER", "match", "column_order", "match"),
        ("SODAF_LOCK_TIMEOUT", "0.5", "lock_timeout", 0.5),
    ],
)
def test_environment_texts(folder: Path, variable: str, text: str, name: str, value: Any) -> None:
    """Every kind of setting can be said in the environment."""
    assert getattr(load_site(environment={variable: text}), name) == value


def test_options_of_the_site(folder: Path) -> None:
    """A site's settings become the options of a call, and the call's own stand over them."""
    site = load_site(environment={}, lock_timeout=3, allow=["drop_column"], column_order="match")
    options = site.sync_options(description="why")
    assert (options.lock_timeout, options.column_order, options.description) == (3.0, "match", "why")
    assert options.allow == {"drop_column"}
    assert site.dry_run_options(allow=frozenset()).allow == frozenset()


def test_no_database(folder: Path) -> None:
    """A site without a database says how to name one."""
    with pytest.raises(ConfigurationError, match="no database is configured"):
        load_site(environment={}).database_path()


SITES = """
doctypes = "here"
lock_timeout = 9
[permissions]
can_rollback = false
[sites.shop]
database = "shop.db"
lock_timeout = 1
[sites.shop.permissions]
can_rollback = true
can_restore = false
allowed_doctypes = ["Item"]
[sites.test]
database = "test.db"
"""


def test_several_sites(folder: Path) -> None:
    """The table of the site lies over what is for all; the source names it."""
    (folder / "sodaf.toml").write_text(SITES)
    shop, test = load_site("shop", environment={}), load_site(environment={"SODAF_SITE": "test"})
    assert (shop.database, shop.doctypes, shop.lock_timeout) == ("shop.db", "here", 1.0)
    assert shop.sources["database"] == "sodaf.toml [sites.shop]" and shop.sources["doctypes"] == "sodaf.toml"
    assert (test.database, test.lock_timeout) == ("test.db", 9.0)
    assert (shop.permissions.can_rollback, shop.permissions.can_restore) == (True, False)
    assert shop.permissions.allowed_doctypes == {"Item"}
    assert not test.permissions.can_rollback and test.permissions.can_apply
    with pytest.raises(ConfigurationError, match="no database is configured") as raised:
        load_site(environment={}).database_path()
    assert raised.value.hint == "Give --site with one of shop, test, or --database PATH."


def test_a_site_that_is_named_counts_before_the_environment(folder: Path) -> None:
    """Who names a site means it, whatever the variables say; who leaves it to a variable does not."""
    (folder / "sodaf.toml").write_text(SITES)
    elsewhere = {"SODAF_DATABASE": "other.db", "SODAF_LOCK_TIMEOUT": "3"}
    assert load_site("shop", environment=elsewhere).database == "shop.db"
    assert load_site("test", environment=elsewhere).lock_timeout == 3.0  # not in the table of the site
    assert load_site(environment={**elsewhere, "SODAF_SITE": "shop"}).database == "other.db"
    assert load_site("shop", environment=elsewhere, database="c.db").database == "c.db"


def test_a_site_of_another_file(folder: Path) -> None:
    """PATH:NAME; paths are relative to that file."""
    (folder / "conf").mkdir()
    (folder / "conf" / "sodaf.toml").write_text(SITES)
    for given in ("conf:shop", "conf/sodaf.toml:shop", folder / "conf:shop"):
        assert Path(str(load_site(given, environment={}).database)).resolve() == folder / "conf" / "shop.db"


@pytest.mark.parametrize(
    ("given", "hint"),
    [("shp", 'Did you mean "shop"?'), ("zzz", "these sites: shop, test"), (".:shp", 'Did you mean "shop"?')],
)
def test_a_site_that_is_not_there(folder: Path, given: str, hint: str) -> None:
    """It is said with the nearest name, or all."""
    (folder / "sodaf.toml").write_text(SITES)
    with pytest.raises(ConfigurationError, match="There is no site") as raised:
        load_site(given, environment={})
    assert hint in str(raised.value.hint)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[sites.shop]\ndatabas = 'x'", '"databas" in sodaf.toml [sites.shop] is no setting', '"database"'),
        ("[permissions]\ncan_aply = true", '"can_aply" in sodaf.toml [permissions] is no setting', '"can_apply"'),
        ("[permissions]\ncan_apply = 1", '"permissions.can_apply" is 1', "can_rollback = false"),
        ("[permissions]\nallowed_doctypes = 'Item'", "a list of DocTypes", 'allowed_doctypes = ["Item"]'),
        ("permissions = 1", '"permissions" in sodaf.toml is no table', "[permissions]"),
        ("[sites]\nshop = 1", '"sites.shop" in sodaf.toml is no table', "[sites.shop]"),
        ("sites = 3", '"sites" in sodaf.toml is no table', "[sites]"),
        ("backup_level = 20", "a whole number from 1 to 19", "compressed"),
        ("timeout = 0", "a number of seconds above 0", "rolled back"),
    ],
)
def test_mistakes_in_tables(folder: Path, text: str, message: str, hint: str) -> None:
    """Each says where it stands and what to write, whether or not the site is the one that is asked for."""
    (folder / "sodaf.toml").write_text(text + "\n")
    with pytest.raises(ConfigurationError) as raised:
        load_site("shop" if "sites.shop" in text else None, environment={})
    assert message in raised.value.message and hint in str(raised.value.hint)


def test_options_have_what_the_site_says(folder: Path) -> None:
    """Every key reaches the options that it is about."""
    site = load_site(
        environment={},
        transaction="run",
        stop_on_error=True,
        timeout=5,
        applied_by="ann",
        backup_key_file="key",
        backup_level="7",
        encrypt=False,
    )
    sync, back, backups = site.sync_options(), site.rollback_options(), site.backup_options()
    assert (sync.transaction, sync.continue_on_error, sync.timeout, sync.applied_by) == ("run", False, 5.0, "ann")
    assert (back.timeout, back.applied_by) == (5.0, "ann")
    assert (backups.key, backups.level, backups.encrypt) == (Path("key"), 7, False)


def test_a_key_is_never_shown(folder: Path) -> None:
    """That a variable with a key is set is told, its value is not; it counts before a key file."""
    (folder / "sodaf.toml").write_text('backup_key_file = "key"\n')
    site = load_site(environment={"SODAF_BACKUP_KEY": "topsecret"})
    assert "topsecret" not in repr(site) + str(site.to_dict())
    assert site.to_dict()["(SODAF_BACKUP_KEY)"] == {"value": "set, not shown", "source": "environment"}
    assert site.backup_options().key is None and load_site(environment={}).backup_options().key == Path("key")
