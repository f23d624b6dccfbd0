"""Reading a stored CREATE TABLE into facts that are equal when SQLite stores the two tables alike.

Not kept, because SQLite does not keep it either: where a constraint is written (in the column or below), the order of
constraints, case and quoting of references, redundant parentheses around a DEFAULT, COLLATE BINARY, ASC, NO ACTION,
ON CONFLICT ABORT, names of constraints that are neither CHECK nor key. Kept although without effect: the DEFERRABLE
clause as written.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.tokens import Tokens, canonical, fold, raw_tokens, unquote

_STARTS = frozenset(
    ["CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "AS", "DEFERRABLE"]
)
_TABLE_STARTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


@dataclass
class TableText:
    """The facts of one CREATE TABLE: ``columns`` by exact name, ``constraints`` and ``options`` sorted."""

    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    constraints: list[tuple[Any, ...]] = field(default_factory=list)
    options: list[str] = field(default_factory=list)


def read_create_table(sql: str, names: Collection[str], rowid_alias: bool = False) -> TableText:
    """The facts of a stored CREATE TABLE; ``names`` are the folded words that are names inside its expressions.

    ``rowid_alias``: the primary key is the rowid itself, so that DESC in it means nothing.
    """
    reader = _Reader(raw_tokens(sql), names)
    reader.table()
    _resolve_keys(reader.made, rowid_alias)
    reader.made.constraints.sort(key=repr)
    reader.made.options.sort()
    return reader.made


def _resolve_keys(made: TableText, rowid_alias: bool) -> None:
    """Give every key part the collation it has in effect: its own, else the column's, else BINARY."""
    own = {fold(name): facts.get("collation", "binary") for name, facts in made.columns.items()}
    for at, constraint in enumerate(made.constraints):
        if constraint[0] in ("primary key", "unique"):
            plain = rowid_alias and constraint[0] == "primary key"
            parts = tuple(
                (name, said or own.get(name, "binary"), desc and not plain) for name, said, desc in constraint[1]
            )
            made.constraints[at] = (constraint[0], parts, *constraint[2:])
    for facts in made.columns.values():
        if facts.get("collation") == "binary":
            del facts["collation"]


def strip_parentheses(tokens: Tokens) -> Tokens:
    """``tokens`` without the parentheses that enclose all of them, however many."""
    while len(tokens) > 1 and tokens[0] == ("op", "(") and _closing(tokens) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closing(tokens: Tokens) -> int:
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token == ("op", "(")) - (token == ("op", ")"))
        if depth == 0:
            return at
    return -1


def default_form(raw: list[tuple[str, str]]) -> Tokens:
    """A DEFAULT without what changes nothing: outer parentheses, a plus sign; a lone name is the string it means.

    No column can be meant in a DEFAULT, so every double-quoted word is a string.
    """
    tokens = strip_parentheses(tuple(canonical(lexeme, text, frozenset()) for lexeme, text in raw))
    if len(tokens) == 2 and tokens[0] == ("op", "+") and tokens[1][0] == "num":
        return tokens[1:]
    return (("str", unquote(raw[0][1])),) if len(raw) == 1 and tokens[0][0] == "id" else tokens


class _Reader:
    """Walks the tokens of one CREATE TABLE; ``self.at`` is where it stands."""

    def __init__(self, raw: list[tuple[str, str]], names: Collection[str]) -> None:
        self.raw, self.names, self.at = raw, names, 0
        self.made = TableText()
        self.check_name: str | None = None  # SQLite lets a CONSTRAINT name stick until the next column or comma
        self.own_name: str | None = None  # the CONSTRAINT name directly before this clause

    # -- looking and stepping
    def word(self, ahead: int = 0) -> str:
        lexeme, text = self.raw[self.at + ahead] if self.at + ahead < len(self.raw) else ("end", "")
        return text.upper() if lexeme in ("word", "operator") else ""

    def take(self, *words: str) -> bool:
        if all(self.word(ahead) == word for ahead, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def need(self, word: str) -> None:
        if not self.take(word):
            raise ValueError(f"{word} expected before {self.raw[self.at : self.at + 5]}")

    def name(self) -> str:
        lexeme, text = self.raw[self.at]
        self.at += 1
        return text if lexeme == "word" else unquote(text)

    def group(self) -> list[tuple[str, str]]:
        """The tokens of a parenthesised group as they are, its own parentheses left out."""
        self.need("(")
        start, depth = self.at, 1
        while depth:
            depth += (self.word() == "(") - (self.word() == ")")
            self.at += 1
        return self.raw[start : self.at - 1]

    def bracketed(self) -> Tokens:
        """The tokens of a parenthesised expression, its own parentheses left out."""
        return tuple(canonical(lexeme, text, self.names) for lexeme, text in self.group())

    # -- the statement
    def table(self) -> None:
        self.need("CREATE")
        _ = self.take("TEMP") or self.take("TEMPORARY")
        self.need("TABLE")
        self.name()
        self.need("(")
        self.column()
        while self.take(","):
            if self.word() in _TABLE_STARTS:
                self.constraints()
                break
            self.column()
        self.need(")")
        while self.at < len(self.raw):
            self.take(",")
            self.made.options.append("without rowid" if self.take("WITHOUT", "ROWID") else self.name().lower())

    def column(self) -> None:
        self.check_name = self.own_name = None
        name = self.name()
        facts = self.made.columns[name] = {}
        while not self.column_clause_begins() and self.word() not in (",", ")"):
            if self.word() == "(":
                self.group()
            else:
                self.at += 1
        while self.word() not in (",", ")"):
            self.column_clause(name, facts)

    def column_clause_begins(self) -> bool:
        return self.word() in _STARTS or (self.word() == "GENERATED" and self.word(1) == "ALWAYS")

    def column_clause(self, name: str, facts: dict[str, Any]) -> None:
        if self.take("CONSTRAINT"):
            self.own_name = self.check_name = self.name()
            return
        if self.take("PRIMARY", "KEY"):
            descending = self.direction()
            conflict = self.conflict()
            self.key("primary key", ((fold(name), None, descending),), conflict, self.take("AUTOINCREMENT"))
        elif self.take("NOT", "NULL"):
            facts["not null"] = (self.conflict(), self.own_name)
        elif self.take("NULL"):
            self.conflict()
        elif self.take("UNIQUE"):
            self.key("unique", ((fold(name), None, False),), self.conflict(), False)
        elif self.take("CHECK"):
            self.check()
        elif self.take("DEFAULT"):
            facts["default"] = self.default()
        elif self.take("COLLATE"):
            facts["collation"] = fold(self.name())
        elif self.take("REFERENCES"):
            self.reference((fold(name),))
        elif self.word() == "DEFERRABLE" or self.word(1) == "DEFERRABLE":
            self.late_deferral()
        else:
            self.generated(facts)
        self.own_name = None

    def generated(self, facts: dict[str, Any]) -> None:
        self.take("GENERATED", "ALWAYS")
        self.need("AS")
        expression = self.bracketed()
        facts["generated"] = (expression, "stored" if self.take("STORED") else "virtual")
        self.take("VIRTUAL")

    def default(self) -> Tokens:
        if self.word() == "(":
            return default_form(self.group())
        length = 2 if self.word() in ("+", "-") else 1
        self.at += length
        return default_form(self.raw[self.at - length : self.at])

    def constraints(self) -> None:
        first = True
        while self.word() != ")":
            if self.take(",") or first:
                self.own_name = None
                self.check_name = self.check_name if first else None
                first = False
            if self.take("CONSTRAINT"):
                self.own_name = self.check_name = self.name()
            elif self.take("PRIMARY", "KEY"):
                parts, autoincrement = self.parts()
                self.key("primary key", parts, self.conflict(), autoincrement)
            elif self.take("UNIQUE"):
                parts, _ = self.parts()
                self.key("unique", parts, self.conflict(), False)
            elif self.take("CHECK"):
                self.check()
            elif self.take("FOREIGN", "KEY"):
                columns = tuple(fold(part[0]) for part in self.parts()[0])
                self.need("REFERENCES")
                self.reference(columns)

    # -- clauses
    def parts(self) -> tuple[tuple[tuple[str, str | None, bool], ...], bool]:
        self.need("(")
        found, autoincrement = [], False
        while not self.take(")"):
            name = fold(self.name())
            collation = fold(self.name()) if self.take("COLLATE") else None
            found.append((name, collation, self.direction()))
            autoincrement = self.take("AUTOINCREMENT") or autoincrement
            self.take(",")
        return tuple(found), autoincrement

    def direction(self) -> bool:
        self.take("ASC")
        return self.take("DESC")

    def conflict(self) -> str | None:
        if not self.take("ON", "CONFLICT"):
            return None
        said = self.name().lower()
        return None if said == "abort" else said

    def key(self, kind: str, parts: tuple[Any, ...], conflict: str | None, autoincrement: bool) -> None:
        self.made.constraints.append((kind, parts, conflict, autoincrement, self.said_name()))
        self.own_name = None

    def said_name(self) -> str | None:
        return None if self.own_name is None else fold(self.own_name)

    def check(self) -> None:
        expression = self.bracketed()
        if self.take("ON", "CONFLICT"):  # read and ignored by SQLite
            self.name()
        self.made.constraints.append(("check", expression, self.check_name))
        self.own_name = None

    def reference(self, columns: tuple[str, ...]) -> None:
        parent = fold(self.name())
        referenced = tuple(fold(part[0]) for part in self.parts()[0]) if self.word() == "(" else ()
        actions: dict[str, str] = {}
        deferrable = ""
        while True:
            if self.word() == "ON" and self.word(1) in ("DELETE", "UPDATE", "INSERT"):
                event = self.word(1).lower()
                self.at += 2
                actions[event] = self.action()
            elif self.take("MATCH"):
                actions["match"] = fold(self.name())
            elif "DEFERRABLE" in (self.word(), self.word(1) if self.word() == "NOT" else ""):
                deferrable = self.deferral()
            else:
                break
        said = tuple(sorted((event, what) for event, what in actions.items() if what != "no action"))
        name = self.said_name()
        self.made.constraints.append(("foreign key", columns, parent, referenced, said, deferrable, name))
        self.own_name = None

    def deferral(self) -> str:
        said = ("not " if self.take("NOT") else "") + "deferrable"
        self.need("DEFERRABLE")
        return said + (f" initially {self.name().lower()}" if self.take("INITIALLY") else "")

    def late_deferral(self) -> None:
        """A DEFERRABLE clause apart from its REFERENCES: SQLite gives it to the newest foreign key."""
        said = self.deferral()
        for at in range(len(self.made.constraints) - 1, -1, -1):
            if self.made.constraints[at][0] == "foreign key":
                self.made.constraints[at] = (*self.made.constraints[at][:5], said, self.made.constraints[at][6])
                return

    def action(self) -> str:
        if self.word() in ("SET", "NO"):
            self.at += 2
            return f"{self.raw[self.at - 2][1]} {self.raw[self.at - 1][1]}".lower()
        return self.name().lower()
