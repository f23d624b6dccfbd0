CREATE TABLE "tabStock Movement" (
    "name" INTEGER PRIMARY KEY AUTOINCREMENT,
    "creation" TEXT,
    "modified" TEXT,
    "modified_by" TEXT,
    "owner" TEXT,
    "docstatus" INTEGER NOT NULL DEFAULT 0,
    "idx" INTEGER NOT NULL DEFAULT 0,
    "item" TEXT NOT NULL,
    "warehouse" TEXT NOT NULL,
    "posting_time" TEXT NOT NULL,
    "qty_change" DECIMAL(18,3) NOT NULL DEFAULT 0,
    "qty_after" DECIMAL(18,3),
    "valuation_rate" DECIMAL(18,6),
    "value_change" DECIMAL(18,2) DEFAULT 0,
    "voucher_type" TEXT,
    "voucher" TEXT,
    "batch_no" INTEGER,
    "is_cancelled" INTEGER NOT NULL DEFAULT 0
)
;
CREATE INDEX "ix_tabStock Movement.item,warehouse,posting_time#5222f98912" ON "tabStock Movement" ("item", "warehouse", "posting_time" DESC) WHERE is_cancelled = 0
;
CREATE INDEX "ix_tabStock Movement.voucher_type,voucher" ON "tabStock Movement" ("voucher_type", "voucher")
;
