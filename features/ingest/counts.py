"""Counting what became of a source's rows, and refusing a source with too many faulty ones."""

from dataclasses import replace
from datetime import UTC, datetime

import duckdb

from features.errors import BadInput
from features.ingest.fates import DUPLICATE, SUPERSEDED, StagedTable
from features.ingest.quarantine import first_rows
from features.ingest.report import SourceReport
from features.ingest.stage import Staged
from features.ingest.staged_rows import FAULTS, POSITION
from features.sql_words import literal, quoted

_MOST_SHOWN = 5


def count_source(
    connection: duckdb.DuckDBPyConnection, table: StagedTable, staged: Staged
) -> SourceReport:
    """Count the rows of one source by what became of them.

    Raises
    ------
    AssertionError : the numbers do not add up, which would be a fault of ours.
    """
    relation, event = quoted(staged.relation), table.table.event_time
    fates = f"LEFT JOIN {table.fates} USING ({POSITION})"
    kept, bad, duplicate, superseded, newest = _row(
        connection,
        f"SELECT count(*), count({FAULTS}), count(*) FILTER (fate = '{DUPLICATE}'),"
        f" count(*) FILTER (fate = '{SUPERSEDED}'),"
        f" max({event}) FILTER ({FAULTS} IS NULL) FROM {relation} {fates}",
    )
    faults = connection.execute(
        f"SELECT split_part({FAULTS}, '; ', 1) AS fault, count(*) FROM {relation}"
        f" WHERE {FAULTS} IS NOT NULL GROUP BY fault ORDER BY count(*) DESC, fault"
    ).fetchall()
    report = SourceReport(
        label=staged.source.label,
        table=table.table.name,
        files=staged.files,
        read=staged.read,
        filtered=staged.read - kept - sum(staged.erased.values()),
        accepted=kept - bad - duplicate - superseded,
        duplicate=duplicate,
        superseded=superseded,
        quarantined=bad,
        faults=dict(faults),
        types=staged.types,
        position_ids=staged.mapping.position_id is not None,
        newest=newest.astimezone(UTC) if newest else None,
        fresh=_is_fresh(staged, newest),
        erased=sum(staged.erased.values()),
    )
    if not report.adds_up or report.filtered < 0 or sum(report.faults.values()) != bad:
        raise AssertionError(report)
    return report


def one_file(connection: duckdb.DuckDBPyConnection, staged: Staged, file: str) -> Staged:
    """Return the rows of one file of a source as a source of their own, to be counted apart.

    Only for a source without `where`: rows that were filtered left no trace of their file.
    """
    view = f"{staged.relation} of {file}"
    connection.execute(
        f"CREATE VIEW {quoted(view)} AS FROM {quoted(staged.relation)}"
        f" WHERE {staged.file_of(POSITION)} = {literal(file)}"
    )
    (rows,) = _row(connection, f"SELECT count(*) FROM {quoted(view)}")
    erased = {name: count for name, count in staged.erased.items() if name == file}
    return replace(staged, relation=view, read=rows + sum(erased.values()), erased=erased)


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple:
    return connection.execute(query).fetchone() or ()


def _is_fresh(staged: Staged, newest: datetime | None) -> bool | None:
    within = staged.source.fresh_within
    if within is None:
        return None
    return newest is not None and datetime.now(UTC) - newest <= within


def over_limit(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    report: SourceReport,
    *,
    limit: float,
    written: bool,
) -> BadInput | None:
    """Refuse a source with more faulty rows than the workspace allows; None when it has fewer."""
    judged = report.read - report.filtered
    if not judged or report.quarantined <= limit * judged:
        return None
    counts = list(report.faults.items())
    shown = ", ".join(f"{fault} ({count:,})" for fault, count in counts[:_MOST_SHOWN])
    more = f" and {len(counts) - _MOST_SHOWN} more kinds" if len(counts) > _MOST_SHOWN else ""
    share = report.quarantined / judged
    where = (
        f".forestay/quarantine/{report.table}.csv" if written else "`forestay ingest` lists them"
    )
    return BadInput(
        report.label,
        f"{report.quarantined:,} of {judged:,} rows ({share:.1%}) have faults: {shown}{more};"
        f" first {first_rows(connection, staged)}",
        f"at most {limit:.0%} faulty rows (setting `quarantine_limit`)",
        f"correct the rows or the mapping; all of them: {where}. Nothing was changed",
    )
