"""At which local hours a customer may be contacted before the deadline, in the own time zone.

Hours are the customer's; instants are exact, also where a clock is changed. A contact takes the
hour that follows, so the whole of it lies outside the quiet hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.policy.records import QuietHours

HOURS = 24
#: A contact is planned within a day of the decision: the list of a night is the work of a day.
PLANNED_WITHIN = timedelta(days=1)
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class ContactHours:
    """Where each customer's clock stands, and which hours are open until a deadline.

    Attributes
    ----------
    zone : (n,) place of each customer's time zone among `instants`.
    instants : (zones, 24) microseconds since 1970 at which a local hour begins; -1 where closed.
    """

    zone: NDArray[np.intp]
    instants: NDArray[np.int64]

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """(n, 24) hours at which the customer may be contacted."""
        return (self.instants >= 0)[self.zone]

    def instant(self, hour: NDArray[np.int8]) -> NDArray[np.int64]:
        """Return the instant of a local hour of each customer; -1 for none."""
        return np.where(hour < 0, -1, self.instants[self.zone, hour])


def contact_hours(
    local_time_zone: pa.ChunkedArray,
    as_of: datetime,
    due_in: timedelta,
    quiet: QuietHours | None,
    time_zone: str,
) -> ContactHours:
    """Open the local hours between a decision and its deadline that are not quiet.

    Parameters
    ----------
    local_time_zone : IANA names; null or unknown ones count as `time_zone`.
    as_of : the instant decided at.
    due_in : until when it has to be done; only the first day of it is planned.
    """
    names = [time_zone, *sorted({*pc.unique(local_time_zone).to_pylist()} - {None, time_zone})]
    place = pc.fill_null(pc.index_in(local_time_zone, value_set=pa.array(names, pa.string())), 0)
    until = as_of + min(due_in, PLANNED_WITHIN)
    instants = np.array([_open(known_zone(name, time_zone), as_of, until, quiet) for name in names])
    return ContactHours(zone=place.to_numpy().astype(np.intp), instants=instants)


@cache
def known_zone(name: str, otherwise: str) -> ZoneInfo:
    """Return a time zone; the other where there is none of that name."""
    return ZoneInfo(name if is_time_zone(name) else otherwise)


@cache
def is_time_zone(name: str) -> bool:
    """Tell whether a name is one of IANA's; customers' records hold typing errors."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def is_quiet(clock: time, quiet: QuietHours) -> bool:
    """Tell whether a local time of day is quiet; quiet hours may pass midnight.

    Examples
    --------
    >>> night = QuietHours(begin=time(21), end=time(8))
    >>> [is_quiet(time(hour), night) for hour in (7, 8, 20, 21)]
    [True, False, False, True]
    """
    if quiet.begin < quiet.end:
        return quiet.begin <= clock < quiet.end
    return clock >= quiet.begin or clock < quiet.end


def _open(zone: ZoneInfo, as_of: datetime, until: datetime, quiet: QuietHours | None) -> list[int]:
    """Return the first instant of each local hour that is open; quarters: zones differ by them."""
    found = [-1] * HOURS
    at = _next_quarter(as_of)
    while at < until:
        local = at.astimezone(zone)
        if local.minute == 0 and found[local.hour] < 0 and _is_open(at, zone, quiet):
            found[local.hour] = int((at - _EPOCH) / timedelta(microseconds=1))
        at += _QUARTER
    return found


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _next_quarter(instant: datetime) -> datetime:
    past = (instant - _EPOCH) % _QUARTER
    return instant if not past else instant + _QUARTER - past


def _is_open(at: datetime, zone: ZoneInfo, quiet: QuietHours | None) -> bool:
    """Tell whether the hour from an instant on has no quiet minute; quiet hours end on minutes."""
    if quiet is None:
        return True
    minutes: Sequence[int] = range(60)
    return not any(
        is_quiet((at + timedelta(minutes=minute)).astimezone(zone).time(), quiet)
        for minute in minutes
    )
