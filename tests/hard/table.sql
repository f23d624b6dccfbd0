-- One table with everything on it that a rebuild can lose.
CREATE TABLE parent(id INTEGER PRIMARY KEY, code TEXT UNIQUE);
CREATE TABLE hard(
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- ids are never used again
    code TEXT COLLATE NOCASE UNIQUE ON CONFLICT REPLACE,
    parent_id INTEGER REFERENCES parent(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    note TEXT,
    made TEXT DEFAULT (datetime('2020-01-01')),
    price DECIMAL(10,2) DEFAULT 1.50,
    active BOOLEAN DEFAULT TRUE,
    qty INT NOT NULL DEFAULT 1 CHECK (qty >= 0),
    "odd ""name" VARCHAR(20) DEFAULT 'it''s',
    doubled INT GENERATED ALWAYS AS (qty * 2) STORED,
    shown TEXT AS (upper(note)) VIRTUAL,
    spare TEXT,
    CONSTRAINT price_is_fair CHECK (price >= 0 AND hard.qty < 1000000),
    CHECK (length(code) < 99) /* nobody named this one */
);
CREATE INDEX hard_partial ON hard(qty, note) WHERE qty > 1;
CREATE INDEX hard_expression ON hard(lower(code), substr(note, 1, 3));
CREATE UNIQUE INDEX hard_collated ON hard(note COLLATE NOCASE DESC, id);
CREATE TABLE log(what TEXT, id INTEGER);
CREATE TABLE child(id INTEGER PRIMARY KEY, hard_id INTEGER NOT NULL REFERENCES hard(id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX child_hard ON child(hard_id);
CREATE TABLE keyed(k TEXT PRIMARY KEY, v INT NOT NULL DEFAULT 7, w) WITHOUT ROWID;
CREATE TABLE strict_one(id INTEGER PRIMARY KEY, n INT NOT NULL, t TEXT CHECK (t <> ''), a ANY) STRICT;
CREATE TABLE gaps(rowid TEXT, body TEXT, extra INT);
CREATE VIRTUAL TABLE found USING fts5(body, content='gaps', content_rowid='_rowid_');
CREATE VIEW seen AS SELECT id, code, note, qty FROM hard WHERE qty > 0;
CREATE VIEW seen_twice AS SELECT s.id, count(*) AS n FROM seen AS s JOIN child ON child.hard_id = s.id GROUP BY s.id;
CREATE TRIGGER hard_first AFTER INSERT ON hard BEGIN INSERT INTO log VALUES ('first', new.id); END;
CREATE TRIGGER hard_second AFTER INSERT ON hard WHEN new.qty > 1 BEGIN INSERT INTO log VALUES ('second', new.id); END;
CREATE TRIGGER hard_note AFTER UPDATE OF note ON hard BEGIN INSERT INTO log VALUES (new.note, new.id); END;
CREATE TRIGGER child_counts AFTER INSERT ON child BEGIN UPDATE hard SET qty = qty + 1 WHERE id = new.hard_id; END;
CREATE TRIGGER seen_insert INSTEAD OF INSERT ON seen BEGIN INSERT INTO hard(code, note) VALUES (new.code, new.note); END;
CREATE TRIGGER gaps_found AFTER INSERT ON gaps BEGIN INSERT INTO found(rowid, body) VALUES (new._rowid_, new.body); END;
