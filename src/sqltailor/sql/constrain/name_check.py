"""Whether a statement that is still being written can end with every column in a table of its FROM.

A SELECT names columns before its FROM says where they are. So what is written is followed lexeme by lexeme: a column
waits until its FROM is whole, and is refused as soon as no FROM can have it. States are values: to go back is to take
an earlier one. Syntax is the grammar's; what passes both names only what the guard allows.
"""

from __future__ import annotations

from sqltailor.sql.constrain.begun import Begun, unquoted
from sqltailor.sql.constrain.granted_names import Names
from sqltailor.sql.constrain.lexemes import TO_LOWER, cut
from sqltailor.sql.constrain.select_frames import Refusal, State

__all__ = ["Refusal", "State", "again", "candidates", "other_names", "step"]


def step(state: State, text: str, names: Names, *, is_whole: bool = False) -> State:
    """Return the state behind more text, or raise `Refusal`. `is_whole`: nothing follows, and all must be well."""
    if state.at == 0 and (state.rest + text).startswith("-"):  # no statement, but why there is none
        return state._replace(rest=state.rest + text)
    keeps_case = names.syntax.quotes_keep_case
    lexemes, rest = cut(state.rest + text, state.at, names.quotes, keeps_case=keeps_case, is_whole=is_whole)
    end = state.at + len(state.rest) + len(text)
    reader = Begun(state, names)
    for lexeme in lexemes:
        reader.read(lexeme)
    if is_whole:
        reader.finish()
    elif rest:
        reader.begin(rest, end - len(rest))
    return State(tuple(reader.frames), reader.last, rest, end - len(rest))


def again(state: State, refusal: Refusal) -> State:
    """Return an earlier state with what a refusal has taught it."""
    frames = list(state.frames)
    level = min(refusal.level, len(frames) - 1)
    frames[level] = frames[level]._replace(hint=refusal.hint or frames[level].hint, is_strict=True)
    return state._replace(frames=tuple(frames))


def other_names(state: State, text: str, names: Names) -> list[str] | None:
    """Return the columns and tables that may stand bare behind a state and more text, folded; None where any may."""
    behind = step(state, text, names) if text else state
    found = None if behind.rest.strip(" \n") else Begun(behind, names).nameable()
    return None if found is None else [name.translate(TO_LOWER) for name in found if names.is_bare(name)]


def candidates(state: State, names: Names, *, is_strict: bool = False) -> tuple[str, list[str]] | None:
    """Return the word that is begun (or "") and all words it may become, as they are compared; None where any may be.

    `is_strict`: of the aliases that a SELECT may use before its FROM, only the usual ones.
    """
    reader = Begun(state, names)
    rest = names.compared(state.rest)
    if is_strict:
        reader.put(is_strict=True)
    if rest[:1] == names.quotes[0]:
        found, rest = reader.quotable(), unquoted(rest, names.quotes[1])
        words = {names.compared(names.quotes[0] + name)[1:] for name in found or ()}
    elif rest and not (rest[0].isalpha() or rest[0] == "_"):
        return None
    else:
        found = reader.possible()
        words = {name.translate(TO_LOWER) for name in found or () if names.is_bare(name)}
    return None if found is None else (rest, sorted(word for word in words if word.startswith(rest)))
