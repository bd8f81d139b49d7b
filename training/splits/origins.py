"""Choose the dates: rolling origins, each model trained only on what had closed before its test.

Dates come from `forestay.yaml` where it states them, else from the span of the data and the
target's horizon. Nothing here looks at labels: whether they suffice is for `sufficiency`.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from features.accepted import Accepted
from features.workspace import Target, TargetKind, Workspace
from training.splits.calendar import (
    SHORTEST_MONTH_DAYS,
    evenly,
    months_back,
    rhythm,
    shift,
    shift_months,
    spacing_days,
)
from training.splits.evaluation_plan import EvaluationPlan, InnerSplit, Problem
from training.splits.present import (
    event_span,
    newest_closed,
    nightly_as_of,
    observation_date,
)

#: A third date tells luck from skill; further ones cost snapshots and judge an older business.
TEST_DATES = 3
#: Months of training dates there may be. More are not always better, for older ones carry another
#: season: earlier origins tell whether the older half helps (`training.procedure`).
TRAIN_MONTHS = 8
#: Weekly windows overlap almost wholly; still closer dates cost snapshots and tell nothing new.
CLOSEST_DAYS = 7
MONTHS_OF_A_YEAR = 12
#: History before the first snapshot: a season of recencies, or a quarter of what there is.
HISTORY_DAYS = 90
#: Below so many days between first and last possible snapshot, months are too coarse a rhythm.
MONTHLY_FROM_DAYS = 240

_DATED_BY: dict[TargetKind, tuple[str, ...]] = {
    "lapse": ("orders",),
    "contract": ("contracts",),
    "complaint": ("orders", "interactions"),
    "outcomes": ("orders", "interactions", "contracts", "profiles"),
}


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What the dates of one target have to fit into."""

    workspace: Workspace
    target: Target
    first: date
    newest_mature: date
    every: str

    def closed_by(self, day: date) -> date:
        """Newest date whose label window has closed when `day` begins."""
        return newest_closed(self.workspace, self.target, self.workspace.midnight(day))

    @property
    def gap(self) -> timedelta:
        """Days from a date to the day its label is final."""
        target = self.target
        return timedelta(days=target.lead_days + target.horizon_days + target.grace_days)

    def refusal(self, test: date) -> str | None:
        """Say why a stated date cannot judge; None where it can."""
        if test > self.newest_mature:
            return f"test date {test}: the newest date with a final label is {self.newest_mature}"
        if self.closed_by(test) < self.first:
            return f"test date {test}: no snapshot from {self.first} on has a label closed by then"
        return None

    @property
    def step(self) -> str:
        """Rhythm of training dates: the snapshots', but a week at least and a month at most."""
        days = spacing_days(self.every)
        return "1mo" if days >= SHORTEST_MONTH_DAYS else f"{max(days, CLOSEST_DAYS)}d"


def plan(workspace: Workspace, accepted: Accepted, target: Target) -> EvaluationPlan:
    """Plan the snapshots, tests and trainings of one target, so that no training sees its test.

    Snapshot dates are ``first + k * every``, every test date T, and for each the newest date
    whose window closed by T, less k calendar months. A model for T trains on dates whose windows
    closed by T, of the newest `TRAIN_MONTHS` months.

    Returns
    -------
    The plan; where the data allow no out-of-time test it cross-validates one date, and where they
    allow nothing it has no test date and a blocking problem. It never raises for lack of data.
    """
    observed = observation_date(workspace, accepted)
    if observed is not None:
        return _one_date(observed, (observed,), _ONE_DATE.format(observed))
    frame = _frame(workspace, accepted, target)
    if frame is None:
        return _nothing(f"no dated rows for targets.{target.name}: nothing can be learnt yet")
    tests, problems = _tests(frame)
    night = nightly_as_of(workspace, accepted)
    grid = _grid(frame, night)
    if tests:
        return _rolling(frame, tests, night, grid, problems)
    if frame.newest_mature >= frame.first:
        days = tuple(sorted({*grid, frame.newest_mature}))
        return _one_date(frame.newest_mature, days, _SHORT.format(_words(frame)), problems)
    return _nothing(f"no date has both a past and a complete label window: {_words(frame)}")


_ONE_DATE = (
    "all profiles were observed before {}: metrics come from stratified 5-fold cross-validation "
    "of customers, not from a later period"
)
_SHORT = (
    "the data are too short for a test in a later period, so metrics come from stratified 5-fold "
    "cross-validation of customers at the newest date: {}"
)


def _words(frame: _Frame) -> str:
    return (
        f"first possible snapshot {frame.first}, newest with a complete label "
        f"{frame.newest_mature}, label final after {frame.gap.days} days"
    )


def _frame(workspace: Workspace, accepted: Accepted, target: Target) -> _Frame | None:
    span = event_span(accepted, _DATED_BY[target.kind])
    if span is None:
        return None
    newest = newest_closed(workspace, target, accepted.data_until)
    first = workspace.snapshots.first or _default_first(workspace, span.first, newest)
    every = workspace.snapshots.every or _default_every(first, newest)
    return _Frame(
        workspace=workspace, target=target, first=first, newest_mature=newest, every=every
    )


def _default_first(workspace: Workspace, start: datetime, newest: date) -> date:
    begin = workspace.local_date(start)
    history = max(0, min(HISTORY_DAYS, (newest - begin).days // 4))
    return begin + timedelta(days=history)


def _default_every(first: date, newest: date) -> str:
    return "1mo" if (newest - first).days >= MONTHLY_FROM_DAYS else f"{CLOSEST_DAYS}d"


def _grid(frame: _Frame, last_of_all: date) -> tuple[date, ...]:
    """Dates of the stated rhythm; unstated, counted back from the newest mature date.

    Counted back, no further than the plan can use: three tests, two label windows before them
    (one for the inner split) and the months trained on.
    """
    stated = frame.workspace.snapshots
    last = min(stated.last or frame.newest_mature, last_of_all)
    if stated.first:
        return tuple(rhythm(frame.first, last, frame.every))
    use = (TEST_DATES - 1) * _test_spacing(frame) + 2 * frame.gap
    oldest = max(frame.first, shift_months(frame.newest_mature - use, -TRAIN_MONTHS))
    days, times = [], 0
    while (day := shift(last, frame.every, -times)) >= oldest:
        days.append(day)
        times += 1
    return tuple(reversed(days))


def _test_spacing(frame: _Frame) -> timedelta:
    """Days between two tests: label windows apart, and at least a month, to judge other days."""
    windows = timedelta(days=frame.target.horizon_days + frame.target.grace_days)
    return max(windows, timedelta(days=SHORTEST_MONTH_DAYS))


def _tests(frame: _Frame) -> tuple[tuple[date, ...], tuple[Problem, ...]]:
    if frame.workspace.test_as_of:
        usable, problems = _stated_tests(frame, frame.workspace.test_as_of)
        if usable:
            return usable, problems
        tests, more = _default_tests(frame)
        return tests, problems + more
    return _default_tests(frame)


def _stated_tests(
    frame: _Frame, stated: tuple[date, ...]
) -> tuple[tuple[date, ...], tuple[Problem, ...]]:
    days = sorted(set(stated))
    usable = [day for day in days if frame.refusal(day) is None]
    refused = [Problem(code="test_date_refused", message=frame.refusal(day) or "") for day in days]
    problems = [problem for problem in refused if problem.message]
    horizon = timedelta(days=frame.target.horizon_days)
    if any(later - earlier < horizon for earlier, later in pairwise(usable)):
        words = f"test dates less than {horizon.days} days apart share outcomes"
        problems.append(Problem(code="test_windows_overlap", message=words))
    return tuple(usable), tuple(problems)


def _default_tests(frame: _Frame) -> tuple[tuple[date, ...], tuple[Problem, ...]]:
    midnight = frame.workspace.midnight(frame.newest_mature)
    spaced = [
        frame.workspace.local_date(midnight - number * _test_spacing(frame))
        for number in range(TEST_DATES)
    ]
    tests = tuple(sorted(day for day in spaced if frame.closed_by(day) >= frame.first))
    if not tests or len(tests) == TEST_DATES:
        return tests, ()
    words = f"{len(tests)} test date(s) instead of {TEST_DATES}: {_words(frame)}"
    return tests, (Problem(code="few_test_dates", message=words),)


def _rolling(
    frame: _Frame,
    tests: tuple[date, ...],
    night: date,
    grid: tuple[date, ...],
    problems: tuple[Problem, ...],
) -> EvaluationPlan:
    aligned = {day for test in tests for day in months_back(frame.closed_by(test), frame.first)}
    year = {day: before for day in (*tests, night) if (before := _a_year_before(frame, day))}
    days = tuple(sorted({*grid, *tests, *aligned, *year.values()}))
    mature = tuple(day for day in days if day <= frame.newest_mature)
    train_for = {test: _closed(frame, mature, test) for test in tests}
    return EvaluationPlan(
        test_as_of=tests,
        snapshot_as_of=days,
        train_for=train_for,
        inner={test: _inner(frame, mature, train) for test, train in train_for.items()},
        final_train=_newest(frame, mature),
        a_year_before={day: before for day, before in year.items() if day in tests},
        served_a_year_before=year.get(night),
        problems=problems,
    )


def _a_year_before(frame: _Frame, day: date) -> date | None:
    before = shift_months(day, -MONTHS_OF_A_YEAR)
    newest = min(frame.closed_by(day), frame.newest_mature)
    return before if frame.first <= before <= newest else None


def _closed(frame: _Frame, days: tuple[date, ...], by: date) -> tuple[date, ...]:
    closed = frame.closed_by(by)
    return _newest(frame, tuple(day for day in days if day <= closed))


def _newest(frame: _Frame, days: tuple[date, ...]) -> tuple[date, ...]:
    if not days:
        return ()
    return evenly(days, frame.step, shift_months(days[-1], 1 - TRAIN_MONTHS))


def _inner(frame: _Frame, days: tuple[date, ...], train: tuple[date, ...]) -> InnerSplit:
    newest = train[-1]
    earlier = _closed(frame, days, newest)
    if earlier:
        return InnerSplit(train=earlier, validation=(newest,))
    return InnerSplit(train=train, validation=train, by_customer=True)


def _one_date(
    day: date, snapshots: tuple[date, ...], words: str, problems: tuple[Problem, ...] = ()
) -> EvaluationPlan:
    return EvaluationPlan(
        test_as_of=(day,),
        snapshot_as_of=snapshots,
        train_for={day: (day,)},
        inner={day: InnerSplit(train=(day,), validation=(day,), by_customer=True)},
        final_train=(day,),
        cross_validated=True,
        problems=(*problems, Problem(code="cross_validated", message=words)),
    )


def _nothing(words: str) -> EvaluationPlan:
    return EvaluationPlan(
        test_as_of=(),
        snapshot_as_of=(),
        train_for={},
        inner={},
        final_train=(),
        problems=(Problem(code="no_mature_date", message=words, blocking=True),),
    )
