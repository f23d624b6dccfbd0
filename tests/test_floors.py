"""The house keeps its floors: read from the syntax tree, so that no import hides in a function or a type check."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sodaf_migrate

PACKAGE = "sodaf_migrate"
FLOORS = (
    ("errors", "events", "options", "permissions"),
    ("schema", "wire", "doctype"),
    ("typemap", "desired", "compare", "plan"),
    ("dialects",),
    ("history", "backup", "execute"),
    ("validate",),
    ("config", "results", "applier", "authored", "report"),
    ("apps", "web", "boot_hook", "cli", "testing"),
)
ROOMS = tuple(room for floor in FLOORS for room in floor)
FACE = (PACKAGE, f"{PACKAGE}.__main__")
HEAVY = ("pydantic", "sqlglot", "sqlite_utils", "cryptography", "zstandard", "click", "rich")
MODULE_LINES, FUNCTION_LINES = 400, 50


def breaches(root: Path) -> list[str]:
    """Everything in the package folder ``root`` that breaks a rule of the house, in one sentence each."""
    modules = {_dotted(root, path): path for path in sorted(root.rglob("*.py"))}
    if not any(_room(name) for name in modules):
        return [f"{root.name} is empty: there is no room to check"]
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules.items()}
    graph = {
        name: {target for target in _imports(name, modules[name], tree, trees) if target != name}
        for name, tree in trees.items()
    }
    return [
        *_unnamed(root, modules),
        *_climbs(graph),
        *_rings(graph),
        *_too_long(modules, trees),
        *_busy_inits(modules, trees),
    ]


def _dotted(root: Path, path: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else None


def _unnamed(root: Path, modules: dict[str, Path]) -> Iterator[str]:
    for room in sorted({room for name in modules if (room := _room(name))}):
        if ROOMS.count(room) != 1:
            yield f"room {room!r} is named {ROOMS.count(room)} times among the floors"
        if (root / f"{room}.py").exists() and (root / room).is_dir():
            yield f"room {room!r} is both a module and a package"


def _climbs(graph: dict[str, set[str]]) -> Iterator[str]:
    for module, targets in sorted(graph.items()):
        for target in sorted(targets):
            if module in FACE:
                continue
            if target in FACE:
                yield f"{module} imports the face, {target}"
                continue
            own, other = _room(module), _room(target)
            if own != other and own in ROOMS and other in ROOMS and ROOMS.index(other) > ROOMS.index(own):
                yield f"{module} imports {target}, which is named after it"


def _rings(graph: dict[str, set[str]]) -> Iterator[str]:
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> Iterator[str]:
        if module in trail:
            yield "ring of modules: " + " -> ".join((*trail[trail.index(module) :], module))
        elif module not in done:
            for target in sorted(graph.get(module, ())):
                yield from walk(target, (*trail, module))
            done.add(module)

    for module in sorted(graph):
        yield from walk(module, ())


def _too_long(modules: dict[str, Path], trees: dict[str, ast.Module]) -> Iterator[str]:
    for name, path in modules.items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MODULE_LINES:
            yield f"{name} has {lines} lines, over {MODULE_LINES}"
        for node in ast.walk(trees[name]):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _length(node) > FUNCTION_LINES:
                yield f"{name}.{node.name} has {_length(node)} lines, over {FUNCTION_LINES}"


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def _busy_inits(modules: dict[str, Path], trees: dict[str, ast.Module]) -> Iterator[str]:
    """Anything but names in a package's ``__init__``; the face may also hand names out lazily."""
    for name, path in modules.items():
        if path.name == "__init__.py":
            for node in trees[name].body:
                if not (_only_names(node) or (name == PACKAGE and _lazy_names(node))):
                    yield f"{name}/__init__.py line {node.lineno} holds more than names"


def _only_names(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return [ast.unparse(target) for target in node.targets] in (["__all__"], ["__version__"])
    return isinstance(node, (ast.Import, ast.ImportFrom)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _lazy_names(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test).endswith("TYPE_CHECKING") and all(_only_names(inner) for inner in node.body)
    if isinstance(node, ast.FunctionDef):
        return node.name.startswith("_")  # __getattr__, and what it wires
    return isinstance(node, (ast.Assign, ast.AnnAssign))


def _imports(module: str, path: Path, tree: ast.Module, known: dict[str, ast.Module]) -> Iterator[str]:
    """The modules of the package that ``module`` imports anywhere, however it is spelled."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (found for alias in node.names if (found := _known(alias.name, known)))
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            source = ".".join(part for part in (base if node.level else "", node.module or "") if part)
            # The face is always loaded before any room: to read its version adds nothing to what is imported.
            names = {alias.name for alias in node.names} - ({"__version__"} if source == PACKAGE else set())
            yield from (found for name in sorted(names) if (found := _known(f"{source}.{name}", known)))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (found for argument in node.args if (found := _known(_constant(argument), known)))


def _constant(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _known(dotted: str, known: dict[str, ast.Module]) -> str | None:
    """The module that ``dotted`` names, or the one that holds the name; None outside the package."""
    while dotted.partition(".")[0] == PACKAGE:
        if dotted in known:
            return dotted
        dotted = dotted.rpartition(".")[0]
    return None


def _house(tmp_path: Path, **files: str) -> Path:
    """A package folder with ``files``, whose names spell paths with ``__`` for a slash."""
    root = tmp_path / PACKAGE
    for name, text in {"errors": "", **files}.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.parent != root:
            (path.parent / "__init__.py").touch()
    (root / "__init__.py").touch()
    return root


def test_the_house_keeps_its_rules() -> None:
    """No room of the package breaks a rule."""
    assert breaches(Path(sodaf_migrate.__file__).parent) == []


def test_every_room_is_named_once() -> None:
    """No room stands on two floors."""
    assert len(set(ROOMS)) == len(ROOMS)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"cellar": ""}, "room 'cellar' is named 0 times"),
        ({"plan": "import sodaf_migrate.plan", "plan__inner": ""}, "both a module and a package"),
        ({"plan": "import sodaf_migrate.cli", "cli": ""}, "named after it"),
        ({"plan": "def f():\n    from sodaf_migrate import cli\n", "cli": ""}, "named after it"),
        ({"plan": "if TYPE_CHECKING:\n    from sodaf_migrate.cli import x\n", "cli": ""}, "named after it"),
        ({"compare__a": "from ..plan import x", "plan": ""}, "named after it"),
        ({"compare__a": "from .. import plan", "plan": ""}, "named after it"),
        ({"plan": "importlib.import_module('sodaf_migrate.cli')", "cli": ""}, "named after it"),
        ({"errors": "from sodaf_migrate.events import x", "events": ""}, "named after it"),
        ({"plan": "from sodaf_migrate import sync_doctype"}, "imports the face"),
        ({"plan__a": "from . import b", "plan__b": "def f():\n    from .a import x\n"}, "ring of modules"),
        ({"plan": "\n" * 401}, "has 401 lines"),
        ({"plan": "def f():\n" + "    x = 1\n" * 50}, "plan.f has 51 lines"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, files: dict[str, str], said: str) -> None:
    """Each planted breach is told."""
    assert any(said in sentence for sentence in breaches(_house(tmp_path, **files)))


def test_a_sound_house_is_not_accused(tmp_path: Path) -> None:
    """Importing downwards, and beside without a ring, is free."""
    files = {
        "plan__a": "import sodaf_migrate.plan.b\nfrom sodaf_migrate import __version__, errors",
        "plan__b": "from .. import errors",
    }
    assert breaches(_house(tmp_path, **files)) == []


def test_an_empty_package_fails(tmp_path: Path) -> None:
    """A checker that is given nothing to check says so instead of passing."""
    root = tmp_path / PACKAGE
    root.mkdir()
    (root / "__init__.py").touch()
    assert breaches(root) == [f"{PACKAGE} is empty: there is no room to check"]


@pytest.mark.parametrize("text", ["def f(): pass", "x = 1", "class A: pass", "if True:\n    import os", "print(1)"])
def test_code_in_a_package_init_is_found(tmp_path: Path, text: str) -> None:
    """A room's ``__init__`` may hold names only."""
    root = _house(tmp_path, plan__a="")
    (root / "plan" / "__init__.py").write_text(text)
    assert any("more than names" in sentence for sentence in breaches(root))


def test_a_docstring_is_not_counted(tmp_path: Path) -> None:
    """Explaining a function at length does not make it long."""
    text = 'def f():\n    """' + "word\n" * 60 + '    """\n    return 1\n'
    assert breaches(_house(tmp_path, plan=text)) == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    """``import sodaf_migrate`` loads none of the libraries that a quiet boot does not need."""
    code = f"import sys, sodaf_migrate; print([name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
