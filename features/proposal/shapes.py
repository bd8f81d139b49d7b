"""What the rows of each look are about: which table of the contract they could fill."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from features.proposal.columns import Column, Look
from features.proposal.roles import (
    CHURN_WORDS,
    CONTRACT_WORDS,
    ID_WORDS,
    SERVICE_WORDS,
    find,
    find_customer,
    find_id,
    find_target,
    is_number,
    is_text,
    is_time,
    speaks_of,
)

Table = Literal[
    "orders",
    "interactions",
    "contracts",
    "customers",
    "profiles",
    "outcomes",
    "contacts",
    "unknown",
]
SUBJECTS = ("orders", "interactions", "contracts")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A look, the table it could fill, and the column that names the customer.

    ``alias_of`` is the shape in which `customer` is the id of something that belongs to a customer.
    """

    look: Look
    table: Table
    customer: Column | None
    alias_of: "Shape | None" = None
    guessed_customer: bool = False


def shapes_of(looks: Sequence[Look]) -> tuple[Shape, ...]:
    """Decide what each look is about, knowing the others."""
    first = [_shape(look) for look in looks]
    linked = [_linked(shape, first) for shape in first]
    has_subject = any(shape.table in SUBJECTS for shape in linked)
    wrong, right = ("profiles", "customers") if has_subject else ("customers", "profiles")
    return tuple(
        Shape(look=s.look, table=right, customer=s.customer)  # type: ignore[arg-type]
        if s.table == wrong
        else s
        for s in linked
    )


def _shape(look: Look) -> Shape:
    customer = find_customer(look)
    table = _table(look, customer)
    if customer is None and table == "orders":
        guess = _any_id(look)
        return Shape(look=look, table=table, customer=guess, guessed_customer=guess is not None)
    return Shape(look=look, table=table, customer=customer)


def _table(look: Look, customer: Column | None) -> Table:
    columns = look.columns
    times = [column for column in columns if column.is_time]
    one_row_each = customer is None or customer.is_unique
    starts = find(columns, "starts_at", is_time)
    if customer and times and _tells_leaving(look, times):
        return "outcomes"
    if customer and starts and (find_id(columns, "contract_id") or speaks_of(look, CONTRACT_WORDS)):
        return "contracts"
    if find(columns, "sent_at", is_time) and find(columns, "action", is_text):
        return "contacts"
    if not times or (customer and one_row_each and not _is_log(look)):
        return "profiles" if not times or find_target(look) else "customers"
    if speaks_of(look, SERVICE_WORDS) and not _has_prices(look):
        return "interactions"
    return "orders"


def _tells_leaving(look: Look, times: Sequence[Column]) -> bool:
    """Tell whether each row is somebody leaving: the file says so, or its only time does."""
    file = any(word in CHURN_WORDS for word in look.words)
    return file and any(set(c.words) & CHURN_WORDS or len(times) == 1 for c in times)


def _is_log(look: Look) -> bool:
    return find_id(look.columns, "order_id") is not None or speaks_of(look, SERVICE_WORDS)


def _has_prices(look: Look) -> bool:
    return any(find(look.columns, role, is_number) for role in ("unit_price", "quantity"))


def _any_id(look: Look) -> Column | None:
    """Take a column that is called an id and repeats, where none is called a customer's."""
    repeated = [
        column
        for column in look.columns
        if column.kind in ("text", "integer")
        and ID_WORDS & set(column.words)
        and 1 < column.distinct < column.filled
    ]
    return max(repeated, key=lambda column: column.distinct, default=None)


def _linked(shape: Shape, others: Sequence[Shape]) -> Shape:
    """Give rows without a customer the id of a contract that has one."""
    if shape.customer is not None and not shape.guessed_customer:
        return shape
    for other in others:
        key = find_id(other.look.columns, "contract_id")
        if other is shape or other.customer is None or key is None or not key.is_unique:
            continue
        link = next((c for c in shape.look.columns if c.name == key.name), None)
        if link is not None:
            service = speaks_of(shape.look, SERVICE_WORDS)
            table: Table = "interactions" if service else shape.table
            return Shape(look=shape.look, table=table, customer=link, alias_of=other)
    return shape
