"""The values that every part of SQLTailor passes around. Frozen, typed, and free of behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Role = Literal["system", "user", "assistant"]

Outcome = Literal[
    "correct",
    "wrong",
    "empty_match",
    "declined",
    "no_sql",
    "unparsed",
    "schema_error",
    "refused",
    "sql_error",
    "timeout",
    "truncated",
    "gold_error",
]
"""What became of one predicted SQL. `empty_match`: right, but both results are empty, so it proves little."""

Led = Literal["followed", "went_back", "shortened", "cut"]
"""How a constraint led an answer: the model only followed it; went back to a name to write another; was held to a short
statement in the end; or was cut where the room was spent and the statement whole."""
Difference = Literal["column", "order", "multiplicity", "type", "truncation", "value"]
"""How a result differs from the gold result; see `evaluate.metrics.difference`."""

Layer = Literal["text", "parse", "policy", "role", "limits"]
"""The guard's layer that refused a statement."""

Cell = str | int | float | bytes | bool | None


class Reference(NamedTuple):
    """The column that a foreign key points to; without a `namespace`, the referring table's own comes first."""

    table: str
    column: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is the database's own spelling; `samples` are a few stored values, most frequent first."""

    name: str
    type: str = "TEXT"
    primary_key: bool = False
    references: Reference | None = None
    comment: str | None = None
    samples: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One table or view. `name` is as statements write it, unquoted, with `namespace` and `catalog` apart.

    `query` is a view's SELECT where it is known. `home` is what statements may write before that name, but need not:
    the database that a script has chosen (`USE shop`). Neither counts when tables are compared.
    """

    name: str
    columns: tuple[Column, ...]
    namespace: str | None = None
    comment: str | None = None
    is_view: bool = False
    query: str | None = field(default=None, compare=False, repr=False)
    catalog: str | None = None
    home: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables, columns, types, keys and comments of one database."""

    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One training or test item.

    Exactly one of `question` and `spec` is set. `sql` lists the accepted gold statements, the preferred one first; a
    question that is only asked has none, and no `id`.
    `schema` is DDL text; `db_id` names a database instead. `source` and `line` (1-based) say where it came from.
    """

    id: str = ""
    sql: tuple[str, ...] = ()
    question: str | None = None
    spec: Mapping[str, Any] | None = None
    history: tuple[Message, ...] = ()
    evidence: str | None = None
    schema: str | None = None
    db_id: str | None = None
    dialect: str = "sqlite"
    difficulty: str | None = None
    source: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: messages, and the schema and dialect that constrained decoding and the guard need."""

    messages: tuple[Message, ...]
    schema: Schema = field(default_factory=Schema)
    dialect: str = "sqlite"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A guardrail of Amazon Bedrock by its id or ARN. With `trace`, an intervention says which of its rules it was."""

    id: str
    version: str = "DRAFT"
    trace: bool = True


MAX_TOKENS = 256
"""Tokens of the longest answer, where nothing else is said."""


GrammarServer = Literal["vllm", "sglang", "llama.cpp"]
"""Servers of models that take a grammar with a request, each in its own field."""


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """How to generate. `temperature` 0 is greedy; `n` completions a prompt; `stop` strings end the text, excluded.

    `candidates` are drawn beside the greedy answer by what chooses among them, `generate.choose`; `repairs` is how
    often `generate.repair` asks again. `constrain` keeps a local model to SQL that names only what the prompt's schema
    has, `known_joins` to the joins that it knows; `grammar_for` is the kind of server that is sent the grammar of it.
    `guardrail` checks questions and answers.
    """

    max_tokens: int = MAX_TOKENS
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    stop: tuple[str, ...] = ()
    seed: int | None = None
    candidates: int = 0
    repairs: int = 0
    constrain: bool = False
    known_joins: bool = True
    grammar_for: GrammarServer | None = None
    guardrail: Guardrail | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote. `stop`: `end` (the model ended), `length` (cut at max_tokens), `stop` (a stop string).

    Times are milliseconds since the request began, for the batch that the prompt was in; `logprob` is the sum over
    the generated tokens. What a backend does not measure is None, never 0. Where candidates were voted on,
    `confidence` is the share that agrees with this one, and `others` holds the next best answer's text. `led`: see
    `Led`; None without a constraint. `repairs` counts how often it was asked for again because it did not run.
    `refused` says why a guardrail stands in its place; its text is then empty.
    """

    text: str
    stop: Literal["end", "length", "stop"] = "end"
    tokens_in: int | None = None
    tokens_out: int | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    logprob: float | None = None
    confidence: float | None = None
    others: tuple[str, ...] = ()
    led: Led | None = None
    repairs: int = 0
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One line of `predictions-REF.jsonl`: an answer, what became of it and why, and its scores.

    `difference` is how its result differs from the gold result, `results` the first differing rows of both; they are
    set for statements that ran and are wrong.
    """

    id: str
    model: str
    predicted: str
    outcome: Outcome
    reason: str | None = None
    difference: Difference | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    results: Mapping[str, Any] | None = None
    stop: str = "end"
    tokens_in: int | None = None
    tokens_out: int | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    confidence: float | None = None
    led: Led | None = None
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of one statement. `truncated` when the row cap cut them."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    truncated: bool = False
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """May a statement run? `layer` and `reason` are set when it may not."""

    allowed: bool
    layer: Layer | None = None
    reason: str | None = None


Generate = Callable[[Sequence[Prompt], GenerateOptions], list[Completion]]
"""A model is a function: `len(prompts) * options.n` completions, those of one prompt side by side."""

OnProgress = Callable[[str, int, int], None]
"""Called with what is under way (a model, a file), how much of it is done, and how much there is in all."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The tables and columns that statements may name.

    Entries are `T`, `T.C`, `T.*`, `NS.T`, `NS.T.C`; a name that has a dot is written in double quotes. An empty
    `allow` means everything in the schema; `deny` wins. System catalogs are never granted.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
