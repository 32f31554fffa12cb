"""The parse layer, and the part of the policy that needs no schema: one SELECT, built of known parts only."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import Refused
from sqltailor.guard.text import Piece, Text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

MAX_TOKENS = 20_000
MAX_TABLES = 100
MAX_SELECTS = 200

_FIRST_WORDS = frozenset({"select", "with", "values", "table", "from", "("})

# What a statement may be built of, besides functions. Everything that writes, locks, sets, or names a file, a
# parameter, a variable or a stage is absent.
NODES = frozenset(
    """
    Add Adjacent Alias Aliases All And Any AtIndex AtTimeZone Between BitString BitwiseAnd BitwiseLeftShift BitwiseNot
    BitwiseOr BitwiseRightShift BitwiseXor Boolean Bracket ByteString CTE CharacterSet Cluster Column ColumnDef Connect
    Cube DPipe DataType DataTypeParam Distance Distinct Distribute Div Dot EQ Escape Except ExtendsLeft ExtendsRight
    Fetch Filter ForClause FormatJson From FromTimeZone GT GTE Glob Group GroupingSets Having HavingMax HexString ILike
    Identifier IgnoreNulls In IntDiv Intersect Interval IntervalSpan Is JSON JSONColumnDef JSONExtractQuote
    JSONKeyValue JSONPath JSONPathKey JSONPathRecursive JSONPathRoot JSONPathSlice JSONPathSubscript JSONPathUnion
    JSONPathWildcard JSONSchema JSONValue Join Kwarg LT LTE Lambda Lateral Like Limit LimitOptions Literal Match Mod
    Mul NEQ National Neg Not Null NullSafeEQ NullSafeNEQ Offset OnCondition Or Order Ordered OverflowTruncateBehavior
    Overlaps Paren Pivot PivotAlias PivotAny PreWhere Prior PropertyEQ Qualify QueryOption RawString RespectNulls
    Rollup Select SimilarTo Slice Sort Star Sub Subquery Table TableAlias TableFromRows TableSample Tuple Union
    UnpivotColumns Values Var Where Window WindowSpec With WithTableHint WithinGroup XMLKeyValueOption Xor
    """.split()  # noqa: SIM905
)
# Functions and operators that sqlglot builds without a name (`::`, `->`, CASE, CURRENT_DATE), or under one of its own.
BUILT = frozenset(
    """
    And Anonymous AnonymousAggFunc Array ArrayContainedBy ArrayContainsAll ArrayMax ArrayMin ArrayOverlaps
    ArrayUniqueAgg BitwiseAndAgg BitwiseCount BitwiseOrAgg BitwiseXorAgg ByteLength Case Cast CastToStrType Coalesce
    Collate Columns CombinedAggFunc CombinedParameterizedAgg Concat ConnectByRoot ConvertTimezone ConvertToCharset
    CosineDistance CurrentDate CurrentDatetime CurrentTime CurrentTimestamp CurrentTimestampLTZ DateBin DateFromParts
    DateStrToDate DecodeCase EuclideanDistance Exists ExplodingGenerateSeries Extract FromBase GetExtract If JSONArray
    JSONArrayAgg JSONBContains JSONBContainsAllTopKeys JSONBContainsAnyTopKeys JSONBContainsTopKey JSONBDeleteAtPath
    JSONBExtract JSONBExtractScalar JSONBObjectAgg JSONBPathExists JSONBool JSONExists JSONExtract JSONExtractArray
    JSONExtractScalar JSONKeysAtDepth JSONObject JSONObjectAgg JSONTable JSONValueArray JarowinklerSimilarity Localtime
    Localtimestamp LowerHex MD5Digest Map MatchAgainst NumberToStr OpenJSON Or Pad ParameterizedAgg ParseJSON Pow
    RegexpExtract RegexpILike RegexpLike RegexpSplit SHA1Digest SHA2 SHA2Digest SafeFunc StarMap StrPosition StrToDate
    StrToTime StrToUnix Struct Systimestamp TimeFromParts TimeStrToDate TimeStrToTime TimeToStr TimeToUnix
    TimestampAdd TimestampFromParts TimestampTrunc ToMap Transform TryCast TsOrDsAdd TsOrDsDiff TsOrDsToDate
    TsOrDsToDatetime TsOrDsToTime TsOrDsToTimestamp UnixToStr UnixToTime UtcDate UtcTime UtcTimestamp VarMap WeekStart
    Xor
    """.split()  # noqa: SIM905
)
# The only words that sqlglot may keep as keywords: it turns a column in a unit's place (`date_trunc(secret, d)`)
# into such a word, so any other is refused.
WORDS = frozenset(
    """
    all any array auto bernoulli binary both century centuries current day day_hour day_microsecond day_minute
    day_second dayofmonth dayofweek dayofweekiso dayofyear days dd decade decades dow doy epoch epoch_microsecond
    epoch_millisecond epoch_nanosecond epoch_second era first friday group hh hour hour_microsecond hour_minute
    hour_second hours in input isodow isoweek isoyear iso_week json julian last latin1 leading limit microsecond
    microseconds millennium millisecond milliseconds minute minute_microsecond minute_second minutes mm mode monday
    month months ms ns nanosecond nanoseconds natural nfc nfd nfkc nfkd no nolock nulls object others outer path qq qtr
    quarter quarters raw readuncommitted recursive root row rows saturday second second_microsecond seconds sunday
    system text thursday ties timezone timezone_hour timezone_minute timezone_minutes timezone_region trailing tuesday
    type us utf8 utf8mb4 utf16 utf32 ascii ucs2 week week_iso weekday weekiso weeks wednesday wk ww year year_month
    yearofweek yearofweekiso years yy yyyy yday wday q y m d h s mi n
    """.split()  # noqa: SIM905
)
# Where an identifier may stand without being a column that `scopes` resolves.
_NAMING = frozenset(
    """
    Column.this Column.table Column.db Column.catalog Table.this Table.db Table.catalog TableAlias.this
    TableAlias.columns Alias.alias Aliases.expressions PivotAlias.alias Window.this Window.alias Dot.this
    Dot.expression Lambda.expressions PropertyEQ.this Kwarg.this JSONColumnDef.this ColumnDef.this Collate.expression
    Anonymous.this Unnest.offset Pivot.columns DataType.kind Join.using WithTableHint.expressions
    """.split()  # noqa: SIM905
)


class Statement(NamedTuple):
    """A parsed statement: its tree, and the source text of every name that stands before `(`."""

    tree: Expr
    called: list[str]


def parse(text: Text, dialect: str = "sqlite") -> Statement:
    """Return the statement, or raise `Refused`: unreadable or several (`parse`), not a SELECT (`policy`)."""
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect

    if re.search(r";\s*\S", text.code.strip()):
        raise Refused("Exactly one statement is allowed; something follows the first `;`.", "parse")
    sqlglot = Dialect.get_or_raise(dialect)
    try:
        tokens = sqlglot.tokenize(text.sql)
        _check_tokens(text, tokens)
        trees = sqlglot.parser().parse(tokens, text.sql)
    except Refused:
        raise
    except Exception as e:  # sqlglot lets plain exceptions escape on malformed text; whatever it is, it is not read
        fault = re.sub(r"\x1b\[\d*m", "", str(e)).splitlines()[:1] or [""]
        raise Refused(f"Not a {dialect} statement: {fault[0][:160] or type(e).__name__}", "parse") from e
    if len(trees) != 1 or trees[0] is None:
        raise Refused("Exactly one statement is allowed.", "parse")
    tree = trees[0]
    while isinstance(tree, exp.Subquery) and not isinstance(tree.this, exp.Table):
        tree = tree.this
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Values)):
        raise Refused(f"Only SELECT statements may run, not {type(tree).__name__.upper()}.", "policy")
    return Statement(trees[0], _called(text.sql, tokens, _declared(trees[0])))


def _check_tokens(text: Text, tokens: list[Any]) -> None:
    """Refuse words that cannot begin a query, and text that sqlglot cuts otherwise than our reader."""
    if not tokens:
        raise Refused("There is no statement, only a comment.", "parse")
    if len(tokens) > MAX_TOKENS:
        raise Refused(f"The statement has {len(tokens):,} tokens; {MAX_TOKENS:,} are allowed.", "text")
    first = tokens[0].text
    if first.lower() not in _FIRST_WORDS:
        raise Refused(f"Only SELECT statements may run; this one begins with {shown(first.upper())}.", "policy")
    pieces, i = [*text.pieces, Piece("end", len(text.sql), len(text.sql))], 0
    for token in tokens:
        token.comments = []  # a comment may carry instructions to sqlglot
        start, end = token.start, token.end + 1
        while pieces[i].kind == "comment" and pieces[i].end <= start:
            i += 1
        if end > pieces[i].start:
            kind, own_start, own_end = pieces[i]
            if kind == "comment" or end != own_end or not own_start - 2 <= start <= own_start:
                break
            i += 1
    else:
        if all(piece.kind in ("comment", "end") for piece in pieces[i:]):
            return
    raise Refused("Quotes and comments are ambiguous: two readers cut the text differently.", "text")


def _declared(tree: Expr) -> set[int]:
    """Where names are declared that a bracket may follow: `WITH x(a)`, `AS x(a)`."""
    from sqlglot import exp

    names = [alias.this for alias in tree.find_all(exp.TableAlias)]
    return {name.meta["start"] for name in names if isinstance(name, exp.Identifier) and "start" in name.meta}


def _called(sql: str, tokens: list[Any], declared: set[int]) -> list[str]:
    """Return every name or keyword that stands before `(`."""
    names = []
    for token, after in pairwise(tokens):
        first = sql[token.start]
        if sql[after.start] != "(" or token.start in declared or not (first.isalpha() or first in '_$@#"`['):
            continue
        names.append(token.text if first in '"`[' else token.text.split()[-1])
    return names


@lru_cache
def _allowed_types(functions: frozenset[str]) -> frozenset[type]:
    """The classes of sqlglot that may stand in a tree: those listed above, and functions with an allowed name."""
    from sqlglot import exp

    classes = [c for c in vars(exp).values() if isinstance(c, type) and issubclass(c, exp.Expression)]
    return frozenset(
        c
        for c in classes
        if c.__name__ in NODES | BUILT
        or (issubclass(c, exp.Func) and any(name.lower() in functions for name in c.sql_names()))
    )


def check_nodes(tree: Expr, functions: frozenset[str]) -> None:
    """Refuse trees with a part that is not listed above, or more tables and SELECTs than anyone needs."""
    from sqlglot import exp

    allowed = _allowed_types(functions)
    tables = selects = 0
    for node in tree.walk():
        if type(node) not in allowed:
            raise Refused(f"{_described(node)} is not allowed in a query.", "policy")
        tables += isinstance(node, exp.Table)
        selects += isinstance(node, exp.Select)
        _check_node(node)
    if tables > MAX_TABLES or selects > MAX_SELECTS:
        raise Refused(
            f"The statement names {tables} tables in {selects} SELECTs; {MAX_TABLES} and {MAX_SELECTS} are allowed.",
            "policy",
        )


def _check_node(node: Expr) -> None:
    from sqlglot import exp

    if isinstance(node, exp.Identifier):
        place = f"{type(node.parent).__name__}.{node.arg_key}"
        if place not in _NAMING:
            raise Refused(f"The name {shown(node.name)} stands where names are not allowed.", "policy")
        if place == "Dot.this" and isinstance(node.parent, exp.Dot) and node.parent.find(exp.Func):
            raise Refused(f"Functions of {shown(node.name)} are not allowed; call them without a prefix.", "policy")
    elif isinstance(node, exp.Var):
        if node.name.lower() not in WORDS and not isinstance(node.parent, exp.Kwarg):
            raise Refused(f"{shown(node.name)} is not a unit or keyword that may stand here.", "policy")
    elif isinstance(node, exp.DataType):
        kind = node.args.get("kind")
        if isinstance(kind, exp.Expr) and re.match(r"(?i)(reg|pg_|.*\.)", kind.sql().replace('"', "")):
            raise Refused(f"The type {shown(kind.sql())} looks into the system catalog.", "policy")
    elif isinstance(node, exp.Select) and node.args.get("options"):
        raise Refused("OPTION (…) is not allowed in a query.", "policy")


def _described(node: Expr) -> str:
    name = type(node).__name__
    phrases = {
        "Into": "INTO",
        "Lock": "FOR UPDATE or another lock",
        "Hint": "A hint",
        "Parameter": "A variable or parameter",
        "SessionParameter": "A server variable",
        "Placeholder": "A placeholder without a value",
        "ObjectIdentifier": "A cast to a system catalog type",
        "Operator": "OPERATOR(…)",
        "PositionalColumn": "A column by its position (#1)",
    }
    return phrases.get(name, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).upper())


def shown(name: str) -> str:
    """Return a name for a message: quoted, shortened, control characters escaped."""
    text = name if len(name) <= 60 else name[:57] + "…"
    return "'" + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text) + "'"
