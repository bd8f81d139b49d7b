"""Drift: the population stability index."""

import math

import numpy as np
import pyarrow as pa
import pytest

from training.drift import learn_reference, reference_from_data, stability

THEN = pa.table(
    {
        "days": np.arange(1000.0),
        "plan": ["basic"] * 500 + ["gold"] * 500,
        "zeros": [0.0] * 900 + [1.0] * 100,
    }
)
MARGIN = np.linspace(-2, 2, 1000)
REFERENCE = learn_reference(THEN, MARGIN)


def test_the_same_rows_have_not_drifted() -> None:
    """Every index is 0, the score's too, also for a column that is mostly one value."""
    found = stability(REFERENCE, THEN, MARGIN)
    assert found == pytest.approx({"days": 0, "plan": 0, "zeros": 0, "score": 0})


def test_a_moved_share_counts_by_the_formula() -> None:
    """Half basic, then a quarter: (.25 - .5) ln(.25 / .5) + (.75 - .5) ln(.75 / .5)."""
    now = THEN.set_column(1, "plan", pa.array(["basic"] * 250 + ["gold"] * 750))
    expected = -0.25 * math.log(0.5) + 0.25 * math.log(1.5)
    assert stability(REFERENCE, now, MARGIN)["plan"] == pytest.approx(expected, abs=1e-6)


def test_new_levels_and_missing_values_are_drift() -> None:
    """A level never seen, and values that are gone, are another population."""
    now = THEN.set_column(1, "plan", pa.array(["new"] * 1000))
    now = now.set_column(0, "days", pa.nulls(1000, pa.float64()))
    found = stability(REFERENCE, now, MARGIN)
    assert found["plan"] > 1
    assert found["days"] > 1


def test_scores_that_move_are_seen() -> None:
    """A margin shifted by one is drift of the score alone."""
    found = stability(REFERENCE, THEN, MARGIN + 1)
    assert found["score"] > 0.25
    assert found["days"] == pytest.approx(0)


def test_nobody_has_not_drifted() -> None:
    """No rows today: nothing is said."""
    assert stability(REFERENCE, THEN.slice(0, 0), MARGIN[:0]) == {}


def test_plain_data_round_trips() -> None:
    """What is kept in model.json rebuilds the reference."""
    assert reference_from_data(REFERENCE.as_data()) == REFERENCE
