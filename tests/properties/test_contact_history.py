"""Whatever happens in a market: caps, cooldowns, consent, quiet hours, controls and means hold.

A machine plays weeks of nights, contacts, reports and refusals against the engine; after every
decision the rules are recounted by hand from the plain rows (`contact_world`).
"""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import time, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from proactive_rules.decide import decide
from proactive_rules.policy.records import FrequencyCap, Holdout, QuietHours
from tests.proactive_rules.small_policy import customers, made, policy
from tests.properties.contact_world import (
    CHANNELS,
    DAY,
    HOLDING,
    KNOWN_ZONES,
    STARTS,
    TINY,
    ZONES,
    Market,
    Night,
    clock_of,
    has_open_hour,
    held_until,
    hour_is_quiet,
    is_cooling,
    is_denied,
    is_full,
    is_in_group,
    is_suppressed,
    limits_on,
    midnight,
    options,
    policies,
    shares_means,
)

#: Values far enough from every cut-off that no rounding decides.
FACTS = {
    "churn_risk": st.sampled_from([0.9, 0.9, 0.9, 0.4, 0.4, 0.03, None]),
    "complaint_risk": st.sampled_from([None, 0.03, 0.03, 0.4, 0.9]),
    "amount_total_365d": st.sampled_from([300.0, 300.0, 300.0, 60.0, 60.0, 7.0]),
    "open_cases_count": st.sampled_from([0.0, 0.0, 0.0, 1.0]),
}
WORDS = {
    "do_not_contact": st.sampled_from([False, None, None, None, None, None, None, True]),
    "consent_email": st.sampled_from([True, True, True, True, None, False]),
    "consent_phone": st.sampled_from([True, True, True, None, False]),
}
PEOPLE = st.fixed_dictionaries({**FACTS, **WORDS, "local_time_zone": st.sampled_from(ZONES)})
#: When in its hold a decision is carried out, in hundredths; the last is its last microsecond.
HOW = st.fixed_dictionaries(
    {
        "moment": st.sampled_from([0, 1, 20, 60, 99, 100]) | st.integers(0, 100),
        "channel": st.sampled_from([None, None, *CHANNELS]),
        "named": st.booleans(),
        "late": st.sampled_from(["at once", "at once", "in hours", "in days", "after release"]),
    }
)
EDGES = [timedelta(hours=h) for h in (24, 36)] + [timedelta(days=d) for d in (3, 4, 5, 7, 9, 10)]
#: How long before the next midnight something happens: at the edge of a window, beside it, or not.
AGO = st.builds(
    lambda edge, nudge: edge + nudge * TINY, st.sampled_from(EDGES), st.sampled_from([-1, 0, 1])
) | st.integers(-DAY // timedelta(seconds=1), 12 * 86_400).map(lambda s: timedelta(seconds=s))


class ContactHistory(RuleBasedStateMachine):
    """Weeks of a small market."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.market: Market
        self.night: Night | None = None
        self.is_new = False

    @initialize(
        key=st.sampled_from("klmno"),
        people=st.lists(PEOPLE, min_size=3, max_size=8),
        zone=st.sampled_from(KNOWN_ZONES),
        start=st.sampled_from(STARTS),
        consent_is_known=st.sampled_from([True, True, True, False]),
    )
    def begin(self, key, people, zone, start, consent_is_known):
        """Draw the market of one history."""
        under = policies()[self.name]
        ids = [chr(97 + place) for place in range(len(people))]
        self.market = Market(
            under=replace(under, holdout=replace(under.holdout, key=key)),
            time_zone=zone,
            people={i: {"customer_id": i, **one} for i, one in zip(ids, people, strict=True)},
            consent_is_known=consent_is_known,
            now=midnight(start, zone),
        )

    def _decide(self, as_of, who):
        self.night, self.is_new = self.market.decide(as_of, who), True

    @rule(skipped=st.sampled_from([0, 0, 0, 0, 1, 2, 6, 10]))
    def decide_at_midnight(self, skipped):
        """Decide for everybody, maybe after nights on which nothing ran."""
        self._decide(self.market.next_night(skipped), [*self.market.people])

    @rule(
        after=st.integers(1, 30 * 3600 * 10**6).map(lambda us: timedelta(microseconds=us)),
        data=st.data(),
    )
    def decide_at_another_hour(self, after, data):
        """Decide for some customers between two nights."""
        people = st.lists(st.sampled_from([*self.market.people]), min_size=1, unique=True)
        self._decide(self.market.now + after, data.draw(people))

    @precondition(lambda self: self.night)
    @rule(data=st.data())
    def run_the_last_night_again(self, data):
        """Give the identical table, in any order of rows, whatever was recorded since."""
        night, market = self.night, self.market
        decided = data.draw(st.permutations(market.decided))
        later = [one for one in market.contacts if one["sent_at"] >= night.as_of]
        contacts = data.draw(st.permutations([*night.contacts, *later]))
        people = data.draw(st.permutations(range(len(night.people))))
        again = replace(
            night.situation,
            before=market.settle(decided, contacts, night.as_of),
            customers=night.situation.customers.take(people),
        )
        assert decide(again, market.under).table.equals(night.table)
        self.is_new = False

    @rule(data=st.data())
    def carry_out_decisions(self, data):
        """Send some of what was decided: sooner or later, as decided or not, named or not."""
        for plan in self.market.decided:
            if plan["decision"] not in HOLDING or "fate" in plan:
                continue
            plan["fate"] = data.draw(st.sampled_from(["sent", "sent", "sent", "lost"]))
            if plan["fate"] == "lost":
                continue
            how = data.draw(HOW, label=plan["decision_id"])
            begin, end = plan["decided_at"], held_until(plan, self.market.under)
            sent_at = min(begin + (end - begin) * how["moment"] / 100, end - TINY)
            reported_at = {
                "at once": sent_at,
                "in hours": sent_at + timedelta(hours=5),
                "in days": sent_at + 2 * DAY,
                "after release": end + 3 * DAY,
            }[how["late"]]
            self.market.send(
                plan,
                customer_id=plan["customer_id"],
                action=plan["action"],
                channel=how["channel"] or plan["channel"],
                sent_at=sent_at,
                reported_at=reported_at,
                decision_id=plan["decision_id"] if how["named"] else None,
            )
        self.is_new = False

    @rule(
        data=st.data(),
        ago=AGO,
        action=st.sampled_from(["newsletter", "newsletter", "write", "call", "offer"]),
        channel=st.sampled_from([*CHANNELS, "post"]),
    )
    def let_another_team_contact_somebody(self, data, ago, action, channel):
        """Out of the blue, maybe long ago and told only now; maybe to say who was held out."""
        sent_at = self.market.next_night() - ago
        self.market.send(
            None,
            customer_id=data.draw(st.sampled_from([*self.market.people])),
            action=action,
            channel=channel,
            sent_at=sent_at,
            reported_at=sent_at,
            arm=data.draw(st.sampled_from([None, None, None, "held_out"])),
        )
        self.is_new = False

    @rule(data=st.data())
    def let_customers_speak(self, data):
        """Give, refuse or take back consent, for a channel or for everything."""
        self._change(data, WORDS)

    @rule(data=st.data())
    def let_circumstances_change(self, data):
        """Move risks and amounts, open and close cases."""
        self._change(data, FACTS)

    def _change(self, data, drawn):
        for name in data.draw(st.lists(st.sampled_from([*self.market.people]), max_size=4)):
            what = data.draw(st.sampled_from([*drawn]))
            self.market.people[name][what] = data.draw(drawn[what])
        self.is_new = False

    @precondition(lambda self: self.is_new)
    @invariant()
    def every_customer_has_one_decision(self):
        """Whoever was asked about is on the list once; who gets nothing has a reason."""
        rows = self.night.rows
        assert sorted(row["customer_id"] for row in rows) == sorted(self.night.people)
        for row in rows:
            done = row["decision"] in HOLDING
            assert row["held_out"] == (row["decision"] == "held_out")
            assert (row["why_not"] is None) == done
            for name in ("owner", "due_by", "contact_at"):
                assert (row[name] is not None) == done

    @precondition(lambda self: self.is_new)
    @invariant()
    def every_decision_and_every_contact_is_in_one_state(self):
        """Sent, reserved or not done: as going through the rows one by one finds it."""
        names = ("customer_id", "action", "channel", "at", "state", "decision_id")
        found = Counter(
            tuple(row[name] for name in names) for row in self.night.situation.before.to_pylist()
        )
        assert found == Counter(tuple(row[name] for name in names) for row in self.night.became)
        seen = Counter(row["decision_id"] for row in self.night.became if row["decision_id"])
        held = [one for one in self.night.decided if one["decision"] in HOLDING]
        assert seen == Counter(one["decision_id"] for one in held)

    @precondition(lambda self: self.is_new)
    @invariant()
    def caps_hold(self):
        """Count what was sent in the window and what is reserved: there is room for one more."""
        for person, row, action in self.night.done:
            for limit in limits_on(self.market.under, action, row["channel"]):
                assert not is_full(self.night, person, limit)

    @precondition(lambda self: self.is_new)
    @invariant()
    def cooldowns_hold(self):
        """Nothing is decided again that is reserved, or was sent within its cooldown."""
        for person, _, action in self.night.done:
            assert not is_cooling(self.night, person, action)

    @precondition(lambda self: self.is_new)
    @invariant()
    def who_said_no_is_left_alone(self):
        """Neither through a channel that was denied nor, after a no to everything, through any."""
        for person, row, _ in self.night.done:
            assert not person["do_not_contact"]
            if self.market.consent_is_known:
                assert person[f"consent_{row['channel']}"] is not False

    @precondition(lambda self: self.is_new)
    @invariant()
    def silence_follows_the_policy(self):
        """Who was never asked gets what the policy says that silence allows, by purpose."""
        for person, row, action in self.night.done:
            assert not is_denied(self.night, person, action, row["channel"])

    @precondition(lambda self: self.is_new)
    @invariant()
    def suppressions_hold(self):
        """While a case is open only what is excepted is done."""
        for person, _, action in self.night.done:
            assert not is_suppressed(self.night, person, action)

    @precondition(lambda self: self.is_new)
    @invariant()
    def no_contact_is_planned_in_quiet_hours(self):
        """Begin the hour of a contact in time, and have each of its minutes open over there."""
        for person, row, action in self.night.done:
            assert row["due_by"] == self.night.as_of + action.due_in
            assert self.night.as_of <= row["contact_at"] < row["due_by"]
            clock = clock_of(self.night, person)
            assert not hour_is_quiet(row["contact_at"], clock, self.market.under.quiet)

    @precondition(lambda self: self.is_new)
    @invariant()
    def control_groups_hold(self):
        """Give a control group nothing of its action; key and customer alone say who is in it."""
        under = self.market.under
        groups = ("global", *(f"action:{action.name}" for action in under.actions))
        for row in self.night.rows:
            person = self.night.people[row["customer_id"]]
            mine = {group for group in groups if is_in_group(person, under, group)}
            if row["decision"] in HOLDING:
                assert not mine & {"global", f"action:{row['action']}"}
            if row["decision"] == "held_out":
                assert mine

    @precondition(lambda self: self.is_new and not shares_means(self.market.under))
    @invariant()
    def nobody_changes_group(self):
        """Whoever was once held out of an action is never given it, and the other way round."""
        seen = defaultdict(set)
        for one in self.market.decided:
            if one["action"]:
                seen[one["customer_id"], one["action"]].add(one["decision"] == "held_out")
        assert all(len(kinds) == 1 for kinds in seen.values())

    @precondition(lambda self: self.is_new)
    @invariant()
    def the_chance_of_being_held_out_is_stored(self):
        """One draw for everything, one for the best action, one more where another was taken."""
        holdout = self.market.under.holdout
        for row in self.night.rows:
            chance = row["assignment_probability"]
            if row["decision"] not in (*HOLDING, "held_out"):
                assert chance is None
                continue
            best, _ = options(self.night, self.night.people[row["customer_id"]])[0]
            draws = {best.name, row["action"]}
            stays = (1 - holdout.everything) * (1 - holdout.per_action) ** len(draws)
            assert chance == pytest.approx(1 - stays)

    @precondition(lambda self: self.is_new)
    @invariant()
    def no_channel_takes_more_than_it_can(self):
        """Fit what is reserved and what is decided tonight into the day of each channel."""
        for channel, places in self.market.under.capacity.items():
            held = sum(row["channel"] == channel for row in self._reserved())
            taken = sum(row["channel"] == channel for _, row, _ in self.night.done)
            assert taken <= max(places - held, 0)

    @precondition(lambda self: self.is_new)
    @invariant()
    def nobody_works_longer_than_there_are_hours(self):
        """Fit what is reserved, decided and to be looked at into the day of each owner."""
        under = self.market.under
        for owner, hours in under.hours.items():
            held = sum(self._minutes(row, owner) for row in self._reserved())
            work = [self._minutes(row, owner) for _, row, _ in self.night.done]
            work += [self._review_minutes(row, owner) for _, row, _ in self.night.done]
            assert sum(work) <= max(60 * hours - held, 0) + 1e-6

    @precondition(lambda self: self.is_new)
    @invariant()
    def review_hours_hold(self):
        """People look at no more cases than they have time for, and get those cases."""
        review = self.market.under.review
        looked_at = [row for _, row, _ in self.night.done if row["decision"] == "human_review"]
        assert review or not looked_at
        if review:
            assert len(looked_at) * review.minutes <= 60 * review.hours_per_day + 1e-6
        for _, row, action in self.night.done:
            assert row["owner"] == (review.owner if row in looked_at else action.owner)

    @precondition(lambda self: self.is_new)
    @invariant()
    def only_what_is_possible_is_done(self):
        """Nothing is done, nor held out, that any rule speaks against; service goes first."""
        for row in self.night.rows:
            if row["action"]:
                person = self.night.people[row["customer_id"]]
                names = [(action.name, via) for action, via in options(self.night, person)]
                assert (row["action"], row["channel"]) in names

    @precondition(lambda self: self.is_new and not shares_means(self.market.under))
    @invariant()
    def nobody_is_left_alone_without_cause(self):
        """Where nothing is shared, the best that is possible is done, or held out by the draw."""
        for row in self.night.rows:
            person = self.night.people[row["customer_id"]]
            found = options(self.night, person)
            if not found:
                assert row["decision"] == "leave_alone"
                continue
            action, channel = found[0]
            assert (row["action"], row["channel"]) == (action.name, channel)
            out = any(
                is_in_group(person, self.market.under, group)
                for group in ("global", f"action:{action.name}")
            )
            assert row["decision"] == ("held_out" if out else "contact")

    @precondition(lambda self: self.is_new and not self.market.under.hours)
    @invariant()
    def no_place_stays_empty_while_somebody_waits(self):
        """Who is told that no place was left would have found one neither free nor lapsed."""
        for channel, places in self.market.under.capacity.items():
            waits = [row for row in self.night.rows if row["why_not"] == f"capacity_{channel}"]
            held = sum(row["channel"] == channel for row in self._reserved())
            taken = sum(row["channel"] == channel for _, row, _ in self.night.done)
            assert not waits or taken == max(places - held, 0)

    def _reserved(self):
        return [row for row in self.night.became if row["state"] == "reserved"]

    def _minutes(self, row, owner):
        action = self.market.under.action(row["action"])
        return action.minutes[row["channel"]] if action.owner == owner else 0

    def _review_minutes(self, row, owner):
        review = self.market.under.review
        looked_at = row["decision"] == "human_review"
        return review.minutes if looked_at and review.owner == owner else 0

    def teardown(self):
        """Look at what customers really got, over the whole history."""
        if hasattr(self, "market"):
            for person in self.market.people:
                _customers_really_got_no_more_than_the_caps(self.market, person)
                _the_same_really_came_no_sooner_than_its_cooldown(self.market, person)


def _on_time(market, person):
    """Return what decisions of ours a customer got that was told before its place was given up.

    Nothing where another team used one of our actions' names: such a contact may be taken for ours.
    """
    mine = [one for one in market.contacts if one["customer_id"] == person]
    ours = {action.name for action in market.under.actions}
    if any(one["plan"] is None and one["action"] in ours for one in mine):
        return []
    sent = [one for one in mine if one["plan"]]
    return [one for one in sent if one["reported_at"] < held_until(one["plan"], market.under)]


def _customers_really_got_no_more_than_the_caps(market, person):
    """In no window are there more contacts than allowed, if the last decided had to respect it."""
    for limit in market.under.limits:
        sent = [
            one
            for one in _on_time(market, person)
            if limit.channel == "any" or limit.channel == one["channel"] == one["plan"]["channel"]
        ]
        for last in sent:
            since = last["sent_at"] - limit.within
            window = [one for one in sent if since < one["sent_at"] <= last["sent_at"]]
            latest = max((one["plan"] for one in window), key=lambda plan: plan["decided_at"])
            if market.under.action(latest["action"]).purpose not in limit.exempt:
                assert len(window) <= limit.most


def _the_same_really_came_no_sooner_than_its_cooldown(market, person):
    """Two contacts of an action, whoever was asked when, are at least its cooldown apart."""
    for action in market.under.actions:
        sent = sorted(
            one["sent_at"] for one in _on_time(market, person) if one["action"] == action.name
        )
        for first, second in pairwise(sent):
            assert second - first >= (action.cooldown or timedelta())


@pytest.mark.parametrize("name", policies())
def test_for_any_history_the_policy_holds(name):
    """Some weeks under each policy; each invariant above says what must not happen."""
    few = settings(max_examples=5, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(lambda: ContactHistory(name), settings=few)


TRIED = settings(max_examples=20, deadline=None)
INSTANTS = st.builds(
    lambda day, zone, us: midnight(day, zone) + timedelta(microseconds=us),
    st.sampled_from(STARTS),
    st.sampled_from(KNOWN_ZONES),
    st.sampled_from([0, 1]) | st.integers(0, 5 * 86_400 * 10**6),
)


def one_customer(under, as_of, **changed):
    """Lay out a market of one customer worth writing to, who has nothing against it."""
    person = {"customer_id": "a", "churn_risk": 0.9, "complaint_risk": None}
    person |= {"amount_total_365d": 300.0, "open_cases_count": 0.0, "do_not_contact": None}
    person |= {"consent_email": True, "consent_phone": True, "local_time_zone": None} | changed
    return Market(
        under=under,
        time_zone="Asia/Kathmandu",
        people={"a": person},
        consent_is_known=True,
        now=as_of - 40 * DAY,
    )


def why_not(market, as_of):
    """Decide for the only customer."""
    return market.decide(as_of, ["a"]).rows[0]["why_not"]


@TRIED
@given(as_of=INSTANTS, within=st.sampled_from(EDGES), via=st.sampled_from(["any", "email"]))
def test_for_any_cap_a_contact_at_the_edge_of_its_window_is_over(as_of, within, via):
    """Exactly `within` ago is free, one microsecond later is not, wherever a clock was changed."""
    under = replace(policy(), limits=(FrequencyCap(channel=via, most=1, within=within),))
    for nudge, expected in ((0, None), (1, "limit_1")):
        market = one_customer(under, as_of)
        at = as_of - within + nudge * TINY
        market.send(
            None, customer_id="a", action="other", channel="email", sent_at=at, reported_at=at
        )
        assert why_not(market, as_of) == expected


@TRIED
@given(as_of=INSTANTS, cooldown=st.sampled_from(EDGES))
def test_for_any_cooldown_a_contact_at_its_edge_is_over(as_of, cooldown):
    """Of the same action; a microsecond less and it waits; another action never makes it wait."""
    usual = policy()
    under = replace(usual, actions=(replace(usual.actions[0], cooldown=cooldown),))
    for action, nudge, expected in (("write", 0, None), ("write", 1, "cooldown"), ("x", 1, None)):
        market = one_customer(under, as_of)
        at = as_of - cooldown + nudge * TINY
        market.send(
            None, customer_id="a", action=action, channel="email", sent_at=at, reported_at=at
        )
        assert why_not(market, as_of) == expected


@TRIED
@given(as_of=INSTANTS, grace=st.sampled_from([timedelta(), *EDGES]))
def test_for_any_decision_its_place_is_free_when_its_hold_ends(as_of, grace):
    """Held through every window until due date and grace are over, to the microsecond."""
    cap = FrequencyCap(channel="any", most=1, within=timedelta(hours=1))
    under = replace(policy(), limits=(cap,), reserve_for=grace)
    hold = under.actions[0].due_in + grace
    market = one_customer(under, as_of)
    assert why_not(market, as_of - hold) is None
    assert why_not(market, as_of - TINY) == "limit_1"
    assert why_not(market, as_of) is None


@TRIED
@given(
    as_of=INSTANTS,
    zone=st.sampled_from(ZONES),
    times=st.lists(st.integers(0, 1439), min_size=2, max_size=2, unique=True),
    due_in=st.sampled_from([timedelta(hours=h) for h in (2, 6, 24, 72)]),
)
def test_for_any_quiet_hours_a_contact_is_planned_outside_them_if_it_can(
    as_of, zone, times, due_in
):
    """On any minute of the customer's own clock; `quiet_hours` only where no hour is open."""
    begin, end = (time(*divmod(minute, 60)) for minute in times)
    quiet = QuietHours(begin=begin, end=end)
    usual = policy()
    under = replace(usual, quiet=quiet, actions=(replace(usual.actions[0], due_in=due_in),))
    night = one_customer(under, as_of, local_time_zone=zone).decide(as_of, ["a"])
    row, clock = night.rows[0], clock_of(night, night.people["a"])
    if has_open_hour(as_of, as_of + min(due_in, DAY), clock, quiet):
        assert as_of <= row["contact_at"] < row["due_by"]
        assert not hour_is_quiet(row["contact_at"], clock, quiet)
    else:
        assert row["why_not"] == "quiet_hours"


@settings(max_examples=8, deadline=None)
@given(
    key=st.text("abcxyz", min_size=1),
    shares=st.tuples(st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.sampled_from([0.0, 0.2])),
    as_of=INSTANTS,
)
def test_for_any_key_as_many_are_held_out_as_the_stored_chance_says(key, shares, as_of):
    """Of 2,000 within five standard errors, and the same ones on another night."""
    count = 2000
    everything, per_action = shares
    holdout = Holdout(everything=everything, per_action=per_action, key=key)
    table = customers(churn_risk=[0.9] * count, amount_total_365d=[100.0] * count)
    table = table.set_column(0, "customer_id", pa.array([f"c{place}" for place in range(count)]))
    found = [
        made(table, replace(policy(), holdout=holdout), as_of=at).table.sort_by("customer_id")
        for at in (as_of, as_of + 3 * DAY)
    ]
    assert found[0]["held_out"].equals(found[1]["held_out"])
    chance = 1 - (1 - everything) * (1 - per_action)
    assert found[0]["assignment_probability"].to_pylist() == pytest.approx([chance] * count)
    error = (chance * (1 - chance) / count) ** 0.5
    assert sum(found[0]["held_out"].to_pylist()) / count == pytest.approx(chance, abs=5 * error)
