"""Converse and ConverseStream: a local model answers for foundation models and for deployments of tuned ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqltailor.aws.bedrock_models import MODELS
from sqltailor.data.canonical import read_schema_text
from sqltailor.data.reference_prompt import from_messages
from sqltailor.generate import load
from sqltailor.local_bedrock.protocol import error
from sqltailor.local_bedrock.resources import Deployment
from sqltailor.local_bedrock.state import State, find
from sqltailor.prompt.text import build_prompt
from sqltailor.recipe import Recipe
from sqltailor.taught import prompt_name
from sqltailor.types import Completion, GenerateOptions, Message, Prompt, Schema
from sqltailor.wire.converse import messages_of, options_of

MAX_TOKENS = 5_000
"""What Nova writes at most."""

Answers = Callable[[Sequence[Message], GenerateOptions], Iterator[str | Completion]]
"""A conversation and options → its answer in pieces, and whole at the end."""
OpenAnswers = Callable[[str], Answers]
"""Model reference → what answers with it."""


class Runtime:
    """The operations on models that answer. `base` answers for foundation models."""

    def __init__(self, base: str, open_answers: OpenAnswers) -> None:
        self.base, self._open = base, open_answers
        self._opened: dict[str, Answers] = {}
        self._lock = threading.Lock()

    def answer(self, state: State, params: Mapping[str, Any]) -> Iterator[str | Completion]:
        """Return the pieces of an answer to a request of either operation. Raises `AwsError`."""
        options = options_of(params)
        if options.max_tokens > MAX_TOKENS:
            raise error("ValidationException", f"maxTokens is {options.max_tokens}; at most {MAX_TOKENS} are allowed")
        roles = [turn["role"] for turn in params.get("messages", ())]
        if not roles or roles != [("user", "assistant")[i % 2] for i in range(len(roles))] or roles[-1] != "user":
            raise error("ValidationException", "A conversation goes user, assistant, …, and ends with a user message")
        for turn in params["messages"]:
            if not "".join(block.get("text", "") for block in turn["content"]).strip():
                raise error("ValidationException", "The text of a message is empty")
        return self._answers(self._reference(state, params["modelId"]))(messages_of(params), options)

    def _reference(self, state: State, model_id: str) -> str:
        if "custom-model-deployment/" in model_id or "provisioned-model/" in model_id:
            deployment: Deployment = find(state.deployments | state.units, model_id, "deployment")
            deployment.settle()
            if deployment.status != "Active":
                raise error("ModelNotReadyException", f"The deployment {deployment.name} is {deployment.status}")
            return str(state.models[deployment.model_arn].reference)
        wanted = model_id.rpartition("foundation-model/")[2]
        if wanted not in {model.inference_id for model in MODELS.values()}:
            raise error("ValidationException", f"The model {model_id} cannot be invoked on demand")
        return self.base

    def _answers(self, reference: str) -> Answers:
        with self._lock:
            if reference not in self._opened:
                self._opened[reference] = self._open(reference)
            return self._opened[reference]


def open_answers(reference: str) -> Answers:
    """Return what answers with a local model.

    A conversation about a database is written in the words of that model's own prompt, as it was in its training:
    what CREATE TABLE text the conversation holds is its schema, the last user message its question.
    """
    name = prompt_name(Recipe(), reference)
    return _answers(reference, lambda messages: _prompt(messages, name))


def open_chat(reference: str) -> Answers:
    """Return what answers with a local model to messages as they are: at an endpoint stands the tuned one itself."""
    return _answers(reference, lambda messages: Prompt(tuple(messages)))


def _answers(reference: str, prompt_of: Callable[[Sequence[Message]], Prompt]) -> Answers:
    model = load(reference, batch=1)
    stream = getattr(model, "stream", None)

    def answer(messages: Sequence[Message], options: GenerateOptions) -> Iterator[str | Completion]:
        prompt = prompt_of(messages)
        if stream is None:
            [whole] = model([prompt], options)
            yield whole.text
            yield whole
            return
        text = ""
        for piece in stream(prompt, options):
            text += piece
            yield piece
        count = getattr(model, "count_tokens", len)
        out = count(text)
        into = sum(count(message.content) for message in messages)
        yield Completion(text, "length" if out >= options.max_tokens else "end", into, out)

    return answer


def _prompt(messages: Sequence[Message], name: str) -> Prompt:
    example = from_messages([*messages, Message("assistant", "SELECT 1")], "sqlite")
    schema = read_schema_text(example.schema, example.dialect) if example.schema else Schema()
    return build_prompt(example, schema, name=name)
