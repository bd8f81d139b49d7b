"""Every setting of a policy changes a decision: none is there for show."""

import re
from datetime import timedelta

import pytest

from features.errors import BadInput
from proactive_rules.policy.file import read_policy
from tests.proactive_rules.small_policy import (
    AS_OF,
    CALL,
    COLUMNS,
    WRITE,
    before,
    customers,
    decided,
    hours,
    made,
    policy,
    responses,
)

CUSTOMERS = customers(
    churn_risk=[0.9, 0.6, 0.3, 0.04],
    churn_risk_low=[0.8, 0.5, 0.01, 0.03],
    churn_risk_high=[0.95, 0.7, 0.4, 0.05],
    complaint_risk=[None, None, None, 0.5],
    amount_total_365d=[1000.0, 200.0, 100.0, 60.0],
    recency_days=[1.0, 20.0, 50.0, 90.0],
    language=["zh", "en", None, "en"],
    consent_email=[True, None, True, True],
)
#: The customer's own mail of yesterday.
WROTE = before({"customer_id": "a", "at": AS_OF - hours(24)})
CALLED = before({"customer_id": "d", "action": "call", "channel": "phone", "at": AS_OF - hours(24)})
OPEN = before(
    {
        "customer_id": "z", "at": AS_OF - hours(24), "state": "reserved",
        "reserved_until": AS_OF + hours(48),
    }
)  # fmt: skip
_SHOWN = ("decision", "action", "channel", "owner", "due_by", "contact_at", "why_not")

TOP = {
    "budget": ("budget: {amount: 1.5}", {}),
    "budget.per": ("budget: {amount: 3, per: week}", {"before": WROTE}, "budget: {amount: 3}"),
    "holdout.global": ("holdout: {global: 60%, key: b}", {}),
    "holdout.per_action": ("holdout: {per_action: 60%, key: b}", {}),
    "holdout.key": ("holdout: {global: 50%, key: c}", {}, "holdout: {global: 50%, key: forestay}"),
    "human_review.share": ("human_review: {share: 100%, owner: care, hours_per_day: 9}", {}),
    "human_review.always_when": (
        "human_review: {share: 0, owner: care, hours_per_day: 9, always_when: expected_value > 90}",
        {},
    ),
    "human_review.owner": (
        "human_review: {share: 100%, owner: boss, hours_per_day: 9}",
        {},
        "human_review: {share: 100%, owner: care, hours_per_day: 9}",
    ),
    "human_review.hours_per_day": (
        "human_review: {share: 100%, owner: care, hours_per_day: 0.2}",
        {},
        "human_review: {share: 100%, owner: care, hours_per_day: 9}",
    ),
    "human_review.minutes": (
        "human_review: {share: 100%, owner: care, hours_per_day: 1, minutes: 50}",
        {},
        "human_review: {share: 100%, owner: care, hours_per_day: 1, minutes: 2}",
    ),
    "consent": ("consent: {when_unknown: {marketing: allowed}}", {}),
    "limits": ("limits: [{channel: any, max: 1, within: 25h}]", {"before": WROTE}),
    "limits.channel": (
        "limits: [{channel: phone, max: 1, within: 25h}]",
        {"before": WROTE},
        "limits: [{channel: email, max: 1, within: 25h}]",
    ),
    "limits.max": (
        "limits: [{channel: any, max: 2, within: 25h}]",
        {"before": WROTE},
        "limits: [{channel: any, max: 1, within: 25h}]",
    ),
    "limits.within": (
        "limits: [{channel: any, max: 1, within: 24h}]",
        {"before": WROTE},
        "limits: [{channel: any, max: 1, within: 25h}]",
    ),
    "limits.exempt": (
        "limits: [{channel: any, max: 1, within: 25h, exempt: []}]",
        {"before": CALLED},
        "limits: [{channel: any, max: 1, within: 25h}]",
    ),
    "quiet_hours": ('quiet_hours: {from: "09:00", to: "15:00"}', {}),
    "quiet_hours.to": (
        'quiet_hours: {from: "09:00", to: "17:00"}',
        {},
        'quiet_hours: {from: "09:00", to: "15:00"}',
    ),
    "quiet_hours.from": (
        'quiet_hours: {from: "05:00", to: "04:00"}',
        {},
        'quiet_hours: {from: "04:30", to: "04:00"}',
    ),
    "capacity": ("capacity: {email: 1/day}", {}),
    "hours": ("hours: {care: 0.05/day}", {}),
    "channels.languages": ("channels: {email: {languages: [en]}}", {}),
    "suppress": ("suppress: [{name: x, when: recency_days < 30, say: {en: X, zh: X}}]", {}),
    "suppress.except": (
        "suppress: [{name: x, when: recency_days < 30, except: [write], say: {en: X, zh: X}}]",
        {},
        "suppress: [{name: x, when: recency_days < 30, say: {en: X, zh: X}}]",
    ),
    "suppress.name": (
        "suppress: [{name: y, when: recency_days < 30, say: {en: X, zh: X}}]",
        {},
        "suppress: [{name: x, when: recency_days < 30, say: {en: X, zh: X}}]",
    ),
}

ACTION = {
    "for": {"lowers": "complaint"},
    "purpose": {"purpose": "service"},
    "channel": {"channel": "sms", "cost": "1.00"},
    "when": {"when": "recency_days > 30"},
    "cost": {"cost": "40.00"},
    "effect": {"effect": "{declared: -0.01}"},
    "owner": {"owner": "sales"},
    "due_in": {"due_in": "24h"},
    "cooldown": {"cooldown": "30d"},
    "value_at_stake": {"value_at_stake": "amount_total_365d / 100"},
    "cutoff": {"cutoff": "50%"},
    "name": {"name": "letter"},
}


def _decisions(under, **more):
    rows = decided(CUSTOMERS, under, **more)
    return {name: [row.get(one) for one in _SHOWN] for name, row in rows.items()}


@pytest.mark.parametrize("setting", TOP)
def test_each_setting_of_the_policy_changes_a_decision(setting):
    """With the setting, or with another value of it, somebody's decision is another."""
    text, more, *otherwise = TOP[setting]
    with_it = _decisions(policy(WRITE, CALL, more=text), **more)
    without = _decisions(policy(WRITE, CALL, more=otherwise[0] if otherwise else ""), **more)
    assert with_it != without


@pytest.mark.parametrize("setting", ACTION)
def test_each_setting_of_an_action_changes_a_decision(setting):
    """One key of the first action changed, and somebody's decision is another."""
    changed = _decisions(policy(WRITE, CALL, **ACTION[setting]), before=WROTE)
    assert changed != _decisions(policy(WRITE, CALL), before=WROTE)


def test_handle_minutes_change_a_decision():
    """Six minutes fit into the hour that three quarters of an hour do not."""
    short = CALL.replace("{phone: 30, email: 6}", "1")
    long = CALL.replace("{phone: 30, email: 6}", "45")
    more = "hours: {care: 0.1/day}"
    assert _decisions(policy(short, more=more)) != _decisions(policy(long, more=more))


def test_the_declared_grace_of_reservations_is_how_far_back_the_night_looks():
    """The caller settles earlier decisions with it: a longer one reaches further back."""
    assert policy(more="reservation: 30d").looks_back > policy(more="reservation: 1d").looks_back
    assert policy(more="reservation: 0d").reserve_for == timedelta(0)


def test_a_reservation_holds_places_of_its_channel():
    """One of two places is held by a mail decided yesterday and not yet reported."""
    more = "capacity: {email: 2/day}"
    free = decided(CUSTOMERS, policy(more=more))
    held = decided(CUSTOMERS, policy(more=more), before=OPEN)
    counts = [[row["decision"] for row in rows.values()].count("contact") for rows in (free, held)]
    assert counts == [2, 1]


def test_fairness_changes_a_decision():
    """The north is worth half a euro more and would take all places; the floor shares them."""
    count = 240
    table = customers(
        churn_risk=[0.5] * count,
        amount_total_365d=[100.0 + (place % 2) * 0.5 for place in range(count)],
        region=["north" if place % 2 else "south" for place in range(count)],
    ).set_column(0, "customer_id", [[f"c{place:03d}" for place in range(count)]])
    limited = "capacity: {email: 100/day}\n"
    alone = made(table, policy(more=limited))
    fair = made(table, policy(more=limited + "fairness: {by: region, within: 5%}"))
    shares = fair.run["fairness"]["shares"]
    assert max(shares.values()) - min(shares.values()) <= 0.05 + 1e-9
    assert alone.table["decision"].to_pylist() != fair.table["decision"].to_pylist()


def test_what_counts_as_answered_is_the_readers_to_use():
    """The policy carries the expression; `serving.responses` counts by it (tested there)."""
    assert policy(more="answered: \"outcome = 'yes'\"").answered.sql == "outcome = 'yes'"


def test_responses_change_the_channel():
    """Who never answers mail and always answers the phone is called."""
    table = customers(complaint_risk=[0.5], amount_total_365d=[100.0])
    past = responses(("a", "email", 10, 40, 0), ("a", "phone", 10, 40, 38))
    assert decided(table, policy(CALL))["a"]["channel"] == "email"
    assert decided(table, policy(CALL), responses=past)["a"]["channel"] == "phone"


def test_no_key_of_the_file_is_without_such_a_test():
    """The reader's own list of keys: each stands in the tables above, or in a test of its name."""
    told = []
    for text in (
        b"version: 1\nunknown_x: 1\nactions: []\n",
        b"version: 1\nactions: [{unknown_x: 1}]\n",
    ):
        with pytest.raises(BadInput) as error:
            read_policy(text, columns=COLUMNS)
        line = next(part for part in str(error.value).split("\n\n") if "unknown_x" in part)
        told.append(
            {name.strip() for name in re.search("one of (.*).", line)[1].rstrip(".").split(",")}
        )
    elsewhere = {"version", "actions", "reservation", "fairness", "answered"}
    assert told[0] == {setting.partition(".")[0] for setting in TOP} | elsewhere
    assert told[1] == {*ACTION, "handle_minutes", "say", "playbook"}
