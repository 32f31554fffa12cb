"""Aliases of the tables in a FROM clause."""

from __future__ import annotations

from typing import Literal

from sqltailor.synth.query import Use

Aliases = Literal["letters", "numbered", "names"]
"""How joined tables are called: `orders AS o`, `orders AS T1`, or by their names (numbered where one comes twice)."""


def aliases(uses: tuple[Use, ...], style: Aliases, taken: set[str]) -> dict[str, str]:
    """Return what to call each binding, in the order of the tables; the names are added to those that are taken."""
    found: dict[str, str] = {}
    tables = [use.table for use in uses]
    for number, use in enumerate(uses, start=1):
        if style == "letters":
            word = use.role if use.table in tables[: number - 1] else use.table.rpartition(".")[2]
            name = _letter(word, taken)
        elif style == "numbered" or use.binding != use.table:
            name = next(f"T{n}" for n in range(number, 99) if f"T{n}" not in taken)
        else:
            name = use.table
        taken.add(name)
        found[use.binding] = name
    return found


def _letter(word: str, taken: set[str]) -> str:
    """Return the first letter of a word that is not taken, or a letter with a number."""
    letters = [letter for letter in word.lower() if "a" <= letter <= "z"] or ["t"]
    free = next((letter for letter in letters if letter not in taken), None)
    return free or next(f"{letters[0]}{n}" for n in range(2, 99) if f"{letters[0]}{n}" not in taken)
