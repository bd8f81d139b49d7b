# ruff: noqa: RUF001 - Chinese sentences have Chinese commas
"""Words for every code that a decision can carry in `why_not`: one sentence per language.

Rules of the policy bring their own sentence (`say`); lists, `rules why` and records show sentences,
never SQL.
"""

from collections.abc import Mapping
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from proactive_rules.policy.records import ANY_CHANNEL, LANGUAGES, FrequencyCap, Policy

_FIXED: Mapping[str, Mapping[str, str]] = {
    "no_model": {"en": "no model with skill", "zh": "没有达标的模型"},
    "no_risk": {
        "en": "not among those who are asked about this risk",
        "zh": "不在该风险的评估范围内",
    },
    "not_applicable": {"en": "no action is meant for this situation", "zh": "没有适合的行动"},
    "below_cutoff": {
        "en": "the risk is below the cut-off from which acting pays",
        "zh": "风险低于值得行动的门槛",
    },
    "do_not_contact": {"en": "asked not to be contacted at all", "zh": "客户要求不再联系"},
    "cooldown": {"en": "the same was done not long ago", "zh": "近期已做过相同行动"},
    "quiet_hours": {
        "en": "no hour outside the quiet hours before the deadline",
        "zh": "截止前均为免打扰时段",
    },
    "not_worth_it": {"en": "expected value is not above the cost", "zh": "预期价值不高于成本"},
    "outranked": {"en": "service comes before selling", "zh": "服务优先于营销"},
    "held_out": {"en": "held out at random to measure the effect", "zh": "随机留作对照以衡量效果"},
    "budget": {"en": "the budget is used up", "zh": "预算已用完"},
    "review_hours": {
        "en": "a person must look first, and their hours are used up",
        "zh": "需人工复核，但复核工时已用完",
    },
    "fairness": {
        "en": "others are contacted so that shares stay fair",
        "zh": "为保持各群体比例公平而让位",
    },
}  # fmt: skip
_BY_CHANNEL: Mapping[str, Mapping[str, str]] = {
    "no_consent": {"en": "no consent for {name}", "zh": "客户未同意通过{name}联系"},
    "language": {"en": "{name} does not speak their language", "zh": "{name}不支持客户的语言"},
    "capacity": {
        "en": "capacity of {name} is used up by customers of higher value",
        "zh": "{name}名额已用于价值更高的客户",
    },
}
_HOURS = {
    "en": "hours of {name} are used up by customers of higher value",
    "zh": "{name}的工时已用于价值更高的客户",
}
_LIMIT = {
    "en": "{most} contacts{through} within {span} already",
    "zh": "{span}内{through}联系已达 {most} 次",
}
_CAP = {
    "en": "at most {most} contacts{through} within {span}",
    "zh": "{span}内{through}联系最多 {most} 次",
}
#: Words for names that policies commonly use; any other name is shown as it is.
NAMES: Mapping[str, Mapping[str, str]] = {
    "email": {"en": "email", "zh": "电子邮件"},
    "phone": {"en": "phone", "zh": "电话"},
    "app": {"en": "app", "zh": "应用消息"},
    "sms": {"en": "SMS", "zh": "短信"},
    "post": {"en": "post", "zh": "信件"},
    "care": {"en": "care", "zh": "客服"},
    "marketing": {"en": "marketing", "zh": "市场"},
    "sales": {"en": "sales", "zh": "销售"},
}


def named(name: str, language: str) -> str:
    """Word a channel or an owner."""
    return NAMES.get(name, {}).get(language, name)


def spoken_span(span: timedelta, language: str) -> str:
    """Say a length of time as a person would.

    Examples
    --------
    >>> spoken_span(timedelta(days=7), "en"), spoken_span(timedelta(hours=36), "zh")
    ('7 days', '36小时')
    """
    hours = span.total_seconds() / 3600
    if hours % 24 == 0:
        return f"{hours / 24:g} days" if language == "en" else f"{hours / 24:g}天"
    return f"{hours:g} hours" if language == "en" else f"{hours:g}小时"


def limit_code(place: int) -> str:
    """Code of the frequency cap in that place of the policy."""
    return f"limit_{place + 1}"


def sentences(policy: Policy, language: str) -> dict[str, str]:
    """Word every code that a decision under this policy can carry."""
    words = {code: said[language] for code, said in _FIXED.items()}
    for kind, said in _BY_CHANNEL.items():
        for channel in policy.channels:
            words[f"{kind}_{channel}"] = said[language].format(name=named(channel, language))
    for owner in policy.hours:
        words[f"hours_{owner}"] = _HOURS[language].format(name=named(owner, language))
    for place, limit in enumerate(policy.limits):
        words[limit_code(place)] = _worded(_LIMIT, limit, language)
    for rule in policy.suppress:
        words[f"suppressed_{rule.name}"] = rule.say[language]
    return words


def both_languages(policy: Policy) -> dict[str, dict[str, str]]:
    """Word every code in every language."""
    said = {language: sentences(policy, language) for language in LANGUAGES}
    return {code: {one: said[one][code] for one in LANGUAGES} for code in said["en"]}


def say_why_not(
    policy: Policy, codes: pa.ChunkedArray | pa.Array, language: str
) -> pa.ChunkedArray | pa.Array:
    """Turn codes into sentences, null where there is nothing to explain."""
    words = sentences(policy, language)
    places = pc.index_in(codes, value_set=pa.array(list(words), pa.string()))
    return pa.array(list(words.values()), pa.string()).take(places)


def cap_words(limit: FrequencyCap, language: str) -> str:
    """Say what a frequency cap allows."""
    return _worded(_CAP, limit, language)


def _worded(template: Mapping[str, str], limit: FrequencyCap, language: str) -> str:
    through = ""
    if limit.channel != ANY_CHANNEL:
        name = named(limit.channel, language)
        through = f" by {name}" if language == "en" else f"通过{name}"
    span = spoken_span(limit.within, language)
    return template[language].format(most=limit.most, through=through, span=span)
