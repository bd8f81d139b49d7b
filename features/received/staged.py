"""Received rows through ingest's own steps: what it would refuse is refused before it is kept."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from features.errors import BadInput
from features.ingest.fates import StagedTable, decide_fates
from features.ingest.stage import row_of, stage
from features.ingest.staged_rows import FAULTS, POSITION
from features.ingest.workbench import Workbench
from features.kept_outcomes import CONTACT_ID, as_kept
from features.received.as_sources import received_source, typed_rows
from features.received.log import EVENTS
from features.tables import CONTACTS, TABLES
from features.whole import write_table
from features.workspace import Source, Workspace

#: Rows with their place in the log and the instant of their arrival.
Received = Sequence[tuple[int, datetime, Mapping[str, Any]]]


@contextmanager
def staged(
    workspace: Workspace, name: str, rows: Received, folder: Path
) -> Iterator[tuple[duckdb.DuckDBPyConnection, StagedTable]]:
    """Stage received rows of one table as ingest does, in a database of their own."""
    path = folder / f"received-{name}.parquet"
    if name in EVENTS:
        write_table(path, typed_rows(TABLES[name], rows))
        source = received_source(workspace, name, str(path), 1)
    else:
        write_table(path, as_kept([row for _, _, row in rows]))
        columns = {one: one for one in CONTACTS.names} | {"contact_id": CONTACT_ID}
        source = Source(
            table_name=name, index=0, uri=(str(path),), columns=columns, taken_back=True
        )
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        present = max(at for _, at, _ in rows)
        bench = Workbench(connection=connection, workspace=workspace, present=present)
        yield connection, decide_fates(connection, [stage(bench, source)])


def judge(
    workspace: Workspace, name: str, rows: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Refuse rows that ingest would put into quarantine.

    Raises
    ------
    BadInput : the first of them, by row and field; no value is told.
    """
    try:
        placed = [(n, now, _as_logged(row)) for n, row in enumerate(rows)]
        with (
            tempfile.TemporaryDirectory(prefix="forestay-judge-") as making,
            staged(workspace, name, placed, Path(making)) as (connection, table),
        ):
            found = connection.execute(
                f"SELECT {row_of(POSITION)}, {FAULTS} FROM {table.rows}"
                f" WHERE {FAULTS} IS NOT NULL ORDER BY 1 LIMIT 1"
            ).fetchone()
    except (OverflowError, ArithmeticError) as error:
        raise _refused("rows", "a number or an instant is out of range") from error
    if found is not None:
        place, faults = found
        field, _, kind = faults.split("; ")[0].partition(": ")
        raise _refused(f"rows.{place}.{field}", kind.replace("_", " "))


def _as_logged(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write a row as the log has it."""
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _refused(where: str, problem: str) -> BadInput:
    return BadInput(
        f"field {where}",
        f"ingest would put the row into quarantine: {problem}",
        "a row of the data contract",
        "correct the row; nothing of the message was kept",
    )
