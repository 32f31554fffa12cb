"""Lexemes → frames: which of them is a name, and of what, by where it stands."""

from __future__ import annotations

from sqltailor.sql.constrain.clauses import Clauses
from sqltailor.sql.constrain.lexemes import Lexeme
from sqltailor.sql.constrain.select_frames import CLAUSES, DONE, JOINING, Frame, Refusal, Use
from sqltailor.sql.constrain.syntax import AFTER_OPERANDS, BEFORE_OPERANDS, UNITS, VALUES


class Reader(Clauses):
    """Reads lexeme by lexeme, and raises `Refusal` where no continuation can be right."""

    def read(self, lexeme: Lexeme) -> None:
        if self.last == "windowed" and lexeme.text not in ("over", "filter"):
            raise Refusal("an aggregate of an aggregate needs OVER")
        self._check_key(lexeme)
        if lexeme.kind == "sign":
            self._sign(lexeme)
        elif lexeme.kind == "value":
            self._value()
        else:
            self._word(lexeme)

    def _value(self) -> None:
        if self.last == "top":
            self.last = "distinct"
            return
        self._mark()
        has_unit = self.last == "typed interval" and self.names.syntax.interval != "text"
        self.last = "interval" if has_unit else "operand"

    def finish(self) -> None:
        """Refuse a statement that cannot end here."""
        if len(self.frames) > 1 or self.top.brackets or self.last not in DONE - {"windowed"}:
            raise Refusal("the statement is not whole")
        self._end_select()
        if not (self.top.sources or self.top.has_table):
            raise Refusal("a statement that reads no table answers nothing")

    def _sign(self, lexeme: Lexeme) -> None:
        sign = lexeme.text
        match sign:
            case "(":
                self._open()
            case ")":
                self._shut()
            case ",":
                self._comma()
            case ".":
                self.last = "."
            case "*" if self.last not in DONE:
                self._star(lexeme.start)
            case _:
                self._operator()
                self._mark()
                self.last = "::" if sign == ":" else "operator"

    def _open(self) -> None:
        frame = self.top
        if frame.clause == "from" and frame.expects == "table" and not frame.brackets:
            kind = "derived"
        elif frame.clause == "with":
            kind = "cte" if self.last == "as" else "columns"
        elif frame.clause == "using":
            kind = "using"
        elif self.last in ("exists", "in", "over", "filter"):
            kind = self.last
        else:
            kind = frame.call or "group"
            self._mark()
        self.put(brackets=(*frame.brackets, kind), call="")
        self.last = "("

    def _shut(self) -> None:
        if not self.top.brackets:
            self._close()
        *brackets, kind = self.top.brackets
        self.put(brackets=tuple(brackets))
        if kind == "using":
            self.put(clause="from", expects="")
        if kind == "columns":
            self.last = "name"
        else:
            self.last = kind if kind in ("cte", "windowed") else "operand"

    def _comma(self) -> None:
        frame = self.top
        if not frame.brackets:
            if frame.clause == "select":
                self._end_item()
                if self.top.width is not None and len(self.top.outputs) >= self.top.width:
                    raise Refusal(f"only {self.top.width} columns here")
            elif frame.clause in ("from", "on"):
                self._settle()
                self.put(clause="from", expects="table", is_joined=False)
        self.last = ","

    def _star(self, start: int) -> None:
        frame = self.top
        if frame.brackets:  # COUNT(*)
            self.last = "operand"
            return
        qualifier = frame.qualifier if self.last == "." else None
        if frame.width == 1 or (frame.width is not None and frame.is_strict):
            raise Refusal("`*` has too many columns here")
        begin = frame.qualifier_start if qualifier else start
        self.put(
            item=f"{qualifier}.*" if qualifier else "*", waiting=(*frame.waiting, Use(qualifier, "*", begin, start))
        )
        self.last = "operand"

    def _word(self, lexeme: Lexeme) -> None:
        frame, word = self.top, lexeme.text
        is_plain = lexeme.kind != "name"
        if self.last == "(" and is_plain and word in ("select", "with") and lexeme.after != ".":
            self._begin_query(lexeme)
        elif frame.clause in ("start", "with"):
            self._heading(lexeme)
        elif frame.brackets and frame.brackets[-1] == "using":
            self._shared(lexeme)
        elif frame.clause == "from" and not frame.brackets:
            self._from_word(lexeme, is_plain)
        elif self.last == ".":
            self._use(Use(frame.qualifier, word, frame.qualifier_start, lexeme.start))
        elif self.last in ("as", "::"):
            self._named(word)
        elif self.last in DONE:
            self._after_operand(word, is_plain)
        else:
            self._operand(lexeme, is_plain)

    def _begin_query(self, lexeme: Lexeme) -> None:
        frame, kind = self.top, self.top.brackets[-1]
        role = kind if kind in ("derived", "cte", "exists") else "value"
        ctes = dict(frame.ctes)
        width = len(frame.cte_columns) or None if role == "cte" else 1 if role == "value" else None
        self.frames.append(Frame(role, "start", ctes=ctes, width=width))
        self._heading(lexeme)

    def _heading(self, lexeme: Lexeme) -> None:
        frame, word = self.top, lexeme.text
        if word == "select" and (frame.clause == "start" or self.last == "cte"):
            self.put(clause="select", item="")
            self.last = "select"
        elif word == "with" and frame.clause == "start":
            self.put(clause="with")
            self.last = "with"
        elif word == "as":
            self.last = "as"
        elif self.last == "set":  # UNION ALL
            return
        elif frame.brackets:
            self.put(cte_columns=(*frame.cte_columns, word))
            self.last = "name"
        else:
            self.put(cte=self.names.table_key(lexeme), cte_columns=())
            self.last = "name"

    def _operand(self, lexeme: Lexeme, is_plain: bool) -> None:
        word, frame = lexeme.text, self.top
        bracket = frame.brackets[-1] if frame.brackets else ""
        if lexeme.kind == "typed":
            self.last = f"typed {word}"
        elif is_plain and lexeme.after == "(" and word not in BEFORE_OPERANDS:
            self._call(word)
        elif is_plain and self._is_unit(word, bracket):
            self.last = "operand"
        elif is_plain and lexeme.after != "." and (word in VALUES or word == "end"):
            self._mark()
            self.last = "operand"
        elif is_plain and lexeme.after != "." and self._is_before(word, bracket):
            self._mark_before(word)
        elif lexeme.after == ".":
            self._qualify(self.names.table_key(lexeme), lexeme.start)
        else:
            self._use(Use(None, word, lexeme.start, lexeme.start))

    def _is_before(self, word: str, bracket: str) -> bool:
        """Tell whether a word is none of the names, where an operand begins."""
        match word:
            case "partition":
                return bracket == "over" and self.last == "("
            case "order":
                return bracket == "over"
            case "by":
                return self.last in ("order", "group", "partition")
            case "where":
                return bracket == "filter" and self.last == "("
            case "top":
                return self.last in ("select", "distinct") and self.names.syntax.limit == "top"
            case "like" | "ilike" | "glob" | "between" | "in" | "null" | "not":
                return word == "not" or self.last == "infix"
            case "asc" | "desc":
                return False
        return word in BEFORE_OPERANDS

    def _mark_before(self, word: str) -> None:
        if word not in ("distinct", "all", "top") or self.top.brackets:
            self._mark()
        self.last = "operand" if word == "null" else "infix" if word == "not" and self.last == "infix" else word

    def _is_unit(self, word: str, bracket: str) -> bool:
        if word not in UNITS:
            return False
        return (bracket in ("extract", "unit") and self.last == "(") or (bracket == "unit last" and self.last == ",")

    def _call(self, word: str) -> None:
        frame, call = self.top, self.names.calls.get(word)
        kind = "aggregate" if word == "count" else call.kind if call else "scalar"
        if kind in ("aggregate", "window"):
            if frame.clause in ("where", "on", "group") or (kind == "window" and frame.clause == "having"):
                raise Refusal(f"{word} cannot stand in {frame.clause.upper()}")
            if frame.clause == "order" and not frame.is_aggregated:
                raise Refusal(f"{word} cannot sort rows that are not grouped")
            if kind == "aggregate" and frame.clause == "select":
                self.put(is_aggregated=True)
            *before, bracket = frame.brackets or ("",)
            if bracket == "aggregate" and kind == "aggregate":  # SUM(COUNT(*)) OVER (…)
                self.put(brackets=(*before, "windowed"))
            elif {"aggregate", "windowed", "filter"} & set(frame.brackets) or (kind, bracket) == ("window", "window"):
                raise Refusal(f"{word} cannot stand in another aggregate")
        if word in ("extract", "cast"):
            kind = word
        elif kind == "unit" and call and call.unit_at:
            kind = "unit last"
        self.put(call=kind)
        self._mark()

    def _qualify(self, word: str, start: int) -> None:
        self._check_qualifier(word, start)
        self.put(qualifier=word, qualifier_start=start)
        self.last = "qualifier"

    def _named(self, word: str) -> None:
        """Read what follows AS or `::`: a type in brackets, else the alias of an item."""
        if self.last != "::" and not self.top.brackets:
            self._alias(word)
            return
        if self.last != "::":
            self.put(call="type")  # its size may follow in brackets
        self.last = "operand"

    def _alias(self, word: str) -> None:
        self.put(item=f"@{word}")
        self.last = "named"

    def _after_operand(self, word: str, is_plain: bool) -> None:
        frame = self.top
        if not is_plain or (word not in AFTER_OPERANDS and not (self.last == "interval" and word in UNITS)):
            self._alias(word)
        elif self.last == "interval" and word in UNITS:
            self.last = "operand"
        elif word == "from" and not (frame.brackets and frame.brackets[-1] == "extract"):
            self._begin_from()
        elif not frame.brackets and (word in CLAUSES or (word in JOINING and frame.clause == "on")):
            self._clause(word)
        elif word in ("end", "null"):
            self.last = "operand"
        elif word not in ("asc", "desc", "nulls", "first", "last"):
            if word != "as":
                self._operator()
                self._mark()
            self.last = "infix" if word in ("not", "is") else word
