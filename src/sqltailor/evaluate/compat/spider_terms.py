"""Words one after another, and the columns and values that they make, as Spider's official parser reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.spider.parts import Term, Value

CLAUSES = frozenset({"select", "from", "where", "group", "order", "limit", "intersect", "union", "except"})
JOINS = frozenset({"join", "on", "as"})
ARITHMETIC = frozenset({"none", "-", "+", "*", "/"})
AGGREGATES = frozenset({"none", "max", "min", "count", "sum", "avg"})

Columns = Mapping[str, Sequence[str]]
"""Table → its columns, all lower case."""


class TermReader:
    """Reads words from `at` on; each method leaves it behind what it has read."""

    def __init__(self, words: Sequence[str], columns: Columns) -> None:
        self.words, self.columns, self.at = words, columns, 0
        self.tables = {words[i + 1]: words[i - 1] for i, word in enumerate(words) if word == "as"}
        if shared := self.tables.keys() & columns.keys():
            raise SQLError(f"The alias '{min(shared)}' is the name of a table.")
        self.tables |= {name: name for name in columns}

    def next_in(self, words: Collection[str]) -> bool:
        return self.at < len(self.words) and self.words[self.at] in words

    def take(self, word: str) -> bool:
        """Step over the next word if it is this one."""
        found = self.at < len(self.words) and self.words[self.at] == word
        self.at += found
        return found

    def word(self) -> str:
        """Step over the next word and return it."""
        self.at += 1
        return self.words[self.at - 1]

    def need(self, word: str) -> None:
        """Step over the next word, which must be this one."""
        if (found := self.word()) != word:
            raise SQLError(f"'{found}' stands where '{word}' should.")

    def need_one(self, words: Collection[str]) -> str:
        """Step over the next word, which must be one of these, and return it."""
        word = self.word()
        if word not in words:
            raise SQLError(f"'{word}' stands where '{min(words)}' should.")
        return word

    def aggregate(self) -> str:
        """Step over the name of an aggregate and return it, empty where there is none."""
        name = self.words[self.at]
        if name not in AGGREGATES:
            return ""
        self.at += 1
        return name.replace("none", "")

    def value(self, near: Sequence[str]) -> Value:
        enclosed = self.take("(")
        value = Value(self.term(near))
        if self.next_in(ARITHMETIC):
            value = Value(value.left, self.need_one(ARITHMETIC).replace("none", ""), self.term(near))
        if enclosed:
            self.need(")")
        return value

    def term(self, near: Sequence[str]) -> Term:
        enclosed = self.take("(")
        if self.words[self.at] in AGGREGATES:
            aggregate = self.aggregate()
            self.need("(")
            distinct = self.take("distinct")
            term = Term(self.column(near), aggregate, distinct)
            self.need(")")
            return term  # with a parenthesis before the aggregate left open
        distinct = self.take("distinct")
        term = Term(self.column(near), "", distinct)
        if enclosed:
            self.need(")")
        return term

    def column(self, near: Sequence[str]) -> str:
        word = self.word()
        if word == "*":
            return word
        alias, dot, name = word.rpartition(".")
        for table in [self.tables.get(alias, "")] if dot else near:
            if name in self.columns.get(table, ()):
                return f"{table}.{name}"
        raise SQLError(f"No table here has the column '{word}'.")
