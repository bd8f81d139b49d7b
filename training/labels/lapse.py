"""Churn of a business without contracts: the customer buys nothing for a while."""

from datetime import timedelta

import ibis

from features.point_in_time import instant
from training.labels.question import Question, answered


def purchases(lines: ibis.Table) -> ibis.Table:
    """Make orders of lines: returns left out, an order placed at its earliest line.

    Returns
    -------
    customer_id, order_id, occurred_at: one row for each order of a customer.
    """
    bought = lines.filter(~lines.is_return.fill_null(False))  # noqa: FBT003 - Ibis takes the value alone
    return bought.group_by("customer_id", "order_id").agg(occurred_at=bought.ordered_at.min())


def active_since(times: ibis.Table, question: Question) -> ibis.Table:
    """Keep customers with a time in ``[as_of - active_within_days, as_of)``.

    ``times`` has customer_id and occurred_at, and holds only rows seen at ``as_of``.
    """
    since = question.as_of - timedelta(days=question.target.active_within_days)
    return times.filter(times.occurred_at >= instant(since)).select("customer_id").distinct()


def active_buyers(question: Question) -> ibis.Table:
    """Find customers whose last order, as seen at ``as_of``, is at most the active days old."""
    return active_since(purchases(question.seen("orders")), question)


def lapsed(population: ibis.Table, question: Question) -> ibis.Table:
    """Will this customer buy nothing in the ``horizon_days`` from ``as_of + lead_days``?

    Yes when no order was placed in the window. Orders are as `purchases` makes them of the lines
    known by now: one begun before the window and completed in it was placed before it.
    """  # noqa: D400 - a label is a question
    orders = purchases(question.known("orders"))
    placed = orders.filter(question.happened(orders.occurred_at))
    return answered(population, placed, yes_when_found=False)
