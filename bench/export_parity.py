"""Do exports answer as their runs do? `python bench/export_parity.py [RUN] [--questions 50]`, with `[llama]`.

Asks a run (its adapter beside the weights, in fp32), what was exported from it and llama.cpp the same test questions.
RUN is one of the project that this stands in; without it, `--base` is trained on the sample database first under the
demo's recipe. Given again with the same `--out` folder, what is trained stays.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from learning_curve import sample_shop

from sqltailor.export.artifacts import export
from sqltailor.export.parity import Pair, compare
from sqltailor.export.verify import questions
from sqltailor.generate.llama_cpp import LlamaCppModel
from sqltailor.generate.local import LocalModel
from sqltailor.generate.open_model import open_model
from sqltailor.generate.quiet import quiet_libraries
from sqltailor.generate.references import resolve
from sqltailor.generate.weights import open_tokenizer
from sqltailor.recipe import load_recipe
from sqltailor.train import train
from sqltailor.train.running.base_model import as_trained
from sqltailor.types import Generate

KINDS = {"plain": "none", "NF4": "nf4"}
"""Run → the weights that its adapter was trained on."""
EXPORTS: dict[str, dict[str, Any]] = {
    "merged, fp32": {"to": "merged", "dtype": "fp32"},
    "merged, rounded to the base's type": {"to": "merged", "dtype": "base"},
    "merged into the original weights, fp32": {"to": "merged", "dtype": "fp32", "into_original": True},
    "GGUF f16, in llama.cpp": {"to": "gguf"},
    "GGUF q8_0, in llama.cpp": {"to": "gguf", "quantize": ["q8_0"]},
    "GGUF q4_k_m, in llama.cpp": {"to": "gguf", "quantize": ["q4_k_m"]},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="default: train one")
    parser.add_argument("--questions", type=int, default=200, help="test questions to ask, a seeded sample")
    parser.add_argument("--out", type=Path, default=None, help="folder to keep; default: a temporary one")
    parser.add_argument("--steps", type=int, default=80, help="optimizer steps of each training")
    parser.add_argument("--base", default="small")
    parser.add_argument("--trained-on", action="append", choices=KINDS, help="weights; may be repeated; default: plain")
    args = parser.parse_args()
    if args.run:
        table([args.run], args.questions)
        return
    with sample_shop(args.out, args.base):
        table([learn(kind.lower(), KINDS[kind], args.steps) for kind in args.trained_on or ["plain"]], args.questions)


def table(runs: list[str], count: int) -> None:
    """Print how the exports of runs answer, of `count` questions each."""
    print(f"| trained on | export | equal text of {count} | same statement |\n|---|---|---|---|")
    for run in runs:
        quantization = load_recipe(f"{run}/recipe.yaml").recipe.train.local.quantization
        for pair in asked(run, count, quantized=quantization != "none"):
            equal, same = (round(share * pair.n) for share in (pair.equal_text, pair.agree))
            print(f"| {quantization} | {pair.other} | {equal} | {same} |", flush=True)


def learn(name: str, quantization: str, steps: int) -> str:
    """Train on the sample database, unless that is done, and return the run."""
    run = Path("runs") / name
    if not (run / "DONE").is_file():
        words = ["database.url=sqlite:///shop.db", f"train.name={name}", f"train.max_steps={steps}"]
        words += [f"train.local.quantization={quantization}"]
        train(load_recipe("recipe.yaml", words))
    return str(run)


def asked(run: str, count: int, *, quantized: bool) -> tuple[Pair, ...]:
    """Return how the answers of a run's exports compare with its own."""
    source = resolve(run)
    prompts, ids, options = questions(source.run, open_tokenizer(source))
    with quiet_libraries():
        models: dict[str, Callable[[], Generate]] = {"run": lambda: opened(run)}
        for number, (name, how) in enumerate(EXPORTS.items()):
            if "into_original" in how and not quantized:
                continue
            folder = Path(export(run, out=f"{run}/parity-{number}", check=False, **how).out)
            models[name] = opener(folder)
        return compare(prompts[:count], models, ids=ids[:count], options=options).pairs


def opened(reference: str) -> Generate:
    """Return a model as the parity gate asks it: in fp32, its adapter beside the weights."""
    model = open_model(reference, dtype=torch.float32, merge=False)
    as_trained(model.model)
    return LocalModel(model)


def opener(folder: Path) -> Callable[[], Generate]:
    """Return the function that opens a run's export: a GGUF file by llama.cpp, weights by torch."""
    file = next(folder.glob("*.gguf"), None)
    return (lambda: opened(str(folder))) if file is None else (lambda: LlamaCppModel(file))


if __name__ == "__main__":
    main()
