"""Labels and populations equal the slow oracle on any history."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.workspace import Target, Workspace
from tests.oracles import labels as oracle
from tests.oracles.accepted_by_hand import write_accepted
from training.labels import labels, population

#: The clocks change on 27 March: the days of a window are not those of the calendar.
WORKSPACE = Workspace(folder=Path(), name="any", sources={}, targets={}, time_zone="Europe/London")
AS_OFS = [date(2011, 3, 26), date(2011, 3, 30), date(2011, 4, 5)]
DATA_UNTIL = datetime(2011, 5, 1, tzinfo=UTC)
FEW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

#: Times lie on the edges of windows, or one microsecond beside them.
times = st.builds(
    lambda day, days, beside: WORKSPACE.midnight(day) + timedelta(days=days, microseconds=beside),
    st.sampled_from(AS_OFS),
    st.sampled_from([-30, -6, -2, 0, 2, 4, 6, 7, 8, 11]),
    st.sampled_from([-1, 0, 0, 0, 1]),
)
late = st.sampled_from([timedelta(0), timedelta(0), timedelta(days=3), timedelta(days=90)])
maybe_time = st.none() | times


def _row(when, known_after, superseded_after, **values):
    known_at = when + known_after
    superseded_at = None if superseded_after is None else known_at + superseded_after
    return values | {"known_at": known_at, "superseded_at": superseded_at}


def _rows(time_column, columns):
    return st.lists(
        st.builds(
            lambda when, known, gone, values: _row(
                when, known, gone, **{time_column: when}, **values
            ),
            times,
            late,
            st.sampled_from([None, None, timedelta(days=1), timedelta(days=20)]),
            st.fixed_dictionaries({"customer_id": st.sampled_from("abcdef")} | columns),
        ),
        min_size=25,  # below, ties at the edges are too rare to find anything
        max_size=40,
    )


orders = _rows(
    "ordered_at",
    {"order_id": st.sampled_from("123"), "is_return": st.sampled_from([None, False, False, True])},
)
interactions = _rows("occurred_at", {"kind": st.sampled_from(["complaint", "contact", "noise"])})
contracts = _rows(
    "starts_at",
    {"contract_id": st.sampled_from("pqr"), "ends_at": maybe_time, "cancelled_at": maybe_time},
)
profiles = _rows("observed_at", {})
outcomes = _rows("occurred_at", {"outcome": st.sampled_from(["churn", "complaint"])})


def _worlds(**tables):
    """Worlds with the needed tables, and each of the optional ones present or absent."""
    needed = {name.removesuffix("_"): rows for name, rows in tables.items() if name[-1] == "_"}
    optional = {name: rows for name, rows in tables.items() if name[-1] != "_"}
    return st.fixed_dictionaries(needed, optional=optional)


spans = st.fixed_dictionaries(
    {
        "horizon_days": st.sampled_from([2, 7]),
        "active_within_days": st.sampled_from([2, 6, 30]),
        "lead_days": st.sampled_from([0, 0, 4]),
        "grace_days": st.sampled_from([0, 4]),
    }
)
names = st.sampled_from(["churn", "complaint"])


def _same(folder, world, target):
    """Claim that the fast path and the oracle name the same customers and give the same answers."""
    accepted = write_accepted(folder, world, data_until=DATA_UNTIL)
    days = {WORKSPACE.midnight(day): day for day in AS_OFS}
    slow = [
        {"customer_id": customer, "as_of": days[as_of], "label": answer}
        for as_of, customer, answer in oracle.labels(world, target, list(days), DATA_UNTIL)
    ]
    assert labels(WORKSPACE, accepted, target, AS_OFS).to_pylist() == slow
    asked = population(WORKSPACE, accepted, target, AS_OFS[0])["customer_id"].to_pylist()
    assert asked == [row["customer_id"] for row in slow if row["as_of"] == AS_OFS[0]]


@FEW
@given(world=_worlds(orders_=orders), span=spans)
def test_for_any_history_lapse_equals_the_oracle(tmp_path, world, span):
    """Lapse: orders of several lines, returns, versions, ties at the window's edges."""
    _same(tmp_path, world, Target(name="churn", kind="lapse", **span))


@FEW
@given(world=_worlds(contracts_=contracts), span=spans)
def test_for_any_history_contract_end_equals_the_oracle(tmp_path, world, span):
    """Contracts: several at once, renewals, gaps, open ends, cancellations known late."""
    _same(tmp_path, world, Target(name="churn", kind="contract", **span))


@FEW
@given(world=_worlds(interactions_=interactions, orders=orders), span=spans)
def test_for_any_history_complaint_equals_the_oracle(tmp_path, world, span):
    """Complaints: of several kinds, with and without orders to make customers active."""
    target = Target(name="complaint", kind="complaint", kinds=("complaint", "noise"), **span)
    _same(tmp_path, world, target)


@FEW
@given(
    world=_worlds(
        outcomes_=outcomes,
        profiles_=profiles,
        orders=orders,
        interactions=interactions,
        contracts=contracts,
    ),
    span=spans,
    name=names,
)
def test_for_any_history_outcome_equals_the_oracle(tmp_path, world, span, name):
    """Outcomes: whoever had one is out, whatever tables make up the population."""
    _same(tmp_path, world, Target(name=name, kind="outcomes", **span))


@pytest.mark.parametrize(
    ("kind", "table"),
    [("lapse", "orders"), ("contract", "contracts"), ("complaint", "interactions")],
)
def test_empty_history_has_no_labels(tmp_path, kind, table):
    """A table without rows gives an empty population, not an error."""
    name = "complaint" if kind == "complaint" else "churn"
    target = Target(name=name, kind=kind, horizon_days=2, active_within_days=2)
    _same(tmp_path, {table: []}, target)
