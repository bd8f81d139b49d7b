"""Metrics, each against scikit-learn or a sum done by hand."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from training.bootstrap import Interval
from training.evaluate import METRICS, Evaluation, Judged, Predictions, Weighted, evaluate

ROWS = st.lists(
    st.tuples(st.sampled_from([0.05, 0.2, 0.2001, 0.5, 0.9]), st.integers(0, 1), st.integers(0, 4)),
    min_size=2,
    max_size=30,
)


def _metric(name: str, risk: list[float], labels: list[int], weights: list[int]) -> float:
    judged = Judged.of(
        np.array(risk), np.array(labels, float), np.arange(len(risk)).astype(np.uint64)
    )
    order = np.lexsort((np.arange(len(risk)), -np.array(risk)))
    world = np.array([weights], float)[:, order]
    return float(METRICS[name](Weighted(judged, world))[0])


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_for_any_rows_the_ranking_metrics_equal_scikit_learn(rows: list) -> None:
    """With ties and weights, weight 0 included."""
    risk, labels, weights = (list(part) for part in zip(*rows, strict=True))
    present = {label for label, weight in zip(labels, weights, strict=True) if weight}
    if present != {0, 1}:
        return
    auc = roc_auc_score(labels, risk, sample_weight=weights)
    precision = average_precision_score(labels, risk, sample_weight=weights)
    assert _metric("roc_auc", risk, labels, weights) == pytest.approx(auc)
    assert _metric("pr_auc", risk, labels, weights) == pytest.approx(precision)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_for_any_rows_the_losses_equal_scikit_learn(rows: list) -> None:
    """With weights, weight 0 included."""
    risk, labels, weights = (list(part) for part in zip(*rows, strict=True))
    if not any(weights):
        return
    loss = sklearn_log_loss(labels, risk, sample_weight=weights, labels=[0, 1])
    squares = brier_score_loss(labels, risk, sample_weight=weights)
    assert _metric("log_loss", risk, labels, weights) == pytest.approx(loss)
    assert _metric("brier", risk, labels, weights) == pytest.approx(squares)


def test_the_lift_is_the_rate_of_the_top_tenth_over_the_rate_of_all() -> None:
    """Twenty rows, two at the top, one of them a case; five cases in all: (1/2) / (5/20) = 2."""
    risk = [0.99 - 0.01 * place for place in range(20)]
    labels = [1, 0] + [1, 0, 0, 0] * 4 + [0, 0]
    assert _metric("top_decile_lift", risk, labels, [1] * 20) == pytest.approx(0.5 / 0.25)


def test_a_tie_that_the_cut_divides_counts_in_part() -> None:
    """All risks equal: the top tenth is as good as everybody, whatever the order of rows."""
    assert _metric("top_decile_lift", [0.3] * 20, [1] * 5 + [0] * 15, [1] * 20) == pytest.approx(1)


def test_the_calibration_error_is_the_mean_over_tenths() -> None:
    """Ten rows, a bin each: |label - risk| = .1 five times and .2 five times, mean .15."""
    risk = [0.9, 0.9, 0.9, 0.9, 0.9, 0.2, 0.2, 0.2, 0.2, 0.2]
    assert _metric("ece", risk, [1] * 5 + [0] * 5, [1] * 10) == pytest.approx(0.15)


def _predictions(skill: float, rows: int = 600, seed: int = 0) -> Predictions:
    chances = np.random.default_rng(seed)
    labels = (chances.random(rows) < 0.3).astype(float)
    risk = 1 / (1 + np.exp(-(skill * labels + chances.normal(size=rows) - 1)))
    days = np.array(["2026-01-01", "2026-02-01"], dtype="datetime64[D]")
    return Predictions(
        customers=(np.arange(rows) // 2).astype(np.uint64),
        as_of=days[np.arange(rows) % 2],
        labels=labels,
        risk=risk,
    )


def test_the_mean_is_that_of_the_test_dates() -> None:
    """Each date counts alike, and each has its own interval."""
    found = evaluate(_predictions(1.0))
    assert [period.as_of for period in found.periods] == [date(2026, 1, 1), date(2026, 2, 1)]
    for name, value in found.metrics.items():
        mean = np.mean([period.metrics[name].value for period in found.periods])
        assert value.value == pytest.approx(mean)


def test_intervals_hold_their_value() -> None:
    """Low <= value <= high, also for the calibration error, which resampling inflates."""
    for value in evaluate(_predictions(1.0)).metrics.values():
        assert value.low <= value.value <= value.high


def test_judging_again_gives_the_same_bits_whatever_the_order_of_rows() -> None:
    """Draws belong to customers and a seed, not to places."""
    given = _predictions(1.0)
    shuffled = np.random.default_rng(9).permutation(len(given.labels))
    first, second = evaluate(given), evaluate(given.where(shuffled))
    assert first.metrics == second.metrics


def test_chance_has_no_skill_and_a_cause_has() -> None:
    """Skill is an interval of the ROC AUC that lies above one half."""
    assert evaluate(_predictions(0.0)).no_skill
    assert not evaluate(_predictions(1.0)).no_skill


def test_an_auc_below_one_half_is_no_skill_either() -> None:
    """A model that orders customers the wrong way round must not serve."""
    upside_down = {"roc_auc": Interval(0.3, 0.25, 0.35)}
    assert Evaluation(periods=(), metrics=upside_down, draws={}).no_skill


def test_a_date_without_cases_has_no_ranking_metric() -> None:
    """It is NaN there, not one half."""
    given = _predictions(1.0)
    first = given.as_of == given.as_of[0]
    none = Predictions(
        customers=given.customers, as_of=given.as_of, risk=given.risk,
        labels=np.where(first, 0.0, given.labels),
    )  # fmt: skip
    assert np.isnan(evaluate(none).periods[0].metrics["roc_auc"].value)
