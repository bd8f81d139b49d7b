# ruff: noqa: D102, D103 - the words that tests are said in
"""A small market that decides and sends over days, and the recount of its rules by hand.

`Market` keeps plain rows and hands them to the engine. Everything else here recounts, row by row
and minute by minute: it reads the policy's records and shares no code with what it checks.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from zoneinfo import ZoneInfo

import pyarrow as pa

from proactive_rules.decide import decide
from proactive_rules.decisions_before import CONTACTS, DECIDED, settle
from proactive_rules.policy.records import Action, FrequencyCap, Policy, QuietHours
from proactive_rules.situation import Situation
from tests.proactive_rules.small_policy import CALL, WRITE, customers, policy

KNOWN_ZONES = (
    "Europe/Amsterdam", "America/New_York", "Asia/Shanghai", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Apia",
)  # fmt: skip
#: A typing error in a record, and nothing at all: both count as the workspace's.
ZONES = (*KNOWN_ZONES, "Europe/Amsterdm", None)
#: Days before a clock is changed somewhere, and an ordinary one.
STARTS = tuple(
    date(2026, month, day)
    for month, day in ((3, 5), (3, 26), (4, 2), (6, 10), (10, 1), (10, 22), (10, 29))
)
CHANNELS = ("email", "phone")
TINY, MINUTE, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(days=1)
HOLDING = ("contact", "human_review")

#: Another thing to sell, always worth less than `WRITE`, to be done within six hours.
OFFER = """
- name: offer
  purpose: marketing
  for: churn
  channel: [email, phone]
  cost: {email: 2.00, phone: 3.00}
  handle_minutes: {phone: 20}
  effect: {declared: -0.30}
  owner: marketing
  due_in: 6h
  cooldown: 10d
  say: {en: "Likely to leave", zh: "可能流失"}
  playbook: {en: "Offer.", zh: "推荐。"}
"""
_OPEN = "suppress: [{name: open, when: open_cases_count > 0, except: [call], say: {en: O, zh: 未}}]"
_NIGHT, _LUNCH = '{from: "21:00", to: "08:00"}', '{from: "12:30", to: "13:45"}'


@cache
def policies() -> dict[str, Policy]:
    """Policies by name; those that share means cannot be decided customer by customer."""
    mail = policy(
        more=f"limits: [{{channel: any, max: 2, within: 7d}}]\nquiet_hours: {_NIGHT}",
        cooldown="5d",
    )
    free = policy(WRITE, OFFER, more="limits: [{channel: email, max: 3, within: 9d}]")
    service = policy(
        WRITE, CALL, OFFER,
        more=f"{_OPEN}\nquiet_hours: {_NIGHT}\nreservation: 2d\n"
        "limits: [{channel: email, max: 1, within: 3d}, {channel: any, max: 3, within: 10d}]",
    )  # fmt: skip
    strict = policy(
        CALL, WRITE, OFFER, cooldown="48h",
        more=f"quiet_hours: {_LUNCH}\nlimits: [{{channel: phone, max: 1, within: 7d, exempt: []}}, "
        "{channel: any, max: 2, within: 36h, exempt: []}]",
    )  # fmt: skip
    measured = policy(
        WRITE, OFFER, CALL, cooldown="7d",
        more=f"{_OPEN}\nholdout: {{global: 25%, per_action: 25%}}\nreservation: 0\n"
        "consent: {when_unknown: {service: denied, marketing: allowed}}",
    )  # fmt: skip
    one_hour = policy(WRITE, OFFER, more='quiet_hours: {from: "09:00", to: "08:00"}')
    short = policy(
        WRITE, OFFER, CALL,
        more=f"quiet_hours: {_NIGHT}\ncapacity: {{email: 3/day, phone: 2/day}}\nreservation: 1d\n"
        "hours: {care: 0.7, marketing: 0.5}\nholdout: {global: 20%, per_action: 30%}",
    )  # fmt: skip
    places = policy(WRITE, cooldown="3d", more="capacity: {email: 4/day}")
    reviewed = policy(
        WRITE, CALL,
        more=f"{_OPEN}\nhours: {{care: 1}}\nlimits: [{{channel: any, max: 1, within: 4d}}]\n"
        "human_review: {share: 50%, owner: care, hours_per_day: 0.5, minutes: 15}\n"
        "reservation: 2d\nholdout: {global: 10%, per_action: 10%}",
    )  # fmt: skip
    return {
        "mail": mail, "free": free, "service": service, "strict": strict, "measured": measured,
        "one_hour": one_hour, "short": short, "places": places, "reviewed": reviewed,
    }  # fmt: skip


def shares_means(under: Policy) -> bool:
    return bool(under.capacity or under.hours or under.review or under.budget)


def treatments(under: Policy) -> list[tuple[Action, str]]:
    return [(action, channel) for action in under.actions for channel in action.channels]


def midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Night:
    """What one decision was made from, as plain rows, and what came of it."""

    as_of: datetime
    under: Policy
    time_zone: str
    people: dict[str, dict]
    decided: list[dict]
    contacts: list[dict]
    situation: Situation
    table: pa.Table

    @cached_property
    def rows(self) -> list[dict]:
        return self.table.to_pylist()

    @cached_property
    def became(self) -> list[dict]:
        return what_became(self)

    @property
    def done(self) -> list[tuple[dict, dict, Action]]:
        """Customer, row and action of all for whom something is done."""
        return [
            (self.people[row["customer_id"]], row, self.under.action(row["action"]))
            for row in self.rows
            if row["decision"] in HOLDING
        ]


@dataclass(kw_only=True)
class Market:
    """Customers, decisions and contacts of a workspace up to `now`; nothing is forgotten."""

    under: Policy
    time_zone: str
    people: dict[str, dict]
    consent_is_known: bool
    now: datetime
    decided: list[dict] = field(default_factory=list)
    contacts: list[dict] = field(default_factory=list)

    def next_night(self, skipped: int = 0) -> datetime:
        day = self.now.astimezone(ZoneInfo(self.time_zone)).date()
        return midnight(day + timedelta(days=1 + skipped), self.time_zone)

    def decide(self, as_of: datetime, who: list[str]) -> Night:
        """Decide for some customers, and keep what was decided."""
        decided, contacts = list(self.decided), self.reported_before(as_of)
        situation = Situation(
            customers=self._table(who),
            as_of=as_of,
            before=self.settle(decided, contacts, as_of),
            time_zone=self.time_zone,
        )
        night = Night(
            as_of=as_of,
            under=self.under,
            time_zone=self.time_zone,
            people={name: dict(self.people[name]) for name in who},
            decided=decided,
            contacts=contacts,
            situation=situation,
            table=decide(situation, self.under).table,
        )
        for row in night.rows:
            made = {"decided_at": as_of, "decision_id": f"{as_of.isoformat()} {row['customer_id']}"}
            self.decided.append({name: row.get(name) for name in DECIDED.names} | made)
        self.now = as_of
        return night

    def settle(self, decided: list[dict], contacts: list[dict], as_of: datetime) -> pa.Table:
        return settle(
            pa.Table.from_pylist(decided, schema=DECIDED),
            pa.Table.from_pylist(contacts, schema=CONTACTS),
            as_of,
            self.under.reserve_for,
        )

    def reported_before(self, as_of: datetime) -> list[dict]:
        return [one for one in self.contacts if one["reported_at"] < as_of]

    def send(self, plan: dict | None, **contact) -> None:
        """Write a contact down, with the decision it really carries out, which nobody may see."""
        contact["reported_at"] = max(contact["reported_at"], self.now)
        self.contacts.append({"decision_id": None, "arm": None, "plan": plan} | contact)

    def _table(self, who: list[str]) -> pa.Table:
        names = ("churn_risk", "complaint_risk", "amount_total_365d", "open_cases_count",
                 "local_time_zone")  # fmt: skip
        rows = [self.people[name] for name in who]
        table = customers(**{name: [row[name] for row in rows] for name in names})
        table = table.set_column(0, "customer_id", pa.array(who, pa.string()))
        flags = ["do_not_contact"]
        flags += [f"consent_{channel}" for channel in CHANNELS] if self.consent_is_known else []
        for name in flags:
            table = table.append_column(name, pa.array([row[name] for row in rows], pa.bool_()))
        return table


def held_until(plan: dict, under: Policy) -> datetime:
    return (plan["due_by"] or plan["decided_at"]) + under.reserve_for


def what_became(night: Night) -> list[dict]:
    """Go through contacts and decisions one by one: sent, reserved and not done, each once."""
    plans = [p for p in night.decided if p["decision"] in HOLDING and p["decided_at"] < night.as_of]
    plans.sort(key=lambda p: (p["decided_at"], p["customer_id"]))
    sent = [one for one in night.contacts if one["sent_at"] < night.as_of]
    sent = [one for one in sent if one["arm"] != "held_out"]
    names = ("sent_at", "customer_id", "action", "channel")
    sent.sort(key=lambda c: (*(c[name] for name in names), c["decision_id"] or "~"))
    by_name: dict[str, int] = {}
    guessed: dict[str, int] = {}
    for place, one in enumerate(sent):
        for plan in plans:
            key = plan["decision_id"]
            if one["customer_id"] != plan["customer_id"] or key in by_name:
                continue
            if one["decision_id"] == key:
                by_name[key] = place
            elif one["decision_id"] is None and key not in guessed:
                in_time = plan["decided_at"] <= one["sent_at"] < held_until(plan, night.under)
                if in_time and one["action"] == plan["action"]:
                    guessed[key] = place
                    break
    done = guessed | by_name
    carried_out = {place: key for key, place in done.items()}
    shared = ("customer_id", "action", "channel")
    return [
        {name: one[name] for name in shared}
        | {"at": one["sent_at"], "state": "sent", "decision_id": carried_out.get(place)}
        for place, one in enumerate(sent)
    ] + [
        {name: plan[name] for name in (*shared, "decision_id")}
        | {"at": plan["decided_at"]}
        | {"state": "reserved" if night.as_of < held_until(plan, night.under) else "not_done"}
        for plan in plans
        if plan["decision_id"] not in done
    ]


def reserved(night: Night) -> list[dict]:
    return [row for row in night.became if row["state"] == "reserved"]


def standing(night: Night, person: dict, within: timedelta) -> list[dict]:
    """Of a customer: what was sent after `within` ago, and everything reserved."""
    return [
        row
        for row in night.became
        if row["customer_id"] == person["customer_id"]
        and (
            row["state"] == "reserved"
            or (row["state"] == "sent" and row["at"] + within > night.as_of)
        )
    ]


def limits_on(under: Policy, action: Action, channel: str) -> list[FrequencyCap]:
    return [
        limit
        for limit in under.limits
        if action.purpose not in limit.exempt and limit.channel in ("any", channel)
    ]


def is_full(night: Night, person: dict, limit: FrequencyCap) -> bool:
    rows = standing(night, person, limit.within)
    return sum(limit.channel in ("any", row["channel"]) for row in rows) >= limit.most


def is_cooling(night: Night, person: dict, action: Action) -> bool:
    return action.cooldown is not None and any(
        row["action"] == action.name for row in standing(night, person, action.cooldown)
    )


def is_suppressed(night: Night, person: dict, action: Action) -> bool:
    return any(
        person["open_cases_count"] > 0 and action.name not in rule.excepted
        for rule in night.under.suppress
    )


def is_denied(night: Night, person: dict, action: Action, channel: str) -> bool:
    """Tell whether the customer said no, to this or to all, or said nothing where that is no."""
    if person["do_not_contact"]:
        return True
    if f"consent_{channel}" not in night.situation.customers.column_names:
        return False
    said = person[f"consent_{channel}"]
    return not night.under.silence[action.purpose] if said is None else not said


def clock_of(night: Night, person: dict) -> ZoneInfo:
    name = person["local_time_zone"]
    return ZoneInfo(name if name in KNOWN_ZONES else night.time_zone)


@cache
def quiet_minutes(begin: time, end: time) -> frozenset[int]:
    """Walk round the clock from the begin until the end."""
    minute, stop = begin.hour * 60 + begin.minute, end.hour * 60 + end.minute
    found = set()
    while minute != stop:
        found.add(minute)
        minute = (minute + 1) % 1440
    return frozenset(found)


def hour_is_quiet(at: datetime, clock: ZoneInfo, quiet: QuietHours | None) -> bool:
    """Look at the customer's clock in each of the sixty minutes."""
    if quiet is None:
        return False
    local = [(at + minute * MINUTE).astimezone(clock) for minute in range(60)]
    return any(one.hour * 60 + one.minute in quiet_minutes(quiet.begin, quiet.end) for one in local)


@cache
def has_open_hour(
    as_of: datetime, until: datetime, clock: ZoneInfo, quiet: QuietHours | None
) -> bool:
    """Look for an hour of the customer's clock that begins in time and is not quiet."""
    at = as_of.replace(second=0, microsecond=0)
    at += MINUTE if at < as_of else timedelta()
    while at < until:
        if at.astimezone(clock).minute == 0 and not hour_is_quiet(at, clock, quiet):
            return True
        at += MINUTE
    return False


def worth(person: dict, action: Action, channel: str) -> float | None:
    risk = person[f"{action.lowers}_risk"]
    if risk is None:
        return None
    return risk * person["amount_total_365d"] * abs(action.effect) - action.costs[channel]


def may(night: Night, person: dict, action: Action, channel: str) -> bool:
    """Tell whether nothing in this customer's own record speaks against a treatment."""
    until = night.as_of + min(action.due_in, DAY)
    return (
        (worth(person, action, channel) or 0) > 0
        and not is_denied(night, person, action, channel)
        and not is_suppressed(night, person, action)
        and not is_cooling(night, person, action)
        and not any(
            is_full(night, person, limit) for limit in limits_on(night.under, action, channel)
        )
        and has_open_hour(night.as_of, until, clock_of(night, person), night.under.quiet)
    )


def options(night: Night, person: dict) -> list[tuple[Action, str]]:
    """Return what may be done, the best first; while there is service, nothing is sold."""
    found = [one for one in treatments(night.under) if may(night, person, *one)]
    service = [one for one in found if one[0].purpose == "service"]
    return sorted(service or found, key=lambda one: -worth(person, *one))


def is_in_group(person: dict, under: Policy, group: str) -> bool:
    """Tell whether a customer is in the control group `global`, or in that of `action:<name>`."""
    text = f"{under.holdout.key}:{group}:{person['customer_id']}"
    number = int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 2**52
    share = under.holdout.everything if group == "global" else under.holdout.per_action
    return number < share
