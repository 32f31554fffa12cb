"""The statements of query logs: those over the schema, equal ones merged, placeholders filled, each one run."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqltailor.data.canonical import parse_gold
from sqltailor.data.facts import fold_sql, key
from sqltailor.data.querylog.entries import read_log
from sqltailor.data.querylog.exports import Entry
from sqltailor.data.querylog.fill import Filler, hide_personal, placeholders, readable
from sqltailor.data.rows import Reject, RowError, shown
from sqltailor.database.url import mask
from sqltailor.errors import Refused, SQLError, Timeout
from sqltailor.naming.values import Values, read_values
from sqltailor.sql.dialect import MAX_SQL_CHARACTERS, mask_values, parse, write
from sqltailor.sql.guard import check
from sqltailor.sql.guard.granted_views import visible
from sqltailor.sql.schema.unknown_names import unknown_names
from sqltailor.types import Cell, Grant, QueryResult, Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

    from sqltailor.database import Database

DRAWS = 24
"""Values are drawn so often for one statement, until its result is not empty."""
HIDDEN = "<insufficient privilege>"
NO_QUERY = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|MERGE|REPLACE|CREATE|DROP|ALTER|TRUNCATE|BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|END|"
    r"SET|RESET|SHOW|USE|EXPLAIN|ANALYZE|VACUUM|COPY|CALL|DO|GRANT|REVOKE|PRAGMA|DECLARE|FETCH|CLOSE|PREPARE|EXECUTE|"
    r"DEALLOCATE|DISCARD|LISTEN|NOTIFY|LOCK|REFRESH|REINDEX|CLUSTER|COMMENT|DESCRIBE)\b",
    re.IGNORECASE,
)
"""What begins a statement that is not a query; the parser would say a word to the user about each."""


_VALUE = re.compile(r"'(?:[^']|'')*'|(?<!BY )\b\d+(?:\.\d+)?\b")
"""A value of a statement as it is written; not the column's place in ORDER BY 2."""


@dataclass(slots=True)
class Logged:
    """One statement of a log in canonical form. `runs`: it ran; None where that was not tried.

    `as_logged` is its text with placeholders, where stored values took their place in `sql`.
    """

    sql: str
    calls: int
    source: str
    line: int
    runs: bool | None = None
    as_logged: str | None = None


@dataclass
class LogReader:
    """Reads logs against a schema; with a database each statement runs. Call `statements` once, then look at counts."""

    dialect: str
    schema: Schema | None = None
    database: Database | None = None
    grant: Grant = field(default_factory=Grant)
    personal: bool = False
    per_template: int = 20
    seed: int = 0
    mapping: Mapping[str, str] = field(default_factory=dict)
    read: int = 0
    merged: int = 0
    values: Values | None = None
    _found: dict[str, Logged] = field(default_factory=dict)
    _templates: Counter[int] = field(default_factory=Counter)
    _same: dict[int, Logged] = field(default_factory=dict)
    _full: set[int] = field(default_factory=set)
    _filler: Filler | None = None

    def statements(
        self, sources: Sequence[str], progress: Callable[[int], None] = lambda read: None
    ) -> Iterator[Logged | Reject]:
        """Yield rejects as they are found, then the statements, the one that ran most often first."""
        self._open()
        for source in sources:
            shown_as = mask(source) if "://" in source else source
            for entry in read_log(source, self.mapping):
                self.read += 1
                progress(self.read)
                reject = entry if isinstance(entry, Reject) else self._taken(entry, shown_as)
                if reject is not None:
                    yield Reject(reject.line, reject.reason, reject.detail, reject.raw, shown_as)
        for number, statement in enumerate(sorted(self._found.values(), key=lambda s: -s.calls), 1):
            try:
                self._try(statement)
            except RowError as e:
                yield Reject(statement.line, e.reason, str(e), shown(statement.sql), statement.source)
            else:
                yield statement
            progress(self.read + number)

    def _open(self) -> None:
        """Read the values that placeholders get, once."""
        database, schema = self.database, self.schema
        if database is None or schema is None:
            return

        def fetch(sql: str) -> list[tuple[Cell, ...]]:
            return database.run(sql, timeout_s=30).rows

        if self.values is None:  # those of what is granted: the database itself may refuse the rest
            granted = visible(schema, self.grant, database.dialect)
            self.values = read_values(granted, fetch, database.dialect, personal=self.personal)
        self._filler = Filler(schema, self.values, self.dialect, fetch)

    def _taken(self, entry: Entry, source: str) -> Reject | None:
        """Add a statement, or return why it is not taken."""
        text = " ".join(entry.sql.split())
        as_written, masked = key(text), key(_VALUE.sub("?", text))
        try:
            held = self._same.get(as_written)
            if held is None and masked not in self._full:  # most of a log is not parsed
                held = self._same[as_written] = self._added(entry, source, masked)
            if held is None:
                raise RowError("enough", f"{self.per_template} queries that differ only in values are kept already")
        except RowError as e:
            return Reject(entry.line, e.reason, str(e), shown(entry.sql))
        except (SQLError, RecursionError):
            return Reject(entry.line, "unparsed", "the statement is nested too deeply", shown(entry.sql))
        self.merged += held.calls > 0
        held.calls += entry.calls
        return None

    def _added(self, entry: Entry, source: str, masked: int) -> Logged:
        """Return the statement that an entry is, with no calls yet if it is new; raises `RowError`."""
        tree = self._checked(entry.sql)
        sql = write(tree, self.dialect)
        if held := self._found.get(fold_sql(sql)):
            return held
        template = key(fold_sql(write(mask_values(tree), self.dialect, keep=False)))
        if self._templates[template] >= self.per_template:
            self._full.add(masked)
            raise RowError("enough", f"{self.per_template} queries that differ only in values are kept already")
        self._templates[template] += 1
        self._found[fold_sql(sql)] = Logged(sql, 0, source, entry.line)
        return self._found[fold_sql(sql)]

    def _checked(self, sql: str) -> Expression:
        from sqlglot import exp

        if HIDDEN in sql:
            raise RowError("hidden", "the role may not see this statement; grant it pg_read_all_stats")
        if "\0" in sql:
            raise RowError("broken_text", "the text holds NUL")
        if len(sql) > MAX_SQL_CHARACTERS:
            raise RowError("too_long", f"more than {MAX_SQL_CHARACTERS:,} characters")
        if word := NO_QUERY.match(sql):
            raise RowError("not_select", f"the statement is {word[1].upper()}, not SELECT")
        tree = parse_gold(readable(sql, self.dialect), self.dialect, self.schema)
        if not isinstance(tree, exp.Query):
            raise RowError("not_select", f"the statement is {tree.key.upper()}, not SELECT")
        if tree.find(exp.Table) is None:
            raise RowError("no_table", "the query reads no table")
        if self.schema is not None:
            if unknown := unknown_names(tree, self.schema):
                raise RowError(unknown[0].kind, "; ".join(u.detail for u in unknown[:3]))
            self._guard(tree)
        if not self.personal:
            hide_personal(tree, self.dialect, self.schema, self.values)
        return tree

    def _guard(self, tree: Expression) -> None:
        """Raise `RowError` where the guard refuses the statement with its placeholders empty."""
        from sqlglot import exp

        assert self.schema is not None
        bare = tree.copy()
        for node in placeholders(bare):
            node.replace(exp.Null())
        verdict = check(write(bare, self.dialect), dialect=self.dialect, schema=self.schema, grant=self.grant)
        if not verdict.allowed:
            raise RowError("refused", f"{verdict.layer}: {verdict.reason}")

    def _try(self, statement: Logged) -> None:
        """Say whether a statement runs, with stored values in place of placeholders; raises `RowError` if it fails."""
        tree = parse(statement.sql, self.dialect)
        if not placeholders(tree):
            statement.runs = None if self.database is None else self._runs(statement.sql)
            return
        statement.runs = False
        rng = random.Random(f"{self.seed} {statement.sql}")
        for filled in self._fillings(tree, rng):
            try:
                result = self._run(filled)
            except SQLError:
                continue
            if not statement.runs or result.rows:
                statement.as_logged = statement.as_logged or statement.sql
                statement.sql, statement.runs = filled, True
            if result.rows and any(cell not in (None, 0) for row in result.rows for cell in row):
                return

    def _fillings(self, tree: Expression, rng: random.Random) -> Iterator[str]:
        if self._filler is None:
            return
        for _ in range(DRAWS):
            filled = self._filler.fill(tree, rng)
            if filled is None:
                return
            yield write(filled, self.dialect)

    def _runs(self, sql: str) -> bool:
        try:
            self._run(sql)
        except Timeout:
            return False
        except Refused as e:
            if e.layer == "limits":
                return False
            raise RowError("refused", f"{e.layer}: {e}") from e
        except SQLError as e:
            raise RowError("fails", str(e)) from e
        return True

    def _run(self, sql: str) -> QueryResult:
        assert self.database is not None
        return self.database.run(sql, timeout_s=10, max_rows=10)
