CREATE TABLE "tabItem Price" (
    "name" TEXT PRIMARY KEY,
    "creation" TEXT,
    "modified" TEXT,
    "modified_by" TEXT,
    "owner" TEXT,
    "docstatus" INTEGER NOT NULL DEFAULT 0,
    "idx" INTEGER NOT NULL DEFAULT 0,
    "item" TEXT NOT NULL,
    "price_list" TEXT NOT NULL,
    "unit" TEXT NOT NULL DEFAULT 'Piece',
    "min_qty" DECIMAL(18,3) NOT NULL DEFAULT 1,
    "rate" DECIMAL(18,4) NOT NULL DEFAULT 0,
    "customer" TEXT,
    "valid_from" TEXT NOT NULL,
    "valid_to" TEXT,
    "note" VARCHAR(200)
)
;
CREATE UNIQUE INDEX "ux_tabItem Price.item,price_list,unit,min_qty,valid_#70b6f55bfe" ON "tabItem Price" ("item", "price_list", "unit", "min_qty", "valid_from") WHERE customer IS NULL
;
CREATE UNIQUE INDEX "ux_tabItem Price.customer,item,price_list,unit,min_q#499d55af3f" ON "tabItem Price" ("customer", "item", "price_list", "unit", "min_qty", "valid_from") WHERE customer IS NOT NULL
;
CREATE INDEX "ix_tabItem Price.price_list,valid_from#09d103681b" ON "tabItem Price" ("price_list", "valid_from" DESC)
;
