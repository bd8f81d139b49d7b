"""Answers of customers of whom something came in since the night, in one file for all workers.

A cache: what it lost is made again from the log of received rows. A row only gives way to one that
is of a later instant.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from features.received.log import instant, micros
from features.sqlite_file import SqliteFile
from features.workspace import Workspace

_SCHEMA = """
CREATE TABLE IF NOT EXISTS moved (
  customer_id TEXT PRIMARY KEY, as_of_us INTEGER NOT NULL, seq INTEGER NOT NULL,
  pushed INTEGER NOT NULL, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decisions (
  decision_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, decided_us INTEGER NOT NULL,
  replaces TEXT, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS decisions_of_customer ON decisions (customer_id, decided_us);
"""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What was found of one customer after the last row that came in.

    Attributes
    ----------
    seq : that row's place in the log.
    pushed : whether the online store has the features.
    models : hash of each model that answered.
    texts : the answer by language; ``language`` is the customer's own.
    asked : targets that are asked of the customer.
    evidence : features and sums, as JSON.
    """

    customer_id: str
    as_of: datetime
    seq: int
    pushed: bool
    models: Mapping[str, str]
    texts: Mapping[str, str]
    language: str
    cold_start: bool
    asked: Sequence[str]
    evidence: str | None


class Mark(NamedTuple):
    """Up to when and which row a customer was looked at, and whether the online store has it."""

    as_of: datetime
    seq: int
    pushed: bool


class MovedCustomers:
    """The answers and decisions made since the night."""

    def __init__(self, workspace: Workspace) -> None:
        """Open the file, or make it."""
        path = moved_file(workspace)
        self.folder = path.parent
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = SqliteFile(path, "answers since the night", _SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def find(self, customer_id: str) -> Moved | None:
        """Return what was found of a customer."""
        rows = self._file.all(
            "SELECT customer_id, as_of_us, seq, pushed, content FROM moved WHERE customer_id = ?",
            (customer_id,),
        )
        return _moved(rows[0]) if rows else None

    def marks(self, customers: Sequence[str] | None = None) -> dict[str, Mark]:
        """Return up to when each was looked at; of some customers where given."""
        query = "SELECT customer_id, as_of_us, seq, pushed FROM moved"
        values = list(customers or ())
        if customers is not None:
            query += f" WHERE customer_id IN ({', '.join('?' * len(values))})"
        rows = self._file.all(query, values)
        return {row[0]: Mark(instant(row[1]), row[2], bool(row[3])) for row in rows}

    def put(self, found: Sequence[Moved]) -> None:
        """Keep what was found, where nothing newer is there."""
        rows = [
            (one.customer_id, micros(one.as_of), one.seq, one.pushed, _content(one))
            for one in found
        ]
        with self._file.writing() as connection:
            connection.executemany(
                "INSERT INTO moved VALUES (?, ?, ?, ?, ?) ON CONFLICT (customer_id) DO UPDATE SET"
                " as_of_us = excluded.as_of_us, seq = excluded.seq, pushed = excluded.pushed,"
                " content = excluded.content WHERE (excluded.as_of_us, excluded.seq) >="
                " (moved.as_of_us, moved.seq)",
                rows,
            )

    def drop(self, customers: Sequence[str], before: datetime) -> None:
        """Drop who is told by the night again."""
        with self._file.writing() as connection:
            connection.executemany(
                "DELETE FROM moved WHERE customer_id = ? AND as_of_us <= ?",
                [(one, micros(before)) for one in customers],
            )

    def put_decision(self, decision: Mapping[str, Any], decided_at: datetime) -> None:
        """Keep a decision: plain data with `decision_id`, `customer_id` and `replaces`."""
        row = (
            decision["decision_id"], decision["customer_id"], micros(decided_at),
            decision["replaces"], json.dumps(decision, default=str),
        )  # fmt: skip
        with self._file.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO decisions VALUES (?, ?, ?, ?, ?)", row)

    def last_decision(self, customer_id: str, since: datetime) -> dict[str, Any] | None:
        """Return the newest decision of a customer made at or after an instant."""
        rows = self._file.all(
            "SELECT content FROM decisions WHERE customer_id = ? AND decided_us >= ?"
            " ORDER BY decided_us DESC, decision_id LIMIT 1",
            (customer_id, micros(since)),
        )
        return json.loads(rows[0][0]) if rows else None

    def decisions(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Return the decisions made in ``[since, until)``, oldest first."""
        rows = self._file.all(
            "SELECT content FROM decisions WHERE decided_us >= ? AND decided_us < ?"
            " ORDER BY decided_us, decision_id",
            (micros(since), micros(until)),
        )
        return [json.loads(text) for (text,) in rows]

    def forget(self, ids: frozenset[str]) -> None:
        """Delete what is kept of a person."""
        marks = ", ".join("?" * len(ids))
        with self._file.writing() as connection:
            for table in ("moved", "decisions"):
                connection.execute(
                    f"DELETE FROM {table} WHERE customer_id IN ({marks})", sorted(ids)
                )
        self._file.all("PRAGMA wal_checkpoint(TRUNCATE)")


def moved_file(workspace: Workspace) -> Path:
    """Return the file of answers and decisions made since the night."""
    return workspace.folder / ".forestay" / "received" / "moved.sqlite"


def _content(one: Moved) -> str:
    return json.dumps(
        {
            "models": dict(one.models),
            "texts": dict(one.texts),
            "language": one.language,
            "cold_start": one.cold_start,
            "asked": list(one.asked),
            "evidence": one.evidence,
        },
        ensure_ascii=False,
    )


def _moved(row: tuple[str, int, int, int, str]) -> Moved:
    customer, as_of, seq, pushed, content = row
    return Moved(
        customer_id=customer, as_of=instant(as_of), seq=seq, pushed=bool(pushed),
        **json.loads(content),
    )  # fmt: skip
