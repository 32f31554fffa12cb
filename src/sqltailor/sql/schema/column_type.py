"""The type of a column, in the spelling of its database."""

from __future__ import annotations

import re

from sqltailor.errors import DataError
from sqltailor.sql.dialect.lexer import unquoted
from sqltailor.sql.schema.cursor import Words

_AFTER_TYPE = frozenset(
    """CONSTRAINT PRIMARY NOT NULL DEFAULT UNIQUE REFERENCES CHECK COLLATE GENERATED AS COMMENT AUTO_INCREMENT
    AUTOINCREMENT ON KEY IDENTITY ENCODE CHARSET STORED VIRTUAL PERSISTED VISIBLE INVISIBLE MATERIALIZED ALIAS CODEC
    TTL OPTIONS DISTKEY SORTKEY SRID SPARSE EPHEMERAL STORAGE COMPRESSION DEFERRABLE INITIALLY ENABLE DISABLE
    UNINDEXED ROWGUIDCOL FILESTREAM MASKED HIDDEN FORMAT TITLE COMPRESS CASESPECIFIC UPPERCASE ENCRYPTED MASKING TAG
    FIRST AFTER USING""".split()  # noqa: SIM905
)
_IN_TYPE = frozenset(["(", ")", "[", "]", "<", ">", ".", ",", "%"])


def read_type(words: Words, place: str) -> str:
    """Read a column's type as it is spelled; `""` where it has none. `place` begins the message of a `DataError`."""
    pieces: list[str] = []
    angles = 0
    while (token := words.next()) is not None:
        word = token.raw.upper()
        angles += (word == "<") - (word == ">")
        if angles and _pass_over_note(words):  # of a field: STRUCT<name STRING COMMENT 'x'>
            continue
        is_after = word in _AFTER_TYPE or (word == "CHARACTER" and words.ahead().take("CHARACTER", "SET"))
        if token.kind == "word" and is_after and not angles:
            break
        if word == "WITH" and not any(words.ahead().take("WITH", zone) for zone in ("TIME", "LOCAL")):
            break
        if token.kind in ("other", "string") and token.raw not in _IN_TYPE and not (angles and token.raw == ":"):
            raise DataError(f"{place} cannot be read: {words.rest()[:40]!r} is not a column type.")
        start = words.place
        if words.group(place) is None:
            words.skip()
        if token.kind == "quoted" and re.fullmatch(r"\[[A-Za-z]\w*\]", token.raw):
            text = unquoted(token.raw)
        else:
            text = "".join(" " if t.is_blank else t.raw for t in words.tokens[start : words.place])
        is_apart = start > 0 and words.tokens[start - 1].is_blank
        pieces.append(" " * is_apart + text)
    return " ".join("".join(pieces).split())


def _pass_over_note(words: Words) -> bool:
    if words.next_word() == "COMMENT":
        ahead = words.ahead()
        if ahead.take("COMMENT") and ahead.string() is not None:
            words.place = ahead.place
            return True
    if words.take("NOT", "NULL"):
        return True
    ahead = words.ahead()
    if ahead.take("OPTIONS") and ahead.group("") is not None:
        words.place = ahead.place
        return True
    return False
