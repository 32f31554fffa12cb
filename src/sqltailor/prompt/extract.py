"""Read a model's answer: text → SQL, or the reason why the model declined.

The one reader of answers: of a model that is asked, evaluated, compared or watched, and of a data set's gold answers.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from sqltailor.errors import SQLError
from sqltailor.prompt.chat_markup import BEGINNINGS, without_thoughts
from sqltailor.prompt.ending import BEGINS, COMMANDS, QUERY, plain_statement, statement_at_start
from sqltailor.sql.constrain.grammar import DECLINE, LONGEST_REASON
from sqltailor.sql.dialect import load_dialect, parse
from sqltailor.sql.dialect.lexer import trimmed


class Answer(NamedTuple):
    """What a completion says: `sql`, or why not (`declined`); both None when it holds no SQL at all."""

    sql: str | None
    declined: str | None = None


_FENCE = re.compile(r"(```|~~~)(.*?)(?:\1|\Z)", re.DOTALL)
_LANGUAGE = re.compile(r"[ \t]*([A-Za-z][\w+#.-]*)(?=[\s:])")
_SQL_LANGUAGES = frozenset(
    ("", "sql", "sqlite", "sqlite3", "postgres", "postgresql", "plpgsql", "pgsql", "mysql", "mariadb", "duckdb", "tsql",
     "t-sql", "mssql", "bigquery", "snowflake", "oracle", "plsql", "spark", "sparksql", "trino", "presto", "redshift",
     "json")
)  # fmt: skip
_CORRECTED = re.compile(r"\b(?:corrected|correction|revised|fixed|final|improved|updated)\b", re.IGNORECASE)
_TAGGED = re.compile(
    r"[<\[](sql|query|sql_query|answer|output|final|code)[>\]](.*?)(?:[<\[]/\1[>\]]|\Z)", re.DOTALL | re.IGNORECASE
)
MAX_DEPTH = 8
_KEYS = ("sql", "query", "sql_query", "sqlquery", "statement", "answer", "output", "result", "response")
_LINE = re.compile(rf"^(?:[^\n]{{0,120}}?[^\n:]:[ \t*_`\"']*|[ \t*_>`\"'\-]*)(?={QUERY})", re.IGNORECASE | re.MULTILINE)
_CODE = re.compile(rf"`(?=\s*{QUERY})([^`]+)`", re.IGNORECASE)
_LONG_CODE = re.compile(rf"`(?=\s*{QUERY})(.+)`", re.IGNORECASE)
_OPENING = re.compile(r"[\"'`*_]*\Z")
_INSIDE = re.compile(r"\b(?=SELECT\s+\S|WITH\s+\w+\s+AS\s*\()")
_FIRST_WORD = re.compile(r"(?:FROM|TABLE|SHOW|DESCRIBE|SUMMARIZE|PIVOT|UNPIVOT)\b", re.IGNORECASE)
_SIGNS = re.compile(r"[\"'`*_“]+")


def extract(text: str, dialect: str = "sqlite") -> Answer:
    """Return the SQL in a completion, without what models write around it.

    Thoughts, marks of chat templates, fences (on lines or within one), labels such as `SQLQuery:`, tags, JSON, quotes
    and explanations are dropped, in this order of trust: a statement that the answer begins with; fenced blocks, the
    corrected one or else the first; tags and JSON; the first line that begins a query, perhaps after a label; code in a
    sentence. Of several that are found in one way, the first that can be read. `-- cannot answer: REASON` is declined.

    >>> extract("The query is:\\n```sql\\nSELECT 1;\\n```\\nIt counts.")
    Answer(sql='SELECT 1', declined=None)
    >>> extract("SQLQuery: SELECT 1\\nSQLResult: 1").sql, extract("```SELECT 1```").sql
    ('SELECT 1', 'SELECT 1')
    """
    if (plain := plain_statement(text)) is not None:
        return Answer(plain)
    text = without_thoughts(text)
    begun = BEGINNINGS.match(text)
    text = text[begun.end() :] if begun else text
    if text.lower().startswith(DECLINE):
        return Answer(None, text[len(DECLINE) :].split("\n")[0].strip() or "no reason given")
    base = load_dialect(dialect).base
    bare = trimmed(text, base)
    if BEGINS.match(bare):
        return Answer(statement_at_start(bare, base) or None)
    for found in (_whole(bare), _fenced(text), _tagged(text), _in_json(text)):
        for wrapped in found:
            answer = extract(wrapped, dialect)
            if answer.sql is not None or answer.declined is not None:
                return answer
    return Answer(_in_sentence(text, base))


def _whole(bare: str) -> Iterator[str]:
    """Yield the text within quotes, or other signs, that are around all of it."""
    signs = _SIGNS.match(bare)
    if signs is not None and len(bare) > 2 * signs.end() and bare.endswith(signs[0][::-1].replace("“", "”")):
        yield bare[signs.end() : -signs.end()]


def _fenced(text: str) -> Iterator[str]:
    """Yield the fenced blocks that may be SQL: one that is called corrected first, those in another language last."""
    blocks: list[tuple[int, str]] = []
    end = 0
    for fence in _FENCE.finditer(text):
        before, end = text[end : fence.start()], fence.end()
        language, body = _block(fence[2])
        rank = 1 if language in _SQL_LANGUAGES else 2
        if rank == 1 and blocks and _CORRECTED.search(before.strip().rpartition("\n")[2]):
            rank = -len(blocks)
        begins = BEGINS.match(trimmed(body)) or body.lower().startswith(DECLINE) or body[:1] in ("{", "[", "<")
        if body and (begins or rank < 2):
            is_query = re.match(QUERY, trimmed(body), re.IGNORECASE) is not None
            blocks.append((rank if is_query or rank > 1 else 3, body))
    yield from (body for _, body in sorted(blocks, key=lambda block: block[0]))


def _block(inside: str) -> tuple[str, str]:
    """Return language and text of a fenced block, on lines of its own or not."""
    named = _LANGUAGE.match(inside)
    if named is None or BEGINS.match(inside.lstrip()):
        return "", inside.strip()
    line, _, rest = inside[named.end() :].partition("\n")
    body = rest if not BEGINS.match(line.strip(" \t:")) and rest.strip() else f"{line.strip(' :')}\n{rest}"
    return named[1].lower(), body.strip()


def _tagged(text: str) -> Iterator[str]:
    yield from (inside for _, inside in _TAGGED.findall(text) if inside.strip())


def _in_json(text: str) -> Iterator[str]:
    """Yield what stands under the usual keys of a JSON object, or in a JSON text or list, that the text is or holds."""
    start = 0 if text.startswith(('"', "[")) else text.find("{")
    if start < 0:
        return
    try:
        value = json.JSONDecoder(strict=False).raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        value = _python_value(text[start:].strip())
    yield from _texts(value)


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and value and depth < MAX_DEPTH:
        yield from _texts(value[0], depth + 1)
    elif isinstance(value, dict) and depth < MAX_DEPTH:
        named = {str(key).lower().replace(" ", "_"): inside for key, inside in value.items()}
        for key in _KEYS:
            yield from _texts(named.get(key), depth + 1)


def _python_value(text: str) -> object:
    """Return the value of a Python literal, as which some models write JSON; None for other text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _in_sentence(text: str, base: str) -> str | None:
    """Return the query in a text that has words before it on its line, or a statement of another kind; else None."""
    if _FIRST_WORD.match(text) and _can_be_read(whole := trimmed(text, base), base):
        return whole
    lines = [_unsigned(text[: at.end()], text[at.end() :], base) for at in _LINE.finditer(text)]
    code = [statement_at_start(at[1], base) for pattern in (_CODE, _LONG_CODE) for at in pattern.finditer(text)]
    said = text if ";" not in text.partition("SELECT")[0] else ""  # what another statement stands before is no answer
    inside = [statement_at_start(said[at.start() :], base).rstrip(".") for at in _INSIDE.finditer(said)]
    read = next((sql for sql in (*lines, *code, *inside) if _can_be_read(sql, base)), None)
    return read or next(iter((*lines, *code)), None) or _other_statement(text)


def _unsigned(before: str, text: str, base: str) -> str:
    """Return the statement that begins after `before`, without the signs that are on both sides of it."""
    signs = _OPENING.search(before)
    closing = signs[0][::-1] if signs is not None else ""
    return statement_at_start(text, base).removesuffix(closing).rstrip()


def _can_be_read(sql: str, base: str) -> bool:
    try:
        parse(sql, base)
    except SQLError:
        return False
    return True


def _other_statement(text: str) -> str | None:
    """Return a statement that is not a query: it is still what the model wrote, and the guard must see it."""
    word = re.match(r"[A-Za-z]+\b", text)
    return text.rstrip(";").rstrip() if word is not None and word.group().upper() in COMMANDS else None


def declined(reason: str) -> str:
    """Return the gold text that says that a question cannot be answered, as constrained models can write it.

    >>> declined("no  such data.")
    '-- cannot answer: no such data'
    """
    said = " ".join(reason.split()).rstrip(".") or "no reason given"
    return f"{DECLINE} {textwrap.shorten(said, LONGEST_REASON, placeholder=' …')}"


def is_declined(sql: str) -> bool:
    """Tell whether a gold text says that the question cannot be answered."""
    return sql.lstrip().lower().startswith(DECLINE)
