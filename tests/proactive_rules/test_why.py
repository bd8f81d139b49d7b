# ruff: noqa: RUF001 - Chinese sentences have Chinese signs
"""Why someone is contacted or left alone, in words."""

from datetime import timedelta

import pytest

from proactive_rules.why import why
from tests.proactive_rules.small_policy import (
    AS_OF,
    CALL,
    WRITE,
    before,
    customers,
    hours,
    made,
    policy,
)

CAPS = "limits: [{channel: any, max: 1, within: 7d}]"


def told(table, under, earlier=None, language="en"):
    """Tell the only customer's decision."""
    earlier = before() if earlier is None else earlier
    found = made(table, under, before=earlier)
    (row,) = found.table.to_pylist()
    return why(row, under, found.run, earlier.to_pylist(), as_of=AS_OF, language=language)


def alternative(found, action="write", channel="email"):
    """Find what is told of one treatment."""
    return next(o for o in found.alternatives if (o.action, o.channel) == (action, channel))


def test_a_contact_says_who_does_what_by_when():
    """In both languages."""
    table = customers(churn_risk=[0.9], amount_total_365d=[100.0])
    assert told(table, policy()).sentence == (
        "Likely to leave: marketing contacts by email, best at 2026-03-04 10:00,"
        " until 2026-03-07 00:00."
    )
    assert told(table, policy(), language="zh").sentence.startswith(
        "可能流失：由市场通过电子邮件联系"
    )


def test_a_risk_below_the_cut_off_says_which_it_would_have_to_be():
    """Cost 1 over 10 x 0.5 at stake: 20%, and it is 10%."""
    found = told(customers(churn_risk=[0.1], amount_total_365d=[10.0]), policy())
    assert alternative(found).differ == "a risk of 20.0% or more; it is 10.0%"


def test_a_cap_says_from_when_the_next_contact_is_possible():
    """Sent five days ago, the week's one place is free in two days."""
    earlier = before({"customer_id": "a", "at": AS_OF - timedelta(days=5)})
    found = told(customers(churn_risk=[0.9], amount_total_365d=[99.0]), policy(more=CAPS), earlier)
    assert alternative(found).differ == "possible again from 2026-03-06 00:00"
    (rule,) = found.rules
    assert (rule.holds, rule.words) == (True, "at most 1 contacts within 7 days: 1 so far")


def test_a_cooldown_says_from_when_too():
    """Thirty days after the last of the same action."""
    earlier = before({"customer_id": "a", "at": AS_OF - timedelta(days=10)})
    table = customers(churn_risk=[0.9], amount_total_365d=[99.0])
    found = told(table, policy(cooldown="30d"), earlier)
    assert alternative(found).differ == "possible again from 2026-03-24 00:00"


def test_a_used_up_limit_says_how_much_worth_is_missing():
    """No place for a worth of 44: the limit of none charges all of it."""
    table = customers(churn_risk=[0.9], amount_total_365d=[100.0])
    found = told(table, policy(more="capacity: {email: 0/day}"))
    assert found.sentence.startswith("Left alone: capacity of email is used up")


def test_every_code_a_decision_can_carry_is_told_in_both_languages():
    """Suppressed, denied, quiet, held out, outranked, outvalued: none fails, none is empty."""
    open_case = "suppress: [{name: x, when: open_cases_count > 0, say: {en: Open, zh: 未结}}]"
    both = {"churn_risk": [0.9], "complaint_risk": [0.5], "amount_total_365d": [100.0]}
    cases = [
        (customers(**both, open_cases_count=[1.0]), policy(WRITE, CALL, more=open_case)),
        (customers(**both).append_column("consent_email", [[False]]), policy(WRITE, CALL)),
        (customers(**both).append_column("do_not_contact", [[True]]), policy(WRITE, CALL)),
        (customers(**both), policy(WRITE, CALL, more='quiet_hours: {from: "00:00", to: "23:59"}')),
        (customers(**both), policy(WRITE, CALL, more="holdout: {global: 100%}")),
        (
            customers(**both, language=["zh"]),
            policy(WRITE, more="channels: {email: {languages: [en]}}"),
        ),
        (customers(churn_risk=[None]), policy(WRITE, CALL)),
        (customers(**both), policy(WRITE, CALL, more="budget: {amount: 0}")),
        (
            customers(**both),
            policy(WRITE, CALL, more="human_review: {share: 100%, owner: care, hours_per_day: 0}"),
        ),
        (customers(**both), policy(WRITE, when="recency_days > 1")),
    ]
    for table, under in cases:
        for language in ("en", "zh"):
            found = told(table, under, language=language)
            assert found.sentence
            for one in found.alternatives:
                assert one.taken or (one.code and one.reason and one.differ)


@pytest.mark.parametrize(
    ("state", "expected"), [("reserved", hours(30)), ("sent", timedelta(days=6))]
)
def test_what_is_reserved_is_free_when_it_is_released(state, expected):
    """A reservation holds until 30 hours from now; a mail of yesterday for six more days."""
    earlier = before(
        {
            "customer_id": "a", "at": AS_OF - hours(24), "state": state,
            "reserved_until": AS_OF + hours(30),
        }
    )  # fmt: skip
    found = told(customers(churn_risk=[0.9], amount_total_365d=[99.0]), policy(more=CAPS), earlier)
    assert alternative(found).differ == f"possible again from {AS_OF + expected:%Y-%m-%d %H:%M}"
