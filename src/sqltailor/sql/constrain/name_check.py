"""Whether a statement that is still being written can end with every column in a table of its FROM.

A SELECT names columns before its FROM says where they are. So the check reads what is written so far: it knows which
columns wait for a table, and says no as soon as no continuation can help. The rules are those of the guard's names:
what is written whole and passes here names only what exists.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqltailor.sql.constrain.lexemes import Names, Token, Violation, lex
from sqltailor.sql.constrain.select_frames import Columns, Frame, Use
from sqltailor.sql.constrain.sql_words import ENDS_FROM, OPERATORS, SET_OPERATORS, TYPED, UNITS

MAX_SOURCES = 8
"""Tables of one FROM."""


def problem(
    text: str,
    names: Names,
    dialect: str,
    *,
    is_whole: bool = False,
    is_strict: bool = False,
    banned: frozenset[tuple[int, str]] = frozenset(),
) -> Violation | None:
    """Return why a statement so far cannot end well, or None. `is_whole`: nothing follows.

    A SELECT may name a column that a subquery in its FROM will make; `is_strict` allows only what exists already.
    `banned`: names that may not be written at a place. `dialect` is a base dialect, as sqlglot names it.
    """
    try:
        _Reader(names, lex(text, dialect), is_whole=is_whole, is_strict=is_strict, banned=banned).read()
    except Violation as e:
        return e
    return None


class _Reader:
    def __init__(
        self,
        names: Names,
        tokens: list[Token],
        *,
        is_whole: bool,
        is_strict: bool,
        banned: frozenset[tuple[int, str]],
    ) -> None:
        self.names = names
        self.is_strict = is_strict
        self.banned = banned
        # SQLite reads a quoted name that is none as a string
        self.tokens = [t._replace(kind="string") if t.kind == "name" and not names.knows(t) else t for t in tokens]
        self.is_whole = is_whole
        self.frames: list[Frame] = []
        self.ctes: dict[str, Columns] = {}
        self.depth = 0
        self.types: int | None = None  # depth of a CAST whose type is being read
        self.with_depths: list[int] = []
        self.naming: str | None = None  # a CTE whose SELECT comes next
        self.column_list: list[str] | None = None  # the column names of a CTE or derived table, being read
        self.closed: Frame | None = None  # a derived table that has just ended

    def read(self) -> None:
        at = 0
        while at < len(self.tokens):
            at = self._one(at)
        if self.is_whole:
            while self.frames:
                self._close_frame()

    def _one(self, at: int) -> int:
        """Read the token at a place, and return the place of the next."""
        token = self.tokens[at]
        frame = self.frames[-1] if self.frames else None
        if token.kind == "(":
            return self._open(at, frame)
        if token.kind == ")":
            return self._shut(at, frame)
        if token.kind in ("word", "name"):
            return self._word(at, frame)
        if frame is not None and self.depth == frame.depth:
            self._settle_alias(frame, token)
            if token.kind == "," and frame.phase == "select":
                self._end_item(frame)
                return at + 1
            if token.kind == "," and frame.phase == "from":
                frame.expects = "table"
                return at + 1
        if frame is not None:
            frame.item.append(token)
            if token.kind == "*" and frame.phase == "select" and len(frame.item) == 1:
                frame.waiting.append(Use(None, "*"))
        if token.kind == "::":
            return self._skip_type(at + 1)
        return at + 1

    def _open(self, at: int, frame: Frame | None) -> int:
        self.depth += 1
        following = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        is_select = following is not None and following.text in ("select", "with") and not following.is_open
        if frame is not None and frame.phase == "from" and frame.expects == "table" and self.depth == frame.depth + 1:
            if is_select:
                self.frames.append(Frame(self.depth, "derived"))
            return at + 1
        if self.naming is not None and frame is None:
            if is_select:
                self.frames.append(Frame(self.depth, "cte", with_name=self.naming))
                self.naming = None
            else:
                self.column_list = []
            return at + 1
        if is_select:
            self.frames.append(Frame(self.depth, "value"))
        elif frame is not None:
            frame.item.append(self.tokens[at])
        return at + 1

    def _shut(self, at: int, frame: Frame | None) -> int:
        if self.column_list is not None and frame is None:
            self.depth -= 1
            self.ctes[f"{self.naming}()"] = frozenset(self.column_list)
            self.column_list = None
            return at + 1
        if frame is not None and frame.depth == self.depth:
            self._close_frame()
            frame = self.frames[-1] if self.frames else None
        elif frame is not None:
            frame.item.append(self.tokens[at])
        if self.types is not None and self.depth == self.types:
            self.types = None
        self.depth -= 1
        return at + 1

    def _word(self, at: int, frame: Frame | None) -> int:
        token = self.tokens[at]
        following = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        is_open = token.is_open and not self.is_whole
        is_named = at > 0 and self.tokens[at - 1].text == "as" and token.text in OPERATORS
        is_keyword = token.kind == "word" and token.text in self.names.keywords and not is_named
        if is_keyword and (not is_open or self._ends_from(token.text, frame)):
            return self._keyword(at, frame)
        if is_open:
            self._begun(token, frame)
            return at + 1
        if frame is None:
            return self._outside(at)
        if self.types is not None:
            return at + 1
        if frame.phase == "from" and frame.expects == "table" and self.depth == frame.depth:
            return self._table(at, frame)
        if frame.phase == "from" and frame.expects in ("alias", "name") and self.depth == frame.depth:
            self._bind(frame, token.text)
            return at + 1
        if following is not None and following.kind == "(" and token.kind == "word":
            frame.item.append(token)
            if token.text == "extract" and at + 3 < len(self.tokens) and self.tokens[at + 3].text == "from":
                self.depth += 1
                return at + 4
            return at + 1
        if token.text in TYPED and following is not None and following.kind == "string":
            return at + 1
        if self._is_alias(frame, token):
            frame.item.append(Token("alias", token.text))
            return at + 1
        return self._column(at, frame)

    def _ends_from(self, word: str, frame: Frame | None) -> bool:
        """Tell whether a word ends a FROM, even where it could go on to be a longer word."""
        return (
            frame is not None
            and (frame.phase, self.depth) == ("from", frame.depth)
            and frame.expects not in ("table", "name")
            and word in ENDS_FROM
        )

    def _is_alias(self, frame: Frame, token: Token) -> bool:
        """Tell whether a word names a column of the result: after AS, or right behind an expression."""
        if frame.phase != "select" or self.depth != frame.depth or not frame.item:
            return False
        last = frame.item[-1]
        if last.text == "as":
            return True
        return last.kind in ("column", "number", "string", ")") or last.text == "end"

    def _keyword(self, at: int, frame: Frame | None) -> int:
        word = self.tokens[at].text
        if word == "with" and (frame is None or frame.phase == "select"):
            self.with_depths.append(self.depth)
            if frame is not None and not frame.item:
                self.frames.pop()  # it begins behind its WITH
            return at + 1
        if word == "select":
            return self._select(at, frame)
        if frame is None or self.types is not None:
            return at + 1
        if word == "collate" or (word == "group" and at and self.tokens[at - 1].text == "within"):
            return at + (2 if word == "collate" else 1)
        if self.depth != frame.depth:
            if word == "as":  # CAST(x AS type)
                self.types = self.depth
            frame.item.append(self.tokens[at])
            return at + 1
        if word == "from" and frame.phase == "select":
            self._end_item(frame)
            frame.phase, frame.expects = "from", "table"
            return at + 1
        if frame.phase == "from" and word == "as":
            if frame.expects == "alias":
                frame.expects = "name"
            return at + 1
        if word not in ENDS_FROM:
            self._settle_alias(frame, self.tokens[at])
        if frame.phase == "from" and word == "join":
            frame.expects = "table"
            return at + 1
        if frame.phase == "from" and word == "natural":
            frame.is_natural = True
        if frame.phase == "from" and word == "using":
            return self._using(at, frame)
        if word in ENDS_FROM:
            self._end_from(frame)
            if word in SET_OPERATORS and frame.result is None:
                frame.result = self._result(frame)
            return at + 1
        frame.item.append(self.tokens[at])
        return at + 1

    def _select(self, at: int, frame: Frame | None) -> int:
        if frame is not None and frame.depth == self.depth and frame.phase == "rest":  # behind UNION
            fresh = Frame(frame.depth, frame.role, result=frame.result, with_name=frame.with_name)
            self.frames[-1] = fresh
        elif frame is None or frame.depth != self.depth:
            self.frames.append(Frame(self.depth, "top" if frame is None else "value"))
        self.naming = None
        return at + 1

    def _outside(self, at: int) -> int:
        """Read a name before the first SELECT: that of a CTE, or of its columns."""
        if not self.with_depths:
            raise Violation("a statement begins with SELECT or WITH")
        if self.column_list is not None:
            self.column_list.append(self.tokens[at].text)
        else:
            self.naming = self.tokens[at].text
        return at + 1

    def _table(self, at: int, frame: Frame) -> int:
        parts = [self.tokens[at]]
        while at + 1 < len(self.tokens) and self.tokens[at + 1].kind == ".":
            if at + 2 >= len(self.tokens) or (self.tokens[at + 2].is_open and not self.is_whole):
                return len(self.tokens)
            parts.append(self.tokens[at + 2])
            at += 2
        name = ".".join(part.text for part in parts)
        if (parts[0].start, name) in self.banned:
            raise Violation(f"not {name} here")
        frame.table_start, frame.table_name = parts[0].start, name
        if at + 1 < len(self.tokens) and self.tokens[at + 1].kind == "(":  # a table function: its columns are its own
            frame.table, frame.expects = (name, None), "alias"
            return at + 1
        columns = self.ctes.get(name) if name in self.ctes else self.names.tables.get(name)
        if columns is None and name not in self.ctes:
            columns = self.names.tables.get(".".join(part.text for part in parts[-2:])) or self.names.tables.get(
                parts[-1].text
            )
            if columns is None or len(parts) == 1:
                raise Violation(f"no table {name}")
        if len(frame.sources) >= MAX_SOURCES:
            raise Violation("too many tables")
        frame.table, frame.expects = (parts[-1].text, columns), "alias"
        return at + 1

    def _settle_alias(self, frame: Frame, token: Token) -> None:
        """Bind a table that gets no alias under its own name."""
        if frame.phase == "from" and frame.expects == "alias" and frame.table is not None:
            self._bind(frame, frame.table[0])
        elif frame.phase == "from" and frame.expects == "name":
            raise Violation(f"{token.text} is no alias")

    def _bind(self, frame: Frame, alias: str) -> None:
        assert frame.table is not None
        name, columns = frame.table
        if alias in frame.sources:
            raise Violation(f"two tables are called {alias}")
        frame.table, frame.expects = None, ""
        frame.sources[alias] = columns
        blame = (frame.table_start, name) if name else None
        for qualifier, column, _ in frame.waiting:
            if qualifier == alias and column != "*" and columns is not None and column not in columns:
                raise Violation(f"no column {column} in {alias}", blame)
            if qualifier is None and column != "*" and not frame.is_natural and self._count(frame, column) > 1:
                raise Violation(f"column {column} is in two tables", blame)

    def _using(self, at: int, frame: Frame) -> int:
        """Read USING (columns): each must be in the last table and in one before it."""
        at += 1
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.kind == ")":
                return at + 1
            if token.kind in ("word", "name") and not (token.is_open and not self.is_whole):
                frame.joined.add(token.text)
                *before, last = frame.sources.values()
                if (last is not None and token.text not in last) or not any(
                    c is None or token.text in c for c in before
                ):
                    raise Violation(f"no column {token.text} on both sides")
            at += 1
        return at

    def _skip_type(self, at: int) -> int:
        return at + 1 if at < len(self.tokens) and self.tokens[at].kind in ("word", "name") else at

    def _column(self, at: int, frame: Frame) -> int:
        parts = [self.tokens[at]]
        while at + 1 < len(self.tokens) and self.tokens[at + 1].kind == ".":
            if at + 2 >= len(self.tokens):
                self._qualifier(parts[-1].text, frame)
                return len(self.tokens)
            nxt = self.tokens[at + 2]
            if nxt.is_open and not self.is_whole and nxt.kind != "*":
                self._begun_column(parts[-1].text, nxt.text, frame)
                return len(self.tokens)
            parts.append(nxt)
            at += 2
        column = "*" if parts[-1].kind == "*" else parts[-1].text
        frame.item.append(Token("column", column))
        if len(parts) == 1:
            if parts[0].kind == "word" and column in UNITS and column not in self.names.columns:
                return at + 1
            self._use(Use(None, column, parts[0].start), frame)
        else:
            self._use(Use(parts[-2].text, column, parts[-1].start), frame)
        return at + 1

    def _use(self, use: Use, frame: Frame) -> None:
        qualifier, column, start = use
        if (start, column) in self.banned:
            raise Violation(f"not {column} here")
        if frame.phase == "select":
            frame.waiting.append(use)
            known = column == "*" or column in self.names.columns or self._of_ctes(column)
            if not known and not self._outer_has(use, frame):
                if self.is_strict:
                    raise Violation(f"no column {column}")
                frame.unknown.setdefault(column, start)
                return
            together = {c for q, c, _ in frame.waiting if q == qualifier and c != "*"} - frame.unknown.keys()
            if (
                qualifier is not None
                and not frame.unknown
                and not self._outer_has(use, frame)
                and not any(self._candidates(together))
            ):
                raise Violation(f"no table has {', '.join(sorted(together))}")
        else:
            self._resolve(use, frame)

    def _of_ctes(self, column: str) -> bool:
        return any(columns is None or column in columns for columns in self.ctes.values())

    def _outer_has(self, use: Use, frame: Frame) -> bool:
        qualifier, column, _ = use
        for outer in self.frames[: self.frames.index(frame)]:
            for alias, columns in outer.sources.items():
                if (qualifier in (None, alias)) and (columns is None or column in columns):
                    return True
        return False

    def _count(self, frame: Frame, column: str) -> int:
        return sum(columns is None or column in columns for columns in frame.sources.values())

    def _resolve(self, use: Use, frame: Frame) -> None:
        """Find a use in a frame's sources, or in those around it; it waits where one of these is not whole yet."""
        qualifier, column, _ = use
        place = self.frames.index(frame)
        for number in range(place, -1, -1):
            around = self.frames[number]
            if qualifier is None:
                if column == "*":
                    return
                found = self._count(around, column)
                if found == 1 or (found and (around.is_natural or column in around.joined)):
                    return
                if found > 1 and None not in around.sources.values():
                    raise Violation(f"column {column} is in two tables")
                if found:
                    return
                if number == place and around.phase == "rest" and self._is_output(around, column):
                    return
            elif qualifier in around.sources:
                columns = around.sources[qualifier]
                if column == "*" or columns is None or column in columns:
                    return
                raise Violation(f"no column {column} in {qualifier}")
            if number < place and around.phase == "select":
                around.waiting.append(use)
                return
        raise Violation(f"no column {column} in the tables of FROM")

    def _is_output(self, frame: Frame, column: str) -> bool:
        return column in [name for name in frame.outputs if name] or bool(frame.result and column in frame.result)

    def _end_item(self, frame: Frame) -> None:
        """End one item of the SELECT list, and note what its column is called."""
        words = [token for token in frame.item if token.text != "distinct"]
        alias = next((t.text for t in reversed(words) if t.kind == "alias"), None)
        if alias is None and len(words) == 1 and words[0].kind in ("column", "*"):
            alias = words[0].text
        frame.outputs.append(alias)
        frame.item = []

    def _end_from(self, frame: Frame) -> None:
        if frame.phase == "rest":
            return
        if frame.phase == "select":
            self._end_item(frame)
        self._settle_alias(frame, Token("", ""))
        if frame.phase == "from" and frame.expects == "table":
            raise Violation("a table is missing")
        frame.phase = "rest"
        waiting, frame.waiting = frame.waiting, []
        aliases, frame.outputs = frame.outputs, []  # an alias is no column of its own SELECT list
        use = None
        try:
            for use in waiting:
                self._resolve(use, frame)
        except Violation as e:
            assert use is not None
            if use.column in frame.unknown:
                raise Violation(str(e), (use.start, use.column), is_sure=True) from e
            is_table = len(frame.sources) == 1 and frame.table_name
            blame = (frame.table_start, frame.table_name) if is_table else (use.start, use.column)
            raise Violation(str(e), blame) from e
        finally:
            frame.outputs = aliases

    def _result(self, frame: Frame) -> Columns:
        found: set[str] = set()
        for name in frame.outputs:
            if name == "*":
                if None in frame.sources.values():
                    return None
                found |= {c for columns in frame.sources.values() for c in columns or ()}
            elif name is not None:
                found.add(name)
        return frozenset(found)

    def _close_frame(self) -> None:
        frame = self.frames[-1]
        self._end_from(frame)
        result = frame.result if frame.result is not None else self._result(frame)
        self.frames.pop()
        around = self.frames[-1] if self.frames else None
        if frame.role == "derived" and around is not None:
            around.table, around.table_name, around.expects = ("", result), "", "alias"
        elif frame.role == "cte" and frame.with_name is not None:
            given = self.ctes.pop(f"{frame.with_name}()", None)
            self.ctes[frame.with_name] = given if given is not None else result
        elif around is not None:
            around.item.append(Token(")", ")"))

    # what is not written whole yet

    def _begun(self, token: Token, frame: Frame | None) -> None:
        """Check a word at the end of the text, which may go on."""
        start = token.text
        if frame is None or self.types is not None or (token.kind == "word" and start in self.names.starts):
            return
        if token.kind == "name" and self.names.quotes_strings:
            return
        if frame.phase == "select" or (frame.phase == "from" and frame.expects in ("table", "alias", "name")):
            return  # it may be an alias that is bound later, or the grammar knows
        if any(name.startswith(start) for name in self._in_scope(frame)):
            return
        raise Violation(f"nothing here begins with {start}")

    def _in_scope(self, frame: Frame) -> Iterable[str]:
        for around in self.frames[: self.frames.index(frame) + 1]:
            yield from around.sources
            for columns in around.sources.values():
                yield from self.names.columns if columns is None else columns
            yield from (name for name in around.outputs if name)
            yield from around.result or ()
        yield from self.names.namespaces

    def _qualifier(self, qualifier: str, frame: Frame) -> None:
        """Check a qualifier whose column is not begun yet."""
        if frame.phase == "select":
            return
        if qualifier in self.names.namespaces or any(qualifier in around.sources for around in self.frames):
            return
        if any(around.phase == "select" for around in self.frames[:-1]):
            return
        raise Violation(f"no table {qualifier} in FROM")

    def _begun_column(self, qualifier: str, start: str, frame: Frame) -> None:
        for around in reversed(self.frames):
            if qualifier in around.sources:
                columns = around.sources[qualifier]
                if columns is not None and not any(name.startswith(start) for name in columns):
                    raise Violation(f"no column of {qualifier} begins with {start}")
                return
        if frame.phase == "select" or any(around.phase == "select" for around in self.frames):
            if not self.is_strict:
                return
            waits = {column for q, column, _ in frame.waiting if q == qualifier and column != "*"}
            for columns in self._candidates(waits):
                if columns is None or any(name.startswith(start) for name in columns):
                    return
            raise Violation(f"no table has {', '.join(sorted(waits))} and a column {start}…")
        self._qualifier(qualifier, frame)

    def _candidates(self, waits: set[str]) -> Iterable[Columns]:
        """Yield the columns of every table that has those which wait for it."""
        for columns in (*self.names.tables.values(), *self.ctes.values()):
            if columns is None or waits <= columns:
                yield columns or frozenset(("*",))
