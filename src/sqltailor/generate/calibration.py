"""What a confidence is worth: how often a run's answers were right on validation questions, by how many agreed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sqltailor.errors import DataError
from sqltailor.runs import Run, read_json, write_json_atomic

FEWEST = 30
"""Answers without which a rate says too little."""


class Calibration(NamedTuple):
    """Rates of right answers among `n`, by the share of `candidates` and the greedy answer that agreed, rising."""

    candidates: int
    n: int
    rates: tuple[tuple[float, float], ...]

    def expected(self, share: float) -> float:
        """Return the rate for a share: that of the next lower one where it was not seen."""
        return next((rate for known, rate in reversed(self.rates) if known <= share), self.rates[0][1])


def calibrated(answers: Iterable[tuple[float, float]], candidates: int) -> Calibration:
    """Return the rates for answers, each a share and 1 where it is right; raises `DataError` for fewer than `FEWEST`.

    A larger share never has a lower rate: neighbours that contradict it are pooled (Ayer et al. 1955). Each share
    begins with half an answer right and half wrong, so that few answers make no certainty.

    >>> calibrated([(0.5, 0), (1.0, 1)] * 20, 1).rates
    ((0.5, 0.024), (1.0, 0.976))
    """
    pairs = sorted(answers)
    if len(pairs) < FEWEST:
        raise DataError(
            f"Only {len(pairs)} of the answers have a confidence and a result; {FEWEST} are needed to say what it is "
            "worth. Name more questions: data.validation, or --data FILE."
        )
    blocks: list[tuple[list[float], float, float]] = []  # shares, right answers, answers
    for share in dict.fromkeys(share for share, _ in pairs):
        scores = [score for known, score in pairs if known == share]
        block = ([share], sum(scores) + 0.5, len(scores) + 1.0)
        while blocks and blocks[-1][1] / blocks[-1][2] > block[1] / block[2]:
            shares, right, n = blocks.pop()
            block = (shares + block[0], right + block[1], n + block[2])
        blocks.append(block)
    rates = tuple((share, round(right / n, 3)) for shares, right, n in blocks for share in shares)
    return Calibration(candidates, len(pairs), rates)


def keep(calibration: Calibration, run: Run) -> None:
    """Write a calibration into the run whose answers it is about."""
    write_json_atomic(run.calibration, calibration._asdict())


def calibration_of(model: str, candidates: int) -> Calibration | None:
    """Return what a run's confidence is worth with so many candidates; None where that was not measured."""
    kept = Run(Path(model)).calibration
    if not kept.is_file():
        return None
    found = read_json(kept)
    rates = tuple((share, rate) for share, rate in found["rates"])
    return Calibration(found["candidates"], found["n"], rates) if found["candidates"] == candidates else None
