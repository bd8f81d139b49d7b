"""New accepted data take the place of the old in one step, or not at all.

Everything is written into a working folder that one ingest at a time may hold; the folder of rows
is renamed to carry its fingerprint, and replacing `accepted.json` makes it current. A killed run
leaves a working folder, which the next ingest clears away.
"""

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from features.accepted import (
    MANIFEST,
    Accepted,
    AcceptedTable,
    manifest_text,
    open_accepted,
    verify_file,
    verify_pages,
)
from features.errors import BrokenRecord, Conflict, NotReady
from features.ingest.content import Content
from features.ingest.write import bucket_count, write_table
from features.progress import Progress
from features.workspace import Workspace

_WORKING = "ingest-working"
_FOLDER = "accepted-{:.12}"


@contextmanager
def exclusive(state: Path) -> Iterator[Path]:
    """Hold the workspace's working folder, empty, alone.

    Raises
    ------
    Conflict : another ingest holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    folder = state / _WORKING
    with (state / "ingest.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                "forestay ingest",
                "another ingest of this workspace is running",
                "one at a time",
                "wait for it to end",
            ) from error
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def is_current(workspace: Workspace, content: Content) -> bool:
    """Tell whether this content is what is accepted already, with every page of it sound."""
    try:
        accepted = open_accepted(workspace)
        if accepted.fingerprint != content.fingerprint:
            return False
        if accepted.received != _received(workspace):
            return False
        for table in accepted.tables.values():
            for file in table.files:
                verify_file(accepted.folder / file.name, file)
                verify_pages(accepted.folder / file.name)
    except (NotReady, BrokenRecord):
        return False
    return True


def publish(
    connection: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    content: Content,
    newest: Mapping[str, datetime],
    working: Path,
    progress: Progress,
) -> None:
    """Write the content and make it current."""
    draft = working / "accepted"
    buckets = bucket_count(max(table.rows for table in content.tables.values()))
    tables = {}
    with progress.step("Writing accepted rows", total=len(content.tables)) as step:
        for name, table in content.tables.items():
            tables[name] = AcceptedTable(
                name=name,
                rows=table.rows,
                mapped=table.mapped,
                extra=table.extra,
                kinds=table.kinds,
                fingerprint=table.fingerprint,
                files=write_table(connection, table.finished, draft, buckets),
            )
            step.advance()
    accepted = Accepted(
        folder=workspace.state / _FOLDER.format(content.fingerprint),
        buckets=buckets,
        tables=tables,
        data_until=content.data_until,
        first_event_at=content.first_event_at,
        fingerprint=content.fingerprint,
        newest=dict(newest),
        received=_received(workspace),
    )
    _replace(workspace.state, draft, accepted)


def _received(workspace: Workspace) -> int:
    """Return the newest row of the service's log that is among the sources."""
    sources = (source for group in workspace.sources.values() for source in group)
    return max((source.received for source in sources), default=0)


def _replace(state: Path, draft: Path, accepted: Accepted) -> None:
    # A folder of this name is a damaged or unfinished one: a whole one would have been current.
    shutil.rmtree(accepted.folder, ignore_errors=True)
    draft.rename(accepted.folder)
    new = state / f".{MANIFEST}.new"
    new.write_text(manifest_text(accepted), encoding="utf-8")
    new.replace(state / MANIFEST)
    for older in state.glob("accepted-*"):
        if older != accepted.folder:
            shutil.rmtree(older, ignore_errors=True)
