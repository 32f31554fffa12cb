"""What the clauses of a SELECT mean for its names: items, tables and joins, and what must be well where they end."""

from __future__ import annotations

from sqltailor.sql.constrain.join_keys import JoinKeys
from sqltailor.sql.constrain.lexemes import Lexeme
from sqltailor.sql.constrain.select_frames import (
    CLAUSES,
    JOINING,
    MAX_SOURCES,
    Frame,
    Hint,
    Refusal,
    Use,
    expanded,
    source_of,
)
from sqltailor.sql.constrain.syntax import AFTER_OPERANDS


class Clauses(JoinKeys):
    """Follows a SELECT from clause to clause."""

    def _mark(self) -> None:
        """Note that the item of the SELECT list is more than a column."""
        if self.top.clause == "select" and self.top.item[:1] != "@":
            self.put(item="?")

    def _operator(self) -> None:
        if self.last == "alias":
            raise Refusal("an alias stands alone here")

    def _end_item(self) -> None:
        frame = self.top
        item, aliases = frame.item, frame.aliases
        name = item[1:] if item[:1] in ("=", "@") else item if item.endswith("*") else None
        if item[:1] == "@":
            aliases = aliases | {item[1:]}
        self.put(outputs=(*frame.outputs, name), aliases=aliases, item="")

    def _begin_from(self) -> None:
        self._end_item()
        self._check_width()
        self.put(clause="from", expects="table")
        self.last = "from"

    def _check_width(self) -> None:
        frame = self.top
        if frame.width is None or any(name and name.endswith("*") for name in frame.outputs):
            return
        if len(frame.outputs) != frame.width:
            raise Refusal(f"{frame.width} columns are needed here")

    def _from_word(self, lexeme: Lexeme, is_plain: bool) -> None:
        frame, word = self.top, lexeme.text
        if frame.expects == "table" and not (is_plain and word in JOINING and self.last != "from"):
            self._table(lexeme)
        elif frame.expects == "alias" or (frame.expects == "alias?" and not (is_plain and word in AFTER_OPERANDS)):
            self._bind(self.names.table_key(lexeme))
        elif word == "as":
            self.put(expects="alias")
        else:
            self._clause(word)

    def _table(self, lexeme: Lexeme) -> None:
        frame, word = self.top, self.names.table_key(lexeme)
        if lexeme.after == "." and word in self.names.namespaces:
            self.put(qualifier=word)
            self.last = "qualifier"
            return
        key = f"{frame.qualifier}.{word}" if self.last == "." else word
        source = None if self.last == "." else frame.ctes.get(word)
        source = source or self.names.tables.get(key)
        if source is None:
            raise Refusal(f"there is no table {key}")
        if len(frame.sources) >= MAX_SOURCES:
            raise Refusal("too many tables")
        if frame.is_joined and not self._may_join(source):
            raise Refusal(f"no key joins {key} with the tables of this FROM")
        self.put(table=(word, source), expects="alias?")
        self.last = "operand"

    def _bind(self, alias: str) -> None:
        """Put the table that was read last into the FROM, under its alias."""
        frame = self.top
        assert frame.table is not None
        if alias in frame.sources:
            raise Refusal(f"{alias} is in this FROM already")
        source = frame.table[1]
        merged = frame.merged
        if frame.is_natural:
            merged |= source.columns & frozenset[str]().union(*(s.columns for s in frame.sources.values()))
        sources = {**frame.sources, alias: source}
        for use in frame.waiting:
            if use.qualifier == alias and use.column != "*" and use.column not in source.columns:
                hint = Hint(sources, merged)
                raise Refusal(f"{alias} has no column {use.column}", use.column_start, len(self.frames) - 1, hint)
        self.put(sources=sources, merged=merged, table=None, expects="", is_natural=False)
        self.last = "operand"

    def _settle(self) -> None:
        """Bind a table that gets no alias under its own name."""
        frame = self.top
        if frame.expects == "alias?" and frame.table is not None:
            if not frame.table[0]:
                self.put(sources={**frame.sources, "": frame.table[1]}, table=None, expects="")
            else:
                self._bind(frame.table[0])

    def _clause(self, word: str) -> None:
        frame = self.top
        if word in JOINING:
            self._settle()
            is_natural = word == "natural" or (self.top.is_natural and self.last in JOINING)
            is_joined = word == "join" and not is_natural and self.last != "cross"
            self.put(clause="from", expects="table", is_natural=is_natural, is_joined=is_joined)
            self.last = word
        elif word in ("on", "using"):
            self._settle()
            if word == "using" and not self._shared_columns():
                raise Refusal("the tables share no column")
            self.put(clause=word, is_joined=False)
            if word == "on":
                self._begin_on()
            self.last = word
        elif word in ("union", "intersect", "except"):
            self._end_select()
            frame = self.top
            width = frame.width if frame.width is not None else len(frame.outputs)
            result = frame.result if frame.result is not None else frame.outputs
            self.frames[-1] = Frame(
                frame.role, "start", ctes=frame.ctes, cte=frame.cte, cte_columns=frame.cte_columns, width=width,
                result=result,
                has_table=frame.has_table or bool(frame.sources),
            )  # fmt: skip
            self.last = "set"
        elif word in CLAUSES:
            if word in ("order", "limit"):
                self._end_select()
            else:
                self._end_from()
            ordered = "tail" if self.top.result is not None else "order"
            self.put(
                clause=ordered if word == "order" else word, is_aggregated=self.top.is_aggregated or word == "group"
            )
            self.last = word
        else:
            self.last = word

    def _shared(self, lexeme: Lexeme) -> None:
        """Read a column of USING."""
        column = lexeme.text
        if column not in self._shared_columns():
            raise Refusal(f"the tables of USING do not share {column}")
        self.put(merged=self.top.merged | {column})
        self.last = "operand"

    def _end_select(self) -> None:
        """End a SELECT without GROUP BY or behind it."""
        if self.top.clause == "select":
            self._end_item()
            self._check_width()
        self._end_from()

    def _end_from(self) -> None:
        """Verify, when a FROM is whole, every column that waits for it."""
        frame = self.top
        if frame.clause not in ("select", "from", "on"):
            return
        self._settle()
        frame = self.top
        level = len(self.frames) - 1
        self.put(clause="whole", waiting=())
        hint = Hint(frame.sources, frame.merged)
        for use in frame.waiting:
            try:
                self._resolve(level, use)
            except Refusal as refusal:
                if not frame.sources:
                    raise
                is_bound = use.qualifier in frame.sources or use.column == "*"
                place = use.column_start if is_bound else use.start
                raise Refusal(str(refusal), place, level, hint, is_open=True) from None
        outputs = tuple(name for output in frame.outputs for name in expanded(output, frame.sources))
        if frame.width is not None and len(outputs) != frame.width:
            star = next((use.start for use in frame.waiting if use.column == "*"), None)
            raise Refusal(f"{frame.width} columns are needed here", star, level, hint)
        self.put(outputs=outputs)

    def _close(self) -> None:
        """End the query in a bracket, and give its columns to what is around it."""
        self._end_select()
        frame = self.frames.pop()
        outputs = frame.result if frame.result is not None else frame.outputs
        self.put(has_table=self.top.has_table or frame.has_table or bool(frame.sources))
        if frame.role == "derived":
            self.put(table=("", source_of(outputs)), expects="alias?")
        elif frame.role == "cte":
            around = self.top
            source = source_of(around.cte_columns or outputs)
            self.put(ctes={**around.ctes, around.cte: source})
        else:
            self._mark()

    def _use(self, use: Use) -> None:
        """Read a column."""
        frame, level = self.top, len(self.frames) - 1
        if frame.clause == "tail":
            if use.qualifier is not None or use.column not in (frame.result or ()) or frame.brackets:
                raise Refusal(f"{use.column} is no column of the result")
            self.last = "alias"
            return
        is_item = frame.clause == "select" and not frame.brackets and frame.item == ""
        is_alias = use.qualifier is None and self._is_alias(use.column)
        if frame.clause == "select":
            self._check_open(level, use)
            item = f"={use.column}" if is_item else frame.item if frame.item[:1] == "@" else "?"
            self.put(waiting=(*frame.waiting, use), item=item)
        elif is_alias != "whole":
            self._resolve(level, use, counts_alias=bool(is_alias))
            self._read_key(use)
        self.last = "alias" if is_alias == "whole" else "operand"
