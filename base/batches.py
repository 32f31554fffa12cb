"""Token batches without end: questions that share a schema share its tokens, and rows are packed full.

A group is one schema with its questions: `[SYSTEM schema] [USER question ASSISTANT sql END] …`. Each branch sees the
schema and itself, at the positions that it would have alone, so its logits are those of the plain sequence and the
schema is computed once. Groups are put side by side into rows of one of the `LENGTHS`.

N rows of a batch, L its length; all arrays are (N, L). `ids`: int16, 0 where nothing is. `kind`: uint8, what a token
is: 0 control or schema, 1 question, 2 SQL and the end token. `position`: int16. `group`: int16, from 1, 0 where
nothing is. `branch`: int16, 0 in a schema.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from base.pairs import Pair
from base.realise import Pool, Realised, make_pool, plain, realise, realise_together
from base.schemas import sample_synthetic
from sqltailor.types import Schema

LENGTHS = (256, 384, 512, 768, 1024)
END, SYSTEM, USER, ASSISTANT = 1, 2, 3, 4
NOTHING, QUESTION, SQL = 0, 1, 2
MIXTURE = {"wikisql": 0.65, "spider": 0.15, "synthetic": 0.20}
"""Share of examples by source."""
ALONE = {"wikisql": 0.5, "spider": 0.2}
"""Share of a source's examples that have a schema of their own: cut to what the SQL uses, with glossary or hints."""
TOGETHER = {"wikisql": 4, "spider": 5, "synthetic": 5}
"""At most so many questions share a schema."""
POOL = 3
"""Batches' worth of groups that are packed at once: more fill the rows better."""


class Batch(NamedTuple):
    """See the module's docstring."""

    ids: Tensor
    kind: Tensor
    position: Tensor
    group: Tensor
    branch: Tensor


class Group(NamedTuple):
    """Token ids of a schema, and of each question and SQL on it with what each token is."""

    schema: list[int]
    branches: list[tuple[list[int], list[int]]]

    def __len__(self) -> int:
        return len(self.schema) + sum(len(ids) for ids, _ in self.branches)


def encode_groups(tokenizer: Any, groups: Sequence[Sequence[Realised]]) -> list[Group]:
    """Tokenise as `sqltailor.prompt.encode.encode_pair` does, many at once; the items of a group have one schema."""
    tokenizer.encode_special_tokens = True  # control tokens in data are plain text
    texts: list[str] = []
    for items in groups:
        for i, item in enumerate(items):
            system, user = (m.content for m in item.prompt().messages)
            texts += [system] * (i == 0) + [user, item.example.sql[0]]
    ids = iter([e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)])
    return [Group([SYSTEM, *next(ids)], [_branch(next(ids), next(ids)) for _ in items]) for items in groups]


def _branch(question: list[int], sql: list[int]) -> tuple[list[int], list[int]]:
    ids = [USER, *question, ASSISTANT, *sql, END]
    return ids, [NOTHING] + [QUESTION] * len(question) + [NOTHING] + [SQL] * (len(sql) + 1)


def pack(rows: Sequence[Sequence[Group]], length: int) -> Batch:
    """Return rows of groups as one batch."""
    ids, position, group, branch = (np.zeros((len(rows), length), np.int16) for _ in range(4))
    kind = np.zeros((len(rows), length), np.uint8)
    for r, groups in enumerate(rows):
        end = 0
        for g, one in enumerate(groups, 1):
            parts = [(one.schema, [NOTHING] * len(one.schema)), *one.branches]
            for b, (tokens, kinds) in enumerate(parts):
                here = slice(end, end + len(tokens))
                ids[r, here], kind[r, here], group[r, here], branch[r, here] = tokens, kinds, g, b
                position[r, here] = np.arange(len(tokens)) + (len(one.schema) if b else 0)
                end += len(tokens)
    return Batch(*map(torch.from_numpy, (ids, kind, position, group, branch)))


def visible(batch: Batch) -> Tensor:
    """Return which token sees which, (N, 1, L, L) bool."""
    length = batch.ids.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=batch.ids.device).tril()
    same = batch.group[:, :, None] == batch.group[:, None, :]
    branch = (batch.branch[:, None, :] == 0) | (batch.branch[:, :, None] == batch.branch[:, None, :])
    return (causal & same & branch)[:, None]


class Stream(IterableDataset[Batch]):
    """Batches of about `batch_tokens` tokens; each worker varies the pairs with a generator of its own."""

    def __init__(self, pairs: list[Pair], tokenizer_file: Path, batch_tokens: int, seed: int) -> None:
        self.pairs, self.tokenizer_file, self.batch_tokens, self.seed = pairs, tokenizer_file, batch_tokens, seed

    def __iter__(self) -> Iterator[Batch]:
        from tokenizers import Tokenizer

        info = get_worker_info()
        rng = random.Random(self.seed * 1000 + (info.id if info else 0))
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        waiting: dict[int, list[Group]] = defaultdict(list)
        for chunk in varied(self.pairs, rng):
            for group in _cut(encode_groups(tokenizer, chunk)):
                length = next((n for n in LENGTHS if len(group) <= n), None)
                if length is None:
                    continue
                waiting[length].append(group)
                if sum(map(len, waiting[length])) > POOL * self.batch_tokens:
                    yield from self._batches(waiting, length)

    def _batches(self, waiting: dict[int, list[Group]], length: int) -> Iterator[Batch]:
        rows = fill(waiting.pop(length), length)
        count = max(1, self.batch_tokens // length)
        while len(rows) >= count:
            full, rows = rows[:count], rows[count:]
            yield pack(full, length)
        waiting[length] = [group for row in rows for group in row]


def fill(groups: Sequence[Group], length: int) -> list[list[Group]]:
    """Put groups into rows of `length`, the longest first, each into the fullest row that has room; full rows first."""
    rows: list[tuple[int, list[Group]]] = []
    for group in sorted(groups, key=len, reverse=True):
        fits = [i for i, (used, _) in enumerate(rows) if used + len(group) <= length]
        if fits:
            best = max(fits, key=lambda i: rows[i][0])
            rows[best] = rows[best][0] + len(group), [*rows[best][1], group]
        else:
            rows.append((len(group), [group]))
    return [row for _, row in sorted(rows, key=lambda r: -r[0])]


def _cut(groups: Iterable[Group]) -> Iterator[Group]:
    """Yield the groups; one longer than the shortest row is halved while its questions outweigh its schema."""
    for group in groups:
        if len(group) > LENGTHS[0] and len(group.branches) > 1 and len(group) > 2.5 * len(group.schema):
            half = len(group.branches) // 2
            yield from _cut((Group(group.schema, group.branches[:half]), Group(group.schema, group.branches[half:])))
        else:
            yield group


def varied(pairs: list[Pair], rng: random.Random) -> Iterator[list[list[Realised]]]:
    """Yield groups of varied examples of all sources without end, about 256 examples at a time, in mixed order."""
    pool = make_pool(pairs)
    by_source = {s: [p for p in pairs if p.source == s] for s in ALONE}
    by_database: dict[str, list[Pair]] = defaultdict(list)
    for p in pairs:
        by_database[p.db_id].append(p)
    schemas = list({p.db_id: p.schema for p in by_source["spider"]}.values())
    while True:
        yield [
            _group(source, by_source, by_database, schemas, pool, rng)
            for source in rng.choices(list(MIXTURE), [MIXTURE[s] / _mean_size(s) for s in MIXTURE], k=100)
        ]


def _mean_size(source: str) -> float:
    """Return about how many examples a group of the source has."""
    alone = ALONE.get(source, 0.0)
    return 1 / (alone + (1 - alone) / TOGETHER[source])


def _group(
    source: str,
    by_source: dict[str, list[Pair]],
    by_database: dict[str, list[Pair]],
    schemas: list[Schema],
    pool: Pool,
    rng: random.Random,
) -> list[Realised]:
    if source == "synthetic":
        return sample_synthetic(schemas, pool, rng, TOGETHER[source])
    pair = rng.choice(by_source[source])
    share = ALONE[source]
    # a group counts for all its questions, so one in `chance` groups is a pair alone to make up `share` of examples
    if rng.random() < share * TOGETHER[source] / (share * TOGETHER[source] + 1 - share):
        return [realise(pair, pool, rng)]
    others = by_database[pair.db_id]
    return realise_together(rng.sample(others, min(TOGETHER[source], len(others))), pool, rng)


def loader(pairs: list[Pair], tokenizer_file: Path, batch_tokens: int, seed: int, workers: int) -> DataLoader[Any]:
    """Return the endless stream of batches, made by `workers` processes (0: in this one)."""
    stream = Stream(pairs, tokenizer_file, batch_tokens, seed)
    more = {"prefetch_factor": 4, "multiprocessing_context": "fork"} if workers else {}
    return DataLoader(stream, batch_size=None, num_workers=workers, **more)  # type: ignore[arg-type]


def fixed(pairs: Sequence[Pair], shape: str, tokenizer_file: Path, batch_tokens: int) -> list[Batch]:
    """Return unvaried pairs as batches, one to a row, to measure on."""
    from tokenizers import Tokenizer

    items = [[Realised(e, s, {}, [])] for e, s in (plain(p, shape) for p in pairs)]
    groups = sorted(encode_groups(Tokenizer.from_file(str(tokenizer_file)), items), key=len)
    groups = [g for g in groups if len(g) <= LENGTHS[-1]]
    out: list[Batch] = []
    start = 0
    for i, g in enumerate(groups):
        if i == len(groups) - 1 or len(groups[i + 1]) * (i + 2 - start) > batch_tokens:
            out.append(pack([[one] for one in groups[start : i + 1]], len(g)))
            start = i + 1
    return out
