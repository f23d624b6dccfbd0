-- 1 DocType to migrate: Customer
-- Run it with nothing but the shell of SQLite 3.35 or later:  sqlite3 site.db < this-file
-- All of it is one transaction. Where the database was changed since, it ends with the reason and changes
-- nothing. Settings are those of the shell's connection, and end with it.
-- Customer:
--   Customer.phone: rename phone → mobile
--   Customer.credit_limit: type TEXT → REAL; optional → required; default none → 0
--   add Customer.tier (VARCHAR(20), default 'bronze')
--   drop Customer.fax (TEXT)
--   add unique index on Customer (email)
--   drop index on Customer (territory collated NOCASE, modified descending) where docstatus = 1
--   rows of tabCustomer Contact where parenttype is 'Customer': parentfield 'contacts' → 'people' (the Table field has a new name)
--   NO BACKUP is taken by a script of the values of "fax" in "tabCustomer"; make one before.
.bail on
.timeout 30000
.dbconfig defensive off
PRAGMA foreign_keys = OFF;
PRAGMA legacy_alter_table = OFF;
PRAGMA recursive_triggers = OFF;
PRAGMA ignore_check_constraints = OFF;
PRAGMA synchronous = EXTRA;
BEGIN IMMEDIATE;
CREATE TEMP TABLE sodaf_must (ok CONSTRAINT "another migration was made since this script was" CHECK (ok IS 1));
INSERT OR ROLLBACK INTO temp.sodaf_must SELECT (SELECT seq || ' ' || hash FROM main."tabMigrationEvent" ORDER BY seq DESC LIMIT 1) IS '4 c0ffee';
DROP TABLE temp.sodaf_must;
-- What has to be as it was.
SELECT 'before';
-- The change.
ALTER TABLE "tabCustomer" RENAME COLUMN "phone" TO "mobile";
-- What it led to.
SELECT 'after';
-- The record, in the chain of the history.
INSERT INTO t VALUES ('record');
COMMIT;
