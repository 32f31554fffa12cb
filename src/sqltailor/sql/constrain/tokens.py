"""A tokenizer as the constraint needs it: llguidance's own, the text of each token, and tokens by what they spell."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import ConfigError, require
from sqltailor.sql.constrain.lexemes import TO_LOWER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_ITEMS = 2_000_000
"""Of llguidance's parser, for one mask."""
MAX_COMPILED = 64


class Spelled(NamedTuple):
    """Tokens by their text, V of them. `first`: the first byte; `kind`: 1 a word, 2 blanks and a word, 0 all others.

    `words`: folded text without blanks in front → the tokens of kind 1, and of kind 2.
    """

    first: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    words: dict[str, tuple[list[int], list[int]]]


class Tokens:
    """A model's tokens; made once for a model, in about a second for 150,000 of them.

    `size`: the model's, which may be more than the tokenizer's. `ends`: the tokens that end an answer. Raises
    `MissingExtra` where llguidance is not installed.
    """

    def __init__(self, tokenizer: Any, size: int, ends: Collection[int]) -> None:
        require("llguidance", extra="local", feature="Constrained decoding")
        from llguidance import LLTokenizer

        self.size = size
        self.ends = frozenset(ends)
        described = copy(tokenizer.backend_tokenizer)
        described.no_padding()
        described.no_truncation()
        self.tokens = LLTokenizer(described.to_str(), n_vocab=size, eos_token=sorted(ends), slices=[])
        self._texts: dict[int, str] = {}
        self._matchers: dict[str, Any] = {}

    def matcher(self, grammar: str) -> Any:
        """Return a matcher at the beginning of a grammar. One that was compiled before is kept: schemas share many."""
        from llguidance import LLMatcher, LLParserLimits

        if grammar not in self._matchers:
            limits = LLParserLimits(step_max_items=MAX_ITEMS)
            matcher = LLMatcher(self.tokens, grammar, limits=limits, log_level=0)
            if matcher.is_error():
                raise ConfigError(f"The grammar of this schema cannot be compiled: {matcher.get_error()}")
            if len(self._matchers) >= MAX_COMPILED:
                self._matchers.clear()
            self._matchers[grammar] = matcher
        return self._matchers[grammar].deep_copy()

    def text(self, token: int) -> str:
        """Return what a token spells, one character a byte."""
        found = self._texts.get(token)
        if found is None:
            found = self._texts[token] = self.tokens.decode_bytes([token]).decode("latin-1")
        return found

    def spell(self, text: str) -> list[int]:
        """Return the tokens of a text that has one character a byte."""
        return list(self.tokens.tokenize_bytes(text.encode("latin-1")))

    @cached_property
    def spelled(self) -> Spelled:
        """All tokens by their text; made when a mask is first narrowed."""
        import numpy as np

        first, kind = np.zeros(self.size, np.uint8), np.zeros(self.size, np.uint8)
        words: dict[str, tuple[list[int], list[int]]] = {}
        for token in range(self.size):
            text = self.text(token)
            if not text:
                continue
            first[token] = ord(text[0])
            word = text.lstrip(" \n")
            if word and (word[0].isalnum() or word[0] == "_" or word[0] >= "\x80"):
                has_blanks = len(word) < len(text)
                kind[token] = 1 + has_blanks
                words.setdefault(word.translate(TO_LOWER), ([], []))[has_blanks].append(token)
        return Spelled(first, kind, words)
