"""Token batches without end: examples are varied, tokenised and sorted into length buckets by worker processes.

N rows of a batch, L its bucket's length. `ids`: (N, L) int16, 0 where padded. `mask`: (N, L) uint8, what a token is:
0 control or schema, 1 question, 2 SQL and the end token.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from base.pairs import Pair
from base.realise import make_pool, plain, realise
from base.schemas import sample_synthetic
from sqltailor import prompt
from sqltailor.types import Prompt

BUCKETS = (48, 64, 80, 96, 112, 128, 160, 192, 256, 320, 448, 640, 1024)
END, SYSTEM, USER, ASSISTANT = 1, 2, 3, 4
NOTHING, QUESTION, SQL = 0, 1, 2
MIXTURE = {"wikisql": 0.58, "spider": 0.14, "synthetic": 0.28}
"""Share of examples by source."""


class Encoded(NamedTuple):
    """Token ids of one example, and what each is: `NOTHING`, `QUESTION` or `SQL`."""

    ids: list[int]
    mask: list[int]


def encode_all(tokenizer: Any, items: Sequence[tuple[Prompt, str]]) -> list[Encoded]:
    """Tokenise prompts and completions as `sqltailor.prompt.encode_pair` does, many at once."""
    tokenizer.encode_special_tokens = True  # control tokens in data are plain text
    texts = [t for p, sql in items for t in (p.messages[0].content, p.messages[-1].content, sql)]
    ids = [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    out = []
    for system, user, sql in zip(ids[::3], ids[1::3], ids[2::3], strict=True):
        row = [SYSTEM, *system, USER, *user, ASSISTANT, *sql, END]
        mask = [NOTHING] * (len(system) + 2) + [QUESTION] * len(user) + [NOTHING] + [SQL] * (len(sql) + 1)
        out.append(Encoded(row, mask))
    return out


def bucket_of(length: int) -> int | None:
    """Return the smallest bucket that holds `length` tokens, or None."""
    return next((b for b in BUCKETS if length <= b), None)


def pack(rows: Sequence[Encoded], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (ids, mask) of rows padded to `length`."""
    ids, mask = np.zeros((len(rows), length), np.int16), np.zeros((len(rows), length), np.uint8)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)], mask[i, : len(row.mask)] = row.ids, row.mask
    return torch.from_numpy(ids), torch.from_numpy(mask)


class Stream(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Batches of about `batch_tokens` tokens; each worker varies the pairs with a generator of its own."""

    def __init__(self, pairs: list[Pair], tokenizer_file: Path, batch_tokens: int, seed: int) -> None:
        self.pairs, self.tokenizer_file, self.batch_tokens, self.seed = pairs, tokenizer_file, batch_tokens, seed

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        from tokenizers import Tokenizer

        info = get_worker_info()
        rng = random.Random(self.seed * 1000 + (info.id if info else 0))
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        waiting: dict[int, list[Encoded]] = defaultdict(list)
        for chunk in self._examples(rng):
            for row in encode_all(tokenizer, chunk):
                length = bucket_of(len(row.ids))
                if length is None:
                    continue
                waiting[length].append(row)
                if len(waiting[length]) * length >= self.batch_tokens:
                    yield pack(waiting.pop(length), length)

    def _examples(self, rng: random.Random) -> Iterator[list[tuple[Prompt, str]]]:
        yield from varied(self.pairs, rng)


def varied(pairs: list[Pair], rng: random.Random) -> Iterator[list[tuple[Prompt, str]]]:
    """Yield varied prompts and completions of all sources without end, 256 at a time."""
    pool = make_pool(pairs)
    by_source = {s: [p for p in pairs if p.source == s] for s in ("wikisql", "spider")}
    schemas = list({p.db_id: p.schema for p in by_source["spider"]}.values())
    while True:
        chunk = []
        for source in rng.choices(list(MIXTURE), list(MIXTURE.values()), k=256):
            if source == "synthetic":
                item = sample_synthetic(schemas, pool, rng)
            else:
                item = realise(rng.choice(by_source[source]), pool, rng)
            p = prompt.build(item.example, item.schema, name="compact", glossary=item.glossary, hints=item.hints)
            chunk.append((p, item.example.sql[0]))
        yield chunk


def loader(pairs: list[Pair], tokenizer_file: Path, batch_tokens: int, seed: int, workers: int) -> DataLoader[Any]:
    """Return the endless stream of batches, made by `workers` processes (0: in this one)."""
    stream = Stream(pairs, tokenizer_file, batch_tokens, seed)
    more = {"prefetch_factor": 4, "multiprocessing_context": "fork"} if workers else {}
    return DataLoader(stream, batch_size=None, num_workers=workers, **more)  # type: ignore[arg-type]


def fixed(
    pairs: Sequence[Pair], shape: str, tokenizer_file: Path, batch_tokens: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return unvaried pairs as batches, to measure on."""
    from tokenizers import Tokenizer

    items = [plain(p, shape) for p in pairs]
    prompts = [(prompt.build(e, s, name="compact"), e.sql[0]) for e, s in items]
    rows = sorted(encode_all(Tokenizer.from_file(str(tokenizer_file)), prompts), key=lambda r: len(r.ids))
    rows = [r for r in rows if len(r.ids) <= BUCKETS[-1]]
    out, group = [], []  # type: ignore[var-annotated]
    for row in rows:
        if group and (bucket_of(len(row.ids)) or 0) * (len(group) + 1) > batch_tokens:
            out.append(pack(group, bucket_of(len(group[-1].ids)) or 0))
            group = []
        group.append(row)
    return [*out, pack(group, bucket_of(len(group[-1].ids)) or 0)] if group else out
