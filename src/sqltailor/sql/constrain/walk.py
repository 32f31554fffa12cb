"""One statement that is written token by token: which token may come next, and which ones follow by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.sql.constrain.masks import narrow
from sqltailor.sql.constrain.mending import Renaming, is_odd
from sqltailor.sql.constrain.name_check import Refusal, State, again, candidates, other_names, step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sqltailor.sql.constrain.granted_names import Names
    from sqltailor.sql.constrain.tokens import Tokens
    from sqltailor.types import Led

UNMASKED_TRIES, TRIES = 3, 48
"""Tokens that are tried at one place before a mask is computed (the likeliest are mostly allowed), and in all."""
LIKELY = 4.0
"""Difference of logits: a token that is less likely than the best by more is no repair of what the best one breaks."""
MAX_RETURNS = 4
"""Times that a statement goes back to write another name."""

Pick = Callable[["NDArray[np.float32]"], int]
"""Logits (V,) → a token that is not forbidden (minus infinity)."""


class Rules(NamedTuple):
    """What a statement must keep to. `short`: the grammar of short statements; `shortest`: one that is right."""

    tokens: Tokens
    names: Names
    grammar: str
    short: Callable[[], str]
    shortest: Callable[[], str]


class Move(NamedTuple):
    """What to do next: drop `back` tokens, then append `tokens`; `is_done`: the statement ends behind them."""

    back: int
    tokens: list[int]
    is_done: bool = False


class Walk:
    """The state of one row: `ids` are its tokens so far.

    For reports: `rejects`, tokens that were refused; `returns`, times that it went back to a name; `fell_back`, whether
    it began anew with a short statement on one table; `ended_early`, whether the budget cut it where it was whole.
    """

    def __init__(self, rules: Rules, budget: int) -> None:
        self._rules, self._budget = rules, budget
        self._tokens, self._names = rules.tokens, rules.names
        self.ids: list[int] = []
        self.rejects = self.returns = self._moves = 0
        self.fell_back = self.ended_early = False
        self.why = ""  # the reason of the first reject
        self._states = [State()]  # behind each number of tokens
        self._matcher = rules.tokens.matcher(rules.grammar)
        self._first: NDArray[np.float32] | None = None
        self._left: set[tuple[int, int]] = set()  # (place, token) that a name began with which was gone back from
        self._barred: set[tuple[int, int]] = set()  # those that were gone back from twice
        self._renaming: Renaming | None = None

    def copy(self) -> Walk:
        """Return another walk that stands at the same place."""
        other = object.__new__(Walk)
        other.__dict__ |= self.__dict__
        other.ids, other._states, other._matcher = list(self.ids), list(self._states), self._matcher.deep_copy()
        other._left, other._barred = set(self._left), set(self._barred)
        return other

    @property
    def led(self) -> Led:
        """How the statement came about."""
        if self.fell_back:
            return "shortened"
        return "cut" if self.ended_early else "went_back" if self.returns else "followed"

    def take(self, logits: NDArray[np.float32] | None, pick: Pick) -> Move:
        """Return the next move by the logits (V,) behind what is written, which are not changed.

        Behind a move that appends none, the next logits must be those behind what is left; None: behind the prompt.
        """
        if self._first is None:
            assert logits is not None
            self._first = logits
        self._moves += 1
        logits = (self._first if logits is None else logits).copy()
        if self._is_at_limits():
            return self._fall_back(pick)
        if max(len(self.ids), self._moves) >= self._budget - 1:
            return self._end_early(pick)
        for place, token in self._barred:
            if place == len(self.ids):
                logits[token] = -float("inf")
        best = float(logits.max())
        doubt: Refusal | None = None
        for tried in range(TRIES):
            if tried == UNMASKED_TRIES:
                self._mask(logits)
            if not logits.max() > -float("inf"):
                break
            token = pick(logits)
            if doubt is not None and logits[token] < best - LIKELY:
                return self._go_back(doubt)
            found = self._behind(token)
            if isinstance(found, State) and tried and is_odd(found.rest, self._names):
                found = None
            if isinstance(found, State):
                return self._accept(token, found)
            self.rejects += 1
            self.why = self.why or str(found or "no such syntax")
            logits[token] = -float("inf")
            if found is not None and found.back is not None and self.returns < MAX_RETURNS:
                if not found.is_open:
                    return self._go_back(found)
                doubt = doubt or found
        return self._go_back(doubt) if doubt is not None else self._fall_back(pick)

    def follow(self, token: int) -> Move | None:
        """Return the move by a token that was picked from all, if nothing stands against it; None: `take` decides."""
        if self._first is None or self._is_at_limits() or max(len(self.ids), self._moves + 1) >= self._budget - 1:
            return None
        found = None if (len(self.ids), token) in self._barred else self._behind(token)
        if not isinstance(found, State):
            return None
        self._moves += 1
        return self._accept(token, found)

    def _is_at_limits(self) -> bool:
        """Say whether the parser's own limits are reached."""
        return not self.fell_back and bool(self._matcher.is_error())

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tokens (V,) the grammar allows next, less those that the scope surely refuses."""
        import numpy as np

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, bitorder="little")[: self._tokens.size].astype(bool)
        if not self.fell_back:
            narrow(allowed, self._states[-1], self._names, self._tokens.spelled)
        if self._renaming is not None:
            left = allowed.nonzero()[0]
            allowed[left] = [self._is_other_name(int(token)) for token in left]
        return allowed

    def _is_other_name(self, token: int) -> bool:
        """Tell whether a token goes on with another name where one was refused, if that is what must be written."""
        renaming = self._renaming
        if renaming is None or len(self.ids) < renaming.place:
            return True
        return renaming.permits(self._text([*self.ids[renaming.place :], token]), self._names.quotes[0])

    def _text(self, ids: Sequence[int]) -> str:
        return "".join(self._tokens.text(token) for token in ids)

    def _mask(self, logits: NDArray[np.float32]) -> None:
        """Put minus infinity where a token may not come next."""
        allowed = self.allowed()
        logits[: len(allowed)][~allowed] = -float("inf")
        logits[len(allowed) :] = -float("inf")

    def _behind(self, token: int) -> State | Refusal | None:
        """Return the state behind a token, or why the scope refuses it; None: the grammar does."""
        if not self._is_other_name(token):
            return None
        is_end = token in self._tokens.ends
        if not (self._matcher.is_accepting() if is_end else self._matcher.validate_tokens([token]) == 1):
            return None
        text = "" if is_end else self._tokens.text(token)
        if self.fell_back:
            return self._states[-1]
        try:
            return step(self._states[-1], text, self._names, is_whole=is_end)
        except Refusal as refusal:
            return refusal

    def _accept(self, token: int, state: State) -> Move:
        if token in self._tokens.ends:
            return Move(0, [], is_done=True)
        tokens = [token]
        self._append(token, state)
        while forced := self._forced():
            for following in forced:
                found = self._behind(following) if len(self.ids) < self._budget - 1 else None
                if following in self._tokens.ends or not isinstance(found, State):
                    return Move(0, tokens, is_done=self._is_over())
                self._append(following, found)
                tokens.append(following)
        return Move(0, tokens, is_done=self._is_over())

    def _is_over(self) -> bool:
        """Say whether the grammar lets nothing follow; a parser at its limits stops, too, but is not through."""
        return self._matcher.is_stopped() and not self._matcher.is_error()

    def _append(self, token: int, state: State) -> None:
        self._matcher.consume_token(token)
        self.ids.append(token)
        self._states.append(state)
        if self._renaming is not None and state.at > self._renaming.start:  # it is written
            self._renaming = None

    def _forced(self) -> list[int]:
        """Return the tokens that alone can follow: by the grammar, or since only one name begins like this."""
        forced: list[int] = self._matcher.compute_ff_tokens()
        if forced or self.fell_back or not self._states[-1].rest:
            return forced
        state = self._states[-1]
        found = candidates(state, self._names)
        if found is None or len(found[1]) != 1 or not found[0]:
            return []
        begun, [name] = found
        spelled = self._names.written.get(name, name)
        if not spelled.startswith(state.rest) or len(spelled) == len(begun):
            return []
        tokens = self._tokens.spell(spelled[len(begun) :])
        return tokens if self._matcher.validate_tokens(tokens) == len(tokens) else []

    def _rewind(self, kept: int) -> int:
        """Drop all but the first tokens, and return how many were dropped."""
        back = len(self.ids) - kept
        if back:
            del self.ids[kept:], self._states[kept + 1 :]
            self._matcher.rollback(back)
        return back

    def _go_back(self, refusal: Refusal) -> Move:
        """Return to where a name begins that its FROM does not have, and have another written there."""
        assert refusal.back is not None
        self.returns += 1
        kept = max(i for i, state in enumerate(self._states) if state.end <= refusal.back)
        if kept < len(self.ids):
            begun = (kept, self.ids[kept])
            (self._barred if begun in self._left else self._left).add(begun)
        before = self._text(self.ids[kept:])[: refusal.back - self._states[kept].end]
        back = self._rewind(kept)
        self._states[-1] = again(self._states[-1], refusal)
        others = other_names(self._states[-1], before, self._names)
        self._renaming = None if others is None else Renaming(kept, refusal.back, others)
        return Move(back, [])

    def _fall_back(self, pick: Pick) -> Move:
        """Begin anew with the grammar of short statements; where even that has no end, write the shortest of them."""
        assert self._first is not None
        back = len(self.ids)
        if self.fell_back:
            self.ids = self._tokens.spell(self._rules.shortest().encode().decode("latin-1"))
            return Move(back, list(self.ids), is_done=True)
        self.fell_back, self.ids, self._states, self._renaming = True, [], [State()], None
        self._matcher = self._tokens.matcher(self._rules.short())
        logits = self._first.copy()
        self._mask(logits)
        token = pick(logits)
        return self._accept(token, State())._replace(back=back)

    def _end_early(self, pick: Pick) -> Move:
        """End where the budget is spent: behind the last token where the statement was whole, or by a short one."""
        back = 0
        while self.ids:
            if self._matcher.is_accepting() and isinstance(self._behind(min(self._tokens.ends)), State):
                self.ended_early = True
                return Move(back, [], is_done=True)
            back += self._rewind(len(self.ids) - 1)
        return self._fall_back(pick)._replace(back=back)
