"""What a mask of the grammar leaves, less the names that the scope is sure to refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqltailor.sql.constrain.granted_names import Names
from sqltailor.sql.constrain.lexemes import TO_LOWER
from sqltailor.sql.constrain.name_check import Refusal, State, candidates, step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sqltailor.sql.constrain.tokens import Spelled

MAX_WORDS = 8_000
"""Names that are spelled out for one mask."""
_SIGNS = " \n,().=<>!+-*/%|:'\"`[0"


def narrow(allowed: NDArray[np.bool_], state: State, names: Names, spelled: Spelled) -> None:
    """Clear tokens of a mask, in place, that begin with a sign or a name that cannot come next."""
    if state.rest[:1] in ("'", "-"):
        return
    if state.rest[:1] == names.quotes[0]:
        _keep_quoted(allowed, state, names, spelled)
        return
    blank: State | None = None
    for sign in _SIGNS:
        of_sign = spelled.first == ord(sign)
        if not allowed[of_sign].any():
            continue
        try:
            behind = step(state, sign, names)
        except Refusal:
            allowed[of_sign] = False
        else:
            blank = behind if sign == " " else blank
    _keep_words(allowed, candidates(state, names, is_strict=True), spelled, kind=1)
    if blank is not None:
        _keep_words(allowed, candidates(blank, names, is_strict=True), spelled, kind=2)


def _keep_words(
    allowed: NDArray[np.bool_], found: tuple[str, list[str]] | None, spelled: Spelled, *, kind: int
) -> None:
    """Keep of the tokens that are (part of) a word those that a name or word begins with here."""
    import numpy as np

    if found is None or len(found[1]) > MAX_WORDS:
        return
    begun, words = found
    kept = np.zeros(len(allowed), bool)
    for piece in {word[len(begun) : end] for word in words for end in range(len(begun) + 1, len(word) + 1)}:
        kept[spelled.words.get(piece.translate(TO_LOWER), _NONE)[kind - 1]] = True
    allowed &= kept | (spelled.kind != kind)


def _keep_quoted(allowed: NDArray[np.bool_], state: State, names: Names, spelled: Spelled) -> None:
    """Keep of the tokens within a quoted name those that go on with it, or end it where it is whole."""
    found = candidates(state, names, is_strict=True)
    if found is None:
        return
    begun, words = found
    _keep_words(allowed, found, spelled, kind=1)
    if not any(word[len(begun) :].startswith(" ") for word in words):
        allowed[spelled.first == ord(" ")] = False
    if begun not in words:
        allowed[spelled.first == ord(names.quotes[1])] = False


_NONE: tuple[list[int], list[int]] = ([], [])
