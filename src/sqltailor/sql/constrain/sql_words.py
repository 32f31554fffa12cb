"""The words of SQL that a constraint must tell from names: keywords, units, and types."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEYWORDS = _words("""
all and any as asc between by case cast collate cross desc distinct else end escape except exists false for from full
group having in inner intersect interval into is join lateral left like limit natural not null on or order outer over
partition recursive right select set then true union using values when where with within
""")
"""Words that are never an alias or a plain column here; a column of such a name is quoted."""

OPERATORS = _words("""
at div fetch filter first following glob ilike last match minus mod nulls offset preceding qualify range regexp rlike
row rows similar some sounds ties top unbounded window xor
""")
"""Keywords unless the schema has a table or column of that name."""

UNITS = _words("""
year years quarter quarters month months week weeks day days hour hours minute minutes second seconds microsecond
millisecond dow doy epoch isodow isoyear isoweek dayofweek dayofyear current ignore respect only time zone leading
trailing both separator percent current_date current_time current_timestamp localtime localtimestamp sysdate
""")
"""Words that stand where a column could, and are none unless the schema has such a column."""

TYPED = _words("date time timestamp datetime")
"""Words that make a string behind them a value of that type."""

ENDS_FROM = _words("where group having order limit offset fetch window qualify union intersect except minus")
"""Words that end a FROM clause, or the statement that it is in."""

SET_OPERATORS = _words("union intersect except minus")
