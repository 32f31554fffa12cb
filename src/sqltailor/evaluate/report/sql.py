"""SQL to look at: keywords and differences from the gold statement are highlighted, as pieces or as escaped HTML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Literal, NamedTuple

from sqltailor.sql.dialect import RESERVED

LONGEST = 4_000
"""Characters of a statement that the report shows."""

_KEYWORDS = RESERVED | {"by", "nulls", "first", "last", "over", "recursive", "separator", "interval", "ilike", "glob"}
_TOKEN = re.compile(r"\s+|'(?:[^']|'')*'|\"[^\"]*\"|\w+|.", re.DOTALL)


class Piece(NamedTuple):
    """A part of a statement: what it `is`, and whether the other statement does not say it there."""

    text: str
    is_: Literal["keyword", "text", ""]
    marked: bool


def pieces(sql: str, gold: str | None = None) -> list[Piece]:
    """Return a statement in pieces; with `gold`, words that the gold statement does not have there are marked.

    Nothing is marked where hardly anything is alike.
    """
    tokens = _tokens(sql)
    marked = _differing(tokens, _tokens(gold)) if gold is not None else [False] * len(tokens)
    return [Piece(token, _kind(token), is_marked) for token, is_marked in zip(tokens, marked, strict=True)]


def html(sql: str, gold: str | None = None) -> str:
    """Return a statement as HTML, marked as `pieces` says.

    >>> html("SELECT a FROM t WHERE b < 1", gold="SELECT a FROM t WHERE c < 1")
    '<b>SELECT</b> a <b>FROM</b> t <b>WHERE</b> <mark>b</mark> &lt; 1'
    """
    found = []
    for is_marked, run in groupby(pieces(sql, gold), key=lambda piece: piece.marked):
        text = "".join(_html(piece) for piece in run)
        found.append(f"<mark>{text}</mark>" if is_marked else text)
    return "".join(found)


def _tokens(sql: str) -> list[str]:
    return _TOKEN.findall(sql.strip() if len(sql) <= LONGEST else sql[:LONGEST].strip() + " …")


def _kind(token: str) -> Literal["keyword", "text", ""]:
    return "keyword" if token.lower() in _KEYWORDS else "text" if token.startswith("'") else ""


def _html(piece: Piece) -> str:
    text = escape(piece.text)
    return {"keyword": f"<b>{text}</b>", "text": f"<i>{text}</i>"}.get(piece.is_, text)


def _differing(tokens: Sequence[str], gold: Sequence[str]) -> list[bool]:
    """Tell of each token whether the gold statement lacks it there; of a space, whether both its neighbours are so."""
    words = [(i, token.lower()) for i, token in enumerate(tokens) if not token.isspace()]
    wanted = [token.lower() for token in gold if not token.isspace()]
    matcher = difflib.SequenceMatcher(None, [word for _, word in words], wanted, autojunk=False)
    same = {words[block.a + k][0] for block in matcher.get_matching_blocks() for k in range(block.size)}
    if 2 * len(same) < min(len(words), len(wanted)):
        return [False] * len(tokens)
    differs = [i not in same for i in range(len(tokens))]
    return [
        differs[i] and not (token.isspace() and not (0 < i < len(tokens) - 1 and differs[i - 1] and differs[i + 1]))
        for i, token in enumerate(tokens)
    ]
