"""How customers answered what was sent to them: by channel and hour of their own day, and lastly.

Read from the accepted contacts as they were known at an instant; whoever was held out was sent
nothing, so nothing they did is an answer.
"""

from datetime import datetime
from zoneinfo import available_timezones

import duckdb
import pyarrow as pa

from features.accepted import Accepted
from features.errors import BadInput
from features.expressions import check_expression
from features.runner import collect
from features.sql_words import literal
from features.tables import ARROW_TYPES, CONTACTS, CUSTOMERS
from serving.visible_rows import naive_instant, stored_columns, visible_people, visible_rows

ANSWERED = "outcome IS NOT NULL"
_RESPONSES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("channel", pa.string()),
        ("hour", pa.int64()),
        ("sent", pa.int64()),
        ("answered", pa.int64()),
    ]
)
_LAST = pa.schema(
    [
        ("customer_id", pa.string()),
        ("last_outcome", pa.string()),
        ("last_outcome_days", pa.float64()),
    ]
)
_NOT_HELD_OUT = "arm IS DISTINCT FROM 'held_out'"


def responses(
    accepted: Accepted,
    as_of: datetime,
    time_zone: str,
    since: datetime,
    answered: str = ANSWERED,
) -> pa.Table:
    """Count what was sent to each customer and answered, by channel and local hour.

    Parameters
    ----------
    as_of : nothing sent or answered at or after it is read.
    time_zone : of customers whose `local_time_zone` is missing or no IANA name.
    since : first instant of sending that counts.
    answered : condition in SQL over the columns of the contract's `contacts`, whose times are naive
        UTC; one that cannot be computed for a row is no answer.

    Returns
    -------
    customer_id, channel, hour (0 to 23), sent, answered; sorted by the first three. No rows where
    no contacts were accepted.

    Raises
    ------
    BadInput : `answered` is no condition over those columns.
    """
    _check(answered)
    if CONTACTS.name not in accepted.tables:
        return _RESPONSES.empty_table()
    tables = {CONTACTS.name: stored_columns(CONTACTS.name)}
    people = "SELECT NULL::VARCHAR AS customer_id, NULL::VARCHAR AS local_time_zone"
    if CUSTOMERS.name in accepted.tables:
        tables[CUSTOMERS.name] = stored_columns(CUSTOMERS.name)
        people = visible_people(as_of)
    query = f"""
        WITH seen AS ({visible_rows(CONTACTS.name, as_of)}),
        people AS ({people}),
        sent AS (
            SELECT customer_id, channel, {_local("sent_at", time_zone)} AS local_at,
                coalesce(TRY(({answered}
                )), FALSE) AS was_answered
            FROM seen LEFT JOIN people USING (customer_id)
            WHERE sent_at >= {naive_instant(since)} AND {_NOT_HELD_OUT})
        SELECT customer_id, channel, hour(local_at) AS hour, count(*) AS sent,
            count(*) FILTER (was_answered) AS answered
        FROM sent GROUP BY ALL"""
    found = collect(accepted, query, tables)
    counted = pa.concat_tables([part.cast(_RESPONSES) for _, part in found])
    return counted.sort_by([(name, "ascending") for name in ("customer_id", "channel", "hour")])


def last_outcomes(accepted: Accepted, as_of: datetime) -> pa.Table:
    """Find each customer's last answer, and how long ago it came.

    Returns
    -------
    customer_id, last_outcome, last_outcome_days: exact days from when the answer came (when the
    contact was sent, where that is not known) to `as_of`; sorted by customer_id. Only customers
    who ever answered.
    """
    if CONTACTS.name not in accepted.tables:
        return _LAST.empty_table()
    query = f"""
        WITH answered AS (
            SELECT customer_id, outcome, coalesce(outcome_at, sent_at) AS answered_at, sent_at,
                contact_id
            FROM ({visible_rows(CONTACTS.name, as_of)})
            WHERE outcome IS NOT NULL AND {_NOT_HELD_OUT})
        SELECT customer_id, outcome AS last_outcome,
            (epoch_us({naive_instant(as_of)}) - epoch_us(answered_at)) / 86400e6
                AS last_outcome_days
        FROM answered
        QUALIFY row_number() OVER (PARTITION BY customer_id
            ORDER BY answered_at DESC, sent_at DESC, contact_id DESC) = 1"""
    found = collect(accepted, query, {CONTACTS.name: stored_columns(CONTACTS.name)})
    return pa.concat_tables([part.cast(_LAST) for _, part in found]).sort_by("customer_id")


def _local(instant: str, time_zone: str) -> str:
    """Return SQL for what the customer's clock shows; without one, the workspace's."""
    known = ", ".join(literal(name) for name in sorted(available_timezones()))
    moment = f"timezone('UTC', {instant})"
    own = (
        f"CASE WHEN local_time_zone IN ({known}) THEN TRY(timezone(local_time_zone, {moment})) END"
    )
    return f"coalesce({own}, timezone({literal(time_zone)}, {moment}))"


def _check(answered: str) -> None:
    """Refuse what is no condition over the contract's columns."""
    where = "answered"
    check_expression(answered, columns=CONTACTS.names, where=where)
    types = pa.schema([(column.name, ARROW_TYPES[column.type]) for column in CONTACTS.columns])
    naive = [
        pa.field(f.name, pa.timestamp("us")) if pa.types.is_timestamp(f.type) else f for f in types
    ]
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("contacts", pa.schema(naive).empty_table())
        try:
            described = connection.execute(
                f"DESCRIBE SELECT ({answered}\n) FROM contacts"
            ).fetchall()
        except duckdb.Error as error:
            words = str(error).split("\n")[0].partition(": ")[2].rstrip(".")
            raise _no_condition(where, f"`{answered}` does not fit the columns: {words}") from error
    kind = described[0][1]
    if kind != "BOOLEAN":
        raise _no_condition(where, f"`{answered}` gives {kind}, which is neither true nor false")


def _no_condition(where: str, problem: str) -> BadInput:
    return BadInput(
        where,
        problem,
        "a condition over the columns of `contacts`, as in `outcome = 'reached'`",
        "correct the condition",
    )
