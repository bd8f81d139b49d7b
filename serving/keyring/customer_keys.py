"""A random key for each customer and epoch, until it is shredded; and who was erased when.

What was shredded leaves no trace in the file: SQLite overwrites what is deleted (`secure_delete`)
and its log is emptied.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from features.errors import BrokenRecord, Conflict, Unavailable
from features.key_files import own_folder

KEY = 32
WAIT_SECONDS = 60
_SCHEMA = """
CREATE TABLE IF NOT EXISTS customer_keys (
  pseudonym BLOB PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased (pseudonym BLOB PRIMARY KEY, day TEXT NOT NULL) WITHOUT ROWID;
"""
_MANY = 500


class CustomerKeys:
    """The keys in one file."""

    def __init__(self, path: Path) -> None:
        """Open the file; make it for its owner alone where there is none."""
        self._path = path
        own_folder(path.parent)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with self._told():
            self._connection = sqlite3.connect(
                path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(_SCHEMA)

    def made(self, pseudonyms: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the key of each customer, durable before this returns; new where there is none.

        Raises
        ------
        Conflict : one of them was erased, and gets no key ever again.
        """
        wanted = sorted(set(pseudonyms))
        with self._transaction():
            if self.erased(wanted):
                raise Conflict(
                    "keys of customers",
                    "a record is about somebody who was erased",
                    "data in which erased people do not occur",
                    "run `forestay ingest` and the command again",
                )
            known = self.known(wanted)
            missing = [one for one in wanted if one not in known]
            random = os.urandom(KEY * len(missing))
            # In the order of the tree: a million random places would be written many times each.
            new = {one: random[n * KEY : (n + 1) * KEY] for n, one in enumerate(missing)}
            self._connection.executemany("INSERT INTO customer_keys VALUES (?, ?)", new.items())
        return {**known, **new}

    def known(self, pseudonyms: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the keys there are."""
        return dict(self._of("SELECT pseudonym, key FROM customer_keys", pseudonyms))

    def erased(self, pseudonyms: Sequence[bytes]) -> Mapping[bytes, date]:
        """Return who of them was erased, and when."""
        found = self._of("SELECT pseudonym, day FROM erased", pseudonyms)
        return {pseudonym: date.fromisoformat(day) for pseudonym, day in found}

    def shred(self, pseudonyms: Sequence[bytes], on: date) -> None:
        """Destroy the keys of one customer; that and when stays known."""
        rows = [(one,) for one in pseudonyms]
        with self._transaction():
            self._connection.executemany("DELETE FROM customer_keys WHERE pseudonym = ?", rows)
            self._connection.executemany(
                "INSERT OR IGNORE INTO erased VALUES (?, ?)",
                [(one, on.isoformat()) for one in pseudonyms],
            )
        with self._told():
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise Unavailable(
                f"{self._path.name}",
                "the log that still holds the key is in use",
                "nobody else at work on the keys",
                "run the command again: it goes on where it stopped",
            )

    def _of(self, query: str, pseudonyms: Sequence[bytes]) -> Iterator[tuple]:
        with self._told():
            for start in range(0, len(pseudonyms), _MANY):
                some = pseudonyms[start : start + _MANY]
                marks = ", ".join("?" * len(some))
                yield from self._connection.execute(f"{query} WHERE pseudonym IN ({marks})", some)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell failures of the file in our words."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Unavailable(
                f"keys {self._path.name}",
                f"nothing was put on record: {error}",
                "a file that can be written, on a disk with room",
                "make room or give the rights back, and run the command again",
            ) from error
        except sqlite3.DatabaseError as error:
            raise BrokenRecord(
                f"keys {self._path.name}",
                f"the file is damaged: {error}",
                "the file that Forestay wrote",
                "restore the folder of keys from a backup",
            ) from error
