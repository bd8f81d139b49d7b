"""At which local hours a customer may be contacted: exact in every zone, also as clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from proactive_rules.policy.records import QuietHours
from proactive_rules.timing.contact_hours import contact_hours, is_quiet

ZONES = (
    "Europe/Amsterdam", "America/New_York", "Asia/Shanghai", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Apia",
)  # fmt: skip
NIGHT = QuietHours(begin=time(21), end=time(8))
DAY = timedelta(days=1)


def found(zone, as_of, due_in=DAY, quiet=NIGHT):
    """Return the local hours that are open, with their instants."""
    hours = contact_hours(pa.chunked_array([[zone]]), as_of, due_in, quiet, "UTC")
    opened = np.flatnonzero(hours.allowed[0])
    at = [datetime.fromtimestamp(hours.instants[hours.zone[0], h] / 1e6, UTC) for h in opened]
    return dict(zip(opened.tolist(), at, strict=True))


def test_a_day_has_the_hours_from_eight_to_nine_in_the_evening():
    """8:00 to 20:00 begin an hour outside the night."""
    assert list(found("UTC", datetime(2026, 3, 4, tzinfo=UTC))) == list(range(8, 21))


def test_an_hour_that_a_clock_skips_is_not_open():
    """On 2026-03-29 there is no 2:00 in Amsterdam; without quiet hours 23 hours are open."""
    midnight = datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert 2 not in found("Europe/Amsterdam", midnight, timedelta(hours=23), None)


def test_an_hour_that_comes_twice_is_taken_the_first_time():
    """On 2026-10-25 it is 2:00 twice in Amsterdam, at 0:00 and at 1:00 UTC."""
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
    opened = found("Europe/Amsterdam", midnight, DAY, None)
    assert opened[2] == datetime(2026, 10, 25, 0, tzinfo=UTC)


def test_zones_of_quarter_hours_begin_on_their_own_full_hour():
    """8:00 in Kathmandu is 2:15 UTC."""
    opened = found("Asia/Kathmandu", datetime(2026, 3, 4, tzinfo=UTC))
    assert opened[8] == datetime(2026, 3, 4, 2, 15, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    as_of=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    due_hours=st.integers(1, 72),
    begin=st.times(),
    end=st.times(),
)
def test_for_any_zone_and_instant_no_minute_of_the_hour_is_quiet(
    zone, as_of, due_hours, begin, end
):
    """Open hours begin in time, on the customer's full hour, and are free for all sixty minutes."""
    begin, end = begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    quiet = QuietHours(begin=begin, end=end) if begin != end else None
    due_in = timedelta(hours=due_hours)
    for hour, at in found(zone, as_of, due_in, quiet).items():
        assert as_of <= at < as_of + min(due_in, DAY)
        local = at.astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) == (hour, 0)
        for minute in range(60) if quiet else ():
            clock = (at + timedelta(minutes=minute)).astimezone(ZoneInfo(zone)).time()
            assert not is_quiet(clock, quiet)
