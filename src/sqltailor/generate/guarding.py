"""Guardrails of Amazon Bedrock for any model: ApplyGuardrail checks the question before it, and its answer after."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Literal

from sqltailor.aws.session import client, default_region, region_of, told
from sqltailor.types import Completion, Generate, GenerateOptions, Guardrail, Prompt
from sqltailor.wire.guardrail_config import because

AT_ONCE = 8


def guarding(generate: Generate) -> Generate:
    """Return a model whose questions and answers the guardrail of its options checks, where they name one.

    One that is asked through Converse carries the guardrail in its requests, and is returned as it is.
    """
    return generate if getattr(generate, "carries_guardrail", False) else _Guarded(generate)


class _Guarded:
    carries_guardrail = True

    def __init__(self, generate: Generate) -> None:
        self._generate = generate

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        if options.guardrail is None:
            return self._generate(prompts, options)
        rail = _Rail(options.guardrail)
        stopped = rail.refusals("INPUT", [_said_by_people(prompt) for prompt in prompts])
        asked = [prompt for prompt, refused in zip(prompts, stopped, strict=True) if refused is None]
        answers = self._generate(asked, options) if asked else []
        refusals = rail.refusals("OUTPUT", [answer.text for answer in answers])
        checked = iter([_refused(*pair) for pair in zip(answers, refusals, strict=True)])
        return [
            Completion("", tokens_in=0, tokens_out=0, refused=refused) if refused else next(checked)
            for refused in stopped
            for _ in range(options.n)
        ]


def _said_by_people(prompt: Prompt) -> str:
    """Return what a guardrail looks at in a request of Converse: everything but the system's message."""
    return "\n".join(message.content for message in prompt.messages if message.role != "system")


def _refused(answer: Completion, refusal: str | None) -> Completion:
    return dataclasses.replace(answer, text="", others=(), refused=refusal) if refusal else answer


class _Rail:
    def __init__(self, guardrail: Guardrail) -> None:
        self._guardrail = guardrail

    @cached_property
    def _client(self) -> Any:
        return client("bedrock-runtime", region_of(self._guardrail.id) or default_region(), limit_rate=True)

    def refusals(self, source: Literal["INPUT", "OUTPUT"], texts: Sequence[str]) -> list[str | None]:
        """Return why each text is refused, None for one that is not. Nothing is asked of an empty one."""
        _ = self._client  # before threads ask for it at once
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda text: self._refusal(source, text) if text.strip() else None, texts))

    def _refusal(self, source: str, text: str) -> str | None:
        rail = self._guardrail
        with told(f"apply the guardrail {rail.id}"):
            found = self._client.apply_guardrail(
                guardrailIdentifier=rail.id,
                guardrailVersion=rail.version,
                source=source,
                content=[{"text": {"text": text}}],
            )
        if found["action"] == "NONE":
            return None
        message = " ".join(output.get("text", "") for output in found["outputs"])
        return because(message, found["assessments"] if rail.trace else [])
