"""The Ollama Modelfile: its template, read as Go's text/template reads it, writes what our prompts are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from sqltailor.export.artifacts import export
from sqltailor.export.modelfile import modelfile, read_turns
from sqltailor.export.verify import example_prompt
from sqltailor.prompt.encode import encode
from sqltailor.types import Message
from tests.support.tiny_model import make_qwen_tokenizer, make_tiny_model, make_tokenizer

TOKENIZERS = {"chatml": make_qwen_tokenizer, "nano": make_tokenizer}
TURNS = (Message("user", "How many?"), Message("assistant", "SELECT 1"), Message("user", "And {{ now }}?"))


def go(template: str, messages: Sequence[Message]) -> str:
    """Return what Ollama writes: the part of Go's text/template that a Modelfile of ours is made of."""
    parts = re.split(r"\{\{ (.*?) \}\}", template)
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    return _block(iter(_tokens(parts)), {"System": system, "Messages": messages}, True)[0]


def _tokens(parts: Sequence[str]) -> list[tuple[bool, str]]:
    return [(bool(at % 2), part) for at, part in enumerate(parts) if part]


def _block(tokens: Any, dot: Any, shown: bool) -> tuple[str, str]:
    """Write up to `end` or `else`; return the text and the word that ended it."""
    text = ""
    for is_action, word in tokens:
        if not is_action:
            text += word
        elif word == "end" or word.startswith("else"):
            return (text if shown else "", word)
        elif word == "range .Messages":
            body = []
            depth = 1
            while depth:
                body.append(next(tokens))
                depth += body[-1][0] and body[-1][1].split()[0] in ("if", "range")
                depth -= body[-1] == (True, "end")
            text += "".join(_block(iter(body), message, True)[0] for message in dot["Messages"])
        elif word.startswith("if "):
            text += _if(tokens, word, dot)
        else:
            text += _value(word, dot)
    return (text if shown else "", "")


def _if(tokens: Any, word: str, dot: Any) -> str:
    text, taken = "", False
    while word != "end":
        holds = not taken and _holds(word.removeprefix("else ").removeprefix("if "), dot)
        taken = taken or holds
        piece, word = _block(tokens, dot, holds)
        text += piece
    return text


def _holds(condition: str, dot: Any) -> bool:
    if condition == "not .System":
        return not _value(".System", dot)
    kind, field, value = condition.split()
    assert kind == "eq"
    return f'"{_value(field, dot)}"' == value


def _value(word: str, dot: Any) -> str:
    name = word.removeprefix(".")
    return str(dot[name] if isinstance(dot, Mapping) else getattr(dot, name.lower()))


def template_of(text: str) -> str:
    [template] = re.findall(r'^TEMPLATE """(.*?)"""$', text, re.MULTILINE | re.DOTALL)
    return str(template)


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("messages", [example_prompt("reference").messages, example_prompt("compact").messages, TURNS])
def test_ollama_writes_the_prompt_that_the_model_was_taught(kind: str, messages: Sequence[Message]) -> None:
    tokenizer = TOKENIZERS[kind]()
    template = template_of(modelfile([Path("a-f16.gguf")], tokenizer, context=1024, max_tokens=256))
    text = go(template, messages)
    turns = [{"role": m.role, "content": m.content} for m in messages]
    assert text == tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == encode(tokenizer, messages)


def test_parameters_are_those_that_answers_are_measured_with(tmp_path: Path) -> None:
    make_tiny_model(tmp_path / "tiny", family="Qwen2")
    made = export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out", quantize=["q8_0", "f16"])
    lines = (Path(made.out) / "Modelfile").read_text().splitlines()
    assert lines[:2] == ["FROM ./tiny-q8_0.gguf", "# FROM ./tiny-f16.gguf"]
    assert [line for line in lines if line.startswith("PARAMETER")] == [
        'PARAMETER stop "<|im_end|>"',
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        "PARAMETER num_ctx 1024",
        "PARAMETER num_predict 256",
    ]


def test_a_begin_token_that_ollama_sets_itself_is_left_out() -> None:
    tokenizer = make_qwen_tokenizer()
    tokenizer.bos_token = "<|endoftext|>"
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    turns = read_turns(tokenizer)
    assert turns is not None
    assert turns.unsaid.startswith("<|endoftext|>"), "this tokenizer does not set it"
    assert turns.around["system"][0].startswith("<|endoftext|>")


@pytest.mark.parametrize(
    "more",
    ["{{ loop.index }}", "{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"],
    ids=["a number", "a refusal"],
)
def test_a_template_that_is_more_than_text_around_messages_is_left_out(
    more: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = make_qwen_tokenizer()
    tokenizer.chat_template = tokenizer.chat_template.replace("{{ m.content }}", more + "{{ m.content }}")
    assert read_turns(tokenizer) is None
    text = modelfile([Path("a-f16.gguf")], tokenizer, context=1024, max_tokens=256)
    assert "TEMPLATE" not in text.replace("no TEMPLATE", "")
    assert "chat template cannot be said" in caplog.text
