"""What requests bring, as JSON or in the address: the shapes, and reading one within its limits."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError
from starlette.requests import ClientDisconnect, Request

from sqltailor.evaluate.review.reviews import Mark
from sqltailor.serve.http_faults import ClientGone, HttpFault
from sqltailor.types import Message
from sqltailor.wire import openai

MAX_BYTES = 256 * 1024
READ_TIMEOUT_S = 10.0


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "It is empty")
    return text


Words = Annotated[str, AfterValidator(_not_blank)]
Reviewer = Annotated[str, Field(pattern=r"^\w[\w .'-]{0,39}$")]
"""A reviewer's name."""


class Turn(BaseModel):
    """A message that came before the question."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant"]
    content: str


class AskBody(BaseModel):
    """`POST /ask`: a question or a specification. `stream`: a line of JSON when it is written, and one when it ran.

    `values` take the places of those that the answer of a known pair has.
    """

    model_config = ConfigDict(extra="forbid")
    question: Words | None = None
    spec: dict[str, Any] | None = None
    values: list[Annotated[str, Field(max_length=200)]] | None = None
    history: list[Turn] = []
    run: bool = True
    stream: bool = False


class RunBody(BaseModel):
    """`POST /run`: a statement that a person wrote or changed."""

    model_config = ConfigDict(extra="forbid")
    sql: Words
    question: str | None = None


class FeedbackBody(BaseModel):
    """`POST /feedback`: whether an answer was right, and the SQL that would have been."""

    model_config = ConfigDict(extra="forbid")
    question: Words
    sql: Words | None = None
    good: bool
    correction: Words | None = None


class TryBody(BaseModel):
    """`POST /run` of a review: a statement for the question at a place."""

    model_config = ConfigDict(extra="forbid")
    place: int = Field(ge=0)
    sql: Words


class ReviewBody(BaseModel):
    """`POST /review`: what a reviewer says of the answer at a place."""

    model_config = ConfigDict(extra="forbid")
    place: int = Field(ge=0)
    by: Reviewer
    mark: Mark
    comment: str = Field(default="", max_length=10_000)
    correction: Words | None = None


class EvaluationView(BaseModel):
    """What a view of evaluations shows: `b` alone or beside `a`, and which of their questions."""

    model_config = ConfigDict(extra="forbid")
    a: str | None = None
    b: str
    show: Literal["fixed", "broken", "other"] | None = None
    outcome: str | None = None
    part: str | None = None
    find: str | None = None
    page: int = Field(default=1, ge=1)
    id: str | None = None
    against: Literal["other", "gold"] = "other"

    @property
    def refs(self) -> list[str]:
        """The evaluations that are shown, A before B."""
        return [ref for ref in (self.a, self.b) if ref is not None]


class JobBody(BaseModel):
    """`POST /evaluations/job`: how many of the test questions are asked; None for all."""

    model_config = ConfigDict(extra="forbid")
    limit: int | None = Field(default=None, ge=1)


class ChatMessage(BaseModel):
    """A message of a chat; parts that are not text have none here."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream holds besides the answer."""

    include_usage: bool = False


class ChatBody(BaseModel):
    """`POST /v1/chat/completions`. How to draw tokens is the recipe's to say: such keys are read over."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] = 1
    tools: Literal[None] = None
    functions: Literal[None] = None

    def turns(self) -> list[Message]:
        """Return what was said, without system messages: what the model is told is the recipe's prompt."""
        said = (Message(m.role, openai.text_of(m.content)) for m in self.messages if m.role in ("user", "assistant"))  # type: ignore[arg-type]
        return list(said)


class Block(BaseModel):
    """A part of a message of Converse; only text is read."""

    model_config = ConfigDict(extra="forbid")
    text: str


class ConverseTurn(BaseModel):
    """A message of Converse."""

    role: Literal["user", "assistant"]
    content: list[Block] = Field(min_length=1)


class ConverseBody(BaseModel):
    """The body of Converse and of Nova's InvokeModel. `system` and `inferenceConfig` are read over, as in a chat."""

    messages: list[ConverseTurn] = Field(min_length=1)
    toolConfig: Literal[None] = None

    def turns(self) -> list[Message]:
        """Return what was said."""
        return [Message(m.role, "".join(block.text for block in m.content)) for m in self.messages]


Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request, shape: type[Body]) -> Body:
    """Return the body of a request. Raises `HttpFault` for one that is too long, too slow or of another shape."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                if size > MAX_BYTES:
                    raise HttpFault(413, f"The body has more than {MAX_BYTES:,} bytes.")
                parts.append(part)
    except TimeoutError:
        raise HttpFault(408, f"The body did not arrive within {READ_TIMEOUT_S:g} s.") from None
    except ClientDisconnect:
        raise ClientGone from None
    try:
        return shape.model_validate_json(b"".join(parts))
    except ValidationError as e:
        raise _misread("body", e) from None


def read_query(request: Request, shape: type[Body]) -> Body:
    """Return what the address of a request asks for. Raises `HttpFault` for another shape."""
    try:
        return shape.model_validate(dict(request.query_params))
    except ValidationError as e:
        raise _misread("query", e) from None


def _misread(what: str, error: ValidationError) -> HttpFault:
    faults = [f"{'.'.join(map(str, fault['loc'])) or what}: {fault['msg']}" for fault in error.errors()[:3]]
    return HttpFault(400, f"The {what} cannot be read. {'; '.join(faults)}.")


def asked(turns: list[Message]) -> tuple[str, list[Message]]:
    """Return the question of a conversation, its last message, and what came before it."""
    if not turns or turns[-1].role != "user" or not turns[-1].content.strip():
        raise HttpFault(400, "The last message must be the user's question, in words.")
    return turns[-1].content, turns[:-1]
