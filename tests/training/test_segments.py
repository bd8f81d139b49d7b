"""Calibration by segment and by how much history there is."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from features.errors import NotReady
from tests.training.made_rows import made_rows
from training.calibrate import sigmoid
from training.segments import Group, Groups, fit_groups, groups_from_data, levels_of

CHANCES = np.random.default_rng(8)
ROWS = 6000
SCORE = CHANCES.normal(size=ROWS)
SEGMENT = np.array(["a", "b", "c"])[CHANCES.integers(0, 3, ROWS)]
COUNT = CHANCES.integers(1, 4, ROWS).astype(float)


def _rows(labels: np.ndarray, **columns):
    one = made_rows(customers=ROWS, days=made_rows().dates[:1])
    groups = tuple(name for name in columns if name == "segment")
    names = tuple(name for name in columns if name not in groups)
    return replace(one, table=pa.table(columns), labels=labels, names=names, groups=groups)


def _drawn(log_odds: np.ndarray) -> np.ndarray:
    return (CHANCES.random(ROWS) < sigmoid(log_odds)).astype(float)


def _of(groups: Groups, level: str) -> Group | None:
    return next((group for group in groups.found if group.level == level), None)


def test_a_segment_that_leaves_more_often_is_set_right() -> None:
    """Segment a has .8 more log-odds than was said; most of it is found."""
    labels = _drawn(SCORE + 0.8 * (SEGMENT == "a"))
    found = fit_groups([_rows(labels, segment=SEGMENT)], [SCORE])
    assert _of(found, "a").shift == pytest.approx(0.8, abs=0.2)
    others = [group for group in found.found if group.level != "a"]
    assert all(abs(group.shift) < 0.2 for group in others)


def test_segments_that_differ_by_chance_are_left_alone() -> None:
    """No spread beyond chance, no shift one could see."""
    found = fit_groups([_rows(_drawn(SCORE), segment=SEGMENT)], [SCORE])
    assert all(abs(group.shift) < 0.12 for group in found.found)


def test_thin_histories_without_order_get_the_rate_of_their_kind() -> None:
    """Their labels have nothing to do with the score: the slope goes, the rate stays."""
    thin = COUNT <= 1
    labels = _drawn(np.where(thin, 0.5, SCORE))
    table = {"purchase_days_count": COUNT}
    found = fit_groups([_rows(labels, **table)], [SCORE])
    group = _of(found, "thin")
    assert group.slope < 0.1
    risk = sigmoid(found.adjust(SCORE, pa.table(table)))
    assert risk[thin].std() < 0.03
    assert risk[thin].mean() == pytest.approx(labels[thin].mean(), abs=0.03)
    np.testing.assert_array_equal(risk[~thin], sigmoid(SCORE)[~thin])


def test_a_history_counts_everything_the_customer_did() -> None:
    """One purchase and one call are two signs of life; a missing count is none."""
    table = pa.table(
        {"purchase_days_count": [1.0, 1.0, None], "interactions_count": [1.0, 0, None]}
    )
    both = levels_of(table, "history", ("purchase_days_count", "interactions_count"))
    assert both.tolist() == ["full", "thin", "thin"]


def test_a_history_is_told_by_the_signs_it_was_learnt_on() -> None:
    """A source mapped later, or a feature left out, moves nobody to the other kind."""
    labels = _drawn(np.where(COUNT <= 1, 0.5, SCORE))
    found = fit_groups([_rows(labels, purchase_days_count=COUNT)], [SCORE])
    more = pa.table({"purchase_days_count": COUNT, "interactions_count": COUNT * 9})
    alone = pa.table({"purchase_days_count": COUNT})
    assert found.reads == {"purchase_days_count"}
    np.testing.assert_array_equal(found.adjust(SCORE, more), found.adjust(SCORE, alone))


def test_groups_round_trip_as_plain_data() -> None:
    """What `model.json` keeps is what was learnt."""
    groups = Groups((Group(column="region", level="North", shift=-0.3, signs=()),))
    assert groups_from_data(groups.as_data()) == groups


def test_a_missing_column_is_named() -> None:
    """A model that is calibrated by segment says so where there is none."""
    groups = Groups((Group(column="segment", level="a", shift=0.5),))
    with pytest.raises(NotReady, match="no column segment"):
        groups.adjust(np.zeros(1), pa.table({"x": [1.0]}))
