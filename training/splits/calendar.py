"""Arithmetic on calendar days: months, rhythms, and the picking of days at even steps."""

import calendar
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

#: Two monthly dates are at least so far apart.
SHORTEST_MONTH_DAYS = 28


def shift_months(day: date, months: int) -> date:
    """Move a day by calendar months; where the month is shorter, to its last day.

    >>> shift_months(date(2011, 3, 31), -1)
    datetime.date(2011, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def shift(day: date, every: str, times: int) -> date:
    """Move a day by so many steps of a rhythm, `7d` or `1mo`.

    >>> shift(date(2011, 1, 31), "1mo", 2), shift(date(2011, 1, 31), "7d", -1)
    (datetime.date(2011, 3, 31), datetime.date(2011, 1, 24))
    """
    if every.endswith("mo"):
        return shift_months(day, times * int(every.removesuffix("mo")))
    return day + timedelta(days=times * int(every.removesuffix("d")))


def rhythm(first: date, last: date, every: str) -> Iterator[date]:
    """Yield ``first + k * every`` up to and including `last`.

    Each is counted from `first`, so that a short month does not pull later dates along.
    """
    times = 0
    while (day := shift(first, every, times)) <= last:
        yield day
        times += 1


def months_back(day: date, first: date) -> Iterator[date]:
    """Yield ``day - k`` calendar months, newest first, down to and including `first`."""
    months = 0
    while (earlier := shift_months(day, -months)) >= first:
        yield earlier
        months += 1


def spacing_days(every: str) -> int:
    """Return the fewest days between two dates of a rhythm."""
    if every.endswith("mo"):
        return SHORTEST_MONTH_DAYS * int(every.removesuffix("mo"))
    return int(every.removesuffix("d"))


def evenly(days: Iterable[date], every: str, oldest: date) -> tuple[date, ...]:
    """Pick days about a rhythm apart, counted back from the newest; oldest first.

    For each step back, down to `oldest`, the nearest day, if it is less than half a step off.

    >>> days = [date(2011, 6, 12), date(2011, 7, 1), date(2011, 8, 1), date(2011, 9, 10)]
    >>> [day.month for day in evenly([*days, date(2011, 8, 29)], "1mo", date(2011, 6, 10))]
    [6, 7, 8, 9]
    """
    candidates = sorted(set(days))
    picked: set[date] = set()
    times = 0
    while candidates and (goal := shift(candidates[-1], every, -times)) >= oldest:
        distance, nearest = min((abs((day - goal).days), day) for day in candidates)
        if 2 * distance < spacing_days(every):
            picked.add(nearest)
        times += 1
    return tuple(sorted(picked))
