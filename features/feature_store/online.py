"""Feature values of single customers, now: the newest snapshot, loaded into Feast's online store.

It reads snapshots and writes the online store; who is scored with what it returns is not its
business. Whole nights are scored from the snapshots, never from here (0.3 ms a customer).
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from features.catalogue import Catalogue
from features.errors import BrokenRecord
from features.feature_store.elsewhere import told_if_away
from features.feature_store.newer import Newer
from features.feature_store.published import find, publish
from features.feature_store.registry import (
    ARROW_OF,
    CREATED_TIME,
    EVENT_TIME,
    JOIN_KEY,
    alone,
    apply,
    feast_folder,
    feast_name,
    open_store,
    reference,
)
from features.progress import SILENT, Progress
from features.snapshots import Snapshot
from features.tables import INSTANT
from features.workspace import Workspace

#: Rows of one transaction: short enough that no other writer waits until its timeout.
_WRITE_ROWS = 2_000
#: Customers of one read; SQLite takes at most 32,766 values in one statement.
_READ_ROWS = 1_000
TIME_OF, AGE_OF = "event_timestamp__", "age_seconds__"
#: Task of the store that a transaction of writing holds.
PUSH = "push"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What the online store holds, or has begun to hold, of which snapshot."""

    as_of: str
    data_fingerprint: str
    catalogue_fingerprint: str
    complete: bool = False
    rows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Materialized:
    """What `materialize` did: the date that is now online, and the customers in each view."""

    status: Literal["loaded", "already_loaded", "kept_newer"]
    as_of: date
    rows: dict[str, int]


def materialize(
    workspace: Workspace,
    catalogue: Catalogue,
    as_of: date,
    *,
    received: int = 0,
    progress: Progress = SILENT,
) -> Materialized:
    """Load a snapshot into the online store, so that one customer is read in a millisecond.

    Feast would let an older snapshot overwrite a newer one: here it never does, not even while the
    newer one is only half loaded by a run that was killed. To repeat a killed run is safe. Of whom
    something came in since, the features are left as they are: they are newer (`pushed`).

    Parameters
    ----------
    received : newest row of the service's log that is in the data of the snapshot.

    Returns
    -------
    done : ``kept_newer`` with the newer date, when the store already holds one.

    Raises
    ------
    NotReady : there is no snapshot of that date.
    BrokenRecord : the snapshot is damaged, or what was written is not what is read.
    """
    with told_if_away(workspace):
        return _materialize(workspace, catalogue, as_of, received, progress)


def _materialize(
    workspace: Workspace, catalogue: Catalogue, as_of: date, received: int, progress: Progress
) -> Materialized:
    (snapshot,) = find(publish(workspace, catalogue), [as_of])
    apply(workspace, catalogue)
    wanted = Loaded(
        as_of=snapshot.instant.isoformat(),
        data_fingerprint=snapshot.data_fingerprint,
        catalogue_fingerprint=snapshot.catalogue_fingerprint,
    )
    with alone(workspace, "online"):
        before = _read_mark(workspace)
        if before and datetime.fromisoformat(before.as_of) > snapshot.instant:
            newer = workspace.local_date(datetime.fromisoformat(before.as_of))
            return Materialized(status="kept_newer", as_of=newer, rows=before.rows)
        store = open_store(workspace)
        moved = Newer(workspace, received, snapshot.instant)
        if before == replace(wanted, complete=True, rows=before.rows if before else {}) and all(
            _is_there(store, catalogue, moved.without(snapshot.read(bucket)))
            for bucket in range(snapshot.buckets)
        ):
            return Materialized(status="already_loaded", as_of=as_of, rows=before.rows)
        _write_mark(workspace, wanted)
        rows = _load(store, catalogue, snapshot, moved, progress)
        _record(store, snapshot.instant)
        _write_mark(workspace, replace(wanted, complete=True, rows=rows))
    return Materialized(status="loaded", as_of=as_of, rows=rows)


def _load(
    store: Any,  # noqa: ANN401 - feast.FeatureStore
    catalogue: Catalogue,
    snapshot: Snapshot,
    moved: Newer,
    progress: Progress,
) -> dict[str, int]:
    """Write bucket by bucket: memory does not grow with the number of customers."""
    views = {view.name: view for view in store.list_feature_views()}
    features = {name: [f.name for f in of_view] for name, of_view in catalogue.by_view().items()}
    rows = dict.fromkeys(views, 0)
    with progress.step("Features for single customers", total=snapshot.buckets) as step:
        for bucket in range(snapshot.buckets):
            table = snapshot.read(bucket).combine_chunks()
            for start in range(0, table.num_rows, _WRITE_ROWS):
                # Held for one transaction: whatever is pushed is newer, and stays.
                with alone(moved.workspace, PUSH):
                    part = moved.without(table.slice(start, _WRITE_ROWS))
                    for name, view in views.items():
                        rows[name] += write_rows(store, view, part, features[name])
            if not _is_there(store, catalogue, moved.without(table)):
                raise _not_there(snapshot)
            step.advance()
    return rows


def write_rows(
    store: Any,  # noqa: ANN401 - feast.FeatureStore
    view: Any,  # noqa: ANN401 - feast.FeatureView
    table: pa.Table,
    names: list[str],
) -> int:
    """Write through the provider: the store's own door skips batches that are null throughout."""
    times = [JOIN_KEY, EVENT_TIME, CREATED_TIME]
    wanted = table.select([*times, *names]).rename_columns([*times, *map(feast_name, names)])
    if wanted.num_rows:
        store.provider.ingest_df(view, wanted.to_pandas())
    return wanted.num_rows


def _is_there(store: Any, catalogue: Catalogue, table: pa.Table) -> bool:  # noqa: ANN401 - feast
    """Return whether the last customer of every transaction reads back as the snapshot has it."""
    last = {*range(_WRITE_ROWS - 1, table.num_rows, _WRITE_ROWS), table.num_rows - 1} - {-1}
    probes = table.take(pa.array(sorted(last), pa.int64()))
    names = list(catalogue.names)
    found = read_online(store, catalogue, probes[JOIN_KEY].to_pylist(), names)
    times = [found[column] for column in found.column_names if column.startswith(TIME_OF)]
    values = probes.select(names)
    return found.select(names).equals(_without_nan(values)) and all(
        time.equals(probes[EVENT_TIME].cast(INSTANT)) for time in times
    )


def _without_nan(table: pa.Table) -> pa.Table:
    """Return a table as Feast keeps it: what is not a number is missing."""
    for place, column in enumerate(table.columns):
        if pa.types.is_floating(column.type):
            kept = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
            table = table.set_column(place, table.column_names[place], kept)
    return table


def _record(store: Any, instant: datetime) -> None:  # noqa: ANN401 - feast.FeatureStore
    """Tell Feast up to when its views are loaded, as its own command would."""
    for view in store.list_feature_views():
        ends = [end for _, end in view.materialization_intervals]
        if instant not in ends:
            store.registry.apply_materialization(view, store.project, instant, instant)


def _not_there(snapshot: Snapshot) -> BrokenRecord:
    return BrokenRecord(
        f"online store, {snapshot.folder.name}",
        "what was written is not what is read",
        "the values of the snapshot",
        "delete .forestay/feast and run the command again",
    )


def _mark(workspace: Workspace) -> Path:
    return feast_folder(workspace) / "online.json"


def _read_mark(workspace: Workspace) -> Loaded | None:
    try:
        return Loaded(**json.loads(_mark(workspace).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise BrokenRecord(
            str(_mark(workspace)),
            "it does not say which snapshot is online",
            "the record that `forestay nightly` wrote",
            "delete .forestay/feast and run the command again",
        ) from error


def _write_mark(workspace: Workspace, loaded: Loaded) -> None:
    beside = _mark(workspace).with_suffix(f".{os.getpid()}.new")
    beside.write_text(json.dumps(asdict(loaded), indent=1), encoding="utf-8")
    beside.replace(_mark(workspace))


def online_features(
    workspace: Workspace,
    catalogue: Catalogue,
    customer_ids: Sequence[str],
    names: Sequence[str],
    *,
    at: datetime,
) -> pa.Table:
    """Read the newest features of some customers, with their ages, which Feast would not look at.

    Parameters
    ----------
    customer_ids : in any order, repeated or unknown.
    at : the instant ages are counted to.

    Returns
    -------
    table : one row for each id, in the order asked: customer_id, `names`, and for each view that
        was read ``event_timestamp__<view>`` (null where the customer is not in the store) and
        ``age_seconds__<view>`` (negative for an event after `at`).
    """
    table = read_online(open_store(workspace), catalogue, customer_ids, names)
    for column in [name for name in table.column_names if name.startswith(TIME_OF)]:
        age = pc.subtract(pa.scalar(at, INSTANT), table[column]).cast(pa.int64())
        seconds = pc.divide(age.cast(pa.float64()), 1e6)
        table = table.append_column(AGE_OF + column.removeprefix(TIME_OF), seconds)
    return table


def read_online(
    store: Any,  # noqa: ANN401 - feast.FeatureStore
    catalogue: Catalogue,
    customer_ids: Sequence[str],
    names: Sequence[str],
) -> pa.Table:
    """Read as `online_features` does, from a store that is open already and without ages."""
    first_of_view = {catalogue.feature(name).view: name for name in reversed(names)}
    schema = pa.schema(
        [(JOIN_KEY, pa.string())]
        + [(name, ARROW_OF[catalogue.feature(name).dtype]) for name in names]
        + [(TIME_OF + view, INSTANT) for view in first_of_view]
    )
    references = [reference(catalogue, name) for name in names]
    parts = [schema.empty_table()]
    for start in range(0, len(customer_ids), _READ_ROWS):
        ids = list(customer_ids[start : start + _READ_ROWS])
        answer = store.get_online_features(features=references, entity_rows={JOIN_KEY: ids})
        values = answer.to_dict(include_event_timestamps=True)
        columns = [
            pa.array(ids, pa.string()),
            *(pa.array(values[feast_name(name)], schema.field(name).type) for name in names),
            *(_instants(values[f"{feast_name(first)}__ts"]) for first in first_of_view.values()),
        ]
        parts.append(pa.table(columns, schema=schema))
    return pa.concat_tables(parts).combine_chunks()


def _instants(seconds: list[int]) -> pa.Array:
    """Return instants; Feast says 0 where it has no row of the customer."""
    given = pa.array(seconds, pa.int64())
    known = pc.if_else(pc.equal(given, 0), pa.scalar(None, pa.int64()), given)
    return known.cast(pa.timestamp("s", "UTC")).cast(INSTANT)
