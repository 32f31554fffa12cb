"""nano's tokenizer: `python -m base.tokenizer --data DIR --out DIR`.

Byte-level BPE, digits apart, with the control tokens and chat template of the compact prompt.

The pre-tokenizer is single digits and GPT-2's pattern, which llama.cpp knows as `smollm`: a pattern of our own would
make GGUF export impossible.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLES = 25_000
"""Varied training examples that the merges are learned from."""
VOCABULARY = 6144
CONTROL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|>{% generation %}{{ m.content }}<|end|>"
    "{% endgeneration %}{% else %}<|{{ m.role }}|>{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
MAX_LENGTH = 1024


def train_tokenizer(texts: Iterable[str], folder: Path, vocabulary: int = VOCABULARY) -> None:
    """Learn the merges from `texts` and write `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|end|>",
        "pad_token": "<|pad|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": MAX_LENGTH,
        "padding_side": "left",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)


def subwords(tokenizer_file: Path) -> Tensor:
    """Return what tokens are spelled with, sparse (V, parts): the token without case and space, and its letter n-grams.

    The first counts 1, the n-grams (3 to 5 letters, with marks for begin and end) 1 together.
    """
    import torch
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    size = tokenizer.get_vocab_size()
    spelled = [tokenizer.decode([i], skip_special_tokens=False).strip(" _").lower() for i in range(size)]
    grams = [{f"<{s}>"[i : i + n] for n in (3, 4, 5) for i in range(len(s) + 3 - n)} for s in spelled]
    count = Counter(g for of_token in grams for g in of_token)
    index: dict[str, int] = {}
    entries: list[tuple[int, int, float]] = []
    for token, (text, of_token) in enumerate(zip(spelled, grams, strict=True)):
        if not text or "\ufffd" in text or token < len(CONTROL):
            continue
        shared = sorted(g for g in of_token if count[g] > 1)
        entries.append((token, index.setdefault(text, len(index)), 1.0))
        entries += [(token, index.setdefault(f"gram {g}", len(index)), 1 / len(shared)) for g in shared]
    rows, columns, weights = zip(*entries, strict=True)
    return torch.sparse_coo_tensor([rows, columns], weights, (size, len(index))).coalesce()


def example_texts(data: Path, count: int) -> Iterator[str]:
    """Yield the prompts and statements of `count` varied training examples, and the usual short forms of names."""
    from base.batches import varied
    from base.pairs import load_pairs
    from sqltailor.naming.words import ABBREVIATIONS

    items = (item for chunk in varied(load_pairs(data, "train"), random.Random(0)) for group in chunk for item in group)
    for item in itertools.islice(items, count):
        yield from (m.content for m in item.prompt().messages)
        yield item.example.sql[0]
    for short in ABBREVIATIONS:
        yield from [f" {short}, {short}_ _{short}"] * 50


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("src/sqltailor/nano"))
    args = parser.parse_args()
    train_tokenizer(example_texts(args.data, EXAMPLES), args.out)
