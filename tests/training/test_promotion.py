"""The gate."""

import numpy as np

from training.bootstrap import Interval
from training.evaluate import Predictions, evaluate
from training.promotion import (
    clearly_below,
    gate,
    paired_difference,
    passed,
    predictions_from,
    predictions_table,
    reasons,
)

CHANCES = np.random.default_rng(4)
ROWS = 2000
LABELS = (CHANCES.random(ROWS) < 0.4).astype(float)
NOISE = CHANCES.normal(size=ROWS)


def _predictions(skill: float) -> Predictions:
    margin = skill * (LABELS - 0.4) + NOISE * 0.8 - 0.4
    return Predictions(
        customers=np.arange(ROWS).astype(np.uint64),
        as_of=np.full(ROWS, np.datetime64("2026-01-01")),
        labels=LABELS,
        risk=1 / (1 + np.exp(-margin)),
    )


GOOD, BETTER, CHANCE = (_predictions(skill) for skill in (0.8, 1.0, 0.0))


def test_a_calibrated_model_with_skill_passes() -> None:
    """Without a champion there is nothing to be worse than."""
    assert passed(gate(evaluate(GOOD), None))


def test_a_model_without_skill_fails_and_says_so() -> None:
    """The words hold the interval."""
    checks = gate(evaluate(CHANCE), None)
    assert "has_skill" in reasons(checks)


def test_a_handful_of_cases_promotes_nothing() -> None:
    """Fifteen cases give an interval that only looks like one."""
    few = GOOD.where((LABELS == 0) | (np.cumsum(LABELS) <= 15))
    assert "has_enough_cases" in reasons(gate(evaluate(few), None))


def test_risks_far_from_the_rates_fail() -> None:
    """Everybody told twice the risk is no probability."""
    wrong = GOOD.with_risk(np.clip(GOOD.risk + 0.3, 0, 0.999))
    assert list(reasons(gate(evaluate(wrong), None))) == ["is_calibrated"]


def test_a_clearly_worse_model_does_not_replace_the_champion() -> None:
    """The paired interval lies below 0."""
    difference = paired_difference(GOOD, BETTER)
    assert difference is not None
    assert difference.high < 0
    assert list(reasons(gate(evaluate(GOOD), difference))) == ["not_worse_than_champion"]


def test_a_model_as_good_as_the_champion_passes() -> None:
    """The very same predictions differ by exactly nothing."""
    assert paired_difference(GOOD, GOOD) == Interval(0.0, 0.0, 0.0)
    assert passed(gate(evaluate(GOOD), Interval(0.0, 0.0, 0.0)))


def test_a_difference_that_does_not_matter_keeps_nobody_out() -> None:
    """Worse by .002 beyond doubt is still as good."""
    assert passed(gate(evaluate(GOOD), Interval(-0.002, -0.003, -0.001)))


def test_rows_are_paired_by_customer_and_date() -> None:
    """The order of rows does not matter, nor rows that only one of them has."""
    some = GOOD.where(CHANCES.permutation(ROWS)[:1500])
    difference = paired_difference(some, GOOD)
    assert difference is not None
    assert difference.value == 0.0


def test_too_few_common_rows_compare_nothing() -> None:
    """Fewer than a hundred customers in common say nothing of two models."""
    assert paired_difference(GOOD.where(np.arange(ROWS) < 50), GOOD) is None


def test_a_model_clearly_below_the_baseline_is_noticed() -> None:
    """And one above it is not."""
    assert clearly_below(evaluate(GOOD), evaluate(BETTER)) is not None
    assert clearly_below(evaluate(BETTER), evaluate(GOOD)) is None


def test_predictions_round_trip() -> None:
    """What is kept with a run can be compared with later."""
    again = predictions_from(predictions_table(GOOD, GOOD.risk))
    np.testing.assert_array_equal(again.risk, GOOD.risk)
    np.testing.assert_array_equal(again.customers, GOOD.customers)
