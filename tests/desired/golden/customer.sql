CREATE TABLE "tabCustomer" (
    "name" TEXT PRIMARY KEY,
    "creation" TEXT,
    "modified" TEXT,
    "modified_by" TEXT,
    "owner" TEXT,
    "docstatus" INTEGER NOT NULL DEFAULT 0,
    "idx" INTEGER NOT NULL DEFAULT 0,
    "customer_name" VARCHAR(140) NOT NULL,
    "customer_type" TEXT NOT NULL DEFAULT 'Company',
    "customer_group" TEXT,
    "territory" TEXT,
    "status" TEXT DEFAULT 'Active',
    "tax_id" VARCHAR(32),
    "website" TEXT,
    "logo" TEXT,
    "email" TEXT,
    "mobile_no" TEXT,
    "primary_contact" TEXT,
    "primary_address" TEXT,
    "language" TEXT DEFAULT 'en',
    "currency" TEXT,
    "price_list" TEXT,
    "credit_limit" DECIMAL(18,2) DEFAULT 0,
    "discount" REAL DEFAULT 0,
    "payment_days" INTEGER DEFAULT 30,
    "tax_exempt" INTEGER NOT NULL DEFAULT 0,
    "customer_since" TEXT,
    "rating" REAL,
    "account_manager" TEXT,
    "notes" TEXT,
    "_seen" TEXT
)
;
CREATE INDEX "ix_tabCustomer.customer_name" ON "tabCustomer" ("customer_name")
;
CREATE INDEX "ix_tabCustomer.customer_group" ON "tabCustomer" ("customer_group")
;
CREATE INDEX "ix_tabCustomer.territory" ON "tabCustomer" ("territory")
;
CREATE INDEX "ix_tabCustomer.status" ON "tabCustomer" ("status")
;
CREATE UNIQUE INDEX "ux_tabCustomer.tax_id" ON "tabCustomer" ("tax_id")
;
CREATE INDEX "ix_tabCustomer.email" ON "tabCustomer" ("email")
;
CREATE INDEX "ix_tabCustomer.customer_group,status" ON "tabCustomer" ("customer_group", "status")
;
CREATE INDEX "ix_tabCustomer.territory,customer_name#706608c52e" ON "tabCustomer" ("territory", "customer_name") WHERE status = 'Active'
;
