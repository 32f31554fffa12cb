"""A byte-level BPE tokenizer and its chat template as keys of a GGUF file, and which ones are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqltailor.errors import ConfigError
from sqltailor.generate.gguf_tokens import SPLITS
from sqltailor.prompt.encode import end_of_turn
from sqltailor.runs import read_json

UPSTREAM = "python llama.cpp/convert_hf_to_gguf.py FOLDER --outtype f16   (FOLDER: sqltailor export RUN --to merged)"
"""What converts the models that this module refuses."""
_NAMES = {pattern: name for name, pattern in SPLITS.items()}
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5


def refused(what: str) -> ConfigError:
    """Return the error that names llama.cpp's own command for what is not written here."""
    return ConfigError(f"GGUF: {what.rstrip('.')}. Convert it with llama.cpp's own tool: {UPSTREAM}")


def pre_tokenizer(tokenizer: Mapping[str, Any]) -> str:
    """Return llama.cpp's name for how a tokenizer.json cuts text before BPE; ConfigError when it has none.

    Qwen's tokenizers first compose characters (NFC), which llama.cpp does not: text that is composed, as nearly all
    is, becomes the same tokens.
    """
    kind = tokenizer["model"].get("type")
    steps = tokenizer.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", [steps]) if steps.get("type") == "Sequence" else [steps]
    names = [step.get("type") for step in steps]
    last = steps[-1]
    composes = tokenizer.get("normalizer") == {"type": "NFC"}
    plain = composes or tokenizer.get("normalizer") is None
    plain = plain and kind == "BPE" and not tokenizer["model"].get("byte_fallback")
    if plain and names[-1:] == ["ByteLevel"] and not last.get("add_prefix_space"):
        name = None
        if names == ["ByteLevel"] and last["use_regex"]:
            name = "gpt-2"
        elif names == ["Digits", "ByteLevel"] and steps[0]["individual_digits"] and last["use_regex"]:
            name = "smollm"
        elif names == ["Split", "ByteLevel"] and not last["use_regex"]:
            name = _NAMES.get(steps[0]["pattern"].get("Regex"))
        if name is not None and (name == "qwen2" or not composes):
            return name
    raise refused(f"The tokenizer ({kind}; {', '.join(map(str, names))}) is not one that is known here.")


def add_tokenizer(writer: Any, folder: Path, tokenizer: Any, rows: int) -> None:
    """Write vocabulary, merges, control tokens and chat template; rows of the embedding without a token are unused."""
    described = read_json(folder / "tokenizer.json")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre_tokenizer(described))
    added = {token["id"]: token for token in described["added_tokens"]}
    known = {number: piece for piece, number in described["model"]["vocab"].items()}
    known |= {number: token["content"] for number, token in added.items()}
    if max(known) >= rows:
        raise ConfigError(f"{folder}: token {max(known)} has no row in the embedding of {rows}.")
    pieces = [known.get(i, f"[PAD{i}]") for i in range(rows)]
    kinds = [_UNUSED if pieces[i] == f"[PAD{i}]" else _kind(added.get(i)) for i in range(rows)]
    writer.add_token_list(pieces)
    writer.add_token_types(kinds)
    merges = described["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    for kind in ("bos", "eos", "pad", "unk"):
        if (number := getattr(tokenizer, f"{kind}_token_id")) is not None:
            getattr(writer, f"add_{kind}_token_id")(number)
    writer.add_eot_token_id(end_of_turn(tokenizer)[-1])
    begins = tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    writer.add_add_bos_token(begins)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(portable_template(tokenizer.chat_template))


def _kind(added: Mapping[str, Any] | None) -> int:
    if added is None:
        return _NORMAL
    return _CONTROL if added["special"] else _USER_DEFINED


def portable_template(template: str) -> str:
    """Return a chat template without the tag that marks what training learns from: only transformers knows it.

    >>> portable_template("{%- generation -%}{{ m.content }}{% endgeneration %}")
    '{%- if true -%}{{ m.content }}{% endif %}'
    """
    template = re.sub(r"(\{%[-+]?\s*)generation(\s*[-+]?%\})", r"\1if true\2", template)
    return re.sub(r"(\{%[-+]?\s*)endgeneration(\s*[-+]?%\})", r"\1endif\2", template)
