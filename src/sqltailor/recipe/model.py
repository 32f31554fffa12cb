"""The whole recipe as a frozen pydantic model: what every key means, its unit, its range and its default."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, PrivateAttr, model_validator

from sqltailor.recipe.fields import Float, Int, Natural, Positive, Section, Texts, key, section
from sqltailor.recipe.train import Train
from sqltailor.types import MAX_TOKENS


class Database(Section):
    """What SQL runs on, and what statements may touch."""

    url: str | None = key(
        None,
        "Where the database is: `sqlite:///shop.db`, `duckdb:///shop.duckdb`, `postgresql://…`, `mysql://…`, or of a"
        " warehouse, such as `snowflake://…`. A URL with a password belongs in `.env` as DATABASE_URL; write"
        " `${DATABASE_URL}` here.",
        repr=False,
    )
    allow: Texts = key(
        (),
        "Tables `T` and columns `T.C` that statements may name; none given: everything in the schema. A view named here"
        " opens all that it reads.",
    )
    deny: Texts = key(
        (),
        "Tables and columns that statements may not name, even if allowed; nor may views read them, where their SELECT"
        " is known: MySQL shows it with SHOW VIEW, a schema file with `CREATE VIEW … AS`; deny other views by name.",
    )
    namespaces: Texts = key(
        (), "Namespaces (PostgreSQL schemas) to read; none given: those that the database shows by default."
    )
    schema_file: str | None = key(
        None,
        "A file of CREATE TABLE statements, or a folder of such files (migrations), instead of the database's schema.",
        alias="schema",
    )
    timeout_s: Float = key(10, "A statement is stopped after this time.", unit="s", gt=0, le=86_400)
    max_rows: Int = key(
        1000, "Most rows in a result; further rows are cut, and the cut is reported.", unit="rows", ge=1
    )
    samples: Int = key(0, "Stored values read for each column, to be shown to the model.", unit="values", ge=0, le=100)
    sample_personal: bool = key(False, "Also read values of columns that look like personal data.")
    unprotected: bool = key(
        False,
        "Run statements on a warehouse, too, where no read-only session and no limit of the server holds them.",
    )


class Split(Section):
    """How examples of one file are divided. A share of 0 takes nothing away."""

    by: Literal["database", "schema", "template", "question"] = key(
        "template", "What may not lie on both sides of a split; `template` is the SQL with its literals masked."
    )
    seed: Int = key(0, "Seed of the split, and of the samples drawn.", ge=0)
    validation_share: Float = key(0.0, "Share of the training examples set aside as validation data.", ge=0, lt=1)
    test_share: Float = key(0.0, "Share of the training examples set aside as test data.", ge=0, lt=1)

    @model_validator(mode="after")
    def _something_is_left(self) -> Split:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing to train on")
        return self


class Data(Section):
    """Examples to train and test on, and text to read."""

    train: Texts = key((), "Files of training examples. A file that does not exist yet is reported when a run starts.")
    validation: str | None = key(None, "File of validation examples.")
    test: Texts = key((), "Files of test examples.")
    split: Split = section(Split, "How to take validation and test examples from the training files.")
    train_samples: Positive | None = key(None, "Training examples drawn at random; not set: all.", unit="examples")
    test_samples: Positive | None = key(
        None, "Test examples that `eval` draws at random; not set: all.", unit="examples"
    )
    documents: Texts = key(
        (), "Files of text or PDF, or folders, for method `pretrain`: data dictionary, manuals, query logs."
    )
    mapping: dict[str, str] = key(
        None, "Field of an example → column of the file, as in `{question: Q, sql: QUERY}`.", default_factory=dict
    )
    format: str | None = key(None, "Format of the files; not set: recognised for each file.")
    statements: Literal["select", "dml"] = key(
        "select", "Gold SQL that is kept: queries only, or INSERT, UPDATE and DELETE as well."
    )


class PromptOptions(Section):
    """What the model is shown."""

    name: Literal["auto", "reference", "compact"] = key(
        "auto", "Prompt; `auto` is `compact` for nano and `reference` otherwise."
    )
    comments: bool = key(True, "Show the comments of tables and columns.")
    samples: Int = key(0, "Stored values shown for each column.", unit="values", ge=0, le=100)
    hints: Int = key(
        0,
        "Show at most this many stored values that the question names, with their columns.",
        unit="lines",
        ge=0,
        le=50,
    )
    examples: Int = key(
        0,
        "Known pairs shown whose questions are nearest; in training and evaluation never the question itself.",
        unit="pairs",
        ge=0,
        le=20,
    )
    nearest: Literal["words", "meaning"] = key(
        "words",
        "How `examples` finds the nearest: by their `words`; or by their `meaning`, for which a small encoder of "
        "English (91 MB) is downloaded once.",
    )
    show: Literal["auto", "full", "linked", "none"] = key(
        "auto",
        "Of the schema: `full`; the `linked` tables that the question needs; `none`, for a model that learned it by "
        "heart; `auto` is full where that fits `max_schema_tokens`, and linked where not.",
    )
    max_schema_tokens: Positive | None = key(
        None,
        "Room for the schema (`linked`: 2,000 if not set); samples and comments go first, then tables that the "
        "question does not need.",
    )
    chat_template: str | None = key(None, "Jinja file with a chat template, for a base model whose tokenizer has none.")


class GuardrailKeys(Section):
    """A guardrail of Amazon Bedrock that checks questions and answers."""

    id: str | None = key(
        None,
        "Its id or ARN; not set: none.",
        pattern=r"^([a-z0-9]{1,64}|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]{1,64})$",
    )
    version: Annotated[str, BeforeValidator(str)] = key(
        "DRAFT", "Its version: a number, or DRAFT.", pattern=r"^([1-9][0-9]{0,7}|DRAFT)$"
    )
    trace: bool = key(True, "Ask which of its rules intervened, to say so in the reason.")


class Generation(Section):
    """How the model writes its answer."""

    max_tokens: Int = key(MAX_TOKENS, "Longest answer.", unit="tokens", ge=1)
    temperature: Float = key(0.0, "0 takes the likeliest token each time.", ge=0, le=2)
    top_p: Float = key(1.0, "Draw from the likeliest tokens that together have this probability.", gt=0, le=1)
    seed: Natural | None = key(None, "Seed of the drawing; not set: another result each time.")
    batch: Int = key(16, "Questions answered at a time.", unit="questions", ge=1)
    engine: Literal["auto", "torch", "llama"] = key(
        "auto",
        "What answers for local models: `torch`, or `llama`, llama.cpp with a GGUF file; `auto` is `llama` for a run"
        " exported with `--to gguf --quantize q8_0`, where the extra `llama` is installed and there is no GPU.",
    )
    candidates: Int = key(
        0,
        "Answers drawn beside the greedy one; what most of them return on the database is the answer. 0: greedy only.",
        unit="answers",
        ge=0,
        le=64,
    )
    repairs: Int = key(
        0,
        "Times that the model is asked again, with the reason, while its statement does not run on the database.",
        unit="times",
        ge=0,
        le=5,
    )
    constrain: bool = key(
        True, "Keep local models to statements that parse and name only tables and columns that are granted."
    )
    known_joins: bool = key(
        True, "With `constrain`: join tables only by the schema's keys, and as statements that the run learned from do."
    )
    send_grammar: Literal["none", "vllm", "sglang", "llama.cpp"] = key(
        "none",
        "With `constrain`: send an `openai:` server of this kind, run with llguidance, the grammar of what is granted.",
    )
    known: bool = key(
        True,
        "`ask` answers a question of `data.train`, or one about other stored values, by that pair, without the model.",
    )
    decline: bool = key(
        True,
        "`ask` says, without the model, that a question cannot be answered where no word of it is in the schema, its"
        " values and comments, the glossary or `data.train`.",
    )
    guardrail: GuardrailKeys = section(
        GuardrailKeys, "A guardrail of Amazon Bedrock, for any model: what it stops is refused."
    )
    min_confidence: Float = key(
        0.5,
        "With `candidates`: where a smaller share of them agrees, `ask` runs nothing and asks which reading is meant.",
        ge=0,
        le=1,
    )


class Evaluation(Section):
    """How answers are scored."""

    metrics: Texts | None = key(
        None,
        "Metrics to compute; not set: all that the data allows, Spider's exact_set only where there is no database.",
    )
    limit: Positive | None = key(None, "Test examples to score; not set: all.", unit="examples")
    timeout_s: Float = key(10, "A statement is stopped after this time.", unit="s", gt=0, le=86_400)


class Recipe(Section):
    """A whole experiment. Paths count from the folder in which the command runs."""

    database: Database = section(Database, "What SQL runs on, and what statements may touch.")
    dialect: str = key("sqlite", "SQL dialect: a name known to sqlglot, or the path of a YAML dialect.")
    glossary: dict[str, str] = key(None, "Business term → its meaning, or a fragment of SQL.", default_factory=dict)
    data: Data = section(Data, "Examples to train and test on, and text to read.")
    prompt: PromptOptions = section(PromptOptions, "What the model is shown.")
    base: str = key(
        "small",
        "Model that is tuned: a named base (`sqltailor bases`), `runs/NAME`, a Hugging Face id, a folder, a GGUF file,"
        " or a Bedrock model id.",
    )
    train: Train = section(Train, "How it is tuned.")
    generate: Generation = section(Generation, "How the model writes its answer.")
    evaluate: Evaluation = section(Evaluation, "How answers are scored.")

    _written: dict[tuple[str | int, ...], tuple[str, str]] = PrivateAttr(default_factory=dict)
    """Path → (as the recipe writes it, value), for the values that came out of the environment."""
