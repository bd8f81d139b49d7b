"""What `forestay train` says of one target, in the shape that programs rely on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from training.bootstrap import Interval
from training.evaluate import Evaluation


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """What `forestay train` says of one target; `as_dict` is its JSON."""

    target: str
    run_id: str | None = None
    model_version: str | None = None
    promoted: bool = False
    no_skill: bool = True
    warnings: tuple[Mapping[str, str], ...] = ()
    n_train: int = 0
    n_test: int = 0
    base_rate: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    baseline: Mapping[str, float | None] = field(default_factory=dict)
    per_test_as_of: tuple[Mapping[str, Any], ...] = ()
    gate: tuple[Mapping[str, Any], ...] = ()
    artifacts: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for `--json`, as the design names it; no NaN, which JSON lacks."""
        names = (
            "run_id", "model_version", "promoted", "no_skill", "n_train", "n_test", "base_rate",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {
            "warnings": [dict(warning) for warning in self.warnings],
            "metrics": dict(self.metrics),
            "baseline": dict(self.baseline),
            "per_test_as_of": [dict(period) for period in self.per_test_as_of],
            "gate": [dict(check) for check in self.gate],
        }


def named_metrics(metrics: Mapping[str, Interval]) -> dict[str, float | None]:
    """Return ``test_<metric>`` with ``_low`` and ``_high``; None where a value does not exist."""
    return {
        f"test_{name}{end}": number if isfinite(number) else None
        for name, value in metrics.items()
        for end, number in (("", value.value), ("_low", value.low), ("_high", value.high))
    }


def periods(ours: Evaluation, baseline: Evaluation) -> tuple[Mapping[str, Any], ...]:
    """Return rows, rate and metrics of each test date, of ours and of the baseline."""
    return tuple(
        {
            "as_of": f"{period.as_of}",
            "n": period.rows,
            "base_rate": period.base_rate,
            "metrics": named_metrics(period.metrics),
            "baseline": named_metrics(plain.metrics),
        }
        for period, plain in zip(ours.periods, baseline.periods, strict=True)
    )
