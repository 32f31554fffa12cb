"""A schema from DDL text: CREATE TABLE statements, dumps, migrations, or the loose text of public sets, in any dialect.

Our own reader: only names, types, keys and comments count, and databases know more types and options than any parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sqltailor.errors import DataError
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.dialect.lexer import Token
from sqltailor.sql.dialect.names import DEFAULT_NAMESPACES
from sqltailor.sql.schema import changes, procedures
from sqltailor.sql.schema.alter import alter
from sqltailor.sql.schema.blocks import BLOCK_STARTS, inner_statements, without_end
from sqltailor.sql.schema.create import Named, Place, created, read_create, read_select_into
from sqltailor.sql.schema.cursor import Words
from sqltailor.sql.schema.drafts import Drafts
from sqltailor.sql.schema.layout import only_sql
from sqltailor.sql.schema.loose_ddl import loose_tables
from sqltailor.sql.schema.namespaces import chosen_home, home_of
from sqltailor.sql.schema.object_types import read_object_type
from sqltailor.sql.schema.script import SQLITE_CATALOG, TSQL_LIKE, Statement, statements
from sqltailor.sql.schema.script_variables import with_variables
from sqltailor.types import Schema


class Unread(NamedTuple):
    """What was not understood: the line of a script (1-based), why, and which script of several."""

    line: int
    reason: str
    script: str = ""


class Reading(NamedTuple):
    """A schema, the number of CREATE TABLE and CREATE VIEW statements met, and what was not understood."""

    schema: Schema
    creates: int
    unread: tuple[Unread, ...] = ()

    @property
    def lost_tables(self) -> bool:
        """Whether one of the tables, not only a view, was not read."""
        return any(u.reason.startswith("The table ") for u in self.unread)

    def note(self, most: int = 8) -> str:
        """Return what was not read in one line; `""` when all was."""
        if not self.unread:
            return ""
        lost = sum(1 for u in self.unread if u.reason.startswith(_OF_CREATE))
        listed = [f"{u.script + ' ' if u.script else ''}line {u.line} ({u.reason.rstrip('.')})" for u in self.unread]
        more = f", and {len(listed) - most:,} more" if len(listed) > most else ""
        read = f"read {self.creates - lost:,} of {self.creates:,} CREATE statements"
        return f"{read}; not read: {', '.join(listed[:most])}{more}"


_OF_CREATE = ("The table ", "The view ", "A CREATE ")


def from_ddl(ddl: str, dialect: str = "sqlite", *, loose: bool = False) -> Schema:
    """Return the schema that DDL text describes, as it is after the last statement.

    `CREATE TABLE`, `CREATE VIEW`, `COMMENT ON`, `ALTER TABLE`, `DROP`, renaming, and what chooses a namespace are
    followed in their order; other statements, the rows of a dump and the lines of client programs are passed over.
    Types keep their spelling; a column that has none has the type `""`. A column's comment is `COMMENT 'x'`,
    `COMMENT ON`, or an SQL comment behind it or on the lines above it; a table's stands behind its name. `loose`
    accepts the style of sql-create-context: bare names such as `5th_place` or `order`, tables joined by `;` or `,`.
    Raises `DataError` when there is no table; what is not understood beside tables that are is told by `read_ddl`.
    """
    if loose:
        tables = tuple(loose_tables(ddl, load_dialect(dialect).base))
        if not tables:
            raise DataError(_NO_TABLE)
        return Schema(tables)
    return read_ddl([("", ddl)], dialect).schema


_NO_TABLE = "The schema has no CREATE TABLE statement."


def read_ddl(scripts: Sequence[tuple[str, str]], dialect: str = "sqlite") -> Reading:
    """Return the schema that scripts (name and text), run one after the other, make, and what was not understood."""
    reader = _Reader(load_dialect(dialect).base)
    for name, text in scripts:
        reader.read(name, text)
    return reader.finished()


class _Waiting(NamedTuple):
    statement: Statement
    named: Named
    place: Place
    script: str
    error: DataError


class _Reader:
    def __init__(self, base: str) -> None:
        self.base = base
        self.drafts = Drafts(DEFAULT_NAMESPACES.get(base))
        self.types = Drafts(DEFAULT_NAMESPACES.get(base))
        self.home: list[str] = []
        self.unread: list[Unread] = []
        self.waiting: list[_Waiting] = []
        self.lost: set[str] = set()
        self.creates = 0
        self.holds: list[str] | None = None
        self.begun: int | None = None

    def read(self, script: str, text: str) -> None:
        for statement in statements(with_variables(only_sql(text)), self.base):
            self.try_to_take(statement, script)

    def try_to_take(self, statement: Statement, script: str) -> None:
        try:
            self.take(statement, script)
        except DataError as e:
            self.tell(statement, str(e), script)

    def tell(self, statement: Statement, reason: str, script: str) -> None:
        self.unread.append(Unread(statement.line, reason, script))

    def finished(self) -> Reading:
        self.again()
        for w in self.waiting:
            self.unread.append(Unread(w.statement.line, str(w.error), w.script))
        schema = self.drafts.schema()
        if not schema.tables:
            if self.unread:
                raise DataError(self.unread[0].reason)
            raise DataError("The script drops every table that it creates." if self.creates else _NO_TABLE)
        return Reading(schema, self.creates, tuple(sorted(self.unread, key=lambda u: u.script)))

    def again(self) -> None:
        """Read views that name what came after them."""
        progress = True
        while progress and self.waiting:
            progress = False
            for w in list(self.waiting):
                words = Words(w.statement.tokens, self.base)
                words.take("CREATE") or words.take("ALTER")
                named = created(words)
                try:
                    self.drafts.add(read_create(words, named or w.named, w.place))
                except DataError:
                    continue
                self.waiting.remove(w)
                progress = True

    def take(self, statement: Statement, script: str) -> None:
        if statement.file:
            self.tell(statement, f"it runs another file, {statement.file}", script)
            return
        if statement.fault:
            self.tell(statement, statement.fault, script)
            return
        words = Words(statement.tokens, self.base)
        if not statement.continues:
            self.holds = None
        place = Place(self.drafts, self.home if self.holds is None else self.holds, self.types)
        first = words.next_word()
        is_tsql = self.base in TSQL_LIKE
        if self.base in _TAKES_BACK and first in _TRANSACTIONS:
            self.transact(first, words.ahead(), statement, script)
        if first == "CREATE" or (is_tsql and words.ahead().take("ALTER", "VIEW")):
            self.create(words, statement, place, script)
        elif any(words.take("ALTER", *kind) for kind in _ALTERED):
            words.tokens = without_end(words.tokens) if is_tsql else words.tokens
            self.tell_of(alter(words, place), words, statement, script)
        elif words.take("ALTER", "MATERIALIZED", "VIEW") or words.take("ALTER", "FOREIGN", "TABLE"):
            alter(words, place)
        elif words.take("ALTER", "TYPE"):
            alter(words, place._replace(drafts=self.types))
        elif words.take("ALTER", "SCHEMA"):
            self.tell_of(changes.transfer(words, place), words, statement, script)
        elif words.take("DROP"):
            changes.drop(words, place)
        elif words.take("RENAME"):
            self.tell_of(changes.rename(words, place), words, statement, script)
        elif words.take("COMMENT", "ON"):
            changes.comment_on(words, place)
        elif any(map(words.take, _RUN)) or (is_tsql and first.startswith("SP_")):
            self.execute(words, statement, place, script)
        elif [first] in SQLITE_CATALOG:
            self.take_texts([t for t in words.tokens if _MAKES_TABLE.search(t.raw)], statement, script)
        elif first in BLOCK_STARTS:
            for tokens in inner_statements(words):
                self.try_to_take(Statement(statement.line, tokens), script)
        elif (home := chosen_home(words.ahead(), self.home)) is not None:
            self.home = [] if [h.lower() for h in home] == [self.drafts.default] else home
        elif first in ("SELECT", "WITH") and (draft := read_select_into(words, place)) is not None:
            self.creates += 1
            self.drafts.add(draft)

    def create(self, words: Words, statement: Statement, place: Place, script: str) -> None:
        words.skip()
        if words.take("SCHEMA"):  # the tables that follow without `;` belong to it
            words.take("IF", "NOT", "EXISTS")
            self.holds = words.path()[-1:]
            return
        head = words.ahead()
        try:
            named = created(words)
        except DataError:
            self.creates += 1
            raise
        if named is None:
            read_object_type(head, place)
            return
        self.creates += 1
        home = home_of(named.path, place.home, self.base)
        before = self.drafts.exact(named.path, home)
        if before is not None and named.is_new:
            return
        try:
            draft = read_create(words, named, place)
        except DataError as e:
            self.lost.add(named.path[-1].lower())
            if named.kind == "VIEW":
                self.waiting.append(_Waiting(statement, named, place, script, e))
                return
            raise
        if before is None:
            self.drafts.add(draft)
        elif named.replaces:
            self.drafts.remove(before)
            self.drafts.add(draft)
        elif before.columns != draft.columns:
            raise DataError(f"{named.what[0].upper()}{named.what[1:]} is defined twice; the first definition is kept.")

    def transact(self, first: str, words: Words, statement: Statement, script: str) -> None:
        """Tell where ROLLBACK takes back what was created since BEGIN."""
        words.skip()
        is_whole = first == "ROLLBACK" and not any(words.ahead().take(*to) for to in _TO_SAVEPOINT)
        if is_whole and self.begun is not None and self.begun < self.creates:
            self.tell(statement, "ROLLBACK takes back tables that are created before it; they are kept here", script)
        self.begun = self.creates if first in ("BEGIN", "START") else None

    def tell_of(self, missing: str, words: Words, statement: Statement, script: str) -> None:
        """Tell that a table is changed which the script does not create, unless that table was told already."""
        if missing and missing.split(".")[-1].lower() not in self.lost:
            text = " ".join(words.rest().split())[:40]
            self.tell(statement, f"ALTER of '{missing}', which the script does not create: {text}".rstrip(": "), script)

    def execute(self, words: Words, statement: Statement, place: Place, script: str) -> None:
        """EXEC sp_rename …, and the statements in EXEC sp_executesql N'CREATE VIEW …'."""
        missing = procedures.call(words, place)
        if missing is not None:
            self.tell_of(missing, words, statement, script)
            return
        tokens = words.tokens[words.place :]
        texts = [t for t in tokens if (t.kind == "string" or t.raw[0] == '"') and _CHANGES_TABLE.search(t.raw)]
        is_put_together = any(t.raw in ("||", "+") for t in tokens) or any(_HOLE.search(t.raw) for t in texts)
        if is_put_together:
            if any(_MAKES_TABLE.search(t.raw) for t in texts):
                self.tell(statement, "a table is created by a statement that is put together when it runs", script)
            return
        self.take_texts(texts, statement, script)

    def take_texts(self, texts: list[Token], statement: Statement, script: str) -> None:
        """Take the statements that stand in strings."""
        for token in texts:
            text = (Words([token], self.base).string() or "").strip('"')  # BigQuery has three quotes, too
            for found in statements(text, self.base):
                self.try_to_take(found._replace(line=statement.line), script)


_RUN = ("EXEC", "EXECUTE", "PREPARE")
_ALTERED = (("TABLE",), ("VIEW",), ("IGNORE", "TABLE"), ("ONLINE", "TABLE"), ("OFFLINE", "TABLE"))
_TAKES_BACK = frozenset({"sqlite", "postgres", "duckdb"})
"""Where a transaction holds CREATE and DROP, and scripts have no conditions around ROLLBACK."""
_TRANSACTIONS = frozenset({"BEGIN", "START", "COMMIT", "END", "ROLLBACK"})
_TO_SAVEPOINT = (("TO",), ("TRANSACTION", "TO"), ("WORK", "TO"))
_MAKES_TABLE = re.compile(r"\bCREATE\s+(?:\w+\s+){0,4}?(?:TABLE|VIEW)\b", re.IGNORECASE)
_CHANGES_TABLE = re.compile(rf"{_MAKES_TABLE.pattern}|\b(?:ALTER|DROP)\s+(?:TABLE|VIEW)\b", re.IGNORECASE)
_HOLE = re.compile(r"%(?:\d+\$)?[ILs]")
"""Where `format` puts a name or value into a text."""
