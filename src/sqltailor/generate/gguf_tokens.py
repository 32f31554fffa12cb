"""The tokenizer and chat template that a GGUF file holds, without transformers: seconds less before an answer."""

from __future__ import annotations

import datetime
import functools
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqltailor.errors import BackendError, require
from sqltailor.generate.llama_sequences import bindings
from sqltailor.generate.weights import PLAIN_TEMPLATE

logger = logging.getLogger(__name__)

_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
SPLITS = {"qwen2": _QWEN2, "llama-bpe": _QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|", 1)}
"""llama.cpp's name of a tokenizer → the pattern that cuts text before BPE: digits one by one, or three together."""
_DIGITS = {"gpt-2": False, "smollm": True}
"""Names of tokenizers that cut as GPT-2's does → whether digits are cut apart before."""
_UNUSED, _NORMAL, _CONTROL, _USER_DEFINED = 2, 4, 8, 16
"""Bits of a token's attributes (llama.h, `enum llama_token_attr`). llama.cpp adds `_CONTROL` to words like `</s>`."""


def metadata(file: Path, *keys: str) -> list[Any]:
    """Return the values of some keys of a GGUF file; None where it lacks one."""
    try:
        held = bindings().GGUFContext.from_file(str(file))
    except (ValueError, OSError, RuntimeError) as e:
        raise BackendError(f"{file} is not a GGUF model, or only a part of one: {str(e).splitlines()[0]}") from e
    return [held.get_value(key) if held.find_key(key) >= 0 else None for key in keys]


class GgufTokenizer:
    """What `prompt.encode` and the constraint use of a transformers tokenizer, by the same names."""

    def __init__(self, file: Path, vocabulary: Any) -> None:
        """Read the tokenizer of a file that is opened as a model with this `LlamaVocab`."""
        names = ("model", "pre", "tokens", "merges", "eos_token_id", "bos_token_id", "chat_template")
        found = metadata(file, *(f"tokenizer.{'' if name == 'chat_template' else 'ggml.'}{name}" for name in names))
        model, cut, pieces, merges, eos, bos, self.chat_template = found
        if eos is None:
            raise BackendError(f"The tokenizer of '{file}' has no end token, so that no answer could end.")
        attributes = (int(vocabulary.get_attr(number)) for number in range(len(pieces)))
        kinds = [_NORMAL if kind & _NORMAL else kind for kind in attributes]
        self.name_or_path = str(file)
        self.backend_tokenizer = _tokenizer(file, f"{model}/{cut}", list(zip(pieces, kinds, strict=True)), merges)
        self.eos_token_id = int(eos)
        self.all_special_ids = [number for number, kind in enumerate(kinds) if kind & _CONTROL]
        self.ends = frozenset(i for i in self.all_special_ids if vocabulary.is_eog(i)) | {self.eos_token_id}
        self._names = {"eos_token": pieces[self.eos_token_id], "bos_token": "" if bos is None else pieces[bos]}
        self._lock = threading.Lock()
        if not self.chat_template:
            logger.warning("'%s' has no chat template: its prompts are written in plain words", file)
            self.chat_template = PLAIN_TEMPLATE

    def __call__(
        self, text: str, *, add_special_tokens: bool = False, split_special_tokens: bool = False
    ) -> dict[str, list[int]]:
        """Return the ids of a text under `input_ids`; `split_special_tokens` reads control tokens as plain text."""
        with self._lock:  # the choice is a state of the tokenizer
            self.backend_tokenizer.encode_special_tokens = split_special_tokens
            return {"input_ids": self.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens).ids}

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """Return the text of token ids."""
        return str(self.backend_tokenizer.decode(ids, skip_special_tokens=skip_special_tokens))

    def apply_chat_template(
        self, turns: Sequence[dict[str, str]], *, tokenize: bool = False, add_generation_prompt: bool = False
    ) -> str:
        """Return a conversation as the template writes it."""
        template = _template(self.chat_template)
        return str(template.render(messages=turns, add_generation_prompt=add_generation_prompt, **self._names))


def _tokenizer(file: Path, kind: str, pieces: Sequence[tuple[str, int]], merges: Sequence[str]) -> Any:
    """Return a `tokenizers.Tokenizer` of pieces and their attributes; `kind` is llama.cpp's model and way to cut."""
    tokenizers = require("tokenizers", extra="llama", feature="The engine llama")
    from tokenizers import decoders, models, normalizers, pre_tokenizers

    model, _, cut = kind.partition("/")
    if model != "gpt2" or (cut not in SPLITS and cut not in _DIGITS):
        known = ", ".join(f"gpt2/{name}" for name in (*SPLITS, *_DIGITS))
        raise BackendError(
            f"{file} has a tokenizer of kind {kind}, which the engine llama does not read; it reads {known}. "
            "Set generate.engine: torch"
        )
    vocabulary = {piece: number for number, (piece, attributes) in enumerate(pieces) if not attributes & _UNUSED}
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    found = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=pairs, ignore_merges=cut == "llama-bpe"))
    if cut in SPLITS:
        split = pre_tokenizers.Split(tokenizers.Regex(SPLITS[cut]), "isolated")
        steps = [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    else:
        digits = [pre_tokenizers.Digits(individual_digits=True)] if _DIGITS[cut] else []
        steps = [*digits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    found.pre_tokenizer = pre_tokenizers.Sequence(steps)
    found.decoder = decoders.ByteLevel()
    if cut == "qwen2":  # llama.cpp does not compose characters, the model's own tokenizer does
        found.normalizer = normalizers.NFC()
    # control tokens that lie in the vocabulary keep its numbers
    found.add_tokens(
        [
            tokenizers.AddedToken(piece, special=bool(attributes & _CONTROL), normalized=False)
            for piece, attributes in pieces
            if attributes & (_CONTROL | _USER_DEFINED)
        ]
    )
    return found


@functools.cache
def _template(text: str) -> Any:
    """Return a chat template as transformers compiles one: it can neither reach nor change what is outside it."""
    sandbox = require("jinja2.sandbox", extra="llama", feature="The engine llama")

    def refuse(message: str) -> None:
        raise BackendError(f"The chat template refuses the messages: {message}")

    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    return environment.from_string(text)
