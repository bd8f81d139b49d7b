"""The online store held open: features of single customers read and pushed, newer ones never lost.

Feast lets an older row overwrite a newer one; here what is pushed is compared with what is there,
while nobody else writes.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from features.catalogue import Catalogue
from features.feature_store.online import PUSH, TIME_OF, read_online, write_rows
from features.feature_store.registry import (
    EVENT_TIME,
    JOIN_KEY,
    alone,
    feast_folder,
    open_store,
)
from features.tables import INSTANT
from features.workspace import Workspace


class OnlineFeatures:
    """Features of a workspace's customers, now."""

    def __init__(self, workspace: Workspace, catalogue: Catalogue) -> None:
        """Open the store."""
        self._workspace, self._catalogue = workspace, catalogue
        self._store = open_store(workspace)
        self._views = {view.name: view for view in self._store.list_feature_views()}
        self._names = {
            name: [feature.name for feature in of_view]
            for name, of_view in catalogue.by_view().items()
        }

    def read(self, customer_ids: Sequence[str]) -> pa.Table:
        """Read all features of some customers, in the order asked.

        Returns
        -------
        customer_id, event_timestamp (the oldest of the views', null where one is missing), and the
        features.
        """
        names = list(self._catalogue.names)
        found = read_online(self._store, self._catalogue, customer_ids, names)
        # Arrow compares instants, but has no least of them.
        times = [
            found[name].cast(pa.int64()) for name in found.column_names if name.startswith(TIME_OF)
        ]
        oldest = pc.min_element_wise(*times, skip_nulls=False).cast(INSTANT)
        return found.select([JOIN_KEY, *names]).add_column(1, EVENT_TIME, oldest)

    def push(self, rows: pa.Table) -> int:
        """Write features of some customers, but for those that have newer ones; return how many.

        Parameters
        ----------
        rows : as snapshots have them.
        """
        with alone(self._workspace, PUSH):
            there = self.read(rows[JOIN_KEY].to_pylist())[EVENT_TIME]
            older = pc.less_equal(there, rows[EVENT_TIME].cast(INSTANT))
            fresh = rows.filter(pc.fill_null(older, fill_value=True)).combine_chunks()
            for name, view in self._views.items():
                write_rows(self._store, view, fresh, self._names[name])
        return int(fresh.num_rows)


def empty_online(workspace: Workspace) -> None:
    """Take everything out of the online store, wherever it lies; loading makes it anew."""
    store = open_store(workspace)
    views, entities = store.list_feature_views(), store.list_entities()
    provider = store.provider.online_store
    provider.teardown(store.config, views, entities)
    provider.update(store.config, [], views, entities, entities, partial=False)


def store_identity(workspace: Workspace) -> str:
    """Return what changes when the file of the embedded store is another one, or is gone."""
    path = feast_folder(workspace) / "online.db"
    if workspace.online_store or not path.is_file():
        return "elsewhere" if workspace.online_store else "gone"
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}"
