INSERT INTO parent VALUES (1, 'p1'), (2, 'p2');
INSERT INTO hard(id, code, parent_id, note, price, active, qty, spare) VALUES
    (3, 'abc', 1, 'hello', 2.50, 1, 5, 's'), (5, 'DEF', 2, NULL, 10, 0, 0, NULL), (9, 'x', NULL, 'World', 1e300, 1, 2, x'00ff');
INSERT INTO hard(id, code, note) VALUES (100, 'gone', 'gone');
DELETE FROM hard WHERE id = 100;
INSERT INTO child VALUES (1, 3), (2, 3), (7, 9);
INSERT INTO keyed VALUES ('b', 1, 2.0), ('a', 2, 'two');
INSERT INTO strict_one VALUES (4, 1, 'one', 1.0), (6, 2, NULL, '1');
INSERT INTO gaps(_rowid_, rowid, body, extra) VALUES (2, 'r', 'banana bread', 1), (50, 'q', 'cherry pie', NULL);
ANALYZE;
