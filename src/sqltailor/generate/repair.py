"""Repair: where a statement does not run, ask again with the reason, a few times at most."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sqltailor.generate.choose import BallotOf
from sqltailor.prompt.text import told_fault
from sqltailor.types import Completion, Generate, GenerateOptions, Prompt


def repairing(generate: Generate, ballot_of: BallotOf) -> Generate:
    """Return a model that is asked again, up to `options.repairs` times, while its statement does not run.

    Each time it sees its last statement and the reason; it is not asked any more when it writes the same again. An
    answer that was cut is not asked for again: it would be cut again.
    """

    def ask(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        answers = generate(prompts, options)
        asked = [prompt for prompt in prompts for _ in range(options.n)]
        waiting = list(range(len(answers)))
        for repairs in range(1, options.repairs + 1):
            faults = {at: ballot_of(answers[at].text).fault for at in waiting if answers[at].stop != "length"}
            again = {at: told_fault(asked[at], answers[at].text, fault) for at, fault in faults.items() if fault}
            if not again:
                break
            waiting = []
            anew = generate(list(again.values()), dataclasses.replace(options, n=1))
            for at, answer in zip(again, anew, strict=True):
                waiting += [at] if answer.text != answers[at].text else []
                answers[at] = _with_cost(answer, answers[at], repairs)
        return answers

    return ask


def _with_cost(answer: Completion, before: Completion, repairs: int) -> Completion:
    """Return an answer with what the one before it took, too."""
    written = [one.tokens_out for one in (before, answer) if one.tokens_out is not None]
    times = [one.total_ms for one in (before, answer) if one.total_ms is not None]
    return dataclasses.replace(
        answer,
        repairs=repairs,
        tokens_out=sum(written) if written else None,
        first_token_ms=before.first_token_ms,
        total_ms=sum(times) if times else None,
    )
