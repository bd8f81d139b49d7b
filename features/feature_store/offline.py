"""Feature values for training, as of the date of every row, through Feast.

It holds no feature, no label and no split: `training/dataset.py` says which rows and which columns.
"""

import warnings
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.catalogue import Catalogue
from features.errors import BrokenRecord
from features.feature_store.published import find, publish, verify
from features.feature_store.registry import (
    ARROW_OF,
    EVENT_TIME,
    JOIN_KEY,
    ROW_NUMBER,
    apply,
    feast_folder,
    feast_name,
    open_store,
    reference,
)
from features.progress import SILENT, Progress
from features.tables import INSTANT
from features.workspace import Workspace


def training_features(
    workspace: Workspace,
    catalogue: Catalogue,
    entity_rows: pa.Table,
    names: Sequence[str],
    *,
    batch_customers: int = 50_000,
    progress: Progress = SILENT,
) -> pa.Table:
    """Join features to rows of (customer, date), so that nothing known later leaks into them.

    Parameters
    ----------
    entity_rows : customer_id (string), as_of (date32, or an instant that is a snapshot's), and any
        other columns, which come back as they are.
    names : features of the catalogue, in the order wanted.
    batch_customers : customers joined at once; bounds the memory.

    Returns
    -------
    table : the columns of `entity_rows`, then `names`; the same rows in the same order. Features
        are null for a customer who is not in the snapshot of that date.

    Raises
    ------
    NotReady : a date has no snapshot of this catalogue.
    BrokenRecord : a partition was damaged, or Feast lost or doubled a row.
    """
    instants, days = _instants(workspace, entity_rows["as_of"])
    verify(find(publish(workspace, catalogue), days))
    apply(workspace, catalogue)
    if not names or not entity_rows.num_rows:
        return _with_features(entity_rows, catalogue, names, None)
    rows = pa.table({JOIN_KEY: entity_rows[JOIN_KEY].cast(pa.string()), EVENT_TIME: instants})
    store = open_store(workspace)
    references = [reference(catalogue, name) for name in names]
    batches = list(_batches(rows, batch_customers))
    found = []
    with progress.step("Features of the training rows", total=len(batches)) as step:
        for batch in batches:
            found.append(_join(store, batch, references))
            step.advance()
    joined = pa.concat_tables(found).sort_by(ROW_NUMBER)
    if not joined[ROW_NUMBER].combine_chunks().equals(_numbers(rows)):
        raise _lost(workspace)
    return _with_features(entity_rows, catalogue, names, joined)


def _instants(workspace: Workspace, as_of: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[date]]:
    """Return every row's instant, and the workspace's days among them."""
    distinct = pc.unique(as_of).to_pylist()
    if pa.types.is_date(as_of.type):
        moments = [workspace.midnight(day) for day in distinct]
        days = distinct
    else:
        moments = pc.unique(as_of).cast(INSTANT).to_pylist()
        days = [workspace.local_date(moment) for moment in moments]
    positions = pc.index_in(as_of, value_set=pa.array(distinct, as_of.type))
    return pc.take(pa.array(moments, INSTANT), positions), days


def _numbers(rows: pa.Table) -> pa.Array:
    return pa.array(range(rows.num_rows), pa.int64())


def _batches(rows: pa.Table, batch_customers: int) -> Iterator[pa.Table]:
    customers = pc.unique(rows[JOIN_KEY])
    number = pc.index_in(rows[JOIN_KEY], value_set=customers)
    batch = pc.divide(number, pa.scalar(batch_customers, pa.int32()))
    numbered = rows.append_column(ROW_NUMBER, _numbers(rows))
    for part in range(-(-len(customers) // batch_customers)):
        yield numbered.filter(pc.equal(batch, part))


def _join(store: Any, batch: pa.Table, references: list[str]) -> pa.Table:  # noqa: ANN401 - feast
    with warnings.catch_warnings():
        # Ibis 12 was written for the DuckDB before; Feast reads through it.
        warnings.filterwarnings("ignore", r"fetch_arrow_table\(\)", DeprecationWarning)
        job = store.get_historical_features(
            entity_df=batch.to_pandas(),
            features=references,
            filter_by_created_timestamp=True,
        )
        return job.to_arrow().drop_columns([JOIN_KEY, EVENT_TIME])


def _with_features(
    entity_rows: pa.Table, catalogue: Catalogue, names: Sequence[str], joined: pa.Table | None
) -> pa.Table:
    table = entity_rows
    for name in names:
        arrow = ARROW_OF[catalogue.feature(name).dtype]
        values = pa.nulls(0, arrow) if joined is None else joined[feast_name(name)].cast(arrow)
        table = table.append_column(name, values)
    return table


def _lost(workspace: Workspace) -> BrokenRecord:
    return BrokenRecord(
        str(feast_folder(workspace)),
        "the join of features lost or doubled rows",
        "every training row once",
        "report this: a dependency has changed; the tests in tests/characterisation say which",
    )
