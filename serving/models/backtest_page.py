# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""The page of a backtest: how every month's model did on every later one, and how models fade."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.audit.reports.report import Cell, Picture, Report, Section, Table, words
from serving.models.fading_curve import fading_curve
from serving.models.figures import DASH, number, signed
from serving.page_words import Words


def backtest_report(found: Mapping[str, Any], workspace: str, language: str) -> Report:
    """Lay out what `training.backtest.backtest` found."""
    days = sorted({one["as_of"] for one in found["cells"]})
    name = f"{workspace}-{found['target']}"
    return Report(
        title=words(f"Backtest of {name}", f"回测 {name}"),
        subtitle=words(f"{days[0]} to {days[-1]}", f"{days[0]} 至 {days[-1]}"),
        language=language,
        summary=[
            (words("models last", "模型有效期"), _lasts(found)),
            (words("train again every", "建议重新训练间隔"), _days(found["rhythm_days"])),
            (words("months replayed", "回放月数"), f"{len(days)}"),
            (words("rows", "行数"), f"{found['rows']:,}"),
        ],
        warnings=[],
        sections=[_fading(found), _matrix(found, days, "roc_auc"), _levels(found, days)],
        footer=[
            words(
                "Each model learnt only from label windows that had closed by its date. An older"
                " model is compared with a fresh one on the same customers. Test dates among these"
                " were looked at once more; MLflow counts it.",
                "每个模型仅使用其日期之前已完整的标签。旧模型与新模型在相同客户上比较。"
                "其中的测试日期被再次查看，MLflow 已计数。",
            )
        ],
    )  # fmt: skip


def _lasts(found: Mapping[str, Any]) -> Words:
    if found["lasts_days"] is None:
        oldest = max((one["age_days"] for one in found["ages"]), default=0)
        return words(f"no fading seen in {oldest} days", f"{oldest} 天内未见衰退")
    return _days(found["lasts_days"])


def _days(count: int | None) -> Words:
    return words(DASH, DASH) if count is None else words(f"{count} days", f"{count} 天")


def _fading(found: Mapping[str, Any]) -> Section:
    rows: list[Sequence[Cell]] = [
        [
            f"{one['age_days']}", f"{one['dates']}", signed(one["roc_auc_gained"]),
            signed(one["log_loss_gained"]),
            words("FADED", "已衰退") if one["faded"] else words("holds", "有效"),
        ]
        for one in found["ages"]
    ]  # fmt: skip
    return Section(
        heading=words("How models fade", "模型如何衰退"),
        paragraphs=[
            words(
                "What a model of that age has more than one trained on the day, on the same"
                " customers: less ROC AUC, or more log loss, is fading. Bars are paired 95%"
                " intervals.",
                "该时长的模型与当日新训练模型在相同客户上的差异：AUC 降低或对数损失上升即衰退。"
                "误差线为配对 95% 区间。",
            )
        ],
        pictures=[
            Picture(
                caption=words("ROC AUC of an older model less a fresh one's, by age in days",
                              "旧模型与新模型 ROC AUC 之差，按模型天数"),
                svg=fading_curve(found["ages"]),
            )
        ],
        tables=[
            Table(
                caption=words("By age", "按时长"),
                headings=[
                    words("days old", "天数"), words("dates", "日期数"),
                    words("ROC AUC", "ROC AUC"), words("log loss", "对数损失"), words("so", "结论"),
                ],
                rows=rows,
                numbers=frozenset({0, 1, 2, 3}),
            )
        ],
    )  # fmt: skip


def _matrix(found: Mapping[str, Any], days: Sequence[str], name: str) -> Section:
    cells = {(one["trained_as_of"], one["as_of"]): one for one in found["cells"]}
    trained = sorted({one["trained_as_of"] for one in found["cells"]})
    rows: list[Sequence[Cell]] = [
        [_month(start), *(_cell(cells.get((start, day)), name) for day in days)]
        for start in trained
    ]
    return Section(
        heading=words("What each model would have said", "各月模型的表现"),
        tables=[
            Table(
                caption=words(
                    "ROC AUC of the model of each date (rows) as of each later date (columns)",
                    "各日期训练的模型（行）在之后各日期（列）的 ROC AUC",
                ),
                headings=_headings(days),
                rows=rows,
                numbers=frozenset(range(1, len(days) + 1)),
            )
        ],
    )


def _levels(found: Mapping[str, Any], days: Sequence[str]) -> Section:
    cells = {(one["trained_as_of"], one["as_of"]): one for one in found["cells"]}
    trained = sorted({one["trained_as_of"] for one in found["cells"]})
    rows: list[Sequence[Cell]] = [
        [_month(start), *(_ratio(cells.get((start, day))) for day in days)] for start in trained
    ]
    return Section(
        heading=words("Whether the level held", "风险水平是否保持"),
        tables=[
            Table(
                caption=words(
                    "Cases observed over cases predicted, the same way", "实际与预测之比，同上"
                ),
                headings=_headings(days),
                rows=rows,
                numbers=frozenset(range(1, len(days) + 1)),
            )
        ],
    )


def _headings(days: Sequence[str]) -> list[Words]:
    """Name the columns by month, so that two years fit on a page."""
    return [words("trained", "训练"), *(words(_month(day), _month(day)) for day in days)]


def _month(day: str) -> str:
    return day[2:7]


def _cell(one: Mapping[str, Any] | None, name: str) -> str:
    return number(None if one is None else one[name]["value"], 3)


def _ratio(one: Mapping[str, Any] | None) -> str:
    return DASH if one is None else f"{one['ratio']:.2f}"
