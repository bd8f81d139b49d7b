"""The log of received rows: appended before anything is answered, in the order they came.

One SQLite file that all processes of a machine share. What stands in it twice is kept once; what
the company's own sources bring later replaces it (`features.ingest.fates`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

from features.errors import Conflict
from features.sqlite_file import SqliteFile
from features.workspace import Workspace

#: Tables that rows are received for, and the column that names a row.
ROW_ID = {"orders": "order_id", "interactions": "interaction_id", "contacts": "contact_id"}
#: Of these a customer's features are made; contacts only count for later decisions.
EVENTS = ("orders", "interactions")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS received (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL, customer_id TEXT NOT NULL,
  row_id TEXT NOT NULL, received_us INTEGER NOT NULL, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS received_of_customer ON received (customer_id, seq);
CREATE INDEX IF NOT EXISTS received_at ON received (received_us);
CREATE INDEX IF NOT EXISTS received_row ON received (table_name, row_id);
CREATE TABLE IF NOT EXISTS once (
  caller TEXT NOT NULL, key TEXT NOT NULL, question BLOB NOT NULL, at_us INTEGER NOT NULL,
  answer BLOB, PRIMARY KEY (caller, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS once_at ON once (at_us);
"""
#: The last row that is neither after a row nor known only from an instant on; times rise with rows.
_AFTER = "min(coalesce((SELECT min(seq) - 1 FROM received WHERE received_us >= ?), 1 << 60), ?)"
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Since(NamedTuple):
    """What came in of one customer after some point: how many rows, and the last of them."""

    rows: int
    seq: int
    received_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Appended:
    """What became of some rows: the instant they count as known from, and how many were new."""

    received_at: datetime
    seq: int
    new: int
    duplicate: int


class ReceivedLog:
    """The log of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        """Open it, or make it."""
        path = log_file(workspace)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = SqliteFile(path, "received rows", _SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    def append(
        self, table: str, rows: Sequence[tuple[str, Mapping[str, Any]]], now: datetime
    ) -> Appended:
        """Keep some rows of one table; durable when this returns, or none of them is there.

        Parameters
        ----------
        rows : each with the customer it is of, whose alias its `customer_id` may be; columns of the
            contract by name, instants in UTC, an id filled.
        now : the instant of arrival; later than every one before it, a microsecond if need be.

        Raises
        ------
        Conflict : an order without `line_id` is known with other lines. Unavailable : no room.
        """
        with self.file.writing() as connection:
            last = connection.execute("SELECT max(received_us) FROM received").fetchone()[0]
            at = max(micros(now), (last or 0) + 1)
            new = _new_rows(connection, table, rows)
            values = [
                (table, customer, str(row[ROW_ID[table]]), at, _text(row)) for customer, row in new
            ]
            connection.executemany(
                "INSERT INTO received (table_name, customer_id, row_id, received_us, content)"
                " VALUES (?, ?, ?, ?, ?)",
                values,
            )
            seq = connection.execute("SELECT coalesce(max(seq), 0) FROM received").fetchone()[0]
        return Appended(
            received_at=instant(at), seq=seq, new=len(new), duplicate=len(rows) - len(new)
        )

    def since(self, customer_id: str, seq: int, at: datetime) -> Since:
        """Count a customer's orders and interactions after a row, or known only from `at` on."""
        found = self.file.all(
            "SELECT count(*), max(seq), max(received_us) FROM received WHERE customer_id = ?"
            f" AND seq > {_AFTER} AND table_name <> 'contacts'",
            (customer_id, micros(at), seq),
        )[0]
        return Since(found[0], found[1] or 0, None if found[2] is None else instant(found[2]))

    def customers(self, seq: int, at: datetime) -> dict[str, int]:
        """Name every customer of whom `since` counts something, with the last row."""
        return dict(
            self.file.all(
                f"SELECT customer_id, max(seq) FROM received WHERE seq > {_AFTER}"
                " AND table_name <> 'contacts' GROUP BY customer_id",
                (micros(at), seq),
            )
        )

    def rows(
        self, table: str, customers: Sequence[str] | None = None, *, until: int
    ) -> list[tuple[int, datetime, dict[str, Any]]]:
        """Read rows of a table with seq and arrival, in order, up to one.

        All of them as they came, or those of some customers, under the ids of these.
        """
        query = (
            "SELECT seq, received_us, content, customer_id FROM received"
            " WHERE table_name = ? AND seq <= ?"
        )
        values: list[Any] = [table, until]
        if customers is not None:
            query += f" AND customer_id IN ({', '.join('?' * len(customers))})"
            values += customers
        found = self.file.all(query + " ORDER BY seq", values)
        resolved = customers is not None
        return [
            (seq, instant(at), json.loads(text) | ({"customer_id": customer} if resolved else {}))
            for seq, at, text, customer in found
        ]

    def any_after(self, customer_id: str, seq: int, at: datetime | None = None) -> bool:
        """Tell whether anything of a customer, contacts too, is newer than a row or an instant."""
        late = "" if at is None else f" OR received_us >= {micros(at)}"
        found = self.file.all(
            f"SELECT 1 FROM received WHERE customer_id = ? AND (seq > ?{late}) LIMIT 1",
            (customer_id, seq),
        )
        return bool(found)

    @property
    def last_at(self) -> datetime:
        """The instant of the newest row; long ago where nothing was ever received."""
        return instant(self.file.all("SELECT coalesce(max(received_us), 0) FROM received")[0][0])

    @property
    def last(self) -> int:
        """The newest row; 0 where nothing was ever received."""
        return int(self.file.all("SELECT coalesce(max(seq), 0) FROM received")[0][0])

    def forget(self, ids: frozenset[str]) -> int:
        """Delete what was received of a person, and every answer that may name it."""
        marks = ", ".join("?" * len(ids))
        with self.file.writing() as connection:
            gone = connection.execute(
                f"DELETE FROM received WHERE customer_id IN ({marks})", sorted(ids)
            ).rowcount
            connection.execute("DELETE FROM once")
        self.file.all("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(gone)


def log_file(workspace: Workspace) -> Path:
    """Return the file of the log; a rehearsal reads the workspace's own."""
    return workspace.folder / ".forestay" / "received" / "received.sqlite"


def micros(at: datetime) -> int:
    """Write an instant as microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def instant(us: int) -> datetime:
    """Read an instant again."""
    return _EPOCH + us * _MICROSECOND


def _text(row: Mapping[str, Any]) -> str:
    filled = {name: value for name, value in row.items() if value is not None}
    return json.dumps(filled, sort_keys=True, ensure_ascii=False, default=_iso)


def _iso(value: Any) -> str:  # noqa: ANN401 - an instant
    return str(value.astimezone(UTC).isoformat())


def _new_rows(
    connection: Connection, table: str, rows: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[tuple[str, Mapping[str, Any]]]:
    """Leave out what only repeats the same words about the same thing."""
    named = ROW_ID[table]
    known = {str(row[named]): _known(connection, table, str(row[named])) for _, row in rows}
    seen: set[str] = set()
    new = []
    for customer, row in rows:
        text, before = _text(row), known[str(row[named])]
        if text in before or text in seen:
            continue
        if table == "orders" and before and row.get("line_id") is None:
            raise Conflict(
                f"orders.{named}",
                "the order is known with other lines",
                "each order once, all of its lines in one message; or lines with a `line_id`",
                "send corrections with the `line_id` of the line, or through the source",
            )
        seen.add(text)
        new.append((customer, row))
    return new


def _known(connection: Connection, table: str, name: str) -> frozenset[str]:
    found = connection.execute(
        "SELECT content FROM received WHERE table_name = ? AND row_id = ?", (table, name)
    )
    return frozenset(text for (text,) in found)
