"""What models behind a service have in common: several prompts at a time, and a single one streamed."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqltailor.types import Completion, GenerateOptions, Prompt

Event = Mapping[str, Any]


class RemoteModel(ABC):
    """Asks a service, up to `at_once` prompts at a time; a single one is streamed, so that its first token is timed."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return `options.n` completions a prompt, side by side, in the order of the prompts."""
        asked = [prompt for prompt in prompts for _ in range(options.n)]
        if len(asked) == 1:
            return [self._streamed(asked[0], options)]
        with ThreadPoolExecutor(self._at_once) as pool:
            return list(pool.map(lambda prompt: self._ask(prompt, options), asked))

    def stream(self, prompt: Prompt, options: GenerateOptions) -> Iterator[str]:
        """Yield the text of one completion in pieces as it is written."""
        yield from (text for event in self._events(prompt, options) if (text := self._text(event)))

    def _streamed(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began, first, events = time.perf_counter(), None, []
        for event in self._events(prompt, options):
            if first is None and self._text(event):
                first = since(began)
            events.append(event)
        return self._whole(events, first, since(began))

    @abstractmethod
    def _ask(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        """Return one answer that comes whole."""

    @abstractmethod
    def _events(self, prompt: Prompt, options: GenerateOptions) -> Iterator[Event]:
        """Yield the events of one answer that comes as a stream."""

    @abstractmethod
    def _text(self, event: Event) -> str:
        """Return the text that an event brings."""

    @abstractmethod
    def _whole(self, events: Sequence[Event], first_token_ms: float | None, total_ms: float) -> Completion:
        """Return what the events of a stream say together."""


def since(began: float) -> float:
    """Return the milliseconds since a time of the performance counter."""
    return round((time.perf_counter() - began) * 1000, 2)
