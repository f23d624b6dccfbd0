"""From any schema A with rows to any schema B: the live schema is B, and no value is lost on the way.

Seeds are fixed; ``SODAF_TEST_SEED`` begins elsewhere, ``SODAF_TEST_DEEP=1`` takes five thousand. One seed is shown by
``python -m tests.properties.pairs SEED``.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.properties.pairs import VERSIONS, Outcome, judge

FIRST = int(os.environ.get("SODAF_TEST_SEED", "0"))
COUNT = 5_000 if os.environ.get("SODAF_TEST_DEEP") == "1" else 200


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """What became of each pair."""
    folder: Path = tmp_path_factory.mktemp("pairs")
    logging.disable(logging.CRITICAL)  # a refused or failed migration logs; here it is counted
    try:
        return [judge(seed, folder) for seed in range(FIRST, FIRST + COUNT)]
    finally:
        logging.disable(logging.NOTSET)


def shown(found: list[Outcome]) -> str:
    return "\n".join(map(str, found[:10])) + f"\n{len(found)} of {COUNT}"


def test_what_is_applied_is_b(outcomes: list[Outcome]) -> None:
    """The oracle finds B, every kept value and rowid, sound indexes and keys; a second sync changes nothing."""
    found = [outcome for outcome in outcomes if outcome.problems]
    assert not found, shown(found)


def test_no_plan_fails(outcomes: list[Outcome]) -> None:
    """Where the rows fit, whatever cannot be done is refused beforehand: no plan is started and rolled back."""
    found = [outcome for outcome in outcomes if outcome.status == "failed" and outcome.fitting]
    assert not found, shown(found)


def test_refusals_are_explained(outcomes: list[Outcome]) -> None:
    """Every refusal's class and message have a heading in docs/refusals.md."""
    found = [outcome for outcome in outcomes if outcome.status == "refused" and not outcome.explained]
    assert not found, shown(found)


def test_most_pairs_apply(outcomes: list[Outcome]) -> None:
    """Of the pairs whose rows fit B, 95 % apply."""
    fitting = [outcome for outcome in outcomes if outcome.fitting]
    counted = Counter(outcome.status for outcome in fitting)
    refused = [outcome for outcome in fitting if outcome.status in ("refused", "failed", "pending")]
    assert len(refused) <= 0.05 * len(fitting), f"{counted}\n{shown(refused)}"


def test_every_variant_was_there(outcomes: list[Outcome]) -> None:
    """Both journals, with foreign keys on and off, and plans for older libraries, each with pairs that were applied."""
    counted = Counter(word for each in outcomes if each.status == "applied" for word in each.variant.split(", "))
    versions = {".".join(map(str, version)) for version in VERSIONS if version is not None}
    wanted = {"wal", "rollback", "keys on", "keys off", "loaded", *versions}
    assert set(counted) == wanted and min(counted.values()) >= COUNT // 40, counted
