# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""Alarms about the models themselves, in both languages, each with what to do."""

from collections.abc import Mapping
from datetime import date
from typing import Any

LIST_UNSTABLE, LEVEL_OFF, SKILL_FADED = "list_unstable", "calibration_off", "skill_faded"
SHADOW_FAILED = "shadow_failed"
_SPOKEN = {"churn": "流失", "complaint": "投诉"}


def unstable(target: str, as_of: date, found: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of risks that changed their order though neither model nor much time did."""
    return _alarm(
        LIST_UNSTABLE, target, as_of,
        f"The order of {target} risks changed much since {found['days']} days ago (correlation"
        f" {found['rank_correlation']:.2f}; {found['top_decile_kept']:.0%} of the highest tenth"
        " stayed) although the model is the same. Look at what changed in the data with"
        " `forestay check` before this list is used.",
        f"{_SPOKEN[target]}风险的排序与 {found['days']} 天前相比变化很大"
        f"（相关 {found['rank_correlation']:.2f}，"
        f"最高十分之一保留 {found['top_decile_kept']:.0%}），"
        "而模型未变。使用名单前请用 `forestay check` 检查数据。",
        found,
    )  # fmt: skip


def level_off(target: str, as_of: date, found: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of risks that are too high or too low for what came true."""
    ratio = found["ratio"]
    low, chinese = ("too low", "偏低") if ratio["value"] > 1 else ("too high", "偏高")
    return _alarm(
        LEVEL_OFF, target, as_of,
        f"{target.capitalize()} risks are {low}: of customers left alone {ratio['value']:.2f} times"
        f" as many [{ratio['low']:.2f}, {ratio['high']:.2f}] as said had the outcome. Run"
        " `forestay retrain`.",
        f"{_SPOKEN[target]}风险{chinese}：未被联系的客户中"
        f"实际发生数为预测的 {ratio['value']:.2f} 倍"
        f"［{ratio['low']:.2f}，{ratio['high']:.2f}］。请运行 `forestay retrain`。",
        found,
    )  # fmt: skip


def skill_faded(
    target: str, as_of: date, found: Mapping[str, Any], promised: float
) -> dict[str, Any]:
    """Tell of a model that orders customers worse than its test showed."""
    auc = found["roc_auc"]
    return _alarm(
        SKILL_FADED, target, as_of,
        f"The {target} model has faded: ROC AUC {auc['value']:.3f} [{auc['low']:.3f},"
        f" {auc['high']:.3f}] on lists whose answers are known, at least {promised:.3f} in its"
        " test. Run `forestay retrain`.",
        f"{_SPOKEN[target]}模型已衰退：已知结果的名单上 ROC AUC 为 {auc['value']:.3f}"
        f"［{auc['low']:.3f}，{auc['high']:.3f}］，测试时至少 {promised:.3f}。"
        "请运行 `forestay retrain`。",
        {**found, "promised": promised},
    )  # fmt: skip


def shadow_failed(target: str, as_of: date, version: str, why: str) -> dict[str, Any]:
    """Tell of a challenger that could not score in the shadow."""
    return _alarm(
        SHADOW_FAILED, target, as_of,
        f"Version {version} could not score {target} in the shadow: {why}. The list is not touched"
        " by it.",
        f"版本 {version} 未能在后台为{_SPOKEN[target]}评分：{why}。名单不受影响。",
        {"version": version},
    )  # fmt: skip


def _alarm(
    code: str, target: str, as_of: date, en: str, zh: str, figures: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "code": code, "subject": target, "since": as_of.isoformat(), "en": en, "zh": zh,
        "figures": dict(figures),
    }  # fmt: skip
