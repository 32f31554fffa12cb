"""Where a column may come from: the FROM of its query, those around it, and any table while a FROM is not written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqltailor.sql.constrain.granted_names import Names
from sqltailor.sql.constrain.select_frames import MAX_SOURCES, Frame, Hint, Refusal, State, Use, alone


class Columns:
    """Frames, the outermost first, and the look-up of columns in them. A frame is replaced, never changed."""

    def __init__(self, state: State, names: Names) -> None:
        self.frames = list(state.frames)
        self.last = state.last
        self.names = names

    @property
    def top(self) -> Frame:
        return self.frames[-1]

    def put(self, **changes: object) -> None:
        self.frames[-1] = self.frames[-1]._replace(**changes)  # type: ignore[arg-type]

    def _outer(self, level: int) -> int | None:
        """Return the level of the query that a query may name columns of: in GROUP BY and ORDER BY, only its own."""
        role = self.frames[level].role
        if level == 0 or self.frames[level].clause in ("group", "order"):
            return None
        return self._outer(level - 1) if role in ("derived", "cte") else level - 1

    def _resolve(self, level: int, use: Use, *, counts_alias: bool = False) -> None:
        """Find a column in the FROM of a query or of those around it, or raise `Refusal`."""
        around: int | None = level
        passed_tables = False
        while around is not None:
            frame = self.frames[around]
            if frame.clause == "select":
                self._check_open(around, use)
                self.frames[around] = frame._replace(waiting=(*frame.waiting, use))
                return
            if use.column == "*":
                if self._has_star(frame, use.qualifier):
                    return
            elif use.qualifier is not None:
                if use.qualifier in frame.sources:
                    if use.column in frame.sources[use.qualifier].columns:
                        return
                    raise Refusal(f"{use.qualifier} has no column {use.column}")
            else:
                found = [s for s in frame.sources.values() if use.column in s.columns]
                if len(found) > 1 and use.column not in frame.merged:
                    raise Refusal(f"{use.column} is in two tables")
                if found and not (passed_tables and not any(s.is_stored for s in found)):
                    return
                if counts_alias and around == level:
                    return
            passed_tables = passed_tables or any(s.is_stored for s in frame.sources.values())
            around = self._outer(around)
        raise Refusal(f"no table here has a column {use.column}")

    def _has_star(self, frame: Frame, qualifier: str | None) -> bool:
        sources = [s for name, s in frame.sources.items() if qualifier in (None, name)]
        if not sources:
            raise Refusal("`*` has no table")
        if frame.role != "exists" and not all(source.has_star for source in sources):
            raise Refusal("`*` would include columns that are not granted")
        return True

    def _check_open(self, level: int, use: Use) -> None:
        """Refuse a column before its FROM when no FROM can have it."""
        if self._is_free(self.frames[level], use.qualifier):
            return
        if not any(use.column in columns for columns in self._open_columns(level, use.qualifier)):
            raise Refusal(f"no table has a column {use.column}", use.column_start, level)

    def _is_free(self, frame: Frame, qualifier: str | None) -> bool:
        """Tell whether any column may be named before FROM, since a query in it may make one: in a first try."""
        is_table = qualifier is not None and (qualifier in self.names.tables or qualifier in frame.ctes)
        return frame.hint is None and not frame.is_strict and not is_table

    def _open_columns(self, level: int, qualifier: str | None) -> Iterator[Iterable[str]]:
        """Yield the columns that may follow a qualifier, or stand alone, in a SELECT whose FROM is not written."""
        frame = self.frames[level]
        hint = frame.hint
        if qualifier is None:
            if hint is not None:
                yield alone(hint)
            else:
                yield self.names.columns
                yield from (source.columns for source in frame.ctes.values())
        elif hint is not None:
            yield hint.sources[qualifier].columns if qualifier in hint.sources else ()
        elif qualifier in frame.ctes or qualifier in self.names.tables:
            yield (frame.ctes.get(qualifier) or self.names.tables[qualifier]).columns
        else:
            used = frozenset(u.column for u in frame.waiting if u.qualifier == qualifier and u.column != "*")
            yield from (source.columns for source in self.names.with_columns(used))
            yield from (source.columns for source in frame.ctes.values() if used <= source.columns)
        outer = self._outer(level)
        if outer is not None:
            yield from self._columns(outer, qualifier)

    def _columns(self, level: int, qualifier: str | None) -> Iterator[Iterable[str]]:
        """Yield the columns that may stand in a query, by its own FROM and those around it."""
        frame = self.frames[level]
        if frame.clause == "select":
            yield from self._open_columns(level, qualifier)
            return
        if qualifier is None:
            yield alone(Hint(frame.sources, frame.merged))
        elif qualifier in frame.sources:
            yield frame.sources[qualifier].columns
            return
        outer = self._outer(level)
        if outer is not None:
            yield from self._columns(outer, qualifier)

    def _check_qualifier(self, word: str, start: int) -> None:
        level: int | None = len(self.frames) - 1 if self.top.clause != "tail" else None
        while level is not None:
            frame = self.frames[level]
            if frame.clause == "select":
                if frame.hint is None or word in frame.hint.sources:
                    if len({u.qualifier for u in frame.waiting if u.qualifier} | {word}) > MAX_SOURCES:
                        raise Refusal("too many tables")
                    return
            elif word in frame.sources:
                return
            level = self._outer(level)
        raise Refusal(f"no table in FROM is called {word}")

    def _is_alias(self, column: str) -> str:
        """Tell whether a word is an alias of the SELECT list here: `yes`, `whole` if only by itself, or empty."""
        frame = self.top
        if column not in frame.aliases:
            return ""
        if frame.clause in self.names.alias_clauses:
            return "yes"
        is_whole = not frame.brackets and self.last in ("by", ",")
        if frame.clause == "order" and is_whole:
            return "whole"
        is_grouped = frame.clause == "group" and is_whole and self.names.syntax.group_aliases
        return "whole" if is_grouped and not any(column in s.columns for s in frame.sources.values()) else ""

    def _shared_columns(self) -> frozenset[str]:
        *before, last = self.top.sources.values()
        return last.columns & frozenset[str]().union(*(source.columns for source in before))
