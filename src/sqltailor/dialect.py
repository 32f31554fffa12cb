"""SQL text as values: parse it, write it in one canonical way, mask it, move it between dialects.

Built on sqlglot. A dialect is a sqlglot name (`sqlite`, `postgres`) or a YAML file that extends one (`Dialect`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sqltailor.errors import ConfigError, SQLError, did_you_mean

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

MAX_SQL_CHARACTERS = 100_000
"""Longer statements are refused before parsing: sqlglot recurses."""

# Words that SQLite, PostgreSQL or sqlglot refuse, or read as something else, as a bare column or table name.
RESERVED = frozenset(
    """
    add all alter analyse analyze and any array as asc asymmetric autoincrement between both case cast check
    collate column commit constraint create cross current_date current_role current_time current_timestamp
    current_user default deferrable delete desc describe distinct do drop else end escape except exists false
    fetch for foreign freeze from full glob grant group having if ilike in index initially inner insert
    intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not nothing
    notnull null offset on only or order outer overlaps placing primary raise references regexp returning right
    rollback select session_user set similar some symmetric table tablesample then to trailing transaction true
    union unique update user using values variadic verbose when where window with
    """.split()  # noqa: SIM905
)
# Words that MySQL and MariaDB reserve besides.
RESERVED_MYSQL = frozenset(
    """
    before bigint binary blob by call cascade change char condition continue convert cursor database databases
    dec decimal declare delayed double dual each elseif empty enclosed exit explain float force fulltext
    function generated get groups high_priority infile int integer interval iterate key keys kill lag lead leave
    lines load lock long loop low_priority match maxvalue mod modifies numeric of optimize option out over
    partition precision procedure purge range rank read reads real release rename repeat replace require
    restrict return revoke rlike row row_number rows schema schemas separator show signal smallint spatial sql
    ssl starting stored system terminated trigger undo unlock unsigned usage use varchar varying virtual while
    write xor zerofill
    """.split()  # noqa: SIM905
)
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Function(NamedTuple):
    """A function that a house dialect adds: `arguments` are "name type" pairs, `meaning` is one line."""

    name: str
    arguments: tuple[str, ...] = ()
    meaning: str = ""


class Dialect(NamedTuple):
    """A dialect of SQL: the sqlglot dialect that it extends, its extra functions, and words to avoid."""

    name: str
    base: str
    functions: tuple[Function, ...] = ()
    avoid: tuple[str, ...] = ()


@lru_cache
def load_dialect(name: str) -> Dialect:
    """Return the dialect called `name`: a sqlglot name, or the path of a YAML file.

    Raises `ConfigError` when neither knows it, or the file has an unknown key.
    """
    from sqlglot.dialects.dialect import Dialect as SqlglotDialect

    if name.endswith((".yaml", ".yml")):
        return _read_dialect(Path(name))
    known = sorted(k for k in SqlglotDialect.classes if k) or ["sqlite", "postgres", "mysql", "duckdb"]
    if SqlglotDialect.get(name) is None:
        raise ConfigError(
            f"Unknown dialect '{name}'.{did_you_mean(name, known)} A dialect is a sqlglot name such as sqlite, "
            "postgres, mysql, duckdb, bigquery or snowflake, or the path of a YAML file that extends one."
        )
    return Dialect(name, name)


def _read_dialect(path: Path) -> Dialect:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise ConfigError(f"Dialect file '{path}' does not exist.") from e
    except yaml.YAMLError as e:
        raise ConfigError(f"Dialect file '{path}' is not YAML: {e}") from e
    if not isinstance(content, dict) or "base" not in content:
        raise ConfigError(f"Dialect file '{path}' needs the key `base`, a sqlglot dialect such as sqlite.")
    for key in content.keys() - {"name", "base", "functions", "avoid"}:
        raise ConfigError(f"Dialect file '{path}': unknown key '{key}'. Known: name, base, functions, avoid.")
    functions = tuple(
        Function(str(f["name"]).upper(), tuple(f.get("arguments", ())), str(f.get("meaning", "")))
        for f in content.get("functions", [])
    )
    base = load_dialect(str(content["base"])).base
    return Dialect(str(content.get("name", path.stem)), base, functions, tuple(content.get("avoid", ())))


def parse(sql: str, dialect: str = "sqlite") -> Expression:
    """Return the syntax tree of exactly one statement.

    Raises `SQLError` for none, several, or one that sqlglot cannot read.
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    if len(sql) > MAX_SQL_CHARACTERS:
        raise SQLError(f"The statement has {len(sql):,} characters; {MAX_SQL_CHARACTERS:,} are allowed.")
    base = load_dialect(dialect).base
    try:
        trees = [tree for tree in sqlglot.parse(sql, read=base) if tree is not None]
    except (SqlglotError, RecursionError, ValueError, IndexError, AttributeError, TypeError, KeyError) as e:
        # sqlglot lets a few plain exceptions escape on malformed text; all of them mean "cannot be read".
        first = str(e).split("\n")[0][:200] or type(e).__name__
        raise SQLError(f"Not a {base} statement: {first}") from e
    if len(trees) != 1:
        raise SQLError(f"Expected exactly one statement, found {len(trees)}.")
    return cast("Expression", trees[0])


def write(tree: Expression, dialect: str = "sqlite", *, keep: bool = True) -> str:
    """Return the one-line text of a syntax tree, without comments. `keep` False may change the tree, and is faster."""
    return tree.sql(dialect=load_dialect(dialect).base, comments=False, normalize_functions="upper", copy=keep)


def canonical(sql: str, dialect: str = "sqlite") -> str:
    """Return the statement on one line, keywords upper-case, single quotes, no comments and no `;`.

    >>> canonical("select  count(*) from t where a != 'x';")
    "SELECT COUNT(*) FROM t WHERE a <> 'x'"
    """
    return write(parse(sql, dialect), dialect, keep=False)


def comparable(sql: str, dialect: str = "sqlite", names: Collection[str] | None = None) -> str:
    """Return the form in which two statements are compared for `exact_match`.

    Canonical, with identifiers lower-cased and unquoted; values exact; aliases kept. With `names` (the tables and
    columns that exist) the text is read by the public sets' rule first (see `relex`). What cannot be parsed is
    compared as collapsed text.
    """
    from sqlglot import exp

    try:
        tree = parse(sql if names is None else relex(sql, names, dialect), dialect)
    except SQLError:
        return re.sub(r"\s+", " ", sql.translate({ord('"'): "'", ord("`"): "'"})).strip(" ;")
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", identifier.this.lower())
        identifier.set("quoted", False)
    return write(tree, dialect, keep=False)


def needs_quotes(name: str, dialect: str = "sqlite") -> bool:
    """Tell whether a table or column name must be quoted to be read as a name."""
    word = name.lower()
    is_reserved = word in RESERVED or (load_dialect(dialect).base == "mysql" and word in RESERVED_MYSQL)
    return is_reserved or PLAIN_NAME.match(name) is None


@lru_cache(maxsize=65536)
def quote_name(name: str, dialect: str = "sqlite") -> str:
    """Return `name` as a statement writes it: bare where possible, else in the dialect's quotes.

    >>> quote_name("weird col"), quote_name("5th_place"), quote_name("city")
    ('"weird col"', '"5th_place"', 'city')
    """
    from sqlglot import exp

    if not needs_quotes(name, dialect):
        return name
    return exp.to_identifier(name, quoted=True).sql(dialect=load_dialect(dialect).base)


def relex(sql: str, names: Collection[str], dialect: str = "sqlite") -> str:
    """Return canonical SQL for text in the loose style of the public sets, or raise `SQLError`.

    Such text is cut into tokens with MySQL's rules: a double-quoted token that is no known name is a string, a bare
    word that begins with a digit is a name. Reserved words that are known names are quoted where a name must stand.

    >>> relex('SELECT 5th_place FROM t WHERE nation = "united states"', {"5th_place", "nation", "t"})
    'SELECT "5th_place" FROM t WHERE nation = \\'united states\\''
    """
    return write(parse_loose(sql, names, dialect), dialect, keep=False)


def parse_loose(sql: str, names: Collection[str], dialect: str = "sqlite") -> Expression:
    """Return the syntax tree of text in the loose style of the public sets (see `relex`), or raise `SQLError`."""
    from sqlglot import exp

    known = {name.lower() for name in names}
    try:
        tree = parse(_requote(sql, known, reserved=False), dialect)
    except SQLError:
        tree = parse(_requote(sql, known, reserved=True), dialect)
    for identifier in tree.find_all(exp.Identifier):
        # sqlglot reads `SELECT order FROM t` as a column; databases do not
        if needs_quotes(identifier.this, dialect):
            identifier.set("quoted", True)
    return tree


def _requote(sql: str, known: Collection[str], *, reserved: bool) -> str:
    pieces, end = [], 0
    tokens = _tokens(sql)
    for i, token in enumerate(tokens):
        pieces.append(sql[end : token.start])
        raw = sql[token.start : token.end + 1]
        before = tokens[i - 1].text.upper() if i else ""
        after = tokens[i + 1].text.upper() if i + 1 < len(tokens) else ""
        pieces.append(_requoted(raw, token.text, before, after, known, reserved))
        end = token.end + 1
    return "".join(pieces) + sql[end:]


def _tokens(sql: str) -> list[Any]:
    from sqlglot.dialects.mysql import MySQL
    from sqlglot.errors import SqlglotError

    try:
        return list(MySQL().tokenize(sql))
    except (SqlglotError, RecursionError) as e:
        raise SQLError(f"Not a statement: {str(e).split(chr(10))[0][:200]}") from e


_BEFORE_NAME = frozenset({"SELECT", "DISTINCT", ",", "(", "WHERE", "AND", "OR", "BY", ".", "FROM", "JOIN", "ON", "="})
_AFTER_NAME = frozenset({"", "FROM", ",", ")", "=", "<", ">", "<=", ">=", "<>", "!=", "LIKE", "IN", "NOT", "BETWEEN",
                         "WHERE", "GROUP", "ORDER", "AND", "OR", "DESC", "ASC", "IS", "+", "-", "*", "/"})  # fmt: skip


def _requoted(raw: str, text: str, before: str, after: str, known: Collection[str], reserved: bool) -> str:
    if raw.startswith('"'):
        is_name = text.lower() in known and before != "="
        return '"' + text.replace('"', '""') + '"' if is_name else "'" + text.replace("'", "''") + "'"
    if raw.startswith("'"):
        return "'" + text.replace("'", "''") + "'"
    if raw[:1].isdigit() and not re.fullmatch(r"[\d.]+(e[+-]?\d+)?", raw, re.IGNORECASE):
        return f'"{raw}"'
    names_something = reserved and raw.lower() in known and raw.lower() in RESERVED
    return f'"{raw}"' if names_something and before in _BEFORE_NAME and after in _AFTER_NAME else raw


def template(sql: str, dialect: str = "sqlite") -> str:
    """Return the statement with values masked and aliases numbered; table and column names stay.

    >>> template("SELECT x.a FROM t AS x WHERE x.b IN (1, 2) LIMIT 3")
    'SELECT t1.a FROM t AS t1 WHERE t1.b IN (?) LIMIT ?'
    """
    return write(mask_values(parse(sql, dialect)), dialect, keep=False)


def shape(sql: str, dialect: str = "sqlite") -> str:
    """Return the statement with values, table names and column names masked: its structure alone.

    >>> shape("SELECT a FROM t WHERE b = 'x'") == shape("SELECT name FROM city WHERE pop = 3")
    True
    """
    return write(mask_names(mask_values(parse(sql, dialect))), dialect, keep=False)


def mask_names(tree: Expression) -> Expression:
    """Give every table and every column of a tree one name, in place; return the tree."""
    from sqlglot import exp

    for table in tree.find_all(exp.Table):
        table.set("this", exp.to_identifier("t"))
        table.set("db", None)
    for column in tree.find_all(exp.Column):
        if not isinstance(column.this, exp.Star):
            column.set("this", exp.to_identifier("c"))
        column.set("table", None)
    return tree


def mask_values(tree: Expression) -> Expression:
    """Replace every value of a tree by a placeholder and number its table aliases, in place; return the tree."""
    from sqlglot import exp

    nodes = list(tree.walk())
    aliases: dict[str, str] = {}
    masked: set[int] = set()
    for table in nodes:
        if isinstance(table, exp.Table) and table.alias:
            aliases.setdefault(table.alias.lower(), f"t{len(aliases) + 1}")
            table.set("alias", exp.TableAlias(this=exp.to_identifier(aliases[table.alias.lower()])))
    for node in nodes:
        if isinstance(node, exp.Column) and node.table.lower() in aliases:
            node.set("table", exp.to_identifier(aliases[node.table.lower()]))
        elif isinstance(node, exp.In):
            if node.expressions and all(isinstance(value, exp.Literal) for value in node.expressions):
                node.set("expressions", [exp.Placeholder()])
                masked.add(id(node))
        elif isinstance(node, exp.Literal) and not (node.arg_key == "expressions" and id(node.parent) in masked):
            node.replace(exp.Placeholder())
    return tree


def transpile(sql: str, source: str, target: str) -> str:
    """Return the statement in another dialect, or raise `SQLError`."""
    return write(parse(sql, source), target, keep=False)
