"""Churn of a business with contracts: the last one ends and none follows.

A contract runs in ``[starts_at, end)``. Its end is ``cancelled_at`` where given, else ``ends_at``,
else it has none. A contract that ends at or before its start never ran and counts for nothing.
"""

from datetime import UTC, datetime

import ibis

from features.point_in_time import instant
from training.labels.question import Question, answered

#: Stands for "no end", so that ends can be compared; far beyond any real one.
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def under_contract(question: Question) -> ibis.Table:
    """Find customers with a contract running at ``as_of``, by what was visible then.

    A cancellation counts from the moment it is past and known; one at or after ``as_of`` reads as
    not given, so that the agreed end decides.
    """
    contracts = _with_end(question.seen("contracts"))
    running = contracts.filter(contracts.ended_at > instant(question.as_of))
    return running.select("customer_id").distinct()


def contract_ended(population: ibis.Table, question: Question) -> ibis.Table:
    """Will this customer's contracts end, with none to follow, within the horizon?

    Yes when an end ``e`` of one of the customer's contracts lies in the window, and no other
    contract of the customer carries on: none that starts at or before ``e + grace_days`` and ends
    after ``e`` (or never). In other words

    - of several contracts running together only the last end counts, and two that end at one
      instant are one end;
    - a renewal, by a later agreed end of the same contract or by a new contract, is no end, if the
      new one starts within the days of grace, both ends of which belong to them;
    - who comes back after the days of grace had left, even when still within the window;
    - an open-ended contract ends only by its cancellation;
    - who left before the window opened (in the lead days, or by a cancellation known only after
      ``as_of``) does not leave in it.

    All by what is known now; a cancellation that still lies ahead is not yet one.
    """  # noqa: D400 - a label is a question
    contracts = question.known("contracts")
    past = contracts.cancelled_at <= instant(question.data_until)
    ran = _with_end(contracts.mutate(cancelled_at=past.ifelse(contracts.cancelled_at, None)))
    ends = ran.filter(question.happened(ran.ended_at)).select("customer_id", "ended_at")
    others = ran.view()
    carried_on = [
        ends.customer_id == others.customer_id,
        others.ended_at > ends.ended_at,
        others.starts_at <= ends.ended_at + ibis.interval(days=question.target.grace_days),
    ]
    return answered(population, ends.anti_join(others, carried_on), yes_when_found=True)


def _with_end(contracts: ibis.Table) -> ibis.Table:
    ended_at = ibis.coalesce(contracts.cancelled_at, contracts.ends_at, instant(_NEVER))
    timed = contracts.select("customer_id", "starts_at", ended_at=ended_at)
    return timed.filter(timed.ended_at > timed.starts_at)
