"""A whole run in one transaction: every plan is made and weighed before the first write; all of it stands or none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sodaf_migrate.applier.books import Books
from sodaf_migrate.applier.planning import refuse
from sodaf_migrate.applier.session import Session
from sodaf_migrate.errors import MigrationError, PlanRefusedError, StoppedError
from sodaf_migrate.execute.session import locked
from sodaf_migrate.plan import Cost, Plan
from sodaf_migrate.results import MigrationResult
from sodaf_migrate.schema.model import fold

__all__ = ["Outcome", "refuse_entangled", "run_as_one"]

logger = logging.getLogger("sodaf_migrate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a run: a result for each DocType that was tried, and the names of the others."""

    results: tuple[MigrationResult, ...]
    not_tried: tuple[str, ...] = ()


class _TakenBack(Exception):
    """Takes the whole run back."""

    def __init__(self, result: MigrationResult) -> None:
        super().__init__(result.doctype)
        self.result = result


def run_as_one(session: Session, names: Iterable[str]) -> Outcome:
    """Sync them in one transaction, within ``timeout`` as a whole.

    A plan that is refused, or fails, ends the run with nothing changed; with ``continue_on_error`` it alone is left
    out, by a savepoint. A plan whose way back needs rows that an earlier one changes is refused, naming both. Failures
    are recorded when the transaction is over. Raises what keeps the transaction from beginning or from its end.
    """
    names = tuple(names)
    with session.wire.watch.limit(session.options.timeout):
        plans, refused = _planned(session, names)
    if refused and not session.options.continue_on_error:
        return _nothing_done(names, refused)
    failures = session.failures = []
    try:
        with session.wire.watch.limit(session.options.timeout):
            done = _carried_out(session, plans)
        return Outcome(results=(*refused, *done))
    except _TakenBack as back:
        unchanged = (_result(session, name, plan) for name, plan in plans.items() if not plan.has_changes)
        return _nothing_done(names, (*refused, *(result for result in unchanged if result.success), back.result))
    finally:
        session.failures = None
        with session.wire.watch.shielded(), session.wire.impatient():
            for record in failures:
                session.history.record_failure(record)


def _planned(session: Session, names: Iterable[str]) -> tuple[dict[str, Plan], tuple[MigrationResult, ...]]:
    """The plans that may be carried out, in order, and the results of those that are refused."""
    plans: dict[str, Plan] = {}
    refused: list[MigrationResult] = []
    for name in names:
        try:
            plan = session.plan(name)
            refuse(plan, session.options)
            refuse_entangled(plan, plans)
            plans[name] = plan
        except StoppedError:
            raise
        except MigrationError as error:
            refused.append(_failed(name, error))
    return plans, tuple(refused)


def refuse_entangled(plan: Plan, earlier: Mapping[str, Plan]) -> None:
    """Raise PlanRefusedError where ``plan`` takes rows away that one of the ``earlier`` plans changes first.

    The backup of what it takes away holds the rows as they were before the run.
    """
    needed = {fold(loss.table) for loss in plan.losses}
    for other in earlier.values():
        shared = needed & {fold(table) for table in other.diff.table_names} if other.has_changes else set()
        if shared:
            tables = ", ".join(f'"{table}"' for table in sorted(shared))
            raise PlanRefusedError(
                f'"{plan.doctype}" cannot be changed in one transaction with "{other.doctype}": its way back needs rows'
                f" of {tables} that the other changes first",
                hint='Sync one of them alone first, or run with transaction="migration".',
                details={"doctypes": [other.doctype, plan.doctype], "tables": sorted(shared)},
            )


def _carried_out(session: Session, plans: Mapping[str, Plan]) -> list[MigrationResult]:
    if not any(plan.has_changes for plan in plans.values()):
        return [_result(session, name, plan) for name, plan in plans.items()]
    done: list[MigrationResult] = []
    secured = _Secured(session, plans)
    try:
        with secured.locked():
            for name, plan in plans.items():
                done.append(_result(session, name, plan))
                error = done[-1].error
                # After some errors SQLite ends the whole transaction: then there is nothing to go on with.
                over = isinstance(error, StoppedError) or not session.wire.in_transaction
                if error is not None and (over or not session.options.continue_on_error):
                    raise _TakenBack(done[-1])
            secured.committing = True
    except MigrationError as error:
        last = next((result for result in reversed(done) if result.changed), None)
        if last is None or last.migration_id is None or not _is_recorded(session, last.migration_id):
            raise
        logger.warning("COMMIT of the run raised, and took place: %s", error)
    finally:
        secured.close({result.doctype for result in done if result.changed})
    return done


class _Secured:
    """The backups of all plans of a run, made before its first write; its transaction."""

    def __init__(self, session: Session, plans: Mapping[str, Plan]) -> None:
        self.session = session
        self.plans = [plan for plan in plans.values() if plan.has_changes]
        self.losing = [plan for plan in self.plans if plan.losses] if session.backups is not None else []
        self.committing = False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The transaction of the run, begun when everything that it takes away is on disk."""
        wire, executor = self.session.wire, self.session.executor
        writes_rows = any(plan.cost in (Cost.IN_PLACE, Cost.REBUILD) for plan in self.plans)
        with locked(
            wire,
            writes_rows=writes_rows,
            look=lambda: None,
            before_change=self._back_up if self.losing else None,
            ahead=executor.is_long(wire, *self.losing),
        ):
            yield

    def _back_up(self) -> None:
        self._give_up(self.session.opened)
        self.session.opened.clear()
        for plan in self.losing:
            books = self.session.books_for(plan)
            books.back_up(self.session.wire, plan)
            books.secured = True
            self.session.opened[plan.doctype] = books

    def close(self, changed: Iterable[str]) -> None:
        """Gives up the backups of what was not changed, as surely as that is known."""
        kept = set(changed) if self.committing else set()
        self._give_up({name: books for name, books in self.session.opened.items() if name not in kept})
        self.session.opened.clear()

    def _give_up(self, opened: Mapping[str, Books]) -> None:
        for books in opened.values():
            books.secured = False
            books.discard()


def _result(session: Session, name: str, plan: Plan) -> MigrationResult:
    try:
        return session.sync(name, _maker(session, name, plan))
    except MigrationError as error:
        return _failed(name, error)


def _maker(session: Session, name: str, plan: Plan) -> Callable[[], Plan]:
    """``plan`` first; where an earlier change of the run outdated it, one that takes no more away than that one."""
    made = [plan]

    def make() -> Plan:
        if made:
            return made.pop()
        again = session.plan(name)
        if not set(again.losses) <= set(plan.losses):
            raise PlanRefusedError(
                f'"{name}" would take more away than was seen before the run, because of what came before it',
                hint='Sync it alone, or run with transaction="migration".',
            )
        return again

    return make


def _failed(name: str, error: MigrationError) -> MigrationResult:
    logger.warning("%s was not synced: %s", name, error.message)
    more = {"migration_id": error.details["migration_id"]} if "migration_id" in error.details else {}
    return MigrationResult.from_error(name, error, **more)


def _nothing_done(names: Iterable[str], results: Iterable[MigrationResult]) -> Outcome:
    told = tuple(results)
    seen = {result.doctype for result in told}
    return Outcome(results=told, not_tried=tuple(name for name in names if name not in seen))


def _is_recorded(session: Session, migration_id: str) -> bool:
    try:
        with session.wire.watch.shielded():
            return session.history.find(migration_id) is not None
    except MigrationError:
        return False
