"""The allow-list of query parts, in sqlglot's terms: node classes, keywords, and where names may stand."""

from __future__ import annotations

from sqltailor.sql.guard.functions import SYNTAX, TYPES

FIRST_WORDS = frozenset({"select", "with", "values", "table", "from", "("})

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
    quarter quarters raw readuncommitted recursive reservoir root row rows saturday second second_microsecond seconds
    sql_big_result sql_no_cache sql_small_result straight_join sunday
    system text thursday ties timezone timezone_hour timezone_minute timezone_minutes timezone_region trailing tuesday
    type us utf8 utf8mb4 utf16 utf32 ascii ucs2 week week_iso weekday weekiso weeks wednesday wk ww year year_month
    yearofweek yearofweekiso years yy yyyy yday wday q y m d h s mi n
    """.split()  # noqa: SIM905
)
# Keywords that leave no trace in the tree.
DROPPED = (
    WORDS
    | SYNTAX
    | TYPES
    | frozenset(
        """
        at boolean current expansion first following global language lambda last local mode next nulls only preceding
        prior query search unbounded unknown unordered with within without zone ignore keys ordinality symmetric
        asymmetric absent conditional unconditional quotes scalar strings wrapper passing returning value error
        sample ordered repeatable anti semi asof positional safe max min sysdate systimestamp
        """.split()  # noqa: SIM905
    )
)
# Where an identifier may stand without being a column that `resolver` looks up.
NAMING = frozenset(
    """
    Column.this Column.table Column.db Column.catalog Table.this Table.db Table.catalog TableAlias.this
    TableAlias.columns Alias.alias Aliases.expressions PivotAlias.alias Window.this Window.alias Dot.this
    Dot.expression Lambda.expressions PropertyEQ.this Kwarg.this JSONColumnDef.this ColumnDef.this Collate.expression
    Anonymous.this Unnest.offset Pivot.columns DataType.kind Join.using WithTableHint.expressions
    """.split()  # noqa: SIM905
)
