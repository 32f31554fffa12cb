"""What a training run learned, as a folder that other programs read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqltailor.generate.weights import Source, check_base, open_tokenizer
from sqltailor.prompt import end_of_turn
from sqltailor.runs import read_json, write_json_atomic
from sqltailor.train.merge import base_folder, merge


def write_merged(source: Source, out: Path, *, into_original: bool = False) -> int:
    """Write a plain transformers model to `out`, whole or not at all; return how many tensors were changed.

    An adapter is added to the weights that it saw in training: the dequantised ones where the base was quantised,
    unless `into_original`.
    """
    check_base(source)
    base = base_folder(source.base)
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    adapter = Path(source.adapter) if source.adapter else None
    changed = merge(base, partial, adapter=adapter, quantization="none" if into_original else source.quantization)
    shutil.copyfile(base / "config.json", partial / "config.json")
    tokenizer = open_tokenizer(source)
    tokenizer.save_pretrained(partial)
    write_json_atomic(partial / "generation_config.json", generation_config(base, tokenizer))
    if source.run is not None and source.run.prompt.is_file():
        shutil.copyfile(source.run.prompt, partial / "prompt.json")
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    return changed


def generation_config(base: Path, tokenizer: Any) -> dict[str, Any]:
    """Return the base's generation settings with every token that ends an answer, greedy."""
    path = base / "generation_config.json"
    settings = read_json(path) if path.is_file() else {}
    known = settings.get("eos_token_id")
    ends = {*(known if isinstance(known, list) else [known]), tokenizer.eos_token_id, end_of_turn(tokenizer)[-1]}
    sampling = ("temperature", "top_p", "top_k", "min_p", "typical_p", "repetition_penalty")
    kept = {name: value for name, value in settings.items() if name not in sampling}
    return kept | {"do_sample": False, "eos_token_id": sorted(ends - {None}), "pad_token_id": tokenizer.pad_token_id}
