"""The data contract: every input table, its columns, types, units and meaning, as data.

Ingest checks rows against it, `forestay check` prints it, the compute floor declares its Ibis
tables from it. It holds no code that touches data.

Every accepted table has, beside the columns below, ``known_at`` (when the row was known; its event
time where not mapped) and ``superseded_at`` (when the next version of the same id was known; null
while it is the newest). Both are instants, UTC, microseconds.
"""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

ColumnType = Literal["id", "text", "time", "number", "flag"]

INSTANT = pa.timestamp("us", tz="UTC")
#: Exact decimals: sums must not depend on the order of rows, nor on the engine.
NUMBER = pa.decimal128(18, 4)
ARROW_TYPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "text": pa.string(),
    "time": INSTANT,
    "number": NUMBER,
    "flag": pa.bool_(),
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the contract.

    ``known_with`` names the time column that makes this one known: at ``as_of`` it reads as null
    unless that time is given and before ``as_of`` (or not given at all).
    """

    name: str
    type: ColumnType
    meaning: str
    needed: bool = False
    unit: str = ""
    lowest: float | None = None
    highest: float | None = None
    one_of: tuple[str, ...] = ()
    known_with: str | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """One input table: its columns, the column that says when it happened, and its key.

    ``key`` are the columns that make two rows versions of one thing; where the first of them is
    not mapped the id is made from the row's position, so no two rows share it.
    """

    name: str
    meaning: str
    event_time: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError when the contract has none."""
        return {column.name: column for column in self.columns}[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in the order of the contract."""
        return tuple(column.name for column in self.columns)

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of the columns that must be mapped and filled."""
        return tuple(column.name for column in self.columns if column.needed)


def _c(name: str, type_: ColumnType, meaning: str, **more: object) -> Column:
    return Column(name=name, type=type_, meaning=meaning, **more)  # type: ignore[arg-type]


_CUSTOMER = _c("customer_id", "id", "the customer; stays text", needed=True)
_KNOWN = _c("known_at", "time", "when the row was known; its event time where not mapped")

ORDERS = Table(
    name="orders",
    meaning="lines of purchases; rows that share an order_id are one order at its earliest time",
    event_time="ordered_at",
    key=("line_id", "order_id"),
    columns=(
        _CUSTOMER,
        _c("ordered_at", "time", "when it was ordered", needed=True),
        _c("amount", "number", "value of the line", needed=True, unit="currency"),
        _c("order_id", "id", "the order; made from customer and time where not mapped"),
        _c("line_id", "id", "the line in its order; where mapped, lines may have versions"),
        _c("quantity", "number", "pieces", unit="count"),
        _c("category", "text", "kind of product"),
        _c("channel", "text", "where it was bought"),
        _c("is_return", "flag", "true where the line takes goods back"),
        _KNOWN,
    ),
)
INTERACTIONS = Table(
    name="interactions",
    meaning="complaints, contacts, surveys, usage, failures, or kinds of the user's own",
    event_time="occurred_at",
    key=("interaction_id",),
    columns=(
        _CUSTOMER,
        _c("occurred_at", "time", "when it happened", needed=True),
        _c("kind", "text", "complaint, contact, survey, usage, failure or another", needed=True),
        _c("interaction_id", "id", "the case; made from the row's position where not mapped"),
        _c("topic", "text", "what it was about"),
        _c("channel", "text", "how the customer came"),
        _c("region", "text", "where it happened"),
        _c("wait_minutes", "number", "time until somebody answered", unit="minutes", lowest=0),
        _c(
            "handle_minutes",
            "number",
            "work on the case",
            unit="minutes",
            lowest=0,
            known_with="resolved_at",
        ),
        _c("resolved_at", "time", "when the case was closed", known_with="resolved_at"),
        _c(
            "satisfaction",
            "number",
            "the customer's rating",
            unit="0 to 1",
            lowest=0,
            highest=1,
            known_with="resolved_at",
        ),
        _c(
            "sentiment",
            "number",
            "tone of the customer",
            unit="-1 to 1",
            lowest=-1,
            highest=1,
            known_with="resolved_at",
        ),
        _KNOWN,
    ),
)
CONTRACTS = Table(
    name="contracts",
    meaning="leases, subscriptions, policies",
    event_time="starts_at",
    key=("contract_id",),
    columns=(
        _c("contract_id", "id", "the contract", needed=True),
        _CUSTOMER,
        _c("starts_at", "time", "first instant of the contract", needed=True),
        _c("ends_at", "time", "agreed end; may lie ahead"),
        _c("cancelled_at", "time", "actual end", known_with="cancelled_at"),
        _c("price", "number", "price per month", unit="currency per month", lowest=0),
        _c("plan", "text", "name of the tariff"),
        _KNOWN,
    ),
)
CUSTOMERS = Table(
    name="customers",
    meaning="what is known of a customer today; it has no history",
    event_time="joined_at",
    key=("customer_id",),
    columns=(
        _CUSTOMER,
        _c("joined_at", "time", "when the customer was first known"),
        _c("region", "text", "region"),
        _c("segment", "text", "segment"),
        _c("language", "text", "language, as in en or zh"),
        _c("preferred_channel", "text", "channel the customer asked for"),
        _c("local_time_zone", "text", "IANA name; the workspace's where null"),
    ),
)
PROFILES = Table(
    name="profiles",
    meaning="ready-made features of the user's own, as observed at one time",
    event_time="observed_at",
    key=("customer_id", "observed_at"),
    columns=(
        _c("customer_id", "id", "the customer; made from the row's position where not mapped"),
        _c("observed_at", "time", "when the row was true", needed=True),
    ),
)
OUTCOMES = Table(
    name="outcomes",
    meaning="labels the user already has",
    event_time="occurred_at",
    key=("customer_id", "outcome", "occurred_at"),
    columns=(
        _c("customer_id", "id", "the customer; made from the row's position where not mapped"),
        _c("outcome", "text", "churn or complaint", needed=True, one_of=("churn", "complaint")),
        _c("occurred_at", "time", "when it happened", needed=True),
    ),
)
CONTACTS = Table(
    name="contacts",
    meaning="what was sent to customers, and how it was answered",
    event_time="sent_at",
    key=("contact_id",),
    columns=(
        _CUSTOMER,
        _c("sent_at", "time", "when it was sent", needed=True),
        _c("action", "text", "what was done", needed=True),
        _c("channel", "text", "through which channel", needed=True),
        _c("contact_id", "id", "the contact; made from the row's position where not mapped"),
        _c("decision_id", "id", "the decision it came from"),
        _c("arm", "text", "treated or held_out", one_of=("treated", "held_out")),
        _c("outcome", "text", "the answer", known_with="outcome_at"),
        _c("outcome_at", "time", "when the answer came", known_with="outcome_at"),
        _c("cost", "number", "what it cost", unit="currency", lowest=0),
    ),
)
CONSENTS = Table(
    name="consents",
    meaning="who agreed to be contacted, through which channel",
    event_time="changed_at",
    key=("customer_id", "channel", "changed_at"),
    columns=(
        _CUSTOMER,
        _c("channel", "text", "the channel", needed=True),
        _c("granted", "flag", "true where agreed", needed=True),
        _c("changed_at", "time", "since when", needed=True),
    ),
)
ALIASES = Table(
    name="aliases",
    meaning="ids that mean one customer: replaced in every table as of their known time",
    event_time="known_at",
    key=("alias",),
    columns=(
        _c("alias", "id", "the other id", needed=True),
        _c("customer_id", "id", "the customer it stands for", needed=True),
        _c("known_at", "time", "since when it is known; always where not mapped"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ORDERS,
        INTERACTIONS,
        CONTRACTS,
        CUSTOMERS,
        PROFILES,
        OUTCOMES,
        CONTACTS,
        CONSENTS,
        ALIASES,
    )
}
#: The latest event time in these is the workspace's present, unless ``data_until`` is set.
PRESENT_TABLES = ("orders", "interactions", "contracts", "contacts")
#: At least one of these is needed.
SUBJECT_TABLES = ("orders", "interactions", "contracts", "profiles")
