"""Verify an exported model against its run: answers to the same questions, and logits."""

from __future__ import annotations

import functools
import importlib.util
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import SQLTailorError, install_command
from sqltailor.export.merge import base_folder, shards
from sqltailor.export.parity import QUESTIONS, Parity, compare
from sqltailor.generate.llama_cpp import LlamaCppModel
from sqltailor.generate.local import LocalModel
from sqltailor.generate.open_model import open_model
from sqltailor.generate.references import NANO, Source, resolve
from sqltailor.generate.weights import open_tokenizer
from sqltailor.project import read_parts
from sqltailor.prompt.encode import encode
from sqltailor.prompt.text import PROMPTS, build_prompt
from sqltailor.recipe import load_recipe
from sqltailor.runs import Run, read_json
from sqltailor.sql.schema import from_ddl
from sqltailor.train.rows.training_data import build_prompts
from sqltailor.train.running.base_model import as_trained
from sqltailor.types import Example, Generate, GenerateOptions, OnProgress, Prompt

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

PROBED = 8
"""How many prompts are read to compare logits."""
LAST = 32
"""Of how many positions, the last ones of a prompt, logits are compared."""
SMALL_BYTES = 4_000_000_000
"""Size of weight files below which models are compared in fp32."""


class Questions(NamedTuple):
    """What is asked: prompts and their ids; none where the run's test data cannot be had."""

    prompts: Sequence[Prompt]
    ids: Sequence[str]
    options: GenerateOptions


class Verified(NamedTuple):
    """How far an export is from its run. `logits`: largest and mean difference, share of equal first choices."""

    logits: dict[str, float]
    parity: Parity | None


def verify(
    reference: str,
    folder: Path,
    *,
    threshold: float,
    ggufs: Mapping[str, Path] | None = None,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Verified:
    """Compare a run, its adapter beside the weights as in training, with what was exported from it.

    `ggufs` (type → file) are asked by llama.cpp where cyllama is installed; how far they are is told, not judged.
    Small models are compared in fp32, so that only the export makes a difference. Without the run's test data there
    is no parity, and the logits of one example prompt are compared.
    """
    source = resolve(reference)
    asked = questions(source.run, open_tokenizer(source))
    probes = [*asked.prompts[:PROBED]] or [example_prompt(recorded_prompt(source)["name"])]
    seen: dict[str, list[torch.Tensor]] = {}

    def opener(name: str, where: str) -> Callable[[], Generate]:
        def open_one() -> Generate:
            opened = open_model(where, dtype=_dtype(source.base), merge=False)
            as_trained(opened.model)
            seen[name] = [_logits(opened.model, encode(opened.tokenizer, p.messages)) for p in probes]
            return LocalModel(opened)

        return open_one

    models = {"run": opener("run", reference), "export": opener("export", str(folder))}
    if asked.prompts:
        files = _gguf_openers(ggufs or {})
        parity = compare(
            asked.prompts,
            models | files,
            ids=asked.ids,
            options=asked.options,
            threshold=threshold,
            told=files,
            on_progress=on_progress,
        )
    else:
        parity = None
        for open_one in models.values():
            open_one()
    return Verified(_difference(seen["run"], seen["export"]), parity)


def _gguf_openers(ggufs: Mapping[str, Path]) -> dict[str, Callable[[], Generate]]:
    """Return name → what opens each GGUF file in llama.cpp."""
    if ggufs and importlib.util.find_spec("cyllama") is None:
        logger.warning("the GGUF files are not asked, for want of cyllama: %s", install_command("llama"))
        return {}
    return {f"GGUF {kind}": functools.partial(LlamaCppModel, file) for kind, file in ggufs.items()}


def questions(run: Run | None, tokenizer: Any) -> Questions:
    """Return up to 200 of the run's test questions as prompts; none, with a warning, where they cannot be had."""
    try:
        if run is None:
            return Questions((), (), GenerateOptions())
        recipe = load_recipe(run.recipe).recipe
        examples = read_parts([run.own_tests] if run.own_tests.is_file() else recipe.data.test, recipe, what="test")
        chosen = random.Random(0).sample(examples, min(QUESTIONS, len(examples)))
        prompts = build_prompts(recipe, chosen, tokenizer)
    except SQLTailorError as e:
        logger.warning("no test questions, so that answers are not compared: %s", e)
        return Questions((), (), GenerateOptions())
    return Questions(prompts, [e.id for e in chosen], GenerateOptions(max_tokens=recipe.generate.max_tokens))


def example_prompt(name: str) -> Prompt:
    """Return a prompt about a table that anyone understands."""
    schema = from_ddl("CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT, country TEXT, population INTEGER)")
    return build_prompt(Example("example", ("",), question="How many cities are there?"), schema, name=name)


def prompt_file(source: Source) -> Path | None:
    """Return the file that records which prompt a model was taught with, or None."""
    places = [source.run.path if source.run else None, source.adapter, source.base]
    return next((file for place in places if place and (file := Path(place) / "prompt.json").is_file()), None)


def recorded_prompt(source: Source) -> dict[str, Any]:
    """Return name, version and schema hash of the prompt that a model was taught with, or is asked with by default."""
    file = prompt_file(source)
    if file is not None:
        return dict(read_json(file))
    name = "compact" if Path(source.base) == NANO else "reference"
    return {"name": name, "version": PROMPTS[name], "schema_hash": None}


def _dtype(base: str) -> torch.dtype | None:
    """Return fp32 for weights that take little memory so, None (the best of this machine) for larger ones."""
    import torch

    size_bytes = sum(file.stat().st_size for file in shards(base_folder(base)))
    return torch.float32 if size_bytes < SMALL_BYTES else None


def _logits(model: Any, ids: Sequence[int]) -> torch.Tensor:
    """Return the logits of the last positions of a prompt: (LAST or fewer, V) fp32, on the CPU."""
    import torch

    with torch.inference_mode():
        logits: torch.Tensor = model(torch.tensor([ids], device=model.device)).logits[0, -LAST:]
    return logits.float().cpu()


def _difference(first: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> dict[str, float]:
    import torch

    a, b = torch.cat(list(first)), torch.cat(list(other))
    apart = (a - b).abs()
    same = (a.argmax(dim=-1) == b.argmax(dim=-1)).float().mean()
    return {"max": float(apart.max()), "mean": float(apart.mean()), "same_choice": float(same)}
