"""Small policies and customers, written by hand, for tests of decisions."""

from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pyarrow as pa

from proactive_rules.decide import Decided, decide
from proactive_rules.policy.columns import Columns
from proactive_rules.policy.file import read_policy
from proactive_rules.policy.records import Policy
from proactive_rules.situation import BEFORE, RESPONSES, Situation

#: A Wednesday, midnight.
AS_OF = datetime(2026, 3, 4, tzinfo=UTC)
TEXTS = ("segment", "region", "language", "preferred_channel", "local_time_zone", "lifecycle_stage")
NUMBERS = (
    "churn_risk", "churn_risk_low", "churn_risk_high", "complaint_risk", "complaint_risk_low",
    "complaint_risk_high", "amount_total_365d", "price_total", "recency_days", "open_cases_count",
)  # fmt: skip
COLUMNS = Columns(numbers=frozenset(NUMBERS), texts=frozenset(TEXTS))

#: One action that lowers churn by half for 1.00, by mail; nobody is held out.
WRITE = """
- name: write
  purpose: marketing
  for: churn
  channel: email
  cost: 1.00
  effect: {declared: -0.50}
  owner: marketing
  due_in: 72h
  say: {en: "Likely to leave", zh: "可能流失"}
  playbook: {en: "Write.", zh: "去信。"}
"""
#: One that lowers complaints by half for 4.00, by phone or mail.
CALL = """
- name: call
  purpose: service
  for: complaint
  channel: [email, phone]
  cost: {email: 1.00, phone: 4.00}
  handle_minutes: {phone: 30, email: 6}
  effect: {declared: -0.50}
  owner: care
  due_in: 24h
  say: {en: "Likely to complain", zh: "可能投诉"}
  playbook: {en: "Call.", zh: "致电。"}
"""


def policy(*actions: str, more: str = "", **changed: str) -> Policy:
    """Read a policy of some actions; `changed` replaces or adds single keys of the first one."""
    texts = [dedent(action).strip("\n") for action in (actions or (WRITE,))]
    for name, value in changed.items():
        key = "for" if name == "lowers" else name
        lines = texts[0].replace("- name:", "-\n  name:").split("\n")
        kept = [line for line in lines if not line.startswith(f"  {key}:")]
        texts[0] = "\n".join([*kept, f"  {key}: {value}"])
    text = "version: 1\n" + dedent(more) + "\nactions:\n" + "\n".join(texts) + "\n"
    return read_policy(text.encode(), columns=COLUMNS)


def customers(**columns: list) -> pa.Table:
    """Build customers named a, b, c...; risks and amounts are floats, null as None."""
    length = len(next(iter(columns.values())))
    table = {"customer_id": pa.array([chr(97 + place) for place in range(length)])}
    for name in (*TEXTS, *NUMBERS):
        kind = pa.string() if name in TEXTS else pa.float64()
        table[name] = pa.array(columns.pop(name, [None] * length), kind)
    for name, values in columns.items():
        table[name] = pa.array(values)
    return pa.table(table)


def before(*rows: dict) -> pa.Table:
    """Build earlier contacts; what is not said is a sent mail."""
    usual = {"action": "write", "channel": "email", "owner": "marketing", "state": "sent"}
    full = [{**dict.fromkeys(BEFORE.names), **usual, **row} for row in rows]
    return pa.Table.from_pylist(full, schema=BEFORE)


def responses(*rows: tuple) -> pa.Table:
    """Build past sends: customer, channel, hour, sent, answered."""
    return pa.Table.from_pylist(
        [dict(zip(RESPONSES.names, row, strict=True)) for row in rows], schema=RESPONSES
    )


def made(table: pa.Table, under: Policy, **more) -> Decided:
    """Decide for a table."""
    return decide(Situation(customers=table, **{"as_of": AS_OF, **more}), under)


def decided(table: pa.Table, under: Policy, **more) -> dict[str, dict]:
    """Decide, and index the rows by customer."""
    return {row["customer_id"]: row for row in made(table, under, **more).table.to_pylist()}


def hours(number: float) -> timedelta:
    """So many hours."""
    return timedelta(hours=number)
