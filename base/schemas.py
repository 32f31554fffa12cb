"""Random schemas, and synthetic pairs over them: the tables of real databases, recombined, renamed and abbreviated."""

from __future__ import annotations

import dataclasses
import random
import re
from collections import defaultdict

from base.realise import Pool, Realised
from sqltailor.naming.values import Values
from sqltailor.naming.words import ABBREVIATIONS
from sqltailor.synth import invent_values, sample_pair
from sqltailor.types import Column, Example, Reference, Schema, Table

MAX_COLUMNS = 70
_SHORT: dict[str, list[str]] = defaultdict(list)
for _short, _long in ABBREVIATIONS.items():
    _SHORT[_long].append(_short)


def sample_synthetic(schemas: list[Schema], pool: Pool, rng: random.Random, count: int = 1) -> list[Realised]:
    """Return synthetic pairs over one random schema."""
    schema = random_schema(schemas, pool, rng)
    values = _with_known_texts(schema, invent_values(schema, rng), pool, rng)
    pairs = [sample_pair(schema, values, rng, typo_rate=0.03) for _ in range(count)]
    return [Realised(Example("", (p.sql,), p.question), schema, {}, []) for p in pairs]


def random_schema(schemas: list[Schema], pool: Pool, rng: random.Random) -> Schema:
    """Return some linked tables of one schema, at times with strangers, under one naming style."""
    tables = _linked(rng.choice(schemas), rng)
    if rng.random() < 0.35:
        taken = {t.name.lower() for t in tables}
        tables += [t for t in _linked(rng.choice(schemas), rng) if t.name.lower() not in taken]
    rng.shuffle(tables)
    while len(tables) > 1 and sum(len(t.columns) for t in tables) > MAX_COLUMNS:
        tables.pop()
    tables = [_varied(t, pool, rng) for t in tables]
    return _restyled(Schema(tuple(tables)), rng)


def _linked(schema: Schema, rng: random.Random) -> list[Table]:
    """Return a random connected part of the schema, of 1 to 12 tables."""
    by_name = {t.name.lower(): t for t in schema.tables}
    near: dict[str, set[str]] = defaultdict(set)
    for t in schema.tables:
        for c in t.columns:
            if c.references:
                near[t.name.lower()].add(c.references.table.lower())
                near[c.references.table.lower()].add(t.name.lower())
    size = rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12))
    chosen, frontier = [], [rng.choice(list(by_name))]
    while frontier and len(chosen) < size:
        name = frontier.pop(rng.randrange(len(frontier)))
        if name not in chosen:
            chosen.append(name)
            frontier += sorted(near[name])
    return [by_name[n] for n in chosen if n in by_name]


def _varied(table: Table, pool: Pool, rng: random.Random) -> Table:
    """Return the table with a few plain columns gone, replaced or new."""
    columns, taken = [], {c.name.lower() for c in table.columns}
    for c in table.columns:
        plain = not c.primary_key and not c.references
        if plain and rng.random() < 0.1:
            continue
        new = rng.choice(pool.columns.get(c.type) or pool.columns["VARCHAR"])
        if plain and rng.random() < 0.15 and new.lower() not in taken and new.isidentifier():
            taken.add(new.lower())
            c = dataclasses.replace(c, name=new)
        columns.append(c)
    return dataclasses.replace(table, columns=tuple(columns) or table.columns)


def _restyled(schema: Schema, rng: random.Random) -> Schema:
    """Rename everything by one style: as it is, lower snake case, abbreviated, run together or camel case."""
    style = rng.choices(("as_is", "snake", "short", "joined", "camel"), (4, 4, 4, 1, 1))[0]
    new_names: dict[str, str] = {}

    def rename(name: str) -> str:
        if style == "as_is":
            return name
        if name.lower() not in new_names:
            new_names[name.lower()] = _style(name, style, rng)
        return new_names[name.lower()]

    kept = {t.name.lower() for t in schema.tables}
    tables = []
    for t in schema.tables:
        columns: dict[str, Column] = {}
        for c in t.columns:
            name = rename(c.name)
            reference = c.references if c.references and c.references.table.lower() in kept else None
            if reference:
                reference = Reference(rename(reference.table), rename(reference.column))
            columns.setdefault(name.lower(), dataclasses.replace(c, name=name, references=reference))
        tables.append(Table(rename(t.name), tuple(columns.values())))
    distinct = {t.name.lower(): t for t in tables}
    return Schema(tuple(distinct.values()))


def _style(name: str, style: str, rng: random.Random) -> str:
    words = [w for w in re.split(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])", name) if w] or [name]
    words = [w.lower() for w in words]
    if style == "short":
        words = [rng.choice(_SHORT[w]) if w in _SHORT and rng.random() < 0.8 else w for w in words]
        return rng.choice(("_", "_", "")).join(words)
    if style == "joined":
        return "".join(words)
    if style == "camel":
        return words[0] + "".join(w.capitalize() for w in words[1:])
    return "_".join(words)


def _with_known_texts(schema: Schema, values: Values, pool: Pool, rng: random.Random) -> Values:
    """Give text columns whose name the pairs know some of the values that the pairs have there."""
    for table in schema.tables:
        for c in table.columns:
            known = pool.texts_of.get(c.name.lower())
            if known and len(known) > 5 and c.type == "VARCHAR" and rng.random() < 0.5:
                values.samples[table.name, c.name] = tuple(rng.sample(known, min(8, len(known))))  # type: ignore[index]
    return values
