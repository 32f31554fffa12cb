"""`generate.send_grammar`: what servers are sent is a grammar that llguidance, which they use, reads and keeps to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import llguidance
import numpy as np
import pytest
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from sqlglot import exp
from transformers import AutoTokenizer

import sqltailor
from sqltailor.generate import load
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.sql.constrain.constraint import Vocabulary
from sqltailor.sql.dialect import parse
from sqltailor.sql.schema import from_ddl
from sqltailor.types import GenerateOptions, Message, Prompt
from tests.support.chat_server import serving

SCHEMA = from_ddl("CREATE TABLE stop (name TEXT, zone INTEGER); CREATE TABLE line (number INTEGER, colour TEXT);")
PROMPT = Prompt((Message("user", "Which stops are in zone 1?"),), SCHEMA)
KEPT = {"constrain": True, "max_tokens": 60}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    tokenizer = AutoTokenizer.from_pretrained(Path(sqltailor.__file__).parent / "nano")
    return Vocabulary(tokenizer, len(tokenizer), [tokenizer.eos_token_id])


def at_random(vocabulary: Vocabulary, text: str, seed: int) -> str:
    """Return an answer that keeps to a grammar and is drawn at random otherwise, ended where that is allowed."""
    matcher = llguidance.LLMatcher(vocabulary.tokens, llguidance.grammar_from("grammar", text))
    rng, ids = np.random.default_rng(seed), list[int]()
    bits = allocate_token_bitmask(1, vocabulary.size)
    while not (matcher.is_accepting() or matcher.is_stopped()):
        fill_next_token_bitmask(matcher, bits)
        allowed = np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")[: vocabulary.size])
        ids.append(int(rng.choice(allowed)))
        assert matcher.consume_token(ids[-1]), matcher.get_error()
    return str(vocabulary.tokens.decode_str(ids))


@pytest.mark.parametrize(
    ("server", "read"),
    [
        ("vllm", lambda body: body["structured_outputs"]["grammar"]),
        ("sglang", lambda body: body["ebnf"]),
        ("llama.cpp", lambda body: body["grammar"]),
    ],
)
def test_a_server_gets_a_grammar_that_knows_the_schema(vocabulary: Vocabulary, server: Any, read: Any) -> None:
    with serving(lambda said: at_random(vocabulary, read(state.asked[-1]), len(state.asked))) as state:
        model = load(f"openai:{state.url}#qwen")
        answers = [model([PROMPT], GenerateOptions(**KEPT, grammar_for=server))[0].text for _ in range(6)]
        text = read(state.asked[-1])
    written = [answer for answer in answers if not answer.startswith("-- cannot answer:")]
    assert written
    assert {table.name for sql in written for table in parse(sql).find_all(exp.Table)} <= {"stop", "line"}
    assert text.startswith("%llguidance {}\n")
    spec = llguidance.grammar_from("grammar", text)
    for sql, is_whole in (
        ("SELECT name FROM stop WHERE zone = 1", True),
        ("SELECT colour, COUNT(*) FROM line GROUP BY colour", True),
        ("SELECT name FROM driver", False),
        ("SELECT pay FROM stop", False),
        ("DELETE FROM stop", False),
    ):
        ids = vocabulary.spell(sql)
        assert (llguidance.LLMatcher(vocabulary.tokens, spec).validate_tokens(ids) == len(ids)) is is_whole, sql


@pytest.mark.parametrize(
    ("prompt", "options"),
    [
        (PROMPT, GenerateOptions(**KEPT)),
        (PROMPT, GenerateOptions(max_tokens=60, grammar_for="vllm")),
        (Prompt(PROMPT.messages), GenerateOptions(**KEPT, grammar_for="vllm")),
        (Prompt(PROMPT.messages, SCHEMA, "oracle"), GenerateOptions(**KEPT, grammar_for="vllm")),
    ],
    ids=["no server", "no constraint", "no schema", "no grammar"],
)
def test_otherwise_none_is_sent(prompt: Prompt, options: GenerateOptions) -> None:
    with serving(lambda said: "SELECT 1") as state:
        load(f"openai:{state.url}#qwen")([prompt], options)
    assert set(state.asked[0]) == {"model", "messages", "max_tokens", "temperature"}


def test_the_recipe_names_the_kind_of_server() -> None:
    words = ["generate.send_grammar=llama.cpp", "database.url=sqlite:///x.db"]
    with Project(load_recipe(None, words).recipe) as project:
        assert project.options.grammar_for == "llama.cpp"
    with Project(load_recipe(None, words[1:]).recipe) as project:
        assert project.options.grammar_for is None
