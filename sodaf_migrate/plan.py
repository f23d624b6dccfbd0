"""A plan: ordered steps with their way back, what they rely on, and the state they start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.compare.plain import fields_of, plain
from sodaf_migrate.schema.model import ObjectName

__all__ = [
    "Batch",
    "Cost",
    "Estimate",
    "Finding",
    "Guard",
    "Hazard",
    "Loss",
    "Plan",
    "Severity",
    "Statement",
    "Step",
    "Temporary",
]


class Cost(StrEnum):
    """What a step does to rows, cheapest first."""

    INSTANT = "instant"  # no row is touched
    SCAN = "scan"  # rows are read
    IN_PLACE = "in_place"  # rows are updated where they are
    REBUILD = "rebuild"  # the table is copied


class Severity(StrEnum):
    """How much a finding weighs: an error stops a plan before anything is touched, a warning stands, info is told."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How a statement over the rows of ``table`` is played in parts: by ranges of ``key``, with the same result.

    ``key`` is what tells the rows apart (the rowid, or the columns of the primary key), as SQL. ``at`` is the place in
    the statement's text where the condition of a part goes, behind ``word`` ("WHERE" or "AND").
    """

    table: str
    key: tuple[str, ...]
    at: int
    word: str = "WHERE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. With ``check`` it is a query, and any row that it returns is a failure that ``check`` words.

    With ``catalogue`` it edits the stored text of one table; whoever runs it opens the catalogue for it and makes the
    edit live afterwards. With ``batch`` it is played in parts, so that progress can be told and memory stays flat.
    """

    sql: str
    check: str | None = None
    catalogue: bool = False
    batch: Batch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A count that the plan relies on, taken again under the write lock: ``sql`` must still give ``expected``."""

    sql: str
    expected: int
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A danger with its name (see ``options.HAZARDS``), the rows concerned, and up to five samples."""

    name: str
    doctype: str
    column: str | None
    message: str
    rows: int | None = None
    samples: tuple[str, ...] = ()

    @property
    def allow(self) -> str:
        """The narrowest value of ``allow`` that accepts this hazard."""
        return f"{self.name}:{self.doctype}" + (f".{self.column}" if self.column else "")

    def __str__(self) -> str:
        rows = "" if self.rows is None else f" ({self.rows} row{'' if self.rows == 1 else 's'})"
        return f"{self.name}: {self.message}{rows}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule, or the planner, has to say: a stable ``code``, the object, and the way out."""

    code: str
    severity: Severity
    target: str
    message: str
    hint: str = ""
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a plan takes away and only a backup can bring back: values of some columns, or (no columns) whole rows.

    ``table``, ``columns``, ``key`` and ``where`` speak of the state before the plan. ``became`` gives, for each
    column, the SQL expression over the old row of the value that the plan puts there; "" where the column goes.
    ``where`` is a condition on the rows, "" for all. A row is found again by the columns ``key``, () where there is
    only the rowid; ``rowid`` is its name, "" where the plan does not keep it. ``new_table``, ``new_columns`` and
    ``new_key`` are the names after it, "" for what goes.
    """

    table: str
    columns: tuple[str, ...] = ()
    became: tuple[str, ...] = ()
    where: str = ""
    key: tuple[str, ...] = ()
    new_table: str = ""
    new_columns: tuple[str, ...] = ()
    new_key: tuple[str, ...] = ()
    rowid: str = "rowid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change with its SQL up and down.

    ``irreversible`` says what ``down`` cannot bring back without a backup, "" when it brings everything back;
    ``losses`` says the same to whoever makes that backup.
    """

    title: str
    target: str
    cost: Cost
    reason: str
    up: tuple[Statement, ...]
    down: tuple[Statement, ...]
    hazards: tuple[Hazard, ...] = ()
    guards: tuple[Guard, ...] = ()
    irreversible: str = ""
    losses: tuple[Loss, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The step as plain values; of its statements the SQL alone."""
        return {
            **fields_of(self),
            "up": [statement.sql for statement in self.up],
            "down": [statement.sql for statement in self.down],
            "hazards": [{**fields_of(hazard), "allow": hazard.allow} for hazard in self.hazards],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a step will probably take: rows and bytes read or written, bytes of disk needed meanwhile, seconds.

    ``source`` says where the rate comes from: "this site" (what its history has recorded) or "measured defaults".
    ``uninterruptible`` are those of the seconds in which the step cannot be interrupted.
    """

    title: str
    target: str
    cost: Cost
    rows: int = 0
    bytes: int = 0
    extra_disk: int = 0
    seconds: float = 0.0
    uninterruptible: float = 0.0
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """A TEMP table that steps read, and how to make it, empty, for whoever tries the plan somewhere else.

    Its columns k0, k1… hold the values of ``key`` in ``table`` (of its rowid where ``key`` is empty), and ``column``
    gets values from it; without a ``column`` it holds whole rows that come to the table.
    """

    name: str
    create: str
    table: str
    key: tuple[str, ...] = ()
    column: str = ""

    @property
    def is_rows(self) -> bool:
        """Whether it holds whole rows."""
        return not self.column


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps from the state ``from_digest`` to the state ``to_digest`` of the tables named in ``scope``.

    Whoever stores a plan must apply it through the executor, which compares ``from_digest`` and every guard again
    under the write lock. ``owns`` lists what becomes ours; ``disowns`` what stops being there.
    """

    doctype: str
    version: str  # of the definition: its ``modified`` stamp, or the digest's first twelve characters
    diff: SchemaDiff
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    scope: tuple[str, ...] = ()
    from_digest: str = ""
    to_digest: str = ""
    owns: tuple[ObjectName, ...] = ()
    disowns: tuple[ObjectName, ...] = ()
    renames: tuple[tuple[ObjectName, ObjectName], ...] = ()
    temporary: tuple[Temporary, ...] = ()  # what the steps read beside the tables
    details: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def has_changes(self) -> bool:
        return bool(self.steps)

    @property
    def hazards(self) -> tuple[Hazard, ...]:
        return tuple(hazard for step in self.steps for hazard in step.hazards)

    @property
    def guards(self) -> tuple[Guard, ...]:
        return tuple(guard for step in self.steps for guard in step.guards)

    @property
    def losses(self) -> tuple[Loss, ...]:
        return tuple(loss for step in self.steps for loss in step.losses)

    @property
    def requires_backup(self) -> bool:
        """Whether what a step takes away can only come back from a backup."""
        return any(step.irreversible for step in self.steps)

    @property
    def cost(self) -> Cost:
        """The dearest step's cost; INSTANT for an empty plan."""
        order = list(Cost)
        return max((step.cost for step in self.steps), key=order.index, default=Cost.INSTANT)

    @property
    def sql(self) -> tuple[str, ...]:
        """Every statement forward, in order."""
        return tuple(statement.sql for step in self.steps for statement in step.up)

    @property
    def rollback_sql(self) -> tuple[str, ...]:
        """Every statement of the way back, in order."""
        return tuple(statement.sql for step in reversed(self.steps) for statement in step.down)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, for people and programs that look at it; ``to_json`` is the one to store."""
        return {
            "doctype": self.doctype,
            "version": self.version,
            "cost": self.cost.value,
            "from_digest": self.from_digest,
            "to_digest": self.to_digest,
            "scope": list(self.scope),
            "steps": plain(self.steps),
        }

    def to_json(self) -> str:
        """The plan as one JSON document that ``from_json`` reads back equal."""
        return str(_adapter().dump_json(self), "utf-8")

    @staticmethod
    def from_json(text: str) -> Plan:
        """The plan that ``to_json`` wrote. Raises ValueError when the text is no plan."""
        plan: Plan = _adapter().validate_json(text)
        return plan


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter  # heavy, and needed only where a plan is stored

    return TypeAdapter(Plan)
