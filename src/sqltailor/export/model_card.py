"""The model card of an export: base, data, training, scores, use and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqltailor.errors import require
from sqltailor.export.verify import Verified, example_prompt, recorded_prompt
from sqltailor.generate.references import NANO, Source
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.runs import Run, read_json
from sqltailor.types import MAX_TOKENS
from sqltailor.version import __version__

_PACKAGES = ("sqltailor", "torch", "transformers", "peft", "trl")


def model_card(
    source: Source, folder: Path, *, where: str, is_adapter: bool = False, verified: Verified | None = None
) -> str:
    """Return the README.md of an exported folder, filled from its run; `where` is what a reader loads it by."""
    jinja2 = require("jinja2", extra="local", feature="A model card")
    run = source.run
    recipe = load_recipe(run.recipe).recipe if run is not None and run.recipe.is_file() else None
    template = Path(__file__).with_name("model_card.md.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["python"] = repr
    base, is_public = _base(source)
    prompt = recorded_prompt(source)
    text: str = environment.from_string(template).render(
        name=run.name if run is not None else Path(where).name,
        version=__version__,
        where=where,
        dialect=recipe.dialect if recipe else "sqlite",
        base=base,
        base_is_public=is_public,
        base_shown=f"[{base}](https://huggingface.co/{base})" if is_public else f"`{base}`",
        is_adapter=is_adapter,
        lora=source.adapter is not None,
        quantization=source.quantization,
        license=licence(source.base),
        scores=newest_scores(run) if run is not None else None,
        logits=verified.logits if verified else None,
        parity=verified.parity.pairs if verified and verified.parity else (),
        prompt=prompt,
        messages=example_prompt(prompt["name"]).messages,
        max_tokens=recipe.generate.max_tokens if recipe else MAX_TOKENS,
        settings=_settings(recipe, source, _software(run)) if recipe and run else [],
        data=_data(run) if run is not None else [],
        context=_context(source, folder),
    )
    return text


def _base(source: Source) -> tuple[str, bool]:
    """Return how the base is called, and whether that is a Hub id: a path of this machine is told by its last part."""
    if Path(source.base) == NANO:
        return "nano", False
    local = Path(source.base).is_dir()
    return (Path(source.base).name, False) if local else (source.base, True)


def licence(base: str) -> str | None:
    """Return the licence that the base's own card declares, or None."""
    for name in ("README.md", "MODEL_CARD.md"):
        card = Path(base) / name
        if card.is_file():
            head = re.match(r"---\n(.*?)\n---", card.read_text(encoding="utf-8"), re.DOTALL)
            found = re.search(r"^license:\s*([\w.-]+)\s*$", head.group(1), re.MULTILINE) if head else None
            return found.group(1) if found else None
    return None


def newest_scores(run: Run) -> dict[str, Any] | None:
    """Return the rates of the newest evaluation of a run, by metric, its models named; None without one."""
    for path in sorted(run.path.glob("eval-*/scores.json"), reverse=True):
        models: Mapping[str, Mapping[str, Any]] = read_json(path)["models"]
        mine = [name for name in models if Path(name).name == run.name]
        if not mine:
            continue
        names = [*(name for name in models if name not in mine), mine[0]]
        metrics = dict.fromkeys(metric for name in names for metric in models[name])
        shown = ["this model" if name == mine[0] else Path(name).name for name in names]
        rates = [(metric, [_rate(models[name].get(metric)) for name in names]) for metric in metrics]
        return {"n": max(r["n"] for r in models[mine[0]].values()), "models": shown, "rates": rates}
    return None


def _rate(rate: Mapping[str, Any] | None) -> str:
    if rate is None:
        return "—"
    return f"{100 * rate['value']:.1f} % [{100 * rate['low']:.1f}, {100 * rate['high']:.1f}] n={rate['n']}"


def _settings(recipe: Recipe, source: Source, used: Mapping[str, str]) -> list[tuple[str, Any]]:
    train, lora = recipe.train, recipe.train.lora
    rows: list[tuple[str, Any]] = [("method", train.method)]
    if source.adapter is not None:
        kind = "DoRA" if lora.dora else "rsLoRA" if lora.rslora else "LoRA"
        rows.append((kind, f"r {lora.r}, alpha {lora.alpha}, dropout {lora.dropout}, {lora.target_modules}"))
        rows.append(("base held as", {"none": "16 or 32 bits"}.get(source.quantization, source.quantization)))
    rows += [
        ("length", f"{train.max_steps} steps" if train.max_steps else f"{train.epochs:g} epochs"),
        ("learning rate", f"{train.learning_rate:g}, {train.schedule}, {train.warmup_steps} warm-up steps"),
        ("effective batch", train.batch),
        ("max length", f"{train.max_length} tokens"),
        ("seed", train.seed),
        ("software", ", ".join(f"{name} {version}" for name, version in used.items() if name in _PACKAGES)),
    ]
    return rows


def _software(run: Run) -> dict[str, str]:
    path = run.path / "environment.json"
    return dict(read_json(path)["packages"]) if path.is_file() else {}


def _data(run: Run) -> list[dict[str, Any]]:
    recorded = read_json(run.path / "data.json") if (run.path / "data.json").is_file() else {}
    return [{"name": _shown(path)} | entry for path, entry in recorded.items()]


def _shown(path: str) -> str:
    return Path(path).name if Path(path).is_absolute() else path


def _context(source: Source, folder: Path) -> Any:
    for config in (folder / "config.json", Path(source.base) / "config.json"):
        if config.is_file():
            return read_json(config).get("max_position_embeddings", "as many as its base")
    return "as many as its base"
