"""What a decision is made from besides the policy: customers, earlier contacts, the instant.

Everything is a plain table; a table that is not given has no rows. Customers are kept in the order
of their ids, so that the order they came in changes nothing.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

INSTANT = pa.timestamp("us", tz="UTC")
#: Earlier contacts and reservations, as `decisions_before.settle` gives them.
BEFORE = pa.schema(
    [
        ("customer_id", pa.string()),
        ("action", pa.string()),
        ("channel", pa.string()),
        ("owner", pa.string()),
        ("at", INSTANT),
        ("state", pa.string()),
        ("reserved_until", INSTANT),
        ("cost", pa.float64()),
        ("decision_id", pa.string()),
    ]
)
#: Past sends and answers by local hour, as `channel_fit` reads them.
RESPONSES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("channel", pa.string()),
        ("hour", pa.int64()),
        ("sent", pa.int64()),
        ("answered", pa.int64()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known at the instant of a decision.

    Attributes
    ----------
    customers : one row a customer: `customer_id`; risks (`churn_risk`, `complaint_risk`, where
        known their `_low` and `_high`); `amount_total_365d`, `price_total`; descriptors and
        whatever the policy reads; `consent_<channel>` (false: denied; null: never asked; no such
        column: not checked), `do_not_contact`.
    as_of : the instant decided for.
    before : earlier contacts and reservations (`BEFORE`).
    responses : past sends and answers (`RESPONSES`).
    time_zone : of customers who have none of their own.
    """

    customers: pa.Table
    as_of: datetime
    before: pa.Table = field(default_factory=BEFORE.empty_table)
    responses: pa.Table = field(default_factory=RESPONSES.empty_table)
    time_zone: str = "UTC"

    def in_order(self) -> "Situation":
        """Put customers in the order of their ids."""
        return replace(self, customers=self.customers.sort_by("customer_id").combine_chunks())

    def __len__(self) -> int:
        """Count the customers."""
        return int(self.customers.num_rows)

    def texts(self, name: str) -> pa.ChunkedArray:
        """Return a text column; nulls where there is none."""
        if name in self.customers.column_names:
            return self.customers[name].cast(pa.string())
        return pa.chunked_array([pa.nulls(len(self), pa.string())])

    @cached_property
    def standing(self) -> pa.Table:
        """Contacts made, and decided ones that may still be made."""
        held = pc.is_in(self.before["state"], value_set=pa.array(["sent", "reserved"]))
        return self.before.filter(held)

    @cached_property
    def _place(self) -> NDArray[np.int64]:
        """Row of the customer of each standing contact; -1 for who is not listed."""
        ids = self.customers["customer_id"].combine_chunks()
        found = pc.index_in(self.standing["customer_id"], value_set=ids)
        return pc.fill_null(found, -1).to_numpy().astype(np.int64)

    def within(self, span: timedelta, **kept: str) -> NDArray[np.bool_]:
        """Tell which standing contacts count in the window that ends now.

        The window is half open, (as_of - span, as_of]: rolling hours, not calendar days. What is
        reserved counts in every window, since it may be sent at any moment.
        """
        since = pa.scalar(self.as_of - span, INSTANT)
        counts = pc.or_(
            pc.equal(self.standing["state"], "reserved"), pc.greater(self.standing["at"], since)
        )
        for name, value in kept.items():
            counts = pc.and_(counts, pc.equal(self.standing[name], value))
        return np.asarray(pc.fill_null(counts, fill_value=False).to_numpy(), dtype=bool)

    def count(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Count chosen standing contacts by customer."""
        place = self._place[chosen & (self._place >= 0)]
        return np.bincount(place, minlength=len(self))
