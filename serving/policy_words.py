# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""What a night's policy did, in words: limits and what one more unit is worth, cut-offs, warnings.

Plain data of `Decided.run` in, words in both languages out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proactive_rules.policy.sentences import named
from serving.page_words import Words

_UNITS: Mapping[str, Words] = {
    "contacts": {"en": "contact", "zh": "次联系"},
    "hours": {"en": "hour", "zh": "小时"},
    "currency": {"en": "", "zh": ""},
}
#: Below this a price is rounding, not a finding.
_NOTHING = 0.005


def limit_lines(limits: Sequence[Mapping[str, Any]], currency: str | None) -> list[Words]:
    """Say of each limit how much is used, and what one more unit would be worth."""
    return [_limit_line(one, currency or "") for one in limits]


def _limit_line(one: Mapping[str, Any], currency: str) -> Words:
    unit = one["unit"]
    shown = "{:,.0f}" if unit == "contacts" else "{:,.1f}" if unit == "hours" else "{:,.2f}"
    used, limit = (shown.format(one[name]) for name in ("used", "limit"))
    held = shown.format(one["held"]) if one["held"] else ""
    price = f"{one['price']:,.2f} {currency}".strip() if one["price"] > _NOTHING else ""
    english = f"{_limit_name(one['code'], 'en')}: {used} of {limit}"
    chinese = f"{_limit_name(one['code'], 'zh')}：{used} / {limit}"
    if held:
        english += f", {held} held by earlier decisions"
        chinese += f"，{held} 已被此前决定占用"
    if price:
        more = {"contacts": "place", "hours": "hour", "currency": f"{currency or 'unit'}"}[unit]
        english += f"; one more {more} is worth {price}"
        chinese += f"；每增加一{_UNITS[unit]['zh'] or '单位'}可增值 {price}"
    return {"en": english, "zh": chinese}


def _limit_name(code: str, language: str) -> str:
    kind, _, name = code.partition("_")
    english = {
        "budget": "Budget",
        "review_hours": "Hours of human review",
        "capacity": f"Places of {named(name, 'en')}",
        "hours": f"Hours of {named(name, 'en')}",
    }
    chinese = {
        "budget": "预算",
        "review_hours": "人工复核工时",
        "capacity": f"{named(name, 'zh')}名额",
        "hours": f"{named(name, 'zh')}工时",
    }
    words = english if language == "en" else chinese
    return words.get(code) or words[kind]


def cutoff_lines(
    cutoffs: Mapping[str, Mapping[str, float | None]], says: Mapping[str, Words]
) -> list[Words]:
    """Say from which risk each action pays for a customer of typical value."""
    lines: list[Words] = []
    for name, one in cutoffs.items():
        if one["computed"] is None:
            continue
        english = f"{says[name]['en']}: pays from {one['computed']:.1%}"
        chinese = f"{says[name]['zh']}：风险 {one['computed']:.1%} 起值得行动"
        if one["with_limits"] is None:
            english += ", with the limits at no risk"
            chinese += "，计入限额后任何风险均不足"
        elif one["with_limits"] > one["computed"]:
            english += f", with the limits from {one['with_limits']:.1%}"
            chinese += f"，计入限额后 {one['with_limits']:.1%}"
        if one["typed"] is not None:
            english += f"; typed: {one['typed']:.1%}"
            chinese += f"；手工设定 {one['typed']:.1%}"
        lines.append({"en": english, "zh": chinese})
    return lines


def policy_warnings(run: Mapping[str, Any]) -> list[dict[str, str]]:
    """Say what the reader must know of how the policy worked tonight."""
    found = [
        _warning(
            "held_by_earlier",
            f"{_limit_name(one['code'], 'en')}: all is held by contacts decided earlier and not"
            " reported yet; report them with `forestay outcomes FILE`.",
            f"{_limit_name(one['code'], 'zh')}：已全部被此前决定、尚未回报的联系占用；"
            "请用 `forestay outcomes FILE` 回报。",
        )
        for one in run["limits"]
        if one["held"] and one["held"] >= one["limit"]
    ]
    found += [
        _warning(
            "typed_cutoff",
            f"{name} is done from a risk of {one['typed']:.1%} on, as typed;"
            f" {_percent(one['computed'])} would follow from cost and value.",
            f"{name} 按手工门槛 {one['typed']:.1%} 执行；按成本与价值计算应为"
            f" {_percent(one['computed'])}。",
        )
        for name, one in run["cutoffs"].items()
        if one["typed"] is not None
    ]
    if late := run["before"]["not_done"]:
        found.append(
            _warning(
                "not_done",
                f"{late:,} contacts decided earlier were not reported in time: they count as not"
                " done.",
                f"此前决定的 {late:,} 次联系未按时回报，按未执行计。",
            )
        )
    if unknown := run["unknown_time_zones"]:
        found.append(
            _warning(
                "unknown_time_zone",
                f"{unknown:,} customers have a time zone that no clock knows: the workspace's was"
                " used.",
                f"{unknown:,} 位客户的时区无法识别，已按工作区时区处理。",
            )
        )
    return found


def _percent(risk: float | None) -> str:
    return "no risk" if risk is None else f"{risk:.1%}"


def _warning(code: str, english: str, chinese: str) -> dict[str, str]:
    return {"code": code, "en": english, "zh": chinese}
