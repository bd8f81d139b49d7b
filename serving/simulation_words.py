# ruff: noqa: RUF001 - Chinese sentences have Chinese signs
"""The words of a simulation's page in English and Chinese."""

from collections.abc import Mapping

from proactive_rules.policy.sentences import named
from serving.page_words import Words


def _w(en: str, zh: str) -> Words:
    return {"en": en, "zh": zh}


OLD = _w("in force", "现行策略")
NEW = _w("proposed", "拟议策略")
SHIPPED = _w("the one that ships with Forestay", "随 Forestay 提供")

CONTACTS = _w("contacts", "联系次数")
REACHED = _w("customers contacted at least once", "至少联系一次的客户")
MONEY = _w("cost of contacts", "联系成本")
VALUE = _w("expected value", "预期价值")
REVIEWS = _w("for a person to look at first", "先经人工复核")
HELD_OUT = _w("held out to measure", "留作对照")

MONEY_BY_NIGHT = _w("Cost of contacts a night", "每晚联系成本")
VALUE_BY_NIGHT = _w("Expected value a night", "每晚预期价值")

#: Headings of groups by column; any other column is shown by its name.
GROUPED: Mapping[str, Words] = {
    "lifecycle_stage": _w("Stage", "阶段"),
    "segment": _w("Segment", "分群"),
    "region": _w("Region", "地区"),
    "language": _w("Language", "语言"),
}
ENTER = _w("Contacted under the proposed policy only", "仅在拟议策略下联系")
LEAVE = _w("Contacted under the policy in force only", "仅在现行策略下联系")
NOT_LISTED = _w("not on the list", "不在名单上")

#: What a replay takes for granted.
ASSUMPTIONS = (
    _w(
        "Both policies see the same customers, features and consents of each night, as they were"
        " known then, and the same risks: those of today's models, which may have learnt from"
        " these very days.",
        "两种策略看到的每晚客户、特征与同意状态相同，均以当时所知为准；风险亦相同，"
        "由当前模型计算，而这些模型可能已从这段时间的数据中学习。",
    ),
    _w(
        "What a policy decided on an earlier night of the replay counts as sent at the hour it was"
        " planned for, for that policy only; cases for a person to look at first count as"
        " approved. Before the first night, what was really decided and sent counts for both; what"
        " was decided and not carried out is let go when it is due.",
        "策略在回放中较早一晚的决定，视为已按计划时间发出，且只对该策略有效；需人工复核的视为已批准。"
        "首晚之前实际作出的决定与发出的联系对两者均有效；已决定但未执行的，到期后释放。",
    ),
    _w(
        "Customers do nothing different: purchases, complaints and answers are those that really"
        " came. So the page says what would have been done, not what it would have achieved."
        " Expected value is what each policy itself promises, with the effects it declares.",
        "客户行为不因策略而变：购买、投诉与回应均为实际发生的。因此本页说明的是“会做什么”，"
        "而不是“会带来什么”。预期价值按各策略自行声明的效果计算。",
    ),
    _w(
        "A customer who is contacted a day sooner or later leaves on one night and enters on"
        " another; who is contacted under one policy only, sooner or later, is told beside.",
        "同一客户若提前或推后一天被联系，会在一晚计为“退出”、另一晚计为“进入”；"
        "整个期间仅在一种策略下被联系的客户数另行列出。",
    ),
)

_LIMITS: Mapping[str, Words] = {
    "budget": _w("Budget", "预算"),
    "review_hours": _w("Hours of human review", "人工复核工时"),
}
_LIMITS_BY_NAME: Mapping[str, Words] = {
    "capacity": _w("Places of {name}", "{name}名额"),
    "hours": _w("Hours of {name}", "{name}工时"),
}


def limit_words(code: str) -> Words:
    """Word a limit that customers share.

    >>> limit_words("capacity_phone")["en"], limit_words("budget")["zh"]
    ('Places of phone', '预算')
    """
    if code in _LIMITS:
        return _LIMITS[code]
    kind, _, name = code.partition("_")
    return {one: said.format(name=named(name, one)) for one, said in _LIMITS_BY_NAME[kind].items()}


def contacts_by(channel: str) -> Words:
    """Word the heading of a channel's picture."""
    return _w(f"Contacts by {named(channel, 'en')} a night", f"每晚{named(channel, 'zh')}联系")


def period(nights: int, first: str, last: str) -> Words:
    """Say which nights were replayed."""
    many = "1 night" if nights == 1 else f"{nights} nights"
    return _w(f"{many} replayed, {first} to {last}", f"回放 {nights} 晚，{first} 至 {last}")


def only_words(old: int, new: int) -> Words:
    """Say who is contacted under one policy alone, on whatever night."""
    return _w(
        f"Contacted on some night under the proposed policy only: {new:,} customers; under the one"
        f" in force only: {old:,}.",
        f"整个期间仅在拟议策略下被联系：{new:,} 位客户；仅在现行策略下：{old:,} 位。",
    )


def left_out_words(left_out: int, data_from: str) -> Words:
    """Say that some nights lie before the data."""
    return _w(
        f"{left_out:,} of the nights asked for are left out: there are no data before {data_from}.",
        f"所求时段中有 {left_out:,} 晚未回放：{data_from} 之前没有数据。",
    )


SAME = _w(
    "Both policies say the same: nothing can differ.",
    "两份策略内容相同，结果不会有差异。",
)
