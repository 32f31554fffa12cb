"""A schema as the synthesiser sees it: what kind of thing each column is, and which tables join on what."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqltailor.synth.comments import read_comment
from sqltailor.synth.joins import LEADERS, Join, Refers, guess_joins, key
from sqltailor.synth.wording.phrases import ACTIVE, PARTICIPLES
from sqltailor.synth.words import column_words, singular, split_name, table_words, word_set
from sqltailor.types import Cell, Column, Schema, Table

Kind = Literal["key", "flag", "number", "year", "date", "name", "category", "text", "opaque"]

_NUMERIC = re.compile(r"int|num|dec|real|double|float|money|serial|number", re.I)
_DATE = re.compile(r"date|timestamp", re.I)
_FLAG = re.compile(r"bool|^bit$", re.I)
_OPAQUE = re.compile(r"blob|bytea|binary|json|xml|array|\[\]|uuid|geometry|geography|vector|struct|map|image", re.I)
_WORDS = re.compile(r"\w+")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(:\d\d(\.\d+)?)?.*)?")
NAME_WORDS = {"name", "title", "surname", "label", "headline", "caption"}
CATEGORY_WORDS = word_set("""
    type category status kind class genre gender sex color colour city country state region nationality language
    level grade role position department brand party segment tier priority currency method result rank major
    district county continent season channel plan size code style shape material mode team club college venue
""")
DATE_WORDS = {"date", "birthday", "timestamp", "datetime"}
FLAG_STARTS = {"is", "has", "can", "was", "allows", "accepts", "requires"}
NUMBER_WORDS = {
    "amount",
    "price",
    "quantity",
    "total",
    "cost",
    "salary",
    "age",
    "count",
    "score",
    "population",
    "points",
}


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column, its kind, and its words. `table` is the key of its table in the graph.

    `codes` pair stored codes with what they mean, `empty` is what a NULL means, both from the column's comment.
    """

    table: str
    name: str
    kind: Kind
    words: str
    synonyms: tuple[str, ...] = ()
    unit: str | None = None
    codes: tuple[tuple[str, str], ...] = ()
    empty: str | None = None
    is_primary: bool = False
    is_whole: bool = False
    is_numeric: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """`child.child_column` refers to `parent.parent_column`; `role` is what the child calls the parent."""

    child: str
    child_column: str
    parent: str
    parent_column: str
    role: str


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table: `noun` is singular; `label` is the column that names a row, if any."""

    key: str
    noun: str
    columns: tuple[ColumnInfo, ...]
    label: ColumnInfo | None
    identifier: ColumnInfo | None
    comment: str | None = None

    def of(self, *kinds: Kind) -> list[ColumnInfo]:
        """Return the columns of these kinds, in their order."""
        return [column for column in self.columns if column.kind in kinds]


@dataclass(frozen=True)
class Graph:
    """Tables by key (`namespace.name` or `name`) and their links; `guessed` are those that no foreign key declares."""

    tables: Mapping[str, TableInfo]
    links: tuple[Link, ...]
    up: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    guessed: tuple[Join, ...] = ()

    def child_noun(self, link: Link) -> str:
        """Return what to call the children of a link: `flight`, or `source flight` where two links compete."""
        child = self.tables[link.child].noun
        rivals = [other for other in self.up.get(link.child, ()) if other.parent == link.parent]
        return f"{link.role.removesuffix(' ' + self.tables[link.parent].noun)} {child}" if len(rivals) > 1 else child

    def column(self, table: str, name: str) -> ColumnInfo:
        """Return one column; KeyError when there is none."""
        for column in self.tables[table].columns:
            if column.name == name:
                return column
        raise KeyError(f"{table}.{name}")


def build_graph(
    schema: Schema,
    samples: Mapping[tuple[str, str], Sequence[Cell]] | None = None,
    refers: Refers = lambda join: None,
) -> Graph:
    """Return the graph of a schema. `samples` (values by table key and column) sharpen the kinds of its columns.

    Links are the declared foreign keys, and what `joins.guess_joins` finds for tables without any, with `refers`.
    """
    samples = samples or {}
    declared = _declared(schema)
    guessed = guess_joins(schema, refers)
    nouns = _nouns(schema)
    foreign = {(join.child, join.child_column): nouns[join.parent] for join in (*declared, *guessed)}
    tables = {
        key(table): _table_info(table, nouns[key(table)], foreign, samples) for table in schema.tables if table.columns
    }
    comments = {(key(table), c.name): c.comment for table in schema.tables for c in table.columns}
    links = []
    for join in (*declared, *guessed):
        target = _target(tables[join.parent], join.parent_column) if join.parent in tables else None
        if target:
            role = _role(tables[join.child], join.child_column, tables[join.parent], comments[join[:2]])
            links.append(Link(join.child, join.child_column, join.parent, target, role))
    links = [_told_apart(link, links, tables) for link in links]
    up = {name: tuple(link for link in links if link.child == name) for name in tables}
    return Graph(tables, tuple(links), up, tuple(guessed))


def _declared(schema: Schema) -> list[Join]:
    """Return the foreign keys; a table named without its namespace is first looked for in the child's own."""
    keys = {key(table).lower(): key(table) for table in schema.tables}
    bare = {table.name.lower(): key(table) for table in reversed(schema.tables)}
    found = []
    for table in schema.tables:
        for column in table.columns:
            if column.references:
                name = column.references.table.lower()
                parent = keys.get(f"{table.namespace}.{name}".lower()) or keys.get(name) or bare.get(name)
                if parent:
                    found.append(Join(key(table), column.name, parent, column.references.column))
    return found


def _nouns(schema: Schema) -> dict[str, str]:
    """Return the singular noun of each table; those that share one are told apart by their namespaces."""
    nouns = {key(table): table_words(table.name) for table in schema.tables}
    taken = Counter(nouns.values())
    for table in schema.tables:
        if table.namespace and taken[nouns[key(table)]] > 1:
            nouns[key(table)] = f"{' '.join(_WORDS.findall(table.namespace.lower()))} {nouns[key(table)]}".strip()
    return nouns


def _target(table: TableInfo, column: str) -> str | None:
    if not column:  # REFERENCES t means t's primary key
        return table.identifier.name if table.identifier else None
    return next((c.name for c in table.columns if c.name.lower() == column.lower()), None)


def _table_info(
    table: Table, noun: str, foreign: Mapping[tuple[str, str], str], samples: Mapping[tuple[str, str], Sequence[Cell]]
) -> TableInfo:
    name, bare, prefix = key(table), table_words(table.name), _shared_prefix(table)
    columns = []
    for column in table.columns:
        values = samples.get((name, column.name)) or column.samples
        parent = foreign.get((name, column.name))
        columns.append(_column_info(name, bare, column, values, prefix, parent))
    return TableInfo(name, noun, tuple(columns), _label(columns), _identifier(columns, bare), table.comment)


def _column_info(
    table: str, noun: str, column: Column, values: Sequence[Cell], prefix: str | None, parent: str | None
) -> ColumnInfo:
    """Return what is known of a column; `parent` is the noun of the table that it refers to."""
    meaning = read_comment(column.comment)
    kind: Kind = "key" if parent else column_kind(column, values)
    if meaning.codes and kind not in ("key", "opaque"):
        two = {code for code, _ in meaning.codes} <= {"0", "1"}
        kind = "flag" if two and (not values or set(map(str, values)) <= {"0", "1"}) else "category"
    words = column_words(column.name, noun, prefix)
    if kind == "key":
        words = _key_words(words, noun, parent)
    elif kind == "date" and words.endswith(" at"):
        words = words.removesuffix(" at") + " date"
    elif kind == "date" and (words.split()[-1] in PARTICIPLES or words.split()[-1] in ACTIVE):
        words += " date"
    return ColumnInfo(
        table=table,
        name=column.name,
        kind=kind,
        words=words,
        synonyms=(meaning.phrase,) if meaning.phrase and meaning.phrase != words and kind != "key" else (),
        unit=meaning.unit,
        codes=meaning.codes,
        empty=meaning.empty,
        is_primary=column.primary_key,
        is_whole=_is_whole(column, values),
        is_numeric=_is_numeric(column, values),
    )


def _key_words(words: str, noun: str, parent: str | None) -> str:
    """Spell out terse keys: `cid` in customers, or referring to them, is the customer id."""
    owner = parent or noun
    if re.fullmatch(r"[a-z]{0,2}id|sku|code|key", words) or words == owner.replace(" ", "") + "id":
        return f"{owner} id"
    if parent and words.split()[-1] not in KEY_ENDINGS:
        return f"{words} id"  # the bare word means the row that it refers to
    return words


def _is_numeric(column: Column, values: Sequence[Cell]) -> bool:
    if values:
        return all(isinstance(value, int | float) for value in values)
    return bool(_NUMERIC.search(column.type))


def _shared_prefix(table: Table) -> str | None:
    firsts = [split_name(column.name) for column in table.columns]
    if len(firsts) < 3 or any(len(words) < 2 or not words[1].isalpha() for words in firsts):
        return None
    prefixes = {words[0] for words in firsts}
    return prefixes.pop() if len(prefixes) == 1 else None


def column_kind(column: Column, values: Sequence[Cell] = ()) -> Kind:
    """Return what kind of thing a column holds, from its type, its name and, where there are some, its values."""
    words = split_name(column.name)
    type_, last = column.type or "", words[-1]
    seen = [value for value in values if value is not None]
    if _OPAQUE.search(type_) or any(isinstance(value, bytes) for value in seen):
        return "opaque"
    if column.primary_key or last in ("id", "uuid", "guid") or (words[-1] == "key" and len(words) > 1):
        return "key"
    if _FLAG.search(type_) or (words[0] in FLAG_STARTS and len(words) > 1) or last == "flag":
        return "flag" if not seen or len(set(map(str, seen))) <= 2 else "category"
    if _DATE.search(type_) or (last in DATE_WORDS or words[0] in DATE_WORDS or (last == "at" and len(words) > 1)):
        return "date" if _all_dates(seen) else "text"
    if _NUMERIC.search(type_) and all(isinstance(value, int | float) for value in seen):
        if set(seen) == {0, 1} and last not in NUMBER_WORDS:
            return "flag"
        return "year" if last == "year" or words[0] == "year" else "number"
    if seen:
        return _kind_of_values(seen, words)
    if set(words) & NAME_WORDS:
        return "name"
    if last in NUMBER_WORDS and not _is_text(type_):
        return "number"
    return "category" if set(words) & CATEGORY_WORDS else "text"


def _is_text(type_: str) -> bool:
    return bool(re.search(r"char|text|clob|string", type_, re.I))


def _all_dates(seen: Sequence[Cell]) -> bool:
    return all(_ISO_DATE.fullmatch(str(value)) for value in seen)


def _kind_of_values(seen: Sequence[Cell], words: Sequence[str]) -> Kind:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in seen):
        return "year" if words[-1] == "year" else "number"
    if _all_dates(seen):
        return "date"
    if max(len(str(value)) for value in seen) > 60:
        return "text"
    if set(words) & NAME_WORDS:
        return "name"
    distinct = len(set(map(str, seen)))
    return "category" if set(words) & CATEGORY_WORDS or distinct <= min(12, len(seen)) else "text"


def _is_whole(column: Column, values: Sequence[Cell]) -> bool:
    seen = [value for value in values if isinstance(value, int | float)]
    if seen:
        return all(isinstance(value, int) for value in seen)
    return "int" in column.type.lower() or "serial" in column.type.lower()


def _label(columns: Sequence[ColumnInfo]) -> ColumnInfo | None:
    names = [column for column in columns if column.kind == "name"]
    exact = [column for column in names if column.words.split()[-1] in ("name", "title")]
    whole = [column for column in exact if not {"first", "last", "middle"} & set(column.words.split())]
    return next(iter(whole or exact or names), None)


def _identifier(columns: Sequence[ColumnInfo], noun: str) -> ColumnInfo | None:
    primary = [column for column in columns if column.is_primary]
    if len(primary) == 1:
        return primary[0]
    if primary:
        return None  # one part of a key names nothing
    own = [column for column in columns if column.kind == "key" and column.words in ("id", f"{noun} id")]
    return own[0] if own else None


def _told_apart(link: Link, links: Sequence[Link], tables: Mapping[str, TableInfo]) -> Link:
    """Return a link whose role tells it from other links between the same tables: `source airport`."""
    others = [other for other in links if (other.child, other.parent) == (link.child, link.parent)]
    noun = tables[link.parent].noun
    if len(others) < 2 or noun in link.role or link.child == link.parent:
        return link
    return dataclasses.replace(link, role=f"{link.role} {noun}")


KEY_ENDINGS = {"id", "code", "key", "number", "uuid"}


def _role(child: TableInfo, column: str, parent: TableInfo, comment: str | None) -> str:
    """Return what a child calls its parent: `manager` for `manager_id`, else the parent's own noun."""
    phrase = read_comment(comment).phrase
    info = next(c for c in child.columns if c.name == column)
    words = info.words
    for ending in (" id", " code", " key", " number", " uuid"):
        words = words.removesuffix(ending)
    if words in ("id", "code", "key", parent.noun) or not words.isascii():
        return parent.noun
    if child.key == parent.key:
        if phrase:
            return phrase
        return words if words.split()[-1] in LEADERS else f"{words} {parent.noun}"
    if any(character.isdigit() for character in words) or len(words) < 3 or words in parent.noun:
        return parent.noun
    return singular(words)
