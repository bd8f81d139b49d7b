"""Content of rows as a number that does not depend on their order, files or buckets.

A row's text names every filled column and the length of its value, so no two rows share a text; its
hash is the lower half of the text's MD5, and a table's is the sum of its rows' hashes. A row is
hashed in two parts: what is known from the start, and what its late time (`resolved_at`,
`cancelled_at`, `outcome_at`) makes known. Ingest stores both with the row, so that the content
visible before a date is a sum over a few columns.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from features.tables import TABLES, Table

if TYPE_CHECKING:
    from features.accepted import Accepted

#: Columns in which ingest stores the two hashes of a row.
CONTENT_HASH, LATE_HASH = "content_hash", "late_hash"
#: Tables no feature is made of: they change no snapshot.
_WITHOUT_FEATURES = ("aliases", "consents", "outcomes")
_PLACE_IN_TIME = ("known_at", "superseded_at")


def text_of(columns: Mapping[str, pa.DataType]) -> str:
    """Return SQL for the text of a row's filled columns, the same for a row wherever it is."""
    parts = [_column_text(name, columns[name]) for name in sorted(columns)]
    return f"concat({', '.join(parts)})" if parts else "''"


def _column_text(name: str, type_: pa.DataType) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if pa.types.is_timestamp(type_):
        value = f"CAST(epoch_us({column}) AS VARCHAR)"
    elif pa.types.is_floating(type_):
        # Minus zero equals zero, and should read like it.
        value = f"CAST({column} + 0.0 AS VARCHAR)"
    else:
        value = f"CAST({column} AS VARCHAR)"
    label = name.replace("'", "''")
    return f"'{label}=' || strlen({value}) || ':' || {value}"


def hash_of(text: str) -> str:
    """Return SQL for the hash of a text."""
    return f"md5_number_lower({text})"


def row_hashes(
    table: Table, columns: Mapping[str, pa.DataType], late_extra: Sequence[str] = ()
) -> tuple[str, str]:
    """Return SQL for the two hashes of a row: what is known from the start, and what comes late.

    Parameters
    ----------
    columns : all columns that count, with their Arrow types.
    late_extra : columns beside the contract's that are known late: own features of late columns.
    """
    late_names = {c.name for c in table.columns if c.known_with} | set(late_extra)
    counted = {n: t for n, t in columns.items() if n not in _PLACE_IN_TIME}
    if table.name == "customers":
        # Attributes have no history: they are taken as of today and make no snapshot stale.
        counted = {n: t for n, t in counted.items() if n in ("customer_id", "joined_at")}
    start = text_of({n: t for n, t in counted.items() if n not in late_names})
    late = text_of({n: t for n, t in counted.items() if n in late_names})
    late_hash = f"CASE WHEN {late} <> '' THEN {hash_of(f'concat({start}, {late})')} END"
    return hash_of(start), late_hash if late != "''" else "CAST(NULL AS UBIGINT)"


def late_time(table: Table) -> str | None:
    """Name the column that makes others known, if the table has one."""
    return next((c.known_with for c in table.columns if c.known_with), None)


def fingerprint_table(table: pa.Table) -> str:
    """Return the content of an Arrow table, whatever the order of its rows, as 32 hex digits.

    >>> one = pa.table({"a": [1, 2], "b": ["x", None]})
    >>> fingerprint_table(one) == fingerprint_table(one.take([1, 0]))
    True
    """
    types = {field.name: field.type for field in table.schema}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("rows", table)
        total = connection.execute(f"SELECT sum({hash_of(text_of(types))}) FROM rows").fetchone()
    return digest([(sorted(types), table.num_rows, str(total[0] or 0) if total else "0")])


def digest(content: object) -> str:
    """Return 32 hex digits for anything whose `repr` says it all."""
    return hashlib.sha256(repr(content).encode()).hexdigest()[:32]


def visible_fingerprints(
    accepted: "Accepted",
    as_ofs: Sequence[datetime],
    columns_by_table: Mapping[str, Sequence[str]] | None = None,
) -> dict[datetime, str]:
    """Fingerprint what is visible before each date, to tell which snapshots are stale.

    The same visible content gives the same fingerprint, and other content another. A row enters
    when both its event and its known time are past, what comes late enters at its own time, and
    it leaves when its next version is known. Customers enter with id and joined_at only.

    Parameters
    ----------
    as_ofs : aware instants.
    columns_by_table : tables and columns that count; None for all that features can be made of.
    """
    sums: dict[datetime, dict[str, tuple[int, int]]] = {as_of: {} for as_of in as_ofs}
    tables = columns_by_table or dict.fromkeys(accepted.tables)
    for name in sorted(tables):
        if name not in accepted.tables or (not columns_by_table and name in _WITHOUT_FEATURES):
            continue
        counted = columns_by_table[name] if columns_by_table else None
        for as_of, found in _visible_sums(accepted, name, as_ofs, counted).items():
            if found[0]:
                sums[as_of][name] = found
    return {as_of: digest(sorted(found.items())) for as_of, found in sums.items()}


def _visible_sums(
    accepted: "Accepted", name: str, as_ofs: Sequence[datetime], counted: Sequence[str] | None
) -> dict[datetime, tuple[int, int]]:
    from features.accepted import read_bucket

    table = TABLES[name]
    times = [table.event_time, *_PLACE_IN_TIME, *filter(None, [late_time(table)])]
    hashes = [CONTENT_HASH, LATE_HASH] if counted is None else list(counted)
    columns = list(dict.fromkeys([*times, *hashes]))
    totals = dict.fromkeys(as_ofs, (0, 0))
    for bucket in range(accepted.buckets):
        rows = read_bucket(accepted, name, bucket, columns)
        for as_of, found in _bucket_sums(table, rows, as_ofs, counted).items():
            rows_so_far, sum_so_far = totals[as_of]
            totals[as_of] = rows_so_far + found[0], sum_so_far + found[1]
    return totals


def _bucket_sums(
    table: Table, rows: pa.Table, as_ofs: Sequence[datetime], counted: Sequence[str] | None
) -> dict[datetime, tuple[int, int]]:
    content, late = CONTENT_HASH, LATE_HASH
    if counted is not None:
        types = {name: rows.schema.field(name).type for name in counted}
        extra = [n for n in counted if n not in table.names and n.startswith("own_")]
        content, late = row_hashes(table, types, extra if late_time(table) else ())
    event, late_at = table.event_time, late_time(table) or "NULL"
    sums = ", ".join(_sums_before(as_of) for as_of in as_ofs)
    query = f"""
        SELECT {sums} FROM (
            SELECT {content} AS content, {late} AS late, {late_at} AS late_at,
                superseded_at AS ended, greatest(known_at, {event}) AS started FROM rows)"""
    with duckdb.connect(config={"threads": "1"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("rows", rows)
        found = connection.execute(query).fetchone() or ()
    per_date = [found[i : i + 3] for i in range(0, len(found), 3)]
    return {
        as_of: (int(count), int(start or 0) + int(late or 0))
        for as_of, (count, start, late) in zip(as_ofs, per_date, strict=True)
    }


def _sums_before(as_of: datetime) -> str:
    """Return SQL for the rows visible before a date, and the sums of their hashes."""
    at = f"TIMESTAMP '{as_of.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
    seen = f"(started IS NULL OR started < {at}) AND (ended IS NULL OR ended >= {at})"
    known = f"(late_at IS NULL OR late_at < {at})"
    return (
        f"count(*) FILTER ({seen}), sum(content) FILTER ({seen}),"
        f" sum(late) FILTER ({seen} AND {known})"
    )
