"""A ledger in one SQLite file, which needs no server: durable when a transaction has returned."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from features.errors import Unavailable
from features.sqlite_file import SqliteFile
from serving.ledger.store import Row

_PAGE = 200
_NEWEST = "ORDER BY seq DESC LIMIT 1"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, content BLOB NOT NULL,
  signer INTEGER NOT NULL, signature BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS entries_of_kind ON entries (kind, seq);
CREATE TABLE IF NOT EXISTS blocks (seq INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS places (
  id INTEGER NOT NULL, seq INTEGER NOT NULL, place INTEGER NOT NULL,
  PRIMARY KEY (id, seq, place)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS places_of_entry ON places (seq);
"""


class SqliteStore:
    """Rows of the only ledger in a file."""

    def __init__(self, path: Path) -> None:
        """Open the file; make it where there is none."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"ledger {path.name}",
                f"its folder cannot be made: {error.strerror}",
                "a folder that can be written",
                "give the rights back, and run the command again",
            ) from error
        self._file = SqliteFile(path, "ledger", _SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @contextmanager
    def writing(self) -> Iterator["_Writing"]:
        """Begin a transaction as the only writer; a failure leaves nothing behind."""
        with self._file.writing() as connection:
            yield _Writing(connection)

    def last(self) -> Row | None:
        """Return the newest entry."""
        return self._row(_NEWEST, ())

    def rows(self, after: int, kinds: Sequence[str]) -> Iterator[Row]:
        """Read entries in order, a page at a time, so that no writer waits for a reader."""
        marks = ", ".join("?" * len(kinds))
        among = f"AND kind IN ({marks})" if kinds else ""
        query = f"SELECT * FROM entries WHERE seq > ? {among} ORDER BY seq LIMIT {_PAGE}"
        while page := self._file.all(query, (after, *kinds)):
            yield from (Row(*row) for row in page)
            after = page[-1][0]

    def row(self, seq: int) -> Row | None:
        """Read one entry."""
        return self._row("WHERE seq = ?", (seq,))

    def block(self, seq: int) -> bytes | None:
        """Read the block of an entry."""
        found = self._file.all("SELECT content FROM blocks WHERE seq = ?", (seq,))
        return found[0][0] if found else None

    def block_seqs(self) -> Iterator[int]:
        """Name the entries that have a block, in order."""
        after = -(2**63)
        query = "SELECT seq FROM blocks WHERE seq > ? ORDER BY seq LIMIT 10000"
        while page := self._file.all(query, (after,)):
            yield from (seq for (seq,) in page)
            after = page[-1][0]

    def places(self, ids: Sequence[int]) -> list[tuple[int, int, int]]:
        """Return where some ids stand."""
        found: list[tuple[int, int, int]] = []
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            marks = ", ".join("?" * len(some))
            query = f"SELECT id, seq, place FROM places WHERE id IN ({marks}) ORDER BY seq, place"
            found += self._file.all(query, some)
        return found

    def placed(self, seq: int) -> int:
        """Count the ids that are kept of an entry."""
        return int(self._file.all("SELECT count(*) FROM places WHERE seq = ?", (seq,))[0][0])

    def _row(self, rest: str, values: Sequence[object]) -> Row | None:
        found = self._file.all(f"SELECT * FROM entries {rest}", values)
        return Row(*found[0]) if found else None


class _Writing:
    """The transaction of the only writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def last(self) -> Row | None:
        """Return the newest entry."""
        found = self._connection.execute(f"SELECT * FROM entries {_NEWEST}").fetchone()
        return Row(*found) if found else None

    def put(self, row: Row, block: bytes | None, ids: Sequence[tuple[int, int]]) -> None:
        """Add an entry, its block, and where ids stand."""
        self._connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
        if block is not None:
            self._connection.execute("INSERT INTO blocks VALUES (?, ?)", (row.seq, block))
            self._connection.executemany(
                "INSERT OR IGNORE INTO places VALUES (?, ?, ?)",
                [(found, row.seq, place) for found, place in ids],
            )

    def drop_blocks(self, seqs: Sequence[int]) -> None:
        """Delete blocks, and where their ids stood."""
        rows = [(seq,) for seq in seqs]
        self._connection.executemany("DELETE FROM blocks WHERE seq = ?", rows)
        self._connection.executemany("DELETE FROM places WHERE seq = ?", rows)
