"""Labels the user already has: rows that say who churned or complained, and when."""

import ibis

from training.labels.complaint import active_customers
from training.labels.contract import under_contract
from training.labels.lapse import active_buyers
from training.labels.question import Question, answered


def without_outcome(question: Question) -> ibis.Table:
    """Find customers who may still have the outcome, as seen at ``as_of``.

    Everyone with a profile, or in the population the target would have without outcomes (churn:
    active buyers and those under contract, else active customers; complaint: active customers,
    else those under contract), less those who have already had the outcome. These are left out
    whatever comes later: one row in the past must not tell that another one follows.
    """
    everyone = _active(question)
    if "profiles" in question.tables:
        everyone.append(question.seen("profiles").select("customer_id").distinct())
    together = ibis.union(*everyone, distinct=True) if len(everyone) > 1 else everyone[0]
    return _less(together, question.seen("outcomes"), question)


def still_open(population: ibis.Table, question: Question) -> ibis.Table:
    """Leave out customers known by now to have the outcome, before or after ``as_of``."""
    return _less(population, question.known("outcomes"), question)


def _less(customers: ibis.Table, outcomes: ibis.Table, question: Question) -> ibis.Table:
    had = outcomes.filter(outcomes.outcome == question.target.name)
    return customers.anti_join(had, "customer_id")


def _active(question: Question) -> list[ibis.Table]:
    tables = question.tables
    contracts = [under_contract(question)] if "contracts" in tables else []
    if question.target.name == "churn":
        owners = contracts + ([active_buyers(question)] if "orders" in tables else [])
        return owners or _coming(question)
    return _coming(question) or contracts


def _coming(question: Question) -> list[ibis.Table]:
    if "orders" in question.tables or "interactions" in question.tables:
        return [active_customers(question)]
    return []


def had_outcome(population: ibis.Table, question: Question) -> ibis.Table:
    """Will the user's own records say churn (or complaint) of this customer in the window?"""  # noqa: D400 - a label is a question
    rows = question.known("outcomes")
    had = rows.filter(rows.outcome == question.target.name, question.happened(rows.occurred_at))
    return answered(population, had, yes_when_found=True)
