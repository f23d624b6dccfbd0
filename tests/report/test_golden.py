"""What every report reads like, word for word (SODAF_WRITE_GOLDEN=1 writes the files anew)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.config.site import Site
from sodaf_migrate.history.chain import Problem
from sodaf_migrate.report.lines import WIDTH, cells, pieces, text_of
from sodaf_migrate.report.render import to_json, to_lines, to_text
from sodaf_migrate.report.standing import verified_lines
from sodaf_migrate.results import MigrationHistory
from tests.report import samples

PLAN_SQL = samples.PLAN.sql[0]
GOLDEN = Path(__file__).parent / "golden"

CASES: dict[str, Any] = {
    "diff": samples.DIFF,
    "diffs": (samples.DIFF, samples.QUIET_RUN.diff),
    "every_change": samples.EVERY_CHANGE,
    "dry_run_refused": samples.REFUSED_RUN,
    "dry_run_allowed": samples.ALLOWED_RUN,
    "dry_run_hostile": samples.HOSTILE_RUN,
    "dry_run_in_step": samples.QUIET_RUN,
    "dry_runs": (samples.QUIET_RUN, samples.REFUSED_RUN),
    "result_applied": samples.APPLIED,
    "result_unchanged": samples.UNCHANGED,
    "result_refused": samples.REFUSED,
    "batch": samples.BATCH,
    "status": samples.STATUS,
    "history": samples.HISTORY,
    "migration": samples.MIGRATION,
    "site": Site(database="site.db", sources={"database": "sodaf.toml"}),
    "error": samples.PROBLEMS,
}


@pytest.mark.parametrize("name", CASES)
def test_text(name: str) -> None:
    """The report is word for word the one on file, and fits the narrowest terminal."""
    text = to_text(CASES[name])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("SODAF_WRITE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    wrapped = [row for line in to_lines(CASES[name]) if line.style != "code" for row in pieces(line)]
    assert max(map(cells, wrapped)) <= WIDTH


@pytest.mark.parametrize("name", CASES)
def test_json(name: str) -> None:
    """Every result is a JSON document of plain values."""
    assert json.loads(to_json(CASES[name]))


def test_every_change_has_words_and_a_sign() -> None:
    """The sample of all changes holds each kind, so none is without words."""
    from sodaf_migrate.compare import changes

    kinds = {type(change) for change in samples.EVERY_CHANGE.changes}
    assert kinds == set(changes.AnyChange.__args__)  # type: ignore[attr-defined]


def test_json_of_a_dry_run_says_it_in_words() -> None:
    """The JSON of a dry run carries the changes in words, the risks with the option that allows them, and the cost."""
    document = json.loads(to_json(samples.REFUSED_RUN))
    assert document["summary"][0] == "Customer.phone: rename phone → mobile"
    assert document["data_loss_risks"][0]["allow"] == "lossy_conversion:Customer.credit_limit"
    assert document["performance_impact"] == "high"
    assert [step["cost"] for step in document["plan"]["steps"]] == ["instant", "rebuild"]


def test_sql_only_where_it_is_wanted() -> None:
    """One DocType's dry run shows the SQL unless told not to; that of many only when told to."""
    wanted = PLAN_SQL
    assert wanted in to_text(samples.REFUSED_RUN)
    assert wanted not in to_text(samples.REFUSED_RUN, sql=False)
    assert wanted not in to_text((samples.REFUSED_RUN,))
    assert wanted in to_text((samples.REFUSED_RUN,), sql=True)


def test_empty_things() -> None:
    """Nothing is said in words, too."""
    assert to_text(()) == "there are no DocTypes\n"
    assert to_text(MigrationHistory()) == "no migration is on record\n"
    assert "the history is whole" in text_of(verified_lines(()))
    altered, locked = Problem("altered", "event 3", "event 3 was altered"), Problem("locked", "event 4", "no key")
    assert "1 problem in the history" in text_of(verified_lines((altered, locked)))
    assert text_of(verified_lines((locked,))).startswith("the history could not be checked whole")


def test_limit_of_the_history() -> None:
    """A limit shows the latest and counts the rest."""
    text = to_text(samples.HISTORY, limit=1)
    assert samples.MIGRATION.id in text
    assert "and 3 earlier" in text


def test_values_without_a_report() -> None:
    """A value that is no result is a mistake of the program."""
    with pytest.raises(TypeError, match="no report for int"):
        to_text(3)
