"""The calibrator: two plain numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.calibrate import Calibrator, fit_periods, sigmoid

CHANCES = np.random.default_rng(5)
MARGIN = CHANCES.normal(size=20_000)


def _labels(a: float, b: float) -> np.ndarray:
    return (CHANCES.random(len(MARGIN)) < sigmoid(a * MARGIN + b)).astype(float)


def test_slope_and_shift_are_found() -> None:
    """Margins twice too small and shifted by .5 are put right."""
    found = fit_periods([MARGIN], [_labels(2.0, 0.5)]).calibrator()
    assert (found.a, found.b) == pytest.approx((2.0, 0.5), abs=0.1)


def test_only_a_part_of_a_shift_is_believed() -> None:
    """Two periods with shifts of +1 and 0 and half a belief give a quarter."""
    found = fit_periods([MARGIN, MARGIN], [_labels(1.0, 1.0), _labels(1.0, 0.0)])
    assert found.shifts == pytest.approx((1.0, 0.0), abs=0.1)
    assert found.calibrator(belief=0.5).b == pytest.approx(0.25, abs=0.05)


def test_few_labels_leave_the_slope_alone() -> None:
    """Ten positives say nothing about a slope."""
    labels = np.zeros(1000)
    labels[:10] = 1
    assert fit_periods([MARGIN[:1000]], [labels]).slope == 1.0


def test_without_rows_nothing_changes() -> None:
    """The calibrator of no predictions is the identity."""
    assert fit_periods([np.array([])], [np.array([])]).calibrator() == Calibrator(1.0, 0.0)


def test_a_margin_against_the_labels_still_keeps_its_order() -> None:
    """The slope stays positive: calibration never turns a ranking round."""
    assert fit_periods([MARGIN], [_labels(-1.0, 0.0)]).slope > 0


@settings(max_examples=25, deadline=None)
@given(st.floats(-800, 800))
def test_for_any_margin_the_sigmoid_is_a_probability(margin: float) -> None:
    """No overflow at either end, and the two tails mirror each other."""
    risk = sigmoid(np.array([margin, -margin]))
    assert 0 <= risk[0] <= 1
    assert risk.sum() == pytest.approx(1.0)
