"""What tuning on AWS would do and cost: printed, and confirmed, before anything is uploaded or created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqltailor.cloud.cost import CostRow
from sqltailor.cloud.material import Material
from sqltailor.cloud.run_names import Where
from sqltailor.errors import ConfigError, counted


@dataclass(frozen=True, slots=True)
class CloudPlan:
    """What `train` would do: the shape of `train --dry-run --json`, and the text that is confirmed.

    `hyperparameters` are sent as they are; `machines`, where they are paid by the hour. `role_age_s` None: not known.
    """

    place: Where
    base: str
    hyperparameters: Mapping[str, Any]
    epochs: float
    material: Material
    rows: Sequence[CostRow]
    notes: tuple[str, ...]
    role_age_s: float | None
    machines: str | None = None

    @property
    def usd(self) -> float | None:
        """What the job costs, once, or at most; None where no trustworthy source gives the price."""
        return self.rows[0].usd

    def text(self) -> str:
        """Return the plan in a few lines."""
        place, material = self.place, self.material
        validation = f", {counted(material.validation_examples, 'example')} to validate" if material.validation else ""
        left_out = f"; {material.left_out:,} skipped" if material.left_out else ""
        settings = ", ".join(f"{name} {value}" for name, value in self.hyperparameters.items())
        lines = [
            f"account:  {place.account}, as {place.who.arn}",
            f"model:    {self.base} in {place.region}, {settings}",
            *([f"runs on:  {self.machines}"] if self.machines else []),
            f"data:     {counted(material.examples, 'example')}, about {material.tokens:,} tokens{validation}"
            + left_out,
            f"goes to:  {place.s3}, read by {place.role}",
            *(f"cost:     {row.what}: {money(row.usd)}: {row.basis}" for row in self.rows),
            *(f"note:     {note}" for note in self.notes),
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        place, material = self.place, self.material
        return {
            "account": place.account,
            "region": place.region,
            "base": self.base,
            "role": place.role,
            "s3": str(place.s3),
            "machines": self.machines,
            "examples": material.examples,
            "validation_examples": material.validation_examples,
            "left_out": material.left_out,
            "tokens": material.tokens,
            "epochs": self.epochs,
            "hyperparameters": dict(self.hyperparameters),
            "usd": self.usd,
            "notes": list(self.notes),
        }


def money(usd: float | None) -> str:
    """Return dollars as a plan shows them.

    >>> money(8.0), money(0.00123), money(None)
    ('$8.00', '$0.0012', 'not known')
    """
    if usd is None:
        return "not known"
    return f"${usd:,.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.4f}"


def check_budget(usd: float | None, max_usd: float | None, what: str) -> None:
    """Raise `ConfigError` when something costs more than is allowed, or nobody knows what it costs."""
    if max_usd is None:
        return
    if usd is None:
        raise ConfigError(f"--max-usd {max_usd:g} cannot be enforced: the price of {what} is not in the price book.")
    if usd > max_usd:
        raise ConfigError(f"{what} costs {money(usd)}, above --max-usd {max_usd:g}.")
