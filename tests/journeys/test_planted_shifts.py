"""The simulated company with something planted: noticed, named, not taken for something else."""

from datetime import date, timedelta

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


def test_a_broken_feed_is_named(tmp_path):
    """Complaints and contacts stop arriving; nobody is said to have become content."""
    found = watched(tmp_path / "broken", Shift(kind="broken_feed", day=DAY), 60)
    assert {code for code, _ in causes(found)} == {"feed_silent"}
    night = first_night(found, "feed_silent")
    assert night is not None
    assert night <= DAY + timedelta(days=7)


def test_a_changed_unit_is_named(tmp_path):
    """Waiting is counted in minutes from that day on, and the mapping still divides by sixty."""
    found = watched(tmp_path / "unit", Shift(kind="changed_unit", day=DAY), 60)
    assert {code for code, _ in causes(found)} == {"unit_changed"}
    night = first_night(found, "unit_changed")
    assert night is not None
    assert night <= DAY + timedelta(days=3)


def test_a_new_competitor_is_named(tmp_path):
    """Nearly half of the orders go elsewhere: told within a week, as what customers do."""
    found = watched(tmp_path / "competitor", Shift(kind="competitor", day=DAY), 60)
    assert {code for code, _ in causes(found)} == {"behaviour_shift"}
    night = first_night(found, "behaviour_shift")
    assert night is not None
    assert night <= DAY + timedelta(days=8)
