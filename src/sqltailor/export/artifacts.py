"""Export a run as files for other programs: adapter, merged model, GGUF, Hub repository."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.errors import ConfigError, unknown
from sqltailor.export.gguf import check_convertible
from sqltailor.export.gguf_types import check_types, write_types
from sqltailor.export.merge import base_folder, merge, shards
from sqltailor.export.model_card import model_card
from sqltailor.export.modelfile import modelfile
from sqltailor.export.parity import THRESHOLD
from sqltailor.export.upload import push
from sqltailor.export.verify import prompt_file, recorded_prompt, verify
from sqltailor.generate.quiet import quiet_libraries
from sqltailor.generate.references import NANO, Source, check_base, resolve
from sqltailor.generate.weights import open_tokenizer
from sqltailor.prompt.encode import end_of_turn
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.runs import file_name, read_json, write_json_atomic, write_text_atomic
from sqltailor.types import OnProgress

TARGETS = {
    "adapter": "a folder for PEFT: the adapter and its tokenizer",
    "merged": "a folder for transformers: the adapter added to its base",
    "gguf": "a file in 16 bits or fewer for llama.cpp and what is built on it, with an Ollama Modelfile",
    "hub": "a repository on the Hugging Face Hub, with a model card",
}
"""What a run can be exported to, each with its meaning."""
RECORD = "export.json"
"""The file that marks a folder as one of ours, which a later export may replace."""


class Upload(NamedTuple):
    """How `hub` uploads. `repo`: NAME or ORGANISATION/NAME, else the run's name; `wanted` False: a folder only."""

    repo: str | None = None
    private: bool = False
    adapter_only: bool = False
    wanted: bool = True


ROUNDED_BYTES = 1_000_000_000
"""Size of the base's files from which a merged model is rounded to their type: below, fp32 costs little room."""
DTYPES = ("auto", "fp32", "base")


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: the shape of `export --json`.

    `changed`: tensors that differ from the base's. `logits` and `parity` compare with the run as it was trained; None
    where nothing was compared. `passed` False: too many answers differ, and `out` has `-failed` in its name.
    """

    run: str
    to: str
    out: str
    passed: bool = True
    changed: int | None = None
    logits: dict[str, float] | None = None
    parity: dict[str, Any] | None = None
    url: str | None = None


def export(
    reference: str,
    to: str,
    *,
    out: str | Path | None = None,
    into_original: bool = False,
    dtype: str = "auto",
    quantize: Sequence[str] = ("f16",),
    check: bool = True,
    threshold: float = THRESHOLD,
    upload: Upload | None = None,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Exported:
    """Write a run, or another model reference with weights, as one of `TARGETS` into the folder `out`.

    An adapter is merged into the weights that it saw in training: the dequantised ones where the base was quantised,
    unless `into_original`. `dtype`: `base` rounds the sum to the type of the base's files, `fp32` does not, `auto` does
    from `ROUNDED_BYTES` on. `quantize` names the types of a GGUF export, a file each. With `check` the merged model is
    asked the run's test questions, and the export fails below `threshold`; `parity.json` lists every difference, also
    of the GGUF files where llama.cpp can be asked. `out` is `RUN/export/TO` by default. Raises `ConfigError` for what
    cannot be exported so, `BackendError` for what the Hub refuses.
    """
    if to not in TARGETS:
        raise ConfigError(unknown("export target", to, TARGETS))
    if dtype not in DTYPES:
        raise ConfigError(unknown("--dtype", dtype, DTYPES))
    upload = upload or Upload()
    kinds = [kind.lower() for kind in quantize]
    source = resolve(reference)
    name = source.run.name if source.run is not None else Path(reference).name or reference
    target = Path(out) if out is not None else _home(reference, source) / to
    _must_be_ours(target)
    made = Exported(reference, to, str(target))
    where = (upload.repo or name) if to == "hub" else str(target)
    with quiet_libraries(), _partial(target) as partial:
        if to == "adapter" or (to == "hub" and upload.adapter_only):
            write_adapter(source, partial, portable=to == "hub")
            write_text_atomic(partial / "README.md", model_card(source, partial, where=where, is_adapter=True))
        else:
            if to == "gguf":
                check_types(kinds)
                check_convertible(base_folder(source.base))
            changed = write_merged(source, partial, into_original=into_original, dtype=dtype)
            ggufs = _write_ggufs(partial, name, kinds, source) if to == "gguf" else {}
            verified = None
            if check and (source.adapter is not None or (ggufs and source.run is not None)):
                verified = verify(reference, partial, threshold=threshold, ggufs=ggufs, on_progress=on_progress)
                parity = verified.parity.to_json() if verified.parity else None
                passed = verified.parity is None or verified.parity.passed
                made = replace(made, logits=verified.logits, parity=parity, passed=passed)
            made = replace(made, changed=changed)
            write_text_atomic(partial / "README.md", model_card(source, partial, where=where, verified=verified))
            if ggufs and made.passed:
                _keep_only(partial, [*ggufs.values(), partial / "Modelfile", partial / "README.md"])
        made = _keep(partial, target, made)
    if to == "hub" and made.passed and upload.wanted:
        url = push(target, repo=upload.repo or name, private=upload.private, left_out=(RECORD, "parity.json"))
        made = replace(made, url=url)
    return made


def write_merged(source: Source, out: Path, *, into_original: bool = False, dtype: str = "auto") -> int:
    """Fill a folder with a plain transformers model; return how many tensors were changed."""
    check_base(source)
    base = base_folder(source.base)
    adapter = Path(source.adapter) if source.adapter else None
    size_bytes = sum(file.stat().st_size for file in shards(base))
    widen = adapter is not None and (dtype == "fp32" or (dtype == "auto" and size_bytes < ROUNDED_BYTES))
    quantization = "none" if into_original else source.quantization
    changed = merge(base, out, adapter=adapter, quantization=quantization, widen=widen)
    config = read_json(base / "config.json")
    if widen:
        config.pop("torch_dtype", None)
        config["dtype"] = "float32"
    write_json_atomic(out / "config.json", config)
    tokenizer = open_tokenizer(source)
    tokenizer.save_pretrained(out)
    write_json_atomic(out / "generation_config.json", generation_config(base, tokenizer))
    _copy_prompt(source, out)
    return changed


def generation_config(base: Path, tokenizer: Any) -> dict[str, Any]:
    """Return the base's settings of generation with every token that ends an answer, and greedy, as it is measured."""
    path = base / "generation_config.json"
    settings = read_json(path) if path.is_file() else {}
    known = settings.get("eos_token_id")
    ends = {*(known if isinstance(known, list) else [known]), tokenizer.eos_token_id, end_of_turn(tokenizer)[-1]}
    sampling = ("temperature", "top_p", "top_k", "min_p", "typical_p", "repetition_penalty")
    kept = {name: value for name, value in settings.items() if name not in sampling}
    return kept | {"do_sample": False, "eos_token_id": sorted(ends - {None}), "pad_token_id": tokenizer.pad_token_id}


def write_adapter(source: Source, out: Path, *, portable: bool = False) -> None:
    """Fill a folder with a run's adapter for PEFT. Its base is recorded as a Hub id, or as a path of this machine.

    `portable`: a base that is a folder here is called by its name alone. Raises `ConfigError` without an adapter.
    """
    if source.adapter is None or not Path(source.adapter).is_dir():
        raise ConfigError(f"{source.adapter or source.base} is not an adapter on this machine. Export it --to merged.")
    check_base(source)
    shutil.copytree(source.adapter, out, dirs_exist_ok=True)
    local = Path(source.base).is_dir()
    is_nano = Path(source.base) == NANO
    base = str(Path(source.base).resolve()) if local else source.base
    if portable and local:
        base = "nano" if is_nano else Path(base).name
    config = read_json(out / "adapter_config.json")
    write_json_atomic(out / "adapter_config.json", config | {"base_model_name_or_path": base})
    recorded = out / "base.json"
    if recorded.is_file():
        write_json_atomic(recorded, read_json(recorded) | {"reference": "nano" if is_nano else base})
    _copy_prompt(source, out)


def _copy_prompt(source: Source, out: Path) -> None:
    found = prompt_file(source)
    if found is not None:
        shutil.copyfile(found, out / "prompt.json")


def _write_ggufs(folder: Path, name: str, kinds: Sequence[str], source: Source) -> dict[str, Path]:
    """Write a merged model as GGUF files beside its own, with a Modelfile; return type → file."""
    files = write_types(folder, file_name(name), kinds, name=name, prompt=recorded_prompt(source))
    context = read_json(folder / "config.json")["max_position_embeddings"]
    run = source.run
    recipe = load_recipe(run.recipe).recipe if run is not None and run.recipe.is_file() else Recipe()
    tokenizer = open_tokenizer(source)
    text = modelfile([*files.values()], tokenizer, context=context, max_tokens=recipe.generate.max_tokens)
    write_text_atomic(folder / "Modelfile", text)
    return files


def _keep_only(folder: Path, kept: Sequence[Path]) -> None:
    for path in folder.iterdir():
        if path not in kept:
            path.unlink()


def _home(reference: str, source: Source) -> Path:
    return source.run.path / "export" if source.run is not None else Path("export") / file_name(reference)


def _must_be_ours(target: Path) -> None:
    if target.exists() and not (target / RECORD).is_file() and (target.is_file() or any(target.iterdir())):
        raise ConfigError(f"{target} exists and was not made by an export. Give another folder: --out DIR")


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """Yield a new folder beside the target; it is gone afterwards unless it was kept."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _keep(partial: Path, target: Path, made: Exported) -> Exported:
    """Move what was written to its place, or beside it where the check failed."""
    if not made.passed:
        target = target.with_name(f"{target.name}-failed")
        made = replace(made, out=str(target))
    if made.parity is not None:
        write_json_atomic(partial / "parity.json", made.parity)
    record = asdict(made)
    record.pop("parity")
    write_json_atomic(partial / RECORD, record)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return made
