"""May we, does it make sense, is it good for them: the first reason why not, exactly."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from tests.proactive_rules.small_policy import (
    AS_OF,
    CALL,
    WRITE,
    before,
    customers,
    decided,
    hours,
    policy,
)

SERVICE = {"purpose": "service"}
ONE_MICROSECOND = timedelta(microseconds=1)


def one(**columns: object) -> object:
    """Build one customer worth writing to."""
    usual = {"churn_risk": 0.9, "amount_total_365d": 100.0}
    return customers(**{name: [value] for name, value in {**usual, **columns}.items()})


def outcome(table, under, **more):
    """Return what is decided for the only customer, and why not."""
    row = decided(table, under, **more)["a"]
    return row["decision"], row["why_not"]


@pytest.mark.parametrize(
    ("consent", "changed", "expected"),
    [
        (True, {}, ("contact", None)),
        (False, {}, ("leave_alone", "no_consent_email")),
        (None, {}, ("leave_alone", "no_consent_email")),
        (None, SERVICE, ("contact", None)),
        (False, SERVICE, ("leave_alone", "no_consent_email")),
    ],
)
def test_silence_about_consent_denies_marketing_and_allows_service(consent, changed, expected):
    """Who said no is left alone by both; who was never asked gets service only."""
    table = one().append_column("consent_email", pa.array([consent], pa.bool_()))
    assert outcome(table, policy(**changed)) == expected


def test_without_a_consents_source_consent_is_not_checked():
    """No column, no check: the list says so elsewhere."""
    assert outcome(one(), policy()) == ("contact", None)


def test_do_not_contact_beats_everything():
    """Who wants to be left alone gets no service either."""
    table = one().append_column("do_not_contact", [[True]])
    assert outcome(table, policy(**SERVICE)) == ("leave_alone", "do_not_contact")


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(days=7) - ONE_MICROSECOND, ("leave_alone", "limit_1")),
        (timedelta(days=7), ("contact", None)),
    ],
)
def test_a_frequency_cap_looks_back_exactly_so_many_hours(ago, expected):
    """Seven days are 168 hours to the microsecond, whatever the calendar says."""
    under = policy(more="limits: [{channel: any, max: 1, within: 7d}]")
    earlier = before(
        {"customer_id": "a", "at": AS_OF - ago, "action": "other team", "channel": "post"}
    )
    assert outcome(one(), under, before=earlier) == expected


def test_a_cap_is_exact_where_the_clock_changes():
    """On 2026-03-29 Amsterdam's day has 23 hours: a day's cap still looks back 24."""
    under = policy(more="limits: [{channel: any, max: 1, within: 24h}]")
    as_of = datetime(2026, 3, 29, 22, tzinfo=UTC)  # midnight of the 30th there
    for ago, expected in ((23.5, "limit_1"), (24, None)):
        earlier = before({"customer_id": "a", "at": as_of - hours(ago)})
        found = outcome(one(), under, before=earlier, as_of=as_of, time_zone="Europe/Amsterdam")
        assert found[1] == expected


def test_service_is_exempt_from_caps_but_counts_against_them():
    """After a service call there is no selling; after a mail there still is service."""
    more = "limits: [{channel: any, max: 1, within: 7d}]"
    called = before(
        {"customer_id": "a", "action": "call", "channel": "phone", "at": AS_OF - hours(9)}
    )
    assert outcome(one(), policy(more=more), before=called)[1] == "limit_1"
    wrote = before({"customer_id": "a", "at": AS_OF - hours(9)})
    assert outcome(one(), policy(more=more, **SERVICE), before=wrote) == ("contact", None)


def test_a_reservation_counts_in_every_window():
    """Decided ten days ago and still open: it may be sent at any moment, so it counts today."""
    under = policy(more="limits: [{channel: any, max: 1, within: 24h}]")
    row = {
        "customer_id": "a", "at": AS_OF - timedelta(days=10), "state": "reserved",
        "reserved_until": AS_OF + hours(1),
    }  # fmt: skip
    assert outcome(one(), under, before=before(row))[1] == "limit_1"
    assert outcome(one(), under, before=before(row | {"state": "not_done"})) == ("contact", None)


@pytest.mark.parametrize(("ago", "why_not"), [(30 * 24 - 0.01, "cooldown"), (30 * 24, None)])
def test_the_cooldown_of_an_action_is_its_own(ago, why_not):
    """The same action waits exactly 30 days; another action of yesterday does not matter."""
    under = policy(cooldown="30d")
    same = before({"customer_id": "a", "at": AS_OF - hours(ago)})
    assert outcome(one(), under, before=same)[1] == why_not
    other = before({"customer_id": "a", "action": "call", "at": AS_OF - hours(1)})
    assert outcome(one(), under, before=other)[1] is None


@pytest.mark.parametrize(
    ("zone", "opens"),
    [(None, 8), ("Asia/Shanghai", 0), ("America/New_York", 13), ("Asia/Kathmandu", 2.25)],
)
def test_quiet_hours_are_the_customers_own(zone, opens):
    """At midnight UTC it is 8:00 in Shanghai and 19:00 in New York: the open hours differ.

    Quiet but for 8:00 to 9:00 there, the only hour is the one that begins at 8:00 local time.
    """
    under = policy(more='quiet_hours: {from: "09:00", to: "08:00"}')
    row = decided(one(local_time_zone=zone), under)["a"]
    assert row["contact_at"] == AS_OF + hours(opens)


def test_no_open_hour_before_the_deadline_is_a_reason():
    """Due in six hours, and quiet until eight: nobody is called at three in the morning."""
    under = policy(more='quiet_hours: {from: "21:00", to: "08:00"}', due_in="6h")
    assert outcome(one(), under) == ("leave_alone", "quiet_hours")
    assert outcome(one(local_time_zone="Asia/Shanghai"), under) == ("contact", None)


def test_a_time_zone_no_clock_knows_counts_as_the_workspaces_and_is_told():
    """A typing error in a record does not stop the night."""
    under = policy(more='quiet_hours: {from: "09:00", to: "08:00"}')
    row = decided(one(local_time_zone="Europe/Amsterdm"), under, time_zone="Asia/Shanghai")["a"]
    assert row["contact_at"] == AS_OF


def test_a_suppression_keeps_all_but_the_excepted_actions_away():
    """An open case stops selling and lets the service call through."""
    more = """
    suppress: [{name: open, when: open_cases_count > 0, except: [call], say: {en: Open, zh: 未结}}]
    """
    table = one(open_cases_count=1.0)
    assert outcome(table, policy(WRITE, CALL, more=more)) == ("leave_alone", "suppressed_open")
    ill = one(open_cases_count=1.0, complaint_risk=0.5)
    assert outcome(ill, policy(WRITE, CALL, more=more)) == ("contact", None)


def test_a_channel_that_does_not_speak_the_language_is_no_channel():
    """Dutch agents do not call a Chinese customer; who has no stated language may be called."""
    more = "channels: {email: {languages: [en]}}"
    assert outcome(one(language="zh"), policy(more=more))[1] == "language_email"
    assert outcome(one(language=None), policy(more=more)) == ("contact", None)


def test_a_condition_that_is_unknown_does_not_hold():
    """Null is not true, neither for an action nor for a suppression."""
    more = "suppress: [{name: x, when: recency_days < 9, say: {en: X, zh: X}}]"
    assert outcome(one(), policy(more=more)) == ("contact", None)
    assert outcome(one(), policy(when="recency_days < 9"))[1] == "not_applicable"


def test_a_typed_cut_off_stands_beside_the_computed_one():
    """Computed: 1 / (100 x 0.5) = 2%; typed 95% leaves the customer of 90% alone."""
    row = decided(one(), policy(cutoff="95%"))["a"]
    assert (row["why_not"], row["cutoff:write"]) == ("below_cutoff", 0.95)


def test_the_reason_told_is_of_the_treatment_that_came_furthest():
    """Mail is denied, the phone is only not worth it: that is what is told."""
    table = customers(complaint_risk=[0.05], amount_total_365d=[100.0]).append_column(
        "consent_email", [[False]]
    )
    row = decided(table, policy(CALL))["a"]
    assert row["why_not:call:email"] == "no_consent_email"
    assert row["why_not"] == row["why_not:call:phone"] == "not_worth_it"
