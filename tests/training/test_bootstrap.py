"""Bootstrap of customers."""

import numpy as np
import pytest

from training.bootstrap import centred_interval, interval, worlds

CUSTOMERS = np.array([7, 7, 3, 9, 3, 7], dtype=np.uint64)


def _all(customers: np.ndarray, number: int = 200) -> np.ndarray:
    return np.concatenate(list(worlds(customers, number=number)))


def test_rows_of_a_customer_are_drawn_together() -> None:
    """In every world the three rows of customer 7 weigh the same."""
    weights = _all(CUSTOMERS)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 0] == weights[:, 5]).all()


def test_each_world_draws_as_many_customers_as_there_are() -> None:
    """Three customers, three draws: their weights add up to 3."""
    weights = _all(CUSTOMERS)
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_worlds_do_not_depend_on_chunks_or_order_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A customer's weight in world 17 is the same in whatever company and chunk."""
    whole = _all(CUSTOMERS)
    monkeypatch.setattr("training.bootstrap.AT_ONCE", 18)
    np.testing.assert_array_equal(_all(CUSTOMERS[::-1])[:, ::-1], whole)


def test_the_interval_is_the_middle_of_the_draws() -> None:
    """Of 0 to 1000 the middle 95% is 25 to 975; worlds without the value are left out."""
    draws = np.append(np.arange(1001.0), np.nan)
    found = interval(500.0, draws)
    assert (found.low, found.high) == (25.0, 975.0)


def test_without_a_world_there_is_no_interval() -> None:
    """No draw, no bounds: NaN."""
    assert np.isnan(interval(0.5, np.array([np.nan])).low)


def test_an_inflated_statistic_is_moved_to_its_place() -> None:
    """Draws around 12 for a value of 10 give an interval around 10, never below 0."""
    found = centred_interval(10.0, 12.0 + np.linspace(-1, 1, 1001))
    assert (found.low, found.high) == pytest.approx((9.05, 10.95))
    assert centred_interval(0.1, np.linspace(0, 2, 1001)).low == 0.0
