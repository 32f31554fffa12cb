"""How answers did by the share of candidates that agree with them: what `confidence` is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.errors import ConfigError
from sqltailor.evaluate.statistics import rate
from sqltailor.generate.calibration import Calibration, calibrated, keep
from sqltailor.runs import Run, read_json
from sqltailor.types import Prediction

BANDS = (("up to 25 % agree", 0.0, 0.25), ("25–50 %", 0.25, 0.5), ("50–75 %", 0.5, 0.75), ("75–100 %", 0.75, 1.0))
"""Shares of candidates that agree with an answer: name, above, and up to."""
SURER = "surer half"


def confidences(
    predictions: Mapping[str, Sequence[Prediction]], calibrations: Mapping[str, Calibration]
) -> dict[str, Any]:
    """Return how often answers are right by how many candidates agree with them, where candidates were drawn.

    `confidence`: band → model → rate of execution, with the mean `share` and, for a model with a calibration, the rate
    that it expects; the last band is the surer half of a model's answers. `calibration_error`: model → how far shares,
    and expected rates, are from the rates, as a mean over the answers.
    """
    found: dict[str, dict[str, Any]] = {}
    errors: dict[str, dict[str, float]] = {}
    for model, rows in predictions.items():
        pairs = voted(rows)
        surest = sorted(pairs, key=lambda pair: -pair[0])[: len(pairs) // 2]
        bands = {name: [pair for pair in pairs if low < pair[0] <= high] for name, low, high in BANDS}
        for name, band in {**bands, SURER: surest}.items():
            if (value := rate(score for _, score in band)) is not None:
                found.setdefault(name, {})[model] = value.to_json() | _means(band, calibrations.get(model))
        for kind in ("share", "expected"):
            known = [found[name][model] for name in bands if model in found.get(name, {})]
            if known and kind in known[0]:
                error = math.fsum(band["n"] * abs(band["value"] - band[kind]) for band in known) / len(pairs)
                errors.setdefault(model, {})[kind] = round(error, 6)
    return {"confidence": found, "calibration_error": errors} if found else {}


def voted(predictions: Sequence[Prediction]) -> list[tuple[float, float]]:
    """Return share and score of each answer that was voted on and run."""
    return [
        (p.confidence, p.scores["execution"])
        for p in predictions
        if p.confidence is not None and "execution" in p.scores
    ]


def _means(band: Sequence[tuple[float, float]], calibration: Calibration | None) -> dict[str, float]:
    shares = [share for share, _ in band]
    means = {"share": round(math.fsum(shares) / len(shares), 6)}
    if calibration is not None:
        means["expected"] = round(math.fsum(map(calibration.expected, shares)) / len(shares), 6)
    return means


def calibrate(evaluation: Path, predictions: Mapping[str, Sequence[Prediction]]) -> dict[str, Calibration]:
    """Learn from an evaluation's folder and predictions what each model's confidence is worth, and keep it in its run.

    Raises `DataError` where too few answers were voted on.
    """
    candidates = int(read_json(evaluation / "evaluation.json")["options"]["candidates"])
    found = {model: calibrated(voted(rows), candidates) for model, rows in predictions.items()}
    for model, calibration in found.items():
        keep(calibration, Run(Path(model)))
    return found


def check_runs(models: Sequence[str]) -> None:
    """Raise `ConfigError` for a model that is no run: there is no place to keep what its confidence is worth."""
    for model in models:
        if not Run(Path(model)).prompt.is_file():
            raise ConfigError(f"'{model}' is not a run of `train`: only a run keeps what its confidence is worth.")
