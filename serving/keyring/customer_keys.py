"""A random key for each customer and epoch, until it is shredded; and who was erased when.

What was shredded leaves no trace in the file: SQLite overwrites what is deleted (`secure_delete`)
and its log is emptied.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from features.errors import Conflict, Unavailable
from features.key_files import own_folder
from features.sqlite_file import SqliteFile

KEY = 32
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
        self._file = SqliteFile(path, "keys", _SCHEMA)

    def made(self, pseudonyms: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the key of each customer, durable before this returns; new where there is none.

        Raises
        ------
        Conflict : one of them was erased, and gets no key ever again.
        """
        wanted = sorted(set(pseudonyms))
        # Whoever has a key was not erased: erasing takes it away.
        if len(there := self.known(wanted)) == len(wanted):
            return there
        with self._file.writing() as connection:
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
            connection.executemany("INSERT INTO customer_keys VALUES (?, ?)", new.items())
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
        with self._file.writing() as connection:
            connection.executemany("DELETE FROM customer_keys WHERE pseudonym = ?", rows)
            connection.executemany(
                "INSERT OR IGNORE INTO erased VALUES (?, ?)",
                [(one, on.isoformat()) for one in pseudonyms],
            )
        busy = self._file.all("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        if busy:
            raise Unavailable(
                f"{self._path.name}",
                "the log that still holds the key is in use",
                "nobody else at work on the keys",
                "run the command again: it goes on where it stopped",
            )

    def _of(self, query: str, pseudonyms: Sequence[bytes]) -> Iterator[tuple]:
        for start in range(0, len(pseudonyms), _MANY):
            some = pseudonyms[start : start + _MANY]
            marks = ", ".join("?" * len(some))
            yield from self._file.all(f"{query} WHERE pseudonym IN ({marks})", some)
