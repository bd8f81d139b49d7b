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
    """One file, shared by the threads of a process; who reads does not wait for who writes."""

    def __init__(self, path: Path, what: str, schema: str) -> None:
        """Open the file, or make it; `what` names it in messages."""
        self._name = f"{what} {path.name}"
        self._lock, self._reading = threading.RLock(), threading.Lock()
        self._writer: int | None = None
        with self._told():
            self._connection = _opened(path)
            self._connection.executescript(schema)
            self._reader = _opened(path)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock, self._reading:
            self._connection.close()
            self._reader.close()

    def all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query; within a transaction of this thread, those it has made."""
        if self._writer == threading.get_ident():
            with self._told():
                return self._connection.execute(query, values).fetchall()
        with self._reading, self._told():
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction as the only writer; a failure leaves nothing behind."""
        with self._lock, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            self._writer = threading.get_ident()
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._writer = None

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


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection
