"""Ledgers in a PostgreSQL database, by setting: several workspaces may share one.

Writers of a ledger wait for each other by an advisory lock of their transaction. Passwords are
never shown: messages are written here, not taken from the driver.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from features.errors import Unavailable
from serving.ledger.store import Row

_PAGE = 200
_TABLES = (
    """CREATE TABLE IF NOT EXISTS forestay_entries (
         ledger TEXT NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL, content BYTEA NOT NULL,
         signer BIGINT NOT NULL, signature BYTEA NOT NULL, PRIMARY KEY (ledger, seq))""",
    """CREATE INDEX IF NOT EXISTS forestay_entries_of_kind
         ON forestay_entries (ledger, kind, seq)""",
    """CREATE TABLE IF NOT EXISTS forestay_blocks (
         ledger TEXT NOT NULL, seq BIGINT NOT NULL, content BYTEA NOT NULL,
         PRIMARY KEY (ledger, seq))""",
    """CREATE TABLE IF NOT EXISTS forestay_places (
         ledger TEXT NOT NULL, id BIGINT NOT NULL, seq BIGINT NOT NULL, place BIGINT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS forestay_places_by_id ON forestay_places (ledger, id)",
    "CREATE INDEX IF NOT EXISTS forestay_places_of_entry ON forestay_places (ledger, seq)",
)
_ENTRY = "seq, kind, content, signer, signature"


class PostgresqlStore:
    """Rows of one ledger, which bears the name of its workspace."""

    def __init__(self, uri: str, ledger: str) -> None:
        """Connect; make the tables where there are none."""
        from adbc_driver_postgresql import dbapi

        address = urlsplit(uri)
        self._where = f"ledger in {address.hostname or 'localhost'}{address.path}"
        self._ledger, self._lock = ledger, threading.RLock()
        with self._told():
            self._reader = dbapi.connect(uri, autocommit=True)
            self._writer = dbapi.connect(uri)
            with self._told(), self._writer.cursor() as cursor:
                # Two that make the tables at once would stand in each other's way.
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext('forestay tables'))")
                for table in _TABLES:
                    cursor.execute(table)
            self._writer.commit()

    def close(self) -> None:
        """Let go of the server."""
        self._reader.close()
        self._writer.close()

    @contextmanager
    def writing(self) -> Iterator["_Writing"]:
        """Begin a transaction as the only writer of the ledger."""
        with self._lock, self._told():
            try:
                with self._writer.cursor() as cursor:
                    lock = "SELECT pg_advisory_xact_lock(hashtext('forestay ' || $1))"
                    cursor.execute(lock, (self._ledger,))
                    cursor.fetchall()
                    yield _Writing(cursor, self._ledger)
                self._writer.commit()
            except BaseException:
                self._writer.rollback()
                raise

    def last(self) -> Row | None:
        """Return the newest entry."""
        return _row(self._all(f"SELECT {_ENTRY} {_NEWEST}", (self._ledger,)))

    def rows(self, after: int, kinds: Sequence[str]) -> Iterator[Row]:
        """Read entries in order, a page at a time."""
        marks = ", ".join(f"${place + 3}" for place in range(len(kinds)))
        among = f"AND kind IN ({marks})" if kinds else ""
        query = (
            f"SELECT {_ENTRY} FROM forestay_entries WHERE ledger = $1 AND seq > $2 {among}"
            f" ORDER BY seq LIMIT {_PAGE}"
        )
        while page := self._all(query, (self._ledger, after, *kinds)):
            yield from (Row(*row) for row in page)
            after = page[-1][0]

    def row(self, seq: int) -> Row | None:
        """Read one entry."""
        query = f"SELECT {_ENTRY} FROM forestay_entries WHERE ledger = $1 AND seq = $2"
        return _row(self._all(query, (self._ledger, seq)))

    def block(self, seq: int) -> bytes | None:
        """Read the block of an entry."""
        query = "SELECT content FROM forestay_blocks WHERE ledger = $1 AND seq = $2"
        found = self._all(query, (self._ledger, seq))
        return found[0][0] if found else None

    def block_seqs(self) -> Iterator[int]:
        """Name the entries that have a block, in order."""
        query = "SELECT seq FROM forestay_blocks WHERE ledger = $1 ORDER BY seq"
        yield from (seq for (seq,) in self._all(query, (self._ledger,)))

    def places(self, ids: Sequence[int]) -> list[tuple[int, int, int]]:
        """Return where some ids stand."""
        found: list[tuple[int, int, int]] = []
        for start in range(0, len(ids), 500):
            listed = ", ".join(str(int(one)) for one in ids[start : start + 500])
            query = (
                "SELECT id, seq, place FROM forestay_places WHERE ledger = $1"
                f" AND id IN ({listed}) ORDER BY seq, place"
            )
            found += self._all(query, (self._ledger,))
        return found

    def placed(self, seq: int) -> int:
        """Count the ids that are kept of an entry."""
        query = "SELECT count(*) FROM forestay_places WHERE ledger = $1 AND seq = $2"
        return int(self._all(query, (self._ledger, seq))[0][0])

    def _all(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock, self._told(), self._reader.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell failures of the server in our words."""
        from adbc_driver_postgresql import dbapi

        try:
            yield
        except dbapi.Error as error:
            state = getattr(error, "sqlstate", None)
            raise Unavailable(
                self._where,
                f"nothing was put on record: the database refused{f' ({state})' if state else ''}",
                "a PostgreSQL server that answers, and the right to make tables in its database",
                "look at the server and at `ledger: store:` in forestay.yaml",
            ) from None


_NEWEST = "FROM forestay_entries WHERE ledger = $1 ORDER BY seq DESC LIMIT 1"


class _Writing:
    """The transaction of the only writer."""

    def __init__(self, cursor: Any, ledger: str) -> None:  # noqa: ANN401 - the driver is untyped
        self._cursor, self._ledger = cursor, ledger

    def last(self) -> Row | None:
        """Return the newest entry."""
        self._cursor.execute(f"SELECT {_ENTRY} {_NEWEST}", (self._ledger,))
        return _row(self._cursor.fetchall())

    def put(self, row: Row, block: bytes | None, ids: Sequence[tuple[int, int]]) -> None:
        """Add an entry, its block, and where ids stand."""
        insert = "INSERT INTO forestay_entries VALUES ($1, $2, $3, $4, $5, $6)"
        self._cursor.execute(insert, (self._ledger, *row))
        if block is None:
            return
        insert = "INSERT INTO forestay_blocks VALUES ($1, $2, $3)"
        self._cursor.execute(insert, (self._ledger, row.seq, block))
        found, place = zip(*ids, strict=True)
        count = len(ids)
        columns = {
            "ledger": pa.repeat(self._ledger, count),
            "id": pa.array(found, pa.int64()),
            "seq": pa.repeat(pa.scalar(row.seq, pa.int64()), count),
            "place": pa.array(place, pa.int64()),
        }
        self._cursor.adbc_ingest("forestay_places", pa.table(columns), mode="append")

    def drop_blocks(self, seqs: Sequence[int]) -> None:
        """Delete blocks, and where their ids stood."""
        listed = ", ".join(str(int(seq)) for seq in seqs)
        for table in ("forestay_blocks", "forestay_places") if listed else ():
            delete = f"DELETE FROM {table} WHERE ledger = $1 AND seq IN ({listed})"
            self._cursor.execute(delete, (self._ledger,))


def _row(found: Sequence[tuple[Any, ...]]) -> Row | None:
    return Row(*found[0]) if found else None
