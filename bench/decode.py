"""How fast is one question answered? `python bench/decode.py [--model REF] [--questions 20]`, with `[llama]`.

Asks a model questions of the sample shop, one after the other, greedily, unconstrained and warm: by the engine torch,
by transformers' `generate`, and by the engine llama in 8 and 4 bits, from the run's own export where it has one.
Medians in milliseconds; the CPU's time, of all threads, tells engines apart on a busy machine, too, if there is one
thread. "equal" counts the answers with the first one's text. What answers has as many threads as OMP_NUM_THREADS says,
or one a core.
"""

from __future__ import annotations

import argparse
import functools
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from learning_curve import sample_shop
from transformers import TextIteratorStreamer

from sqltailor.data import load_examples
from sqltailor.evaluate.statistics import percentile
from sqltailor.export.artifacts import export
from sqltailor.generate.llama_cpp import LlamaCppModel
from sqltailor.generate.local import LocalModel
from sqltailor.generate.open_model import open_model
from sqltailor.generate.quiet import quiet_libraries
from sqltailor.project import Project
from sqltailor.prompt.encode import encode
from sqltailor.train.rows.training_data import build_prompts
from sqltailor.types import GenerateOptions, Prompt

MAX_TOKENS = 96
TYPES = ("q8_0", "q4_k_m")


class Answer(NamedTuple):
    """One answer: its text, when its first piece and its end came, and the CPU's time, in seconds."""

    text: str
    first: float
    whole: float
    cpu: float


Ask = Callable[[Prompt], Answer]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="small")
    parser.add_argument("--questions", type=int, default=20)
    args = parser.parse_args()
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    model = str(Path(args.model).resolve()) if Path(args.model).exists() else args.model
    with tempfile.TemporaryDirectory() as scratch, sample_shop(Path(scratch), "small") as project, quiet_libraries():
        opened = LocalModel(open_model(model))
        prompts = questions(project, opened.tokenizer, args.questions)
        print(
            f"{len(prompts)} questions, {len(encode(opened.tokenizer, prompts[0].messages))} tokens, {threads} threads"
        )
        print("| by | first token | whole answer, p50 | p95 | CPU | tokens/s | equal |\n|---|---|---|---|---|---|---|")
        options = GenerateOptions(max_tokens=MAX_TOKENS)
        ours = measure("torch", lambda prompt: timed(opened.stream(prompt, options)), prompts, opened)
        measure("transformers.generate", lambda prompt: timed(by_transformers(opened, prompt)), prompts, opened, ours)
        for kind, file in exports(model, Path(scratch)).items():
            stream = LlamaCppModel(file, threads=threads).stream
            ask = functools.partial(lambda stream, prompt: timed(stream(prompt, options)), stream)
            measure(f"llama {kind}", ask, prompts, opened, ours)


def exports(model: str, scratch: Path) -> dict[str, Path]:
    """Return the model's GGUF file in each type."""
    folder = Path(model) / "export" / "gguf"
    if any(not any(folder.glob(f"*-{kind}.gguf")) for kind in TYPES):
        folder = Path(export(model, "gguf", out=scratch / "gguf", quantize=TYPES, check=False).out)
    return {kind: next(folder.glob(f"*-{kind}.gguf")) for kind in TYPES}


def questions(project: Project, tokenizer: Any, count: int) -> list[Prompt]:
    """Return the prompts of the first questions of the shop's test of new wordings, and one more to warm up with."""
    return build_prompts(project, load_examples("data/new_wordings.jsonl")[: count + 1], tokenizer)


def measure(name: str, ask: Ask, prompts: list[Prompt], opened: LocalModel, ours: list[str] | None = None) -> list[str]:
    """Print a line of the table, and return the answers; the first prompt only warms up."""
    answers = [ask(prompt) for prompt in prompts][1:]
    whole = [answer.whole for answer in answers]
    tokens = sum(opened.count_tokens(answer.text) for answer in answers)
    after_first = sum(answer.whole - answer.first for answer in answers)
    rate = (tokens - len(answers)) / after_first if after_first else 0.0
    texts = [answer.text.strip() for answer in answers]
    equal = len(texts) if ours is None else sum(a == b for a, b in zip(texts, ours, strict=True))
    first = percentile((answer.first for answer in answers), 50)
    p50, p95 = percentile(whole, 50), percentile(whole, 95)
    cpu = percentile((answer.cpu for answer in answers), 50)
    print(
        f"| {name} | {first * 1000:.0f} | {p50 * 1000:.0f} | {p95 * 1000:.0f} | {cpu * 1000:.0f} | {rate:.0f} "
        f"| {equal} of {len(texts)} |",
        flush=True,
    )
    return texts


def timed(pieces: Iterator[str]) -> Answer:
    """Return the answer that arrives in pieces."""
    began, worked = time.perf_counter(), time.process_time()
    text, first = "", None
    for piece in pieces:
        if piece and first is None:
            first = time.perf_counter() - began
        text += piece
    whole = time.perf_counter() - began
    return Answer(text, whole if first is None else first, whole, time.process_time() - worked)


def by_transformers(opened: LocalModel, prompt: Prompt) -> Iterator[str]:
    """Yield what `generate` writes, in a thread of its own as its documentation shows."""
    ids = torch.tensor([encode(opened.tokenizer, prompt.messages)])
    pieces = TextIteratorStreamer(opened.tokenizer, skip_prompt=True, skip_special_tokens=True)
    asked = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "streamer": pieces}
    asked |= {"max_new_tokens": MAX_TOKENS, "do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    asked |= {"repetition_penalty": None}
    thread = threading.Thread(target=opened.model.generate, kwargs=asked)
    thread.start()
    yield from pieces
    thread.join()


if __name__ == "__main__":
    main()
