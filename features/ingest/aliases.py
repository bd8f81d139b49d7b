"""Ids that mean one customer, replaced as of the time that is known.

An alias known since `k` splits every row of that id: as given until `k`, under the customer it
stands for from `k` on. Chains are followed (a stands for b, b for c), each link from its own time.
Below, a segment is one alias, the customer it stands for, and from when until when.
"""

import duckdb

from features.errors import BadInput
from features.ingest.fates import StagedTable
from features.ingest.staged_rows import FAULTS, POSITION
from features.sql_words import quoted

#: A chain of aliases longer than this is taken for a circle.
LONGEST_CHAIN = 100
SEGMENTS = quoted("alias segments")
PIECES = quoted("alias pieces")
_LINKS, _RETURNS = quoted("alias links"), quoted("alias returns")
_BEFORE = "coalesce({from_}, '-infinity'::TIMESTAMPTZ) < coalesce({until}, 'infinity'::TIMESTAMPTZ)"


def resolve_aliases(connection: duckdb.DuckDBPyConnection, aliases: StagedTable) -> None:
    """Make the pieces of time in which each alias stands for which customer.

    Raises
    ------
    BadInput : aliases that lead back to themselves.
    """
    connection.execute(f"""
        CREATE TABLE {_LINKS} AS
        SELECT alias, customer_id, known_at AS from_at, superseded_at AS until_at
        FROM {aliases.rows} LEFT JOIN {aliases.fates} USING ({POSITION})
        WHERE {FAULTS} IS NULL AND fate IS NULL""")
    # An id that is its own customer again ends what stood before; it leads nowhere further.
    connection.execute(f"CREATE TABLE {_RETURNS} AS FROM {_LINKS} WHERE alias = customer_id")
    connection.execute(f"DELETE FROM {_LINKS} WHERE alias = customer_id")
    connection.execute(f"CREATE TABLE {SEGMENTS} AS FROM {_LINKS}")
    for _ in range(LONGEST_CHAIN):
        circles = _count(connection, f"SELECT count(*) FROM {SEGMENTS} WHERE alias = customer_id")
        if circles:
            break
        if not _follow(connection):
            _cut(connection)
            return
    raise BadInput(
        "sources.aliases",
        "some aliases lead back to themselves",
        "aliases that end at a customer's own id",
        "correct the aliases: of two ids for one customer, one is the alias",
    )


def _follow(connection: duckdb.DuckDBPyConnection) -> bool:
    """Follow every chain by one link; tell whether there was one to follow."""
    overlap = "greatest(s.from_at, l.from_at)", "least(s.until_at, l.until_at)"
    first = f"""
        SELECT alias, min(coalesce(from_at, '-infinity')) AS first_at
        FROM (FROM {_LINKS} UNION ALL FROM {_RETURNS}) GROUP BY alias"""
    further = f"""
        SELECT s.alias, l.customer_id, {overlap[0]} AS from_at, {overlap[1]} AS until_at
        FROM {SEGMENTS} s JOIN {_LINKS} l ON s.customer_id = l.alias
        WHERE {_BEFORE.format(from_=overlap[0], until=overlap[1])}"""
    if not _count(connection, f"SELECT count(*) FROM ({further})"):
        return False
    # What a link does not cover stays as it was: the time before the first link.
    until = "least(s.until_at, nullif(f.first_at, '-infinity'))"
    connection.execute(f"""
        CREATE OR REPLACE TABLE {SEGMENTS} AS
        {further}
        UNION ALL
        {further.replace("l.customer_id", "s.customer_id").replace(_LINKS, _RETURNS)}
        UNION ALL
        SELECT s.alias, s.customer_id, s.from_at, CASE WHEN f.alias IS NULL THEN s.until_at ELSE
            {until} END
        FROM {SEGMENTS} s LEFT JOIN ({first}) f ON s.customer_id = f.alias
        WHERE f.alias IS NULL OR (f.first_at > '-infinity' AND
            {_BEFORE.format(from_="s.from_at", until=until)})""")
    return True


def _cut(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the time before an alias is known, in which it is its own customer."""
    connection.execute(f"""
        CREATE TABLE {PIECES} AS WITH known AS (
            FROM {SEGMENTS} UNION ALL
            FROM {_RETURNS} WHERE alias IN (SELECT alias FROM {_LINKS}))
        FROM known UNION ALL
        SELECT alias, alias, NULL, min(from_at) FROM known GROUP BY alias
        HAVING count(*) = count(from_at)""")


def replaced_rows(rows: str) -> str:
    """Return SQL for rows under the customers they belong to, one row a piece of time.

    `rows` has customer_id, known_at and superseded_at; null times are the far past and future.
    """
    from_, until = "greatest(r.known_at, p.from_at)", "least(r.superseded_at, p.until_at)"
    return f"""
        SELECT r.* REPLACE (coalesce(p.customer_id, r.customer_id) AS customer_id,
            {from_} AS known_at, {until} AS superseded_at),
            coalesce(p.customer_id <> r.customer_id, FALSE) AS "forestay copy"
        FROM ({rows}) r LEFT JOIN {PIECES} p ON r.customer_id = p.alias
        WHERE p.alias IS NULL OR {_BEFORE.format(from_=from_, until=until)}"""


def merged_rows(rows: str, key: str, columns: str) -> str:
    """Return SQL in which rows of merged customers that share a key do not stand side by side.

    The customer's own row stays; of several aliases' rows the one known last, later position wins.
    """
    return f"""
        SELECT {columns} REPLACE (least(superseded_at, "forestay next") AS superseded_at) FROM (
            SELECT *, lead(known_at) OVER (PARTITION BY {key}
                ORDER BY known_at NULLS FIRST) AS "forestay next"
            FROM (
                SELECT *, bool_or(NOT "forestay copy") OVER (PARTITION BY {key}) AS "forestay own",
                    row_number() OVER (PARTITION BY {key}, known_at, "forestay copy"
                        ORDER BY {POSITION} DESC) AS "forestay rank"
                FROM ({rows}))
            WHERE NOT "forestay copy" OR ("forestay rank" = 1 AND NOT "forestay own"))"""


def count_matched(
    connection: duckdb.DuckDBPyConnection, others: list[StagedTable]
) -> tuple[int, int]:
    """Count the aliases that occur in any other table, and those that do not."""
    total = _count(connection, f"SELECT count(DISTINCT alias) FROM {_LINKS}")
    if not others or not total:
        return 0, total
    seen = " UNION ".join(
        f"SELECT customer_id FROM {t.rows} WHERE {FAULTS} IS NULL AND customer_id IN"
        f" (SELECT alias FROM {_LINKS})"
        for t in others
    )
    matched = _count(connection, f"SELECT count(DISTINCT customer_id) FROM ({seen})")
    return matched, total - matched


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
