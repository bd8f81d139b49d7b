"""Bands of risk: cut at 4, 2 and 1 times the base odds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.bands import bands, cutoffs


def test_cutoffs_are_multiples_of_the_base_odds():
    """With 1 in 5 (odds 1 to 4) the bands begin at odds 1, 1/2 and 1/4."""
    assert cutoffs(0.2) == pytest.approx({"very_high": 1 / 2, "high": 1 / 3, "medium": 1 / 5})


@given(st.floats(0.001, 0.999))
@settings(max_examples=50, deadline=None)
def test_for_any_base_rate_cutoffs_lie_in_order_within_0_and_1(base_rate):
    """However common the outcome, no band begins at or beyond certainty."""
    cuts = cutoffs(base_rate)
    assert 0 < cuts["medium"] < cuts["high"] < cuts["very_high"] < 1
    assert cuts["medium"] == pytest.approx(base_rate)


def test_bands_begin_at_their_cutoff():
    """A risk exactly at the cutoff is in the higher band."""
    cuts = list(cutoffs(0.3).values())
    assert bands(np.array(cuts), 0.3).to_pylist() == ["very_high", "high", "medium"]


def test_bands_null_risk_has_no_band():
    """Who has no risk has no band."""
    assert bands(np.array([np.nan, 0.0]), 0.3).to_pylist() == [None, "low"]


@pytest.mark.parametrize("base_rate", [0.0, 1.0, -1.0, float("nan")])
def test_cutoffs_without_odds_is_refused(base_rate):
    """Without positives, or with nothing else, there are no odds to compare with."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        cutoffs(base_rate)
