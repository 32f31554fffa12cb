"""A script cut into statements: at `;`, and wherever the client programs that run such scripts end one.

Lines that only a client program reads (`GO`, `PROMPT …`, `\\connect`, `DELIMITER //`) are no part of any statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from sqltailor.sql.dialect.lexer import Lexer, Token, lex
from sqltailor.sql.schema import client_lines

MYSQL_LIKE = frozenset({"mysql", "doris", "starrocks"})
TSQL_LIKE = frozenset({"tsql", "fabric"})
SQLITE_CATALOG = (["SQLITE_SCHEMA"], ["SQLITE_MASTER"])
"""Where a dump of SQLite's shell inserts the text of CREATE VIRTUAL TABLE; what other rows hold is passed over."""


class Statement(NamedTuple):
    """One statement, and the line of the script that it begins on.

    `file`: the name of another script that is run instead. `continues`: nothing ended the statement before it.
    `fault`: what is wrong with the script there.
    """

    line: int
    tokens: list[Token]
    file: str = ""
    continues: bool = False
    fault: str = ""


# Words that begin a statement when a line begins with them: many scripts do without `;`.
_TABLE_AHEAD = re.compile(r"CREATE\s+(?:[A-Z_]+\s+){0,5}?(?:TABLE|VIEW)\s+(?!TO\b|IS\b)[\w\"`\[#]", re.IGNORECASE)
_TABLE_LINE = re.compile(r"^[ \t]*CREATE\s+(?:\w+\s+){0,4}?TABLE\s+[^\s(]+\s*\(", re.IGNORECASE | re.MULTILINE)
_BEGINS = re.compile(
    r"(?:CREATE|ALTER\s+TABLE|DROP\s+(?:TABLE|VIEW)|COMMENT\s+ON\s+(?:TABLE|COLUMN|VIEW)|INSERT\s+INTO|EXEC(?:UTE)?)\s",
    re.IGNORECASE,
)
_ROUTINES = frozenset({"PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "PACKAGE", "EVENT", "LIBRARY", "JAVA"})
_NO_ROUTINE = frozenset({"TABLE", "VIEW", "INDEX", "SEQUENCE", "AS", "("})
_LOOPS = frozenset({"IF", "LOOP", "WHILE", "REPEAT", "FOR"})
_HEAD = 12


def statements(script: str, base: str) -> Iterator[Statement]:
    """Yield the statements of a script in a dialect that sqlglot knows as `base`; empty ones are left out."""
    yield from _Cutter(script, base).statements()


class _Cutter:
    def __init__(self, script: str, base: str) -> None:
        self.script = script
        self.base = base
        self.lexer = Lexer(script, base)
        self.delimiter = ";"
        self.line, self._counted = 1, 0
        self.tables = 0
        self.ends_at_go = base in TSQL_LIKE
        self.clients = [client_lines.BETWEEN[k] for k in (*_client_of(base), "")]
        self.start()

    def start(self) -> None:
        """Begin a statement of which nothing is read yet."""
        self.tokens: list[Token] = []
        self.head: list[str] = []
        self.begun_at = self.begun_line = 0
        self.parens = 0
        self.blocks = 0
        self.closed = False
        self.continues = False
        self.before = ""

    def statements(self) -> Iterator[Statement]:
        place, is_fresh = 0, True
        while place < len(self.script):
            for token in self.lexer.tokens(place):
                if is_fresh and not token.is_blank:
                    jump, found = self.client_line(token.start)
                    yield from found
                    if jump > token.start:
                        place = jump
                        break
                    if self.head and self.begins_anew(token.start):
                        yield from self.ended()
                        self.continues = True
                if (hidden := self.hidden_table(token)) is not None:
                    self.add(token._replace(kind="other", raw=token.raw[0]))
                    yield from self.ended()
                    place, is_fresh = hidden, True
                    break
                end = self.delimited(token)
                if end is not None:
                    yield from self.ended()
                    place, is_fresh = end, False
                    if end != token.start + len(token.raw):
                        break
                else:
                    self.add(token)
                    place = token.start + len(token.raw)
                    is_fresh = "\n" in token.raw if token.kind == "space" else is_fresh and token.kind == "comment"
        yield from self.ended()
        yield from self.never_closed()

    def hidden_table(self, token: Token) -> int | None:
        """Return where a table is created within a quote of CREATE TABLE, which somebody forgot to close."""
        if token.kind not in ("string", "quoted") or self.head[:1] != ["CREATE"] or "\n" not in token.raw:
            return None
        found = _TABLE_LINE.search(token.raw) if not self.is_routine() else None
        return token.start + found.start() if found else None

    def never_closed(self) -> list[Statement]:
        """Tell of a quote that is never closed, where the script creates more tables than were met."""
        at = self.lexer.unclosed_at
        if at is None or len(_TABLE_LINE.findall(self.script)) <= self.tables:
            return []
        line = self.script.count("\n", 0, at) + 1
        fault = "a quote or comment before this place, or here, is never closed, and hides CREATE TABLE statements"
        return [Statement(line, [], fault=fault)]

    def client_line(self, place: int) -> tuple[int, list[Statement]]:
        """Return where reading goes on when a client program reads the line at a place, and what ended or is told."""
        script = self.script
        if self.ends_at_go and (match := client_lines.GO.match(script, place)):
            return match.end(), self.ended()
        if self.base == "oracle" and (match := client_lines.SLASH.match(script, place)):
            return match.end(), self.ended()
        if match := client_lines.BACKSLASH.match(script, place):
            ended = self.ended() if match[0][1:2].lower() == "g" else []
            return match.end(), ended + self.other_file(place, match[0])
        if self.head:
            return place, []
        if (match := client_lines.COPY.match(script, place)) and (end := script.find("\n\\.", match.end() - 1)) >= 0:
            return end + 3, []
        for pattern in self.clients:
            if match := pattern.match(script, place):
                if delimiter := client_lines.DELIMITER.match(match[0]):
                    self.delimiter = delimiter[1]
                    return match.end(), []
                if self.base != "oracle" or not re.match(r"SET\s+(?:ROLE|CURRENT)", match[0], re.IGNORECASE):
                    return match.end(), self.other_file(place, match[0])
        return place, []

    def other_file(self, place: int, line: str) -> list[Statement]:
        found = client_lines.FILE.match(line)
        return [Statement(self.line_of(place), [], found[1])] if found else []

    def delimited(self, token: Token) -> int | None:
        """Return where the next statement begins when a token ends this one."""
        if self.delimiter != ";":
            if token.kind not in ("word", "other"):
                return None
            if self.script.startswith(self.delimiter, token.start):
                return token.start + len(self.delimiter)
            inside = token.raw.find(self.delimiter)
            if inside > 0:
                self.add(token._replace(raw=token.raw[:inside]))
                return token.start + inside + len(self.delimiter)
            return None
        if (
            token.raw == "\\"
            and self.base in MYSQL_LIKE
            and self.script[token.start + 1 : token.start + 2] in ("g", "G")
        ):
            return token.start + 2
        if token.raw != ";" or self.is_in_body():
            return None
        return token.start + 1

    def is_in_body(self) -> bool:
        """Whether `;` stands inside a routine's body, and not behind the statement."""
        if not self.is_routine():
            return False
        if self.ends_at_go or (self.base == "oracle" and self.begun_at < self.last_slash):
            return True
        return self.blocks > 0

    @cached_property
    def last_slash(self) -> int:
        return max((m.start() for m in re.finditer(r"(?m)^[ \t]*/[ \t\r]*$", self.script)), default=-1)

    def is_routine(self) -> bool:
        head = self.head
        if head[:1] in (["CREATE"], ["ALTER"]):
            kinds = _ROUTINES | {"TYPE"} if self.base == "oracle" else _ROUTINES
            first = next((word for word in head if word in kinds or word in _NO_ROUTINE), "")
            return first in kinds
        return self.base == "oracle" and head[:1] in (["DECLARE"], ["BEGIN"])

    def begins_anew(self, place: int) -> bool:
        """Tell whether a line begins a statement though none was ended."""
        if self.is_routine() or self.delimiter != ";":
            return False
        if _TABLE_AHEAD.match(self.script, place):
            return self.head[-1] != "EXPLAIN"
        return self.parens == 0 and _BEGINS.match(self.script, place) is not None and self.head[0] != "GRANT"

    def add(self, token: Token) -> None:
        if token.kind == "comment" and token.raw.startswith(("/*!", "/*M!")) and self.base in MYSQL_LIKE:
            for inner in lex(_version_text(token.raw), self.base):
                self.add(inner._replace(start=token.start))
            return
        if not token.is_blank:
            word = token.raw.upper()
            if not self.head:
                self.begun_at, self.begun_line = token.start, self.line_of(token.start)
            if len(self.head) < _HEAD:
                self.head.append(word)
            self.parens += (word == "(") - (word == ")" and self.parens > 0)
            self.follow(word)
            self.before = word
        if self.head[:1] not in (["INSERT"], ["REPLACE"]) or self.head[2:3] in SQLITE_CATALOG:
            self.tokens.append(token)

    def follow(self, word: str) -> None:
        """Keep count of BEGIN … END and CASE … END; `END IF` and the like end neither."""
        if word == "END" and self.blocks:
            self.blocks -= 1
            self.closed = True
            return
        opens = word in ("BEGIN", "CASE") and self.before != "END"
        self.blocks += opens or (self.closed and word in _LOOPS)
        self.closed = False

    def line_of(self, place: int) -> int:
        self.line += self.script.count("\n", self._counted, place)
        self._counted = place
        return self.line

    def ended(self) -> list[Statement]:
        found = [Statement(self.begun_line, self.tokens, "", self.continues)] if self.head and self.tokens else []
        self.tables += self.head[:1] == ["CREATE"] and "TABLE" in self.head
        self.start()
        return found


def _client_of(base: str) -> tuple[str, ...]:
    if base in TSQL_LIKE:
        return ("tsql",)
    return ("mysql",) if base in MYSQL_LIKE else ("oracle",) if base == "oracle" else ()


def _version_text(comment: str) -> str:
    """Return what MySQL runs of a version comment: `/*!40101 SET x */`; nothing of one for no version at all.

    >>> _version_text("/*!50001 VIEW v AS */"), _version_text("/*!999999\\\\- sandbox */")
    (' VIEW v AS ', '')
    """
    found = re.match(r"/\*M?!(\d*)(.*)\*/\Z", comment, re.DOTALL)
    return found[2] if found and int(found[1] or 0) < 999999 else ""
