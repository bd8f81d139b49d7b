"""Rows of erased people are dropped before anything else looks at them, and counted.

Not even quarantine keeps them. Who is an alias of somebody erased is refused as well.
"""

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from features.erased import ErasedPeople
from features.ingest.stage import Staged
from features.ingest.staged_rows import POSITION
from features.sql_words import quoted

_REFUSED = quoted("forestay refused")


def refuse_erased(
    connection: duckdb.DuckDBPyConnection, people: ErasedPeople, staged: Sequence[Staged]
) -> list[Staged]:
    """Drop the rows of erased people from all sources, and say how many of each file."""
    hashes = ", ".join(f"'{one}'" for one in sorted(people.hashes))
    connection.execute(f"CREATE OR REPLACE TABLE {_REFUSED} (id VARCHAR)")
    for source in staged:
        for column in _ids(source):
            connection.execute(
                f"INSERT INTO {_REFUSED} SELECT DISTINCT {column} FROM {quoted(source.relation)}"
                f" WHERE {people.sql(column)} IN ({hashes})"
            )
    aliases = [source for source in staged if source.source.table_name == "aliases"]
    while any(_follow(connection, source) for source in aliases):
        pass
    return [_without(connection, source) for source in staged]


def _ids(source: Staged) -> tuple[str, ...]:
    return ("alias", "customer_id") if source.source.table_name == "aliases" else ("customer_id",)


def _follow(connection: duckdb.DuckDBPyConnection, aliases: Staged) -> bool:
    """Add the aliases of whoever is refused; tell whether there were any more."""
    found = connection.execute(
        f"INSERT INTO {_REFUSED} SELECT DISTINCT alias FROM {quoted(aliases.relation)}"
        f" WHERE customer_id IN (FROM {_REFUSED}) AND alias NOT IN (FROM {_REFUSED})"
    ).fetchone()
    return bool(found and found[0])


def _without(connection: duckdb.DuckDBPyConnection, source: Staged) -> Staged:
    relation = quoted(source.relation)
    where = " OR ".join(f"{column} IN (FROM {_REFUSED})" for column in _ids(source))
    counts = connection.execute(
        f"SELECT {source.file_of(POSITION)}, count(*) FROM {relation} WHERE {where} GROUP BY 1"
    ).fetchall()
    if counts:
        connection.execute(f"DELETE FROM {relation} WHERE {where}")
    return replace(source, erased={str(file): int(count) for file, count in counts})
