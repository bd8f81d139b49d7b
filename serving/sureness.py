# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""How sure the risks of a list are, in words: what was seen where the model said it.

Read from what the champion's own test showed (`Champion.judged`); plain data in, words out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.page_words import CODES, Words

_HEADS: Mapping[str, Words] = {
    "churn": {"en": "How sure: who left, by band", "zh": "可信度：各等级的实际流失率"},
    "complaint": {"en": "How sure: who complained, by band", "zh": "可信度：各等级的实际投诉率"},
}
_THIN: Words = {"en": "at most one sign of life so far", "zh": "至今最多一次记录"}
#: A shift of the log-odds smaller than this moves a risk of one half by less than 5 points.
_VISIBLE = 0.2


def sureness(judged: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a heading and lines for each target whose model was judged."""
    return [
        {"words": _HEADS[target], "lines": _lines(found)}
        for target, found in judged.items()
        if found.get("bands")
    ]


def _lines(found: Mapping[str, Any]) -> Sequence[Words]:
    lines = [_line(CODES[one["name"]], one) for one in found["bands"]]
    thin = [one for one in found["groups"] if (one["kind"], one["name"]) == ("history", "thin")]
    return lines + [_line(_THIN, one) for one in thin] + _shift(found["base_rate"])


def _line(words: Words, one: Mapping[str, Any]) -> Words:
    seen, rows = one["seen"], f"{one['rows']:,}"
    share = f"{seen['value']:.0%} [{seen['low']:.0%}, {seen['high']:.0%}]"
    return {
        "en": f"{words['en']}: {share} of {rows}; {one['said']:.0%} expected",
        "zh": f"{words['zh']}：{rows} 人中 {share}，预期 {one['said']:.0%}",
    }


def _shift(base_rate: Mapping[str, Any]) -> list[Words]:
    """Say how far the level of all risks was moved, where one could see it."""
    moved = base_rate["carried_on"]
    if abs(moved) < _VISIBLE or "folds" in base_rate["origins"]:
        return []
    up, upward = ("up", "上调") if moved > 0 else ("down", "下调")
    because, since = (
        ("the same season a year ago", "去年同期")
        if base_rate["season"] is not None
        else ("the latest dates", "最近日期")
    )
    return [
        {
            "en": f"All risks were moved {up} by {abs(moved):.2f} of log-odds:"
            f" {because} showed so.",
            "zh": f"根据{since}的实际情况，全部风险在对数几率上{upward} {abs(moved):.2f}。",
        }
    ]
