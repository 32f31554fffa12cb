"""The script within a text: no prose, no prompts and boxes of clients, no part that takes a migration back."""

from __future__ import annotations

import re

_UP = r"up|ups"
_DOWN = r"down|downs|undo"


_TOOLS = r"\+(?:goose|migrate|micrate)|migrate:|rambler|//@"


def _side(names: str, *, bare: bool) -> str:
    """Return the pattern of a line that begins one side of a migration, as one of many tools writes it.

    `bare`: also a line of nothing but the word and signs, `-- === DOWN ===`, which counts where both sides have it.
    """
    alone = rf"|[@+!=]*[ \t]*(?:{names})[ \t]*[:=*-]*[ \t\r]*$" if bare else ""
    named = rf"(?:{_TOOLS})[ \t]*(?:{names})\b|(?:{names})[ \t]+migration\b"
    return rf"^[ \t]*(?:--|\#)[ \t]*(?:-+[ \t]*)?(?:{named}{alone})"


def _taken_back(*, bare: bool) -> re.Pattern[str]:
    above_and_below = "^---- create above / drop below ----"  # of tern
    pattern = rf"(?:{_side(_DOWN, bare=bare)}|{above_and_below}).*?(?={_side(_UP, bare=bare)}|\Z)"
    return re.compile(pattern, re.MULTILINE | re.DOTALL | re.IGNORECASE)


_TAKEN_BACK = {bare: _taken_back(bare=bare) for bare in (False, True)}
_BARE_UP = re.compile(_side(_UP, bare=True), re.MULTILINE | re.IGNORECASE)
_FENCED = re.compile(r"^[ \t]*```[^`\n]*\n(.*?)^[ \t]*```[ \t\r]*$", re.MULTILINE | re.DOTALL)
_CREATES = re.compile(r"^[ \t]*CREATE\s", re.MULTILINE | re.IGNORECASE)
# what clients show before a statement, before its further lines, around SHOW CREATE TABLE, and as their answers
_PROMPT = r"(?:(?:mysql|MariaDB [(\[][^)\]\n]*[)\]]|sqlite|hive|spark-sql|trino|presto)> |\w+[=\-*^!'(]+[#>] )"
_TYPED = re.compile(rf"^{_PROMPT}(?=(?:CREATE|ALTER|DROP|USE|SHOW)\s)", re.MULTILINE | re.IGNORECASE)
_SHOWN = re.compile(rf"^(?:{_PROMPT}|[ \t]+[-'\"`/*>]+> )", re.MULTILINE)
_FIELD = re.compile(
    r"^(?:\*{5,} \d+\. row \*{5,}|[ \t]*(?:Table|View): .*|Create (?:Table|View): (?=CREATE\s))", re.MULTILINE
)
_ANSWER = re.compile(
    r"^(?:(?:CREATE|ALTER|DROP|COMMENT)(?: [A-Z]+)?[ \t\r]*$|(?:Query OK|\d+ rows? in set)\b.*$)", re.MULTILINE
)
_BOX = re.compile(r"^\+-[-+]*\+?[ \t\r]*$|^\| ?|[ \t]*\|[ \t\r]*$", re.MULTILINE)


def only_sql(text: str) -> str:
    """Return a script on the same lines: what stands between fences, without what clients show, or the way back.

    >>> only_sql("# Shop\\n```sql\\nCREATE TABLE t (a INT);\\n```\\nThe end.")
    '\\n\\nCREATE TABLE t (a INT);\\n\\n'
    >>> only_sql("-- migrate:up\\nCREATE TABLE t (a INT);\\n-- migrate:down\\nDROP TABLE t;")
    '-- migrate:up\\nCREATE TABLE t (a INT);\\n\\n'
    """
    if _FENCED.search(text) and not _CREATES.search(_FENCED.sub("", text)):
        text = _pieces(_FENCED, text)
    if _TYPED.search(text):
        text = _SHOWN.sub("", _ANSWER.sub("", text))
    if "\nCreate " in text and "*****" in text:
        text = _ANSWER.sub("", _FIELD.sub("", text))
    if _is_boxed(text):
        text = _BOX.sub("", text)
    return _TAKEN_BACK[_BARE_UP.search(text) is not None].sub(lambda found: "\n" * found[0].count("\n"), text)


def _is_boxed(text: str) -> bool:
    """Tell whether a client has drawn a box of one column around the text."""
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) > 2 and lines[0].startswith("+-") and all(line[0] in "+|" for line in lines[:-1])


def _pieces(pattern: re.Pattern[str], text: str) -> str:
    """Return the first groups of all that a pattern finds, each on its lines."""
    kept, at = "", 0
    for found in pattern.finditer(text):
        kept += "\n" * text.count("\n", at, found.start(1)) + found[1]
        at = found.end(1)
    return kept + "\n" * text.count("\n", at)
