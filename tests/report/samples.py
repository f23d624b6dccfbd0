"""Results made by hand, one of each kind, for the tests of their reports."""

from __future__ import annotations

from dataclasses import replace

from sodaf_migrate.compare.changes import (
    CheckChange,
    ColumnChange,
    ForeignKeyChange,
    IndexChange,
    Kept,
    MoveChange,
    OptionChange,
    OrderChange,
    PrimaryKeyChange,
    RowsChange,
    SchemaDiff,
    TableChange,
    TriggerChange,
    UniqueChange,
    ViewChange,
    VirtualTableChange,
)
from sodaf_migrate.compare.drift import Drift
from sodaf_migrate.dialects.sqlite.script import Script
from sodaf_migrate.errors import DataLossRiskError, DefinitionError, LockHeldError
from sodaf_migrate.plan import Cost, Estimate, Finding, Guard, Hazard, Loss, Plan, Severity, Statement, Step
from sodaf_migrate.results import (
    BatchMigrationResult,
    DataLossRisk,
    DocTypeStatus,
    DryRunResult,
    Migration,
    MigrationHistory,
    MigrationResult,
    RollbackInfo,
    StatusReport,
)
from sodaf_migrate.schema.model import (
    Check,
    Column,
    ForeignKey,
    Generated,
    Index,
    KeyPart,
    ObjectName,
    PrimaryKey,
    Sql,
    Table,
    Trigger,
    Unique,
    View,
    VirtualTable,
)

T = "tabCustomer"


def sql(text: str) -> Sql:
    """A fragment of SQL."""
    return Sql(text=text, key=text)


def parts(*names: str) -> tuple[KeyPart, ...]:
    """Key parts that are plain columns."""
    return tuple(KeyPart(column=name) for name in names)


PHONE = Column(name="phone", type="TEXT")
MOBILE = replace(PHONE, name="mobile")
LIMIT = Column(name="credit_limit", type="TEXT")
NUMBER = replace(LIMIT, type="REAL", not_null=True, default=sql("0"))
TIER = Column(name="tier", type="VARCHAR(20)", default=sql("'bronze'"))
EMAIL = Index(name="ux_tabCustomer.email", table=T, parts=parts("email"), unique=True)
OPEN = Index(
    name="ix_open",
    table=T,
    parts=(KeyPart(column="territory", collation="NOCASE"), KeyPart(column="modified", descending=True)),
    where=sql("docstatus = 1"),
)

DIFF = SchemaDiff(
    doctype="Customer",
    columns=(
        ColumnChange(table=T, old=PHONE, new=MOBILE),
        ColumnChange(table=T, old=LIMIT, new=NUMBER),
        ColumnChange(table=T, old=None, new=TIER),
        ColumnChange(table=T, old=Column(name="fax", type="TEXT"), new=None),
    ),
    indexes=(IndexChange(table=T, old=None, new=EMAIL), IndexChange(table=T, old=OPEN, new=None)),
    rows=(
        RowsChange(
            table="tabCustomer Contact",
            column="parentfield",
            old="contacts",
            new="people",
            where=(("parenttype", "Customer"),),
            reason="the Table field has a new name",
        ),
    ),
    kept=(
        Kept(name=ObjectName("column", T, "legacy_code"), reason="removed_field"),
        Kept(name=ObjectName("trigger", T, "audit_customer"), reason="foreign"),
    ),
    likely_renames=((T, "town", "city"),),
)

EVERY_CHANGE = SchemaDiff(
    doctype="Customer",
    tables=(
        TableChange(old=None, new=Table(name=T, columns=(PHONE, LIMIT))),
        TableChange(old=Table(name="tabOld", columns=(PHONE,)), new=None),
        TableChange(old=Table(name="tabClient", columns=(PHONE,)), new=Table(name=T, columns=(PHONE,))),
    ),
    columns=(
        *DIFF.columns,
        ColumnChange(table="other", old=None, new=replace(PHONE, not_null=True, collation="NOCASE")),
        ColumnChange(table=T, old=NUMBER, new=replace(NUMBER, not_null=False, default=None)),
        ColumnChange(table=T, old=PHONE, new=replace(PHONE, collation="NOCASE", type="")),
        ColumnChange(table=T, old=PHONE, new=PHONE, fields=("Data", "Date")),
        ColumnChange(
            table=T, old=PHONE, new=replace(PHONE, generated=Generated(expression=sql("lower(name)"), stored=True))
        ),
    ),
    primary_keys=(
        PrimaryKeyChange(
            table=T, old=PrimaryKey(parts=parts("name")), new=PrimaryKey(parts=parts("name"), autoincrement=True)
        ),
        PrimaryKeyChange(table=T, old=None, new=PrimaryKey(parts=parts("a", "b"))),
    ),
    uniques=(UniqueChange(table=T, old=None, new=Unique(parts=parts("email"))),),
    foreign_keys=(
        ForeignKeyChange(
            table=T,
            old=None,
            new=ForeignKey(columns=("grp",), table="tabGroup", referenced=("name",), on_delete="CASCADE"),
        ),
        ForeignKeyChange(table=T, old=ForeignKey(columns=("grp",), table="tabGroup"), new=None),
    ),
    checks=(
        CheckChange(table=T, old=Check(expression=sql("a > 0")), new=Check(expression=sql("a >= 0"))),
        CheckChange(table=T, old=None, new=Check(expression=sql("b IN (0, 1)"))),
    ),
    options=(
        OptionChange(table=T, option="strict", old=False, new=True),
        OptionChange(table=T, option="without_rowid", old=True, new=False),
    ),
    orders=(OrderChange(table=T, old=("a", "b"), new=("b", "a")),),
    indexes=(
        *DIFF.indexes,
        IndexChange(table=T, old=EMAIL, new=replace(EMAIL, name="by_mail")),
        IndexChange(table=T, old=EMAIL, new=replace(EMAIL, unique=False)),
    ),
    views=(
        ViewChange(old=None, new=View(name="v", sql=sql("CREATE VIEW v AS SELECT 1"))),
        ViewChange(old=View(name="v", sql=sql("x")), new=View(name="v", sql=sql("y"))),
    ),
    triggers=(TriggerChange(old=Trigger(name="g", table=T, sql=sql("x")), new=None),),
    virtual_tables=(
        VirtualTableChange(old=None, new=VirtualTable(name="search", module="fts5", sql=sql("x"))),
        VirtualTableChange(old=VirtualTable(name="search", module="fts5", sql=sql("x")), new=None),
    ),
    moves=(MoveChange(table=T, singles="tabSingles", doctype="Customer", columns=(PHONE,), old="row", new="values"),),
    rows=DIFF.rows,
)

LOSSY = Hazard(
    name="lossy_conversion",
    doctype="Customer",
    column="credit_limit",
    message='values of "credit_limit" would not read back as they are',
    rows=12,
    samples=("'1,5'", "'n/a'", "'\x1b[2J'"),
)
DROP = Hazard(name="drop_column", doctype="Customer", column="fax", message='column "fax" goes', rows=1)

PENDING = Finding(
    code="NOT_NULL_PENDING",
    severity=Severity.WARNING,
    target="tabCustomer.tier",
    message='"tier" stays nullable while rows leave it empty',
    hint="Fill those rows, or give the field a default and allow fill_nulls; the next sync tightens it.",
    rows=311,
)
BROKEN = Finding(
    code="CHECK_VIOLATED",
    severity=Severity.ERROR,
    target="tabCustomer.positive",
    message='"tabCustomer" has 3 rows that break the new CHECK (positive)',
    rows=3,
)

PLAN = Plan(
    doctype="Customer",
    version="2026-02-01 10:00:00",
    diff=DIFF,
    steps=(
        Step(
            title='rename column "phone" of "tabCustomer" to "mobile"',
            target=T,
            cost=Cost.INSTANT,
            reason="ALTER TABLE RENAME COLUMN touches the catalogue alone",
            up=(Statement(sql='ALTER TABLE "tabCustomer" RENAME COLUMN "phone" TO "mobile"'),),
            down=(Statement(sql='ALTER TABLE "tabCustomer" RENAME COLUMN "mobile" TO "phone"'),),
        ),
        Step(
            title='rebuild "tabCustomer"',
            target=T,
            cost=Cost.REBUILD,
            reason="SQLite cannot change a column's affinity where it is",
            up=(
                Statement(sql='CREATE TABLE "new" (\n  "name" TEXT\n)'),
                Statement(sql="SELECT 1 WHERE 0", check="rows were lost"),
            ),
            down=(Statement(sql='CREATE TABLE "old" ("name" TEXT)'),),
            hazards=(LOSSY, DROP),
            guards=(Guard(sql="SELECT 12", expected=12, meaning="values that do not convert"),),
            irreversible="the values of fax, without a backup",
            losses=(Loss(table=T, columns=("fax",), became=("",), key=("name",)),),
        ),
    ),
    findings=(PENDING,),
    from_digest="a" * 64,
    to_digest="b" * 64,
    scope=(T,),
)

REFUSED_RUN = DryRunResult(
    success=False,
    changed=True,
    doctype="Customer",
    sql=PLAN.sql,
    rollback_sql=PLAN.rollback_sql,
    warnings=(PENDING.message,),
    errors=("data would be lost",),
    estimated_time=1.25,
    estimated_from="measured defaults",
    uninterruptible_time=0.25,
    estimates=(
        Estimate(title="rename", target=T, cost=Cost.INSTANT, seconds=0.001, source="measured defaults"),
        Estimate(
            title="rebuild",
            target=T,
            cost=Cost.REBUILD,
            rows=4812,
            bytes=1_300_000,
            extra_disk=2_600_000,
            seconds=1.249,
            source="measured defaults",
        ),
    ),
    estimated_affected_rows=4812,
    bytes_touched=1_300_000,
    extra_disk=2_600_000,
    data_loss_risks=(DataLossRisk.from_hazard(LOSSY), DataLossRisk.from_hazard(DROP, allowed=True)),
    findings=(PENDING, BROKEN),
    diff=DIFF,
    plan=PLAN,
    error=DataLossRiskError("data would be lost", hint="--allow it"),
)
HOSTILE = "<script>alert(1)</script> | `x` *y* @team [a](http://b) &amp; \x1b[31m \n# z \u202e"
HOSTILE_RUN = replace(
    REFUSED_RUN,
    doctype=HOSTILE,
    data_loss_risks=(DataLossRisk.from_hazard(replace(LOSSY, doctype=HOSTILE, column="`|", samples=(HOSTILE,))),),
    findings=(replace(PENDING, target=HOSTILE, message=HOSTILE, hint=HOSTILE),),
    diff=replace(DIFF, doctype=HOSTILE, columns=(ColumnChange(table=T, old=None, new=replace(PHONE, name=HOSTILE)),)),
    plan=replace(
        PLAN,
        steps=(
            replace(
                PLAN.steps[0],
                title=HOSTILE,
                reason=HOSTILE,
                up=(Statement(sql=f'CREATE TABLE "{HOSTILE}" (\n```\n)'),),
                losses=(Loss(table=HOSTILE, where=HOSTILE[:20]),),
            ),
        ),
    ),
)
ALLOWED_RUN = replace(
    REFUSED_RUN,
    success=True,
    error=None,
    errors=(),
    findings=(PENDING,),
    data_loss_risks=(DataLossRisk.from_hazard(LOSSY, allowed=True),),
    uninterruptible_time=1.5,
    script=Script(
        before=("SELECT 'before';",),
        change=('ALTER TABLE "tabCustomer" RENAME COLUMN "phone" TO "mobile";',),
        after=("SELECT 'after';",),
        record=("INSERT INTO t VALUES ('record');",),
        edits_catalogue=True,
        head=(4, "c0ffee"),
    ),
)
QUIET_RUN = DryRunResult(success=True, changed=False, doctype="Item", diff=SchemaDiff(doctype="Item"))

APPLIED = MigrationResult(
    success=True,
    changed=True,
    doctype="Customer",
    status="applied",
    migration_id="m-19c3f5d2a71-9f2c11d0",
    sql=PLAN.sql,
    warnings=(PENDING.message,),
    affected_rows=4812,
    execution_time=1234,
    findings=(PENDING,),
    diff=DIFF,
    plan=PLAN,
)
UNCHANGED = MigrationResult(success=True, changed=False, doctype="Item", status="unchanged")
REFUSED = MigrationResult.from_error(
    "Customer",
    DataLossRiskError(
        '"Customer" is not changed, for data would be lost: lossy_conversion',
        risks=[DataLossRisk.from_hazard(LOSSY)],
        hint="Look at it with a dry run. To accept it: --allow lossy_conversion:Customer.credit_limit",
    ),
)
LOCKED = MigrationResult.from_error(
    "Sales Order", LockHeldError('"site.db" is locked by another process', hint="Try again when it is done.")
)
BATCH = BatchMigrationResult(
    run_id="run-1",
    results=(APPLIED, UNCHANGED, REFUSED, LOCKED),
    not_tried=("Address",),
    total_time=2.5,
    warnings=(f"Customer: {PENDING.message}", "Item: something else"),
)

MIGRATION = Migration(
    id="m-19c3f5d2a71-9f2c11d0",
    doctype="Customer",
    version="2026-02-01 10:00:00",
    timestamp="2026-02-03T04:05:06.789Z",
    diff=DIFF,
    sql=PLAN.sql,
    rollback_sql=PLAN.rollback_sql,
    destructive=True,
    description="tidy customers",
    status="applied",
    applied_by="anna",
    execution_time=1234,
    affected_rows=4812,
    run_id="run-1",
    rollback_info=RollbackInfo(migration_id="m-19c3f5d2a71-9f2c11d0"),
)
HISTORY = MigrationHistory(
    migrations=(
        replace(MIGRATION, id="m-1", status="rolled_back"),
        replace(MIGRATION, id="m-2", doctype="A DocType with quite a long name indeed", affected_rows=None),
        replace(MIGRATION, id="m-3", status="failed", error="disk full"),
        MIGRATION,
    ),
    pending_migrations=(replace(MIGRATION, id="m-9", status="pending"),),
)
TABLE_DRIFT = Drift(
    what="altered",
    kind="table",
    name="tabItem",
    table="tabItem",
    since="m-1",
    before='CREATE TABLE "tabItem" ("name" TEXT)',
    after='CREATE TABLE "tabItem" ("name" TEXT, by_hand TEXT)',
    diff=SchemaDiff(
        doctype="Item",
        columns=(ColumnChange(table="tabItem", old=None, new=Column(name="by_hand", type="TEXT")),),
    ),
)
INDEX_DRIFT = Drift(
    what="removed",
    kind="index",
    name="ix_tabItem.code",
    table="tabItem",
    since="m-1",
    before='CREATE INDEX "ix_tabItem.code" ON "tabItem" ("code")',
)
STATUS = StatusReport(
    database="site.db",
    doctypes=(
        DocTypeStatus(doctype="Address", last_applied="2026-02-03T04:05:06Z", last_migration="m-1"),
        DocTypeStatus(doctype="Customer", changes=3, findings=(PENDING,)),
        DocTypeStatus(doctype="Item", drift=(TABLE_DRIFT, INDEX_DRIFT)),
        DocTypeStatus(doctype="Odd", error=LockHeldError("it is locked", hint="Wait.")),
    ),
    applied=4,
    failed=1,
    last_migration=MIGRATION,
)
PROBLEMS = DefinitionError(
    "2 problems in the definitions", problems=["customer.json: first", "item.json: second"], hint="Mend them."
)
