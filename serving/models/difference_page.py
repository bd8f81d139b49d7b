# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""The page of two models compared: figures side by side, and who would be contacted instead."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.audit.reports.model_words import METRICS
from serving.audit.reports.report import Cell, Picture, Report, Section, Table, words
from serving.models.calibration_curve import calibration_curve
from serving.models.figures import DASH, number, signed, with_interval
from serving.page_words import BANDS, CODES, Words

_BETTER_WHEN_LOW = frozenset({"brier", "log_loss", "ece"})


def difference_report(found: Mapping[str, Any], language: str, currency: str | None) -> Report:
    """Lay out what `serving.models.difference.difference` found."""
    first, second = (one["version"] for one in found["versions"])
    decisions = found["decisions"]
    return Report(
        title=words(
            f"Models {found['workspace']}-{found['target']}: {first} and {second}",
            f"模型 {found['workspace']}-{found['target']}：{first} 与 {second}",
        ),
        subtitle=words(
            f"on {found['rows']:,} customers of {len(found['test_as_of'])} test dates",
            f"{len(found['test_as_of'])} 个测试日期、{found['rows']:,} 条客户记录",
        ),
        language=language,
        summary=_summary(found, first, second),
        warnings=[],
        sections=[
            _metrics(found, first, second),
            _calibration(found, first, second),
            _groups(found, first, second),
            _movers(decisions, currency),
            _bands(decisions, first, second),
            _drivers(decisions, first, second),
            _speed(found, first, second),
        ],
        footer=[
            words(
                "Both said of these customers what they are compared by before either could know"
                " the answer. Intervals: the middle 95% of 1,000 bootstraps of customers, paired."
                " The next list is decided twice; nothing but the model differs.",
                "两个模型的预测均在结果可知之前作出；区间为按客户配对自助抽样 1,000 次的 95% 区间。"
                "下一份名单以两个模型各决定一次，其余条件完全相同。",
            )
        ],
    )  # fmt: skip


def _summary(found: Mapping[str, Any], first: str, second: str) -> list[tuple[Words, Cell]]:
    auc, decisions = found["metrics"]["roc_auc"]["difference"], found["decisions"]
    moved = f"+{decisions['entered']['count']:,} / −{decisions['left']['count']:,}"
    return [
        (
            words(f"ROC AUC of {second} less that of {first}", f"{second} 与 {first} 的 AUC 之差"),
            signed(auc),
        ),
        (
            words(
                f"enter and leave the contacts of {decisions['as_of']}",
                f"{decisions['as_of']} 联系名单的增减",
            ),
            moved,
        ),
        (
            words("rank correlation of the risks", "风险排序相关性"),
            number(decisions["rank_correlation"], 3),
        ),
    ]


def _metrics(found: Mapping[str, Any], first: str, second: str) -> Section:
    rows: list[Sequence[Cell]] = []
    for name, said in METRICS.items():
        one = found["metrics"][name]
        rows.append(
            [
                said,
                *(with_interval(one[side]) for side in ("first", "second")),
                signed(one["difference"]),
                _verdict(name, one["difference"]),
            ]
        )
    dates = ", ".join(found["test_as_of"])
    return Section(
        heading=words("How good both are", "表现对比"),
        tables=[
            Table(
                caption=words(f"Mean over {dates}", f"{dates} 的平均值"),
                headings=[
                    words("metric", "指标"), words(first, first), words(second, second),
                    words("difference", "差异"), words("so", "结论"),
                ],
                rows=rows,
                numbers=frozenset({1, 2, 3}),
            )
        ],
    )  # fmt: skip


def _verdict(name: str, difference: Mapping[str, float | None]) -> Words:
    """Say which is better, if one surely is."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None or low <= 0 <= high:
        return words("no sure difference", "无显著差异")
    better = (low > 0) is not (name in _BETTER_WHEN_LOW)
    return words("better", "更好") if better else words("worse", "更差")


def _calibration(found: Mapping[str, Any], first: str, second: str) -> Section:
    pairs = zip((first, second), found["calibration"], strict=True)
    said = [f"{name}: {one['ratio']:.3f}" for name, one in pairs]
    curves = {
        name: one["bins"] for name, one in zip((first, second), found["calibration"], strict=True)
    }
    return Section(
        heading=words("Whether risks hold what they say", "风险是否名副其实"),
        paragraphs=[
            words(
                f"Cases observed over cases predicted, in all: {'; '.join(said)}.",
                f"总体实际与预测之比：{'；'.join(said)}。",
            )
        ],
        pictures=[
            Picture(
                caption=words(
                    "Observed share over predicted risk, ten equal groups; on the line they agree",
                    "十等分组：实际比例与预测风险；落在线上即一致",
                ),
                svg=calibration_curve(curves),
            )
        ],
    )  # fmt: skip


def _groups(found: Mapping[str, Any], first: str, second: str) -> Section:
    old = {(one["kind"], one["name"]): one for one in found["groups"][0]}
    rows: list[Sequence[Cell]] = []
    for one in found["groups"][1]:
        before = old.get((one["kind"], one["name"]))
        rows.append(
            [one["kind"], one["name"], f"{one['rows']:,}", _ratio(before), _ratio(one), _fair(one)]
        )
    return Section(
        heading=words("Whether they hold for every group", "对各群体是否成立"),
        paragraphs=[
            words(
                "Observed over predicted cases; intervals hold for all groups together. A group is"
                " off where it is neither within 5% of 1 nor may be 1, and stands out from all.",
                "实际与预测之比，区间对所有群体同时成立。偏离 1 超过 5% 且区间不含 1、"
                "并与总体不同的群体视为有偏。",
            )
        ],
        tables=[
            Table(
                caption=words("Observed over predicted, by group", "各群体实际与预测之比"),
                headings=[
                    words("by", "类别"), words("group", "群体"), words("rows", "行数"),
                    words(first, first), words(second, second), words(f"{second} is", f"{second}"),
                ],
                rows=rows,
                numbers=frozenset({2, 3, 4}),
                folded=20,
            )
        ],
    )  # fmt: skip


def _fair(one: Mapping[str, Any]) -> Words:
    if one["holds"]:
        return words("right", "准确")
    return words("off as all are", "随总体偏移") if one["fair"] else words("OFF", "有偏")


def _movers(decisions: Mapping[str, Any], currency: str | None) -> Section:
    counts = (decisions["entered"]["count"], decisions["left"]["count"], decisions["other_action"])
    headings = [
        words("customer", "客户"), words("action", "行动"), words("channel", "渠道"),
        words(f"expected value {currency or ''}".strip(), f"预期价值 {currency or ''}".strip()),
        words("with the other model", "另一模型下"),
    ]  # fmt: skip
    said = {
        "entered": words("Who would be contacted only with the second", "仅第二个模型会联系"),
        "left": words("Who would be contacted only with the first", "仅第一个模型会联系"),
    }
    return Section(
        heading=words("Who enters and leaves the next list", "下一份名单的增减"),
        paragraphs=[
            words(
                f"As of {decisions['as_of']}: {counts[0]:,} enter, {counts[1]:,} leave,"
                f" {counts[2]:,} get another action or channel.",
                f"截至 {decisions['as_of']}：新增 {counts[0]:,}，移出 {counts[1]:,}，"
                f"行动或渠道改变 {counts[2]:,}。",
            )
        ],
        tables=[
            Table(
                caption=said[way],
                headings=headings,
                rows=[_mover(row) for row in decisions[way]["rows"]],
                numbers=frozenset({3}),
                folded=15,
            )
            for way in ("entered", "left")
        ],
    )


def _mover(row: Mapping[str, Any]) -> Sequence[Cell]:
    value = row["expected_value"]
    why: Cell = row["say"] or row["why_not"] or words("not listed", "不在名单")
    return [
        row["customer_id"],
        str(row["action"] or DASH),
        CODES.get(row["channel"], row["channel"] or DASH),
        DASH if value is None else f"{value:,.2f}",
        why,
    ]


def _bands(decisions: Mapping[str, Any], first: str, second: str) -> Section:
    rows: list[Sequence[Cell]] = [
        [CODES[one["first"]], CODES[one["second"]], f"{one['customers']:,}"]
        for one in sorted(decisions["bands"], key=_by_height)
    ]
    return Section(
        heading=words("Customers by band", "客户等级变化"),
        tables=[
            Table(
                caption=words(f"Band of {first} and of {second}", f"{first} 与 {second} 的等级"),
                headings=[words(first, first), words(second, second), words("customers", "客户数")],
                rows=rows,
                numbers=frozenset({2}),
            )
        ],
    )


def _by_height(row: Mapping[str, Any]) -> tuple[int, int]:
    return BANDS.index(row["first"]), BANDS.index(row["second"])


def _drivers(decisions: Mapping[str, Any], first: str, second: str) -> Section:
    one, other = decisions["drivers"]
    names = list(dict.fromkeys([*one, *other]))
    rows: list[Sequence[Cell]] = [
        [n, number(one.get(n), 3), number(other.get(n), 3)] for n in names
    ]
    return Section(
        heading=words("What drives them", "主要影响因素"),
        tables=[
            Table(
                caption=words(
                    "Mean absolute contribution on the log-odds, of the next list's customers",
                    "下一份名单客户对数几率贡献的平均绝对值",
                ),
                headings=[words("feature", "特征"), words(first, first), words(second, second)],
                rows=rows,
                numbers=frozenset({1, 2}),
            )
        ],
    )


def _speed(found: Mapping[str, Any], first: str, second: str) -> Section:
    facts: list[tuple[Words, Cell]] = [
        (
            words(name, name),
            words(
                f"one customer {one['one_ms']:.1f} ms, a thousand {one['thousand_ms']:.0f} ms",
                f"一位客户 {one['one_ms']:.1f} 毫秒，一千位 {one['thousand_ms']:.0f} 毫秒",
            ),
        )
        for name, one in zip((first, second), found["speed"], strict=True)
    ]
    return Section(
        heading=words("How fast they are, reasons included", "速度（含原因）"), facts=facts
    )


def _ratio(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return DASH
    ratio = one["ratio"]
    return f"{ratio['value']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]"
