"""The tree that is drawn is the tree that is raised."""

from __future__ import annotations

import inspect

import pytest

from sodaf_migrate import errors
from sodaf_migrate.errors import DataLossRiskError, DefinitionError, MigrationError, StatementError

CLASSES = {name: item for name, item in vars(errors).items() if inspect.isclass(item) and issubclass(item, Exception)}


def drawn() -> dict[str, str | None]:
    """Each error of the drawing with the one that it hangs from."""
    found: dict[str, str | None] = {}
    trail: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip(" │├└─").split(" ")[0]
        if name.endswith("Error"):
            depth = line.index(name)
            trail = [step for step in trail if step[0] < depth]
            found[name] = trail[-1][1] if trail else None
            trail.append((depth, name))
    return found


def test_the_drawn_tree_is_the_class_tree() -> None:
    """Every class stands in the drawing below its own base, and nothing else does."""
    actual = {name: None if item is MigrationError else item.__base__.__name__ for name, item in CLASSES.items()}
    assert drawn() == actual


def test_every_error_is_public_and_sorted() -> None:
    """``__all__`` names every error, in order."""
    assert list(errors.__all__) == sorted(CLASSES)


def test_codes_are_their_own() -> None:
    """No two errors share a code, and each class says its own."""
    assert all("code" in vars(item) for item in CLASSES.values())
    assert len({item.code for item in CLASSES.values()}) == len(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_an_error_becomes_plain_values(name: str) -> None:
    """``str`` is the sentence; ``to_dict`` carries code, message, hint and details."""
    error = CLASSES[name]("Table 'a' is not there.", hint="Create it.")
    assert str(error) == error.message == "Table 'a' is not there."
    said = error.to_dict()
    assert (said["code"], said["message"], said["hint"]) == (error.code, error.message, "Create it.")
    assert isinstance(said["details"], dict)


def test_details_are_copied() -> None:
    """A mapping that its owner changes later does not change the error."""
    details = {"sql": "SELECT 1"}
    error = StatementError("no", details=details)
    details.clear()
    assert error.details == {"sql": "SELECT 1"}


def test_problems_and_risks_are_carried() -> None:
    """Lists given as any iterable become tuples, and strings in ``details``."""
    assert DefinitionError("bad", problems=iter([1, 2])).details == {"problems": ["1", "2"]}
    assert DataLossRiskError("bad", risks=["r"]).risks == ("r",)
