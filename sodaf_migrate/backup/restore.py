"""One table brought back from a backup, or a chain, into itself, another table or another database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sodaf_migrate.backup.chain import attached_rows, check_encoding
from sodaf_migrate.backup.payload import PAYLOAD, ROWS, Link, run_all
from sodaf_migrate.backup.restore_shape import Fit, create_around, create_table, fit, there
from sodaf_migrate.backup.scratch import Place
from sodaf_migrate.backup.trial import Untried, trial
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.missing_rows import (
    insert_all,
    insert_rows,
    make_marks,
    mark_rows,
    raise_sequence,
    set_sequence,
)
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.quiet import without_triggers
from sodaf_migrate.dialects.sqlite.restores import (
    CHANGED,
    MATCHED,
    count_rows,
    count_unlike,
    delete_changed,
    delete_others,
    has_rows,
    insert_changed,
    is_matched,
    make_changed,
    make_matched,
    take_changed,
    take_matched,
)
from sodaf_migrate.errors import ConstraintError, StatementError
from sodaf_migrate.schema.model import Table, fold
from sodaf_migrate.wire.cache import roomy
from sodaf_migrate.wire.connection import Wire

__all__ = ["RestoreReport", "compared", "foretold", "restore_table"]

_SOURCE = f"{PAYLOAD}.{ROWS}"
_MISSING = "sodaf_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What a restore did, or would do (``dry_run``), in rows of ``table``.

    ``inserted`` were not there, ``overwritten`` were otherwise, ``unchanged`` are as the backup has them; ``kept``
    are not in the backup and stay, ``removed`` are not in it and go. ``missing`` names columns of the backup that the
    table does not have, ``added`` columns that the backup does not have; ``notes`` says what else one should know.
    """

    table: str
    created: bool = False
    inserted: int = 0
    overwritten: int = 0
    unchanged: int = 0
    kept: int = 0
    removed: int = 0
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False


def restore_table(
    wire: Wire,
    links: Sequence[Link],
    *,
    folder: Place,
    table: str | None = None,
    exact: bool = False,
    allow_orphans: bool = False,
    before: Callable[[RestoreReport], None] = lambda report: None,
) -> RestoreReport:
    """Brings the rows of a table back to what the last of ``links`` (a FULL backup and its differences) holds.

    ``table`` is the live table, the backup's own by default; where there is none it is created with all that stood
    around it. Rows are found by primary key, else by rowid. Rows that the backup does not have stay, unless ``exact``.
    All is one transaction, in which no trigger fires; ``before`` is called in it with what is going to be done to a
    table that is there, before any row is written.
    Raises ConstraintError where a row that stays holds a unique value of one that comes back, or (unless
    ``allow_orphans``) rows would lose their parent; BackupDamagedError, BackupError, DatabaseError; nothing is changed.
    """
    manifest = links[-1].source.manifest
    name = manifest["table"]["name"] if table is None else table
    durable = 2 if str(wire.value("PRAGMA main.journal_mode")).lower() == "wal" else 3
    durable = max(int(wire.value("PRAGMA main.synchronous")), durable)
    settings = {"foreign_keys": 0, "recursive_triggers": 0, "synchronous": durable}
    with attached_rows(wire, links, folder), wire.pragmas(**settings), wire.atomic():
        return _Restore(wire, manifest, name, exact, allow_orphans, before).run()


def foretold(
    wire: Wire,
    links: Sequence[Link],
    *,
    folder: Place,
    table: str | None = None,
    exact: bool = False,
    allow_orphans: bool = False,
) -> RestoreReport:
    """What ``restore_table`` would do and tell, for it is done: to a private copy of the table. Nothing is changed.

    Raises whatever it would raise. A table that cannot be copied as it is, is only compared, and a note says so.
    """
    manifest = links[-1].source.manifest
    name = manifest["table"]["name"] if table is None else table
    there(wire, name)
    check_encoding(wire, links[-1])
    try:
        with trial(wire, manifest, name, folder) as own:
            return replace(
                restore_table(own, links, folder=folder, table=name, exact=exact, allow_orphans=allow_orphans),
                dry_run=True,
            )
    except Untried as error:
        report = compared(wire, links, folder=folder, table=name, exact=exact)
        note = f"whether the table would take these rows could not be tried: {error}"
        return replace(report, notes=(*report.notes, note))


def compared(
    wire: Wire, links: Sequence[Link], *, folder: Place, table: str | None = None, exact: bool = False
) -> RestoreReport:
    """The rows of a backup beside those of a table, in the counts of a restore. Nothing is changed."""
    manifest = links[-1].source.manifest
    name = manifest["table"]["name"] if table is None else table
    with attached_rows(wire, links, folder), wire.snapshot():
        live = there(wire, name)
        if live is None:
            return RestoreReport(table=name, created=True, inserted=manifest["table"]["rows"], dry_run=True)
        found = fit(wire, live, manifest, _SOURCE)
        report = _census(wire, found, name, exact)
        wire.run(f"DROP TABLE temp.{MATCHED}")
        return replace(report, notes=found.notes, dry_run=True)


def _census(wire: Wire, found: Fit, name: str, exact: bool) -> RestoreReport:
    """Counts, and leaves ``MATCHED`` behind for what follows."""
    wire.run(make_matched(found.table))
    if wire.value(has_rows(found.table)):
        run_all(wire, take_matched(found.table, _SOURCE, found.matching, found.differs))
    row = wire.row(count_rows(found.table, _SOURCE))
    held, live, both, differing = row or (0, 0, 0, 0)
    others = live - both
    if held > both and found.unfilled:
        raise ConstraintError(
            f'"{name}" cannot be brought back: its column "{found.unfilled[0]}" must not be empty, and the backup '
            "knows nothing of it",
            hint="Give that column a default first, or restore into another table.",
        )
    return RestoreReport(
        table=name,
        inserted=held - both,
        overwritten=differing,
        unchanged=both - differing,
        kept=0 if exact else others,
        removed=others if exact else 0,
        missing=found.missing,
        added=found.added,
    )


class _Restore:
    """One restore inside its transaction."""

    def __init__(
        self,
        wire: Wire,
        manifest: Mapping[str, Any],
        name: str,
        exact: bool,
        allow_orphans: bool,
        before: Callable[[RestoreReport], None],
    ) -> None:
        self.wire, self.manifest, self.name = wire, manifest, name
        self.exact, self.allow_orphans, self.before = exact, allow_orphans, before

    def run(self) -> RestoreReport:
        live = there(self.wire, self.name)
        before = self._orphans()
        notes: tuple[str, ...] = ()
        if live is None:
            notes = create_table(self.wire, self.manifest, self.name)
            live = read_schema(self.wire, around=(self.name,)).table(self.name)
            assert live is not None
            found = fit(self.wire, live, self.manifest, _SOURCE)
            report = self._rows(found, replace(self._foreseen(found), created=True))
            notes += create_around(self.wire, self.manifest, self.name)
        else:
            found = fit(self.wire, live, self.manifest, _SOURCE)
            foreseen = self._foreseen(found)
            self.before(foreseen)
            with without_triggers(self.wire, self.name) as triggers:
                report = self._rows(found, foreseen)
            notes = found.notes
            if triggers and (report.inserted or report.overwritten or report.removed):
                notes += ("triggers that do not fire: " + ", ".join(f'"{name}"' for name in triggers),)
        notes += self._judged(before, self._orphans())
        return replace(report, notes=report.notes + notes)

    def _foreseen(self, found: Fit) -> RestoreReport:
        return _census(self.wire, found, self.name, self.exact)

    def _rows(self, found: Fit, report: RestoreReport) -> RestoreReport:
        try:
            # Not sooner, for the safety backup takes memory too; nor later, for a sort takes as much as the cache may.
            with roomy(self.wire), self._temporary(found, report):
                self._write(found, report)
        except ConstraintError as error:
            raise ConstraintError(
                f'"{self.name}" cannot be brought back: {error.details.get("reason", error.message)}',
                hint=_hint(str(error.details.get("reason", ""))),
                details=error.details,
            ) from error
        unlike = self.wire.value(count_unlike(found.table, _SOURCE, found.matching, found.differs))
        self.wire.run(f"DROP TABLE temp.{MATCHED}")
        if unlike:
            some = "1 row is" if unlike == 1 else f"{unlike} rows are"
            told = f"{some} not exactly as before: the column types now convert their values"
            report = replace(report, notes=(*report.notes, told))
        return report

    @contextmanager
    def _temporary(self, found: Fit, report: RestoreReport) -> Iterator[None]:
        self.wire.run(make_changed(found.table))
        if report.overwritten:
            run_all(self.wire, take_changed(found.table, _SOURCE, found.columns))
        self.wire.run(make_marks(_MISSING))
        yield
        for name in (CHANGED, _MISSING):
            self.wire.run(f"DROP TABLE temp.{name}")

    def _write(self, found: Fit, report: RestoreReport) -> None:
        wire, table = self.wire, found.table
        if report.removed:
            wire.run(delete_others(table))
        rowids = self.manifest["table"]["rowid"]
        if wire.value(has_rows(table)):
            self._write_between(found, report, rowids)
        elif report.inserted:  # of no rows, SQLite would still note that AUTOINCREMENT has used the number 0
            run_all(wire, insert_all(table, _SOURCE, found.columns, rowids=rowids))
        self._count_on(table, created=report.created)

    def _write_between(self, found: Fit, report: RestoreReport, rowids: bool) -> None:
        """What is missing and what differs, among rows that stay."""
        wire, table = self.wire, found.table
        if report.inserted:
            wire.run(mark_rows(table, _MISSING, _SOURCE, is_matched()))
        if report.overwritten:
            wire.run(delete_changed(table))
            run_all(wire, insert_changed(table))
        for taken in (False, True) if report.inserted else ():
            rows = insert_rows(table, _MISSING, _SOURCE, found.columns, rowids=rowids, taken=taken, conflict="ABORT")
            run_all(wire, rows)

    def _count_on(self, table: Table, *, created: bool) -> None:
        """The number that AUTOINCREMENT used last is what it was, or more in a table that was there."""
        if table.primary_key is None or not table.primary_key.autoincrement:
            return
        held = self.manifest["table"]["sequence"]
        number = None if held is None else int(held)
        if created:
            run_all(self.wire, set_sequence(table, number))
        elif number is not None:
            run_all(self.wire, raise_sequence(table, number))

    # Foreign keys.

    def _orphans(self) -> dict[str, int | None]:
        """By table with foreign keys that is, or points to, this one: its rows without a parent; None: no such key."""
        found: dict[str, int | None] = {}
        for table in read_schema(self.wire, around=(self.name,)).tables:
            parents = {fold(key.table) for key in table.foreign_keys}
            if parents and (fold(table.name) == fold(self.name) or fold(self.name) in parents):
                try:
                    sql = "SELECT count(*) FROM pragma_foreign_key_check(?, 'main')"
                    found[table.name] = self.wire.value(sql, (table.name,))
                except StatementError:
                    found[table.name] = None
        return found

    def _judged(self, before: dict[str, int | None], after: dict[str, int | None]) -> tuple[str, ...]:
        worse = {name: (count or 0) - (before.get(name) or 0) for name, count in after.items()}
        told = tuple(
            f"{more} row{'' if more == 1 else 's'} of {quote(name)} would have no parent"
            for name, more in sorted(worse.items())
            if more > 0
        )
        if told and not self.allow_orphans:
            raise ConstraintError(
                f'"{self.name}" was not restored: {"; ".join(told)}',
                hint="Restore the parent table first, or restore with allow_orphans=True.",
                details={"orphans": {name: more for name, more in worse.items() if more > 0}},
            )
        return told


def _hint(reason: str) -> str:
    if reason.startswith("UNIQUE"):
        return (
            "A row that is not in the backup holds a unique value of one that is: restore into another table, or with "
            "exact=True, which removes such rows."
        )
    return "The table asks more of its rows than it did then: restore into another table, or relax it first."
