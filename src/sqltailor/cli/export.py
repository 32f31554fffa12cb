"""`sqltailor export`: export a run for other programs."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import Json, answering, note, print_json

if TYPE_CHECKING:
    from sqltailor.export.artifacts import Exported


def export(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Run, or another model reference with weights. Default: the newest run."),
    ] = None,
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help="adapter, merged, gguf or hub.")] = "merged",
    merge_into: Annotated[
        str,
        typer.Option(
            "--merge-into",
            metavar="WEIGHTS",
            help="seen: what the adapter saw in training (QLoRA: the dequantised weights); original: the base's own.",
        ),
    ] = "seen",
    dtype: Annotated[
        str,
        typer.Option(
            "--dtype",
            metavar="TYPE",
            help="Of merged weights: fp32; base: as the base's files; auto: fp32 below 1 GB, else base.",
        ),
    ] = "auto",
    quantize: Annotated[
        list[str] | None,
        typer.Option(
            "--quantize",
            metavar="TYPE",
            help="For gguf: f16, q8_0, q6_k, q5_k_m or q4_k_m; may be repeated, a file each. Default: f16.",
        ),
    ] = None,
    adapter_only: Annotated[
        bool, typer.Option("--adapter-only", help="For hub: the adapter without its base.")
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="For hub: a new repository is private.")] = False,
    no_upload: Annotated[bool, typer.Option("--no-upload", help="For hub: write the folder, upload nothing.")] = False,
    repo: Annotated[
        str | None, typer.Option("--repo", metavar="ID", help="For hub: NAME or ORG/NAME. Default: the run's name.")
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Folder to write. Default: RUN/export/TARGET.")
    ] = None,
    no_parity: Annotated[
        bool, typer.Option("--no-parity", help="Do not ask the merged model the test questions.")
    ] = False,
    min_parity: Annotated[
        float,
        typer.Option(
            "--min-parity", metavar="SHARE", min=0, max=1, help="Fail when a smaller share of answers agrees."
        ),
    ] = 0.99,
    json: Json = False,
) -> None:
    """Export a run for other programs: PEFT, transformers, llama.cpp.

    A merged model and its run are asked the same test questions; when more than 1 % of the answers differ, the export
    fails with exit code 1, and parity.json lists the differences. The Hub needs a token in HF_TOKEN.

    Example: sqltailor export runs/shop --to merged

    Example: sqltailor export --to gguf --quantize q8_0 --quantize q4_k_m

    Example: sqltailor export --to hub --repo my-team/shop-sql --private --no-upload
    """
    from sqltailor.errors import ConfigError, unknown
    from sqltailor.export.artifacts import Upload
    from sqltailor.export.artifacts import export as export_run

    if merge_into not in ("seen", "original"):
        raise ConfigError(unknown("value of --merge-into", merge_into, ["seen", "original"]))
    if quantize and to != "gguf":
        raise ConfigError("--quantize chooses the type of a GGUF file. Add --to gguf")
    with answering() as on_progress:
        made = export_run(
            run_reference(run),
            to,
            out=out,
            into_original=merge_into == "original",
            dtype=dtype,
            quantize=quantize or ("f16",),
            check=not no_parity,
            threshold=min_parity,
            upload=Upload(repo, private, adapter_only, not no_upload),
            on_progress=on_progress,
        )
    print_json(dataclasses.asdict(made)) if json else _print(made)
    if not made.passed:
        note(f"error: too many answers differ from the run's: see {made.out}/parity.json. Lower: --min-parity SHARE")
        sys.exit(1)


def run_reference(run: str | None) -> str:
    """Return the model reference of a run that is named by its path or its name; the newest one for None."""
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.generate.bases.table import BASES
    from sqltailor.runs import find_run, newest_training

    if run is not None and (run in BASES or Path(run).exists() or run.startswith("hf:") or "/" in run):
        return run
    root = Path(recipe_for(None, None).train.out)
    if run is not None:
        return str(find_run(root, run).path)
    newest = str(newest_training(root).path)
    note(f"run: {newest}")
    return newest


def _print(made: Exported) -> None:
    if made.logits is not None:
        note(
            f"logits against the run: differ by {made.logits['max']:.2g} at most, {made.logits['mean']:.2g} on "
            f"average; same first choice at {made.logits['same_choice']:.1%} of positions"
        )
    for pair in (made.parity or {}).get("pairs", ()):
        what = "parity" if pair["gated"] else f"{pair['other']}, in llama.cpp"
        note(
            f"{what}: of {pair['n']} answers {pair['agree']:.1%} are the same statement, "
            f"{pair['equal_text']:.1%} the same text"
        )
    print(made.url or made.out)
