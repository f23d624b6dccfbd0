"""What a process left behind that was killed in the midst of a run: it is put right, and told."""

from __future__ import annotations

import logging

from sodaf_migrate.applier.session import Session
from sodaf_migrate.wire.turns import Turn

__all__ = ["healed"]

logger = logging.getLogger("sodaf_migrate")


def healed(session: Session, turn: Turn) -> tuple[str, ...]:
    """Sentences about what was found; called when no other run is under way.

    Every migration is one transaction, so nothing stands half: what the dead run had committed stands, and what it had
    not begun is done by the run that comes now. A record that still says "running" becomes "failed".
    """
    found: list[str] = []
    if turn.left:
        run = turn.left.rpartition(", ")[2]
        done = sum(record.run_id == run for record in session.history.get_migration_history())
        counted = f"{done} migration{'' if done == 1 else 's'}"
        found.append(f"A run ended before it was done ({turn.left}); {counted} of it stand, the rest is done now")
    for record in session.history.get_pending_migrations():
        if record.status == "running":
            why = "the process that was at work ended before it was done; nothing of it stands"
            session.history.update_migration_status(record.id, "failed", error=why)
            found.append(f'The migration "{record.id}" of "{record.doctype}" did not end: {why}')
    for sentence in found:
        logger.warning("%s", sentence)
    return tuple(found)
