"""Say in words of SQL, not of the parser, why a statement cannot be read."""

from __future__ import annotations

import re

NO_SELECT = "a query begins with SELECT or WITH, and FROM comes after the selected columns."

_NAMES = {"postgres": "PostgreSQL", "tsql": "T-SQL"}


def dialect_name(base: str) -> str:
    """Return a dialect's name as people write it.

    >>> dialect_name("sqlite"), dialect_name("tsql")
    ('SQLite', 'T-SQL')
    """
    from sqlglot.dialects.dialect import Dialect

    return _NAMES.get(base) or type(Dialect.get_or_raise(base)).__name__


def not_valid(base: str, fault: Exception | str) -> str:
    """Return the sentence for a statement that is not valid; `fault` is what sqlglot raised, or words of our own."""
    said = fault if isinstance(fault, str) else _fault(fault)
    return f"This is not valid {dialect_name(base)}: {said}"


def _fault(error: Exception) -> str:
    first = next(iter(getattr(error, "errors", None) or ()), None)
    if first is None:
        return "a quote or comment is not closed." if type(error).__name__ == "TokenError" else "it cannot be read."
    word, description = str(first["highlight"]), str(first["description"])
    place = f"{word[:60]!r} (line {first['line']}, column {first['col'] - len(word) + 1})" if word else "its end"
    found = re.match(r"Expect(?:ed|ing) (?!<)(.{1,40}?)(?: but got .*| after .*)?$", description)
    expected = _in_words(found[1]) if found else ""
    if expected and "SENTINEL" in description:
        return f"it ends where {expected} is expected."
    if description.startswith("Required keyword"):
        return f"it is incomplete near {place}."
    return f"syntax error at {place}{': expected ' + expected if expected else ''}."


def _in_words(expected: str) -> str:
    if not expected.isascii() or not expected[0].isalpha():
        return repr(expected)
    return expected if expected.isupper() else f"a {expected}"
