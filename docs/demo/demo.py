"""The main job, from an empty folder: tables made, rows filled in, definitions edited, everything followed.

Makes ``demo-site/`` beside the Makefile (anew at each run), or the folder given as an argument, and runs the real
command line on it; each command is shown as one would type it. ``make demo`` runs this.
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

from sodaf_migrate import DocTypeEngine, MigrationApplier

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "demo-site"

Fields = list[dict[str, Any]]


def main() -> None:
    """Tell the story; ends with 1 when a command does not end as the story says."""
    make_site()
    say("A new site: a folder of definitions, a sodaf.toml, and no database yet.")
    run("config show")
    run("sync")

    say("The application works with it for a while.")
    counts = fill(str(SITE / "site.db"), DocTypeEngine.from_directory(SITE / "doctypes"))
    print(f"\n  {sum(counts.values()):,} rows: " + ", ".join(list(spread(counts))[:5]) + " …")

    say("Then a developer edits definitions: adds, renames, retypes, indexes, makes unique, removes.")
    edit("Customer", edited_customer)
    edit("Item", edited_item)
    edit("Address", edited_address)

    say("What would a sync do? A dry run tells all, and changes nothing.")
    run("dry-run Customer --no-sql")
    run("dry-run Item")
    run("status --check", ends=2)

    say("The weight was indeed renamed: the developer declares it, with the line that the dry run gave.")
    edit("Item", declared_rename)

    say("Sync. What would lose data is refused whole; the rest is done.")
    run("sync", ends=4)

    say("A postal code is no number: 01277 would become 1277. The developer takes that back.")
    edit("Address", mended_address)

    say("And a blank mail address may become none at all, so that those that are there can be unique.")
    run("sync Customer " + " ".join(f"--allow {hazard}" for hazard in refused_hazards("Customer")))

    say("How does everything stand, and what was done?")
    run("status")
    run("history --limit 5")
    run("history --verify")

    say("A sync right after a sync finds nothing.")
    run("sync")
    print(f"\nThe site is in {SITE.name}/; look around: sodaf-migrate --site {SITE.name} dry-run --all")


def edited_customer(fields: Fields) -> Fields:
    """What a developer does to Customer in a week."""
    at = {field["fieldname"]: field for field in fields}
    at["mobile_no"] |= {"fieldname": "phone", "label": "Phone", "old_fieldname": "mobile_no"}  # rename, declared
    at["payment_days"] = replaced(at["payment_days"], fieldtype="Data", default="30")
    at["account_manager"]["indexed"] = True
    at["email"] = replaced(at["email"], unique=True)
    del at["logo"]
    tier = {"fieldname": "loyalty_tier", "label": "Tier", "fieldtype": "Select", "options": "Bronze\nSilver\nGold"}
    at["loyalty_tier"] = {**tier, "default": "Bronze"}
    at["segment"] = {"fieldname": "segment", "label": "Segment", "fieldtype": "Data", "required": True}
    return list(at.values())


def edited_item(fields: Fields) -> Fields:
    """Gives a field of Item a new name, and forgets to say so."""
    at = {field["fieldname"]: field for field in fields}
    at["weight"] |= {"fieldname": "net_weight", "label": "Net Weight (kg)"}
    return list(at.values())


def declared_rename(fields: Fields) -> Fields:
    """Says so."""
    at = {field["fieldname"]: field for field in fields}
    at["net_weight"]["old_fieldname"] = "weight"
    return list(at.values())


def edited_address(fields: Fields) -> Fields:
    """A mistake that is made again and again."""
    at = {field["fieldname"]: field for field in fields}
    at["postal_code"]["fieldtype"] = "Int"
    return list(at.values())


def mended_address(fields: Fields) -> Fields:
    """Takes it back."""
    at = {field["fieldname"]: field for field in fields}
    at["postal_code"]["fieldtype"] = "Data"
    return list(at.values())


def replaced(field: dict[str, Any], **new: Any) -> dict[str, Any]:
    """A field with other properties; what belonged to the old type goes."""
    return {key: value for key, value in field.items() if key not in ("precision", "options", "indexed")} | new


def refused_hazards(name: str) -> list[str]:
    """What a sync of one DocType would have to be allowed, by the public API."""
    applier = MigrationApplier(SITE / "site.db", DocTypeEngine.from_directory(SITE / "doctypes"))
    return [risk.allow for risk in applier.dry_run(name).refused_risks]


def make_site() -> None:
    """An empty site with a copy of the shipped definitions."""
    if SITE.exists() and not (SITE / "sodaf.toml").exists() and any(SITE.iterdir()):
        sys.exit(f"demo: {SITE} is there and is no site of this demo")
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
