"""Where the statement in an answer ends, and the model's words about it begin."""

from __future__ import annotations

import re

from sqltailor.prompt.chat_markup import ENDS
from sqltailor.sql.dialect.lexer import Token, lex, trimmed

_OTHERS = (
    r"INSERT\s+(?:OR\s+\w+\s+)?(?:INTO|OVERWRITE)|REPLACE\s+INTO|MERGE\s+(?:INTO\s+)?[\w.\"`\[]+\s+(?:AS\s+)?\w*\s*USING"
    r"|UPDATE\s+[\w.\"`\[\]]+\s+(?:(?:AS\s+)?\w+\s+)?SET|DELETE\s+FROM|TRUNCATE\s+(?:TABLE\s+)?[\w.\"`\[]"
    r"|(?:CREATE|DROP|ALTER)\s+(?:OR\s+REPLACE\s+)?(?:\w+\s+){0,2}(?:TABLE|VIEW|INDEX|TRIGGER|DATABASE|SCHEMA|USER|ROLE|"
    r"FUNCTION|PROCEDURE|SEQUENCE|TYPE|EXTENSION)\b|PRAGMA\s+\w|(?:ATTACH|DETACH)\s+(?:DATABASE\b|['\"])"
    r"|COPY\s+[\w.\"(]+.{0,200}?\s(?:FROM|TO)\s|EXPLAIN\s+(?:\([^)]*\)\s*|ANALYZE\s+|QUERY\s+PLAN\s+)?(?:SELECT|WITH)\b"
)
_NAME = r"(?:\w+|[\"`\[][^\"`\]]+[\"`\]])"
QUERY = rf"(?:\(\s*)*(?:SELECT\b|WITH\s+(?:RECURSIVE\s+)?{_NAME}\s*(?:\([^)]*\)\s*)?AS\b|VALUES\s*\()"
BEGINS = re.compile(rf"(?:{QUERY}|{_OTHERS})", re.IGNORECASE | re.DOTALL)
"""How a statement begins, so that a sentence that begins with the same word is none."""

COMMANDS = frozenset(
    ("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "CREATE", "DROP", "ALTER", "TRUNCATE", "PRAGMA", "ATTACH",
     "DETACH", "COPY", "EXPLAIN", "SET", "CALL", "BEGIN", "COMMIT", "ROLLBACK", "VACUUM", "GRANT", "REVOKE", "REINDEX",
     "ANALYZE", "USE", "DO", "EXEC", "EXECUTE", "DECLARE", "LOAD", "INSTALL", "SHUTDOWN", "KILL", "LOCK", "RESET",
     "ABORT", "END")
)  # fmt: skip
"""First words of statements that are not queries."""
_GOES_ON = frozenset(
    ("FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT", "MINUS",
     "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "NATURAL", "LATERAL", "ON", "USING", "AND", "OR",
     "NOT", "AS", "WHEN", "THEN", "ELSE", "END", "WINDOW", "QUALIFY", "SET", "VALUES", "RETURNING", "IN", "LIKE",
     "BETWEEN", "IS", "ASC", "DESC", "FOR", "WITH", "OVER", "PARTITION")
)  # fmt: skip
_LABEL = re.compile(
    r"[*_#>\s]*(?:SQL ?Result|SQL ?Query|Answer|Explanation|Question|Note|Output|Result|Response|Reasoning|Human|User|"
    r"Assistant|Input|Instruction)s?[*_ ]*:(?=[\s*]|\Z)|#{2,6}\s*[A-Za-z]",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"(?:This|The|It|Here|Note|We|I|You|Explanation|Let|Please|Hope|That|These|If|Since|Because|First|Finally|"
    r"Alternatively|However|To)(?:'\w+)?,? [a-z]"
)
_CLOSES = re.compile(
    r"</?(?:sql|query|sql_query|answer|output|final|code)>|\[/?(?:sql|query|answer)\]|###", re.IGNORECASE
)


_CLIENT_ENDS = {
    "tsql": re.compile(r"GO\b[ \t]*\d*[ \t]*;?[ \t\r]*$", re.IGNORECASE | re.MULTILINE),
    "oracle": re.compile(r"/[ \t\r]*$", re.MULTILINE),
    "mysql": re.compile(r"\\[gG]\b"),
    "postgres": re.compile(r"\\gx?\b"),
}
"""What ends a statement for a client program of the dialect besides `;`: a line of its own, or a backslash."""
_SIGNS = re.compile(r"[;#\n\[\\]|--|/\*|```|~~~|<[/|<a-zA-Z｜]")
"""Where none of these stands, nothing but a statement is there; most gold SQL is so."""


def plain_statement(text: str) -> str | None:
    """Return the statement that is all of a text but for a last `;`, where that can be told without reading it."""
    bare = text.strip().rstrip(";").rstrip()
    return bare if BEGINS.match(bare) and not _SIGNS.search(bare) else None


def statement_at_start(text: str, base: str) -> str:
    """Return the statement that a text begins with, without `;` and without what is said after it.

    Several statements stay several: who reads them next must see it.

    >>> statement_at_start("SELECT a\\n\\nFROM t;\\nThis reads one column.", "sqlite")
    'SELECT a\\n\\nFROM t'
    """
    return trimmed(text[: _end(text, list(lex(text, base)), base)], base)


def _end(text: str, tokens: list[Token], base: str) -> int:
    depth, has_selected = 0, False
    first = next((token.raw for token in tokens if token.kind == "word"), "")
    for i, token in enumerate(tokens):
        if text.startswith(("```", "~~~"), token.start):
            return token.start
        if has_selected and _ends_for_client(text, token, base):
            return token.start
        if token.raw[0] in "<[#" and (ENDS.match(text, token.start) or _CLOSES.match(text, token.start)):
            return token.start
        following = next((t for t in tokens[i + 1 :] if not t.is_blank), None)
        if token.raw == ";" and (following is None or not _is_statement(text, following)):
            return token.start
        if token.kind == "space" and "\n" in token.raw and depth <= 0 and i + 1 < len(tokens):
            if _is_said(text, token.start + len(token.raw)):
                return token.start
            is_apart = token.raw.count("\n") > 1 and tokens[i + 1].kind != "comment"
            if is_apart and following is not None and not _goes_on(following, first, has_selected):
                return token.start
        depth += (token.raw == "(") - (token.raw == ")")
        has_selected = has_selected or (depth <= 0 and token.raw.upper() == "SELECT")
    return len(text)


def _ends_for_client(text: str, token: Token, base: str) -> bool:
    pattern = _CLIENT_ENDS.get(base)
    if pattern is None or pattern.match(text, token.start) is None:
        return False
    return token.raw == "\\" or text[: token.start].rstrip(" \t").endswith("\n")


def _is_statement(text: str, token: Token) -> bool:
    """Tell whether a statement, not a sentence, follows a `;`."""
    is_command = token.raw.upper() in COMMANDS and (token.raw.isupper() or token.raw.islower())
    return is_command or BEGINS.match(text, token.start) is not None


def _is_said(text: str, at: int) -> bool:
    """Tell whether a line is a label or a sentence."""
    return _LABEL.match(text, at) is not None or _SENTENCE.match(text, at) is not None


def _goes_on(token: Token, first: str, has_selected: bool) -> bool:
    """Tell whether a statement, whose first word is known, goes on after an empty line.

    A sentence begins with one capital letter, as keywords do only where all of them do.
    """
    word = token.raw.upper()
    if word == "SELECT":
        return not has_selected
    is_keyword = word in _GOES_ON and (token.raw.isupper() or token.raw.islower() or first.istitle())
    return token.raw in (")", ",", "(", ";") or is_keyword
