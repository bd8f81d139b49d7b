"""Customers whose features are newer than a snapshot: loading it leaves them as they are."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from features.feature_store.registry import JOIN_KEY
from features.received.log import ReceivedLog, log_file
from features.workspace import Workspace


@dataclass(frozen=True)
class Newer:
    """Customers of whom something came in that a snapshot does not have."""

    workspace: Workspace
    received: int
    instant: datetime

    def without(self, table: pa.Table) -> pa.Table:
        """Leave them out of some rows, whoever they are by now."""
        if not log_file(self.workspace).is_file():
            return table
        with closing(ReceivedLog(self.workspace)) as log:
            found = log.customers(self.received, self.instant)
        among = pc.is_in(table[JOIN_KEY], value_set=pa.array(list(found), pa.string()))
        return table.filter(pc.invert(among)).combine_chunks()
