"""Rows of features, computed bucket by bucket and checked: what a snapshot is written from.

Joins the declaration (`compute`) to who runs it (`runner`). Nothing here is on disk.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import Accepted
from features.catalogue import Catalogue, Feature
from features.compute import declared_tables, features, needed_columns
from features.errors import BrokenRecord
from features.progress import SILENT, Progress
from features.runner import collect_all
from features.tables import INSTANT

#: A cutoff nobody asks for: its literals are found again in the compiled text.
_PATTERN_CUTOFF = datetime(3999, 12, 31, 23, 59, 59, 271828, tzinfo=UTC)
_PATTERNS: dict[str, str] = {}
_LITERAL = re.compile(r"'(39\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.271828)'")


def feature_rows(
    accepted: Accepted,
    catalogue: Catalogue,
    instants: Sequence[datetime],
    *,
    buckets: Sequence[int] | None = None,
    progress: Progress = SILENT,
) -> Iterator[tuple[int, list[pa.Table]]]:
    """Compute the features as of some instants, reading every bucket once for all of them.

    Yields
    ------
    (bucket, one table per instant): `customer_id`, `event_timestamp`, `created` (both the
    instant) and the features; sorted by customer.

    Raises
    ------
    BrokenRecord : a computed value lies outside the range its feature can have.
    """
    queries = feature_queries(accepted, catalogue, instants)
    tables = needed_columns(accepted, catalogue)
    for bucket, results in collect_all(
        accepted, queries, tables, buckets=buckets, progress=progress
    ):
        yield (
            bucket,
            [
                _checked(_laid_out(result, instant, catalogue), catalogue)
                for instant, result in zip(instants, results, strict=True)
            ],
        )


def feature_queries(
    accepted: Accepted, catalogue: Catalogue, instants: Sequence[datetime]
) -> list[str]:
    """Compile the features to DuckDB SQL, one query per instant, sorted by customer.

    Compiling takes the better part of a second, so it is done once and the cutoff is moved in
    the text: every instant in it is a literal a fixed time before the cutoff.
    """
    tables = declared_tables(accepted, catalogue)
    schemas = {name: table.schema().items() for name, table in tables.items()}
    key = f"{catalogue.fingerprint} {[(name, *columns) for name, columns in schemas.items()]}"
    if key not in _PATTERNS:
        import ibis

        declared = features(tables, [_PATTERN_CUTOFF], catalogue).order_by("customer_id")
        _PATTERNS.clear()  # one workspace at a time: a service must not gather them
        _PATTERNS[key] = str(ibis.to_sql(declared, dialect="duckdb", pretty=False))
    return [_moved(_PATTERNS[key], instant) for instant in instants]


def _moved(pattern: str, instant: datetime) -> str:
    def literal(found: re.Match[str]) -> str:
        before = _PATTERN_CUTOFF - datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        moved = (instant.astimezone(UTC) - before).replace(tzinfo=None)
        return f"'{moved.isoformat(sep=' ', timespec='microseconds')}'"

    return _LITERAL.sub(literal, pattern)


def _laid_out(result: pa.Table, instant: datetime, catalogue: Catalogue) -> pa.Table:
    """Lay out a result as snapshots hold it; the time of writing is nowhere in it.

    Feast reads rows with `created <= entity time` only, so `created` is the cutoff, too.
    """
    at = pa.repeat(pa.scalar(instant, INSTANT), result.num_rows)
    columns = {"customer_id": result["customer_id"], "event_timestamp": at, "created": at}
    columns |= {name: result[name] for name in catalogue.names}
    types = {"customer_id": pa.string(), "event_timestamp": INSTANT, "created": INSTANT}
    types |= {feature.name: _arrow_type(feature) for feature in catalogue.features}
    schema = pa.schema([(name, types[name]) for name in columns])
    return pa.table(columns).cast(schema).combine_chunks()


def _arrow_type(feature: Feature) -> pa.DataType:
    return pa.string() if feature.dtype == "text" else pa.float64()


def _checked(table: pa.Table, catalogue: Catalogue) -> pa.Table:
    """Refuse values that a feature cannot have: something below it must be wrong."""
    for feature in catalogue.features:
        if feature.dtype == "number" and not _is_in_range(table[feature.name], feature):
            raise BrokenRecord(
                f"feature {feature.name}",
                "a computed value lies outside the range it can have",
                f"finite values from {feature.lowest} to {feature.highest}",
                "look at the columns it is made from with `forestay check`, and report it",
            )
    return table


def _is_in_range(values: pa.ChunkedArray, feature: Feature) -> bool:
    found = pc.min_max(values).as_py()
    lowest, highest = found["min"], found["max"]
    if lowest is None:
        return True
    below = feature.lowest is not None and lowest < feature.lowest
    above = feature.highest is not None and highest > feature.highest
    return not below and not above and bool(pc.all(pc.is_finite(values)).as_py())
