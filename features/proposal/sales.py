"""Proposed orders, and the cancellations among them as complaints."""

from collections.abc import Sequence
from dataclasses import dataclass

from features.proposal.columns import Ask, Column, text_literal
from features.proposal.mapping import Mapping, id_sql, name_sql, number_sql, text_sql
from features.proposal.roles import find, find_id, is_number, is_text, is_time
from features.proposal.shapes import Shape

_BACK = ("cancelled", "canceled", "returned", "refunded", "cancel", "refund", "return")


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """How rows that take an order back are told from the others."""

    sql: str
    kept: str
    words: str


def map_orders(shape: Shape, asked: Ask) -> list[Mapping]:
    """Propose orders; where rows cancel orders, also interactions that stand for complaints.

    Parameters
    ----------
    asked : a function that runs `SELECT ...` over the look and returns the first row.
    """
    look, columns = shape.look, shape.look.columns
    orders = Mapping(table="orders", look=look)
    if shape.customer is None:
        return []
    orders.put_customer(shape.customer)
    when = find(columns, "ordered_at", is_time)
    when = when or next((column for column in columns if column.is_time), None)
    orders.put_time("ordered_at", when)
    order = find_id([c for c in columns if c is not shape.customer and not c.is_time], "order_id")
    orders.put("order_id", order, id_sql)
    amount = _put_amount(orders)
    orders.put_texts("category", "channel")
    cancelled = _cancelled(orders, order, amount, asked)
    mappings = [orders]
    if cancelled:
        mappings.append(_complaints(orders, shape, order, cancelled))
        orders.where.append(cancelled.kept)
    if shape.guessed_customer:
        doubt = f"`{shape.customer.name}` is a guess: is it the customer?"
        orders.doubts["customer_id"] = doubt
    orders.where = [*_positive(amount), *orders.where]
    return mappings


def _put_amount(orders: Mapping) -> Sequence[Column]:
    """Map the amount: quantity times price, an amount, a price, or one a row."""
    columns, used = orders.look.columns, orders.used
    quantity = find(columns, "quantity", is_number, taken=used)
    price = find(columns, "unit_price", is_number, taken=used)
    whole = find(columns, "amount", is_number, taken={*used, *([price.name] if price else [])})
    orders.put("quantity", quantity, number_sql)
    if whole and whole is not quantity:
        orders.put("amount", whole, number_sql)
        return [c for c in (whole, quantity) if c]
    if quantity and price:
        orders.columns["amount"] = f"{number_sql(quantity)} * {number_sql(price)}"
        orders.used.add(price.name)
        return [quantity, price]
    if price:
        doubt = f"`{price.name}` is taken as the value of a row"
        orders.put("amount", price, number_sql, doubt)
        return [price]
    orders.columns["amount"] = number_sql(quantity) if quantity else "1"
    unit = "a number of pieces" if quantity else "1 a row"
    orders.doubts["amount"] = f"no column holds money: the amount is {unit}, not a value"
    return [quantity] if quantity else []


def _positive(amounts: Sequence[Column]) -> list[str]:
    return [
        f"{number_sql(column)} > 0"
        for column in amounts
        if column.lowest is not None and column.lowest < 0
    ]


def _cancelled(
    orders: Mapping, order: Column | None, amounts: Sequence[Column], asked: Ask
) -> Cancelled | None:
    """Find how orders are taken back: a letter before the number, or a status."""
    status = find(orders.look.columns, "status", is_text, taken=orders.used)
    back = [v for v in (status.values if status else ()) if v.lower() in _BACK]
    if status and back:
        among = f"{name_sql(status)} IN ({', '.join(map(text_literal, back))})"
        return Cancelled(sql=among, kept=f"NOT ({among})", words=f"`{status.name}` says so")
    negative = next((c for c in amounts if c.lowest is not None and c.lowest < 0), None)
    if order is None or order.kind != "text" or negative is None:
        return None
    name, sign = name_sql(order), f"{number_sql(negative)} < 0"
    found = asked(
        f"""arg_max(letter, rows)
        FROM (SELECT left({name}, 1) AS letter, count(*) AS rows, avg(({sign})::INT) AS negative
        FROM {{source}} GROUP BY 1)
        WHERE regexp_full_match(letter, '[A-Za-z]') AND negative > 0.9"""
    )
    if found is None or found[0] is None:
        return None
    letter = found[0]
    like = f"{name} LIKE '{letter}%'"
    words = f"`{order.name}` starts with {letter}"
    return Cancelled(sql=like, kept=f"{name} NOT LIKE '{letter}%'", words=words)


def _complaints(
    orders: Mapping, shape: Shape, order: Column | None, cancelled: Cancelled
) -> Mapping:
    found = Mapping(table="interactions", look=shape.look)
    found.columns = {
        # Files that overlap hold a cancellation twice: its number makes one case of it.
        **({"interaction_id": id_sql(order)} if order else {}),
        "customer_id": orders.columns["customer_id"],
        "occurred_at": orders.columns["ordered_at"],
        "kind": "'complaint'",
    }
    topic = find(shape.look.columns, "category", is_text)
    found.put("topic", topic, text_sql)
    found.where = [cancelled.sql, *orders.where]
    found.doubts["kind"] = f"a cancellation ({cancelled.words}) stands for a complaint"
    return found
