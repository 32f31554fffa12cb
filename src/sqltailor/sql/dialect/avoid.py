"""Find words and phrases that a house dialect says to avoid, outside quotes and comments."""

from __future__ import annotations

from sqltailor.sql.dialect.lexer import lex
from sqltailor.sql.dialect.yaml_dialects import load_dialect


def avoided(sql: str, dialect: str) -> list[str]:
    """Return the words and phrases of the dialect's `avoid` that a statement uses, in the dialect's order.

    Case and spacing make no difference; names in quotes, text values and comments do not count.
    """
    house = load_dialect(dialect)
    if not house.avoid:
        return []
    solid = (token for token in lex(sql, house.base) if not token.is_blank)
    words = [token.raw.upper() if token.kind not in ("string", "quoted") else "" for token in solid]
    return [phrase for phrase in house.avoid if _holds(words, _words(phrase, house.base))]


def _words(phrase: str, base: str) -> list[str]:
    return [token.raw.upper() for token in lex(phrase, base) if not token.is_blank]


def _holds(words: list[str], wanted: list[str]) -> bool:
    return any(words[i : i + len(wanted)] == wanted for i in range(len(words) - len(wanted) + 1))
