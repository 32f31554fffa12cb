"""Joins by keys: which table may be joined, and the equality that its ON begins with."""

from __future__ import annotations

from sqltailor.sql.constrain.column_sources import Columns
from sqltailor.sql.constrain.granted_names import Source
from sqltailor.sql.constrain.known_joins import Place
from sqltailor.sql.constrain.lexemes import TO_LOWER, Lexeme
from sqltailor.sql.constrain.select_frames import Key, Refusal, Use
from sqltailor.sql.constrain.syntax import BEFORE_OPERANDS, OPENERS, VALUES


class JoinKeys(Columns):
    """Follows the first condition of ON, where it is known how tables are joined: it must equate two keys."""

    def _may_join(self, source: Source) -> bool:
        """Tell whether a table may be joined with one of the FROM."""
        joins, others = self.names.joins, self.top.sources.values()
        if joins is None or not source.table or not others or not all(other.table for other in others):
            return True
        return any(joins.are_joined(source.table, other.table) for other in others)

    def _begin_on(self) -> None:
        joins, sources = self.names.joins, list(self.top.sources.values())
        if joins is not None and len(sources) > 1 and joins.is_known(*(source.table for source in sources)):
            self.put(key=Key())

    def _check_key(self, lexeme: Lexeme) -> None:
        """Refuse what is no part of the equality."""
        key = self.top.key
        if key is None:
            return
        is_plain = lexeme.kind == "word" and lexeme.after != "."
        if key.next == "equals":
            is_part = lexeme.text == "="
            if is_part:
                self.put(key=key._replace(next="right"))
        elif lexeme.kind == "sign":
            is_part = lexeme.text == "." or (lexeme.text == "(" and self.last == "on")
        else:
            is_part = lexeme.kind != "value" and not (
                is_plain and (lexeme.after == "(" or lexeme.text in BEFORE_OPERANDS | OPENERS | VALUES)
            )
        if not is_part:
            raise Refusal("a join begins with two equal keys")

    def _read_key(self, use: Use) -> None:
        """Read a column of the equality."""
        key = self.top.key
        if key is None:
            return
        if use.column not in self._key_columns(use.qualifier):
            raise Refusal(f"{use.column} is no key of this join")
        if key.next == "right":
            self.put(key=None)
            return
        alias = use.qualifier or next(a for a, source in self.top.sources.items() if use.column in source.columns)
        self.put(key=Key("equals", alias, _place(self.top.sources[alias], use.column)))

    def _key_columns(self, qualifier: str | None) -> list[str]:
        """Return the columns behind a qualifier, or without one, that the equality may name next."""
        key, joins, sources = self.top.key, self.names.joins, self.top.sources
        assert key is not None
        assert joins is not None
        found = []
        for alias, source in sources.items():
            if qualifier not in (None, alias) or (key.next == "right" and alias == key.alias):
                continue
            if key.next == "right":
                others = {key.place}
            else:
                others = {_place(s, c) for a, s in sources.items() if a != alias for c in s.columns}
            found += [column for column in source.columns if joins.partners(_place(source, column)) & others]
        return found

    def _key_names(self) -> list[str]:
        """Return the aliases and columns that the equality may name next."""
        aliases = [alias for alias in self.top.sources if self._key_columns(alias)]
        return aliases + self._key_columns(None)


def _place(source: Source, column: str) -> Place:
    """Return a column as the known joins name it: folded, also where its quotes keep the case."""
    return Place(source.table, column.translate(TO_LOWER))
