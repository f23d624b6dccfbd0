"""The documents keep up with the program: every command, option, setting and code is there, and nothing that is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sodaf_migrate import errors
from sodaf_migrate.cli.exits import Exit, exit_of
from sodaf_migrate.cli.main import program
from sodaf_migrate.config.settings import ENVIRONMENT, PERMISSIONS, SETTINGS
from sodaf_migrate.doctype.catalogue import FIELD_TYPES
from sodaf_migrate.options import HAZARDS
from tests.test_floors import FLOORS

ROOT = Path(__file__).resolve().parents[1]
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
FINDINGS = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")

SITE_OPTIONS = {"--database", "--site", "--doctypes", "--lock-timeout", "--on-connect", "--format", "--debug"}


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its full name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def headings(text: str) -> dict[str, str]:
    """Each heading of a document with the text below it, up to the next of any level."""
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def error_classes(root: type[errors.MigrationError]) -> Iterator[type[errors.MigrationError]]:
    """The whole tree."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from error_classes(child)


def said_codes() -> set[str]:
    """Every code that a finding or a problem can have: the words in capitals of the modules that make such."""
    found: set[str] = set()
    for path in (ROOT / "sodaf_migrate").rglob("*.py"):
        found |= words_of(path)
    return found


def words_of(path: Path) -> set[str]:
    """The codes that one module says, if it makes findings or problems."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not {"Finding", "Problem"} & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
        return set()
    names = {name for node in ast.walk(tree) if isinstance(node, ast.Assign) for name in exported(node)}
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {word for word in words - names if re.fullmatch(r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)+", word)}


def exported(node: ast.Assign) -> Iterator[str]:
    """The names in an ``__all__``."""
    if any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
        yield from (item.value for item in ast.walk(node.value) if isinstance(item, ast.Constant))


@pytest.mark.parametrize(("name", "command"), list(commands(program)), ids=lambda value: str(value) if value else "")
def test_every_command_and_option_has_its_words(name: str, command: click.Command) -> None:
    """A command has a heading, and below it each option of its own."""
    part = headings(CLI)[name]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for option in sorted(option for option in options - SITE_OPTIONS if option.startswith("--")):
        assert f"`{option}" in part, f"{name} {option}"


@pytest.mark.parametrize(("name", "command"), list(commands(program)), ids=lambda value: str(value) if value else "")
def test_every_command_is_spelled_as_it_is_called(name: str, command: click.Command) -> None:
    """The first line below its heading is its usage."""
    words = " ".join(command.collect_usage_pieces(click.Context(command))[1:])
    usage = f"sodaf-migrate {name} {words}".replace("{bash|zsh|fish}", "SHELL").rstrip()
    assert headings(CLI)[name].strip().splitlines()[0].strip() == usage


def test_no_command_is_told_that_is_not_there() -> None:
    """Each part of the page up to the settings is a command or tells of all."""
    told = set(headings(CLI.partition("## Settings")[0])) - {"The command line", "Options of every command"}
    assert told == {name for name, _ in commands(program)}


def test_options_of_every_command() -> None:
    """What every command takes is told once, and every command takes it."""
    part = headings(CLI)["Options of every command"]
    assert set(re.findall(r"^\| `(--[a-z-]+)", part, flags=re.MULTILINE)) == SITE_OPTIONS
    for name, command in commands(program):
        taken = {option for parameter in command.params for option in parameter.opts}
        assert taken >= SITE_OPTIONS, name


def test_every_setting_and_variable() -> None:
    """Each key and each environment variable of ours is in the table, and no other."""
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", headings(CLI)["Settings"], flags=re.MULTILINE)
    assert rows == [(setting.name, setting.variable) for setting in SETTINGS]
    assert f"`{ENVIRONMENT}SITE`" in CLI
    assert all(f"`{name}`" in headings(CLI)["Permissions"] for name in PERMISSIONS)


def test_every_exit_code_and_hazard() -> None:
    """Each number has its row, each danger its name."""
    rows = re.findall(r"^\| (\d+) \|", headings(CLI)["Exit codes"], flags=re.MULTILINE)
    assert rows == [str(int(code)) for code in Exit]
    assert all(f"`{hazard}`" in CLI for hazard in HAZARDS)


def test_every_error_code() -> None:
    """Each error has one heading, which names its class; no heading is left of an error that is gone."""
    parts = headings(ERRORS)
    codes = {kind.code: kind.__name__ for kind in error_classes(errors.MigrationError)}
    assert set(parts) - {"Errors"} == set(codes)
    assert all(f"`{name}`" in parts[code] for code, name in codes.items())


@pytest.mark.parametrize("kind", list(error_classes(errors.MigrationError)), ids=lambda kind: kind.code)
def test_every_error_is_told_in_full(kind: type[errors.MigrationError]) -> None:
    """How a call ends with it, what it means, what became of the data, and what to do."""
    part = headings(ERRORS)[kind.code]
    assert f"`{kind.__name__}`, exit {int(exit_of(kind('for its exit code')))}" in " ".join(part.split())
    meaning, _, rest = part.partition("\n- **Data:** ")
    data, _, deed = rest.partition("\n- **Do:** ")
    assert all(len(words.split()) >= least for words, least in ((meaning, 8), (data, 2), (deed, 5))), part


def test_the_tree_of_errors() -> None:
    """The drawing has each class once."""
    drawn = re.findall(r"\w+Error\b", ERRORS.partition("```text\n")[2].partition("```")[0])
    assert sorted(drawn) == sorted(kind.__name__ for kind in error_classes(errors.MigrationError))


def test_every_finding_code() -> None:
    """Each code of a finding or a problem has one heading, and none is left over."""
    told = {title for title in headings(FINDINGS) if title.isupper()}
    assert told == said_codes()


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link points at a file, and at a heading of it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            titles = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings(file.read_text())}
            assert anchor in titles, f"{page.name}: {target}"


def test_every_promise_is_tried() -> None:
    """Each row of the page of promises names tests, and each of them is there."""
    page = (ROOT / "docs" / "data-safety.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| ") and "---" not in row][1:]
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert named, row
        for file, name in named:
            assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{name}"


def test_the_house_is_drawn_as_it_is() -> None:
    """Each room that exists is on its floor of the drawing and has its row; each file that the page names is there."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.stem for path in (ROOT / "sodaf_migrate").iterdir() if not path.name.startswith("_")} - {"py"}
    drawing = page.partition("```text\n")[2].partition("```")[0]
    drawn = [re.split(r"\s{2,}", line)[1].split() for line in drawing.splitlines()]
    assert drawn == [[room for room in floor if room in rooms] for floor in reversed(FLOORS)]
    named = re.findall(r"^\| (`[^|]+) \|", page.partition("## The walk")[0], flags=re.MULTILINE)
    rows = set(re.findall(r"`(\w+)[\w/]*`", "".join(named)))
    assert rows == rooms
    for name in re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", page):
        assert (ROOT / name).exists() or (ROOT / "sodaf_migrate" / name).exists(), name


def test_every_field_type_has_its_kind() -> None:
    """Each type that keeps a value is in the table of kinds, and no other."""
    page = (ROOT / "docs" / "conversions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [\w ,]+ \| ([\w ,]+) \|$", headings(page)["Which types are alike"], flags=re.MULTILINE)
    told = [name for row in rows[1:] for name in row.split(", ")]
    assert sorted(told) == sorted(name for name, kind in FIELD_TYPES.items() if kind.has_column)


def test_the_readme_counts_as_the_comparison_does() -> None:
    """What it says of the peers is the sum of the first table there."""
    peers = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    kept = re.findall(r"\*\*(\d+) of (\d+)\*\*", next(row for row in peers.splitlines() if "**kept**" in row))
    (ours, every), (utils, _), (alembic, _), (django, _) = kept
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"of {every} things" in readme and f"keeps all {ours}" in readme and ours == every
    assert f"they keep {alembic} (Alembic), {django} (Django) and {utils} (sqlite-utils)" in readme


def raised(kinds: set[str]) -> Iterator[str]:
    """The message of each raise of one of these errors, with three dots for what is filled in."""
    for path in sorted((ROOT / "sodaf_migrate").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds and node.args:
                yield said(node.args[0])


def said(node: ast.expr) -> str:
    """A text as far as it stands in the source."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def matches(pattern: str, text: str) -> bool:
    """Whether ``text`` is a case of ``pattern``: three dots, names in quotes and numbers stand for anything."""
    parts = re.split(r"…|(?<=[\"'])[^\"']+(?=[\"'])|\d+", pattern.rstrip("."))
    return re.match(".*".join(re.escape(part) for part in parts), text, flags=re.DOTALL) is not None


def test_every_refusal() -> None:
    """Whatever is refused for what it is, and not for its rows' sake, has its heading; none is left over."""
    page = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    told = [
        " ".join(words.split())
        for line in re.findall(
            r"^`(?:SchemaParse|UnsupportedChange)Error`: (.+?)\n\n", page, flags=re.MULTILINE | re.DOTALL
        )
        for words in re.findall(r"\*([^*]+)\*", line)
    ]
    found = list(raised({"SchemaParseError", "UnsupportedChangeError"}))
    assert len(found) > 10 and len(told) > 10
    assert [text for text in found if not any(matches(text, words) or matches(words, text) for words in told)] == []
    assert [words for words in told if not any(matches(text, words) or matches(words, text) for text in found)] == []
