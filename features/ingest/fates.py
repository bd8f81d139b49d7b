"""What becomes of staged rows: accepted, duplicate, superseded; and how long a version holds.

Only rows that meet another of their kind are looked at closely, so the work is in counting, and a
table of fates stays small beside the rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from features.ingest.stage import Staged
from features.ingest.staged_rows import CONTENT, FAULTS, FILE_BITS, MADE_ID, POSITION, ROW_BITS
from features.sql_words import quoted
from features.tables import TABLES, Table

DUPLICATE, SUPERSEDED = "duplicate", "superseded"


@dataclass(frozen=True, kw_only=True)
class StagedTable:
    """All staged sources of one table: the view `rows`, and the table `fates`."""

    table: Table
    sources: Sequence[Staged]

    @property
    def rows(self) -> str:
        """Name of the view over the staged rows of all sources."""
        return quoted(f"rows {self.table.name}")

    @property
    def fates(self) -> str:
        """Name of the table of fates: position, fate (null: accepted), superseded_at."""
        return quoted(f"fates {self.table.name}")

    @property
    def received(self) -> tuple[int, ...]:
        """Places of the sources whose rows came in one by one and may come again as a whole."""
        sources = (staged.source for staged in self.sources)
        return tuple(s.index for s in sources if s.received and not s.taken_back)

    @property
    def known(self) -> str:
        """SQL for the known time of a row; customers have no history."""
        if self.table.name == "customers":
            return "CAST(NULL AS TIMESTAMP WITH TIME ZONE)"
        event = self.table.event_time
        if "known_at" in self.table.names and event != "known_at":
            return f"coalesce(known_at, {event})"
        return event

    @property
    def keys(self) -> tuple[str, ...]:
        """SQL for what makes two rows versions of one thing."""
        if self.table.name == "orders":
            # The order's id, where missing, is made from customer and time.
            return ("coalesce(order_id, concat_ws(' ', customer_id, ordered_at))", "line_id")
        return self.table.key

    @property
    def has_key(self) -> str:
        """SQL for a row whose key was given, and not made from its position."""
        return "line_id IS NOT NULL" if self.table.name == "orders" else f"NOT {quoted(MADE_ID)}"


def decide_fates(connection: duckdb.DuckDBPyConnection, sources: Sequence[Staged]) -> StagedTable:
    """Find duplicates, superseded rows and the ends of versions among a table's staged rows."""
    staged = StagedTable(table=TABLES[sources[0].mapping.table.name], sources=sources)
    union = " UNION ALL BY NAME ".join(f"FROM {quoted(source.relation)}" for source in sources)
    connection.execute(f"CREATE VIEW {staged.rows} AS {union}")
    connection.execute(
        f"CREATE TABLE {staged.fates} AS"
        f" SELECT {POSITION}, '{DUPLICATE}' AS fate, CAST(NULL AS TIMESTAMPTZ) AS superseded_at"
        f" FROM ({_copies(staged)}) WHERE copy > 1"
    )
    if staged.received:
        connection.execute(f"INSERT INTO {staged.fates} {_delivered(staged)}")
    if any(source.source.taken_back for source in sources):
        connection.execute(f"INSERT INTO {staged.fates} {_last_words(staged)}")
    connection.execute(f"INSERT INTO {staged.fates} {_versions(staged)}")
    return staged


def _copies(staged: StagedTable) -> str:
    """Count rows equal in every column of the file, within their source, one by one."""
    sound = f"{FAULTS} IS NULL AND NOT {quoted(MADE_ID)} AND NOT {_taken_back(staged)}"
    source = f"{POSITION} >> {FILE_BITS + ROW_BITS}"
    repeated = (
        f"SELECT {CONTENT} FROM {staged.rows} WHERE {sound} GROUP BY {CONTENT} HAVING count(*) > 1"
    )
    # Customer and time beside the hash: two different rows do not meet by its chance alone.
    same = f"{source}, {CONTENT}, customer_id, {staged.table.event_time}"
    return (
        f"SELECT {POSITION}, row_number() OVER (PARTITION BY {same} ORDER BY {POSITION}) AS copy"
        f" FROM {staged.rows} WHERE {sound} AND {CONTENT} IN ({repeated})"
    )


def _taken_back(staged: StagedTable) -> str:
    """Return SQL for a row of the files that `forestay outcomes` keeps."""
    return _among(s.source.index for s in staged.sources if s.source.taken_back)


def _among(indices: Iterable[int]) -> str:
    """Return SQL for a row of some sources."""
    places = [str(index) for index in indices]
    return f"({POSITION} >> {FILE_BITS + ROW_BITS}) IN ({', '.join(places)})" if places else "FALSE"


def _delivered(staged: StagedTable) -> str:
    """Find what came in through the service and stands in the user's own sources as well.

    It is the same where the ids are; where a source gives none, where customer, time and kind are.
    """
    came_in = _among(staged.received)
    is_order = staged.table.name == "orders"
    named = "order_id" if is_order else "interaction_id"
    alike = "customer_id, ordered_at" if is_order else "customer_id, occurred_at, kind"
    nameless = "order_id IS NULL" if is_order else quoted(MADE_ID)
    theirs = f"FROM {staged.rows} WHERE {FAULTS} IS NULL AND NOT {came_in}"
    return (
        f"SELECT {POSITION}, '{DUPLICATE}', NULL FROM {staged.rows}"
        f" WHERE {FAULTS} IS NULL AND {came_in} AND ({named} IN (SELECT {named} {theirs}"
        f" AND {named} IS NOT NULL) OR ({alike}) IN (SELECT ({alike}) {theirs} AND {nameless}))"
    )


def _last_words(staged: StagedTable) -> str:
    """Of what was said of one contact and taken back, the last counts, whatever its time.

    A row that only repeats what was said of it before is a duplicate; what stands in the mapped
    source about the same contact is superseded.
    """
    return f"""
        WITH said AS (
            SELECT contact_id, {POSITION}, {CONTENT} IS NOT DISTINCT FROM
                lag({CONTENT}) OVER (PARTITION BY contact_id ORDER BY {POSITION}) AS again
            FROM {staged.rows}
            WHERE {FAULTS} IS NULL AND {staged.has_key}
                AND {POSITION} NOT IN (SELECT {POSITION} FROM {staged.fates})
                AND contact_id IN (
                    SELECT contact_id FROM {staged.rows}
                    WHERE {FAULTS} IS NULL AND {_taken_back(staged)})),
        placed AS (
            SELECT *, max({POSITION}) FILTER (NOT again) OVER (PARTITION BY contact_id) AS last
            FROM said)
        SELECT {POSITION}, CASE WHEN again THEN '{DUPLICATE}' ELSE '{SUPERSEDED}' END, NULL
        FROM placed WHERE again OR {POSITION} < last"""


def _versions(staged: StagedTable) -> str:
    """Of rows that share key and known time the later wins; each version ends where the next is."""
    keys = ", ".join(f"{sql} AS key{i}" for i, sql in enumerate(staged.keys))
    key = ", ".join(f"key{i}" for i in range(len(staged.keys)))
    rows = (
        f"SELECT {POSITION}, {keys}, {staged.known} AS known FROM {staged.rows}"
        f" WHERE {FAULTS} IS NULL AND {staged.has_key}"
        f" AND {POSITION} NOT IN (SELECT {POSITION} FROM {staged.fates})"
    )
    return f"""
        WITH keyed AS ({rows}),
        several AS (SELECT {key} FROM keyed GROUP BY {key} HAVING count(*) > 1),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY {key}, known
                ORDER BY {POSITION} DESC) AS later
            FROM keyed SEMI JOIN several USING ({key})),
        ended AS (
            SELECT {POSITION}, lead(known) OVER (PARTITION BY {key}
                ORDER BY known NULLS FIRST) AS next
            FROM ranked WHERE later = 1)
        SELECT {POSITION}, '{SUPERSEDED}', NULL FROM ranked WHERE later > 1
        UNION ALL SELECT {POSITION}, NULL, next FROM ended WHERE next IS NOT NULL"""
