"""Weights of the members of a model."""

import numpy as np
import pytest

from training.calibrate import sigmoid
from training.stack import combine, even, fit_weights

CHANCES = np.random.default_rng(6)
GOOD = CHANCES.normal(size=(8000, 2))
NOISE = CHANCES.normal(size=8000)
LABELS = (CHANCES.random(8000) < sigmoid(0.8 * GOOD[:, 0] + 0.4 * GOOD[:, 1])).astype(float)


def test_weights_that_made_the_labels_are_found() -> None:
    """0.8 and 0.4, whatever level each period has."""
    halves = [GOOD[:4000], GOOD[4000:]]
    labels = [LABELS[:4000], LABELS[4000:]]
    assert fit_weights(halves, labels, even(1)).tolist() == pytest.approx([0.8, 0.4], abs=0.08)


def test_a_member_that_misleads_weighs_nothing() -> None:
    """Never negative: a member turned round is no member."""
    members = np.column_stack([GOOD[:, 0], -GOOD[:, 1]])
    assert fit_weights([members], [LABELS], even(1))[1] == 0.0


def test_few_rows_leave_the_even_split() -> None:
    """Ten rows hardly move half and half."""
    found = fit_weights([GOOD[:10]], [LABELS[:10]], even(1))
    assert found.tolist() == pytest.approx([0.5, 0.5], abs=0.05)


def test_lines_share_one_half_and_trees_have_the_other() -> None:
    """However many lines there are."""
    assert even(4).tolist() == [0.125, 0.125, 0.125, 0.125, 0.5]


def test_a_row_never_depends_on_its_company() -> None:
    """The sum of one row alone has the bits it has among thousands."""
    weights = np.array([0.3, 0.7])
    alone = np.concatenate([combine(GOOD[place : place + 1], weights) for place in range(20)])
    assert combine(GOOD, weights)[:20].tobytes() == alone.tobytes()
