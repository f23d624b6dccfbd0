"""Writing a model down: the statements that make it, in one of its many spellings.

What varies with the random numbers and changes nothing: quoting, case of references and keywords, blanks, comments, a
constraint in its column or below, the order of constraints, ASC, COLLATE BINARY, parentheses around a DEFAULT.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from tests.generators.model import (
    CheckModel,
    Col,
    Expr,
    Foreign,
    FullText,
    Ind,
    Key,
    KeyPart,
    Model,
    Part,
    Tab,
    Trig,
    Vue,
)

_KEYWORDS = frozenset(
    """abort action add after all alter always analyze and as asc attach autoincrement before begin between by cascade
    case cast check collate column commit conflict constraint create cross current current_date current_time
    current_timestamp database default deferrable deferred delete desc detach distinct do drop each else end escape
    except exclude exclusive exists explain fail false filter first following for foreign from full generated glob group
    groups having if ignore immediate in index indexed initially inner insert instead intersect into is isnull join key
    last left like limit match materialized natural no not nothing notnull null nulls of offset on or order others outer
    over partition plan pragma preceding primary query raise range recursive references regexp reindex release rename
    replace restrict returning right rollback row rows savepoint select set stored strict table temp temporary then ties
    to transaction trigger true unbounded union unique update using vacuum values view virtual when where window with
    within without rowid oid _rowid_""".split()  # noqa: SIM905
)
_COMMENTS = ("-- CHECK (b > 0), it's", "/* a, 'b\" ) */", "-- ;", "/**/", "-- REFERENCES x(y) ON DELETE CASCADE")


def statements(model: Model, rng: random.Random | None = None) -> list[str]:
    """The CREATE statements of the model in an order that works; without ``rng`` in the plainest spelling."""
    speller = _Speller(model, rng)
    made = [speller.table(table) for table in model.tables]
    made += [speller.full_text(full) for full in model.full_texts]
    made += [speller.index(index) for index in model.indexes]
    made += [speller.view(view) for view in model.views]
    return made + [speller.trigger(trigger) for trigger in model.triggers]


def script(made: list[str]) -> str:
    """Statements as one text; a semicolon on its own line, for a statement may end in a comment."""
    return "".join(f"{statement}\n;\n" for statement in made)


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass
class _Speller:
    model: Model
    rng: random.Random | None

    def chance(self, share: float) -> bool:
        return self.rng is not None and self.rng.random() < share

    def shuffled(self, items: list[str]) -> list[str]:
        if self.rng is not None:
            self.rng.shuffle(items)
        return items

    # -- words
    def name(self, name: str, *, declared: bool = False) -> str:
        plain = re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in _KEYWORDS
        if plain and not declared and self.chance(0.05):
            name = name.swapcase()
        if plain and not self.chance(0.25):
            return name
        if self.chance(0.2) and "]" not in name:
            return f"[{name}]"
        return "`" + name.replace("`", "``") + "`" if self.chance(0.1) else quote(name)

    def word(self, words: str) -> str:
        return words.lower() if self.chance(0.15) else words

    def part(self, part: Part) -> str:
        if isinstance(part, str):
            return part
        found = self.model.name_of(part)
        assert found is not None, part
        return self.name(found)

    def expr(self, expr: Expr) -> str:
        return "".join(self.part(part) for part in expr)

    def column_name(self, uid: int) -> str:
        return self.part(("column", uid))

    def gap(self, commented: bool) -> str:
        if commented and self.rng is not None and self.chance(0.35):
            comment = self.rng.choice(_COMMENTS)
            return f" {comment}\n" if comment.startswith("--") else f" {comment} "
        return " " if self.rng is None or self.chance(0.8) else "\n\t"

    def conflict(self, said: str) -> str:
        return f" {self.word('ON CONFLICT')} {said}" if said else ""

    def constraint_name(self, name: str | None) -> str:
        return f"{self.word('CONSTRAINT')} {self.name(name, declared=True)} " if name else ""

    # -- tables
    def table(self, table: Tab) -> str:
        inline: dict[int, list[str]] = {column.uid: [] for column in table.columns}
        below: list[str] = []
        for text, home in self.constraints(table):
            if home is not None and (self.chance(0.5) or text.startswith("!")):
                inline[home].append(text.lstrip("!"))
            else:
                below.append(text)
        plain_checks = [f"{self.word('CHECK')} ({self.expr(c.expression)})" for c in table.checks if c.name is None]
        below = self.shuffled(below)
        lines = []
        for column in table.columns:
            # SQLite lends a CONSTRAINT name to later unnamed CHECKs, up to the comma after the first table constraint
            first = plain_checks if column is table.columns[-1] and not (below and self.chance(0.5)) else []
            lines.append(self.column(column, first, inline[column.uid]))
            plain_checks = [] if first else plain_checks
        if plain_checks:
            below = [below[0], *plain_checks, *below[1:]]
        separators = [self.separator(text) for text in below[1:]]
        body = ("," + self.gap(table.commented)).join(lines)
        for at, text in enumerate(below):
            body += ("," if at == 0 else separators[at - 1]) + self.gap(table.commented) + text
        name = self.name(table.name, declared=True)
        return f"CREATE TABLE {name}({self.gap(table.commented)}{body}{self.gap(table.commented)}){self.options(table)}"

    def separator(self, text: str) -> str:
        """A comma, which SQLite lets be left out before anything but an unnamed CHECK."""
        return "," if text.upper().startswith("CHECK") or not self.chance(0.1) else ""

    def options(self, table: Tab) -> str:
        said = [*(["WITHOUT ROWID"] if table.without_rowid else []), *(["STRICT"] if table.strict else [])]
        return " " + ", ".join(self.word(word) for word in self.shuffled(said)) if said else ""

    def constraints(self, table: Tab) -> list[tuple[str, int | None]]:
        """Every constraint but unnamed CHECKs, with the column it may be written in ("!" before it: must)."""
        found: list[tuple[str, int | None]] = []
        if table.key:
            found.append(self.key(table, table.key, "PRIMARY KEY"))
        found += [self.key(table, key, "UNIQUE") for key in table.uniques]
        found += [self.foreign(key) for key in table.foreign]
        found += [self.named_check(table, check) for check in table.checks if check.name is not None]
        return found

    def named_check(self, table: Tab, check: CheckModel) -> tuple[str, int | None]:
        text = f"{self.constraint_name(check.name)}{self.word('CHECK')} ({self.expr(check.expression)})"
        return text, table.columns[0].uid

    def key(self, table: Tab, key: Key, kind: str) -> tuple[str, int | None]:
        single = len(key.parts) == 1 and key.parts[0].collation is None
        head = self.constraint_name(key.name) + self.word(kind)
        automatic = " AUTOINCREMENT" if key.autoincrement else ""
        if key.must_inline or (single and not key.parts[0].descending and self.chance(0.5)):
            direction = " DESC" if key.parts[0].descending else ""
            return f"!{head}{direction}{self.conflict(key.conflict)}{automatic}", key.parts[0].column
        parts = ", ".join(self.key_part(part) for part in key.parts)
        return f"{head} ({parts}{automatic}){self.conflict(key.conflict)}", None

    def key_part(self, part: KeyPart) -> str:
        text = self.expr(part.expression) if part.expression is not None else self.column_name(part.column or 0)
        if part.collation:
            text += f" COLLATE {self.name(part.collation)}"
        return text + (" DESC" if part.descending else " ASC" if self.chance(0.1) else "")

    def foreign(self, key: Foreign) -> tuple[str, int | None]:
        inline = len(key.columns) == 1 and self.chance(0.5)
        head = self.constraint_name(key.name)
        if not inline:
            head += f"FOREIGN KEY ({', '.join(map(self.column_name, key.columns))}) "
        text = f"{head}{self.word('REFERENCES')} {self.part(('table', key.table))}"
        if key.referenced:
            text += f"({', '.join(map(self.column_name, key.referenced))})"
        actions = [f" ON DELETE {key.on_delete}"] if key.on_delete else []
        actions += [f" ON UPDATE {key.on_update}"] if key.on_update else []
        actions += [f" MATCH {key.match}"] if key.match else []
        text += "".join(self.shuffled(actions)) + (f" {key.deferrable}" if key.deferrable else "")
        return ("!" + text, key.columns[0]) if inline else (text, None)

    def column(self, column: Col, plain_checks: list[str], constraints: list[str]) -> str:
        quiet: list[str] = list(plain_checks)
        if column.default is not None:
            quiet.append(f"{self.word('DEFAULT')} {self.default(column.default)}")
        if column.collation:
            quiet.append(f"{self.word('COLLATE')} {self.name(column.collation)}")
        elif self.chance(0.03):
            quiet.append("COLLATE BINARY")
        if column.generated is not None:
            head = self.word("GENERATED ALWAYS AS" if self.chance(0.5) else "AS")
            kind = "STORED" if column.stored else "VIRTUAL" if self.chance(0.5) else ""
            quiet.append(f"{head} ({self.expr(column.generated)}) {kind}".rstrip())
        if column.not_null:
            text = self.word("NOT NULL") + self.conflict(column.not_null_conflict)
            (constraints if column.not_null_name else quiet).append(self.constraint_name(column.not_null_name) + text)
        elif self.chance(0.03):
            quiet.append("NULL")
        kind = column.type.lower() if self.chance(0.1) and '"' not in column.type else column.type
        words = [self.name(column.name, declared=True), *([kind] if kind else [])]
        return " ".join([*words, *self.shuffled(quiet), *self.shuffled(constraints)])

    def default(self, text: str) -> str:
        bare = re.fullmatch("[a-z]+", text)
        closed = bare or text[0] in '("'  # a double-quoted word in parentheses is no constant
        return f"({text})" if not closed and self.chance(0.15) else text

    # -- the rest
    def index(self, index: Ind) -> str:
        parts = ", ".join(self.key_part(part) for part in index.parts)
        where = f" {self.word('WHERE')} {self.expr(index.where)}" if index.where else ""
        unique = "UNIQUE " if index.unique else ""
        name = self.name(index.name, declared=True)
        return f"CREATE {unique}INDEX {name} ON {self.part(('table', index.table))} ({parts}){where}"

    def view(self, view: Vue) -> str:
        return f"CREATE VIEW {self.name(view.name, declared=True)} AS {self.expr(view.body)}"

    def trigger(self, trigger: Trig) -> str:
        of = f" OF {', '.join(map(self.column_name, trigger.of))}" if trigger.of else ""
        when = f" WHEN {self.expr(trigger.when)}" if trigger.when else ""
        each = " FOR EACH ROW" if trigger.each_row else ""
        body = "; ".join(self.expr(statement) for statement in trigger.body)
        head = f"CREATE TRIGGER {self.name(trigger.name, declared=True)} {trigger.timing} {trigger.event}{of}"
        return f"{head} ON {self.part(trigger.on)}{each}{when} BEGIN {body}; END"

    def full_text(self, full: FullText) -> str:
        content = (self.model.name_of(("table", full.table)) or "").replace("'", "''")
        columns = ", ".join(quote(self.model.name_of(("column", uid)) or "") for uid in full.columns)
        return f"CREATE VIRTUAL TABLE {self.name(full.name, declared=True)} USING fts5({columns}, content='{content}')"
