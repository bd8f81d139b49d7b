"""The two time predicates of the product, defined only here.

A row counts at ``as_of`` only when both its event time and its known time lie strictly before it,
and no newer version of it was known by then. Labels look the other way: they read the newest
version known by the workspace's present. Everything is an Ibis expression over naive UTC
timestamps, so that every engine draws the same line.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from features.tables import Table

if TYPE_CHECKING:
    import ibis

#: Tables whose rows may lack a known time: what they say has no history.
TIMELESS_TABLES = ("customers", "aliases")


def instant(moment: datetime) -> "ibis.Value":
    """Write an instant as a literal every engine reads to the microsecond.

    It travels as text: engines build timestamps from seconds as floating point, which rounds.
    """
    import ibis

    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return ibis.literal(naive.isoformat(sep=" ", timespec="microseconds")).cast("timestamp")


def late_columns(contract: Table) -> dict[str, tuple[str, ...]]:
    """Return the columns known later than their row, each with the times that make it known."""
    return {column.name: (column.known_with,) for column in contract.columns if column.known_with}


def is_visible(rows: "ibis.Table", contract: Table, as_of: datetime) -> "ibis.Value":
    """Claim that a row had happened, was known, and was the newest version, before `as_of`."""
    at = instant(as_of)
    return was_known(rows, contract, as_of) & (
        rows.superseded_at.isnull() | (rows.superseded_at >= at)
    )


def was_known(rows: "ibis.Table", contract: Table, as_of: datetime) -> "ibis.Value":
    """Claim that a row had happened and was known before `as_of`, corrected since or not."""
    at = instant(as_of)
    happened = rows[contract.event_time] < at
    known = rows.known_at < at
    if contract.name in TIMELESS_TABLES:
        return (happened | rows[contract.event_time].isnull()) & (known | rows.known_at.isnull())
    return happened & known


def visible(
    rows: "ibis.Table",
    contract: Table,
    as_of: datetime,
    late: Mapping[str, tuple[str, ...]] | None = None,
) -> "ibis.Table":
    """Keep what could be seen at `as_of`, so that no feature reads the future.

    Parameters
    ----------
    rows : accepted rows of the table, with ``known_at`` and ``superseded_at``.
    contract : the table's contract; says which columns are known later than their row.
    as_of : the cutoff; nothing at or after it is read.
    late : further late columns (the user's own), each with the times that make it known.

    Returns
    -------
    Visible rows with the columns of `rows`; a late column reads null until its time is past.
    """
    at = instant(as_of)
    masked = {}
    for name, times in {**late_columns(contract), **(late or {})}.items():
        if name not in rows.columns:
            continue
        gates = [rows[time] for time in times]  # a gate left out would leak: let it raise
        seen = gates[0].isnull() | (gates[0] < at)
        for gate in gates[1:]:
            seen &= gate.isnull() | (gate < at)
        masked[name] = seen.ifelse(rows[name], None)
    return rows.mutate(**masked).filter(is_visible(rows, contract, as_of))


def known_by(rows: "ibis.Table", data_until: datetime) -> "ibis.Table":
    """Keep the newest version known by the workspace's present: what labels are made from."""
    present = instant(data_until)
    return rows.filter(
        rows.known_at <= present,
        rows.superseded_at.isnull() | (rows.superseded_at > present),
    )
