"""Metrics of risks against labels, with intervals from bootstraps of customers.

Rows are sorted once; every metric is then computed for many weightings of the rows together, so a
thousand bootstraps cost as many passes over the rows. Nothing here knows where risks came from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from training.bootstrap import Interval, centred_interval, interval, worlds

BINS = 10
TOP = 0.1
CLOSEST = 1e-15


@dataclass(frozen=True)
class Judged:
    """Risks and labels of some rows, sorted by falling risk; equal risks form one group."""

    risk: np.ndarray
    labels: np.ndarray
    customers: np.ndarray
    group_ends: np.ndarray

    @classmethod
    def of(cls, risk: np.ndarray, labels: np.ndarray, customers: np.ndarray) -> "Judged":
        """Sort rows once; ties by customer, so that the order of rows never matters."""
        order = np.lexsort((customers, -risk))
        sorted_risk = risk[order]
        ends = np.append(np.flatnonzero(np.diff(sorted_risk)), len(risk) - 1)
        return cls(sorted_risk, labels[order].astype(float), customers[order], ends)


@dataclass(frozen=True)
class Weighted:
    """Judged rows in several worlds: how often each row was drawn, worlds x rows."""

    rows: Judged
    weights: np.ndarray

    @cached_property
    def positives(self) -> np.ndarray:
        """Positives from the highest risk down, cumulated at the end of each tie."""
        return np.cumsum(self.weights * self.rows.labels, axis=1)[:, self.rows.group_ends]

    @cached_property
    def chosen(self) -> np.ndarray:
        """All rows from the highest risk down, cumulated at the end of each tie."""
        return np.cumsum(self.weights, axis=1)[:, self.rows.group_ends]

    @cached_property
    def gained(self) -> np.ndarray:
        """Positives of each tie."""
        return np.diff(self.positives, axis=1, prepend=0.0)


Metric = Callable[[Weighted], np.ndarray]


def roc_auc(given: Weighted) -> np.ndarray:
    """Return the chance that a positive outranks a negative, ties counting half.

    Returns
    -------
    one value a world, here and below; NaN where a world lacks one of the labels.
    """
    negatives = given.chosen - given.positives
    tied = np.diff(negatives, axis=1, prepend=0.0)
    below = negatives[:, -1:] - negatives
    with np.errstate(invalid="ignore"):
        pairs = given.positives[:, -1] * negatives[:, -1]
        return (given.gained * (below + tied / 2)).sum(1) / pairs


def pr_auc(given: Weighted) -> np.ndarray:
    """Return the average precision: precision at each cut, weighted by the recall it gains."""
    precision = given.positives / np.maximum(given.chosen, CLOSEST)
    with np.errstate(invalid="ignore"):
        return (given.gained * precision).sum(1) / given.positives[:, -1]


def log_loss(given: Weighted) -> np.ndarray:
    """Return the mean negative log-likelihood."""
    risk = np.clip(given.rows.risk, CLOSEST, 1 - CLOSEST)
    loss = -np.where(given.rows.labels == 1, np.log(risk), np.log1p(-risk))
    return given.weights @ loss / given.weights.sum(1)


def brier(given: Weighted) -> np.ndarray:
    """Return the mean squared difference of risk and label."""
    squares = (given.rows.risk - given.rows.labels) ** 2
    return given.weights @ squares / given.weights.sum(1)


def ece(given: Weighted) -> np.ndarray:
    """Return the expected calibration error over ten bins of equally many rows.

    Bins are those of the given rows in every world.
    """
    parts = np.array_split(given.rows.labels - given.rows.risk, BINS)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    split = np.split(given.weights, ends, axis=1)
    errors = [np.abs(w @ part) for w, part in zip(split, parts, strict=True)]
    return np.sum(errors, axis=0) / given.weights.sum(1)


def top_decile_lift(given: Weighted) -> np.ndarray:
    """Return the rate among the tenth with the highest risk, over the rate of all.

    Of a group of equal risks that the cut divides, each row counts in part.
    """
    total = given.chosen[:, -1]
    wanted = np.maximum(1.0, np.round(TOP * total))[:, None]
    size = np.diff(given.chosen, axis=1, prepend=0.0)
    part = np.clip((wanted - given.chosen + size) / np.maximum(size, CLOSEST), 0.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((given.gained * part).sum(1) / wanted[:, 0]) / (given.positives[:, -1] / total)


METRICS: Mapping[str, Metric] = {
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
    "log_loss": log_loss,
    "brier": brier,
    "ece": ece,
    "top_decile_lift": top_decile_lift,
}
INFLATED = ("ece",)


@dataclass(frozen=True, kw_only=True)
class Period:
    """One test date: how many rows, how many positives, and every metric with its interval."""

    as_of: date
    rows: int
    base_rate: float
    metrics: Mapping[str, Interval]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Metrics per test date and their mean, and the draws behind them for paired comparison."""

    periods: tuple[Period, ...]
    metrics: Mapping[str, Interval]
    draws: Mapping[str, np.ndarray]

    @property
    def no_skill(self) -> bool:
        """Whether the interval of the ROC AUC contains one half (or lies below it)."""
        return not self.metrics["roc_auc"].low > 0.5  # noqa: PLR2004 - a coin's


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Out-of-time risks of labelled rows, a row each, in one order."""

    customers: np.ndarray
    as_of: np.ndarray
    labels: np.ndarray
    risk: np.ndarray

    def where(self, mask: np.ndarray) -> "Predictions":
        """Return the rows where the mask holds."""
        return Predictions(
            customers=self.customers[mask],
            as_of=self.as_of[mask],
            labels=self.labels[mask],
            risk=self.risk[mask],
        )

    def with_risk(self, risk: np.ndarray) -> "Predictions":
        """Return the same rows with another model's risks."""
        return replace(self, risk=risk)


def evaluate(given: Predictions, metrics: Mapping[str, Metric] = METRICS) -> Evaluation:
    """Judge predictions per test date and as their mean; customers are drawn across all dates.

    Parameters
    ----------
    given : at least one row of each label on each date, else that date's ranking metrics are NaN.
    metrics : those wanted.
    """
    days = [day.astype(object) for day in np.unique(given.as_of)]
    draws: dict[date, dict[str, list[np.ndarray]]] = {day: {n: [] for n in metrics} for day in days}
    judged = {day: _judge(given, given.as_of == np.datetime64(day)) for day in days}
    for weights in worlds(given.customers):
        for day, (rows, order) in judged.items():
            weighted = Weighted(rows, weights[:, order])
            for name, metric in metrics.items():
                draws[day][name].append(metric(weighted))
    joined = {d: {n: np.concatenate(parts) for n, parts in m.items()} for d, m in draws.items()}
    periods = tuple(_period(day, judged[day][0], joined[day], metrics) for day in days)
    mean = {name: np.mean([joined[day][name] for day in days], axis=0) for name in metrics}
    values = {n: float(np.mean([p.metrics[n].value for p in periods])) for n in metrics}
    found = {name: _interval(name, values[name], mean[name]) for name in metrics}
    return Evaluation(periods=periods, metrics=found, draws=mean)


def _judge(given: Predictions, mask: np.ndarray) -> tuple[Judged, np.ndarray]:
    """Return the sorted rows of one date, and where each stands among all rows."""
    places = np.flatnonzero(mask)
    part = given.where(mask)
    order = np.lexsort((part.customers, -part.risk))
    return Judged.of(part.risk, part.labels, part.customers), places[order]


def _period(
    day: date, rows: Judged, draws: Mapping[str, np.ndarray], metrics: Mapping[str, Metric]
) -> Period:
    once = Weighted(rows, np.ones((1, len(rows.labels))))
    found = {n: _interval(n, float(metric(once)[0]), draws[n]) for n, metric in metrics.items()}
    return Period(
        as_of=day, rows=len(rows.labels), base_rate=float(rows.labels.mean()), metrics=found
    )


def _interval(name: str, value: float, draws: np.ndarray) -> Interval:
    return centred_interval(value, draws) if name in INFLATED else interval(value, draws)
