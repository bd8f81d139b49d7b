"""Whether the sources are as young as the workspace promised (`fresh_within`)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from features.accepted import Accepted
from features.errors import BadInput, raise_faults
from features.workspace import Source, Workspace


@dataclass(frozen=True, kw_only=True)
class StaleSource:
    """A source whose newest row is older than it should be."""

    label: str
    newest: datetime | None
    fresh_within: timedelta


def require_fresh(
    workspace: Workspace, accepted: Accepted, as_of: date, *, allow_stale: bool
) -> tuple[StaleSource, ...]:
    """Refuse a night on old data, or return what is old where that is allowed.

    Age is measured at `as_of`, not by the clock: a night of the past can be run again.
    """
    stale = tuple(
        found
        for sources in workspace.sources.values()
        for source in sources
        if source.fresh_within is not None
        and (found := _judge(workspace, accepted, source, source.fresh_within, as_of))
    )
    if not allow_stale:
        raise_faults(_fault(source, as_of) for source in stale)
    return stale


def _judge(
    workspace: Workspace, accepted: Accepted, source: Source, limit: timedelta, as_of: date
) -> StaleSource | None:
    newest = accepted.newest.get(source.label)
    if newest is not None and workspace.midnight(as_of) - newest <= limit:
        return None
    return StaleSource(label=source.label, newest=newest, fresh_within=limit)


def _fault(source: StaleSource, as_of: date) -> BadInput:
    newest = f"{source.newest:%Y-%m-%d %H:%M} UTC" if source.newest else "missing"
    hours = source.fresh_within.total_seconds() / 3600
    return BadInput(
        source.label,
        f"its newest row is {newest}, too old for a list as of {as_of}",
        f"a row within {hours:g} hours before that midnight (fresh_within)",
        "bring newer data and run `forestay ingest`, or use `forestay nightly --allow-stale`,"
        " which marks the list",
    )
