"""SQL as HTML: keywords and differences from the gold statement are highlighted. Everything is escaped."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from html import escape
from itertools import groupby

from sqltailor.sql.dialect import RESERVED

LONGEST = 4_000
"""Characters of a statement that the report shows."""

_KEYWORDS = RESERVED | {"by", "nulls", "first", "last", "over", "recursive", "separator", "interval", "ilike", "glob"}
_TOKEN = re.compile(r"\s+|'(?:[^']|'')*'|\"[^\"]*\"|\w+|.", re.DOTALL)


def html(sql: str, gold: str | None = None) -> str:
    """Return a statement as HTML; with `gold`, words that the gold statement does not have there are marked.

    Nothing is marked where hardly anything is alike.

    >>> html("SELECT a FROM t WHERE b < 1", gold="SELECT a FROM t WHERE c < 1")
    '<b>SELECT</b> a <b>FROM</b> t <b>WHERE</b> <mark>b</mark> &lt; 1'
    """
    tokens = _tokens(sql)
    marked = _differing(tokens, _tokens(gold)) if gold is not None else [False] * len(tokens)
    pieces = []
    for is_marked, run in groupby(zip(tokens, marked, strict=True), key=lambda pair: pair[1]):
        text = "".join(_token(token) for token, _ in run)
        pieces.append(f"<mark>{text}</mark>" if is_marked else text)
    return "".join(pieces)


def _tokens(sql: str) -> list[str]:
    return _TOKEN.findall(sql.strip() if len(sql) <= LONGEST else sql[:LONGEST].strip() + " …")


def _token(token: str) -> str:
    if token.lower() in _KEYWORDS:
        return f"<b>{token}</b>"
    return f"<i>{escape(token)}</i>" if token.startswith("'") else escape(token)


def _differing(tokens: Sequence[str], gold: Sequence[str]) -> list[bool]:
    """Tell of each token whether the gold statement lacks it there; of a space, whether both its neighbours are so."""
    words = [(i, token.lower()) for i, token in enumerate(tokens) if not token.isspace()]
    wanted = [token.lower() for token in gold if not token.isspace()]
    matcher = difflib.SequenceMatcher(None, [word for _, word in words], wanted, autojunk=False)
    same = {words[block.a + k][0] for block in matcher.get_matching_blocks() for k in range(block.size)}
    if 2 * len(same) < len(words):
        return [False] * len(tokens)
    differs = [i not in same for i in range(len(tokens))]
    return [
        differs[i] and not (token.isspace() and not (0 < i < len(tokens) - 1 and differs[i - 1] and differs[i + 1]))
        for i, token in enumerate(tokens)
    ]
