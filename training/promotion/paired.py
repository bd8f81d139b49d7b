"""Two models on the same customers and dates: metrics of both, and their paired differences.

Each run keeps what its models said of the test rows before they could know the answers, so two
versions are compared as they would have done then, in the same bootstrap worlds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
import pyarrow as pa

from training.bootstrap import Interval, interval
from training.evaluate import METRICS, Evaluation, Predictions, evaluate
from training.observed import LEAST_ROWS, Observed, observed_levels

#: Fewer common rows say nothing about two models.
COMMON_ROWS = 100
#: Start of the names of columns that say in which group a row is.
_GROUP = "group:"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a run said of its test rows, and in which groups they are."""

    predictions: Predictions
    levels: Mapping[str, np.ndarray] = field(default_factory=dict)

    def take(self, places: np.ndarray) -> "Kept":
        """Return some rows, in the order named."""
        given = self.predictions
        chosen = Predictions(
            customers=given.customers[places],
            as_of=given.as_of[places],
            labels=given.labels[places],
            risk=given.risk[places],
        )
        levels = {name: values[places] for name, values in self.levels.items()}
        return Kept(predictions=chosen, levels=levels)

    @property
    def groups(self) -> tuple[Observed, ...]:
        """What was seen in each group beside what was said."""
        return observed_levels(self.predictions, self.levels, LEAST_ROWS)


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Two evaluations of the same rows, and new less old of every metric."""

    new: Evaluation
    old: Evaluation
    differences: Mapping[str, Interval]
    rows: int

    def as_dict(self) -> dict[str, dict[str, float | None]]:
        """Return value, low and high of each difference; None for what does not exist."""
        return {
            name: {
                end: number if isfinite(number) else None
                for end, number in (("value", one.value), ("low", one.low), ("high", one.high))
            }
            for name, one in self.differences.items()
        }


def compare(new: Kept, old: Kept) -> Paired | None:
    """Judge both on the rows they share; None where these are too few.

    Parameters
    ----------
    new, old : each with a row at most for a customer and date.
    """
    mine, theirs = common(new, old)
    if len(mine.predictions.labels) < COMMON_ROWS:
        return None
    left, right = evaluate(mine.predictions), evaluate(theirs.predictions)
    found = {
        name: interval(
            left.metrics[name].value - right.metrics[name].value,
            left.draws[name] - right.draws[name],
        )
        for name in METRICS
    }
    return Paired(new=left, old=right, differences=found, rows=len(mine.predictions.labels))


def common(new: Kept, old: Kept) -> tuple[Kept, Kept]:
    """Keep the rows whose customer, date and label agree, in one order and grouped alike."""
    left, right = _keys(new.predictions), _keys(old.predictions)
    _, mine, theirs = np.intersect1d(left, right, return_indices=True)
    same = new.predictions.labels[mine] == old.predictions.labels[theirs]
    ours = new.take(mine[same])
    return ours, replace(old.take(theirs[same]), levels=ours.levels)


def clearly_below(ours: Evaluation, baseline: Evaluation) -> Interval | None:
    """Return ours less the baseline's ROC AUC where the paired interval lies below 0."""
    value = ours.metrics["roc_auc"].value - baseline.metrics["roc_auc"].value
    difference = interval(value, ours.draws["roc_auc"] - baseline.draws["roc_auc"])
    return difference if difference.high < 0 else None


def kept_table(kept: Kept, baseline: np.ndarray) -> pa.Table:
    """Return the rows to keep with a run; customers are hashes, so nobody is named."""
    given = kept.predictions
    columns = {
        "customer": given.customers,
        "as_of": given.as_of,
        "label": given.labels.astype(np.int8),
        "risk": given.risk,
        "baseline_risk": baseline,
    }
    groups = {f"{_GROUP}{name}": pa.array(v, pa.string()) for name, v in kept.levels.items()}
    return pa.table(columns | groups)


def kept_from(table: pa.Table) -> Kept:
    """Read what `kept_table` made."""
    predictions = Predictions(
        customers=table["customer"].to_numpy(),
        as_of=table["as_of"].to_numpy().astype("datetime64[D]"),
        labels=table["label"].to_numpy().astype(float),
        risk=table["risk"].to_numpy(),
    )
    levels = {
        name.removeprefix(_GROUP): np.asarray(table[name].to_numpy(), dtype=str)
        for name in table.column_names
        if name.startswith(_GROUP)
    }
    return Kept(predictions=predictions, levels=levels)


def _keys(given: Predictions) -> np.ndarray:
    dtype = [("as_of", "datetime64[D]"), ("customer", np.uint64)]
    keys = np.empty(len(given.labels), dtype=dtype)
    keys["as_of"], keys["customer"] = given.as_of, given.customers
    return keys
