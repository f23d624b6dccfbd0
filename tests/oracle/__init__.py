"""The oracle: what a SQLite database is and does, found out without one line of the package under test.

``snapshot(connection)`` is everything at rest, ``probes(connection)`` everything that happens when it is used;
``difference`` says in sentences how two of them differ ([] means equal).
"""

from tests.oracle.compare import IGNORABLE, difference, rows_difference, rows_kept, schema_difference
from tests.oracle.facts import Snapshot, snapshot
from tests.oracle.integrity import integrity
from tests.oracle.probes import probe_difference, probes

__all__ = [
    "IGNORABLE",
    "Snapshot",
    "difference",
    "integrity",
    "probe_difference",
    "probes",
    "rows_difference",
    "rows_kept",
    "schema_difference",
    "snapshot",
]
