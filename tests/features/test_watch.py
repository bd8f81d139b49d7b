"""What arrives is watched: each cause is told by its own name, on tiny hand-made series."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.watch.alarms import alarms
from features.watch.daily import BIN, MISSING, Daily, Stream
from features.watch.rates import shifted
from features.watch.silence import silent
from features.watch.units import moved
from features.watch.windows import window

NIGHT = date(2026, 3, 2)
ORDERS = Stream(table="orders", time="ordered_at", name="orders", values=("amount",))


def _series(*newest: int, usual: int = 100, days: int = 420) -> np.ndarray:
    """Return so many days of a steady hundred, but for the newest."""
    return np.array([*newest, *[usual] * (days - len(newest))])


def _bins(values: list[tuple[int, float | None, int]]) -> np.ndarray:
    """Return (day, known day, bin, rows) of values that were known at once."""
    bins = [(d, MISSING if v is None else int(np.floor(np.log(v) / BIN)), n) for d, v, n in values]
    return np.array([(day, day, place, count) for day, place, count in bins])


def _amounts(newest: list[float | None], days: int = 1) -> np.ndarray:
    """Return values of 5, 10, 20, 40, 80 on every day before, and others on the newest days."""
    usual = [(d, v, 20) for d in range(days, 70) for v in (5.0, 10.0, 20.0, 40.0, 80.0)]
    return _bins([(d, v, 20) for d in range(days) for v in newest] + usual)


def test_a_window_is_compared_with_the_same_weekdays() -> None:
    """Sundays hold 10, other days 100: a Sunday of 10 is as usual."""
    sundays = np.array([10 if day % 7 == 0 else 100 for day in range(120)])
    found = window(sundays, 1)
    assert found is not None
    assert (found.rows, found.usual, found.ratio) == (10, 10.0, 1.0)


def test_a_feed_that_stops_is_silent_after_a_day() -> None:
    """Five rows where a hundred are usual; sixty are a bad day and no more."""
    found = silent(_series(5))
    assert found is not None
    assert (found.days, found.rows, found.usual) == (1, 5, 100.0)
    assert silent(_series(60)) is None


def test_a_quiet_feed_takes_as_many_days_as_it_takes() -> None:
    """Six rows a day, 30 in five: three days of nothing leave 12, five leave none."""
    assert silent(_series(0, 0, 0, usual=6)) is None
    found = silent(_series(0, 0, 0, 0, 0, usual=6))
    assert found is not None
    assert found.days == 5


def test_a_holiday_of_every_year_is_no_silence() -> None:
    """The same two days were as quiet a year ago."""
    series = _series(4, 4, days=440)
    series[364:366] = 5
    assert silent(series) is None


def test_too_short_a_past_says_nothing() -> None:
    """Three weeks are not enough to know what is usual."""
    assert silent(_series(0, days=25)) is None
    assert shifted(_series(0, days=25), down=True) is None


def test_another_unit_multiplies_every_value_alike() -> None:
    """Sixty times as much at each quantile: minutes became seconds."""
    found = moved(_amounts([300.0, 600.0, 1200.0, 2400.0, 4800.0]))
    assert found is not None
    assert found.factor == pytest.approx(60, rel=0.1)
    assert "minutes" in found.likely


def test_other_things_bought_are_no_other_unit() -> None:
    """Only the cheap ones went: the median rose as far, but not every quantile."""
    assert moved(_amounts([80.0, 80.0, 80.0, 85.0, 90.0])) is None


def test_prices_that_double_are_no_other_unit() -> None:
    """A factor below 4 is trade."""
    assert moved(_amounts([10.0, 20.0, 40.0, 80.0, 160.0])) is None


def test_a_column_that_runs_empty_is_told() -> None:
    """One value in ten where all were filled."""
    found = moved(_amounts([None] * 9 + [20.0]))
    assert found is not None
    assert found.factor is None
    assert (found.filled, found.usually_filled) == (0.1, 1.0)


def test_what_was_known_later_did_not_count_then() -> None:
    """As of a night before, rows that were told after it are not seen."""
    rows = np.array([(1, 0, 50), (1, 1, 30), (2, 2, 80)])
    daily = Daily(counts={"orders": rows}, reach=3)
    assert daily.series("orders").tolist() == [0, 80, 80]
    assert daily.series("orders", back=1).tolist() == [30, 80]


def test_fewer_orders_for_a_week_are_a_shift() -> None:
    """A third less, where weeks vary by chance alone; a tenth less is none."""
    found = shifted(_series(*[66] * 7), down=True)
    assert found is not None
    assert (found.days, found.rows, found.usual) == (7, 462, 700.0)
    assert shifted(_series(*[90] * 7), down=True) is None
    assert shifted(_series(*[66] * 7), down=False) is None


def test_a_season_of_every_year_is_no_shift() -> None:
    """The same week was as low a year ago."""
    series = _series(*[66] * 7, days=600)
    series[364:371] = 66
    assert shifted(series, down=True) is None


def test_restless_weeks_need_a_larger_change() -> None:
    """Weeks between 400 and 1,000: 462 is nothing new."""
    draw = np.random.default_rng(1)
    series = np.repeat(draw.integers(60, 140, 60), 7)
    series[:7] = 66
    assert shifted(series, down=True) is None


def _daily(counts: np.ndarray, values: np.ndarray) -> Daily:
    rows = np.array([(day, day, count) for day, count in enumerate(counts)])
    return Daily(counts={"orders": rows}, values={("orders", "amount"): values}, reach=len(counts))


def test_a_silent_feed_is_not_taken_for_customers_who_left() -> None:
    """One alarm, not two; with the first night that shows it."""
    found = alarms(_daily(_series(*[2] * 9), _amounts([5.0])), (ORDERS,), (), NIGHT)
    assert [one.code for one in found] == ["feed_silent"]
    assert found[0].since == date(2026, 2, 22)
    assert "--supersede" in found[0].en


def test_a_changed_unit_is_not_taken_for_anything_else() -> None:
    """Counts are as ever."""
    values = _amounts([500.0, 1000.0, 2000.0, 4000.0, 8000.0], days=3)
    found = alarms(_daily(_series(), values), (ORDERS,), (), NIGHT)
    assert [(one.code, one.subject) for one in found] == [("unit_changed", "orders.amount")]
    assert found[0].since == date(2026, 2, 28)
    assert "cents" in found[0].en


def test_customers_who_change_are_told_as_such() -> None:
    """A third fewer orders while each means what it did."""
    usual = [5.0, 10.0, 20.0, 40.0, 80.0]
    found = alarms(_daily(_series(*[66] * 7), _amounts(usual)), (ORDERS,), (), NIGHT)
    assert [one.code for one in found] == ["behaviour_shift"]
    assert "34% fewer orders" in found[0].en


@given(st.integers(0, 10_000), st.integers(5, 400))
@settings(max_examples=60, deadline=None)
def test_for_any_steady_feed_chance_raises_no_alarm(seed: int, usual: int) -> None:
    """Poisson counts around any level: nothing is silent, and no rate has moved."""
    series = np.random.default_rng(seed).poisson(usual, 420)
    assert silent(series) is None
    assert shifted(series, down=True) is None
    assert shifted(series, down=False) is None
