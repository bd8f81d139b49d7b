# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""The page of one decision: what was known, the sum to each risk, the rules, what was not done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from serving.audit.reports.decision_rules import alternatives, rules
from serving.audit.reports.report import Cell, Picture, Report, Section, Table, words
from serving.audit.reports.waterfall import Sum as Drawn
from serving.audit.reports.waterfall import waterfall
from serving.audit.shown import Shown, Sum
from serving.page_words import CODES, Words
from serving.policy_words import limit_lines

if TYPE_CHECKING:
    from features.catalogue import Feature

RISKS = {"churn": words("churn risk", "流失风险"), "complaint": words("complaint risk", "投诉风险")}
TARGETS_ZH = {"churn": "流失", "complaint": "投诉"}
#: Features shown before the rest is folded.
FIRST = 12


@dataclass(frozen=True, kw_only=True)
class DecisionPage:
    """Everything the page is made from.

    Attributes
    ----------
    shown, chinese : the record, told in English and in Chinese.
    features : what each feature is, by name.
    reasons : by target, every reason: its words for auditors, its contribution, and whether the
        company can change it.
    calibrations : by target, in words with numbers, how the margin became the risk.
    verified : what the ledger's verification proved, or where it failed.
    replayed : what making the decision again gave.
    """

    shown: Shown
    chinese: Shown
    language: str
    currency: str | None
    features: Mapping[str, "Feature"]
    reasons: Mapping[str, Sequence[tuple[Words, float, Words]]]
    calibrations: Mapping[str, Words]
    verified: Words
    replayed: Words


def decision_report(page: DecisionPage) -> Report:
    """Lay out the page."""
    shown = page.shown
    why, chinese = shown.why, page.chinese.why
    sections = [_decision(page)]
    sections += [_sum(page, one) for one in shown.sums]
    sections += [
        _features(page),
        rules(why, chinese),
        alternatives(why, chinese),
        _night(page),
        _record(page),
    ]
    return Report(
        title=words("One decision, and why", "一项决定及其原因"),
        subtitle=shown.decision_id,
        language=page.language,
        summary=[
            (words("customer", "客户"), shown.customer_id),
            (words("as of", "截至"), f"{shown.as_of}"),
            (words("decision", "决定"), CODES[shown.row["decision"]]),
            *((RISKS[one.target], f"{one.risk:.1%}") for one in shown.sums),
        ],
        warnings=(),
        sections=sections,
        footer=[
            words(
                "Contributions say how the model's sum came about. They do not say what would have"
                " happened if anything had been different.",
                "贡献值说明模型的总和如何得出，并不说明若情况不同会发生什么。",
            ),
            words(
                "All values are those of the record; nothing on this page was looked up elsewhere.",
                "本页所有数值均来自记录本身，未另行查询。",
            ),
        ],
    )


def _decision(page: DecisionPage) -> Section:
    shown, chinese = page.shown, page.chinese
    row = shown.row
    chance = row["assignment_probability"]
    held = words("not drawn: nothing was to be done", "无需抽取：没有拟议行动")
    if chance is not None:
        drawn = ("held out", "抽入对照组") if row["held_out"] else ("not held out", "未抽入对照组")
        held = words(f"{drawn[0]}; the chance was {chance:.1%}", f"{drawn[1]}；概率为 {chance:.1%}")
    value = row["expected_value"]
    return Section(
        heading=words("What was decided", "决定内容"),
        paragraphs=[words(shown.why.sentence, chinese.why.sentence)],
        facts=[
            *(
                (words(f"reason {place}", f"原因 {place}"), reason)
                for place, reason in enumerate(shown.reasons, start=1)
            ),
            (
                words("expected value", "预期价值"),
                words("not known", "未知")
                if value is None
                else f"{value:,.2f} {page.currency or ''} ({row['value_basis']})",
            ),
            (words("control group", "对照组"), held),
        ],
    )


def _sum(page: DecisionPage, one: Sum) -> Section:
    """Show base, contributions and margin, and how the margin became a risk."""
    name = RISKS[one.target]
    between = "" if one.low is None or one.high is None else f" [{one.low:.1%}, {one.high:.1%}]"
    drawn = Drawn(base=one.base, contributions=one.contributions, margin=one.margin)
    svg = waterfall(
        drawn,
        {n: f"{n} = {_value(page.shown.features.get(n))}" for n in one.contributions},
        "other features / 其余特征",
        ("base / 基准", "margin / 边际"),
    )
    total = one.base + sum(one.contributions.values())
    return Section(
        heading=words(f"How the {name['en']} came about", f"{name['zh']}如何得出"),
        facts=[
            (name, f"{one.risk:.2%}{between}"),
            (words("band", "等级"), CODES[one.band]),
            (words("model", "模型"), f"{one.version} ({one.sha256[:16]})"),
            (
                words("base value", "基准值"),
                words(
                    f"{one.base:+.4f}: the mean log-odds of the rows the model learnt from",
                    f"{one.base:+.4f}：模型训练样本对数几率的平均值",
                ),
            ),
            (
                words("sum", "总和"),
                words(
                    f"base and contributions make {total:+.10f}; the margin is {one.margin:+.10f}",
                    f"基准与贡献之和 {total:+.10f}；边际值 {one.margin:+.10f}",
                ),
            ),
            (words("calibration", "校准"), page.calibrations[one.target]),
        ],
        pictures=[
            Picture(
                caption=words(
                    "From the base to the margin, on the log-odds: what raises the risk is red and"
                    " goes right, what lowers it blue and left",
                    "从基准到边际（对数几率）：红色向右为升高风险，蓝色向左为降低风险",
                ),
                svg=svg,
            )
        ],
        tables=[_reasons(page, one)],
    )


def _reasons(page: DecisionPage, one: Sum) -> Table:
    """Add the contributions up by reason, with what is in the company's hands."""
    rows: list[list[Cell]] = [
        [said, f"{value:+.4f}", hands] for said, value, hands in page.reasons[one.target]
    ]
    return Table(
        caption=words(
            "The same sum by reason; base and reasons make the margin",
            "按原因汇总的同一总和；基准与各原因之和即边际值",
        ),
        headings=[
            words("reason", "原因"),
            words("contribution", "贡献"),
            words("in whose hands", "是否可控"),
        ],
        rows=rows,
        numbers=frozenset({1, 2}),
        folded=8,
    )


def _features(page: DecisionPage) -> Section:
    sums = page.shown.sums
    parts = {one.target: one.contributions for one in sums}
    names = sorted(
        page.shown.features,
        key=lambda n: (-max((abs(c.get(n, 0.0)) for c in parts.values()), default=0.0), n),
    )
    rows: list[list[Cell]] = []
    for name in names:
        feature = page.features.get(name)
        says = feature.says if feature else {}
        spoken = words(says.get("en", name), says.get("zh") or says.get("en", name))
        shap = [f"{c[name]:+.4f}" if name in c else "" for c in parts.values()]
        value, typical = (
            _value(known.get(name)) for known in (page.shown.features, page.shown.typical)
        )
        unit = feature.unit if feature else ""
        rows.append([name, spoken, value, unit, f"{page.shown.as_of}", typical, *shap])
    return Section(
        heading=words("What was known", "已知信息"),
        tables=[
            Table(
                caption=words(
                    "Every feature as of the date (rows known strictly before its midnight), the"
                    " typical value of that night's customers (median, or most common), and its"
                    " contribution on the log-odds",
                    "截至该日（零点之前已知）的全部特征、当晚客户的典型值（中位数或最常见值）及其对数几率贡献",
                ),
                headings=[
                    words("feature", "特征"), words("what it is", "含义"), words("value", "数值"),
                    words("unit", "单位"), words("as of", "截至"), words("typical", "典型值"),
                    *(
                        words(f"SHAP, {target}", f"SHAP，{TARGETS_ZH[target]}")
                        for target in parts
                    ),
                ],
                rows=rows,
                numbers=frozenset({2, 4, 5, *range(6, 6 + len(parts))}),
                folded=FIRST,
            )
        ],
    )  # fmt: skip


def _night(page: DecisionPage) -> Section:
    run = page.shown.run
    margin = page.shown.row.get("at_margin")
    said = (
        words(
            "What was left of the limits decided here, not their prices alone: others stood at the"
            " margin, too.",
            "此处由剩余名额决定，而非仅由价格决定：边际上还有其他客户。",
        )
        if margin
        else words(
            "At the prices of the limits this choice stands by itself.",
            "按各项限制的价格，此选择自然成立。",
        )
    )
    lines = limit_lines(run["limits"], page.currency)
    return Section(
        heading=words("What the night had to share out", "当晚可分配的资源"),
        paragraphs=[said, *lines],
    )


def _record(page: DecisionPage) -> Section:
    shown = page.shown
    environment = ", ".join(f"{name} {value}" for name, value in shown.environment.items())
    return Section(
        heading=words("The record", "记录"),
        facts=[
            (
                words("put on record", "记录时间"),
                words(
                    f"{shown.recorded_at:%Y-%m-%d %H:%M:%S} UTC by {shown.recorded_by}",
                    f"{shown.recorded_at:%Y-%m-%d %H:%M:%S} UTC，{shown.recorded_by}",
                ),
            ),
            (
                words("place in the ledger", "账本位置"),
                words(
                    f"entry {shown.place.seq}, record {shown.place.index}",
                    f"第 {shown.place.seq} 条，第 {shown.place.index} 项",
                ),
            ),
            (words("verified", "验证"), page.verified),
            (words("made again", "重做"), page.replayed),
            (words("policy", "策略"), shown.policy_version),
            (words("environment", "环境"), environment),
        ],
    )


def _value(value: Any) -> str:  # noqa: ANN401 - a number, a text, a day or nothing
    if value is None:
        return "–"
    if isinstance(value, float):
        if value == round(value):
            return f"{value:,.0f}"
        return f"{value:,.2f}" if abs(value) >= 100 else f"{value:,.4g}"  # noqa: PLR2004 - shown
    return value.isoformat() if isinstance(value, date) else str(value)
