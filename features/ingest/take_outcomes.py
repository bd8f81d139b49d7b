"""What the CRM did and what came of it, taken back as rows of `contacts`, or refused whole.

copy -> write the form that is kept -> ingest with it -> judge it -> let it count -> publish. A kill
before it counts leaves nothing of it; a kill after leaves it to the next ingest to accept it.
"""

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from features.erased import erased_people
from features.erasing import drop_people
from features.errors import BadInput, raise_faults
from features.ingest.counts import count_source, one_file, over_limit
from features.ingest.outcome_copy import given_columns, write_copy
from features.ingest.publish import exclusive
from features.ingest.report import IngestReport, SourceReport
from features.ingest.run import Run
from features.ingest.workbench import open_database
from features.kept_outcomes import (
    drop_pending,
    find_kept,
    keep_pending,
    put_pending,
)
from features.progress import SILENT, Progress
from features.received.as_sources import with_received
from features.sources import file_part
from features.tables import CONTACTS
from features.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class OutcomesReport:
    """What became of one file of outcomes.

    ``rows`` counts this file's rows alone; ``ignored`` are its columns that nobody reads (not
    looked at again where the file was already taken); ``ingest`` is the whole ingest with it.
    """

    status: Literal["taken", "already_taken"]
    kept: Path
    rows: SourceReport
    ignored: tuple[str, ...]
    ingest: IngestReport


def take_outcomes(workspace: Workspace, path: Path, progress: Progress = SILENT) -> OutcomesReport:
    """Keep a file of outcomes and accept its rows at once, or change nothing.

    The same bytes again are recognised: nothing more is kept.

    Raises
    ------
    BadInput : the file cannot be read, lacks a column or has too many faulty rows; or another
        source cannot be ingested.
    Conflict : an ingest of this workspace runs.
    """
    folder = workspace.outcomes
    with exclusive(workspace.state) as working, open_database(working) as connection:
        drop_pending(folder)
        copy = _copied(path, working / "given")
        sha256 = _hash_of(copy)
        known = find_kept(folder, sha256)
        ignored: tuple[str, ...] = ()
        try:
            draft = working / "outcomes.parquet"
            if known is None:
                ignored = _write(connection, workspace, copy, draft)
            kept = known or put_pending(folder, draft, sha256)
            run = Run(connection, with_received(workspace, also=kept), progress)
            rows = _rows(run, kept, path.name, is_new=known is None)
            content = run.finish()
            if people := erased_people(workspace):
                drop_people(kept, people)
            keep_pending(folder)
        finally:
            drop_pending(folder)
        return OutcomesReport(
            status="already_taken" if known else "taken",
            kept=kept,
            rows=rows,
            ignored=ignored,
            ingest=run.publish(content, working),
        )


def _copied(path: Path, folder: Path) -> Path:
    """Copy the file as it is now: it may be written to while it is read."""
    if not path.is_file():
        raise BadInput(
            str(path),
            "there is no such file",
            "a file of outcomes: CSV, Parquet or JSON lines",
            "correct the path",
        )
    folder.mkdir()
    return Path(shutil.copyfile(path, folder / path.name))


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, copy: Path, draft: Path
) -> tuple[str, ...]:
    """Write the form that is kept; return the columns that are not read."""
    part = file_part(copy, copy.name)
    given = given_columns(part)
    write_copy(connection, part, given, workspace.time_zone, draft)
    return given.ignored


def _rows(run: Run, kept: Path, shown: str, *, is_new: bool) -> SourceReport:
    """Read and judge all sources, a new file by itself; return what became of its rows."""
    run.read()
    run.write_quarantine()
    table = run.tables.get(CONTACTS.name)
    staged = next((s for s in table.sources if s.source.taken_back), None) if table else None
    if table is None or staged is None:
        run.judge(written=True)
        raise AssertionError(kept)  # what cannot be staged is a fault
    mine = one_file(run.connection, staged, kept.name)
    counted = count_source(run.connection, table, mine)
    report = replace(counted, label=shown, files=(kept.name,))
    if is_new:
        named = replace(mine, files=tuple(shown if f == kept.name else f for f in mine.files))
        limit = run.workspace.quarantine_limit
        fault = over_limit(run.connection, named, report, limit=limit, written=True)
        run.faults.extend([fault] if fault else [])
        raise_faults(run.faults)
    run.judge(written=True)
    return report
