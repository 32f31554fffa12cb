"""One statement that is written token by token: which token may come next, and which ones follow by themselves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.sql.constrain.lexemes import Names, Violation
from sqltailor.sql.constrain.name_check import problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRIES = 24
"""Tokens that are tried at one place before a mask is computed, and under it before the statement falls back."""
LIKELY = 4.0
"""Difference of logits: a token that is less likely than the best by more is no repair of what the best one breaks."""
MAX_RETURNS = 8
"""Times that a statement goes back to write another name."""
RESERVE = 56
"""Tokens that are kept for the short statement to fall back to."""

Pick = Callable[["NDArray[np.float32]"], int]
"""Logits (V,) → a token that is not forbidden (minus infinity)."""


class Move(NamedTuple):
    """What to do next: drop `back` tokens, then append `tokens`; `is_done`: the statement ends behind them."""

    back: int
    tokens: list[int]
    is_done: bool = False


class Walk:
    """The state of one row: `ids` are its tokens so far. `budget`: the most that it may come to."""

    def __init__(
        self, tokenizer: Any, grammar: Any, short: Any, names: Names, dialect: str, ends: Collection[int], budget: int
    ) -> None:
        self._tokenizer, self._grammar, self._short = tokenizer, grammar, short
        self._names, self._dialect, self._ends, self._budget = names, dialect, ends, budget
        self.ids: list[int] = []
        self.rejects = 0
        self.returns = 0
        self.fell_back = False
        self._is_strict = False
        self._banned: frozenset[tuple[int, str]] = frozenset()
        self._first: NDArray[np.float32] | None = None
        self._matcher = grammar.deep_copy()
        if budget <= RESERVE:
            self._fall_back()

    def take(self, logits: NDArray[np.float32] | None, pick: Pick) -> Move:
        """Return the next move by the logits (V,) behind what is written.

        Behind a move that appends none, the next logits must be those behind what is left; None: behind the prompt.
        """
        if self._first is None:
            assert logits is not None
            self._first = logits
        logits = (self._first if logits is None else logits).copy()
        if not self.fell_back and (len(self.ids) >= self._budget - RESERVE or self._matcher.is_error()):
            return self._restart(len(self.ids), pick)  # no room is left, or the parser's limits are reached
        best = float(logits.max())
        blame: Violation | None = None
        for is_masked in (False, True):  # the likeliest tokens are nearly always allowed: a whole mask costs more
            if is_masked:
                self._mask(logits)
            for _ in range(TRIES):
                if not logits.max() > -float("inf"):
                    break
                token = pick(logits)
                if blame is not None and logits[token] < best - LIKELY:
                    return self._go_back(blame)
                if self._fits(token):
                    reason = None if self.fell_back else self._problem([*self.ids, token])
                    if reason is None:
                        return self._accept(token)
                    if reason.blame is not None and self.returns < MAX_RETURNS:
                        if reason.is_sure:
                            return self._go_back(reason)
                        blame = blame or reason
                self.rejects += 1
                logits[token] = -float("inf")
        return self._go_back(blame) if blame is not None else self._restart(len(self.ids), pick)

    def _fits(self, token: int) -> bool:
        """Tell whether the grammar allows a token here."""
        if token in self._ends:
            return bool(self._matcher.is_accepting())
        return bool(self._matcher.validate_tokens([token]) == 1)

    def _problem(self, ids: list[int]) -> Violation | None:
        is_whole = ids[-1] in self._ends
        return problem(
            self._text(ids[:-1] if is_whole else ids),
            self._names,
            self._dialect,
            is_whole=is_whole,
            is_strict=self._is_strict,
            banned=self._banned,
        )

    def _text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode_bytes(ids).decode("utf-8", errors="ignore"))

    def _accept(self, token: int) -> Move:
        if token in self._ends:
            return Move(0, [], is_done=True)
        self._matcher.consume_token(token)
        tokens = [token]
        self.ids.append(token)
        for forced in self._matcher.compute_ff_tokens():
            if len(self.ids) >= self._budget - 1 or (not self.fell_back and self._problem([*self.ids, forced])):
                break
            if forced in self._ends or not self._matcher.consume_token(forced):
                break
            self.ids.append(forced)
            tokens.append(forced)
        return Move(0, tokens, is_done=self._matcher.is_stopped() and not self._matcher.is_error())

    def _go_back(self, reason: Violation) -> Move:
        """Return to where a name begins that no table in FROM has, and have another written there."""
        assert reason.blame is not None
        place, _ = reason.blame
        kept = 0
        while kept < len(self.ids) and len(self._text(self.ids[: kept + 1])) <= place:
            kept += 1
        self.returns += 1
        self._is_strict = self._is_strict or reason.is_sure
        self._banned |= {reason.blame}
        back = len(self.ids) - kept
        self.ids = self.ids[:kept]
        self._matcher = self._grammar.deep_copy()
        self._matcher.consume_tokens(self.ids)
        return Move(back, [])

    def _restart(self, back: int, pick: Pick) -> Move:
        """Begin anew with the grammar of short statements."""
        assert self._first is not None
        self._fall_back()
        logits = self._first.copy()
        self._mask(logits)
        return self._accept(pick(logits))._replace(back=back)

    def _fall_back(self) -> None:
        self.fell_back, self.ids, self._matcher = True, [], self._short.deep_copy()

    def _mask(self, logits: NDArray[np.float32]) -> None:
        """Put minus infinity where a token may not come next."""
        import numpy as np

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, bitorder="little")[: len(logits)].astype(bool)
        logits[: len(allowed)][~allowed] = -np.inf
        logits[len(allowed) :] = -np.inf
