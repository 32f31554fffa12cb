"""What a word may become that is begun, and what may come next: names in scope, functions and keywords."""

from __future__ import annotations

from collections.abc import Iterable

from sqltailor.sql.constrain.grammar import QUERIES
from sqltailor.sql.constrain.granted_names import Words
from sqltailor.sql.constrain.lexeme_reader import Reader
from sqltailor.sql.constrain.lexemes import TO_LOWER, Lexeme
from sqltailor.sql.constrain.select_frames import (
    BRACKET_OPENERS,
    CLAUSES,
    DONE,
    FREE,
    JOINING,
    NO_NOT,
    OPENERS_BEHIND,
    Refusal,
    State,
)
from sqltailor.sql.constrain.syntax import AFTER_OPERANDS, UNITS

SHORT = [f"t{n}" for n in range(1, 9)] + [chr(c) for c in range(ord("a"), ord("z") + 1)]
"""Aliases that a second try may use before its FROM."""


class Begun(Reader):
    """A reader that also looks ahead."""

    def begin(self, rest: str, start: int) -> None:
        """Refuse a word at the end of the text that can become no name that may stand here."""
        word = self.names.compared(rest.rstrip(" \n"))
        if rest[0] == self.names.quotes[0]:
            found = self.quotable()
            word = unquoted(word, self.names.quotes[1])
        elif self.last in DONE:
            self._begin_after(word, start)
            return
        elif not _is_word(word) or (self._takes_words() and (word in self._words().starts or self._opens(word))):
            return
        else:
            found = self.possible()
            if found is None and word in self.names.reserved and self.top.clause == "select" and self.last not in FREE:
                found = (*self.names.columns, *self.names.tables)  # hardly the beginning of a longer alias
        if found is not None and not any(self._is_begun(name, word, rest) for name in found):
            raise Refusal(f"nothing here begins with {word}")

    def _is_begun(self, name: str, word: str, rest: str) -> bool:
        """Tell whether a name begins like a word; one of a table in FROM in the case that it has, where that counts."""
        is_quoted = rest[0] == self.names.quotes[0]
        is_exact = self.names.syntax.exact_tables and self.top.clause == "from" and not self.top.brackets
        if is_exact and name in self.names.tables and not is_quoted:
            return name.startswith(rest.rstrip(" \n"))
        if self.names.syntax.quotes_keep_case:
            return name.startswith(word) and (is_quoted or self.names.is_bare(name))
        return name.translate(TO_LOWER).startswith(word)

    def _opens(self, begun: str) -> bool:
        return any(word.startswith(begun) for word in self._opening())

    def _opening(self) -> tuple[str, ...]:
        """Return the words besides functions and values that may come where an operand may."""
        found = (*OPENERS_BEHIND.get(self.last, ()), *self._units(), *(() if self.last in NO_NOT else ("not",)))
        if self.last != "(":
            return found
        bracket = self.top.brackets[-1]
        is_query = bracket in ("group", "exists", "in") and len(self.frames) < QUERIES
        return (*found, *BRACKET_OPENERS.get(bracket, ()), *(("select",) if is_query else ()))

    def _words(self) -> Words:
        frame = self.top
        is_plain = frame.clause in ("where", "on", "group") or (frame.clause == "order" and not frame.is_aggregated)
        if is_plain or {"aggregate", "windowed", "filter"} & set(frame.brackets):
            is_windowed = not is_plain and frame.brackets[-1] == "aggregate"
            return self.names.words["aggregates" if is_windowed else "plain"]
        return self.names.words["all" if frame.clause != "having" else "aggregates"]

    def _units(self) -> tuple[str, ...]:
        bracket = self.top.brackets[-1] if self.top.brackets else ""
        return UNITS if bracket in ("extract", "unit", "unit last") and self.last in ("(", ",") else ()

    def _begin_after(self, word: str, start: int) -> None:
        """Refuse the beginning of a keyword that ends something which cannot end yet."""
        if self._takes_alias():
            begun = [word] if word in CLAUSES else []  # a longer word is an alias, but hardly meant
        else:
            begun = [keyword for keyword in self._following() if keyword.startswith(word)]
            if not begun:
                raise Refusal(f"nothing here begins with {word}")
        refusals = [self._refusal(keyword, start) for keyword in begun]
        if refusals and None not in refusals:
            raise next(refusal for refusal in refusals if refusal is not None)

    def _following(self) -> Iterable[str]:
        """Return the keywords that may follow what is whole."""
        frame = self.top
        if frame.key is not None:
            return ()
        if self.last == "interval":
            return UNITS
        if frame.clause == "from" and not frame.brackets:
            return (*(JOINING - {"outer"}), *CLAUSES, *(("on", "using") if frame.is_joined else ()))
        if self.last == "named" or (frame.clause == "select" and frame.item.endswith("*")):
            return (*CLAUSES, "from")
        if frame.clause in ("limit", "offset"):
            return ("offset", "limit")
        return AFTER_OPERANDS

    def _refusal(self, keyword: str, start: int) -> Refusal | None:
        """Return why a keyword cannot come next, where it ends something."""
        if self.top.brackets or keyword not in CLAUSES | {"from", "using"}:
            return None
        try:
            Reader(State(tuple(self.frames), self.last), self.names).read(Lexeme("word", keyword, start, " "))
        except Refusal as refusal:
            return refusal
        return None

    def _takes_alias(self) -> bool:
        frame = self.top
        if frame.brackets or self.last in ("interval", "named", "windowed"):
            return False
        if frame.clause == "from":
            return frame.expects in ("alias?", "alias")
        return frame.clause == "select" and frame.item[:1] != "@" and not frame.item.endswith("*")

    def quotable(self) -> Iterable[str] | None:
        """Return the folded names that may stand here in quotes; None where any may."""
        if self.last in DONE or self.last in ("as", "::"):
            return None
        frame, level = self.top, len(self.frames) - 1
        if self.last == "." or frame.clause in ("start", "with", "tail") or not self._takes_words():
            return self.possible()
        if frame.clause != "select":
            return self._operand_names(level)
        if not frame.is_strict:
            return None
        return [*self.names.tables, *frame.ctes, *(c for columns in self._open_columns(level, None) for c in columns)]

    def nameable(self) -> list[str] | None:
        """Return the columns, tables and aliases that may stand here, without functions; None where any name may."""
        frame, level = self.top, len(self.frames) - 1
        if self.last == ".":
            return self._behind_dot(level)
        if self.last in DONE or self.last in ("as", "::") or frame.clause in ("start", "with", "tail"):
            return None
        if frame.key is not None:
            return self._key_names()
        return self._operand_names(level) if self._takes_words() else None

    def _takes_words(self) -> bool:
        frame = self.top
        is_table = frame.clause == "from" and not frame.brackets
        is_using = bool(frame.brackets) and frame.brackets[-1] == "using"
        return not is_table and not is_using and self.last != "." and frame.key is None

    def possible(self) -> Iterable[str] | None:
        """Return the folded words that may stand here; None where any word may, or none of the names."""
        frame, level = self.top, len(self.frames) - 1
        if frame.clause in ("start", "with") or self.last in FREE:
            return None
        if self.last in DONE:
            return None if self._takes_alias() else [w for w in self._following() if self._refusal(w, 0) is None]
        if frame.clause == "from" and not frame.brackets:
            return self._tables()
        if frame.brackets and frame.brackets[-1] == "using":
            return self._shared_columns()
        if frame.brackets and frame.brackets[-1] in ("type", "derived", "cte"):
            return None if frame.brackets[-1] == "type" else ("select",)
        if frame.clause in ("limit", "offset"):
            return None
        if self.last == ".":
            return self._behind_dot(level)
        return self._operands(level) if frame.key is None else self._key_names()

    def _behind_dot(self, level: int) -> list[str] | None:
        frame = self.top
        if frame.key is not None:
            return self._key_columns(frame.qualifier)
        if frame.clause == "select" and self._is_free(frame, frame.qualifier):
            return None
        return [c for columns in self._columns(level, frame.qualifier) for c in columns]

    def _tables(self) -> Iterable[str] | None:
        frame = self.top
        if frame.expects != "table":
            return None
        if self.last == ".":
            return [n.partition(".")[2] for n in self.names.tables if n.startswith(f"{frame.qualifier}.")]
        joining = () if self.last in ("from", ",", "join") else ("join", "outer", "inner", "left", "right", "full")
        tables = [name for name, source in self.names.tables.items() if not frame.is_joined or self._may_join(source)]
        return [*tables, *frame.ctes, *joining]

    def _operands(self, level: int) -> Iterable[str] | None:
        """Return the words and names that an operand may begin with."""
        if self.top.clause == "tail":
            return [name for name in self.top.result or () if name]
        found = self._operand_names(level)
        words = [*self._words().words, *self._opening()]
        return None if found is None else words + found

    def _operand_names(self, level: int) -> list[str] | None:
        frame = self.top
        found = [alias for alias in frame.aliases if self._is_alias(alias)]
        around: int | None = level
        while around is not None:
            outer = self.frames[around]
            if outer.clause != "select":
                found += outer.sources
            elif outer.hint is not None:
                found += outer.hint.sources
            elif not outer.is_strict:
                return None
            else:
                found += [*self.names.tables, *outer.ctes, *SHORT, *(u.qualifier for u in outer.waiting if u.qualifier)]
            around = self._outer(around)
        return found + [c for columns in self._columns(level, None) for c in columns]


def _is_word(text: str) -> bool:
    return text[0].isalpha() or text[0] == "_" or text[0] > "\x7f"


def unquoted(begun: str, close: str) -> str:
    """Return what a quoted name that may be whole says so far: a quote at its end may be its end, or half of two."""
    inside = begun[1:]
    if (len(inside) - len(inside.rstrip(close))) % 2:
        inside = inside[:-1]
    return inside.replace(close * 2, close)
