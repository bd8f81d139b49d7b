"""The simulated company with something planted: noticed, named, not taken for something else."""

from datetime import date, timedelta

import pytest

from features.accepted import open_accepted
from features.ingest import ingest
from features.settings import load_workspace
from features.simulated import Shift, simulate
from features.watch.alarms import alarms
from features.watch.daily import daily, streams_of

#: A Wednesday, on which the company's weeks begin.
DAY = date(2026, 9, 16)
END = date(2026, 11, 1)
CUSTOMERS = 4000


def watched(folder, shift, nights):
    """Return what each of the last nights before `END` would have warned of, by night."""
    simulate(folder, customers=CUSTOMERS, shift=shift)
    workspace = load_workspace(folder)
    ingest(workspace)
    accepted = open_accepted(workspace)
    counted = daily(accepted, workspace.midnight(END))
    streams = streams_of(accepted)
    return {
        END - timedelta(days=back): alarms(
            counted, streams, ["interactions complaint", "cancellations"], END, back
        )
        for back in range(nights, -1, -1)
    }


def first_night(found, code):
    """Return the first night that warned of something, and all that was ever warned of."""
    nights = [night for night, told in found.items() if code in {one.code for one in told}]
    return nights[0] if nights else None


def causes(found):
    """Name everything that was warned of."""
    return {(one.code, one.subject) for told in found.values() for one in told}


def test_a_year_without_a_shift_warns_at_most_once_a_quarter(tmp_path):
    """Storms, price rises and holidays of the simulation are no alarms."""
    found = watched(tmp_path / "calm", None, 364)
    episodes = 0
    before = set()
    for told in found.values():
        now = {(one.code, one.subject) for one in told}
        episodes += len(now - before)
        before = now
    assert episodes <= 4, causes(found)


@pytest.mark.parametrize(
    ("kind", "code", "within_days"),
    [
        ("broken_feed", "feed_silent", 7),  # complaints and contacts stop arriving
        ("changed_unit", "unit_changed", 3),  # waiting in minutes; the mapping divides by sixty
        ("competitor", "behaviour_shift", 8),  # nearly half of the orders go elsewhere
    ],
)
def test_what_is_planted_is_named_and_nothing_else(tmp_path, kind, code, within_days):
    """Within days, by its own name; on no night is it taken for another cause."""
    found = watched(tmp_path / kind, Shift(kind=kind, day=DAY), 60)
    assert {one for one, _ in causes(found)} == {code}
    night = first_night(found, code)
    assert night is not None
    assert night <= DAY + timedelta(days=within_days)
