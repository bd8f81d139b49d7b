"""When a workspace's data begin and end, which dates are mature, and which one the night scores."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from features.accepted import Accepted
from features.runner import collect
from features.tables import PRESENT_TABLES, TABLES
from features.workspace import Target, Workspace

#: By then everything has happened: the present of outcomes that count as complete.
END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Span:
    """First and last event time of some tables."""

    first: datetime
    last: datetime


def event_span(accepted: Accepted, tables: Iterable[str]) -> Span | None:
    """Find the first and last event time in those of the tables that are mapped and not empty."""
    spans = [_table_span(accepted, name) for name in tables if name in accepted.tables]
    found = [span for span in spans if span]
    if not found:
        return None
    return Span(first=min(s.first for s in found), last=max(s.last for s in found))


def _table_span(accepted: Accepted, name: str) -> Span | None:
    time = TABLES[name].event_time
    query = f"SELECT min({time}) AS first, max({time}) AS last FROM {name}"
    rows = [table.to_pylist()[0] for _, table in collect(accepted, query, [name])]
    given = [row for row in rows if row["first"] is not None]
    if not given:
        return None
    first, last = min(row["first"] for row in given), max(row["last"] for row in given)
    return Span(first=first.replace(tzinfo=UTC), last=last.replace(tzinfo=UTC))


def observation_date(workspace: Workspace, accepted: Accepted) -> date | None:
    """Return the one snapshot date of a workspace that has profiles of one day and no events.

    It is the day after they were observed; None for every other workspace.
    """
    # What we sent is no event of the customer's: taking outcomes back must not change the question.
    if any(name in accepted.tables for name in PRESENT_TABLES if name != "contacts"):
        return None
    span = event_span(accepted, ["profiles"])
    if span is None or workspace.local_date(span.first) != workspace.local_date(span.last):
        return None
    return workspace.local_date(span.last) + timedelta(days=1)


def nightly_as_of(workspace: Workspace, accepted: Accepted) -> date:
    """Return the date a night scores unless told: the first local midnight from the present on.

    For a plain table of profiles it is the day after they were observed.
    """
    observed = observation_date(workspace, accepted)
    if observed is not None:
        return observed
    day = workspace.local_date(accepted.data_until)
    return day if workspace.midnight(day) >= accepted.data_until else day + timedelta(days=1)


def is_mature(workspace: Workspace, accepted: Accepted, target: Target, as_of: date) -> bool:
    """Whether the label of a date is final: its window (and grace) lies within the present.

    The outcomes of a plain table of profiles count as complete.
    """
    if target.matures_at(workspace.midnight(as_of)) <= accepted.data_until:
        return True
    return target.kind == "outcomes" and as_of == observation_date(workspace, accepted)


def label_present(workspace: Workspace, accepted: Accepted, target: Target) -> datetime:
    """Return the instant up to which rows may be known to count for a label."""
    complete = target.kind == "outcomes" and observation_date(workspace, accepted) is not None
    return END_OF_TIME if complete else accepted.data_until


def newest_closed(workspace: Workspace, target: Target, by: datetime) -> date:
    """Return the newest date whose label window has closed by an instant.

    Days of a window are exact, those of the calendar are not: where the clocks change in between,
    ``by - lead - horizon - grace`` is no midnight, and the midnight before it is taken.
    """
    return workspace.local_date(by - (target.matures_at(by) - by))
