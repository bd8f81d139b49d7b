"""What was seen in each band and group, with intervals."""

import numpy as np
import pytest

from training.evaluate import Predictions
from training.observed import observed_bands, outside_their_band


def _given(labels: list[int], risk: list[float]) -> Predictions:
    count = len(labels)
    return Predictions(
        customers=np.arange(count, dtype=np.uint64),
        as_of=np.full(count, np.datetime64("2026-01-01")),
        labels=np.array(labels, dtype=float),
        risk=np.array(risk),
    )


def test_shares_are_counted_by_band_and_empty_bands_left_out() -> None:
    """Three of four, and one of four."""
    given = _given([1, 1, 1, 0, 1, 0, 0, 0], [0.8] * 4 + [0.2] * 4)
    band = np.array(["very_high"] * 4 + ["low"] * 4)
    high, low = observed_bands(given, band)
    assert (high.name, high.rows, high.seen.value, high.said) == ("very_high", 4, 0.75, 0.8)
    assert (low.name, low.seen.value) == ("low", 0.25)
    assert high.seen.low < 0.75 < high.seen.high


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Of 60 bands of 200 customers with a true share of .3, about 95% hold it."""
    chances = np.random.default_rng(9)
    held = 0
    for _ in range(60):
        labels = (chances.random(200) < 0.3).astype(int).tolist()
        (one,) = observed_bands(_given(labels, [0.3] * 200), np.array(["medium"] * 200))
        held += one.holds
    assert held >= 52


def test_a_band_that_breaks_its_limits_is_named() -> None:
    """With a base rate of .2, `low` ends at .2: a share of .9 among 100 is no low risk."""
    labels = [1] * 90 + [0] * 10
    found = observed_bands(_given(labels, [0.1] * 100), np.array(["low"] * 100))
    assert outside_their_band(found, 0.2) == ("low",)
    assert found[0].as_dict()["holds"] is False
    assert found[0].as_dict()["seen"]["value"] == pytest.approx(0.9)


def test_none_of_ten_is_not_certainty() -> None:
    """Ten customers without a case: up to 28%, Wilson's 1.96 ** 2 / (10 + 1.96 ** 2)."""
    (one,) = observed_bands(_given([0] * 10, [0.1] * 10), np.array(["low"] * 10))
    assert (one.seen.low, one.seen.value) == (0.0, 0.0)
    assert one.seen.high == pytest.approx(0.2775, abs=1e-3)
