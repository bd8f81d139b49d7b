"""The gate a new model passes before it serves: checks with their numbers, kept with the model.

A model without skill never serves. One that is clearly worse than the champion on the same
customers and dates does not replace it; the comparison is paired, in the same bootstrap worlds.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from training.bootstrap import Interval, interval
from training.evaluate import METRICS, Evaluation, Predictions, evaluate
from training.sufficiency import LEAST_OF_EACH

#: A mean difference of risk and rate above this is no probability any more.
ECE_LIMIT = 0.15
#: A smaller difference to the champion is no reason to keep the older model.
MATERIAL = 0.005
#: Fewer common rows say nothing about two models.
COMMON_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class Check:
    """One condition of the gate, and what was found."""

    name: str
    passed: bool
    words: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for the record."""
        return asdict(self)


def gate(found: Evaluation, against: Interval | None) -> tuple[Check, ...]:
    """Check cases, skill, calibration, and the paired difference to the champion if there is one.

    Parameters
    ----------
    found : the new model's evaluation.
    against : its ROC AUC less the champion's, on common rows; None where there are none.
    """
    auc, ece = found.metrics["roc_auc"], found.metrics["ece"]
    skill = f"ROC AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]; chance is .5"
    off = f"mean calibration error {ece.value:.3f}; at most {ECE_LIMIT}"
    cases = round(sum(period.rows * period.base_rate for period in found.periods))
    rarer = min(cases, sum(period.rows for period in found.periods) - cases)
    told = f"the test dates hold {rarer:,} of the rarer answer; at least {LEAST_OF_EACH} are needed"
    return (
        Check(name="has_enough_cases", passed=rarer >= LEAST_OF_EACH, words=told),
        Check(name="has_skill", passed=not found.no_skill, words=skill),
        Check(name="is_calibrated", passed=ece.value <= ECE_LIMIT, words=off),
        _not_worse(against),
    )


def _not_worse(against: Interval | None) -> Check:
    name = "not_worse_than_champion"
    if against is None:
        return Check(name=name, passed=True, words="no champion was tested on the same rows")
    words = (
        f"ROC AUC less the champion's {against.value:+.4f} "
        f"[{against.low:+.4f}, {against.high:+.4f}] on the same rows"
    )
    worse = against.high < 0 and against.value <= -MATERIAL
    return Check(name=name, passed=not worse, words=words)


def paired_difference(new: Predictions, old: Predictions) -> Interval | None:
    """Return new less old ROC AUC on the rows both judged; None where these are too few.

    Parameters
    ----------
    new, old : predictions, each with a row at most for a customer and date.
    """
    mine, theirs = _common(new, old)
    if len(mine.labels) < COMMON_ROWS:
        return None
    only = {"roc_auc": METRICS["roc_auc"]}
    left, right = evaluate(mine, only), evaluate(theirs, only)
    draws = left.draws["roc_auc"] - right.draws["roc_auc"]
    return interval(left.metrics["roc_auc"].value - right.metrics["roc_auc"].value, draws)


def clearly_below(ours: Evaluation, baseline: Evaluation) -> Interval | None:
    """Return ours less the baseline's ROC AUC where the paired interval lies below 0."""
    value = ours.metrics["roc_auc"].value - baseline.metrics["roc_auc"].value
    difference = interval(value, ours.draws["roc_auc"] - baseline.draws["roc_auc"])
    return difference if difference.high < 0 else None


def _common(new: Predictions, old: Predictions) -> tuple[Predictions, Predictions]:
    """Keep the rows of both whose customer, date and label agree, in one order."""
    left, right = _keys(new), _keys(old)
    _, mine, theirs = np.intersect1d(left, right, return_indices=True)
    same = new.labels[mine] == old.labels[theirs]
    return _taken(new, mine[same]), _taken(old, theirs[same])


def _keys(given: Predictions) -> np.ndarray:
    dtype = [("as_of", "datetime64[D]"), ("customer", np.uint64)]
    keys = np.empty(len(given.labels), dtype=dtype)
    keys["as_of"], keys["customer"] = given.as_of, given.customers
    return keys


def _taken(given: Predictions, places: np.ndarray) -> Predictions:
    return Predictions(
        customers=given.customers[places],
        as_of=given.as_of[places],
        labels=given.labels[places],
        risk=given.risk[places],
    )


def predictions_table(given: Predictions, baseline: np.ndarray) -> pa.Table:
    """Return the rows to keep with a run; customers are hashes, so nobody is named."""
    return pa.table(
        {
            "customer": given.customers,
            "as_of": given.as_of,
            "label": given.labels.astype(np.int8),
            "risk": given.risk,
            "baseline_risk": baseline,
        }
    )


def predictions_from(table: pa.Table) -> Predictions:
    """Read what `predictions_table` made."""
    return Predictions(
        customers=table["customer"].to_numpy(),
        as_of=table["as_of"].to_numpy().astype("datetime64[D]"),
        labels=table["label"].to_numpy().astype(float),
        risk=table["risk"].to_numpy(),
    )


def passed(checks: tuple[Check, ...]) -> bool:
    """Whether every check of the gate holds."""
    return all(check.passed for check in checks)


def reasons(checks: tuple[Check, ...]) -> Mapping[str, str]:
    """Return the words of the checks that failed."""
    return {check.name: check.words for check in checks if not check.passed}
