"""Statements inside procedural code that a script runs at once: IF …, DO $$ … $$, BEGIN … END."""

from __future__ import annotations

from collections.abc import Iterator

from sqltailor.sql.dialect.lexer import Token, lex
from sqltailor.sql.schema.cursor import Words

BLOCK_STARTS = frozenset({"IF", "ELSE", "WHILE", "BEGIN", "DECLARE", "DO"})
_VERBS = frozenset({"CREATE", "ALTER", "DROP", "RENAME", "COMMENT", "EXEC", "EXECUTE"})


def inner_statements(words: Words) -> Iterator[list[Token]]:
    """Yield what of a block begins with a word of DDL; conditions are taken to hold."""
    tokens = words.tokens
    if words.next_word() == "DO":
        body = next((t for t in words.tokens if t.kind == "string"), None)
        text = Words([body], words.base).string() if body is not None else None
        tokens = list(lex(text or "", words.base))
    for part in _at_semicolons(tokens):
        inner = Words(part, words.base)
        while inner.next() is not None:
            if inner.next_word() in _VERBS:
                yield part[inner.place :]
                break
            if inner.group("A block") is None:
                inner.skip()


def without_end(tokens: list[Token]) -> list[Token]:
    """Return a statement without the END of the block that it closes: `BEGIN ALTER TABLE t ADD a INT END`."""
    last = len(tokens)
    while last and (tokens[last - 1].is_blank or tokens[last - 1].raw.upper() == "END"):
        last -= 1
    return tokens[:last]


def _at_semicolons(tokens: list[Token]) -> Iterator[list[Token]]:
    start = 0
    for place, token in enumerate(tokens):
        if token.raw == ";":
            yield tokens[start:place]
            start = place + 1
    yield tokens[start:]
