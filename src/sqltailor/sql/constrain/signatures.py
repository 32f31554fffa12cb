"""Which functions a constrained statement calls, and with how many arguments: a part of what the guard allows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.guard.functions import allowed_functions


class Call(NamedTuple):
    """How a function is called: fewest and most arguments, and `kind`: scalar, aggregate, window, part or unit.

    Besides these arguments, a `part` has a unit of time as text first, 'month'; a `unit` as a word, MONTH, first or
    last (`unit_at`: 0 or -1).
    """

    fewest: int
    most: int
    kind: str = "scalar"
    unit_at: int = 0


# name/fewest[-most]
_AGGREGATES = "sum/1 avg/1 min/1 max/1"
_AGGREGATES_OF = {
    "sqlite": "total/1 group_concat/1-2",
    "postgres": "string_agg/2 array_agg/1 stddev/1 variance/1 bool_and/1 bool_or/1",
    "mysql": "group_concat/1 stddev/1 variance/1",
    "duckdb": "string_agg/2 list/1 median/1 mode/1 any_value/1 arg_max/2 arg_min/2 stddev/1 variance/1 bool_and/1",
    "bigquery": "string_agg/1-2 any_value/1 stddev/1 variance/1 countif/1",
    "snowflake": "listagg/1-2 median/1 any_value/1 stddev/1 variance/1",
    "tsql": "stdev/1 var/1 string_agg/2",
    "trino": "any_value/1 stddev/1 variance/1 approx_distinct/1",
}
_WINDOWS = "row_number/0 rank/0 dense_rank/0 percent_rank/0 cume_dist/0 lag/1-2 lead/1-2 first_value/1 last_value/1"
_SCALARS = "abs/1 round/1-2 lower/1 upper/1 replace/3 coalesce/2-4 nullif/2 sqrt/1"
_SCALARS_OF = {
    "sqlite": """length/1 substr/2-3 substring/2-3 trim/1-2 ltrim/1-2 rtrim/1-2 ifnull/2 iif/3 instr/2 date/1-4 time/1-4
        datetime/1-4 julianday/1-4 strftime/2-5 unixepoch/1-3 typeof/1 sign/1 ceil/1 floor/1 power/2 mod/2
        ln/1 exp/1""",
    "postgres": """length/1 substr/2-3 substring/2-3 trim/1 ltrim/1-2 rtrim/1-2 concat/1-6 concat_ws/2-6
        to_char/2 to_date/2 to_timestamp/1-2 now/0 age/1-2 greatest/2-4 least/2-4 split_part/3 left/2
        right/2 initcap/1 strpos/2 mod/2 ln/1 exp/1 power/2 ceil/1 floor/1 sign/1 trunc/1-2 make_date/3
        regexp_replace/3""",
    "mysql": """length/1 char_length/1 substr/2-3 substring/2-3 trim/1 ltrim/1 rtrim/1 concat/1-6 concat_ws/2-6 ifnull/2
        date/1 year/1 month/1 day/1 dayofweek/1 dayofmonth/1 dayofyear/1 dayname/1 monthname/1 week/1 quarter/1 hour/1
        minute/1 second/1 datediff/2 date_format/2 str_to_date/2 curdate/0 now/0 greatest/2-4 least/2-4 left/2 right/2
        instr/2 locate/2-3 substring_index/3 mod/2 truncate/2 ln/1 exp/1 power/2 ceil/1 floor/1 sign/1 last_day/1""",
    "duckdb": """length/1 substr/2-3 substring/2-3 trim/1-2 ltrim/1-2 rtrim/1-2 concat/1-6 concat_ws/2-6
        strftime/2 strptime/2 year/1 month/1 day/1 quarter/1 week/1 hour/1 dayname/1
        monthname/1 today/0 now/0 greatest/2-4 least/2-4 split_part/3 left/2 right/2 instr/2 contains/2 starts_with/2
        regexp_matches/2 regexp_replace/3 mod/2 ln/1 exp/1 power/2 ceil/1 floor/1 sign/1 trunc/1 ifnull/2 last_day/1""",
    "bigquery": """length/1 substr/2-3 trim/1 ltrim/1 rtrim/1 concat/1-6 greatest/2-4 least/2-4 left/2 right/2 ifnull/2
        mod/2 ln/1 exp/1 pow/2 ceil/1 floor/1 sign/1 starts_with/2 regexp_contains/2 safe_divide/2""",
    "snowflake": """length/1 substr/2-3 trim/1 ltrim/1 rtrim/1 concat/1-6 greatest/2-4 least/2-4 left/2 right/2 ifnull/2
        nvl/2 mod/2 ln/1 exp/1 power/2 ceil/1 floor/1 sign/1 year/1 month/1 day/1 quarter/1 week/1 hour/1 to_char/2
        to_date/1 split_part/3 contains/2 iff/3 zeroifnull/1""",
    "tsql": """len/1 substring/3 trim/1 ltrim/1 rtrim/1 concat/2-6 isnull/2 left/2 right/2 charindex/2 year/1 month/1
        day/1 getdate/0 power/2 ceiling/1 floor/1 sign/1 exp/1 iif/3""",
    "trino": """length/1 substr/2-3 trim/1 ltrim/1 rtrim/1 concat/2-6 greatest/2-4 least/2-4 mod/2 ln/1 exp/1 power/2
        ceil/1 floor/1 sign/1 year/1 month/1 day/1 quarter/1 week/1 hour/1 split_part/3 starts_with/2 strpos/2""",
}
# name/arguments besides a unit that is written as text, first: DATE_TRUNC('month', day)
_PARTS_OF = {
    "postgres": "date_trunc/1 date_part/1",
    "duckdb": "date_trunc/1 date_part/1 date_diff/2 datediff/2",
    "snowflake": "date_trunc/1",
    "trino": "date_trunc/1 date_diff/2",
}
# name/arguments besides the unit; `@` first or last says where the unit stands
_UNITS_OF = {
    "mysql": "@timestampdiff/2",
    "bigquery": "date_trunc@/1 date_diff@/2 timestamp_trunc@/1",
    "snowflake": "@datediff/2 @dateadd/2",
    "tsql": "@datediff/2 @dateadd/2 @datepart/1",
}


def calls(dialect: str) -> Mapping[str, Call]:
    """Return function → how it is called, in a dialect; house functions take as many arguments as they declare.

    Whatever is not on the guard's list is left out. COUNT, CAST, EXTRACT and CASE are the grammar's own.

    >>> calls("sqlite")["round"], calls("sqlite")["avg"]
    (Call(fewest=1, most=2, kind='scalar', unit_at=0), Call(fewest=1, most=1, kind='aggregate', unit_at=0))
    """
    house = load_dialect(dialect)
    own = {f.name.lower(): Call(len(f.arguments), len(f.arguments)) for f in house.functions}
    return {**_calls_of(house.base), **own}


@lru_cache
def _calls_of(base: str) -> Mapping[str, Call]:
    found: dict[str, Call] = {}
    for kind, words in (
        ("scalar", _SCALARS + " " + _SCALARS_OF.get(base, "")),
        ("aggregate", _AGGREGATES + " " + _AGGREGATES_OF.get(base, "")),
        ("window", _WINDOWS),
        ("part", _PARTS_OF.get(base, "")),
        ("unit", _UNITS_OF.get(base, "")),
    ):
        for word in words.split():
            name, _, counts = word.partition("/")
            fewest, _, most = counts.partition("-")
            found[name.strip("@")] = Call(int(fewest), int(most or fewest), kind, -1 if name.endswith("@") else 0)
    allowed = allowed_functions(base)
    return {name: call for name, call in found.items() if name in allowed}
