"""What became of the decisions of earlier nights, so that a place is held once and freed in time.

A decision to contact holds its place in caps, cooldowns and capacity until its due date and a grace
are over; the contact that carried it out makes it real, else the place is free again and the
decision counts as not done. Tables in, table out; no clock, no disk.
"""

from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa

from features.tables import INSTANT

#: Decisions somebody is to act upon; the others hold no place.
HOLDING = ("contact", "human_review")
SENT, RESERVED, NOT_DONE = "sent", "reserved", "not_done"

_NAIVE = pa.timestamp("us")
_TEXT = pa.string()
_DECIDED = {
    "decision_id": _TEXT, "customer_id": _TEXT, "decided_at": INSTANT, "decision": _TEXT,
    "action": _TEXT, "channel": _TEXT, "owner": _TEXT, "due_by": INSTANT, "cost": pa.float64(),
}  # fmt: skip
_CONTACTS = {
    "customer_id": _TEXT, "sent_at": INSTANT, "action": _TEXT, "channel": _TEXT,
    "decision_id": _TEXT, "arm": _TEXT, "outcome": _TEXT, "cost": pa.float64(),
}  # fmt: skip
#: Columns of the two tables `settle` takes.
DECIDED, CONTACTS = pa.schema(_DECIDED), pa.schema(_CONTACTS)
#: Columns of the table `settle` gives.
SETTLED = pa.schema(
    {
        "customer_id": _TEXT, "action": _TEXT, "channel": _TEXT, "owner": _TEXT, "at": INSTANT,
        "state": _TEXT, "reserved_until": INSTANT, "cost": pa.float64(), "decision_id": _TEXT,
    }
)  # fmt: skip


def settle(
    decided: pa.Table, contacts: pa.Table, as_of: datetime, reserve_for: timedelta
) -> pa.Table:
    """Match earlier decisions with what was sent, so that nothing counts twice.

    A contact that names a decision of its customer carries it out. One that names none carries out
    the customer's earliest open decision of the same action, decided by then and still held; its
    channel may differ. Each does so at most once, earliest first. A later contact that names a
    decision takes the place of the one it was only taken for; nothing else changes by it.

    Parameters
    ----------
    decided : decision_id (each once), customer_id, decided_at, decision, action, channel, owner,
        due_by, cost; in any order. Decisions to leave alone or hold out hold nothing.
    contacts : customer_id, sent_at, action, channel, decision_id, arm, outcome, cost; in any order.
        Those of the arm `held_out` were never sent.
    as_of : nothing decided or sent at or after it is read.
    reserve_for : how long after its due date (or after it was made, without one) a decision holds
        its place; the end itself is free.

    Returns
    -------
    customer_id, action, channel, owner, at, state, reserved_until, cost, decision_id; sorted by
    (customer_id, at, action, channel, decision_id). `sent`: a contact at its own time, through its
    own channel, at its own cost or else the decision's; decision_id and owner only where it carried
    out a decision. `reserved` and `not_done`: decisions nobody carried out.

    Examples
    --------
    >>> from datetime import UTC
    >>> day = datetime(2026, 9, 1, tzinfo=UTC)
    >>> plan = {"decision_id": "d", "customer_id": "c", "decided_at": day, "decision": "contact"}
    >>> more = {"action": "call", "channel": "phone", "owner": "care", "due_by": day, "cost": None}
    >>> decided = pa.Table.from_pylist([plan | more], schema=DECIDED)
    >>> for days in (1, 7):
    ...     later = day + timedelta(days=days)
    ...     settle(decided, CONTACTS.empty_table(), later, timedelta(days=7))["state"].to_pylist()
    ['reserved']
    ['not_done']
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("decided", _naive(decided, DECIDED))
        connection.register("contacts", _naive(contacts, CONTACTS))
        at = as_of.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
        grace = reserve_for // timedelta(microseconds=1)
        connection.execute(f"SET VARIABLE as_of = TIMESTAMP '{at}'")
        connection.execute(f"SET VARIABLE grace = to_microseconds({grace})")
        connection.execute(_NUMBERED)
        _match(connection)
        return connection.execute(_SETTLED).to_arrow_table().cast(SETTLED)


def _match(connection: duckdb.DuckDBPyConnection) -> None:
    """Match the pairs that are each other's first choice until no pair is left.

    The earliest contact and its earliest decision are such a pair, so every round ends some; the
    result is the one that going through the contacts in order would give.
    """
    while connection.execute("SELECT 1 FROM pairs LIMIT 1").fetchone():
        connection.execute(_FIRST_CHOICES)


def _naive(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Lay times down as naive UTC: engines then need no time zones."""
    chosen = table.select(schema.names).cast(schema)
    fields = [f.with_type(_NAIVE) if f.type == INSTANT else f for f in schema]
    return chosen.cast(pa.schema(fields))


_NUMBERED = f"""
CREATE TABLE decisions AS
SELECT *, coalesce(due_by, decided_at) + getvariable('grace') AS held_until,
  row_number() OVER (ORDER BY decided_at, customer_id, decision_id) AS number
FROM decided
WHERE decision IN {HOLDING} AND decided_at < getvariable('as_of');

CREATE TABLE sent AS
SELECT * REPLACE (nullif(trim(decision_id), '') AS decision_id),
  row_number() OVER (
    ORDER BY sent_at, customer_id, action, channel, decision_id, outcome, cost) AS number
FROM contacts
WHERE arm IS DISTINCT FROM 'held_out' AND sent_at < getvariable('as_of');

CREATE TABLE named AS
SELECT decisions.number AS decision, min(sent.number) AS contact
FROM decisions JOIN sent USING (decision_id, customer_id)
GROUP BY decisions.number;

-- A decision is open to a nameless contact until one that names it was sent: what is named later
-- must not set that contact free for another decision, which was long given up.
CREATE TABLE pairs AS
SELECT decisions.number AS decision, sent.number AS contact
FROM decisions
JOIN sent USING (customer_id, action)
LEFT JOIN named ON named.decision = decisions.number
WHERE sent.decision_id IS NULL
  AND sent.sent_at >= decided_at AND sent.sent_at < held_until
  AND (named.contact IS NULL OR named.contact > sent.number);

CREATE TABLE guessed (decision BIGINT, contact BIGINT);
"""

_FIRST_CHOICES = """
INSERT INTO guessed
SELECT decision, contact FROM pairs
QUALIFY row_number() OVER (PARTITION BY decision ORDER BY contact) = 1
  AND row_number() OVER (PARTITION BY contact ORDER BY decision) = 1;

DELETE FROM pairs
WHERE decision IN (SELECT decision FROM guessed) OR contact IN (SELECT contact FROM guessed);
"""

_SETTLED = f"""
WITH matched AS (
  FROM named UNION ALL
  SELECT * FROM guessed WHERE decision NOT IN (SELECT decision FROM named)
)
SELECT sent.customer_id, sent.action, sent.channel, decisions.owner, sent.sent_at AS "at",
  '{SENT}' AS state, NULL::TIMESTAMP AS reserved_until,
  coalesce(sent.cost, decisions.cost) AS cost, decisions.decision_id
FROM sent
LEFT JOIN matched ON matched.contact = sent.number
LEFT JOIN decisions ON decisions.number = matched.decision
UNION ALL
SELECT customer_id, action, channel, owner, decided_at,
  CASE WHEN getvariable('as_of') < held_until THEN '{RESERVED}' ELSE '{NOT_DONE}' END,
  held_until, cost, decision_id
FROM decisions
WHERE number NOT IN (SELECT decision FROM matched)
ORDER BY customer_id, "at", action, channel, decision_id, state, cost
"""
