"""What became of earlier decisions: each of them, and each contact, counts exactly once."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proactive_rules.decisions_before import CONTACTS, DECIDED, SETTLED, settle

FIRST = datetime(2026, 9, 1, tzinfo=UTC)
GRACE = timedelta(days=7)


def day(number, hours=0.0):
    """Instant so many days and hours after the first midnight."""
    return FIRST + timedelta(days=number, hours=hours)


def decided(*rows):
    """Decisions of `c`: to call within a day, made on day 0, where a row says nothing else."""
    usual = {
        "customer_id": "c", "decided_at": day(0), "decision": "contact", "action": "call",
        "channel": "phone", "owner": "care", "due_by": day(1), "cost": 4.0,
    }  # fmt: skip
    rows = [usual | row for row in rows]
    return pa.Table.from_pylist(rows, schema=DECIDED)


def contacts(*rows):
    """Make calls to `c` on day 2, where a row says nothing else."""
    usual = {"customer_id": "c", "sent_at": day(2), "action": "call", "channel": "phone"}
    return pa.Table.from_pylist([usual | row for row in rows], schema=CONTACTS)


def states(plans, sent, as_of):
    """State by decision id; contacts that carried out none under None."""
    found = settle(plans, sent, as_of, GRACE).to_pylist()
    return [(row["decision_id"], row["state"]) for row in found]


def test_a_decision_holds_its_place_until_it_is_due_and_the_grace_is_over():
    """Due on day 1, with a week of grace: free again from the first instant of day 8 on."""
    plans = decided({"decision_id": "d"})
    row = settle(plans, contacts(), day(8) - timedelta(microseconds=1), GRACE).to_pylist()[0]
    assert row == {
        "customer_id": "c", "action": "call", "channel": "phone", "owner": "care", "at": day(0),
        "state": "reserved", "reserved_until": day(8), "cost": 4.0, "decision_id": "d",
    }  # fmt: skip
    assert states(plans, contacts(), day(8)) == [("d", "not_done")]


def test_a_decision_without_a_due_date_is_held_from_the_night_it_was_made():
    """A case for a person has no date by which it must be done."""
    plans = decided({"decision_id": "d", "decision": "human_review", "due_by": None})
    assert states(plans, contacts(), day(6)) == [("d", "reserved")]
    assert states(plans, contacts(), day(7)) == [("d", "not_done")]


def test_a_contact_that_names_a_decision_carries_it_out_at_any_time():
    """Long after the place was given up, under another action, it is done all the same."""
    plans = decided({"decision_id": "d"})
    late = contacts({"decision_id": "d", "sent_at": day(30), "action": "write"})
    assert states(plans, late, day(20)) == [("d", "not_done")]
    assert states(plans, late, day(31)) == [("d", "sent")]


@pytest.mark.parametrize(
    ("sent_at", "expected"),
    [
        pytest.param(day(0), [("d", "sent")], id="at-once"),
        pytest.param(day(8) - timedelta(seconds=1), [("d", "sent")], id="last-moment"),
        pytest.param(day(8), [("d", "not_done"), (None, "sent")], id="too-late"),
        pytest.param(day(0, -1), [(None, "sent"), ("d", "not_done")], id="before-it-was-decided"),
    ],
)
def test_a_contact_that_names_none_is_taken_for_the_open_decision(sent_at, expected):
    """The same customer and action, while the decision holds its place."""
    plans = decided({"decision_id": "d"})
    assert states(plans, contacts({"sent_at": sent_at}), day(9)) == expected


@pytest.mark.parametrize("other", [{"action": "write"}, {"customer_id": "x"}])
def test_a_contact_of_another_action_or_customer_carries_out_nothing(other):
    """It counts as sent, by another team; the decision goes on holding its place."""
    found = states(decided({"decision_id": "d"}), contacts(other), day(3))
    assert sorted(found, key=str) == [("d", "reserved"), (None, "sent")]


def test_a_contact_counts_through_its_own_channel_at_its_own_time_and_cost():
    """The person wrote instead of calling; what nobody says it cost, the decision says."""
    plans = decided({"decision_id": "d"})
    for cost, shown in ((0.05, 0.05), (None, 4.0)):
        row = settle(plans, contacts({"channel": "email", "cost": cost}), day(3), GRACE)
        assert row.to_pylist() == [
            {
                "customer_id": "c", "action": "call", "channel": "email", "owner": "care",
                "at": day(2), "state": "sent", "reserved_until": None, "cost": shown,
                "decision_id": "d",
            }
        ]  # fmt: skip


def test_a_contact_of_another_team_has_neither_owner_nor_decision():
    """It counts against the customer's caps, and belongs to nobody here."""
    row = settle(decided(), contacts({"cost": None}), day(3), GRACE).to_pylist()[0]
    assert (row["state"], row["owner"], row["decision_id"], row["cost"]) == (
        "sent", None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("wrong", ["d", "never-made"])
def test_a_name_that_is_not_this_customers_matches_nothing(wrong):
    """Of another customer's decision, or of none: sent, and no guess is made."""
    plans = decided({"decision_id": "d", "customer_id": "x"}, {"decision_id": "mine"})
    found = settle(plans, contacts({"decision_id": wrong}), day(3), GRACE).to_pylist()
    assert {(r["customer_id"], r["decision_id"], r["state"]) for r in found} == {
        ("c", None, "sent"), ("c", "mine", "reserved"), ("x", "d", "reserved"),
    }  # fmt: skip


def test_a_blank_name_is_no_name():
    """An empty cell of a CRM."""
    assert states(decided({"decision_id": "d"}), contacts({"decision_id": " "}), day(3)) == [
        ("d", "sent")
    ]


def test_who_was_held_out_was_not_contacted():
    """The row only says that nothing was sent; it carries out no decision either."""
    held = contacts({"arm": "held_out"}, {"arm": "held_out", "decision_id": "d"})
    assert states(decided({"decision_id": "d"}), held, day(3)) == [("d", "reserved")]


def test_nothing_at_or_after_the_night_is_read():
    """Neither a decision of this very night nor a contact that comes with it."""
    plans = decided({"decision_id": "d"}, {"decision_id": "tonight", "decided_at": day(2)})
    assert states(plans, contacts({"sent_at": day(2)}), day(2)) == [("d", "reserved")]


@pytest.mark.parametrize("decision", ["leave_alone", "held_out"])
def test_only_decisions_somebody_acts_upon_hold_a_place(decision):
    """Who is left alone or held out takes nobody's place."""
    plans = decided({"decision_id": "d", "decision": decision})
    assert settle(plans, contacts(), day(1), GRACE).num_rows == 0


def test_two_contacts_and_two_decisions_meet_in_order():
    """The first call is for the first decision, the second for the second."""
    plans = decided({"decision_id": "b", "decided_at": day(1)}, {"decision_id": "a"})
    sent = contacts({"sent_at": day(3)}, {"sent_at": day(2)})
    found = settle(plans, sent, day(4), GRACE).to_pylist()
    assert [(row["decision_id"], row["at"]) for row in found] == [("a", day(2)), ("b", day(3))]


def test_a_second_contact_for_one_decision_counts_as_another_teams():
    """Named twice or guessed twice: the customer was called twice, the decision done once."""
    plans = decided({"decision_id": "d"})
    for name in ("d", None):
        sent = contacts({"decision_id": name}, {"decision_id": name, "sent_at": day(3)})
        assert states(plans, sent, day(4)) == [("d", "sent"), (None, "sent")]


def test_a_name_given_later_goes_before_a_guess_and_moves_nothing_else():
    """The call on day 2 was taken for `a`; freed by a later name, it does not wake up `b`."""
    plans = decided({"decision_id": "a"}, {"decision_id": "b", "decided_at": day(1)})
    sent = contacts({"sent_at": day(2)}, {"sent_at": day(9), "decision_id": "a"})
    assert states(plans, sent, day(8)) == [("b", "not_done"), ("a", "sent")]
    assert states(plans, sent, day(10)) == [("b", "not_done"), (None, "sent"), ("a", "sent")]


def test_a_decision_named_before_is_not_guessed_again():
    """Of two open decisions the first is done by name; the next call is for the second."""
    plans = decided({"decision_id": "a"}, {"decision_id": "b"})
    sent = contacts({"sent_at": day(1), "decision_id": "a"}, {"sent_at": day(2)})
    assert states(plans, sent, day(3)) == [("a", "sent"), ("b", "sent")]


def test_nothing_gives_nothing_with_all_columns():
    """The first night of a workspace."""
    assert settle(decided(), contacts(), day(1), GRACE).schema == SETTLED


#: Each example opens databases of its own.
TRIED = settings(max_examples=40, deadline=None)
INSTANTS = st.integers(0, 60).map(lambda quarter: day(0, 6 * quarter))
CUSTOMERS, ACTIONS = st.sampled_from("xy"), st.sampled_from(["call", "write"])
PLANS = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": CUSTOMERS,
            "decided_at": INSTANTS,
            "decision": st.sampled_from(["contact", "contact", "human_review", "leave_alone"]),
            "action": ACTIONS,
            "due_by": st.one_of(st.none(), INSTANTS),
        }
    ),
    max_size=7,
).map(lambda rows: [row | {"decision_id": f"d{i}"} for i, row in enumerate(rows)])
SENT = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": CUSTOMERS,
            "sent_at": INSTANTS,
            "action": ACTIONS,
            "channel": st.sampled_from(["phone", "email"]),
            "decision_id": st.one_of(st.none(), st.sampled_from([f"d{i}" for i in range(7)])),
            "arm": st.sampled_from([None, "treated", "held_out"]),
        }
    ),
    max_size=7,
)


@TRIED
@given(plans=PLANS, sent=SENT, as_of=INSTANTS)
def test_for_any_history_each_decision_and_each_contact_counts_once(plans, sent, as_of):
    """No decision in two states, no contact left out or counted twice."""
    found = settle(decided(*plans), contacts(*sent), as_of, GRACE).to_pylist()
    held = [
        p["decision_id"]
        for p in plans
        if p["decision"] != "leave_alone" and p["decided_at"] < as_of
    ]
    assert sorted(r["decision_id"] for r in found if r["decision_id"]) == sorted(held)
    seen = [c for c in sent if c["arm"] != "held_out" and c["sent_at"] < as_of]
    columns = ("customer_id", "action", "channel")
    assert Counter((r["at"], *(r[n] for n in columns)) for r in found if r["state"] == "sent") == (
        Counter((c["sent_at"], *(c[n] for n in columns)) for c in seen)
    )


@TRIED
@given(plans=PLANS, sent=SENT, as_of=INSTANTS, data=st.data())
def test_for_any_history_the_order_of_rows_changes_nothing(plans, sent, as_of, data):
    """Rows come from many files and buckets."""
    shuffled = data.draw(st.permutations(plans)), data.draw(st.permutations(sent))
    straight = settle(decided(*plans), contacts(*sent), as_of, GRACE)
    assert settle(decided(*shuffled[0]), contacts(*shuffled[1]), as_of, GRACE).equals(straight)


@TRIED
@given(plans=PLANS, sent=SENT, as_of=INSTANTS, days=st.integers(0, 8))
def test_for_any_history_what_was_not_done_stays_so_until_it_is_named(plans, sent, as_of, days):
    """A place that was given up is not taken again, but by a late contact that names it."""
    later = as_of + timedelta(days=days)
    before = settle(decided(*plans), contacts(*sent), as_of, GRACE).to_pylist()
    after = settle(decided(*plans), contacts(*sent), later, GRACE).to_pylist()
    given_up, since = (
        {r["decision_id"] for r in rows if r["state"] == "not_done"} for rows in (before, after)
    )
    named = {c["decision_id"] for c in sent if as_of <= c["sent_at"] < later}
    assert given_up - named <= since


@TRIED
@given(plans=PLANS, sent=SENT, as_of=INSTANTS)
def test_for_any_history_the_rounds_give_what_going_through_the_contacts_gives(plans, sent, as_of):
    """The slow and obvious way: contact by contact, each takes the first decision still open."""
    found = settle(decided(*plans), contacts(*sent), as_of, GRACE).to_pylist()
    done = {r["decision_id"]: r["at"] for r in found if r["state"] == "sent" and r["decision_id"]}
    assert done == one_by_one(plans, sent, as_of)


def one_by_one(plans, sent, as_of):
    """Match row by row; returns when each decision was carried out."""
    open_ones = [p for p in plans if p["decision"] != "leave_alone" and p["decided_at"] < as_of]
    open_ones.sort(key=lambda p: (p["decided_at"], p["customer_id"], p["decision_id"]))
    seen = [c for c in sent if c["arm"] != "held_out" and c["sent_at"] < as_of]
    names = ("sent_at", "customer_id", "action", "channel")
    seen.sort(key=lambda c: (*(c[n] for n in names), c["decision_id"] or "~"))
    named, guessed = {}, {}
    for one in seen:
        mine = [p for p in open_ones if p["customer_id"] == one["customer_id"]]
        if one["decision_id"]:
            if one["decision_id"] in {p["decision_id"] for p in mine}:
                named.setdefault(one["decision_id"], one["sent_at"])
            continue
        for plan in mine:
            until = (plan["due_by"] or plan["decided_at"]) + GRACE
            free = plan["decision_id"] not in named and plan["decision_id"] not in guessed
            in_time = plan["decided_at"] <= one["sent_at"] < until
            if free and in_time and plan["action"] == one["action"]:
                guessed[plan["decision_id"]] = one["sent_at"]
                break
    return guessed | named
