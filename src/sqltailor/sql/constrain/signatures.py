"""Which functions a constrained statement calls, with how many arguments: a part of what the guard allows."""

from __future__ import annotations

from collections.abc import Mapping

_SHARED = """
count/1 sum/1 avg/1 min/1 max/1 abs/1 round/1-2 length/1 lower/1 upper/1 trim/1 replace/3 coalesce/2-4 nullif/2
substr/2-3 row_number/0 rank/0 dense_rank/0 ntile/1 lag/1-3 lead/1-3 first_value/1 last_value/1 ceil/1 floor/1 sign/1
sqrt/1 power/2
"""
_SQLITE = """
total/1 group_concat/1-2 ifnull/2 iif/3 instr/2 min/2-4 max/2-4 date/1-4 time/1-4 datetime/1-4 julianday/1-4
strftime/2-5 substring/2-3 ltrim/1-2 rtrim/1-2 typeof/1 unixepoch/1-3 json_extract/2 json_array_length/1 printf/2-4
random/0 hex/1 mod/2 ln/1 log/1-2 exp/1
"""
_POSTGRES = """
concat/1-6 string_agg/2 array_agg/1 date_trunc/2 date_part/2 to_char/2 to_date/2 to_timestamp/1-2 now/0 age/1-2
greatest/2-4 least/2-4 substring/2-3 position/0 split_part/3 left/2 right/2 ltrim/1-2 rtrim/1-2 initcap/1 strpos/2
mod/2 ln/1 exp/1 random/0 stddev/1 variance/1 bool_and/1 bool_or/1 make_date/3 regexp_replace/3-4 trunc/1-2 log/1-2
"""
_MYSQL = """
concat/1-6 concat_ws/2-6 group_concat/1 ifnull/2 if/3 date/1 year/1 month/1 day/1 dayofweek/1 dayofmonth/1 dayofyear/1
dayname/1 monthname/1 week/1 quarter/1 hour/1 minute/1 second/1 datediff/2 date_format/2 str_to_date/2 curdate/0 now/0
greatest/2-4 least/2-4 substring/2-3 substring_index/3 left/2 right/2 instr/2 locate/2-3 char_length/1 ltrim/1 rtrim/1
mod/2 truncate/2 ln/1 exp/1 rand/0 stddev/1 variance/1 last_day/1 unix_timestamp/0-1 from_unixtime/1
"""
_DUCKDB = """
concat/1-6 string_agg/2 list/1 date_trunc/2 date_part/2 datediff/3 date_diff/3 strftime/2 strptime/2 year/1 month/1
day/1 quarter/1 week/1 hour/1 dayname/1 monthname/1 today/0 now/0 greatest/2-4 least/2-4 substring/2-3 split_part/3
left/2 right/2 ltrim/1-2 rtrim/1-2 instr/2 median/1 mode/1 quantile_cont/2 arg_max/2 arg_min/2 mod/2 ln/1 exp/1
stddev/1 variance/1 ifnull/2 contains/2 starts_with/2 regexp_matches/2 regexp_replace/3 make_date/3 last_day/1 len/1
trunc/1
"""
_WAREHOUSE = """
concat/1-6 greatest/2-4 least/2-4 left/2 right/2 ltrim/1 rtrim/1 mod/2 ln/1 exp/1 year/1 month/1 day/1 stddev/1
variance/1
"""
_BY_DIALECT = {"sqlite": _SQLITE, "postgres": _POSTGRES, "redshift": _POSTGRES, "mysql": _MYSQL, "duckdb": _DUCKDB}


def calls(dialect: str) -> Mapping[str, tuple[int, int]]:
    """Return function → fewest and most arguments, in a base dialect.

    >>> calls("sqlite")["round"], calls("sqlite")["min"]
    ((1, 2), (1, 4))
    """
    found: dict[str, tuple[int, int]] = {}
    for word in (_SHARED + _BY_DIALECT.get(dialect, _WAREHOUSE)).split():
        name, _, counts = word.partition("/")
        fewest, _, most = counts.partition("-")
        before = found.get(name, (int(fewest), 0))
        found[name] = (min(before[0], int(fewest)), max(before[1], int(most or fewest)))
    return found
