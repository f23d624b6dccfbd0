CREATE TABLE "tabPayment Entry" (
    "name" TEXT PRIMARY KEY,
    "creation" TEXT,
    "modified" TEXT,
    "modified_by" TEXT,
    "owner" TEXT,
    "docstatus" INTEGER NOT NULL DEFAULT 0,
    "idx" INTEGER NOT NULL DEFAULT 0,
    "payment_type" TEXT DEFAULT 'Receive',
    "posting_date" TEXT,
    "mode_of_payment" TEXT,
    "party_type" TEXT,
    "party" TEXT,
    "party_name" TEXT,
    "currency" TEXT,
    "paid_amount" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "exchange_rate" DECIMAL(18,9) DEFAULT 1,
    "reference_no" VARCHAR(60),
    "reference_date" TEXT,
    "status" TEXT DEFAULT 'Draft',
    "is_advance" INTEGER NOT NULL DEFAULT 0,
    "remarks" TEXT,
    "amended_from" TEXT
)
;
CREATE INDEX "ix_tabPayment Entry.posting_date" ON "tabPayment Entry" ("posting_date")
;
CREATE INDEX "ix_tabPayment Entry.party_type" ON "tabPayment Entry" ("party_type")
;
CREATE INDEX "ix_tabPayment Entry.reference_no" ON "tabPayment Entry" ("reference_no")
;
CREATE INDEX "ix_tabPayment Entry.amended_from" ON "tabPayment Entry" ("amended_from")
;
