"""The DuckDB database in which one ingest works: on disk, bounded, cut off from everything else.

Rows come in as Arrow streams only, so the database needs no file access: whatever an expression
might try, it could open nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from features.workspace import Workspace

#: Memory DuckDB may take; what does not fit goes to its temporary folder.
MEMORY = "400MB"
THREADS = 2


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """One ingest at work: its database, its workspace, and the instant no event may pass."""

    connection: duckdb.DuckDBPyConnection
    workspace: Workspace
    present: datetime


@contextmanager
def open_database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty working database in `folder`."""
    (folder / "spill").mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        folder / "ingest.duckdb",
        config={
            "memory_limit": MEMORY,
            "threads": THREADS,
            "temp_directory": str(folder / "spill"),
            # Rows carry their position; keeping DuckDB's own order would cost memory.
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()
