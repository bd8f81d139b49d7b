"""Dates of snapshots, tests and trainings; nothing of a test's window is learnt from before it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.workspace import SnapshotPlan, Target, Workspace
from tests.oracles.accepted_by_hand import write_accepted
from training.splits import is_mature, nightly_as_of, plan, stratified_folds
from training.splits.calendar import evenly, shift, shift_months

LAPSE = Target(name="churn", kind="lapse", horizon_days=90, active_within_days=180)
TESTS = (date(2011, 3, 10), date(2011, 6, 10), date(2011, 9, 10))


def _workspace(target=LAPSE, zone="UTC", **more):
    return Workspace(
        folder=Path(), name="any", sources={}, targets={"churn": target}, time_zone=zone, **more
    )


def _orders(folder, first, last):
    rows = [
        {"customer_id": "a", "ordered_at": at, "known_at": at, "superseded_at": None}
        for at in (first, last)
    ]
    return write_accepted(folder, {"orders": rows}, data_until=last)


def _shop(folder):
    first, last = datetime(2009, 12, 1, 8, tzinfo=UTC), datetime(2011, 12, 9, 12, 50, tzinfo=UTC)
    return _orders(folder, first, last)


def _london(**more):
    return _workspace(
        zone="Europe/London",
        snapshots=SnapshotPlan(every="1mo", first=date(2010, 6, 1)),
        **more,
    )


def test_plan_holds_the_dates_of_the_design(tmp_path):
    """First + k x every, every T, and for each the newest closed date less k months."""
    made = plan(_london(test_as_of=TESTS), _shop(tmp_path), LAPSE)
    grid = {shift_months(date(2010, 6, 1), k) for k in range(16)}  # 2010-06-01 .. 2011-09-01
    # 10 March less 90 days is 10 December. 10 June is summer time: less 90 days of 24 h it is
    # 11 March 23:00, whose midnight is 11 March. 10 September less 90 days is 12 June.
    aligned = {
        shift_months(day, -k)
        for day, months in (
            (date(2010, 12, 10), 7),
            (date(2011, 3, 11), 10),
            (date(2011, 6, 12), 13),
        )
        for k in range(months)
    }
    assert set(made.snapshot_as_of) == grid | set(TESTS) | aligned
    assert made.test_as_of == TESTS
    assert not made.problems


def test_a_day_a_year_before_shows_the_season(tmp_path):
    """Where history reaches so far: for the test of 2011-09-10 and for the next night."""
    made = plan(_london(test_as_of=TESTS), _shop(tmp_path), LAPSE)
    reached = {day: day.replace(year=day.year - 1) for day in TESTS}
    assert made.a_year_before == {
        day: before for day, before in reached.items() if before >= made.snapshot_as_of[0]
    }
    assert date(2011, 9, 10) in made.a_year_before
    assert set(made.a_year_before.values()) <= set(made.label_as_of)
    assert made.served_a_year_before in made.label_as_of


def test_training_takes_eight_months_before_the_test(tmp_path):
    """The newest closed date and the seven months before it, one a month."""
    made = plan(_london(test_as_of=TESTS), _shop(tmp_path), LAPSE)
    assert made.train_for[date(2011, 9, 10)] == (
        date(2010, 11, 12),
        date(2010, 12, 12),
        *(date(2011, month, 12) for month in range(1, 7)),
    )
    assert len(made.final_train) == 8
    assert made.final_train[-1] == date(2011, 9, 10)


def test_default_tests_are_the_newest_mature_with_windows_apart(tmp_path):
    """Unstated, three tests a horizon apart, the last one as new as the labels allow."""
    made = plan(_workspace(), _shop(tmp_path), LAPSE)
    assert made.test_as_of == (date(2011, 3, 14), date(2011, 6, 12), date(2011, 9, 10))
    assert made.snapshot_as_of[-1] == date(2011, 9, 10)


def test_default_tests_are_fewer_where_the_span_is_short(tmp_path):
    """Nine months allow one test of 90 days with training before it, and the plan says so."""
    accepted = _orders(
        tmp_path, datetime(2011, 1, 1, tzinfo=UTC), datetime(2011, 10, 1, tzinfo=UTC)
    )
    made = plan(_workspace(), accepted, LAPSE)
    # Newest mature 2011-07-03, first snapshot 2011-02-15: 07-03 less 90 days is 04-04.
    assert made.test_as_of == (date(2011, 7, 3),)
    assert [problem.code for problem in made.problems] == ["few_test_dates"]
    assert made.problems[0].message.startswith("1 test date(s) instead of 3")


def test_too_short_a_span_cross_validates_the_newest_date(tmp_path):
    """Without any earlier closed window one date trains and judges, by folds of customers."""
    accepted = _orders(tmp_path, datetime(2011, 1, 1, tzinfo=UTC), datetime(2011, 6, 1, tzinfo=UTC))
    made = plan(_workspace(), accepted, LAPSE)
    assert made.cross_validated
    assert made.test_as_of == made.final_train == (date(2011, 3, 3),)
    assert made.inner[date(2011, 3, 3)].by_customer
    assert [problem.code for problem in made.problems] == ["cross_validated"]


def test_no_mature_date_blocks(tmp_path):
    """Two months of data cannot teach a label of three; the plan is empty and says why."""
    accepted = _orders(tmp_path, datetime(2011, 1, 1, tzinfo=UTC), datetime(2011, 3, 1, tzinfo=UTC))
    made = plan(_workspace(), accepted, LAPSE)
    assert made.test_as_of == made.label_as_of == ()
    assert [(problem.code, problem.blocking) for problem in made.problems] == [
        ("no_mature_date", True)
    ]


def test_stated_tests_that_cannot_judge_are_refused_in_words(tmp_path):
    """A test with an open window, one without a past, and two that overlap are all said."""
    stated = (date(2010, 1, 1), date(2011, 6, 1), date(2011, 6, 20), date(2011, 12, 1))
    made = plan(_workspace(test_as_of=stated), _shop(tmp_path), LAPSE)
    assert made.test_as_of == stated[1:3]
    assert [problem.message for problem in made.problems] == [
        "test date 2010-01-01: no snapshot from 2010-03-01 on has a label closed by then",
        "test date 2011-12-01: the newest date with a final label is 2011-09-10",
        "test dates less than 90 days apart share outcomes",
    ]


def test_inner_split_falls_back_to_customers_where_history_is_short(tmp_path):
    """Where no window closed before the newest training date, customers are folded."""
    accepted = _orders(
        tmp_path, datetime(2011, 1, 1, tzinfo=UTC), datetime(2011, 10, 1, tzinfo=UTC)
    )
    made = plan(_workspace(), accepted, LAPSE)
    inner = made.inner[date(2011, 7, 3)]
    assert inner.by_customer
    assert inner.train == inner.validation == made.train_for[date(2011, 7, 3)]


DAYS = st.integers(0, 900).map(lambda n: date(2010, 1, 1) + timedelta(days=n))
PLANS = {
    "span": st.integers(0, 900),
    "horizon": st.sampled_from([3, 14, 30, 90]),
    "lead": st.sampled_from([0, 7]),
    "grace": st.sampled_from([0, 14]),
    "zone": st.sampled_from(["UTC", "Europe/London", "Asia/Shanghai", "America/New_York"]),
    "every": st.sampled_from([None, "7d", "1mo", "45d"]),
    "tests": st.none() | st.lists(DAYS, min_size=1, max_size=4).map(tuple),
}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=st.fixed_dictionaries(PLANS))
def test_for_any_plan_nothing_learnt_overlaps_what_it_is_judged_on(tmp_path, asked):
    """Purge: train windows close by T, inner train windows by the inner validation date."""
    target = Target(
        name="churn",
        kind="lapse",
        horizon_days=asked["horizon"],
        lead_days=asked["lead"],
        grace_days=asked["grace"],
        active_within_days=60,
    )
    workspace = _workspace(
        target,
        asked["zone"],
        snapshots=SnapshotPlan(every=asked["every"]),
        test_as_of=asked["tests"],
    )
    first = datetime(2010, 1, 1, 9, tzinfo=UTC)
    accepted = _orders(tmp_path, first, first + timedelta(days=asked["span"]))
    made = plan(workspace, accepted, target)

    def closed(days, by):
        at = workspace.midnight(by)
        return all(target.matures_at(workspace.midnight(day)) <= at for day in days)

    assert set(made.label_as_of) <= set(made.snapshot_as_of)
    assert all(is_mature(workspace, accepted, target, day) for day in made.label_as_of)
    assert bool(made.test_as_of) != any(problem.blocking for problem in made.problems)
    for test in made.test_as_of:
        inner = made.inner[test]
        assert made.train_for[test]
        assert made.cross_validated or closed(made.train_for[test], test)
        assert set(inner.validation) <= set(made.train_for[test])
        assert inner.by_customer or closed(inner.train, min(inner.validation))


@pytest.mark.parametrize(
    ("zone", "until", "expected"),
    [
        pytest.param("UTC", "2011-12-09 12:50", date(2011, 12, 10), id="the-midnight-after"),
        pytest.param("UTC", "2011-12-09 00:00", date(2011, 12, 9), id="a-midnight-itself"),
        pytest.param("Asia/Shanghai", "2011-12-09 17:00", date(2011, 12, 11), id="local-midnight"),
        pytest.param("Europe/London", "2011-06-09 23:00", date(2011, 6, 10), id="summer-time"),
    ],
)
def test_nightly_is_the_first_local_midnight_from_the_present_on(tmp_path, zone, until, expected):
    """The night scores the first midnight at or after the present, where the workspace is."""
    present = datetime.fromisoformat(until).replace(tzinfo=UTC)
    accepted = _orders(tmp_path, present - timedelta(days=9), present)
    assert nightly_as_of(_workspace(zone=zone), accepted) == expected


def _profiles(folder, *times, present):
    rows = [
        {"customer_id": "abc"[n], "observed_at": at, "known_at": at, "superseded_at": None}
        for n, at in enumerate(times)
    ]
    return write_accepted(folder, {"profiles": rows, "outcomes": []}, data_until=present)


def test_profiles_of_one_day_have_one_date_the_day_after(tmp_path):
    """A plain table is scored, trained and judged on the day after it was observed."""
    day = datetime(2020, 1, 1, tzinfo=UTC)
    target = Target(name="churn", kind="outcomes", horizon_days=30, active_within_days=180)
    accepted = _profiles(tmp_path, day, day + timedelta(hours=23), present=day)
    made = plan(_workspace(target), accepted, target)
    assert nightly_as_of(_workspace(target), accepted) == date(2020, 1, 2)
    assert made.test_as_of == made.snapshot_as_of == made.final_train == (date(2020, 1, 2),)
    assert made.cross_validated
    assert is_mature(_workspace(target), accepted, target, date(2020, 1, 2))
    assert not is_mature(_workspace(target), accepted, target, date(2020, 1, 3))


def test_profiles_of_several_days_are_split_by_time(tmp_path):
    """A table observed again and again has a history, and is judged on a later period."""
    first = datetime(2019, 1, 1, tzinfo=UTC)
    last = datetime(2020, 1, 1, tzinfo=UTC)
    target = Target(name="churn", kind="outcomes", horizon_days=30, active_within_days=180)
    made = plan(_workspace(target), _profiles(tmp_path, first, last, present=last), target)
    assert not made.cross_validated
    assert made.test_as_of == (date(2019, 10, 3), date(2019, 11, 2), date(2019, 12, 2))


def test_folds_are_stratified_and_keep_customers_together():
    """Each fold has its share of positives; rows of one customer share a fold; order is nothing."""
    ids = [f"c{n:03d}" for n in range(100)] * 2
    answers = [int(n % 10 == 0) for n in range(100)] + [0] * 100
    table = pa.table({"customer_id": ids, "label": pa.array(answers, pa.int8())})
    folds = stratified_folds(table)
    assert (folds[:100] == folds[100:]).all()
    assert [int((folds[:100] == k).sum()) for k in range(5)] == [20] * 5
    assert [int(folds[:100][::10].tolist().count(k)) for k in range(5)] == [2] * 5
    backwards = stratified_folds(table.take(list(range(199, -1, -1))))
    assert (backwards[::-1] == folds).all()


@pytest.mark.parametrize(
    ("every", "times", "expected"),
    [
        ("1mo", 1, date(2012, 2, 29)),
        ("1mo", -11, date(2011, 2, 28)),
        ("3mo", 1, date(2012, 4, 30)),
        ("7d", 1, date(2012, 2, 7)),
    ],
)
def test_shift_counts_calendar_months_and_days(every, times, expected):
    """From 31 January: a short month gives its last day, leap years included."""
    assert shift(date(2012, 1, 31), every, times) == expected


def test_evenly_takes_no_date_for_a_step_that_has_none_near():
    """A gap in the dates stays a gap."""
    days = [date(2011, 1, 1), date(2011, 4, 1), date(2011, 5, 1)]
    assert evenly(days, "1mo", date(2011, 1, 1)) == tuple(days)
    assert evenly(days, "1mo", date(2011, 2, 1)) == tuple(days[1:])
    assert evenly([], "1mo", date(2011, 2, 1)) == ()
