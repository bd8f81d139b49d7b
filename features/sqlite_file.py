"""A SQLite file that many threads and processes use: durable, deleted bytes overwritten.

Failures of the database are told in our words, without a value of any row.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from features.errors import BrokenRecord, Unavailable

#: A writer waits so long for another one.
WAIT_SECONDS = 60
#: What was acknowledged survives a loss of power, and what was deleted is overwritten.
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON")


class SqliteFile:
    """One connection to one file, shared by the threads of a process."""

    def __init__(self, path: Path, what: str, schema: str) -> None:
        """Open the file, or make it; `what` names it in messages."""
        self._name, self._lock = f"{what} {path.name}", threading.RLock()
        with self._told():
            self._connection = sqlite3.connect(
                path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            for pragma in _PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(schema)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._lock, self._told():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction as the only writer; a failure leaves nothing behind."""
        with self._lock, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Unavailable(
                self._name,
                f"nothing was put on record: {error}",
                "a file that can be written, on a disk with room",
                "make room or give the rights back, and run the command again",
            ) from error
        except sqlite3.DatabaseError as error:
            raise BrokenRecord(
                self._name,
                f"the file is damaged: {error}",
                "the file that Forestay wrote",
                "keep it for the auditor, and restore it from a backup",
            ) from error
