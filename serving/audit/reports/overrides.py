"""Contacts that were made otherwise than decided, as their reports show."""

from collections.abc import Sequence
from datetime import date

import duckdb
import pyarrow as pa

from features.accepted import open_accepted, read_bucket
from features.errors import NotReady
from features.workspace import Workspace
from serving.earlier_lists import open_list

_LISTED = ("decision_id", "decision", "action", "channel")
_QUERY = """
SELECT day, concat_ws(' ', decision, listed.action, listed.channel) AS decided,
       concat_ws(' ', sent.action, sent.channel) AS done, count(*) AS customers
FROM listed JOIN sent USING (decision_id)
WHERE decision NOT IN ('contact', 'human_review')
   OR listed.action IS DISTINCT FROM sent.action OR listed.channel IS DISTINCT FROM sent.channel
GROUP BY ALL ORDER BY ALL
"""


def overrides(workspace: Workspace, days: Sequence[date]) -> list[tuple[str, str, str, int]]:
    """Compare what was decided on some nights with the contacts reported for it.

    Returns
    -------
    rows : night, decided, done, number of customers; none where no contacts were reported.
    """
    lists = [found for day in days if (found := open_list(workspace.lists, day))]
    try:
        accepted = open_accepted(workspace)
    except NotReady:
        return []
    if not lists or "decision_id" not in getattr(accepted.tables.get("contacts"), "mapped", ()):
        return []
    listed = pa.concat_tables(
        [
            one.rows(_LISTED).append_column(
                "day", pa.repeat(one.as_of.isoformat(), one.rows(_LISTED).num_rows)
            )
            for one in lists
        ]
    )
    names = ("decision_id", "action", "channel")
    parts = [read_bucket(accepted, "contacts", n, names) for n in range(accepted.buckets)]
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("listed", listed)
        connection.register("sent", pa.concat_tables(parts))
        return [tuple(row) for row in connection.execute(_QUERY).fetchall()]
