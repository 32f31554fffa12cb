"""Variables of client programs, filled in where the script sets them."""

from __future__ import annotations

import re


def _setting(words: str, between: str) -> re.Pattern[str]:
    return re.compile(
        rf"^[ \t]*{words}[ \t]+(?:hiveconf:|hivevar:)?(\w+)[ \t]*{between}[ \t]*([^;\n]*)", re.IGNORECASE | re.MULTILINE
    )


# How each client sets a variable, and how statements name it.
_CLIENTS = (
    (_setting("set", "="), re.compile(r"\$\{(?:hiveconf:|hivevar:)?(\w+)\}")),  # Hive
    (_setting(":setvar", r"[ \t]"), re.compile(r"\$\((\w+)\)")),  # sqlcmd
    (_setting("def(?:ine)?", "="), re.compile(r"&&?(\w+)\.?")),  # SQL*Plus
    (_setting(r"\\set", r"[ \t]"), re.compile(r'(?<![:\w]):"?(\w+)"?')),  # psql
)


def with_variables(script: str) -> str:
    """Return a script with the variables filled in that it sets: `set a=b;`, `:setvar a b`, `DEFINE a = b`.

    >>> with_variables("set t=boat;\\nCREATE TABLE ${hiveconf:t} (a INT);").splitlines()[1]
    'CREATE TABLE boat (a INT);'
    >>> with_variables("DEFINE own = hr\\nCREATE TABLE &own..boat (a INT);").splitlines()[1]
    'CREATE TABLE hr.boat (a INT);'
    """
    for setting, use in _CLIENTS:
        values = {name.lower(): value.strip().strip("\"'") for name, value in setting.findall(script)}
        if values:
            script = _filled(script, use, values)
    return script


def _filled(script: str, use: re.Pattern[str], values: dict[str, str]) -> str:
    return use.sub(lambda found: values.get(found[1].lower(), found[0]), script)
