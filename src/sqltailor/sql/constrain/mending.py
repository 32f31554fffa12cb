"""What may be written where a name was refused: another name, and no way around it."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqltailor.sql.constrain.granted_names import Names
from sqltailor.sql.constrain.lexemes import TO_LOWER

_WORD = re.compile(r"[a-z_\x80-\xff][\w\x80-\xff$]*")


class Renaming(NamedTuple):
    """One of `others` must be written behind the first `place` tokens, where the refused name began at `start`."""

    place: int
    start: int
    others: list[str]

    def permits(self, text: str, quote: str) -> bool:
        """Tell whether what is written behind `place` begins one of the names, bare or in quotes."""
        begun = text.lstrip(" \n(,.").translate(TO_LOWER)
        word = _WORD.match(begun)
        if word is None:
            return begun[:1] in ("", quote)
        if word.end() == len(begun):
            return any(name.startswith(begun) for name in self.others)
        return word[0] in self.others


def is_odd(word: str, names: Names) -> bool:
    """Tell whether a word has capitals where no name has: what a model writes to get around a refusal."""
    if word.islower() or word.isupper() or word[1:].islower() or not word.isidentifier():
        return False
    return not any(name.startswith(word) for name in names.written.values())
