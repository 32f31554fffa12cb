"""Noun phrases for one query: its rows, columns and values, the way people name them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from sqltailor.naming.columns import ColumnInfo
from sqltailor.naming.phrases import COLUMN_SYNONYMS, COUNTRIES, MONTHS, NUMBER_WORDS, TABLE_SYNONYMS
from sqltailor.naming.pools import PEOPLE
from sqltailor.naming.words import plural, singular, without_table
from sqltailor.synth.graph import Graph, TableInfo
from sqltailor.synth.query import Agg, Call, Col, Cond, Days, Measure, Part, Product, Query, Use, binding_of
from sqltailor.types import Cell

OPEN, CLOSE = "\x02", "\x03"
"""Marks around values in a question that is still being written: typos and lower case leave values alone."""


class Lexicon:
    """What tables and columns may be called, from their names, comments and the glossary."""

    def __init__(self, graph: Graph, synonyms: Mapping[str, Sequence[str]] | None = None) -> None:
        """`synonyms` are other words by `TABLE` or `TABLE.COLUMN`."""
        self.graph = graph
        extra = {name.lower(): tuple(words) for name, words in (synonyms or {}).items()}
        self.nouns: dict[str, tuple[str, ...]] = {}
        self.columns: dict[tuple[str, str], tuple[str, ...]] = {}
        self.info: dict[tuple[str, str], ColumnInfo] = {}
        taken = {table.noun for table in graph.tables.values()}
        for table in graph.tables.values():
            given = tuple(singular(word) for word in extra.get(table.key.lower(), ()))
            common = tuple(word for word in TABLE_SYNONYMS.get(table.noun, ()) if word not in taken)
            self.nouns[table.key] = (table.noun,) * (len(common) * 3 + len(given) or 1) + given * 2 + common
            used = {column.words for column in table.columns}
            for column in table.columns:
                self.info[table.key, column.name] = column
                words = extra.get(f"{table.key}.{column.name}".lower(), ())
                common = tuple(word for word in COLUMN_SYNONYMS.get(column.words, ()) if word not in used)
                self.columns[table.key, column.name] = _column_phrases(column, table, words) + common


def _column_phrases(column: ColumnInfo, table: TableInfo, given: Sequence[str]) -> tuple[str, ...]:
    phrases = [column.words] * 3
    if (short := without_table(column.words, table.noun)) and (short != "id" or column.is_primary):
        phrases += [short] * 4
    if column.kind == "category" and column.words.endswith(" code"):
        phrases += [column.words.removesuffix(" code")] * 2
    phrases += list(column.synonyms) * (4 if len(column.words) <= 4 else 2)
    phrases += list(given) * 4
    return tuple(phrases)


class Phrasebook:
    """The words of one question. One instance a question: it settles on one name for each thing."""

    def __init__(self, query: Query, lexicon: Lexicon, rng: random.Random, *, lower_rate: float = 0.03) -> None:
        self.query = query
        self.lexicon = lexicon
        self.graph = lexicon.graph
        self.rng = rng
        self.quote = _pick(rng, ("", "", "", "", "", "'", "'", '"'))
        self.lower = rng.random() < lower_rate
        self.about = query.about or query.uses[0].binding
        self._nouns: dict[str, str] = {}
        self._columns: dict[Col, str] = {}

    def named(self, other: Phrasebook) -> None:
        """Call things what another speaker calls them."""
        self._nouns, self._columns = other._nouns, other._columns

    def pick(self, items: Sequence[str]) -> str:
        """Return one of the texts."""
        return items[int(self.rng.random() * len(items))]

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.rng.random() < probability

    # tables

    def use(self, binding: str) -> Use:
        """Return the table behind a binding."""
        return self.query.use(binding)

    def noun(self, binding: str) -> str:
        """Return the singular noun for the rows of a binding, always the same within one question."""
        if binding not in self._nouns:
            use = self.use(binding)
            own = use.role == self.graph.tables[use.table].noun
            if own and len({u.table for u in self.query.uses}) < len(self.query.uses):
                self._nouns[binding] = use.role
                return use.role
            self._nouns[binding] = self.pick(self.lexicon.nouns[use.table]) if own else use.role
        return self._nouns[binding]

    def nouns(self, binding: str) -> str:
        """Return the plural noun for the rows of a binding."""
        return plural(self.noun(binding))

    def is_one_of_several(self, binding: str) -> bool:
        """Tell whether only the noun of a binding tells which of several links is meant: `source flights`."""
        use = self.use(binding)
        return use.role != self.graph.tables[use.table].noun

    def is_person(self, binding: str) -> bool:
        """Tell whether the rows of a binding are people."""
        return singular(self.noun(binding).split()[-1]) in PEOPLE

    def who(self, binding: str) -> str:
        """Return `who`, `that` or `which`."""
        return self.pick(("who", "that")) if self.is_person(binding) else self.pick(("that", "that", "which"))

    # columns

    def info(self, column: Col) -> ColumnInfo:
        """Return what is known of a column."""
        return self.lexicon.info[self.use(column.binding).table, column.name]

    def bare(self, column: Col) -> str:
        """Return a column's name without its table, always the same within one question."""
        if column not in self._columns:
            self._columns[column] = self.pick(self.lexicon.columns[self.use(column.binding).table, column.name])
        return self._columns[column]

    def column(self, column: Col) -> str:
        """Return a column's name, with its table's noun where it is not the table that the question is about."""
        phrase = self.bare(column)
        if column.binding == self.about or len(self.query.uses) == 1:
            return phrase
        noun = self.noun(column.binding)
        if phrase.startswith(noun):
            return phrase
        table = self.graph.tables[self.use(column.binding).table]
        if table.label and table.label.name == column.name and self.chance(0.35):
            return noun
        return self.pick((f"{noun} {phrase}", f"{noun} {phrase}", f"{noun}'s {phrase}", f"{phrase} of the {noun}"))

    def expr(self, expr: Col | Product | Days | Measure | Part | Call | Agg) -> str:
        """Return the words for an expression that stands in a list of columns."""
        if isinstance(expr, Col):
            return self.column(expr)
        if isinstance(expr, Product):
            return f"{self.column(expr.left)} times {self.column(expr.right)}"
        if isinstance(expr, Measure):
            return expr.words
        if isinstance(expr, Days):
            return f"days from {self.column(expr.start)} to {self.column(expr.end)}"
        if isinstance(expr, Part):
            return self.pick((expr.unit, f"{expr.unit} of the {self.column(expr.column)}"))
        if isinstance(expr, Call):
            return expr.meaning or expr.name.lower()
        return self.expr(expr.argument) if expr.argument else "rows"

    # values

    def value(self, value: Cell, column: ColumnInfo | None = None) -> str:
        """Return a stored value as people write it."""
        if (
            column
            and isinstance(value, str)
            and value in COUNTRIES
            and {"country", "nation"} & set(column.words.split())
        ):
            return self.marked(COUNTRIES[value][0] if self.chance(0.85) else value)
        if column and column.codes:
            meaning = dict(column.codes).get(str(value))
            if meaning:
                return self.marked(meaning)
        if isinstance(value, bool) or value is None:
            return self.marked(str(value).lower())
        if isinstance(value, int | float):
            return self.marked(self.number(value, is_year=column is not None and column.kind == "year"))
        text = str(value)
        if column is not None and column.kind == "date":
            return self.date(text)
        return self.marked(text, quote=True)

    def marked(self, text: str, *, quote: bool = False) -> str:
        """Return text that typos leave alone, in this question's quotes if wanted."""
        if self.lower and quote:
            text = text.lower()
        mark = self.quote if quote and self.quote not in text else ""
        return f"{OPEN}{mark}{text}{mark}{CLOSE}"

    def number(self, value: int | float, *, is_year: bool = False) -> str:
        """Return a number: thousands with commas now and then."""
        if is_year or abs(value) < 1000 or self.chance(0.75):
            return repr(value)
        if isinstance(value, int) and value % 1_000_000 == 0 and self.chance(0.5):
            return f"{value // 1_000_000} million"
        return f"{value:,}"

    def count(self, number: int) -> str:
        """Return a small number as digits or as a word."""
        return NUMBER_WORDS[number] if number < len(NUMBER_WORDS) and self.chance(0.35) else str(number)

    def date(self, text: str) -> str:
        """Return an ISO date or month as people write it."""
        parts = text[:10].split("-")
        if len(parts) < 2 or not all(part.isdigit() for part in parts) or not 1 <= int(parts[1]) <= 12:
            return self.marked(text)
        year, month = parts[0], MONTHS[int(parts[1]) - 1]
        if len(parts) == 2:
            return self.marked(self.pick((f"{month} {year}", f"{month} {year}", text, f"{month[:3]} {year}")))
        day = str(int(parts[2]))
        tail = text[10:]
        forms = (text[:10], text[:10], f"{month} {day}, {year}", f"{day} {month} {year}", f"{month[:3]} {day}, {year}",
                 f"{month} {day}{_ordinal(int(day))}, {year}")  # fmt: skip
        return self.marked(self.pick(forms) + tail)

    # rows

    def conditions(self, binding: str) -> list[Cond]:
        """Return the conditions on one binding of the query."""
        return [cond for cond in self.query.where if binding_of(cond) == binding]

    def parents(self, binding: str) -> list[Use]:
        """Return the tables joined as parents of a binding."""
        return [use for use in self.query.uses if use.on is not None and use.on[0].binding == binding]


def _pick(rng: random.Random, items: Sequence[str]) -> str:
    return items[int(rng.random() * len(items))]


def _ordinal(day: int) -> str:
    return "th" if 4 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
