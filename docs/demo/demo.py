"""The main job, from an empty folder: tables made, rows filled in, definitions edited, everything followed.

Makes ``demo-site/`` beside the Makefile (anew at each run), and runs the real command line on it; each command is
shown as one would type it. ``make demo`` runs this.
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from business import fill, spread

from sodaf_migrate import DocTypeEngine

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "demo-site"

Fields = list[dict[str, Any]]


def main() -> None:
    """Tell the story; ends with 1 when a command does not end as the story says."""
    make_site()
    say("A new site: a folder of DocTypes, a sodaf.toml, and no database yet.")
    run("config show")
    run("sync")

    say("The application works with it for a while.")
    counts = fill(str(SITE / "site.db"), DocTypeEngine.from_directory(SITE / "doctypes"))
    print(f"  {sum(counts.values()):,} rows: " + ", ".join(list(spread(counts))[:6]) + " …")

    say("Everything is in step.")
    run("status")

    say("Then a developer edits the definitions.")
    edit("Customer", customer)
    edit("Item", item)

    say("What would a sync do? A dry run tells, and changes nothing.")
    run("dry-run Customer")
    run("dry-run Item --no-sql")
    run("sync --check", ends=2)

    say("A sync refuses what would lose data, and names the option that would allow it.")
    run("sync", ends=0)

    say("Who stands where, and what was done?")
    run("status")
    run("history --limit 6")

    say("A sync right after a sync finds nothing.")
    run("sync")
    print(f"\nThe site is in {SITE.relative_to(ROOT)}/: look around with `sodaf-migrate --site {SITE.name} …`.")


def customer(fields: Fields) -> Fields:
    return fields


def item(fields: Fields) -> Fields:
    return fields


def make_site() -> None:
    """An empty site with a copy of the shipped definitions."""
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(ROOT / "doctypes", SITE / "doctypes")
    (SITE / "sodaf.toml").write_text('database = "site.db"\ndoctypes = "doctypes"\n', encoding="utf-8")


def say(sentence: str) -> None:
    print(f"\n# {sentence}")


def run(command: str, *, ends: int = 0) -> None:
    """Run one command of ``sodaf-migrate`` in the site's folder, as typed there."""
    print(f"\n$ sodaf-migrate {command}", flush=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SODAF_")}
    done = subprocess.run([sys.executable, "-m", "sodaf_migrate", *command.split()], cwd=SITE, env=environment)
    if done.returncode != ends:
        sys.exit(f"demo: `{command}` ended with {done.returncode}, not {ends}")


def edit(name: str, change: Callable[[Fields], Fields]) -> None:
    """Edit the fields of one definition, and show what was edited."""
    path = next(path for path in (SITE / "doctypes").rglob("*.json") if json.loads(path.read_text())["name"] == name)
    definition = json.loads(path.read_text(encoding="utf-8"))
    before = [json.dumps(field) for field in definition["fields"]]
    definition["fields"] = change(definition["fields"])
    after = [json.dumps(field) for field in definition["fields"]]
    path.write_text(json.dumps(definition, indent=1) + "\n", encoding="utf-8")
    print(f"\n  {path.relative_to(SITE)}")
    for line in list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]:
        if not line.startswith("@@"):
            print(f"  {line}")


if __name__ == "__main__":
    main()
