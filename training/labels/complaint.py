"""Complaints: an interaction of one of the kinds the target names."""

import ibis

from training.labels.lapse import active_since, purchases
from training.labels.question import Question, answered


def active_customers(question: Question) -> ibis.Table:
    """Find customers whose last order or interaction, as seen at ``as_of``, is recent enough."""
    times = [_times_seen(question, name) for name in ("orders", "interactions")]
    present = [table for table in times if table is not None]
    return active_since(ibis.union(*present) if len(present) > 1 else present[0], question)


def _times_seen(question: Question, name: str) -> ibis.Table | None:
    if name not in question.tables:
        return None
    rows = question.seen(name)
    return (purchases(rows) if name == "orders" else rows).select("customer_id", "occurred_at")


def complained(population: ibis.Table, question: Question) -> ibis.Table:
    """Will this customer complain within ``horizon_days`` of ``as_of + lead_days``?

    Yes when an interaction of one of the target's kinds happened in the window. The kind is the
    one known by now: a case that turns bad later counts at the time it was opened.
    """  # noqa: D400 - a label is a question
    rows = question.known("interactions")
    voiced = rows.filter(rows.kind.isin(question.target.kinds), question.happened(rows.occurred_at))
    return answered(population, voiced, yes_when_found=True)
