"""The buying rhythm: BG/NBD's chance of no purchase, and whose it is."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.rhythm import READS, Rhythm, fit_rhythm

#: r, alpha, a, b of the CDNOW sample in the paper (Fader, Hardie & Lee 2005), time in weeks.
PAPER = Rhythm(r=0.243, alpha=4.414, a=0.793, b=2.426, horizon_days=90, typical=(2.0, 30.0, 200.0))
DAYS = st.floats(0, 2000)


def _table(*rows: tuple[float | None, float | None, float | None]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        {n: pa.array(c, pa.float64()) for n, c in zip(READS, columns, strict=True)}
    )  # fmt: skip


def test_the_chance_is_the_one_worked_out_by_hand() -> None:
    """Two repeat purchases, the last at week 30.43 of 38.86: eq. 7 for being alive, then 90 days.

    gone / alive = 0.793 / (2.426 + 2 - 1) x ((4.414 + 38.86) / (4.414 + 30.43)) ** 2.243
                 = 0.23147 x 1.62585 = 0.37633, so alive = 0.72657;
    no purchase while alive = (43.274 / (43.274 + 12.857)) ** 2.243 = 0.55803;
    no purchase = 1 - 0.72657 x (1 - 0.55803) = 0.67888, log-odds 0.74859.
    """
    columns = [np.array([3.0]), np.array([59.01]), np.array([272.02])]
    assert PAPER.log_odds(columns)[0] == pytest.approx(0.7486, abs=2e-3)


def test_longer_silence_raises_the_chance_for_a_repeat_buyer() -> None:
    """Same purchases, same first one: the later the last, the likelier another."""
    silent = PAPER.term(_table(*((5.0, float(days), 300.0) for days in (5, 50, 150, 290))))
    assert (np.diff(silent) > 0).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 200), DAYS, DAYS), min_size=1, max_size=5))
def test_for_any_history_the_three_parts_add_up(rows: list) -> None:
    """Typical term + contributions == term, wherever the customer is and whoever is typical."""
    table = _table(*rows)
    total = PAPER.typical_term + PAPER.contributions(table).sum(axis=1)
    np.testing.assert_allclose(total, PAPER.term(table), atol=1e-9)


def test_the_typical_customer_has_no_contributions() -> None:
    """Who is like the medians differs from them in nothing."""
    assert PAPER.contributions(_table(PAPER.typical)).tolist() == [[0.0, 0.0, 0.0]]


def test_who_never_bought_has_no_rhythm() -> None:
    """The term is 0, as the mean is."""
    assert PAPER.term(_table((None, None, None), (0.0, 10.0, 20.0))).tolist() == [0.0, 0.0]


def test_labels_made_by_a_rhythm_are_told_by_the_fit() -> None:
    """Histories and labels drawn from the paper's parameters: the fit orders as the truth does."""
    chances = np.random.default_rng(4)
    count = 1 + chances.poisson(2.0, 6000)
    first = chances.uniform(30, 500, 6000)
    recent = np.where(count > 1, chances.uniform(0, 1, 6000) * first, first)
    columns = [count.astype(float), recent, first]
    labels = (chances.random(6000) < 1 / (1 + np.exp(-PAPER.log_odds(columns)))).astype(float)
    table = pa.table(dict(zip(READS, columns, strict=True)))
    found = fit_rhythm(table, labels, 90)
    assert found is not None
    assert np.corrcoef(found.log_odds(columns), PAPER.log_odds(columns))[0, 1] > 0.98
    again = fit_rhythm(table, labels, 90)
    assert again == found


def test_without_its_columns_there_is_no_rhythm() -> None:
    """A service desk, or a user who excluded one of them."""
    assert fit_rhythm(pa.table({"recency_days": [1.0, 2.0]}), np.array([0.0, 1.0]), 90) is None
