"""Choose by votes: group several answers to one question by their results, and take the largest group's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import Literal, NamedTuple

from sqltailor.types import Completion, Generate, GenerateOptions, Prompt

TEMPERATURE, TOP_P = 0.8, 0.95
"""How candidates are drawn beside the greedy answer."""

Kind = Literal["rows", "nothing", "failed"]
"""What a candidate came to: rows, a result that says nothing (no row, or only NULL and 0), or none at all."""


class Ballot(NamedTuple):
    """What a candidate counts for: those of equal `key` say the same. `fault`: why its statement does not run."""

    key: Hashable
    kind: Kind = "rows"
    fault: str | None = None


BallotOf = Callable[[str], Ballot]
"""Text of an answer → its ballot."""


def choosing(generate: Generate, ballot_of: BallotOf) -> Generate:
    """Return a model that draws `options.candidates` answers beside the greedy one, and gives what most agree with.

    Answers agree when their ballots have one key. Those that return nothing, and those that fail, count only where
    there is no other. Of equally large groups the greedy answer's wins, then the one drawn first. The completion's
    `confidence` is the share of all answers that agree with it, and `others` holds an answer of the next group.
    """
    ranks = {"rows": 2, "nothing": 1, "failed": 0}

    def choose(answers: Sequence[Completion]) -> Completion:
        groups: dict[Hashable, list[int]] = {}
        kinds: dict[Hashable, Kind] = {}
        for place, answer in enumerate(answers):
            ballot = ballot_of(answer.text)
            groups.setdefault(ballot.key, []).append(place)
            kinds[ballot.key] = ballot.kind
        order = sorted(groups, key=lambda key: (-ranks[kinds[key]], -len(groups[key]), groups[key][0]))
        best = groups[order[0]]
        others = tuple(answers[groups[key][0]].text for key in order[1:2] if kinds[key] != "failed")
        chosen = answers[best[0]]
        times = [answer.total_ms for answer in answers if answer.total_ms is not None]
        written = [answer.tokens_out for answer in answers if answer.tokens_out is not None]
        return dataclasses.replace(
            chosen,
            confidence=len(best) / len(answers),
            others=others,
            tokens_out=sum(written) if written else None,
            total_ms=answers[0].total_ms + max(times[1:], default=0.0) if answers[0].total_ms is not None else None,
        )

    def ask(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        candidates = options.candidates
        if candidates == 0:
            return generate(prompts, options)
        greedy = generate(prompts, dataclasses.replace(options, temperature=0.0, top_p=1.0, n=1))
        drawing = dataclasses.replace(
            options, temperature=TEMPERATURE, top_p=TOP_P, n=candidates, seed=options.seed or 0
        )
        drawn = generate(prompts, drawing)
        return [choose([first, *drawn[at * candidates : (at + 1) * candidates]]) for at, first in enumerate(greedy)]

    return ask
