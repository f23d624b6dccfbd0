CREATE TABLE t(a)
=====
create table t ( a int , b text )
=====
CREATE TABLE "t x"("a b" INT, [c"d] TEXT)
=====
CREATE TABLE [t](`a``b` INT, 'it''s' TEXT, "q""r")
=====
CREATE TABLE t(id INTEGER PRIMARY KEY)
=====
CREATE TABLE t(id integer primary key asc autoincrement, a)
=====
CREATE TABLE t(id INTEGER PRIMARY KEY DESC, a)
=====
CREATE TABLE t(id INTEGER, PRIMARY KEY(id DESC))
=====
CREATE TABLE t(id INTEGER, PRIMARY KEY(id DESC AUTOINCREMENT))
=====
CREATE TABLE t(id INTEGER, PRIMARY KEY("id" AUTOINCREMENT) ON CONFLICT REPLACE)
=====
CREATE TABLE t(id INT PRIMARY KEY)
=====
CREATE TABLE t(id BIGINT PRIMARY KEY)
=====
CREATE TABLE t(id "INTEGER" PRIMARY KEY)
=====
CREATE TABLE t(id [integer], PRIMARY KEY(ID))
=====
CREATE TABLE t(id "INTEGER" foo PRIMARY KEY)
=====
CREATE TABLE t(id INTEGER(8) PRIMARY KEY)
=====
CREATE TABLE t(id integer, PRIMARY KEY((id)))
=====
CREATE TABLE t(id integer, PRIMARY KEY((id COLLATE nocase) DESC))
=====
CREATE TABLE t(id integer, PRIMARY KEY('id'))
=====
CREATE TABLE t(id INTEGER PRIMARY KEY, a) WITHOUT ROWID
=====
CREATE TABLE t(a ANY,b INT, PRIMARY KEY(b, a)) WITHOUT ROWID, STRICT
=====
CREATE TABLE t(a INT,b TEXT, PRIMARY KEY(b, a)) STRICT , WITHOUT ROWID
=====
CREATE TABLE t(a INT PRIMARY KEY, b ANY, c BLOB, d REAL, e INTEGER, f TEXT) STRICT
=====
CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT) STRICT
=====
CREATE TABLE t(a,b, PRIMARY KEY(a DESC, a))
=====
CREATE TABLE t(a,b, PRIMARY KEY(a, b, a)) WITHOUT ROWID
=====
CREATE TABLE t(a varchar ( 10 /* x */ , -2 ), b DECIMAL(10,2), c foo(+1, - 2.5e3), d UNSIGNED  BIG
 INT)
=====
CREATE TABLE t(a "my type" b, c 'my  type', d foo /*x*/ bar, e [int], f `Text`)
=====
CREATE TABLE t(a INT GENERATED ALWAYS, b GENERATED ALWAYS AS (a), c INT generated
 always AS (a+1) STORED, d VARCHAR(9) GENERATED ALWAYS AS (b||c) VIRTUAL, e TEXT AS ('x'))
=====
CREATE TABLE t(x, a foo12345678901 always, b foobargenerated always, c int generated, d GENERATED/**/ALWAYS CHECK(1))
=====
CREATE TABLE t(a integer generated always primary key)
=====
CREATE TABLE t(a, b NOT NULL GENERATED ALWAYS AS (a) VIRTUAL UNIQUE COLLATE nocase)
=====
CREATE TABLE t(a text not null null not null on conflict ignore, b null, c constraint q null on conflict fail)
=====
CREATE TABLE t(a DEFAULT 1, b DEFAULT + 5, c DEFAULT -5.5e3, d DEFAULT 'it''s', e DEFAULT x'0aFF', f DEFAULT NULL)
=====
CREATE TABLE t(a DEFAULT current_timestamp, b DEFAULT -current_time, c DEFAULT true, d DEFAULT "true", e DEFAULT foo)
=====
CREATE TABLE t(a DEFAULT "x y", b DEFAULT [x], c DEFAULT `q`, d DEFAULT indexed, e DEFAULT key, f DEFAULT - 'x')
=====
CREATE TABLE t(a DEFAULT (1), b DEFAULT ((1+1)), c DEFAULT(lower('X')||')'), d DEFAULT ( -- (
 strftime('%s') ), e DEFAULT (true))
=====
CREATE TABLE t(a INT DEFAULT 1 NOT NULL DEFAULT 2 COLLATE nocase COLLATE rtrim, b COLLATE "binary", c COLLATE 'nocase')
=====
CREATE TABLE t(a CONSTRAINT x UNIQUE ON CONFLICT REPLACE CONSTRAINT y CONSTRAINT z NOT NULL, b CONSTRAINT dangling, c)
=====
CREATE TABLE t(a CONSTRAINT n DEFAULT 3 CONSTRAINT m COLLATE nocase CONSTRAINT k CHECK (a > 0) CHECK (a < 9))
=====
CREATE TABLE t(a, CONSTRAINT x)
=====
CREATE TABLE t(a, CONSTRAINT x, CHECK(a), CONSTRAINT y CONSTRAINT z)
=====
CREATE TABLE t(a, CHECK(a) CONSTRAINT foo CONSTRAINT bar UNIQUE(a) CONSTRAINT baz)
=====
CREATE TABLE t(a,b,UNIQUE(a,b) UNIQUE(b) CHECK(a>b) ON CONFLICT FAIL FOREIGN KEY(a) REFERENCES p)
=====
CREATE TABLE t(a UNIQUE, b UNIQUE, UNIQUE(a), UNIQUE(b, a), UNIQUE(b COLLATE nocase DESC, a ASC) ON CONFLICT ABORT)
=====
CREATE TABLE t(a COLLATE nocase UNIQUE, b UNIQUE COLLATE rtrim, UNIQUE(a COLLATE binary), UNIQUE((b) COLLATE nocase COLLATE rtrim))
=====
CREATE TABLE t(a PRIMARY KEY UNIQUE, b)
=====
CREATE TABLE t(a REFERENCES p, b REFERENCES "p q"(x) ON DELETE SET NULL ON UPDATE SET DEFAULT MATCH FULL, c REFERENCES 'r'([y]) ON UPDATE CASCADE)
=====
CREATE TABLE t(a REFERENCES p ON DELETE NO ACTION ON DELETE RESTRICT ON INSERT CASCADE NOT DEFERRABLE INITIALLY IMMEDIATE)
=====
CREATE TABLE t(a REFERENCES p REFERENCES q DEFERRABLE INITIALLY DEFERRED NOT NULL NOT DEFERRABLE)
=====
CREATE TABLE t(a REFERENCES p NOT NULL DEFERRABLE INITIALLY DEFERRED, b DEFERRABLE INITIALLY DEFERRED NOT NULL)
=====
CREATE TABLE t(a DEFERRABLE INITIALLY DEFERRED, b REFERENCES p, c NOT DEFERRABLE)
=====
CREATE TABLE t(a,b, CONSTRAINT fk FOREIGN KEY(B,a) REFERENCES p(x,y) MATCH simple ON DELETE CASCADE DEFERRABLE)
=====
CREATE TABLE t(a,b, FOREIGN KEY(a,b) REFERENCES t(a,b) DEFERRABLE INITIALLY DEFERRED, UNIQUE(a,b))
=====
CREATE TABLE t(a, CHECK(t.a > 0), CHECK("t".a<>'t.a'), CHECK(rowid > 0), CHECK("rowid" < 9), CHECK ("nope" <> a))
=====
CREATE TABLE t(a CHECK (CASE WHEN a THEN (1) ELSE 0 END), b CHECK (b IN (1,2,3)), CHECK(a BETWEEN 1 AND 2))
=====
CREATE TABLE t(key, action, "desc", asc, "order", abort, cast, cross, full, "left", natural, indexed, current, "if", no)
=====
CREATE TABLE t(key KEY, action ACTION, replace REPLACE, ignore, begin TEMP, generated, always, view VIEW)
=====
CREATE TABLE t(action, "desc", UNIQUE(desc), UNIQUE(desc DESC, action ASC), PRIMARY KEY(action))
=====
CREATE TABLE "if"(a)
=====
CREATE TABLE t(É, é, "ÀÉ" INT, a$b, _c, ﻿d)
=====
CREATE TABLE t(""  INT, " ")
=====
CREATE TABLE t(a -- one, b
 , /* two, c */ b /* ( */ INT /* ) */, c) -- end
=====
CREATE TABLE t(a INT) STRICT -- the end
=====
CREATE TABLE t(a INT) /* open
=====
CREATE TABLE t(a /* ** * / */ INT /***/)
=====
CREATE TABLE t(
  "name" VARCHAR(140) PRIMARY KEY NOT NULL,
  "creation" DATETIME DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')),
  "amount" DECIMAL(18, 6) NOT NULL DEFAULT 0 CHECK ("amount" >= 0.0),
  "parent" VARCHAR(140) REFERENCES "t" ("name") ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  UNIQUE ("parent", "creation")
)
=====
CREATE TABLE t(a INT DEFAULT 1_000)
=====
CREATE TABLE t(a DEFAULT 0x1F, b DEFAULT .5, c DEFAULT 5., d DEFAULT 1.e3)
=====
CREATE TABLE IF NOT EXISTS main.t(a)
=====
CREATE TEMP TABLE t(a)
