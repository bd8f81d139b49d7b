# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""Why one customer is contacted or left alone, in words, and what would have had to differ.

Reads the trace that `decide` left in the customer's row; computes no decision of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from proactive_rules.expected_value import Treatment, treatments
from proactive_rules.policy.records import ANY_CHANNEL, FrequencyCap, Policy
from proactive_rules.policy.sentences import cap_words, limit_code, named, sentences

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """A treatment that was possible in principle: whether it was taken, and if not why not.

    ``differ`` says what would have had to be different; empty where it was taken.
    """

    action: str
    channel: str
    taken: bool
    code: str
    reason: str
    differ: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A suppression or a frequency cap with its result for the customer."""

    name: str
    holds: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Why:
    """Everything there is to tell of one decision."""

    customer_id: str
    decision: str
    sentence: str
    alternatives: tuple[Alternative, ...]
    rules: tuple[Rule, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What the words of one customer are made from."""

    row: Row
    policy: Policy
    run: Mapping[str, Any]
    before: Sequence[Row]
    as_of: datetime
    language: str

    def pick(self, english: str, chinese: str) -> str:
        return english if self.language == "en" else chinese

    def money(self, amount: float) -> str:
        return f"{amount:,.2f}"


def why(
    row: Row,
    policy: Policy,
    run: Mapping[str, Any],
    before: Sequence[Row],
    *,
    as_of: datetime,
    language: str,
) -> Why:
    """Tell one customer's decision.

    Parameters
    ----------
    row : the customer's row of `decide`.
    policy, run : what it was decided under, and what all decisions of that night share.
    before : the customer's own earlier contacts and reservations.
    """
    told = _Told(row=row, policy=policy, run=run, before=before, as_of=as_of, language=language)
    words = sentences(policy, language)
    return Why(
        customer_id=row["customer_id"],
        decision=row["decision"],
        sentence=_sentence(told, words),
        alternatives=tuple(_alternative(told, one, words) for one in treatments(policy)),
        rules=(*_suppressions(told), *_caps(told)),
    )


def _sentence(told: _Told, words: Mapping[str, str]) -> str:
    row = told.row
    if row["action"] is None:
        return told.pick(
            f"Left alone: {words[row['why_not']]}.", f"不打扰：{words[row['why_not']]}。"
        )
    action = told.policy.action(row["action"])
    channel, say = named(row["channel"], told.language), action.say[told.language]
    chance = row["assignment_probability"] or 0.0
    if row["decision"] == "held_out":
        return told.pick(
            f"{say}: would have been contacted by {channel}, but is held out at random"
            f" (chance {chance:.1%}) to measure what contacting does.",
            f"{say}：本应通过{channel}联系，但被随机（概率 {chance:.1%}）留作对照以衡量效果。",
        )
    owner = named(row["owner"], told.language)
    if row["decision"] == "human_review":
        return told.pick(
            f"{say}: {owner} looks first, then contact by {channel} until {_at(row['due_by'])}.",
            f"{say}：先由{owner}复核，再通过{channel}联系，截止 {_at(row['due_by'])}。",
        )
    return told.pick(
        f"{say}: {owner} contacts by {channel}, best at {_at(row['contact_at'])},"
        f" until {_at(row['due_by'])}.",
        f"{say}：由{owner}通过{channel}联系，最佳时间 {_at(row['contact_at'])}，"
        f"截止 {_at(row['due_by'])}。",
    )


def _alternative(told: _Told, one: Treatment, words: Mapping[str, str]) -> Alternative:
    row = told.row
    taken = (row["action"], row["channel"]) == (one.action.name, one.channel)
    code = row[f"why_not:{one.action.name}:{one.channel}"] or ""
    if taken and row["decision"] == "held_out":
        code = "held_out"
    done = taken and not code
    return Alternative(
        action=one.action.name,
        channel=one.channel,
        taken=done,
        code=code,
        reason="" if done else _reason(words, code, told),
        differ="" if done else _differ(told, one, code),
    )


def _reason(words: Mapping[str, str], code: str, told: _Told) -> str:
    if code == "outvalued":
        return told.pick("another action is worth more", "另一行动价值更高")
    return words[code]


def _differ(told: _Told, one: Treatment, code: str) -> str:
    """Say what would have had to be different for a treatment to be taken."""
    kind = code.partition("_")[0]
    if code == "below_cutoff":
        return _differ_risk(told, one)
    if code == "not_worth_it":
        cost = told.money(one.cost)
        return told.pick(
            f"it costs {cost}, which its gain would have to exceed",
            f"成本为 {cost}，收益须高于此",
        )
    if code == "cooldown" or kind == "limit":
        return _differ_time(told, one, code)
    if kind in ("capacity", "hours", "budget", "review", "fairness"):
        return _differ_value(told, one)
    fixed = {
        "no_risk": ("being active enough to be asked about it", "须足够活跃才会评估该风险"),
        "no_model": ("a model with skill that knows this risk", "需要有达标且覆盖此客户的模型"),
        "not_applicable": (
            f"it is meant for: {one.action.say['en']}",
            f"适用情形：{one.action.say['zh']}",
        ),
        "do_not_contact": ("the customer's own wish", "须由客户本人改变意愿"),
        "no": (
            f"consent for {named(one.channel, 'en')}",
            f"需要客户同意通过{named(one.channel, 'zh')}联系",
        ),
        "language": ("a channel that speaks it", "需要支持该语言的渠道"),
        "suppressed": ("this would no longer have to hold", "须待此情况不再成立"),
        "quiet_hours": ("a later deadline, or other quiet hours", "须放宽截止时间或调整免打扰时段"),
        "outranked": ("no service being due", "须没有待处理的服务行动"),
        "outvalued": ("it would have to be worth more", "价值须更高"),
        "held_out": ("nothing: it was drawn at random", "无：随机抽取"),
    }
    return told.pick(*(fixed.get(code) or fixed[kind]))


def _differ_risk(told: _Told, one: Treatment) -> str:
    cutoff = told.row[f"cutoff:{one.action.name}"]
    risk = told.row[f"{one.action.lowers}_risk"]
    if cutoff > 1:
        return told.pick("at no risk does it pay here", "任何风险水平下都不值得")
    return told.pick(
        f"a risk of {cutoff:.1%} or more; it is {risk:.1%}",
        f"风险须达到 {cutoff:.1%}；当前为 {risk:.1%}",
    )


def _differ_time(told: _Told, one: Treatment, code: str) -> str:
    if code == "cooldown":
        span = one.action.cooldown
        limit = FrequencyCap(channel=ANY_CHANNEL, most=1, within=span) if span else None
        rows = [row for row in told.before if row["action"] == one.action.name]
    else:
        place = int(code.rpartition("_")[2]) - 1
        limit = told.policy.limits[place]
        rows = [row for row in told.before if limit.channel in (ANY_CHANNEL, row["channel"])]
    free = free_at(rows, limit, told.as_of) if limit else None
    if free is None:
        return told.pick("it is never allowed", "始终不允许")
    return told.pick(f"possible again from {_at(free)}", f"{_at(free)} 起可再次进行")


def free_at(rows: Sequence[Row], limit: FrequencyCap, as_of: datetime) -> datetime | None:
    """Return when a cap lets the next contact through, if nothing else is sent until then.

    What is reserved counts until it is released; should it be sent, it counts from then on.

    Parameters
    ----------
    rows : the contacts and reservations that the cap looks at.
    """
    if limit.most == 0:
        return None
    leaves = sorted(
        row["reserved_until"] if row["state"] == "reserved" else row["at"] + limit.within
        for row in rows
        if row["state"] == "reserved" or row["at"] > as_of - limit.within
    )
    too_many = len(leaves) - limit.most
    return as_of if too_many < 0 else leaves[too_many]


def _differ_value(told: _Told, one: Treatment) -> str:
    """Say by how much the customer's worth falls short of what the limits charge."""
    row = told.row
    told_of = row[f"why_not:{one.action.name}:{one.channel}"] == row["why_not"]
    if math.isinf(row["surcharge"]):
        return told.pick("more of what is used up", "须增加已用完的资源")
    if not told_of or row["worth"] is None or row["surcharge"] <= row["worth"]:
        return told.pick("a worth above what the limits charge", "价值须高于限额的影子价格")
    short = told.money(row["surcharge"] - row["worth"])
    return told.pick(
        f"a worth {short} higher, or more of what is used up",
        f"价值须再高 {short}，或增加已用完的资源",
    )


def _suppressions(told: _Told) -> list[Rule]:
    return [
        Rule(
            name=rule.name,
            holds=bool(told.row[f"rule:{rule.name}"]),
            words=rule.say[told.language],
        )
        for rule in told.policy.suppress
    ]


def _caps(told: _Told) -> list[Rule]:
    found = []
    for place, limit in enumerate(told.policy.limits):
        code = limit_code(place)
        count = told.row[f"contacts:{code}"]
        allows = cap_words(limit, told.language)
        said = told.pick(f"{allows}: {count} so far", f"{allows}：目前 {count} 次")
        found.append(Rule(name=code, holds=count >= limit.most, words=said))
    return found


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
