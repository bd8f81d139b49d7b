"""What the accepted rows hold, before a byte of them is written: counts, span of time, fingerprint.

The fingerprint depends on content alone, so an ingest that finds what is there already writes
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import duckdb

from features.errors import BadInput, raise_faults
from features.fingerprint import digest
from features.ingest.extras import ExtraColumn
from features.ingest.fates import StagedTable
from features.ingest.finish import ROW_HASH, Finished
from features.ingest.report import SourceReport
from features.sql_words import quoted
from features.tables import PRESENT_TABLES, SUBJECT_TABLES, TABLES
from features.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class TableContent:
    """One finished table: its rows, and what its fingerprint is made of."""

    finished: Finished
    rows: int
    mapped: tuple[str, ...]
    extra: dict[str, Literal["number", "text"]]
    kinds: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Content:
    """All finished tables, and the time they span."""

    tables: dict[str, TableContent]
    data_until: datetime
    first_event_at: datetime
    fingerprint: str


def table_content(
    connection: duckdb.DuckDBPyConnection,
    staged: StagedTable,
    extras: Sequence[ExtraColumn],
    finished: Finished,
) -> TableContent:
    """Count and fingerprint the rows of a finished table."""
    row = connection.execute(
        f"SELECT count(*), sum({quoted(ROW_HASH)}) FROM {finished.view}"
    ).fetchone()
    rows, total = row or (0, 0)
    expressions = {name for source in staged.sources for name in source.mapping.expressions}
    mapped = tuple(name for name in staged.table.names if name in expressions)
    extra: dict[str, Literal["number", "text"]] = {c.name: c.kind for c in extras}
    extra |= {n: "number" for n in finished.schema.names if n.startswith("own_")}
    return TableContent(
        finished=finished,
        rows=rows,
        mapped=mapped,
        extra=extra,
        kinds=_kinds(connection, finished),
        fingerprint=digest((finished.name, rows, str(total or 0), mapped, sorted(extra.items()))),
    )


def _kinds(connection: duckdb.DuckDBPyConnection, finished: Finished) -> tuple[str, ...]:
    if finished.name != "interactions":
        return ()
    rows = connection.execute(f"SELECT DISTINCT kind FROM {finished.view} ORDER BY kind").fetchall()
    return tuple(row[0] for row in rows)


def whole_content(
    connection: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    tables: dict[str, TableContent],
    reports: Sequence[SourceReport],
) -> Content:
    """Join the tables' contents with the workspace's present.

    Raises
    ------
    BadInput : a table that tells about customers has no accepted row.
    """
    raise_faults(
        _empty(name, [r for r in reports if r.table == name])
        for name in SUBJECT_TABLES
        if name in tables and not tables[name].rows
    )
    dated = [name for name in PRESENT_TABLES if name in tables] or ["profiles"]
    spans = [_span(connection, tables[name].finished) for name in dated if tables[name].rows]
    first = min(span[0] for span in spans)
    until = workspace.data_until or max(span[1] for span in spans)
    prints = {name: table.fingerprint for name, table in sorted(tables.items())}
    zone = workspace.time_zone
    return Content(
        tables=tables,
        data_until=until.astimezone(UTC),
        first_event_at=first.astimezone(UTC),
        fingerprint=digest((prints, until.astimezone(UTC).isoformat(), zone)),
    )


def _span(connection: duckdb.DuckDBPyConnection, finished: Finished) -> tuple[datetime, datetime]:
    event = TABLES[finished.name].event_time
    row = connection.execute(f"SELECT min({event}), max({event}) FROM {finished.view}").fetchone()
    return row or ()  # type: ignore[return-value]


def _empty(name: str, reports: Sequence[SourceReport]) -> BadInput:
    read = sum(report.read for report in reports)
    filtered = sum(report.filtered for report in reports)
    bad = sum(report.quarantined for report in reports)
    return BadInput(
        f"sources.{name}",
        f"no row was accepted: {read:,} read, {filtered:,} filtered by `where`, {bad:,} faulty",
        "at least one row",
        "look at the files and at `where`",
    )


def unknown_customers(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Finished]
) -> int | None:
    """Count the ids absent from `customers`; None where that table is not mapped."""
    views = {finished.name: finished.view for finished in tables}
    known = views.pop("customers", None)
    views.pop("aliases", None)
    if known is None or not views:
        return None
    union = " UNION ".join(f"SELECT customer_id FROM {view}" for view in views.values())
    row = connection.execute(
        f"SELECT count(*) FROM ({union}) ANTI JOIN {known} USING (customer_id)"
    ).fetchone()
    return int(row[0]) if row else 0
