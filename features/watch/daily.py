"""Rows and values of each stream by day before a night, from the accepted data in one pass.

A day is 24 hours counted back from the night's midnight: day 0 ends there. So a broken-off day is
never taken for a quiet one. Values are counted in narrow bins of their logarithm, which add up over
customer buckets, as quantiles do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa

from features.accepted import Accepted
from features.runner import collect
from features.watch.windows import Window

#: Days looked back: a year, and as many weeks before it as windows need.
DAYS = 448
#: Width of a bin of ln(value).
BIN = 0.05
_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One kind of row that arrives: which table, which kind, by which time.

    ``values`` are columns known with the row itself; those that are told later would always look
    empty on the newest days.
    """

    table: str
    time: str
    name: str
    kind: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Daily:
    """Rows by stream, day, and the day they were known; values by bin.

    Attributes
    ----------
    counts : by stream, rows x (day back, day back on which it was known).
    values : by stream and column, rows x (day back, known, bin); a missing value has no bin.
    reach : days back to the first event of all.
    looked : what was found by earlier looks, by stream and night, so that none is taken twice.
    """

    counts: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    reach: int = 0
    looked: dict[tuple[str, int], Window | None] = field(default_factory=dict)

    def series(self, stream: str, back: int = 0) -> np.ndarray:
        """Return rows by day, newest first, as known so many days before the night.

        Examples
        --------
        >>> daily = Daily(counts={"orders": np.array([[0, 0, 5], [1, 1, 7], [1, 0, 2]])}, reach=3)
        >>> daily.series("orders")
        array([5, 9, 0])
        >>> daily.series("orders", back=1)
        array([7, 0])
        """
        length = max(self.reach - back, 0)
        given = self.counts[stream]
        seen = (given[:, 1] >= back) & (given[:, 0] >= back) & (given[:, 0] < self.reach)
        return np.bincount(given[seen, 0] - back, given[seen, 2], length).astype(int)[:length]


def stream_of(kind: str) -> str:
    """Name the stream of a kind of interactions."""
    return f"interactions {kind}"


def streams_of(accepted: Accepted) -> tuple[Stream, ...]:
    """Name what arrives in a workspace."""
    found: list[Stream] = []
    tables = accepted.tables
    if "orders" in tables:
        mapped = tables["orders"].mapped
        values = tuple(name for name in ("amount", "quantity") if name in mapped)
        found.append(Stream(table="orders", time="ordered_at", name="orders", values=values))
    if "interactions" in tables:
        waits = ("wait_minutes",) if "wait_minutes" in tables["interactions"].mapped else ()
        found += [
            Stream(
                table="interactions",
                time="occurred_at",
                name=stream_of(kind),
                kind=kind,
                values=waits,
            )
            for kind in tables["interactions"].kinds
        ]
    if "contracts" in tables and "cancelled_at" in tables["contracts"].mapped:
        found.append(Stream(table="contracts", time="cancelled_at", name="cancellations"))
    return tuple(found)


def daily(accepted: Accepted, instant: datetime) -> Daily:
    """Count what arrived before an instant, day by day.

    Parameters
    ----------
    instant : the night's midnight; rows known only from then on do not count.
    """
    midnight = instant.astimezone(UTC).replace(tzinfo=None)
    streams = {stream.name: stream for stream in streams_of(accepted)}
    tables = {stream.table: stream for stream in streams.values()}
    parts = [part for stream in tables.values() for part in _counted(accepted, stream, midnight)]
    if not parts:
        return Daily()
    rows = _summed(pa.concat_tables(parts))
    first = accepted.first_event_at.astimezone(UTC).replace(tzinfo=None)
    reach = min(DAYS, int((midnight - first).total_seconds() // _SECONDS))
    return Daily(
        counts={name: _rows_of(rows, name, None) for name in streams},
        values={
            (name, column): _rows_of(rows, name, column)
            for name, stream in streams.items()
            for column in stream.values
        },
        reach=max(reach, 0),
    )


def _counted(accepted: Accepted, stream: Stream, midnight: datetime) -> Iterator[pa.Table]:
    """Count all streams of a table in one pass over its customer buckets.

    Parameters
    ----------
    stream : any of the table's; they differ by their kind only.
    """
    at = f"TIMESTAMP '{midnight.isoformat(sep=' ')}'"
    known, reads = "known_at", [stream.time, "known_at", "superseded_at", *stream.values]
    where = [
        f"{stream.time} < {at} AND {known} < {at} AND {stream.time} >= {at} - INTERVAL {DAYS} DAY",
        # of the versions of a row, the one that counted then
        f"(superseded_at IS NULL OR superseded_at >= {at})",
    ]
    if stream.table == "orders" and "is_return" in accepted.tables["orders"].mapped:
        where.append("NOT coalesce(is_return, false)")
        reads.append("is_return")
    name = f"'{stream.name}'"
    if stream.kind is not None:
        name = f"'{stream_of('')}' || kind"
        reads.append("kind")
    days = [
        f"((epoch_us({at}) - epoch_us({time}) - 1) // {_SECONDS * 1_000_000})::INTEGER"
        for time in (stream.time, f"greatest({known}, {stream.time})")
    ]
    values = ["NULL::VARCHAR AS value, NULL::INTEGER AS bin"]
    values += [
        f"'{column}', CASE WHEN {column} <> 0"
        f" THEN floor(ln(abs({column}::DOUBLE)) / {BIN})::INTEGER END"
        for column in stream.values
    ]
    query = " UNION ALL ".join(
        f"SELECT {name} AS stream, {days[0]} AS day, {days[1]} AS known, {value},"
        f" count(*) AS rows FROM {stream.table} WHERE {' AND '.join(where)} GROUP BY ALL"
        for value in values
    )
    for _, found in collect(accepted, query, {stream.table: list(dict.fromkeys(reads))}):
        yield found


def _summed(parts: pa.Table) -> pa.Table:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("parts", parts)
        return connection.execute(
            "SELECT stream, value, day, known, bin, sum(rows)::BIGINT AS rows FROM parts"
            " GROUP BY ALL ORDER BY ALL"
        ).to_arrow_table()


def _rows_of(rows: pa.Table, stream: str, column: str | None) -> np.ndarray:
    """Return day, known day, (bin,) rows of one stream; a missing bin is the lowest integer."""
    import pyarrow.compute as pc

    mine = pc.equal(rows["stream"], stream)
    of = pc.is_null(rows["value"]) if column is None else pc.equal(rows["value"], column)
    chosen = rows.filter(pc.and_(mine, pc.fill_null(of, fill_value=False)))
    names = ["day", "known", *([] if column is None else ["bin"]), "rows"]
    columns = [pc.fill_null(chosen[name].cast(pa.int64()), MISSING).to_numpy() for name in names]
    return np.column_stack(columns) if len(chosen) else np.empty((0, len(names)), dtype=np.int64)


#: Bin of values that are missing or zero.
MISSING = -(2**31)
