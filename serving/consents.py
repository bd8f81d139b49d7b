"""Who agreed to be contacted through which channel, as of a date: the newest answer counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import Accepted

#: Who denies this channel wants to be left alone altogether.
EVERY_CHANNEL = "any"
_SCHEMA = pa.schema(
    [("customer_id", pa.string()), ("channel", pa.string()), ("granted", pa.bool_())]
)


def newest_consents(accepted: Accepted, as_of: datetime) -> Mapping[int, pa.Table] | None:
    """Read each customer's last visible answer per channel, by customer bucket.

    Returns
    -------
    customer_id, channel, granted by bucket; of two answers at one instant the denial. None where
    no consents are mapped: then nothing was checked, and the list says so.
    """
    if "consents" not in accepted.tables:
        return None
    from features.runner import collect

    found = collect(accepted, _query(as_of), ["consents"])
    return {bucket: table.cast(_SCHEMA) for bucket, table in found}


def consent_columns(
    customer_id: pa.ChunkedArray, answers: pa.Table | None, channels: Sequence[str]
) -> dict[str, pa.Array]:
    """Lay answers beside customers, one column a channel.

    Returns
    -------
    consent_<channel> : true granted, false denied, null never asked; no columns without answers.
    do_not_contact : true where the channel `any` was denied.
    """
    if answers is None:
        return {}
    columns = {f"consent_{name}": _answer(customer_id, answers, name) for name in channels}
    everything = _answer(customer_id, answers, EVERY_CHANNEL)
    return columns | {"do_not_contact": pc.fill_null(pc.invert(everything), fill_value=False)}


def _answer(customer_id: pa.ChunkedArray, answers: pa.Table, channel: str) -> pa.Array:
    given = answers.filter(pc.equal(answers["channel"], channel)).combine_chunks()
    place = pc.index_in(customer_id, value_set=pa.array(given["customer_id"], pa.string()))
    return pa.array(given["granted"], pa.bool_()).take(pa.array(place, pa.int32()))


def _query(as_of: datetime) -> str:
    import ibis

    from features.point_in_time import visible
    from features.tables import TABLES

    times = dict.fromkeys(("changed_at", "known_at", "superseded_at"), "timestamp(6)")
    rows = ibis.table(
        {"customer_id": "string", "channel": "string", "granted": "boolean", **times},
        name="consents",
    )
    newest_first = ibis.window(
        group_by=["customer_id", "channel"], order_by=[ibis.desc("changed_at"), "granted"]
    )
    placed = visible(rows, TABLES["consents"], as_of).mutate(
        place=ibis.row_number().over(newest_first)
    )
    newest = placed.filter(placed.place == 0).select("customer_id", "channel", "granted")
    return str(ibis.to_sql(newest.order_by("customer_id", "channel"), dialect="duckdb"))
