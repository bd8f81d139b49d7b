"""The company's thirty months: fixed days, counted in weeks, on its own clock.

Every simulated instant is local time without a zone, as a company's own systems write it; the
workspace's `time_zone` says which.
"""

from datetime import date

import numpy as np

START = date(2024, 5, 1)
END = date(2026, 10, 31)
TIME_ZONE = "Europe/Amsterdam"
#: Weeks simulated; the last one is cut off at the end of `END`.
WEEKS = ((END - START).days // 7) + 1
FIRST_INSTANT = np.datetime64(START, "us")
LAST_INSTANT = np.datetime64(END, "us") + np.timedelta64(22, "h")
_MINUTE = np.timedelta64(60_000_000, "us")
_DAY_MINUTES = 1440


def instants(weeks: np.ndarray, rng: np.random.Generator, *, opens: int = 7) -> np.ndarray:
    """Place events of whole weeks on days and minutes, because life happens in the daytime.

    Parameters
    ----------
    weeks : week numbers since `START`; may be negative.
    opens : hour before which nothing happens; nothing happens after ten in the evening.
    """
    days = rng.integers(0, 7, len(weeks))
    share_of_day = rng.beta(2.2, 2.0, len(weeks))
    minutes = (opens * 60 + share_of_day * (22 - opens) * 60).astype(np.int64)
    whole = np.asarray(weeks, dtype=np.int64) * 7 + days
    return FIRST_INSTANT + (whole * _DAY_MINUTES + minutes) * _MINUTE


def days_at(weeks: np.ndarray) -> np.ndarray:
    """Return the midnight at which each (possibly fractional) week begins."""
    days = np.floor(np.asarray(weeks, dtype=float) * 7).astype(np.int64)
    return FIRST_INSTANT + days * _DAY_MINUTES * _MINUTE


def later(when: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Return each instant so many hours later, in whole minutes; NaN hours give no instant."""
    known = ~np.isnan(hours)
    minutes = np.where(known, np.round(np.where(known, hours, 0.0) * 60), 0.0).astype(np.int64)
    return np.where(known, when + minutes * _MINUTE, np.datetime64("NaT", "us"))


def week_of(day: date) -> int:
    """Return the number of the week that holds `day`."""
    return (day - START).days // 7


def month_starts(first: date) -> list[date]:
    """Return the first day of every month from `first` to the day after `END`."""
    months = range(first.year * 12 + first.month - 1, END.year * 12 + END.month + 1)
    return [date(month // 12, month % 12 + 1, 1) for month in months]
