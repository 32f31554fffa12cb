"""One training example out of a pair, never twice the same: names, values, order and wording are varied.

A model from scratch with 60 000 pairs remembers; what it must do is copy. So a column that the question spells out
is now and then replaced, in schema, question and SQL alike, by a column of another table; a value by another value;
columns the SQL does not use come and go. What the question does not spell out keeps its name: its meaning is there.
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from base.pairs import Pair, Piece, piece_text
from sqltailor.prompt.text import build_prompt
from sqltailor.sql.dialect import quote_name
from sqltailor.sql.schema import show_value
from sqltailor.types import Column, Example, Prompt, Schema

AS_IS = 0.3
"""Share of groups that keep their names and values: what people ask for together is learned from these."""
LOWERS_VALUES = "table_name_"
"""WikiSQL tables so named (by sql-create-context) write text values in lower case; the others keep their case."""


class Pool(NamedTuple):
    """What replacements are drawn from: columns by type, values by column name and type."""

    columns: dict[str, list[str]]
    texts: list[str]
    texts_of: dict[str, list[str]]


def make_pool(pairs: list[Pair]) -> Pool:
    """Collect the columns and values of the train pairs."""
    columns: dict[str, set[str]] = defaultdict(set)
    texts_of: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        for table in pair.schema.tables:
            for c in table.columns:
                columns[c.type].add(c.name)
        column = ""
        for piece in pair.pieces:
            if piece.kind == "column":
                column = piece.text.lower()
            elif piece.kind == "string" and (spelled := spelling_in(pair.question, piece.text)):
                texts_of[column].append(spelled)
    texts = sorted({t for group in texts_of.values() for t in group})
    return Pool({k: sorted(v) for k, v in columns.items()}, texts, {k: sorted(set(v)) for k, v in texts_of.items()})


def spelling_in(question: str, value: str) -> str | None:
    """Return how the question spells a value, or None when it does not."""
    found = re.search(rf"(?<!\w){re.escape(value)}(?!\w)", question, re.IGNORECASE)
    return found.group() if found else None


def phrase(name: str) -> re.Pattern[str]:
    """Return a pattern for a column name's words, however they are joined."""
    words = [re.escape(w) for w in re.split(r"[^a-z0-9]+", name.lower()) if w]
    return re.compile(r"(?<!\w)" + r"[^a-z0-9]{1,3}".join(words or [r"\Z."]) + r"(?!\w)", re.IGNORECASE)


def plain(pair: Pair, shape: str) -> tuple[Example, Schema]:
    """Return a pair as it is, with the used columns (`context`) or all of them (`schema`)."""
    sql = "".join(piece_text(p) for p in pair.pieces)
    schema = pair.context if shape == "context" else pair.schema
    return Example("", (sql,), pair.question), schema


class Realised(NamedTuple):
    """A varied example with what its prompt needs."""

    example: Example
    schema: Schema
    glossary: dict[str, str]
    hints: list[str]

    def prompt(self) -> Prompt:
        """Return the compact prompt."""
        return build_prompt(self.example, self.schema, name="compact", glossary=self.glossary, hints=self.hints)


def realise(pair: Pair, pool: Pool, rng: random.Random) -> Realised:
    """Return a variation of the pair."""
    schema = pair.context if rng.random() < (0.5 if pair.source == "wikisql" else 0.25) else pair.schema
    if schema is pair.context and pair.source == "spider" and rng.random() < 0.5:
        schema = _only_tables(pair)
    (one,) = _vary([pair], schema, pool, rng)
    glossary, question = hide_value(one.pieces, one.question, rng)
    return one.realised(noise(question, one.pieces, rng), glossary, _hints(one.pieces, one.schema, rng))


def realise_together(pairs: list[Pair], pool: Pool, rng: random.Random) -> list[Realised]:
    """Return variations of pairs of one database that all share one varied schema."""
    varied = _vary(pairs, pairs[0].schema, pool, rng)
    return [v.realised(noise(v.question, v.pieces, rng), {}, []) for v in varied]


class _Varied(NamedTuple):
    question: str
    pieces: list[Piece]
    schema: Schema

    def realised(self, question: str, glossary: dict[str, str], hints: list[str]) -> Realised:
        sql = "".join(piece_text(p) for p in self.pieces)
        return Realised(Example("", (sql,), question), self.schema, glossary, hints)


def _vary(pairs: list[Pair], schema: Schema, pool: Pool, rng: random.Random) -> list[_Varied]:
    if rng.random() < AS_IS:
        return [_Varied(p.question, list(p.pieces), _shuffle(schema, rng)) for p in pairs]
    edits = [_Edits(p.question) for p in pairs]
    pieces = [_swap_values(p, pool, e, rng) for p, e in zip(pairs, edits, strict=True)]
    contextual = schema is pairs[0].context
    pieces, schema = _swap_columns(pieces, schema, pool, edits, rng)
    pieces, schema = _swap_tables(pieces, schema, pairs[0], rng)
    schema = _shuffle(schema if contextual else _add_columns(schema, pool, rng), rng)
    return [_Varied(e.apply(), p, schema) for e, p in zip(edits, pieces, strict=True)]


class _Edits:
    """Replacements in a question, collected first so that none falls into another."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[tuple[int, int, str]] = []

    def find(self, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
        """Return where the pattern stands, or nothing where another replacement is in the way."""
        found = [m.span() for m in pattern.finditer(self.text)]
        free = all(end <= s or start >= e for start, end in found for s, e, _ in self.spans)
        return found if free else []

    def add(self, pattern: re.Pattern[str], new: str) -> bool:
        found = self.find(pattern)
        self.spans += [(s, e, _cased_like(self.text[s:e], new)) for s, e in found]
        return bool(found)

    def apply(self) -> str:
        text = self.text
        for start, end, new in sorted(self.spans, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def _cased_like(old: str, new: str) -> str:
    if new != new.lower() or old.islower() or not old[:1].isalpha():
        return new
    return new.upper() if old.isupper() and len(old) > 3 else " ".join(w[:1].upper() + w[1:] for w in new.split(" "))


def _swap_values(pair: Pair, pool: Pool, edits: _Edits, rng: random.Random) -> list[Piece]:
    lowers = any(p.kind == "table" and p.text.startswith(LOWERS_VALUES) for p in pair.pieces)
    pieces, column = list(pair.pieces), ""
    for i, piece in enumerate(pieces):
        if piece.kind == "column":
            column = piece.text.lower()
        if piece.kind not in ("string", "number") or rng.random() > 0.6:
            continue
        pattern = re.compile(rf"(?<!\w){re.escape(piece.text)}(?!\w)", re.IGNORECASE)
        spelled = spelling_in(pair.question, piece.text)
        if spelled is None or len(pattern.findall(pair.question)) != 1:
            continue
        if piece.kind == "number" or re.fullmatch(r"-?[\d.,]+", piece.text):
            new = _other_number(piece.text, rng)
        elif spelled == piece.text or lowers:
            near = pool.texts_of.get(column, [])
            new = rng.choice(near if near and rng.random() < 0.6 else pool.texts)
        else:
            continue
        if sum(p.text == piece.text for p in pieces) == 1 and edits.add(pattern, new):
            pieces[i] = Piece(piece.kind, new.lower() if lowers else new)
            # the question keeps the value's own case
            start, end, _ = edits.spans[-1]
            edits.spans[-1] = (start, end, new)
    return pieces


def _other_number(text: str, rng: random.Random) -> str:
    if re.fullmatch(r"(1[89]|20)\d\d", text):
        return str(rng.randint(1880, 2025))
    return re.sub(r"[1-9]\d*", lambda m: str(rng.randint(10 ** (len(m[0]) - 1), 10 ** len(m[0]) - 1)), text)


def _swap_columns(
    pieces: list[list[Piece]], schema: Schema, pool: Pool, edits: list[_Edits], rng: random.Random
) -> tuple[list[list[Piece]], Schema]:
    users = defaultdict(list)
    for group, edit in zip(pieces, edits, strict=True):
        for name in {p.text.lower() for p in group if p.kind == "column"}:
            users[name].append(edit)
    taken = {c.name.lower() for t in schema.tables for c in t.columns}
    rate = rng.choice((0.0, 0.25, 0.6))
    renamed: dict[str, str] = {}
    for table in schema.tables:
        for c in table.columns:
            old = c.name.lower()
            if old in renamed or c.primary_key or c.references or rng.random() > rate:
                continue
            new = rng.choice(pool.columns.get(c.type) or pool.columns["VARCHAR"])
            if new.lower() not in taken and all(e.find(phrase(c.name)) for e in users[old]):
                for e in users[old]:
                    e.add(phrase(c.name), " ".join(re.split(r"[^A-Za-z0-9]+", new)).strip())
                renamed[old] = new
                taken.add(new.lower())
    swap = lambda name: renamed.get(name.lower(), name)  # noqa: E731
    pieces = [[Piece("column", swap(p.text)) if p.kind == "column" else p for p in group] for group in pieces]
    # a key that others point to may carry a renamed name
    tables = tuple(
        dataclasses.replace(t, columns=tuple(_renamed(c, swap(c.name), renamed) for c in t.columns))
        for t in schema.tables
    )
    return pieces, Schema(tables)


def _renamed(column: Column, name: str, renamed: dict[str, str]) -> Column:
    reference = column.references
    if reference and reference.column.lower() in renamed:
        reference = reference._replace(column=renamed[reference.column.lower()])
    return dataclasses.replace(column, name=name, references=reference)


def _swap_tables(
    pieces: list[list[Piece]], schema: Schema, pair: Pair, rng: random.Random
) -> tuple[list[list[Piece]], Schema]:
    if pair.source != "wikisql" or rng.random() < 0.4:
        return pieces, schema
    old = schema.tables[0].name
    family = LOWERS_VALUES if old.startswith(LOWERS_VALUES) else "table_"
    new = f"{family}{rng.randint(1, 99)}"
    if family == "table_":
        new = f"table_{rng.choice(('1', '2'))}{rng.randint(10**4, 10**7 - 1)}_{rng.randint(1, 30)}"
        if rng.random() < 0.2:
            new = f"table_{rng.randint(10**4, 10**6)}_{rng.randint(1, 9)}"
    pieces = [[Piece("table", new) if p.kind == "table" else p for p in group] for group in pieces]
    return pieces, Schema((dataclasses.replace(schema.tables[0], name=new),))


def _only_tables(pair: Pair) -> Schema:
    """Return the used tables with all their columns."""
    used = {t.name.lower() for t in pair.context.tables}
    kept = tuple(t for t in pair.schema.tables if t.name.lower() in used)
    return Schema(kept) if kept else pair.context


def _add_columns(schema: Schema, pool: Pool, rng: random.Random) -> Schema:
    if rng.random() > 0.3:
        return schema
    taken = {c.name.lower() for t in schema.tables for c in t.columns}
    i = rng.randrange(len(schema.tables))
    more = [
        Column(name, kind)
        for kind in rng.choices(("VARCHAR", "INTEGER"), (3, 1), k=rng.randint(1, 4))
        if (name := rng.choice(pool.columns[kind])).lower() not in taken
    ]
    tables = list(schema.tables)
    tables[i] = dataclasses.replace(tables[i], columns=tables[i].columns + tuple(dict.fromkeys(more)))
    return Schema(tuple(tables))


def _shuffle(schema: Schema, rng: random.Random) -> Schema:
    tables = list(schema.tables)
    if rng.random() < 0.7:
        rng.shuffle(tables)
    if rng.random() < 0.8:
        tables = [dataclasses.replace(t, columns=tuple(rng.sample(t.columns, len(t.columns)))) for t in tables]
    return Schema(tuple(tables))


_TERM_WORDS = "core prime key gold active smart local open fast blue major top net house main late hot big".split()  # noqa: SIM905


def hide_value(pieces: Sequence[Piece], question: str, rng: random.Random) -> tuple[dict[str, str], str]:
    """Now and then hide a value behind a business term that the prompt explains."""
    values = [p.text for p in pieces if p.kind == "string"]
    if not values or rng.random() > 0.05:
        return {}, question
    value = rng.choice(values)
    spelled = spelling_in(question, value)
    if spelled is None:
        return {}, question
    term = f"{rng.choice(_TERM_WORDS)} {rng.choice(_TERM_WORDS)}"
    return {term: show_value(value)}, question.replace(spelled, term)


def _hints(pieces: list[Piece], schema: Schema, rng: random.Random) -> list[str]:
    """Now and then say where a value is stored, as schema linking will."""
    return hints_of(pieces, schema) if rng.random() < 0.05 else []


def hints_of(pieces: Sequence[Piece], schema: Schema) -> list[str]:
    """Return where the text values of a statement are stored, as the prompt says it."""
    hints: list[str] = []
    column = ""
    for piece in pieces:
        if piece.kind == "column":
            column = piece.text
        elif piece.kind == "string" and column:
            table = next((t for t in schema.tables if any(c.name == column for c in t.columns)), None)
            if table:
                hints.append(f"{quote_name(table.name)}.{quote_name(column)} = {show_value(piece.text)}")
    return hints


def noise(question: str, pieces: Sequence[Piece], rng: random.Random) -> str:
    """Return the question with small human variations; values stay as they are."""
    if rng.random() < 0.15:
        question = question.rstrip(" ?.!")
    if rng.random() < 0.12:
        question = question[:1].lower() + question[1:]
    if rng.random() < 0.12:
        values = " ".join(p.text.lower() for p in pieces if p.kind in ("string", "number", "column"))
        words = question.split(" ")
        loose = [i for i, w in enumerate(words) if len(w) > 2 and w.isalpha() and w.lower() not in values]
        if loose:
            i = rng.choice(loose)
            words[i] = "" if rng.random() < 0.5 else typo(words[i], rng)
        question = " ".join(w for w in words if w)
    return question


def typo(word: str, rng: random.Random) -> str:
    """Return the word with two letters swapped, one dropped or one doubled."""
    if len(word) < 4:
        return word
    i = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (word[:i] + word[i + 1] + word[i] + word[i + 2 :], word[:i] + word[i + 1 :], word[:i] + word[i] + word[i:])
    )
