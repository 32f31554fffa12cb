"""The kind and the spoken name of a column, from its type, name, comment and values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqltailor.naming.comments import read_comment
from sqltailor.naming.phrases import ACTIVE, PARTICIPLES
from sqltailor.naming.words import column_words, split_name, word_set
from sqltailor.types import Cell, Column

Kind = Literal["key", "flag", "number", "year", "date", "name", "category", "text", "opaque"]
_NUMERIC = re.compile(r"int|num|dec|real|double|float|money|serial|number", re.I)
_DATE = re.compile(r"date|timestamp", re.I)
_FLAG = re.compile(r"bool|^bit$", re.I)
_OPAQUE = re.compile(r"blob|bytea|binary|json|xml|array|\[\]|uuid|geometry|geography|vector|struct|map|image", re.I)
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


def column_info(
    table: str, noun: str, column: Column, values: Sequence[Cell], prefix: str | None, parent: str | None
) -> ColumnInfo:
    """Return what is known of a column; `parent` is the noun of the table that it refers to."""
    meaning = read_comment(column.comment)
    kind: Kind = "key" if parent else column_kind(column, values)
    if meaning.codes and kind not in ("key", "opaque"):
        two = {code for code, _ in meaning.codes} <= {"0", "1"}
        kind = "flag" if two and (not values or set(map(str, values)) <= {"0", "1"}) else "category"
    words = column_words(column.name, prefix)
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


KEY_ENDINGS = {"id", "code", "key", "number", "uuid"}
