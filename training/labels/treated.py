"""Who was treated while their label was open: what they did then is no answer to the question.

A risk asks what happens if nobody does anything. Outreach changes that for whom it reaches, so
their rows teach a model, or judge it, on another question.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import Accepted
from features.runner import collect
from features.workspace import Target, Workspace

_SCHEMA = pa.schema([("customer_id", pa.string()), ("as_of", pa.date32())])
_READS = ("customer_id", "sent_at", "arm")


def treated(
    workspace: Workspace, accepted: Accepted, target: Target, as_ofs: Sequence[date]
) -> pa.Table:
    """Name who was contacted between a date and the end of its label window.

    Returns
    -------
    customer_id, as_of; each pair once. Who was held out to measure is none of them.
    """
    if "contacts" not in accepted.tables or not as_ofs:
        return _SCHEMA.empty_table()
    windows = ", ".join(
        f"(DATE '{day}', {_naive(workspace.midnight(day))},"
        f" {_naive(target.matures_at(workspace.midnight(day)))})"
        for day in as_ofs
    )
    query = (
        "SELECT DISTINCT customer_id, as_of FROM contacts JOIN"
        f" (VALUES {windows}) AS windows(as_of, begins, ends)"
        " ON sent_at >= begins AND sent_at < ends"
        " WHERE coalesce(arm, 'treated') <> 'held_out'"
    )
    found = collect(accepted, query, {"contacts": _READS})
    parts = [part.cast(_SCHEMA) for _, part in found]
    return pa.concat_tables([_SCHEMA.empty_table(), *parts])


def untreated(labelled: pa.Table, touched: pa.Table) -> pa.Table:
    """Leave out the rows of whoever was treated.

    Parameters
    ----------
    labelled : customer_id, as_of and whatever else.
    touched : as `treated` gives it.

    Examples
    --------
    >>> from datetime import date
    >>> day = pa.array([date(2026, 1, 1)] * 2, pa.date32())
    >>> rows = pa.table({"customer_id": ["a", "b"], "as_of": day})
    >>> untreated(rows, rows.slice(0, 1)).to_pydict()["customer_id"]
    ['b']
    """
    if touched.num_rows == 0:
        return labelled
    marked = touched.append_column("treated", pa.repeat(pa.scalar(value=True), len(touched)))
    order = pa.array(range(len(labelled)), pa.int64())
    joined = labelled.append_column("_order", order).join(marked, ["customer_id", "as_of"])
    left = joined.filter(pc.is_null(joined["treated"])).sort_by("_order")
    return left.select(labelled.column_names)


def _naive(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
